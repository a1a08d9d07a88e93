"""The slow sweeps, each on a real ledger and store."""

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from support.sample_jobs import NO_WAIT, submit

from broker import BrokerOptions
from jobs.model import Status, StepKey
from ledger import Dispatch, Ledger
from ledger.errors import JobNotFound
from storage import open_store
from storage.port import ObjectStore
from workers.housekeeping import SWEEPS, Housekeeping

PARSE = StepKey("parse")


@dataclass
class Kept:
    """A housekeeping with what it stands on, and the messages that it sent."""

    ledger: Ledger
    store: ObjectStore
    sweeps: Housekeeping
    scratch: Path
    woken: list[Dispatch] = field(default_factory=list)


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[Kept]:
    ledger = Ledger(f"sqlite:///{tmp_path / 'ledger.sqlite3'}", policy=NO_WAIT)
    ledger.migrate()
    store = open_store(kind="local", path=tmp_path / "store")
    woken: list[Dispatch] = []
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    sweeps = Housekeeping(
        ledger=ledger,
        store=store,
        broker=BrokerOptions(url="redis://127.0.0.1:1"),  # nobody there
        wake=woken.extend,
        scratch=scratch,
        retention_days=30,
        letter_days=90,
        events_days=90,
        lost_after=60,
    )
    yield Kept(ledger, store, sweeps, scratch, woken)
    ledger.close()


def test_outbox__sends_what_publishers_left(kept):
    """Unsent rows past their sender's time are sent."""
    made = submit(kept.ledger)
    assert kept.sweeps.outbox() == 0
    kept.ledger.unsent([d.id for d in made.dispatches], delay=-1)
    assert kept.sweeps.outbox() == 2
    assert {d.job_id for d in kept.woken} == {made.job.id}


def test_leases__give_a_dead_workers_step_another_attempt(kept):
    """A step whose worker went silent is queued again with the reason, and its message is sent."""
    job = submit(kept.ledger).job
    assert kept.ledger.claim(job.id, PARSE, dispatch=1, worker="dead", lease=-1)
    assert kept.sweeps.leases() == 1
    step = kept.ledger.get(job.id, owner="local").step(PARSE)
    assert (step.status, step.attempt, step.fault.code) == (Status.QUEUED, 1, "step.lost")
    assert [d.dispatch for d in kept.woken] == [2]
    assert kept.sweeps.leases() == 0


def test_retention__deletes_old_jobs_and_blobs_their_bytes(kept, tmp_path):
    """A job past its retention goes, and then its bytes; a young one and its bytes stay."""
    old, young = submit(kept.ledger).job, submit(kept.ledger).job
    for job in (old, young):
        with kept.store.writer(job.file.key) as writer:
            writer.write(b"abc")
            writer.commit()
    kept.ledger.cancel(old.id, owner="local")
    assert kept.sweeps.retention() == 0
    assert Housekeeping.retention(_with(kept.sweeps, retention_days=-1)) == 1
    with pytest.raises(JobNotFound):
        kept.ledger.get(old.id, owner="local")
    assert kept.sweeps.blobs() == 1
    left = list(kept.store.keys())
    assert [found.key for found in left] == [young.file.key]
    assert kept.sweeps.blobs() == 0


def test_forget__counts_what_went(kept):
    """Old events go once their time is over."""
    submit(kept.ledger)
    assert kept.sweeps.forget() == 0
    assert Housekeeping.forget(_with(kept.sweeps, events_days=-1)) == 1


def test_scratch_folders__of_dead_attempts_go(kept):
    """A folder older than any attempt is removed; a young one stays."""
    old, young = kept.scratch / "old", kept.scratch / "young"
    for folder in (old, young):
        (folder / "in").mkdir(parents=True)
    long_ago = time.time() - 7 * 3600
    os.utime(old, (long_ago, long_ago))
    assert kept.sweeps.scratch_folders() == 1
    assert [path.name for path in kept.scratch.iterdir()] == ["young"]


def test_run__waits_for_what_is_away(kept):
    """A sweep that needs an absent broker does nothing and raises nothing; the next tick is soon."""
    kept.sweeps.run("housekeeping.lost_messages")
    assert kept.woken == []


def test_sweeps__are_what_the_clock_names():
    """Each clock entry names a sweep, and each sweep has a clock entry."""
    from beat_schedule import BEAT_SCHEDULE

    assert {row["task"] for row in BEAT_SCHEDULE.values()} == set(SWEEPS)


def _with(sweeps: Housekeeping, **changes: object) -> Housekeeping:
    from dataclasses import replace

    return replace(sweeps, **changes)
