"""The index writer: what waits is committed together, what fails is told and loses nothing, old writers lose."""

import threading
from collections.abc import Iterator

import pytest
from support.search_faults import Facts, FaultyEngine, facts, fails, places

from jobs.errors import Cancelled
from ledger.errors import LedgerUnavailable
from search.memory import MemoryEngine
from search.port import EngineError, IndexLocked, Put
from workers.indexing import JobIndex, Writer
from workers.indexing import writer as writer_module
from workers.indexing.line import MOST


class Desk:
    """A writer over an engine that outlives its openings."""

    def __init__(self, *, shared: bool = False) -> None:
        self.engine = FaultyEngine()
        self.facts = Facts(a=1, b=1, c=1)
        self.opened = 0
        self.writer = Writer(self.open, self.facts, shared=shared)

    def open(self) -> FaultyEngine:
        self.opened += 1
        return self.engine


@pytest.fixture
def desk() -> Iterator[Desk]:
    made = Desk()
    yield made
    made.writer.close()


def test_writer__commits_together_what_waits(desk):
    """What was put while another commit ran is one commit; each future has the version that was written."""
    running, go_on = threading.Event(), threading.Event()

    def slow(number: int, _changes: object) -> None:
        if number == 1:
            running.set()
            assert go_on.wait(10)

    desk.engine.fault = slow
    desk.facts.versions |= {"b": 4}
    first = desk.writer.put("a", places(2))
    desk.writer.start()
    assert running.wait(10)
    more = [desk.writer.put("b", places(3)), desk.writer.put("c")]
    go_on.set()
    assert [one.result(10) for one in (first, *more)] == [1, 4, 1]
    assert desk.engine.commits == [["a"], ["b", "c"]]
    assert desk.engine.held() == {"a": (1, 2), "b": (4, 3), "c": (1, 0)}


def test_writer__bounds_a_commit(desk):
    """A commit takes no more documents than it may; a job that has more by itself is committed alone."""
    futures = [desk.writer.put(name, places(size)) for name, size in (("a", 600), ("b", 500), ("c", MOST + 5))]
    desk.writer.start()
    assert [one.result(10) for one in futures] == [1, 1, 1]
    assert desk.engine.commits == [["a"], ["b"], ["c"]]


def test_writer__merges_what_is_put_for_one_job(desk):
    """Facts that come after places take nothing away from them: the job is written once, with both."""
    futures = [
        desk.writer.put("a", places(2)),
        desk.writer.put("a"),
        desk.writer.put("a", places(3)),
        desk.writer.put("a"),
    ]
    desk.writer.start()
    assert {one.result(10) for one in futures} == {1}
    assert desk.engine.commits == [["a"]]
    assert desk.engine.held() == {"a": (1, 3)}


def test_writer__drops_what_the_ledger_does_not_know(desk):
    """A job that was deleted while its places waited leaves nothing behind, and its step is told so."""
    desk.writer.start()
    desk.writer.put("a", places(2)).result(10)
    del desk.facts.versions["a"]
    assert desk.writer.put("a", places(2)).result(10) is None
    assert desk.engine.held() == {}
    port(desk, "a").index(places(2))
    port(desk, "b").index(iter(places(2)))
    assert desk.engine.held() == {"b": (1, 2)}


@pytest.mark.parametrize("number", [1, 2, 3])
def test_writer__says_which_commit_failed_and_goes_on(desk, number):
    """When commit N fails, those in it are told and no others; put again, they are there, on an engine opened anew."""
    desk.engine.fault = fails(number)
    desk.writer.start()
    failed = []
    for name in ("a", "b", "c"):
        try:
            desk.writer.put(name, places(1)).result(10)
        except EngineError:
            failed.append(name)
    assert failed == [("a", "b", "c")[number - 1]]
    assert desk.writer.put(failed[0], places(1)).result(10) == 1
    assert desk.engine.held() == dict.fromkeys(("a", "b", "c"), (1, 1))
    assert (desk.opened, desk.engine.closed) == (2, 1)


def test_writer__lets_only_the_culprit_fail(desk):
    """Where the engine breaks on one job's places, by a defect, the others of the same commit are written."""

    def defect(_number: int, changes) -> None:
        if any(getattr(change, "job", None) and change.job.job_id == "b" for change in changes):
            raise ZeroDivisionError

    desk.engine.fault = defect
    futures = {name: desk.writer.put(name, places(1)) for name in ("a", "b", "c")}
    desk.writer.start()
    assert futures["a"].result(10) == futures["c"].result(10) == 1
    with pytest.raises(ZeroDivisionError):
        futures["b"].result(10)
    assert set(desk.engine.held()) == {"a", "c"}


def test_writer__waits_for_an_index_that_others_hold(desk):
    """While another process writes, those who put are told; once it has let go, writing goes on by itself."""
    taken = True

    def open_engine() -> FaultyEngine:
        if taken:
            raise IndexLocked("process 7 writes it")
        return desk.engine

    desk.writer = Writer(open_engine, desk.facts)
    desk.writer.start()
    with pytest.raises(IndexLocked, match="process 7"):
        desk.writer.put("a").result(10)
    taken = False
    assert desk.writer.put("a").result(10) == 1


