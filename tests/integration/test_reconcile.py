"""Each reconciler on a real ledger, store and index: what it mends, what it leaves alone, and what its row says."""

import hashlib
import os
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import update
from support.sample_jobs import NO_WAIT, submit
from support.search_faults import FaultyEngine, facts, fails, places

from broker import BrokerOptions
from jobs.context import Place
from jobs.ids import new_id
from jobs.model import Job, Status, StepKey
from jobs.outcomes import Succeeded
from ledger import Dispatch, Ledger
from ledger.database import db_now
from ledger.errors import JobNotFound
from ledger.schema import attempts, blobs
from search.port import EngineError, Put
from storage import open_store
from storage.port import ObjectStore, StoreUnavailable
from wiring.search import facts_in
from workers.indexing import Writer
from workers.reconcile import RECONCILE, Findings, Reconciliation, Sides, work_of

PARSE, PICTURE, INDEX = StepKey("parse"), StepKey("picture"), StepKey("index")


@dataclass
class Kept:
    """What is compared, and what was done about it."""

    sides: Sides
    woken: list[Dispatch] = field(default_factory=list)
    rerun: list[tuple[str, str]] = field(default_factory=list)

    folder: Path = Path()  # of the store
    engine: FaultyEngine = field(default_factory=FaultyEngine)

    @property
    def ledger(self) -> Ledger:
        return self.sides.ledger

    @property
    def store(self) -> ObjectStore:
        return self.sides.store

    def run(self, name: str, **changes: object) -> Findings:
        return RECONCILE[name](replace(self.sides, **changes))

    def job_with_bytes(self, body: bytes) -> Job:
        job = submit(self.ledger, sha256=hashlib.sha256(body).hexdigest()).job
        self.put(job.file.key, body)
        return job

    def put(self, key: str, body: bytes) -> None:
        with self.store.writer(key) as writer:
            writer.write(body)
            writer.commit()


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[Kept]:
    ledger = Ledger(f"sqlite:///{tmp_path / 'ledger.sqlite3'}", policy=NO_WAIT)
    ledger.migrate()
    woken: list[Dispatch] = []
    rerun: list[tuple[str, str]] = []
    engine = FaultyEngine()
    writer = Writer(lambda: engine, partial(facts_in, ledger))
    writer.start()

    def places_of(job: Job, step: str) -> list[Place]:
        rerun.append((job.id, step))
        return list(places(2))

    scratch = tmp_path / "scratch"
    scratch.mkdir()
    sides = Sides(
        ledger=ledger,
        store=open_store(kind="local", path=tmp_path / "store"),
        broker=BrokerOptions(url="redis://127.0.0.1:1"),  # nobody there
        wake=woken.extend,
        places_of=places_of,
        index=writer,
        taken_within=0.0,
        scratch=scratch,
        retention_days=30,
        letter_days=90,
        events_days=90,
        orphan_days=7,
        lost_after=60,
    )
    yield Kept(sides, woken, rerun, tmp_path / "store", engine)
    writer.close()
    ledger.close()


def test_outbox__sends_what_publishers_left(kept):
    """Unsent rows past their sender's time are sent."""
    made = submit(kept.ledger)
    assert kept.run("outbox").repaired == 0
    kept.ledger.unsent([d.id for d in made.dispatches], delay=-1)
    assert kept.run("outbox").repaired == 2
    assert {d.job_id for d in kept.woken} == {made.job.id}


def test_leases__give_a_dead_workers_step_another_attempt(kept):
    """A step whose worker went silent is queued again with the reason, and its message is sent."""
    job = submit(kept.ledger).job
    assert kept.ledger.claim(job.id, PARSE, dispatch=1, worker="dead", lease=-1)
    assert kept.run("leases").repaired == 1
    step = kept.ledger.get(job.id, owner="local").step(PARSE)
    assert (step.status, step.attempt, step.fault.code) == (Status.QUEUED, 1, "step.lost")
    assert [d.dispatch for d in kept.woken] == [2]
    assert kept.run("leases").repaired == 0


def test_leases__close_what_a_dead_worker_left_open(kept):
    """The attempt of a job that was cancelled over a worker which never came back is closed, and told in the notes."""
    job = submit(kept.ledger).job
    assert kept.ledger.claim(job.id, PARSE, dispatch=1, worker="dead", lease=20)
    kept.ledger.cancel(job.id, owner="local")
    assert kept.run("leases").repaired == 0  # its worker may still come
    kept.ledger.database.writing(lambda tx: tx.execute(update(attempts).values(started_at=db_now(-61))))
    found = kept.run("leases")
    assert (found.checked, found.repaired) == (1, 1)
    assert "closed for silent workers" in found.notes[0]
    assert kept.run("leases").repaired == 0


