"""Each reconciler on a real ledger, store and index: what it mends, what it leaves alone, and what its row says."""

import hashlib
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import update
from support.sample_jobs import NO_WAIT, submit

from broker import BrokerOptions
from jobs.context import Place
from jobs.ids import new_id
from jobs.model import Job, Status, StepKey
from jobs.outcomes import Succeeded
from ledger import Dispatch, Ledger
from ledger.database import db_now
from ledger.errors import JobNotFound
from ledger.schema import attempts, blobs
from search import SqlSearch
from storage import open_store
from storage.port import ObjectStore, StoreUnavailable
from workers.reconcile import RECONCILE, Findings, Reconciliation, Sides

PARSE, PICTURE, INDEX = StepKey("parse"), StepKey("picture"), StepKey("index")


@dataclass
class Kept:
    """What is compared, and what was done about it."""

    sides: Sides
    woken: list[Dispatch] = field(default_factory=list)
    rerun: list[tuple[str, str]] = field(default_factory=list)

    folder: Path = Path()  # of the store

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
    search = SqlSearch(ledger.database)

    def index_again(job: Job, step: str) -> None:
        rerun.append((job.id, step))
        search.replace(job.owner, job.id, [Place(None, "file", "title", "text")])

    scratch = tmp_path / "scratch"
    scratch.mkdir()
    sides = Sides(
        ledger=ledger,
        store=open_store(kind="local", path=tmp_path / "store"),
        search=search,
        broker=BrokerOptions(url="redis://127.0.0.1:1"),  # nobody there
        wake=woken.extend,
        rerun=index_again,
        scratch=scratch,
        retention_days=30,
        letter_days=90,
        events_days=90,
        orphan_days=7,
        lost_after=60,
    )
    yield Kept(sides, woken, rerun, tmp_path / "store")
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


def test_index__drops_strays_and_indexes_what_is_missing(kept):
    """Entries of a job that is gone are dropped; a job whose entries are gone is indexed again."""
    job = kept.job_with_bytes(b"abc")
    for key in (PARSE, PICTURE, INDEX):
        dispatch = kept.ledger.get(job.id, owner="local").step(key).dispatch
        kept.ledger.finish(kept.ledger.claim(job.id, key, dispatch=dispatch, worker="w", lease=20).held, Succeeded())
    other = kept.job_with_bytes(b"abd")
    kept.sides.search.replace("local", other.id, [Place(None, "file", "t", "x")])
    kept.ledger.cancel(other.id, owner="local")
    with kept.ledger.database.engine.begin() as tx:  # behind the ledger's back
        tx.exec_driver_sql("PRAGMA foreign_keys=ON")
        tx.exec_driver_sql("DELETE FROM jobs WHERE id = ?", (other.id,))
    found = kept.run("index")
    assert (found.checked, found.repaired, kept.rerun) == (1, 2, [(job.id, "index")])
    assert kept.sides.search.known([job.id, other.id]) == {job.id}
    assert kept.run("index").repaired == 0


def test_index__tells_what_cannot_be_indexed_again(kept):
    """A job whose bytes cannot be read is left alone with the reason."""
    job = kept.job_with_bytes(b"abc")
    for key in (PARSE, PICTURE, INDEX):
        dispatch = kept.ledger.get(job.id, owner="local").step(key).dispatch
        kept.ledger.finish(kept.ledger.claim(job.id, key, dispatch=dispatch, worker="w", lease=20).held, Succeeded())

    def away(_job: Job, _step: str) -> None:
        raise StoreUnavailable("no answer")

    found = kept.run("index", rerun=away)
    assert (found.left_alone, "no answer" in found.notes[0]) == (1, True)


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