def test_writer__says_that_the_ledger_is_away(desk):
    """Without the ledger there are no facts: nothing is written, and those who wait learn why."""

    def away(_ids: object) -> dict:
        raise LedgerUnavailable("no answer")

    desk.writer = Writer(desk.open, away)
    desk.writer.start()
    with pytest.raises(LedgerUnavailable):
        desk.writer.put("a").result(10)
    assert desk.engine.commits == []


def test_writer__writes_again_where_others_were_faster():
    """With several writers: places that newer facts of another writer kept out are written again, with these facts."""
    desk = Desk(shared=True)

    def overtake(number: int, _changes: object) -> None:
        if number == 1:  # between our reading of the facts and our commit
            desk.facts.versions["a"] = 2
            MemoryEngine.write(desk.engine, [Put(job=facts("a", version=2), places=None)])

    desk.engine.fault = overtake
    desk.writer.start()
    assert desk.writer.put("a", places(3)).result(10) == 2
    assert desk.engine.held() == {"a": (2, 3)}
    desk.writer.close()


def test_writer__forgets_with_several_writers_what_was_deleted_meanwhile():
    """With several writers: a job that is deleted between reading and commit does not stay in the index."""
    desk = Desk(shared=True)

    def delete(_number: int, _changes: object) -> None:
        desk.facts.versions.pop("a", None)

    desk.engine.fault = delete
    desk.writer.start()
    assert desk.writer.put("a", places(3)).result(10) is None
    assert desk.engine.held() == {}
    desk.writer.close()


def test_writer__builds_beside_and_replaces(desk):
    """What is put while an index is built beside goes to both; the swap comes between two commits."""
    fresh = FaultyEngine()
    desk.writer.start()
    desk.writer.put("a", places(1)).result(10)
    desk.writer.build_beside(fresh)
    desk.writer.put("b", places(2)).result(10)
    desk.writer.put_beside("a", places(1)).result(10)
    assert fresh.held() == {"b": (1, 2), "a": (1, 1)}
    assert desk.engine.commits == [["a"], ["b"]]
    swapped: list[bool] = []
    desk.writer.replace(fresh, lambda: swapped.append(True))
    desk.writer.put("c").result(10)
    assert (swapped, set(fresh.held())) == ([True], {"a", "b"})  # which of them is asked then is the engine's to see
    with pytest.raises(EngineError, match="being built"):
        desk.writer.put_beside("a", places(1)).result(10)


def test_writer__lets_an_index_that_is_being_built_break_alone(desk):
    """What breaks beside is told to those who build it; those who write to the index in force notice nothing."""
    fresh = FaultyEngine()
    fresh.fault = fails(1)
    desk.writer.start()
    desk.writer.build_beside(fresh)
    assert desk.writer.put("a", places(1)).result(10) == 1
    with pytest.raises(EngineError, match="broke"):
        desk.writer.put_beside("b", places(1)).result(10)
    with pytest.raises(EngineError, match="broke"):
        desk.writer.replace(fresh, lambda: pytest.fail("it lacks something"))
    assert desk.writer.put("b", places(1)).result(10) == 1


def test_writer__commits_what_waits_before_it_ends(desk):
    """An end loses nothing that was put; afterwards nothing is taken any more."""
    futures = [desk.writer.put(name, places(1)) for name in ("a", "b")]
    desk.writer.start()
    desk.writer.close()
    assert [one.result(0) for one in futures] == [1, 1]
    with pytest.raises(EngineError):
        desk.writer.put("c")


def test_port__gives_up_when_its_step_is_to_end(desk):
    """A worker that ends waits for no commit of many places: the step that waits for one is given back."""
    going_on = threading.Event()
    desk.engine.fault = lambda _number, _changes: going_on.wait(30)
    desk.writer.start()
    stop = threading.Event()
    told = threading.Timer(0.2, stop.set)
    told.start()
    with pytest.raises(Cancelled):
        port(desk, "a", stop=stop).index(places(3))
    with pytest.raises(Cancelled):  # nor is it begun
        port(desk, "b", stop=stop).index(places(3))
    going_on.set()
    desk.writer.close()
    assert desk.engine.held() == {"a": (1, 3)}  # as was asked for


def test_writer__abandons_a_commit_that_takes_too_long(desk, monkeypatch):
    """An end waits for a commit for a while, then has the engine give up; those who wait are told."""
    monkeypatch.setattr(writer_module, "_LAST_COMMIT", 0.2)

    def slow(_number: int, _changes: object) -> None:
        assert desk.engine.abandoned.wait(30)
        raise EngineError("abandoned")

    desk.engine.fault = slow
    desk.writer.start()
    future, behind = desk.writer.put("a", places(MOST)), desk.writer.put("b", places(MOST))
    desk.writer.close()
    with pytest.raises(EngineError, match="abandoned"):
        future.result(0)
    with pytest.raises(EngineError, match="ends"):
        behind.result(0)  # it is not begun either
    assert (desk.engine.held(), desk.opened, desk.engine.tried, desk.engine.closed) == ({}, 1, 1, 1)


def port(desk: Desk, job_id: str, *, stop: threading.Event | None = None) -> JobIndex:
    """What an indexing step gets."""
    return JobIndex(desk.writer.put, job_id=job_id, stop=stop or threading.Event(), moved=desk.writer.moved)