def test_deadlines__end_what_is_late(kept):
    """A job past its deadline is ended, one with time left is not."""
    late = submit(kept.ledger, deadline=datetime.now(UTC) - timedelta(seconds=1)).job
    submit(kept.ledger, deadline=datetime.now(UTC) + timedelta(hours=1))
    found = kept.run("deadlines")
    assert (found.checked, found.repaired) == (1, 1)
    assert kept.ledger.get(late.id, owner="local").fault.code == "job.deadline"


def test_retention__deletes_old_jobs_and_blobs_their_bytes(kept):
    """A job past its retention goes, and then its bytes; a young one and its bytes stay."""
    old, young = kept.job_with_bytes(b"abc"), kept.job_with_bytes(b"abd")
    kept.ledger.cancel(old.id, owner="local")
    assert kept.run("retention").repaired == 0
    assert kept.run("retention", retention_days=-1).repaired == 1
    with pytest.raises(JobNotFound):
        kept.ledger.get(old.id, owner="local")
    assert kept.run("blobs").repaired == 1
    assert keys_in(kept.store) == [young.file.key]
    assert kept.run("blobs").repaired == 0


def test_forget__counts_what_went(kept):
    """Old events go once their time is over."""
    submit(kept.ledger)
    assert kept.run("forget").repaired == 0
    assert kept.run("forget", events_days=-1).repaired == 1


def test_scratch_folders__of_dead_attempts_go(kept):
    """A folder older than any attempt is removed; a young one stays."""
    old, young = kept.sides.scratch / "old", kept.sides.scratch / "young"
    for folder in (old, young):
        (folder / "in").mkdir(parents=True)
    long_ago = time.time() - 7 * 3600
    os.utime(old, (long_ago, long_ago))
    assert kept.run("scratch-folders").repaired == 1
    assert [path.name for path in kept.sides.scratch.iterdir()] == ["young"]


def test_store__that_agrees_is_left_as_it_is(kept):
    """Where ledger and store agree nothing is repaired or left, hashes included."""
    kept.job_with_bytes(b"abc")
    for name in ("store", "full"):
        found = kept.run(name) if name == "store" else _deep(kept)
        assert (found.checked > 0, found.repaired, found.left_alone) == (True, 0, 0)


def test_store__names_who_needs_missing_bytes(kept):
    """Missing bytes are told with the job that needs them, nothing new refers to them, and equal bytes heal them."""
    job = kept.job_with_bytes(b"abc")
    kept.store.delete(job.file.key)
    found = kept.run("store")
    assert (found.repaired, found.left_alone) == (0, 1)
    assert f"the file of job {job.id}" in found.notes[0]
    twin = kept.job_with_bytes(b"abc")
    assert twin.file.key != job.file.key  # the missing bytes were not taken for stored ones
    found = kept.run("store")
    assert (found.repaired, found.left_alone) == (1, 0)
    healed = kept.ledger.get(job.id, owner="local")
    assert (healed.file.key, healed.version) == (twin.file.key, job.version + 1)
    assert kept.run("store").left_alone == 0


def test_store__restored_bytes_count_again(kept):
    """What was missing and is there again with the right hash is live again."""
    job = kept.job_with_bytes(b"abc")
    kept.store.delete(job.file.key)
    kept.run("store")
    kept.put(job.file.key, b"abc")
    assert kept.run("store").repaired == 1
    assert kept.ledger.blob_rows([job.file.key])[job.file.key].state == "live"


def test_store__sees_a_wrong_size_and_only_full_a_wrong_hash(kept):
    """Bytes of another length are found by the daily look, altered ones of the same length by the weekly one."""
    cut, altered = kept.job_with_bytes(b"abc"), kept.job_with_bytes(b"xyz")
    for job, body in ((cut, b"a"), (altered, b"xYz")):
        kept.store.delete(job.file.key)
        kept.put(job.file.key, body)
    daily = kept.run("store")
    assert [cut.id in note for note in daily.notes] == [True]
    weekly = _deep(kept)
    assert any(altered.id in note and "hash" in note for note in weekly.notes)
    assert weekly.left_alone == 2


def test_store__keeps_an_orphan_for_a_while_once_it_was_seen(kept):
    """However old an object without a row is: it is noted now, kept for days since a restore may bring its row, then goes."""
    key = new_id()
    kept.put(key, b"abc")
    os.utime(next(kept.folder.rglob(key)), (0, 0))  # older than any setting
    assert kept.run("store").left_alone == 1
    assert kept.run("store").left_alone == 0  # known now
    assert kept.run("blobs").repaired == 0
    assert keys_in(kept.store) == [key]
    kept.ledger.forget_blobs(kept.ledger.condemn_blobs())
    later = {"lease_until": datetime.now(UTC) - timedelta(seconds=1)}
    kept.ledger.database.writing(lambda tx: tx.execute(update(blobs).where(blobs.c.key == key).values(later)))
    assert kept.run("blobs").repaired == 1
    assert keys_in(kept.store) == []


