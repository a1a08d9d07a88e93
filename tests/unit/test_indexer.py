"""The indexer: what the ledger has noted for the search index reaches it, once it can, and nothing is lost on the way."""

import errno
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path

import pytest
from support.sample_jobs import NO_WAIT, submit
from support.search_faults import FaultyEngine, fails, places
from support.waiting import wait_until

from jobs.context import Place, SearchIndex, StepContext
from jobs.errors import Cancelled, StepError
from jobs.model import Job, StepKey
from jobs.outcomes import Succeeded
from jobs.pipeline import Pipeline, Step
from jobs.queues import INDEXING, PARSING
from jobs.reconcilers import REBUILD
from ledger import Ledger
from search.port import Drop, EngineError, IndexLocked, JobFacts, OtherFormat
from storage.port import StoreFull, StoreUnavailable
from wiring.search import facts_in
from workers.indexing import Indexer, JobIndex, Writer, indexer, owed
from workers.indexing.making import NotNow


def index(ctx: StepContext, *, search: SearchIndex) -> None:
    """Step: never run here."""


INDEXED = Pipeline(
    name="indexed",
    version=1,
    title="Makes findable.",
    accepts=(),
    steps=(Step(run=index, queue=INDEXING, isolated=False, ports=("search",)),),
)


def other(ctx: StepContext) -> None:
    """Step: never run here."""


GOES_ON = Pipeline(
    name="goes-on",
    version=1,
    title="Makes findable, and has other work left.",
    accepts=(),
    steps=(*INDEXED.steps, Step(run=other, queue=PARSING)),
)


class Desk:
    """A ledger, an index and what goes between."""

    def __init__(self, folder: Path) -> None:
        self.ledger = Ledger(f"sqlite:///{folder / 'ledger.sqlite3'}", policy=NO_WAIT)
        self.ledger.migrate()
        self.engine = FaultyEngine()
        self.before_facts: Callable[[], None] = lambda: None  # called before each commit
        self.writer = Writer(lambda: self.engine, self._facts)
        self.indexer = Indexer(self.ledger, self.writer)
        self.writer.start()

    def _facts(self, job_ids: Sequence[str]) -> Mapping[str, JobFacts]:
        self.before_facts()
        return facts_in(self.ledger, job_ids)

    def close(self) -> None:
        self.indexer.close()
        self.writer.close()
        self.ledger.close()


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    made = Desk(tmp_path)
    yield made
    made.close()


def test_look__tells_the_index_of_new_changed_and_deleted_jobs(desk):
    """Submit, tags, end and delete reach the index; what it has heard of waits no longer."""
    job, other = submit(desk.ledger).job, submit(desk.ledger, owner="other").job
    assert desk.indexer.look() == 2
    assert desk.engine.held() == {job.id: (1, 0), other.id: (1, 0)}
    desk.ledger.update(job.id, owner="local", tags=("new",))
    desk.ledger.cancel(other.id, owner="other")
    assert desk.indexer.look() == 2
    assert [desk.engine.held()[one.id][0] for one in (job, other)] == [2, 2]
    desk.ledger.delete(other.id, owner="other")
    assert desk.indexer.look() == 1
    assert (set(desk.engine.held()), desk.ledger.gone(), desk.indexer.look()) == ({job.id}, [], 0)


def test_look__leaves_the_places_of_a_job(desk):
    """What a step has made findable stays when the job's tags change."""
    job = submit(desk.ledger).job
    desk.writer.put(job.id, places(3)).result(10)
    desk.ledger.update(job.id, owner="local", tags=("new",))
    desk.indexer.look()
    assert desk.engine.held() == {job.id: (2, 3)}


def test_look__keeps_the_mark_of_a_job_that_changed_meanwhile(desk):
    """A job whose version has moved on during the commit is told again in the next round."""
    job = submit(desk.ledger).job
    desk.engine.after = lambda number: desk.ledger.update(job.id, owner="local", tags=("x",)) if number == 1 else None
    assert desk.indexer.look() == 1
    assert desk.ledger.unindexed() == [job.id]
    assert desk.indexer.look() == 1
    assert (desk.engine.held(), desk.ledger.unindexed()) == ({job.id: (2, 0)}, [])


