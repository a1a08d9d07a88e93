"""The tantivy index as files: one writer, readers that follow, generations that are swapped, damage that is told."""

import os
import shutil
import threading
from contextlib import closing

import pytest
import tantivy
from support.search_engines import ask, facts, job_id, jobs, places, put, row

from search import tantivy_facets, tantivy_ranking
from search.port import Drop, EngineError, IndexLocked, OtherFormat, Put
from search.tantivy_engine import fresh, reading, writing
from search.tantivy_folder import CURRENT, in_force, put_in_force, sweep


@pytest.fixture
def writer(tmp_path):
    with closing(writing(tmp_path / "index")) as engine:
        yield engine


@pytest.fixture
def folder(writer, tmp_path):
    """The folder that `writer` writes."""
    return tmp_path / "index"


def test_writer__a_second_one_is_told_who_the_first_is(writer, folder):
    """The message names the process, its host, and what to do; after the first lets go the next one may."""
    with pytest.raises(
        IndexLocked, match=rf"written by process {os.getpid()} on \S+ since .*Stop that indexing worker"
    ):
        writing(folder)
    writer.close()
    with closing(writing(folder)) as next_one:
        next_one.write([put(1)])
        assert jobs(ask(next_one)) == [1]


def test_writer__is_refused_while_a_generation_is_filled_elsewhere(tmp_path):
    """Whoever fills a generation closes it before it is put in force; else the writer is told, and asked again later."""
    with closing(writing(tmp_path)) as engine:
        filled = fresh(tmp_path)
        filled.write([put(1)])
        put_in_force(tmp_path, filled.generation)
        with pytest.raises(IndexLocked, match="close that first"):
            engine.write([put(2)])
        filled.close()
        engine.write([put(2)])
        assert set(jobs(ask(engine))) == {1, 2}


def test_reader__follows_the_writer(tmp_path):
    """A reader sees an index that is made after it was opened, and each commit with its next question."""
    with closing(reading(tmp_path / "index")) as reader:
        assert ask(reader, "wheel", facets=("kind",)).facets == {"kind": {}}
        assert (reader.versions(), reader.suggest("me", "wh"), reader.stats().documents) == ([], [], 0)
        with closing(writing(tmp_path / "index")) as engine:
            assert ask(reader).total == 0
            for number in (1, 2, 3):
                engine.write([put(number, row(1, "Wheel"))])
                assert ask(reader, "wheel", edits=0).total == number
            engine.write([Drop(job_id=job_id(1))])
            assert reader.versions() == engine.versions() == [(job_id(2), 1, 1), (job_id(3), 1, 1)]


def test_reader__writes_nothing(folder, writer):
    """What was opened for reading refuses to write."""
    with closing(reading(folder)) as reader, pytest.raises(EngineError, match="open for reading alone"):
        reader.write([put(1)])


def test_generations__are_swapped_with_no_gap(folder, writer):
    """A fresh generation is filled beside the one in force; after the swap readers ask it and the writer writes it."""
    writer.write([put(1, row(1, "Old"))])
    with closing(reading(folder)) as reader:
        assert jobs(ask(reader, "old")) == [1]
        with closing(fresh(folder)) as filling:
            filling.write([put(2, row(1, "New")), put(3, row(1, "New"))])
            assert (jobs(ask(filling, "new")), jobs(ask(reader, "new", edits=0))) == ([2, 3][::-1], [])
            assert (filling.generation, sweep(folder)) != (writer.generation, [filling.generation])
        before = writer.generation
        put_in_force(folder, filling.generation)
        assert set(jobs(ask(reader, "new"))) == set(jobs(ask(writer, "new"))) == {2, 3}
        writer.write([put(4, row(1, "New"))])
        assert sweep(folder) == [before]
        assert not (folder / before).exists()
        assert set(jobs(ask(reader, "new"))) == {2, 3, 4}
        assert reader.generation == writer.generation == filling.generation


def test_generations__that_are_being_filled_are_not_swept(folder, writer):
    """Only what nobody fills and nothing names is removed."""
    filling = fresh(folder)
    assert sweep(folder) == []
    name = filling.generation
    filling.close()
    assert sweep(folder) == [name]
    assert in_force(folder).name == writer.generation


def test_generations__of_another_format_are_not_put_in_force(folder, writer):
    """A generation that this release can't read never takes the place of one that it can."""
    with closing(fresh(folder)) as filled:
        (folder / filled.generation / "FORMAT").write_text("0\n")
    with pytest.raises(OtherFormat, match="has format 0, not"):
        put_in_force(folder, filled.generation)
    assert in_force(folder).name == writer.generation