def test_store__of_another_ledger_is_left_alone(kept):
    """Where most objects are unknown the ledger is the wrong one: one note, and nothing is set on its way out."""
    for _ in range(25):
        kept.put(new_id(), b"abc")
    found = kept.run("store")
    assert (found.left_alone, found.repaired) == (1, 0)
    assert "is it the right one" in found.notes[0]
    assert kept.ledger.blob_rows(keys_in(kept.store)) == {}


def test_full__goes_on_where_the_broker_is_away(kept):
    """What needs the broker is left with the reason; hashes are compared all the same."""
    job = kept.job_with_bytes(b"abc")
    kept.store.delete(job.file.key)
    kept.put(job.file.key, b"abX")
    found = kept.run("full")
    assert any(note.startswith("lost-messages could not be looked at") for note in found.notes)
    assert any(job.id in note and "hash" in note for note in found.notes)


def test_tick__interrupted_by_the_workers_end_is_taken_up_again(kept):
    """A run that its worker's end cut short says so, and the next tick of its slot runs it."""
    kept.job_with_bytes(b"abc")
    Reconciliation(replace(kept.sides, stopping=lambda: True)).tick("store", every=3600)
    (cut,) = kept.ledger.runs(name="store")[0]
    assert (cut.state, "worker ended" in cut.notes[0]) == ("failed", True)
    Reconciliation(kept.sides).tick("store", every=3600)
    (again,) = kept.ledger.runs(name="store")[0]
    assert (again.id, again.state) == (cut.id, "done")


def indexed_well(kept: Kept, **more: object) -> Job:
    """A job that has succeeded, its indexing step as well, and of which the index has yet to hear nothing more."""
    job = submit(kept.ledger, **more).job
    for key in (PARSE, PICTURE, INDEX):
        dispatch = kept.ledger.get(job.id, owner="local").step(key).dispatch
        kept.ledger.finish(kept.ledger.claim(job.id, key, dispatch=dispatch, worker="w", lease=20).held, Succeeded())
    kept.ledger.indexed({job.id: kept.ledger.cards([job.id])[job.id].version})
    return job


def version(kept: Kept, job: Job) -> int:
    return kept.ledger.version(job.id, owner="local")[0]


def test_index__drops_strays_and_indexes_what_is_missing(kept):
    """Entries of a job that is gone are dropped; a job that the index lacks is put there with its places."""
    job = indexed_well(kept)
    kept.engine.write([Put(job=facts(one), places=places(1)) for one in ("00-stray", "ff-stray")])
    found = kept.run("index")
    assert (found.checked, found.repaired, kept.rerun) == (1, 4, [(job.id, "index")])  # facts and places are two
    assert kept.engine.held() == {job.id: (version(kept, job), 2)}
    assert kept.run("index").repaired == 0


def test_index__puts_again_what_is_outdated_or_has_no_places(kept):
    """An ended job whose version is newer is put again with the places that are there; lost places are made anew."""
    outdated, bare, well = (indexed_well(kept) for _ in range(3))
    known = facts_in(kept.ledger, [outdated.id, bare.id, well.id])
    kept.engine.write(
        [
            Put(job=replace(known[outdated.id], version=1), places=places(3)),
            Put(job=known[bare.id], places=()),
            Put(job=known[well.id], places=places(4)),
        ]
    )
    assert (kept.run("index").repaired, kept.rerun) == (2, [(bare.id, "index")])
    assert [places for _version, places in kept.engine.held().values()] == [3, 2, 4]
    assert kept.engine.held()[outdated.id] == (version(kept, outdated), 3)


def test_index__leaves_to_the_indexer_what_waits_for_it(kept):
    """A job of which the index is to hear anyway is no difference, nor is one that runs."""
    waits, runs = submit(kept.ledger).job, submit(kept.ledger).job
    kept.ledger.indexed({runs.id: 1})
    kept.engine.write([Put(job=facts(runs.id, version=0), places=())])
    found = kept.run("index")
    assert (found.checked, found.repaired, set(kept.engine.held())) == (2, 0, {runs.id})
    assert kept.ledger.unindexed() == [waits.id]


