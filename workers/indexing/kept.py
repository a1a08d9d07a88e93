"""Places that a step has made and that are on their way to the index: its job need not wait for the commit.

What is kept here is lost with the process. The ledger's mark is not: it stands until the index has heard of the job, and
the indexer makes places anew where nobody here has told the index of them.
"""

import threading
import time
from collections import OrderedDict
from dataclasses import dataclass

from jobs.context import Place

Places = tuple[Place, ...]
MOST = 20_000  # places that are kept, some 20 MB; more wait for their commit
RIPE = 0.3  # seconds after which they go to the index though their job has not ended
_TOLD = 10_000  # jobs that are remembered


@dataclass(frozen=True, slots=True)
class _Kept:
    places: Places
    since: float  # monotonic


class Kept:
    """Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: dict[str, _Kept] = {}
        self._told: OrderedDict[str, None] = OrderedDict()

    def offer(self, job_id: str, places: Places) -> bool:
        """Keep a job's places, instead of earlier ones; False where there are too many already."""
        with self._lock:
            if sum(len(one.places) for one in self._kept.values()) + len(places) > MOST:
                return False
            self._kept[job_id] = _Kept(places, time.monotonic())
            return True

    def of(self, job_id: str) -> Places | None:
        """What is kept of a job."""
        with self._lock:
            found = self._kept.get(job_id)
            return found.places if found else None

    def ripe(self) -> list[str]:
        """Jobs whose end was waited for long enough."""
        until = time.monotonic() - RIPE
        with self._lock:
            return [job_id for job_id, one in self._kept.items() if one.since <= until]

    def told(self, job_id: str, places: Places) -> None:
        """The index has these places of the job."""
        with self._lock:
            if (one := self._kept.get(job_id)) is not None and one.places is places:
                del self._kept[job_id]
            self._told[job_id] = None
            self._told.move_to_end(job_id)
            if len(self._told) > _TOLD:
                self._told.popitem(last=False)

    def was_told(self, job_id: str) -> bool:
        """Whether the index was told of the job's places by this process; of jobs long ago nobody remembers."""
        with self._lock:
            return job_id in self._told

    def drop(self, job_id: str) -> None:
        """The job is gone."""
        with self._lock:
            self._kept.pop(job_id, None)
            self._told.pop(job_id, None)