def test_look__hears_of_a_job_that_changed_before_the_commit(desk):
    """What was written is newer than what was looked at: the next round sees that nothing is left, and writes nothing."""
    job = submit(desk.ledger).job

    def change() -> None:
        desk.before_facts = lambda: None
        desk.ledger.update(job.id, owner="local", tags=("x",))

    desk.before_facts = change
    desk.indexer.look()
    assert (desk.engine.held(), desk.ledger.unindexed()) == ({job.id: (2, 0)}, [job.id])
    assert desk.indexer.look() == 1
    assert (len(desk.engine.commits), desk.ledger.unindexed()) == (1, [])


def test_look__loses_nothing_where_the_index_fails(desk):
    """A failed commit leaves all marks, deletes included; the next round tells the index."""
    job, gone = submit(desk.ledger).job, submit(desk.ledger).job
    desk.indexer.look()
    desk.ledger.update(job.id, owner="local", tags=("x",))
    desk.ledger.cancel(gone.id, owner="local")
    desk.ledger.delete(gone.id, owner="local")
    desk.engine.fault = fails(2, 3)
    for _ in range(2):
        with pytest.raises(EngineError):
            desk.indexer.look()
        assert (desk.ledger.unindexed(), desk.ledger.gone()) == ([job.id], [gone.id])
    assert desk.indexer.look() == 2
    assert (desk.engine.held(), desk.ledger.search_lag().gone) == ({job.id: (2, 0)}, 0)


def ended(desk: Desk, job: Job | None = None) -> Job:
    """A job whose indexing step has succeeded."""
    job = job or submit(desk.ledger, pipeline=INDEXED).job
    claim = desk.ledger.claim(job.id, StepKey("index"), dispatch=1, worker="w", lease=60)
    after, _ = desk.ledger.finish(claim.held, Succeeded())
    assert after
    return desk.ledger.find(job.id)


def indexer_of(desk: Desk, count: int) -> Indexer:
    """One that finds so many places in every job."""
    return Indexer(desk.ledger, desk.writer, places_of=lambda _job, _name, **_: list(places(count)))


def test_owed__come_to_the_index_with_the_end_of_their_job(desk):
    """A step need not make its places, nor wait: one commit brings them with what the job is at its end."""
    job = submit(desk.ledger, pipeline=INDEXED).job
    following = indexer_of(desk, 3)
    following.look()

    def untouched() -> Iterator[Place]:
        raise AssertionError("made in the step")
        yield

    writer = desk.writer
    JobIndex(writer.put, job_id=job.id, stop=threading.Event(), moved=writer.moved, owe=writer.owe).index(untouched())
    ended(desk, job)
    assert following.look() == 1
    assert (desk.engine.held()[job.id][1], len(desk.engine.commits), desk.ledger.unindexed()) == (3, 2, [])
    assert following.look() == 0


def test_owed__do_not_wait_for_a_job_that_goes_on(desk, monkeypatch):
    """Places of a job that has other work left are found soon after the step that is to make them findable."""
    monkeypatch.setattr(owed, "RIPE", 0.0)
    job = submit(desk.ledger, pipeline=GOES_ON).job
    following = indexer_of(desk, 2)
    following.look()
    assert desk.writer.owe(job.id)
    assert following.look() == 0  # the step has not ended yet: nothing is written for it
    assert len(desk.engine.commits) == 1
    assert ended(desk, job).status == "running"
    following.look()
    assert (desk.engine.held()[job.id][1], desk.ledger.unindexed(), following.look()) == (2, [], 0)


def test_owed__of_a_step_that_runs_again_are_made_again(desk):
    """What changed with the second run is found; the same job is not made anew for anything else."""
    job, made = ended(desk), []

    def places_of(_job: Job, _name: str, **_: object) -> list[Place]:
        made.append(len(made) + 1)
        if made == [1]:
            desk.writer.owe(job.id)  # while the first ones are on their way
        return list(places(made[-1]))

    following = Indexer(desk.ledger, desk.writer, places_of=places_of)
    assert following.look() == 0
    assert desk.ledger.unindexed() == [job.id]
    assert following.look() == 1
    desk.ledger.update(job.id, owner="local", tags=("new",))
    assert following.look() == 1
    assert (desk.engine.held()[job.id][1], made) == (2, [1, 2])


