"""Upkeep: what is past its time goes."""

import time

from jobs.lifecycle import WrongState
from ledger.errors import JobInUse, JobNotFound
from workers.reconcile.findings import Findings, Sides
from workers.sandbox import remove

_LONG = 45.0  # seconds after which the rest waits for the next tick
_SCRATCH_AGE = 6 * 3600.0  # seconds after which a scratch folder has no living owner
_PARTIAL_AGE = 24 * 3600.0  # seconds after which half an upload is abandoned


def retention(sides: Sides) -> Findings:
    """Delete jobs whose time is over, as many as there are."""
    found = Findings()
    until = time.monotonic() + _LONG
    while time.monotonic() < until:
        over = sides.ledger.past_retention(days=sides.retention_days, letter_days=sides.letter_days)
        found.checked += len(over)
        gone = [job_id for job_id in over if _delete(sides, job_id)]
        for job_id in gone:
            found.repair(f"job {job_id}: its time was over")
        if not gone:
            break
    return found


def _delete(sides: Sides, job_id: str) -> bool:
    sides.go_on()
    try:
        sides.ledger.delete(job_id, owner=None)
    except (WrongState, JobInUse, JobNotFound):
        return False  # retried, put to use or deleted meanwhile
    return True


def blobs(sides: Sides) -> Findings:
    """Delete bytes that nobody refers to, as many as there are."""
    found = Findings()
    until = time.monotonic() + _LONG
    while time.monotonic() < until and (keys := sides.ledger.condemn_blobs()):
        for key in keys:
            sides.go_on()
            sides.store.delete(key)
        sides.ledger.forget_blobs(keys)
        found.checked += len(keys)
        found.repair(f"{len(keys)} objects that nothing referred to were deleted", n=len(keys))
    return found


def forget(sides: Sides) -> Findings:
    """Drop idempotency keys, events, workers, reconciliation runs and prices of services past their time."""
    ledger = sides.ledger
    gone = ledger.forget_old(events_days=sides.events_days) + ledger.forget_runs() + ledger.forget_quotes()
    found = Findings(checked=gone)
    if gone:
        found.repair(f"{gone} old rows were dropped", n=gone)
    return found


def scratch_folders(sides: Sides) -> Findings:
    """Remove what attempts of killed workers left on this host, and half-written objects."""
    oldest = time.time() - _SCRATCH_AGE
    found = Findings()
    for path in sides.scratch.glob("*"):
        found.checked += 1
        if path.is_dir() and path.stat().st_mtime < oldest:
            remove(path)
            found.repair(f"scratch folder {path.name} had no living owner")
    partial = sides.store.sweep_partial(older_than=_PARTIAL_AGE)
    if partial:
        found.repair(f"{partial} half-written objects were removed", n=partial)
    return found