def test_index__compares_page_by_page(kept, monkeypatch):
    """Pages of both sides need not be cut at the same ids."""
    monkeypatch.setattr(sys.modules["workers.reconcile.index"], "_PAGE", 2)
    jobs = [indexed_well(kept) for _ in range(7)]
    known = facts_in(kept.ledger, [job.id for job in jobs])
    kept.engine.write([Put(job=known[job.id], places=places(1)) for job in jobs[::2]])
    kept.engine.write([Put(job=facts(f"{n:02x}-stray"), places=places(1)) for n in (0, 1, 2, 250, 251)])
    found = kept.run("index")
    assert (found.checked, sorted(kept.engine.held())) == (7, [job.id for job in jobs])
    assert [one for one, _step in kept.rerun] == [job.id for job in jobs[1::2]]


def test_index__tells_what_cannot_be_indexed_again(kept):
    """A job whose bytes cannot be read is left alone with the reason, and is found by its name all the same."""
    job = indexed_well(kept)

    def away(_job: Job, _step: str) -> list[Place]:
        raise StoreUnavailable("no answer")

    found = kept.run("index", places_of=away)
    assert (found.left_alone, "no answer" in found.notes[-1]) == (1, True)
    assert kept.engine.held() == {job.id: (version(kept, job), 0)}


def test_index__fails_where_the_index_is_away(kept):
    """Without an index there is nothing to compare: the run says so, and the next one finds the same."""
    indexed_well(kept)
    kept.engine.fault = fails(1)
    with pytest.raises(EngineError):
        kept.run("index")
    assert kept.run("index").repaired == 2


def test_full__has_the_worker_that_writes_the_index_compare_it(kept):
    """The index is another pool's to compare: its run is asked for, and `full` has its findings or says who is missing."""
    found = kept.run("full")
    assert any("no indexing worker has taken it" in note for note in found.notes)
    (asked,) = kept.ledger.runs(name="index")[0]
    indexed_well(kept)
    indexing = Reconciliation(kept.sides, work_of("indexing"))
    assert (asked.state, indexing.take_requested(), indexing.take_requested()) == ("requested", True, False)
    assert (kept.ledger.run(asked.id).state, kept.ledger.run(asked.id).repaired) == ("done", 2)


def test_take_requested__ends_what_a_killed_worker_had_begun(kept):
    """The worker that has the index to itself knows that nobody else is at it: a run left running can be asked for again."""
    killed = kept.ledger.begin_run("index")
    other = kept.ledger.begin_run("store")
    assert kept.ledger.request_once("index") is None
    indexing = Reconciliation(kept.sides, work_of("indexing"))
    assert indexing.take_requested() is False
    assert [kept.ledger.run(one).state for one in (killed, other)] == ["failed", "running"]
    again = kept.ledger.request_once("index")
    assert (indexing.take_requested(), kept.ledger.run(again.id).state) == (True, "done")


def test_tick__of_another_pool_is_only_noted(kept):
    """A tick for the index that reaches the housekeeping worker waits for one that writes it, once per slot."""
    for _ in range(2):
        Reconciliation(kept.sides, work_of("housekeeping")).tick("index", every=3600)
    (run,) = kept.ledger.runs(name="index")[0]
    assert run.state == "requested"


def test_tick__leaves_a_row_with_what_was_done(kept):
    """Each run leaves a row: checked, repaired, left alone, why; the second beat's tick of a slot makes none."""
    job = submit(kept.ledger).job
    kept.ledger.claim(job.id, PARSE, dispatch=1, worker="dead", lease=-1)
    reconciliation = Reconciliation(kept.sides)
    for _ in range(2):
        reconciliation.tick("leases", every=3600)
    (run,) = kept.ledger.runs(name="leases")[0]
    assert (run.state, run.checked, run.repaired, run.left_alone) == ("done", 1, 1, 0)
    assert "silent" in run.notes[0]


def test_tick__says_what_was_away(kept):
    """A run that needs an absent broker fails with the reason and raises nothing; the next tick is soon."""
    Reconciliation(kept.sides).tick("lost-messages")
    (run,) = kept.ledger.runs(name="lost-messages")[0]
    assert (run.state, len(run.notes), kept.woken) == ("failed", 1, [])


def test_take_requested__runs_what_somebody_asked_for(kept):
    """A request waits in the ledger until a worker takes it, once."""
    asked = kept.ledger.request_run("deadlines")
    assert asked.state == "requested"
    reconciliation = Reconciliation(kept.sides)
    assert [reconciliation.take_requested() for _ in range(2)] == [True, False]
    assert kept.ledger.run(asked.id).state == "done"


def keys_in(store: ObjectStore) -> list[str]:
    listing = store.keys()
    return [found.key for found in listing]


def _deep(kept: Kept) -> Findings:
    from workers.reconcile.store import compare

    return compare(kept.sides, deep=True)