def test_owed__outlive_a_failed_commit(desk):
    """Where the index fails, places are owed until it takes them."""
    job = submit(desk.ledger, pipeline=INDEXED).job
    assert desk.writer.owe(job.id)
    ended(desk, job)
    desk.engine.fault = fails(1)
    following = indexer_of(desk, 3)
    with pytest.raises(EngineError):
        following.look()
    assert following.look() == 1
    assert desk.engine.held()[job.id][1] == 3


def test_owed__what_can_not_be_made_is_not_asked_for_forever(desk):
    """A job whose artifacts are gone is told as it is, and so is one that was cancelled: an `index` run tells of places."""
    job, other, made = ended(desk), submit(desk.ledger, pipeline=INDEXED).job, []

    def places_of(job: Job, _name: str, **_: object) -> list[Place]:
        made.append(job.id)
        raise StepError("step.no_artifact", "It is gone.")

    for one in (job, other):
        assert desk.writer.owe(one.id)
    desk.ledger.cancel(other.id, owner="local")
    following = Indexer(desk.ledger, desk.writer, places_of=places_of)
    assert following.look() == 2
    assert (desk.engine.held()[job.id][1], desk.ledger.unindexed(), following.look(), made) == (0, [], 0, [job.id])


def test_owed__are_made_anew_where_their_process_has_died(desk):
    """A job that ended before the index heard of its places is given them by whoever comes next, once."""
    job, asked = ended(desk), []

    def places_of(job: Job, name: str, **_: object) -> list[Place]:
        asked.append((job.id, name))
        return list(places(4))

    following = Indexer(desk.ledger, desk.writer, places_of=places_of)
    following.look()
    assert desk.engine.held()[job.id][1] == 4
    desk.ledger.update(job.id, owner="local", tags=("new",))
    following.look()
    assert (desk.engine.held()[job.id][1], asked) == (4, [(job.id, "index")])


@pytest.mark.parametrize("by", ["this process", "one that has died"])
def test_owed__are_not_forgotten_where_a_job_ends_during_the_round(desk, by):
    """A job that ends between the look and the commit keeps its mark: whoever comes next finds its places."""
    job = submit(desk.ledger, pipeline=INDEXED).job

    def end() -> None:
        desk.before_facts = lambda: None
        if by == "this process":
            assert desk.writer.owe(job.id)
        ended(desk, job)

    desk.before_facts = end
    desk.indexer.look()
    assert desk.ledger.find(job.id).status == "succeeded"
    assert desk.ledger.unindexed() == [job.id]
    following = Writer(lambda: desk.engine, partial(facts_in, desk.ledger))  # this process dies, and another one comes
    following.start()
    Indexer(desk.ledger, following, places_of=lambda _job, _name, **_: list(places(4))).look()
    assert (desk.engine.held()[job.id][1], desk.ledger.unindexed()) == (4, [])
    following.close()


def test_owed__nothing_is_made_anew_that_a_step_has_committed(desk):
    """Where a step waited for its commit, here or in another process that writes the same index, its end costs no more."""

    def places_of(_job: Job, name: str, **_: object) -> list[Place]:
        raise AssertionError(name)

    first = ended(desk)
    desk.writer.put(first.id, places(3)).result(10)
    Indexer(desk.ledger, desk.writer, places_of=places_of).look()
    assert (desk.engine.held()[first.id][1], desk.ledger.unindexed()) == (3, [])
    other = ended(desk)
    shared = Writer(lambda: desk.engine, partial(facts_in, desk.ledger), shared=True)
    shared.start()
    shared.put(other.id, places(2)).result(10)
    another = Writer(lambda: desk.engine, partial(facts_in, desk.ledger), shared=True)
    another.start()
    Indexer(desk.ledger, another, places_of=places_of).look()
    assert (desk.engine.held()[other.id][1], desk.ledger.unindexed()) == (2, [])
    for writer in (shared, another):
        writer.close()


