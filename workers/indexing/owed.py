"""Jobs whose places the index is still owed: their steps end without waiting until they are made and committed.

What is noted here is lost with the process. The ledger's mark is not: it stands until the index has heard of the job, and
the indexer makes the places of every job of which nobody here has told the index.
"""

import threading
import time
from collections import OrderedDict

RIPE = 0.3  # seconds after which places go to the index though their job has not ended
_FORGOTTEN = 600.0  # seconds after which a job that has not got on is left to its mark
_TOLD = 10_000  # jobs that are remembered


class Owed:
    """Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._since: dict[str, float] = {}  # monotonic
        self._told: OrderedDict[str, None] = OrderedDict()

    def owe(self, job_id: str) -> None:
        """The job's places have to be made, whatever the index has."""
        with self._lock:
            self._since[job_id] = time.monotonic()
            self._told.pop(job_id, None)

    def since(self, job_id: str) -> float | None:
        """When it was noted last; None where nothing is owed."""
        with self._lock:
            return self._since.get(job_id)

    def ripe(self) -> list[str]:
        """Jobs whose end was waited for long enough."""
        now = time.monotonic()
        with self._lock:
            for job_id in [one for one, since in self._since.items() if since < now - _FORGOTTEN]:
                del self._since[job_id]
            return [job_id for job_id, since in self._since.items() if since <= now - RIPE]

    def told(self, job_id: str, *, since: float | None = None) -> None:
        """The index has the job's places, as they were owed `since` then."""
        with self._lock:
            if job_id in self._since and self._since[job_id] != since:
                return  # the step has run once more meanwhile
            self._since.pop(job_id, None)
            self._told[job_id] = None
            self._told.move_to_end(job_id)
            if len(self._told) > _TOLD:
                self._told.popitem(last=False)

    def was_told(self, job_id: str) -> bool:
        """Whether the index was told of the job's places by this process; of jobs long ago nobody remembers."""
        with self._lock:
            return job_id in self._told

    def drop(self, job_id: str) -> None:
        """The job is gone, or has nothing that could be made."""
        with self._lock:
            self._since.pop(job_id, None)
            self._told.pop(job_id, None)
