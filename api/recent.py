"""Jobs as they were read last, kept while their version stands: a status request then costs one short query."""

import threading
import time
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass

from jobs.model import Job, Status, StepKey
from ledger import Ledger

SIZE = 256  # jobs kept
PLACES_SECONDS = 0.5  # that a place in line is shown without counting again


@dataclass(slots=True)
class _Kept:
    job: Job
    places: Mapping[StepKey, int] | None = None
    placed_at: float = 0.0


class RecentJobs:
    """Reads jobs for status requests. Thread-safe; never shows an older version than the ledger has."""

    def __init__(self, ledger: Ledger, *, size: int = SIZE) -> None:
        self._ledger = ledger
        self._size = size
        self._kept: OrderedDict[str, _Kept] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, job_id: str, *, owner: str) -> Job:
        """The job. Raises `JobNotFound`."""
        version, _status = self._ledger.version(job_id, owner=owner)
        with self._lock:
            known = self._kept.get(job_id)
            if known is not None and known.job.version == version:
                self._kept.move_to_end(job_id)
                return known.job
        job = self._ledger.get(job_id, owner=owner)
        with self._lock:
            self._kept[job_id] = _Kept(job)
            self._kept.move_to_end(job_id)
            while len(self._kept) > self._size:
                self._kept.popitem(last=False)
        return job

    def places(self, job: Job) -> Mapping[StepKey, int]:
        """Where its queued steps stand in line; asked anew every half second at most."""
        if not any(step.status is Status.QUEUED and step.not_before is None for step in job.steps):
            return {}
        with self._lock:
            known = self._kept.get(job.id)
        now = time.monotonic()
        if (
            known is not None
            and known.job is job
            and known.places is not None
            and now - known.placed_at < PLACES_SECONDS
        ):
            return known.places
        places = self._ledger.place_in_line(job)
        if known is not None and known.job is job:
            known.places, known.placed_at = places, now
        return places