def _truncate(generation):
    segment = max(generation.glob("*.term"), key=lambda path: path.stat().st_size)
    os.truncate(segment, segment.stat().st_size // 2)


def _other_schema(generation):
    number = (generation / "FORMAT").read_text()
    shutil.rmtree(generation)
    generation.mkdir()
    (generation / "FORMAT").write_text(number)
    builder = tantivy.SchemaBuilder()
    builder.add_text_field("title")
    tantivy.Index(builder.build(), path=str(generation))


DAMAGE = {
    "truncated segment": _truncate,
    "emptied segment": lambda generation: os.truncate(next(generation.glob("*.store")), 0),
    "missing segment": lambda generation: next(generation.glob("*.fast")).unlink(),
    "garbage meta.json": lambda generation: (generation / "meta.json").write_text("{nonsense"),
    "empty meta.json": lambda generation: (generation / "meta.json").write_text(""),
    "no meta.json": lambda generation: (generation / "meta.json").unlink(),
    "another format": lambda generation: (generation / "FORMAT").write_text("99\n"),
    "no format": lambda generation: (generation / "FORMAT").unlink(),
    "another schema": _other_schema,
    "no generation": shutil.rmtree,
    "garbage CURRENT": lambda generation: (generation.parent / CURRENT).write_bytes(b"\xff../../etc"),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_damage__is_told_with_the_cure(tmp_path, damage):
    """A damaged index, or one of another release, is an `EngineError` that says how to get a new one; never a crash."""
    with closing(writing(tmp_path)) as engine:
        engine.write([put(1, row(1, "Wheel", "x " * 5_000))])
    DAMAGE[damage](in_force(tmp_path))
    with closing(reading(tmp_path)) as reader, pytest.raises(EngineError, match="heavylift search rebuild"):
        ask(reader, "wheel")
    with pytest.raises(EngineError, match="heavylift search rebuild"):
        writing(tmp_path)


@pytest.mark.parametrize("damage", DAMAGE)
def test_damage__is_cured_by_a_fresh_generation(tmp_path, damage):
    """Beside a damaged generation a fresh one can be filled and put in force; then all goes on."""
    with closing(writing(tmp_path)) as engine:
        engine.write([put(1, row(1, "Wheel"))])
    DAMAGE[damage](in_force(tmp_path))
    with closing(fresh(tmp_path)) as filled:
        filled.write([put(1, row(1, "Wheel"))])
    put_in_force(tmp_path, filled.generation)
    with closing(writing(tmp_path)) as engine, closing(reading(tmp_path)) as reader:
        engine.write([put(2, row(1, "Wheel"))])
        assert set(jobs(ask(reader, "wheel", edits=0))) == {1, 2}


def test_commits__many_small_ones_leave_a_small_index(writer, folder):
    """Jobs that are written again and again leave neither their old documents nor a segment for each commit."""
    for version in range(1, 151):
        writer.write([put(version % 10, row(1, f"Wheel {version}", "lorem ipsum"), version=version)])
    told = writer.stats()
    assert (told.documents, told.jobs) == (20, 10)
    assert told.size < 1_000_000
    assert len(list(in_force(folder).glob("*.store"))) <= 20


def test_ties__of_thousands_come_once_each_while_others_write(writer):
    """Pages of equal hits, more than are put in order exactly, hold each once, though commits and merges come between."""
    total = tantivy_ranking.ALL + 500
    for first in range(0, total, 100):
        writer.write([put(1 + first + n, row(1, "Wheel", "tyre")) for n in range(100)])
    found, after, number = [], None, 10_000
    while True:
        page = ask(writer, "wheel", limit=200, after=after)
        found += places(page)
        if (after := page.following) is None:
            break
        for _ in range(3):
            number += 1
            writer.write([put(number, row(1, "Axle", "tyre"))])
    assert len(found) == len(set(found)) == total


def test_facets__of_many_places_are_estimates(writer, monkeypatch):
    """Beyond `MOST` places one job in so many is looked at: no value is missing, none is far off."""
    everyday = [put(n, *(row(k, "Wheel", color="Red") for k in range(4)), status="succeeded") for n in range(1, 401)]
    rare = put(500, row(1, "Wheel", color="Lime"), status="failed")
    writer.write([*everyday, rare])
    told = ask(writer, "wheel", facets=("status", "color")).facets
    assert dict(told["status"]) == {"succeeded": pytest.approx(400, rel=0.02), "failed": 1}
    monkeypatch.setattr(tantivy_facets, "MOST", 400)
    assert dict(ask(writer, "wheel", facets=("status",)).facets["status"]) == dict(told["status"])  # of too few jobs
    monkeypatch.setattr(tantivy_facets, "ENOUGH", 30)
    estimated = ask(writer, "wheel", facets=("status", "color")).facets
    assert list(estimated["status"]) == ["succeeded", "failed"]
    assert list(estimated["color"]) == ["Red", "Lime"]
    assert 350 < estimated["color"]["Red"] < 450
    assert 1 <= estimated["color"]["Lime"] <= 16


def test_put__without_places_reads_them_back_as_they_were(writer):
    """A job of places with and without parts, colors and names keeps each of them through new facts."""
    rows = (
        row(1, "Wheel", "rubber", parts=("4624", "6014b"), color="Dark Red", name="Wheel 8mm"),
        row(2, "Axle", 'quote " and \\ and ü', parts=(), color=None, name=None),
    )
    writer.write([put(1, *rows)])
    for version in (2, 3):
        writer.write([Put(job=facts(1, version=version, tags=(f"t{version}",)), places=None)])
    assert places(ask(writer, "part:6014b color:red tag:t3")) == [(1, "row 1")]
    (hit,) = ask(writer, "axle").hits
    assert (hit.title, hit.snippet) == ("Axle", 'quote " and \\ and ü')
    assert {one.text for one in writer.suggest("me", "wheel")} == {"Wheel 8mm"}


def test_abandoned_write__leaves_nothing_of_it_behind(folder, writer):
    """The end of a process cuts a long write short: neither half of it nor a lock stays, and the next one writes on."""
    writer.write([put(1, row(1, "Wheel"))])
    told = threading.Timer(0.2, writer.abandon)
    told.start()
    with pytest.raises(EngineError, match="its process ends"):
        writer.write([put(2, *[row(n, "Axle") for n in range(40_000)])])  # seconds of work
    told.join()
    writer.close()
    with closing(writing(folder)) as another:
        assert jobs(ask(another, "wheel")) == [1]
        assert ask(another, "axle").total == 0
        another.write([put(2, row(1, "Axle"))])
        assert jobs(ask(another, "axle")) == [2]
