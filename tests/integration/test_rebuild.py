"""The rebuild of the search index: what comes, goes and breaks while a fresh one is filled from a real ledger."""

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from support.sample_jobs import NO_WAIT, submit
from support.search_faults import FaultyEngine, places

from broker import BrokerOptions
from jobs.model import Job, StepKey
from jobs.outcomes import Succeeded
from ledger import Ledger
from search.port import EngineError, IndexLocked
from storage import open_store
from storage.port import StoreUnavailable
from wiring.search import facts_in
from workers.indexing import Indexer, Writer
from workers.reconcile.findings import Findings, Interrupted, Sides
from workers.reconcile.rebuild import rebuild

PARSE, PICTURE, INDEX = StepKey("parse"), StepKey("picture"), StepKey("index")


class Desk:
    """A ledger, an index in force, and where fresh ones are begun; it plays `Generations` as well."""

    def __init__(self, folder: Path) -> None:
        self.ledger = Ledger(f"sqlite:///{folder / 'ledger.sqlite3'}", policy=NO_WAIT)
        self.ledger.migrate()
        self.engine = FaultyEngine()
        self.begun: list[FaultyEngine] = []
        self.given_up: list[FaultyEngine] = []
        self.opens = lambda: self.engine
        self.writer = Writer(self.open_now, partial(facts_in, self.ledger))
        self.writer.start()
        self.meanwhile = lambda _job: None  # called when a job's places are made anew
        self.sides = Sides(
            ledger=self.ledger,
            store=open_store(kind="memory"),
            broker=BrokerOptions(url="redis://127.0.0.1:1"),
            wake=lambda _dispatches: None,
            places_of=self.places_of,
            index=self.writer,
            generations=self,
            scratch=folder,
            **dict.fromkeys(("retention_days", "letter_days", "events_days", "orphan_days", "lost_after"), 60),
        )

    def open_now(self) -> FaultyEngine:
        return self.opens()  # which tests exchange

    def begin(self) -> FaultyEngine:
        self.begun.append(FaultyEngine())
        return self.begun[-1]

    def adopt(self, built: FaultyEngine) -> None:
        self.engine = built
        self.writer._let_go()  # the real one sees by itself what is in force

    def give_up(self, built: FaultyEngine) -> None:
        self.given_up.append(built)

    def places_of(self, job: Job, _step: str) -> tuple:
        self.meanwhile(job)
        return places(2)

    def run_step(self, job: Job, key: StepKey) -> None:
        claim = self.ledger.claim(job.id, key, dispatch=1, worker="w", lease=20)
        assert self.ledger.finish(claim.held, Succeeded())[0]

    def indexed(self) -> Job:
        """A job that has succeeded and is in the index with its places."""
        job = submit(self.ledger).job
        for key in (PARSE, PICTURE, INDEX):
            self.run_step(job, key)
        self.writer.put(job.id, places(2)).result(10)
        return job

    def close(self) -> None:
        self.writer.close()
        self.ledger.close()


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    made = Desk(tmp_path)
    yield made
    made.close()


def counts(desk: Desk) -> dict[str, int]:
    return {job_id: count for job_id, (_version, count) in desk.engine.held().items()}


def test_rebuild__fills_a_fresh_index_and_brings_it_into_force(desk):
    """Ended jobs come with their places, others by themselves; what only the old index held is gone."""
    done, queued = desk.indexed(), submit(desk.ledger).job
    old = desk.engine
    told: list[int] = []
    found = rebuild(replace(desk.sides, told=lambda so_far: told.append(so_far.checked)))
    assert (found.checked, found.left_alone, told) == (2, 0, [1, 2])
    assert desk.engine is desk.begun[0] is not old
    assert counts(desk) == {done.id: 2, queued.id: 0}