@pytest.mark.parametrize(
    "error", [StoreUnavailable("away"), StoreFull("no room"), OSError(errno.ENOSPC, "full"), Cancelled()]
)
def test_owed__what_can_not_be_made_now_is_waited_for(desk, monkeypatch, error):
    """Where artifacts can't be read now the job is found as it is, its mark stays, and a later round finds the places."""
    monkeypatch.setattr(indexer, "_TRY_AGAIN", 0.3)
    job, other, away = ended(desk), submit(desk.ledger).job, [error]

    def places_of(_job: Job, _name: str, **_: object) -> list[Place]:
        if away:
            raise away[0]
        return list(places(4))

    following = Indexer(desk.ledger, desk.writer, places_of=places_of)
    with pytest.raises(NotNow):
        following.look()
    assert {one: held[1] for one, held in desk.engine.held().items()} == {job.id: 0, other.id: 0}
    assert desk.ledger.unindexed() == [job.id]
    assert following.look() == 0  # left alone for a while: neither made nor written again
    assert len(desk.engine.commits) == 1
    away.clear()
    wait_until(lambda: following.look() == 1, within=20, what="the next try")
    assert (desk.engine.held()[job.id][1], desk.ledger.unindexed()) == (4, [])


def test_owed__an_absent_store_keeps_up_nobody_else(desk):
    """Names, tags and deletes need no store; a few jobs are tried, the rest keep their marks unasked."""
    gone, asked = submit(desk.ledger).job, []
    desk.indexer.look()
    waiting = [ended(desk) for _ in range(8)]
    desk.ledger.cancel(gone.id, owner="local")
    desk.ledger.delete(gone.id, owner="local")

    def places_of(job: Job, _name: str, **_: object) -> list[Place]:
        asked.append(job.id)
        raise StoreUnavailable("away")

    following = Indexer(desk.ledger, desk.writer, places_of=places_of)
    with pytest.raises(NotNow):
        following.look()
    assert (set(desk.engine.held()), desk.ledger.gone()) == ({job.id for job in waiting}, [])
    assert sorted(desk.ledger.unindexed()) == sorted(job.id for job in waiting)
    assert len(asked) == indexer._ABSENT


def test_owed__one_round_makes_so_many(desk, monkeypatch):
    """Many jobs that come at once are found in turn, not all at the end."""
    jobs = [ended(desk) for _ in range(6)]
    monkeypatch.setattr(indexer, "_LONGEST", 0.0)
    following = indexer_of(desk, 1)
    for count in range(1, 7):
        assert following.look() == 1
        assert len(desk.engine.held()) == count
    assert set(desk.engine.held()) == {job.id for job in jobs}
    monkeypatch.setattr(owed, "RIPE", 0.0)
    monkeypatch.setattr(indexer, "AT_A_TIME", 2)
    for job in jobs:
        desk.writer.owe(job.id)
    monkeypatch.setattr(indexer, "_LONGEST", 60.0)
    commits = len(desk.engine.commits)
    following.look()
    assert [len(one) for one in desk.engine.commits[commits:]] == [2]


def test_look__a_commit_that_takes_long_is_not_begun_again(desk, monkeypatch):
    """Where nobody waits for a commit any more, its job is neither made nor written twice, and its end is noticed."""
    monkeypatch.setattr(indexer, "PATIENCE", 0.2)
    job, going_on, made = ended(desk), threading.Event(), []

    def places_of(job: Job, _name: str, **_: object) -> list[Place]:
        made.append(job.id)
        return list(places(3))

    desk.engine.fault = lambda _number, _changes: going_on.wait(30)
    following = Indexer(desk.ledger, desk.writer, places_of=places_of)
    with pytest.raises(EngineError, match="in time"):
        following.look()
    assert following.look() == 0
    going_on.set()
    wait_until(lambda: following.look() == 1, within=20, what="the end of the commit")
    assert (desk.engine.held()[job.id][1], len(desk.engine.commits), made) == (3, 1, [job.id])
    assert desk.ledger.unindexed() == []


