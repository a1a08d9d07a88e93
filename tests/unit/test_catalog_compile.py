"""Compiling a catalog: complete or not at all, the same bytes from the same sources, and a report that hides nothing."""

import json
import multiprocessing
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime

import pytest
from support.catalogs import COLORS, MADE, PARTS, compiled, write_sources

from catalog.checks import problems, require_sound
from catalog.compile import CompileReport, compile_catalog
from catalog.sample import FOLDER, sample_catalog, sample_version
from catalog.schema import FORMAT
from catalog.sqlite import CatalogUnusable, SqliteCatalog
from jobs.errors import InputError

ELEMENTS = "element_id,part_num,color_id,design_id\n300121,3001,4,3001\n9,77,4,\n"


def test_compile__same_sources_same_bytes(tmp_path):
    """Two compilations differ in nothing; another version differs in the name alone."""
    place = write_sources(tmp_path / "a", elements__csv=ELEMENTS)
    for name, version in (("one", "v1"), ("two", "v1"), ("three", "v2")):
        compile_catalog(place, tmp_path / name, version=version, made_at=MADE)
    one, two, three = ((tmp_path / name).read_bytes() for name in ("one", "two", "three"))
    assert one == two
    assert one.replace(b"v1", b"v2") == three


def test_compile__order_of_rows_does_not_matter(tmp_path):
    """Sources that say the same in another order give the same file."""
    head, *rows = PARTS.splitlines(keepends=True)
    compile_catalog(write_sources(tmp_path / "a"), tmp_path / "one", version="v", made_at=MADE)
    turned = write_sources(tmp_path / "b", parts__csv=head + "".join(reversed(rows)))
    compile_catalog(turned, tmp_path / "two", version="v", made_at=MADE)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def test_compile__says_when_it_was_made(tmp_path):
    """The file carries version, format, counts and time."""
    compile_catalog(write_sources(tmp_path / "a"), tmp_path / "out", version="v")
    with closing(sqlite3.connect(tmp_path / "out")) as file:
        meta = dict(file.execute("SELECT name, value FROM meta"))
        assert file.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    assert (meta["version"], meta["format"]) == ("v", str(FORMAT))
    assert json.loads(meta["counts"])["parts"] == 2
    assert abs((datetime.now(UTC) - datetime.fromisoformat(meta["made_at"])).total_seconds()) < 600


def test_compile__reports(tmp_path):
    """Counts, orphans and notes are told, as JSON too."""
    report = compile_catalog(write_sources(tmp_path / "a", elements__csv=ELEMENTS), tmp_path / "out", version="v")
    found = json.loads(json.dumps(report.to_json()))
    assert found["counts"]["elements"] == 1
    assert found["orphans"] == {"elements": 1}
    assert found["missing_colors"] == []
    assert "part_relationships.csv is missing: no prints, moulds or alternates" in found["notes"]


def test_compile__failure_leaves_what_was_there(tmp_path):
    """A compilation that fails neither harms the old file nor leaves a new one, half written."""
    (tmp_path / "out").write_bytes(b"old")
    with pytest.raises(InputError):
        compile_catalog(write_sources(tmp_path / "a", parts__csv="x"), tmp_path / "out", version="v")
    with pytest.raises(InputError, match="not one color"):
        compile_catalog(write_sources(tmp_path / "b", colors__csv="id,name,rgb\n"), tmp_path / "out", version="v")
    with pytest.raises(sqlite3.Error):
        compile_catalog(write_sources(tmp_path / "c"), tmp_path / "out", version=object())
    assert (tmp_path / "out").read_bytes() == b"old"
    assert [path.name for path in tmp_path.glob(".*")] == []


def test_checks__a_sound_catalog_passes(tmp_path):
    """A complete catalog of about the same size is taken."""
    report = compile_catalog(write_sources(tmp_path / "a"), tmp_path / "out", version="v")
    assert problems(report) == ()
    require_sound(report, {"parts": 2, "colors": 3})


@pytest.mark.parametrize(
    ("files", "old", "code"),
    [
        ({"colors__csv": COLORS.replace("4,Red", "5,Red")}, None, "catalog.colors"),
        ({"parts__csv": PARTS + "3001,Again,1,Plastic\n"}, None, "catalog.duplicates"),
        ({}, {"parts": 3, "colors": 3}, "catalog.shrunk"),
        ({}, {"parts": 2, "elements": 1}, "catalog.shrunk"),
    ],
)
def test_checks__unsound_ones_are_refused_unless_forced(tmp_path, files, old, code):
    """A basic color missing, a key twice, or a table shrunk by a tenth: refused in words, taken only by force."""
    report = compile_catalog(write_sources(tmp_path / "a", **files), tmp_path / "out", version="v")
    assert [problem.code for problem in problems(report, old)] == [code]
    with pytest.raises(InputError) as caught:
        require_sound(report, old)
    assert caught.value.fault.code == code
    require_sound(report, old, force=True)


