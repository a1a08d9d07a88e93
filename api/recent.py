"""Jobs as they were shown last, kept while their version stands: a status request then costs one short query."""

import math
import threading
import time
from collections import OrderedDict
from dataclasses import dataclass

from api.answers import job_body
from jobs.model import Job, Status
from ledger import Ledger
from ledger.glance import Glance

SIZE = 256  # jobs kept
WAITS_SECONDS = 0.5  # that what a step in line waits for is shown without looking again


@dataclass(frozen=True, slots=True)
class Shown:
    """A job and the JSON that shows it."""

    job: Job
    body: bytes
    good_until: float  # monotonic; what its steps in line wait for is looked up again after this


class RecentJobs:
    """Reads jobs for status requests; never shows an older version than the ledger has."""

    def __init__(self, ledger: Ledger, *, size: int = SIZE) -> None:
        self._ledger = ledger
        self._size = size
        self._glance = Glance(ledger.database)
        self._kept: OrderedDict[str, Shown] = OrderedDict()
        self._lock = threading.Lock()

    def at_hand(self, job_id: str, *, owner: str) -> Shown | None:
        """The job, where it still stands as it was shown last and that can be told at once: for the event loop.

        Under load the two changes of threads around `look` take most of the time until an answer.
        """
        known = self._known(job_id)
        if known is None or known.job.owner != owner or self._glance.version(job_id) != known.job.version:
            return None
        return known

    def look(self, job_id: str, *, owner: str) -> Shown:
        """The job; asks the ledger, so call it in a thread. Raises `JobNotFound`."""
        version, _status = self._ledger.version(job_id, owner=owner)
        known = self._known(job_id)
        if known is not None and known.job.version == version:
            return known
        shown = self._show(self._ledger.get(job_id, owner=owner))
        with self._lock:
            self._kept[job_id] = shown
            self._kept.move_to_end(job_id)
            while len(self._kept) > self._size:
                self._kept.popitem(last=False)
        return shown

    def close(self) -> None:
        """From the event loop."""
        self._glance.close()

    def _known(self, job_id: str) -> Shown | None:
        with self._lock:
            known = self._kept.get(job_id)
            if known is None or time.monotonic() > known.good_until:
                return None
            self._kept.move_to_end(job_id)
        return known

    def _show(self, job: Job) -> Shown:
        in_line = any(step.status is Status.QUEUED for step in job.steps)
        waits = self._ledger.waiting(job) if in_line else None
        good_until = time.monotonic() + WAITS_SECONDS if in_line else math.inf
        return Shown(job, job_body(job, waits=waits), good_until)