def test_rebuild__hears_of_what_happens_meanwhile(desk):
    """Submits, tags and deletes while it runs are in the fresh index when it comes into force."""
    jobs = [desk.indexed() for _ in range(3)]
    indexer = Indexer(desk.ledger, desk.writer)
    late: list[str] = []

    def meanwhile(job: Job) -> None:
        if job.id == jobs[1].id:
            late.append(submit(desk.ledger).job.id)
            desk.ledger.update(jobs[2].id, owner="local", tags=("new",))
            desk.ledger.delete(jobs[0].id, owner="local")
            indexer.look()

    desk.meanwhile = meanwhile
    rebuild(desk.sides)
    assert counts(desk) == {jobs[1].id: 2, jobs[2].id: 2, late[0]: 0}
    assert desk.engine.held()[jobs[2].id][0] == desk.ledger.version(jobs[2].id, owner="local")[0]


def test_rebuild__catches_a_step_whose_success_comes_late(desk):
    """A step had written to the old index alone, and tells the ledger only after its job was looked at: nothing lacks."""
    slow = submit(desk.ledger).job
    for key in (PARSE, PICTURE):
        desk.run_step(slow, key)
    desk.writer.put(slow.id, places(2)).result(10)
    other = desk.indexed()
    desk.meanwhile = lambda job: desk.run_step(slow, INDEX) if job.id == other.id else None
    rebuild(desk.sides)
    assert counts(desk) == {slow.id: 2, other.id: 2}


@pytest.mark.parametrize("error", [StoreUnavailable("no answer"), Interrupted("the worker ends")])
def test_rebuild__that_ends_early_leaves_the_old_index(desk, error):
    """An end of the worker leaves the old index in force; bytes that are away leave a job without places, and a note."""
    job = desk.indexed()
    old = desk.engine

    def away(_job: Job) -> None:
        raise error

    desk.meanwhile = away
    if isinstance(error, StoreUnavailable):
        found = rebuild(desk.sides)
        assert (found.left_alone, counts(desk)) == (2, {job.id: 0})  # told once more by the comparison afterwards
        return
    sides = replace(desk.sides, stopping=lambda: True)
    with pytest.raises(Interrupted):
        rebuild(sides)
    assert (desk.engine is old, desk.given_up == desk.begun, counts(desk)) == (True, True, {job.id: 2})


def test_rebuild__of_an_index_that_breaks_leaves_the_old_one(desk):
    """Where the fresh index breaks, steps go on writing to the old one, and the run says that it failed."""
    jobs = [desk.indexed() for _ in range(3)]
    old = desk.engine
    begin = desk.begin

    def breaking() -> FaultyEngine:
        fresh = begin()

        def full(_number: int, _changes: object) -> None:
            raise EngineError("no room")

        fresh.fault = full
        return fresh

    desk.begin = breaking
    with pytest.raises(EngineError, match=r"no room|broke"):
        rebuild(desk.sides)
    assert (desk.engine is old, desk.given_up == desk.begun) == (True, True)
    assert desk.writer.put(jobs[0].id).result(10)


def test_rebuild__heals_an_index_that_cannot_be_opened(desk):
    """A broken index in force is no obstacle; one that another process writes is."""
    job = desk.indexed()

    def broken() -> FaultyEngine:
        if not desk.begun or desk.engine is not desk.begun[-1]:
            raise EngineError("damaged")
        return desk.engine

    desk.writer._let_go()
    desk.opens = broken
    rebuild(desk.sides)
    assert counts(desk) == {job.id: 2}

    def locked() -> FaultyEngine:
        raise IndexLocked("process 7")

    desk.writer._let_go()
    desk.opens = locked
    with pytest.raises(IndexLocked):
        rebuild(desk.sides)
    assert len(desk.begun) == 1


def test_rebuild__in_place_where_there_is_nothing_beside(desk):
    """An engine without generations gets every job anew, and loses what it holds too much."""
    job = desk.indexed()
    stray = submit(desk.ledger).job
    desk.writer.put(stray.id).result(10)
    desk.ledger.cancel(stray.id, owner="local")
    desk.ledger.delete(stray.id, owner="local")
    desk.ledger.indexed({}, gone=[stray.id])
    rebuild(replace(desk.sides, generations=None))
    assert (counts(desk), desk.begun) == ({job.id: 2}, [])


def test_findings__of_a_rebuild_count_each_job_once(desk):
    """The comparison afterwards looks at the same jobs; they are not counted again."""
    desk.indexed()
    found = rebuild(desk.sides)
    assert isinstance(found, Findings)
    assert found.checked == 1