def test_close__ends_what_is_being_made(desk):
    """A worker that ends waits for no long list: it is made by whoever comes next."""
    job, begun = ended(desk), threading.Event()

    def places_of(_job: Job, _name: str, *, stop: threading.Event) -> list[Place]:
        begun.set()
        assert stop.wait(30)
        raise Cancelled

    following = Indexer(desk.ledger, desk.writer, places_of=places_of)
    following.start()
    assert begun.wait(20)
    following.close()
    assert not following._thread.is_alive()
    assert desk.ledger.unindexed() == [job.id]


def test_owe__has_its_limits(desk):
    """An index that others write too, and one that is broken, make a step wait for its commit."""
    assert desk.writer.owe("a")
    assert not Writer(lambda: desk.engine, partial(facts_in, desk.ledger), shared=True).owe("a")

    def locked() -> FaultyEngine:
        raise IndexLocked("somebody else writes")

    with pytest.raises(IndexLocked):
        Writer(locked, partial(facts_in, desk.ledger)).owe("a")


def test_look__goes_on_beside_a_job_that_the_index_breaks_on(desk):
    """One job that the engine can't take keeps its mark; the others are told."""
    bad, good = submit(desk.ledger).job, submit(desk.ledger).job

    def defect(_number: int, changes) -> None:
        if any(change.job.job_id == bad.id for change in changes):
            raise ZeroDivisionError

    desk.engine.fault = defect
    assert desk.indexer.look() == 1
    assert (set(desk.engine.held()), desk.ledger.unindexed()) == ({good.id}, [bad.id])
    tried = desk.engine.tried
    assert (desk.indexer.look(), desk.engine.tried) == (0, tried)  # it is left alone for a while


def test_look_whether_it_is_new__has_a_lost_index_compared(desk):
    """An empty index beside a ledger with jobs is compared with it, once; one that knows a job is not."""
    desk.indexer.look_whether_it_is_new()
    assert desk.ledger.runs()[0] == []
    submit(desk.ledger)
    desk.indexer.look()
    desk.indexer.look_whether_it_is_new()
    assert desk.ledger.runs()[0] == []
    desk.engine.write([Drop(job_id=job_id) for job_id in desk.engine.held()])
    for _ in range(2):
        desk.indexer.look_whether_it_is_new()
    assert [(run.name, run.state) for run in desk.ledger.runs()[0]] == [("index", "requested")]


def test_indexer__asks_for_a_rebuild_where_another_release_made_the_index(desk, monkeypatch):
    """What this release can't read is made anew by itself; nothing is lost meanwhile."""

    def other(_number: int, _changes: object) -> None:
        raise OtherFormat("format 1, not 2")

    desk.engine.fault = other
    job = submit(desk.ledger).job
    desk.indexer.start()
    wait_until(lambda: desk.ledger.runs(name=REBUILD)[0], within=20, what="the run")
    assert desk.ledger.unindexed() == [job.id]


def test_indexer__catches_up_by_itself(desk, monkeypatch):
    """The thread goes on through failures and finds what was submitted before and after its start."""
    monkeypatch.setattr(indexer, "_FIRST_PAUSE", 0.01)
    monkeypatch.setattr(indexer, "AT_A_TIME", 3)
    desk.engine.fault = fails(1, 2)
    jobs = [submit(desk.ledger).job for _ in range(8)]
    desk.indexer.start()
    wait_until(lambda: set(desk.engine.held()) == {job.id for job in jobs}, within=20, what="all jobs in the index")
    late = submit(desk.ledger).job
    wait_until(lambda: late.id in desk.engine.held() and not desk.ledger.unindexed(), within=20, what="the late job")


def test_two_indexers__do_no_harm(desk):
    """Two that look at the same time tell the index the same; each job is there once."""
    jobs = [submit(desk.ledger).job for _ in range(5)]
    second = Writer(lambda: desk.engine, partial(facts_in, desk.ledger), shared=True)
    second.start()
    other = Indexer(desk.ledger, second)
    desk.engine.after = lambda number: other.look() if number == 1 else None
    desk.indexer.look()
    second.close()
    assert (set(desk.engine.held()), desk.ledger.unindexed()) == ({job.id for job in jobs}, [])
    assert desk.engine.stats().documents == 5
