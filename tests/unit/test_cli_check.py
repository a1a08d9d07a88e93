"""`heavylift check`: the same codes, sums and verdict as the platform's, with exit codes that scripts can rely on."""

import json
from pathlib import Path

import pytest
from reference import resources, sample
from support.catalogs import compiled, write_sources, zipped
from support.command_line import heavylift
from support.context import FolderContext

from cli.checking import run
from cli.exits import CommandError, Exit
from jobs.errors import InputError
from parsers.lists import LISTS, ON_REQUEST
from parsers.sniff import sniff
from pipelines import parts_list

FIXTURES = Path(__file__).parents[1] / "fixtures"
CASES = sorted(  # empty ones never get as far as a parser
    path.parent
    for path in FIXTURES.glob("*/*/records.jsonl")
    if all(one.stat().st_size for one in path.parent.glob("input.*"))
)
ITEM = "<ITEM><ITEMTYPE>P</ITEMTYPE><ITEMID>{}</ITEMID><COLOR>5</COLOR><MINQTY>{}</MINQTY></ITEM>"
FOREIGN = b"Teil,Wieviel\n3001,4\n3002,1\n"
NAMED = '{"columns": {"raw_id": "Teil", "qty": "Wieviel"}}'
KNOWN = {  # what is said of a list, and how the command ends
    "clean": (f"<INVENTORY>{ITEM.format('3001', 4)}</INVENTORY>", Exit.WELL),
    "warnings": (f"<INVENTORY>{ITEM.format('qx77731', 4)}</INVENTORY>", Exit.WELL),
    "errors": (f"<INVENTORY>{ITEM.format('3001', 4)}{ITEM.format('3001', 'x')}</INVENTORY>", Exit.FAILED),
    "rejected": (f"<INVENTORY>{ITEM.format('3001', 'x')}</INVENTORY>", Exit.FAILED),
    "unreadable": (f"<INVENTORY>{ITEM.format('3001', 4)}", Exit.FAILED),
}


@pytest.fixture
def check(tmp_path, capsys):
    """Checks a file of that content in this process; the exit code and what --json says, or what a person reads."""

    def checked(content, *, name="list", as_json=True, **more):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        chosen = {"options": "{}", "kind": None, "catalog": sample(), "save": None, "data_dir": None} | more
        code = run(path, as_json=as_json, **chosen)
        said = capsys.readouterr()
        if not as_json:
            return code, said.out + said.err
        (line,) = said.out.splitlines()
        return code, json.loads(line)

    return checked


def stated(path, otherwise):
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else otherwise


def kind_of(case):
    """What the sniffer says of a case's file; else the kind that its parser is for, which a caller has to name."""
    (source,) = case.glob("input.*")
    head = source.read_bytes()
    found = sniff(head[: 64 * 1024], size=len(head), name=source.name)
    if found is not None and found.name in LISTS:
        return found.name
    return next(kind for kind, module in (LISTS | ON_REQUEST).items() if module == case.parent.name)


