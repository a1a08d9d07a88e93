"""The slow sweeps that beat sends to the housekeeping queue; each is idempotent and safe when run twice at once."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import structlog

from broker import BrokerOptions, depths
from jobs.errors import HeavyliftError
from jobs.lifecycle import WrongState
from ledger import Dispatch, Ledger
from ledger.errors import JobNotFound
from storage.port import ObjectStore
from workers.dispatcher import take_from_dead_workers
from workers.sandbox import remove

log = structlog.get_logger(__name__)
_SCRATCH_AGE = 6 * 3600.0  # seconds after which a scratch folder has no living owner
_PARTIAL_AGE = 24 * 3600.0  # seconds after which half an upload is abandoned


@dataclass(frozen=True, slots=True, kw_only=True)
class Housekeeping:
    """One method per clock entry of beat_schedule.py; each returns how many things it mended."""

    ledger: Ledger
    store: ObjectStore
    broker: BrokerOptions
    wake: Callable[[Sequence[Dispatch]], None]
    scratch: Path
    retention_days: float
    letter_days: float
    events_days: float
    lost_after: float  # seconds

    def outbox(self) -> int:
        """Send what the publishers and dispatchers left."""
        due = self.ledger.take_due(limit=1000)
        self.wake(due)
        return len(due)

    def leases(self) -> int:
        """Take claims away from workers that went silent."""
        return take_from_dead_workers(self.ledger, self.wake)

    def lost_messages(self) -> int:
        """Send queued steps again whose message the broker no longer has."""
        mended = self.ledger.resend_lost(depths(self.broker), older_than=self.lost_after)
        if mended:
            log.warning("messages.lost", resent=mended)
            self.wake(self.ledger.take_due(limit=1000))
        return mended

    def retention(self) -> int:
        """Delete jobs whose time is over."""
        gone = 0
        for job_id in self.ledger.past_retention(days=self.retention_days, letter_days=self.letter_days):
            try:
                self.ledger.delete(job_id, owner=None)
                gone += 1
            except (WrongState, JobNotFound):
                continue  # retried or deleted meanwhile
        return gone

    def blobs(self) -> int:
        """Delete bytes that nobody refers to."""
        keys = self.ledger.condemn_blobs()
        for key in keys:
            self.store.delete(key)
        self.ledger.forget_blobs(keys)
        return len(keys)

    def forget(self) -> int:
        """Drop idempotency keys, events and workers past their time."""
        return self.ledger.forget_old(events_days=self.events_days)

    def scratch_folders(self) -> int:
        """Remove what attempts of killed workers left on this host, and half-written objects."""
        oldest = time.time() - _SCRATCH_AGE
        left = [path for path in self.scratch.glob("*") if path.is_dir() and path.stat().st_mtime < oldest]
        for path in left:
            remove(path)
        return len(left) + self.store.sweep_partial(older_than=_PARTIAL_AGE)

    def run(self, name: str) -> None:
        """Run one sweep by its name in `SWEEPS`; what is away now is there at the next tick."""
        try:
            mended = SWEEPS[name](self)
        except HeavyliftError as error:
            log.warning("sweep.postponed", sweep=name, reason=str(error))
        else:
            if mended:
                log.info("sweep.mended", sweep=name, mended=mended)


SWEEPS: dict[str, Callable[[Housekeeping], int]] = {
    "housekeeping.outbox": Housekeeping.outbox,
    "housekeeping.leases": Housekeeping.leases,
    "housekeeping.lost_messages": Housekeeping.lost_messages,
    "housekeeping.retention": Housekeeping.retention,
    "housekeeping.blobs": Housekeeping.blobs,
    "housekeeping.forget": Housekeeping.forget,
    "housekeeping.scratch_folders": Housekeeping.scratch_folders,
}