def test_checks__a_tenth_may_go():
    """Ninety in a hundred rows are enough, fewer are not."""
    assert problems(CompileReport(version="v", counts={"parts": 90}), {"parts": 100}) == ()
    assert problems(CompileReport(version="v", counts={"parts": 89}), {"parts": 100}) != ()


@pytest.mark.parametrize(
    ("body", "word"),
    [(b"", "no compiled catalog"), (b"SQLite format 3\0", "no compiled"), (b"part_num,name\n" * 99, "no compiled")],
)
def test_open__other_files_are_refused(tmp_path, body, word):
    """A file that is no compiled catalog is refused in words."""
    (tmp_path / "a").write_bytes(body)
    with pytest.raises(CatalogUnusable, match=word):
        SqliteCatalog(tmp_path / "a")


def test_open__absent_is_refused(tmp_path):
    """A file that is not there is refused, and not made."""
    with pytest.raises(CatalogUnusable, match="can't be opened"):
        SqliteCatalog(tmp_path / "a")
    assert not (tmp_path / "a").exists()


def test_open__another_database_is_refused(tmp_path):
    """A SQLite file of somebody else is no catalog."""
    with closing(sqlite3.connect(tmp_path / "a")) as file:
        file.execute("CREATE TABLE parts (key)")
    with pytest.raises(CatalogUnusable, match="no compiled catalog"):
        SqliteCatalog(tmp_path / "a")


@pytest.mark.parametrize(("version", "word"), [(FORMAT + 1, "upgrade"), (0, "old format")])
def test_open__another_format_is_refused(tmp_path, version, word):
    """A file of a newer or older format is refused, with the cure."""
    compiled(tmp_path / "a").close()
    with closing(sqlite3.connect(tmp_path / "a")) as file:
        file.execute(f"PRAGMA user_version={version}")
    with pytest.raises(CatalogUnusable, match=word):
        SqliteCatalog(tmp_path / "a")


@pytest.mark.parametrize("cut", [1, 4096, 5000])
def test_open__a_cut_file_is_refused(tmp_path, cut):
    """A file that was not copied to its end is noticed when it is opened, not in the middle of a job."""
    compiled(tmp_path / "a").close()
    body = (tmp_path / "a").read_bytes()
    (tmp_path / "a").write_bytes(body[:-cut])
    with pytest.raises(CatalogUnusable, match="cut off"):
        SqliteCatalog(tmp_path / "a")


def test_open__damage_inside_is_told(tmp_path):
    """Overwritten pages end in `CatalogUnusable`, at the opening or at the question that meets them."""
    compiled(tmp_path / "a").close()
    body = bytearray((tmp_path / "a").read_bytes())
    body[4096:] = b"\xff" * (len(body) - 4096)
    (tmp_path / "a").write_bytes(body)
    with pytest.raises(CatalogUnusable, match="can't be read"):
        SqliteCatalog(tmp_path / "a")


def test_open__nothing_can_be_written(tmp_path):
    """The open file takes no writes, and reading it leaves no files beside it."""
    with compiled(tmp_path / "a") as catalog:
        catalog.part("3001")
        with pytest.raises(sqlite3.OperationalError, match="readonly"):
            catalog._file.execute("DELETE FROM parts")
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_open__in_a_read_only_folder_with_an_odd_name(tmp_path):
    """A name with marks that mean something in a URI is taken as it is."""
    folder = tmp_path / "a ? b#c%20"
    folder.mkdir()
    with compiled(folder / "cat?mode=rw.sqlite") as catalog:
        assert catalog.part("3001") is not None


def test_close__later_questions_raise(tmp_path):
    """A closed catalog says so with an `OSError`."""
    catalog = compiled(tmp_path / "a")
    catalog.close()
    with pytest.raises(OSError, match="can't be read"):
        catalog.part("3001")


def test_threads__may_share_a_catalog(tmp_path):
    """Many threads asking at once get right answers."""
    with compiled(tmp_path / "a") as catalog, ThreadPoolExecutor(8) as threads:
        keys = ["3001", "3070B", "x9", "?"] * 500
        found = list(threads.map(lambda key: catalog._learn_parts([key.lower()])[key.lower()], keys))
    assert [part and part.part_num for part, _colors in found] == ["3001", "3070b", "x9", None] * 500


def _answers(path, pipe):
    with SqliteCatalog(path) as catalog:
        pipe.send((catalog.part("3001").name, len(catalog.part_nums())))


def test_fork__a_child_opens_its_own(tmp_path):
    """Forked children open the file for themselves while their parent has it open."""
    context = multiprocessing.get_context("spawn")  # processes of their own, as workers are
    with compiled(tmp_path / "a") as catalog:
        assert catalog.part("3001") is not None
        for _ in range(2):
            here, there = context.Pipe()
            child = context.Process(target=_answers, args=(tmp_path / "a", there))
            child.start()
            assert here.poll(60)
            assert here.recv() == ("Brick 2 x 4", 9)
            child.join()
        assert catalog.part("3070b") is not None