@pytest.mark.parametrize("case", CASES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_check__says_what_the_platform_says(case, tmp_path, capsys):
    """For every case of every parser: format, summary, issues, warnings and the reason why nothing can be read."""
    (source,) = case.glob("input.*")
    kind, options = kind_of(case), stated(case / "wishes.json", {})
    ctx = FolderContext(tmp_path, source, kind=kind, options=options, resources=resources(tmp_path))
    error = None
    try:
        parts_list.parse(ctx)
    except InputError as caught:
        error = caught.fault.to_json()
    code = run(source, options=json.dumps(options), kind=kind, catalog=sample(), save=None, as_json=True, data_dir=None)
    said = json.loads(capsys.readouterr().out)
    assert said == {
        "format": kind,
        "verdict": ctx.facts.get("verdict", "unreadable"),
        "summary": ctx.facts or None,
        "issues": ctx.lines("issues.jsonl") if error is None else [],
        "warnings": [{"code": warned, "message": message} for warned, message in ctx.warnings],
        "error": error,
    }
    assert code == (Exit.WELL if said["verdict"] in {"clean", "warnings"} else Exit.FAILED)


@pytest.mark.parametrize("verdict", KNOWN)
def test_check__each_verdict_has_its_exit_code(check, verdict):
    """Scripts learn from the exit code whether every row was accepted; the line says the rest."""
    content, expected = KNOWN[verdict]
    code, said = check(content)
    assert (said["verdict"], code) == (verdict, expected)
    assert list(said) == ["format", "verdict", "summary", "issues", "warnings", "error"]
    assert said["format"] == "bricklink-xml"
    assert (said["summary"] is None) == (said["error"] is not None) == (verdict == "unreadable")


@pytest.mark.parametrize("verdict", KNOWN)
def test_check__a_person_reads_the_same(check, verdict):
    """Without --json the verdict, the rows and what is wrong with them stand in a few lines."""
    content, expected = KNOWN[verdict]
    code, said = check(content, as_json=False)
    assert code == expected
    assert said.startswith(f"list  {verdict}\n")
    for part in {
        "clean": ("1, 0 rejected", "4, and 0 spare, of 1 parts", "all; catalog sample-1-"),
        "warnings": ("warning", "row 1", "part.unknown", "qx77731", "all but 1 lots"),
        "errors": ("error", "row 2", "qty.not_integer", "2, 1 rejected"),
        "rejected": ("1, 1 rejected", "None of the 1 rows could be accepted"),
        "unreadable": ("xml.syntax",),
    }[verdict]:
        assert part in said


def test_check__many_issues_are_cut_for_people_and_whole_for_programs(check):
    """People see twenty, --json a thousand; both learn how many there are."""
    content = "Part,Color,Quantity\n" + "3001,4,x\n" * 1200
    _, shown = check(content, as_json=False)
    assert shown.count("qty.not_integer") == 20
    assert "and 1180 more" in shown
    _, said = check(content)
    assert len(said["issues"]) == 1000
    assert said["summary"]["issues_not_listed"] == 200


def test_check__no_value_steers_the_terminal(check):
    """What a list holds reaches a person's terminal without characters that steer it."""
    _, shown = check("Part,Color,Quantity\n3001,4,\x1b[2J\x9b\x7f\n", as_json=False)
    assert "qty.not_integer" in shown
    assert not {"\x1b", "\x9b", "\x7f"} & set(shown)
    _, shown = check('Part No,Color,Qty\n3001,Red,"1\n  error   row 9 "\n', as_json=False)
    assert [line.split()[:3] for line in shown.splitlines() if "row 9" in line] == [["error", "row", "1"]]


def test_check__options_are_those_of_a_job(check):
    """The same JSON as a job's options; what is wrong with it is said before anything is read."""
    item = ITEM.format("3001", 10).replace("</ITEM>", "<QTYFILLED>4</QTYFILLED></ITEM>")
    _, said = check(f"<INVENTORY>{item}</INVENTORY>", options='{"subtract_filled": true}')
    assert said["summary"]["pieces"] == 6
    for wrong, place in (('{"odd": 1}', "odd"), ('{"decimal": ";"}', "decimal"), ("{", "JSON"), ("[]", "JSON")):
        with pytest.raises(CommandError, match=place):
            check("x", options=wrong)
    _, said = check("Part,Color,Quantity\n3001,4,1\n", options='{"mapping": "mine"}')
    assert said["error"]["code"] == "mapping.unknown"


@pytest.mark.parametrize(
    "more", [{"options": NAMED}, {"options": NAMED, "kind": "text"}, {"options": NAMED, "kind": "table"}]
)
def test_check__any_text_is_a_list_where_its_columns_are_named(check, more):
    """A table whose header is in nobody's words is read by the columns that the caller names."""
    code, said = check(FOREIGN, **more)
    assert (code, said["format"], said["summary"]["pieces"]) == (Exit.WELL, more.get("kind", "text"), 5)


@pytest.mark.parametrize(
    ("content", "code", "said"),
    [
        (FOREIGN, "input.unsupported", "plain text"),
        (b"\x89PNG\r\n\x1a\n" + b"0" * 50, "input.unsupported", "PNG picture"),
        (b"\0" * 50, "input.unsupported", "of a known format"),
        (b"", "input.empty", "empty"),
    ],
)
def test_check__what_is_no_list_is_unreadable(check, content, code, said):
    """A file of another kind is told from a list, with what it is and what to do."""
    exit_code, answer = check(content)
    assert (exit_code, answer["verdict"], answer["error"]["code"]) == (Exit.FAILED, "unreadable", code)
    assert said in answer["error"]["message"]
    _, shown = check(content, as_json=False)
    assert code in shown


def test_check__a_kind_may_be_named(check):
    """--kind outdoes what the bytes look like; a kind that is none is refused with those there are."""
    _, said = check("Part,Color,Quantity\n3001,4,2\n", kind="table")
    assert (said["format"], said["summary"]["pieces"]) == ("table", 2)
    _, said = check(b"", kind="table")
    assert said["error"]["code"] == "input.empty"
    with pytest.raises(CommandError, match="bricklink-xml"):
        check("x", kind="pdf")


def test_check__the_catalog_may_be_a_file_a_folder_or_a_zip(check, tmp_path):
    """A compiled catalog, a folder of tables and a ZIP of them know the same parts; what is none is refused."""
    folder = write_sources(tmp_path / "tables")
    packed = zipped(tmp_path / "tables.zip", {path.name: path.read_bytes() for path in folder.iterdir()})
    compiled(tmp_path / "own.sqlite").close()
    content = f"<INVENTORY>{ITEM.format('3001', 4)}{ITEM.format('3003', 4)}</INVENTORY>"
    versions = {}
    for place in (folder, packed, tmp_path / "own.sqlite"):
        _, said = check(content, catalog=place)
        assert [one["value"] for one in said["issues"] if one["code"] == "part.unknown"] == ["3003"]
        versions[place.name] = said["summary"]["catalog"]["version"]
    assert versions == {"tables": "tables", "tables.zip": "tables.zip", "own.sqlite": "test-1"}
    with pytest.raises(CommandError, match="no catalog"):
        check(content, catalog=tmp_path / "absent")


@pytest.mark.parametrize(("wrong", "said"), [({"parts__csv": None}, "parts.csv"), ({"parts__csv": "x\n"}, "part_num")])
def test_check__a_catalog_that_can_not_be_compiled_ends_the_command(check, tmp_path, wrong, said):
    """Tables that are no catalog are named, with the cure, as a mistake of whoever called."""
    with pytest.raises(CommandError, match=said):
        check(KNOWN["clean"][0], catalog=write_sources(tmp_path / "tables", **wrong))


def test_check__a_damaged_catalog_ends_the_command(check, tmp_path):
    """A file that is no compiled catalog, whatever its name says, is refused in words."""
    (tmp_path / "odd.sqlite").write_bytes(b"odd")
    with pytest.raises(CommandError, match="no compiled catalog"):
        check(KNOWN["clean"][0], catalog=tmp_path / "odd.sqlite")


def test_check__the_data_folder_s_catalog_is_used(check, tmp_path):
    """Without --catalog the one that a platform in that data folder used last, else the sample."""
    _, said = check(KNOWN["clean"][0], catalog=None, data_dir=tmp_path)
    assert said["summary"]["catalog"]["version"].startswith("sample-1-")
    kept = tmp_path / "cache" / "catalog"
    kept.mkdir(parents=True)
    compiled(kept / "imported.sqlite", version="imported").close()
    _, said = check(KNOWN["clean"][0], catalog=None, data_dir=tmp_path)
    assert said["summary"]["catalog"]["version"] == "imported"


def test_check__save_keeps_what_is_made(check, tmp_path):
    """--save makes a new folder with the same files as a job's artifacts; nothing is left of a list that is none."""
    check(KNOWN["errors"][0], save=tmp_path / "a" / "kept")
    names = {path.name for path in (tmp_path / "a" / "kept").iterdir()}
    assert names == {
        "records.jsonl",
        "issues.jsonl",
        "issues.csv",
        "summary.json",
        "rebrickable.csv",
        "bricklink.xml",
        "lots.jsonl",
        "lots.parquet",
    }
    with pytest.raises(CommandError, match="there already"):
        check(KNOWN["errors"][0], save=tmp_path / "a" / "kept")
    check(b"", save=tmp_path / "nothing")
    assert not (tmp_path / "nothing").exists()


def test_check__as_a_command(tmp_path):
    """From the shell: one line on stdout, the exit code, and a wrong call is told on stderr."""
    (tmp_path / "list.xml").write_text(KNOWN["errors"][0])
    done = heavylift("check", "list.xml", "--json", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (Exit.FAILED, "")
    assert json.loads(done.stdout)["verdict"] == "errors"
    assert not (tmp_path / ".heavylift").exists(), "a check needs no data folder"
    wrong = heavylift("check", "list.xml", "--options", "{", cwd=tmp_path)
    assert (wrong.returncode, wrong.stdout) == (Exit.USAGE, "")
    assert "--options" in wrong.stderr