def test_memos__are_bounded(tmp_path, monkeypatch):
    """However many ids are asked, one by one or together, what is remembered stays within its bound."""
    monkeypatch.setattr("catalog.sqlite._MEMO", 300)
    with compiled(tmp_path / "a") as catalog:
        for number in range(1000):
            catalog.part(str(number))
            catalog.mapped("bricklink", str(number))
        catalog.prefetch(map(str, range(2000)), maps=["bricklink"], external=["bricklink"])
        assert len(catalog._parts) <= 300 + 256
        assert len(catalog._lines) <= 300 + 256


def test_prefetch__changes_no_answer(tmp_path):
    """What was looked up together is answered as if it had been asked alone, unknown and odd ids among it."""
    ids = ["3001", "3070B", "x9", "?", "\ud800", "ü", "4073", ""]
    with compiled(tmp_path / "a") as alone, compiled(tmp_path / "b") as together:
        together.prefetch(ids, maps=["bricklink", "ldraw"], external=["bricklink"])
        for number in ids:
            assert together.part(number) == alone.part(number)
            assert together.known_colors(number) == alone.known_colors(number)
            assert together.mapped("bricklink", number) == alone.mapped("bricklink", number)
            assert together.external("bricklink", number) == alone.external("bricklink", number)


def test_sample__compiles_without_complaint(tmp_path):
    """The sample has no orphan, no double and no malformed row, and passes the checks."""
    report = compile_catalog(FOLDER, tmp_path / "out", version="v")
    assert (report.orphans, report.duplicates, report.skipped, report.notes) == ({}, {}, {}, ())
    assert problems(report) == ()
    assert report.counts["parts"] > 200
    assert report.counts["elements"] > 250


@pytest.mark.parametrize(
    ("said", "complete"), [('{"complete": false}', False), ('{"complete": true}', True), ("{}", True)]
)
def test_about__says_whether_elements_are_all(tmp_path, said, complete):
    """The tables' maker may say that the elements are a selection; without a word they are all there are."""
    compile_catalog(write_sources(tmp_path / "a", about__json=said), tmp_path / "out", version="v")
    with SqliteCatalog(tmp_path / "out") as catalog:
        assert catalog.complete is complete


@pytest.mark.parametrize("said", ["", "[]", "no", '{"complete": "no"}', "[" * 100_000])
def test_about__has_to_be_clear(tmp_path, said):
    """A word that cannot be read ends the compilation with the cure."""
    with pytest.raises(InputError) as caught:
        compile_catalog(write_sources(tmp_path / "a", about__json=said), tmp_path / "out", version="v")
    assert (caught.value.fault.code, caught.value.fault.place) == ("catalog.json", {"file": "about.json"})


def test_sample__is_compiled_once(tmp_path):
    """The second call finds the file of the first; the version tells the content."""
    path = sample_catalog(tmp_path / "cache")
    before = path.stat().st_mtime_ns
    assert sample_catalog(tmp_path / "cache") == path
    assert path.stat().st_mtime_ns == before
    with SqliteCatalog(path) as catalog:
        assert catalog.version == sample_version()
        assert catalog.version.startswith("sample-1-")
        assert not catalog.complete, "its elements are a selection"


def test_sample__two_at_once(tmp_path):
    """Callers that come at the same time all get a whole file."""
    context = multiprocessing.get_context("spawn")  # processes of their own, as workers are
    children = [context.Process(target=sample_catalog, args=(tmp_path / "cache",)) for _ in range(4)]
    for child in children:
        child.start()
    for child in children:
        child.join(120)
        assert child.exitcode == 0
    (path,) = (tmp_path / "cache").iterdir()
    with SqliteCatalog(path) as catalog:
        assert catalog.part("3001") is not None


@pytest.mark.parametrize(
    ("space", "number", "color"),
    [("bricklink", 5, 4), ("lego", 21, 4), ("bricklink", 11, 0), ("ldraw", 330, 326), ("bricklink", 86, 71)],
)
def test_sample__knows_the_usual_colors(tmp_path, space, number, color):
    """The numbers that differ between publishers lead to the right colors."""
    with SqliteCatalog(sample_catalog(tmp_path)) as catalog:
        assert list(catalog.color_ids(space, number)) == [color]


def test_sample__knows_the_usual_parts(tmp_path):
    """Ids that differ between publishers, elements and moulds lead to the right parts."""
    with SqliteCatalog(sample_catalog(tmp_path)) as catalog:
        assert list(catalog.mapped("bricklink", "4073")) == ["6141"]
        assert catalog.element("300121").part_num == "3001"
        assert list(catalog.mould_group("3794a"))[-1] == "3794a"
        assert set(catalog.mould_group("3626a")) == {"3626a", "3626b", "3626c", "28621"}
        assert {relation.type for part in catalog.part_nums() for relation in catalog.relations(part)} == set("PRBMAT")
