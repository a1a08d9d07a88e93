"""The port `search` of indexing steps: bound to one job, and done once its places are sure to be found."""

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from concurrent.futures import TimeoutError as NotInTime

from jobs.context import Place
from jobs.errors import Cancelled
from search.port import EngineError

PATIENCE = 120.0  # seconds for a commit, those before it included
_LOOK_EVERY = 0.1  # seconds between two looks whether the step is to end


class JobIndex:
    """See `jobs.context.SearchIndex`."""

    def __init__(
        self,
        put: "Callable[[str, tuple[Place, ...]], Future[int | None]]",
        *,
        job_id: str,
        stop: threading.Event,
        keep: Callable[[str, tuple[Place, ...]], bool] | None = None,
    ) -> None:
        """`put` is the writer's. `keep` takes places that the indexer brings to the index within a second, if it can.

        `stop` ends the step: many places take longer to commit than a worker that ends may wait.
        """
        self._put = put
        self._keep = keep
        self._job_id = job_id
        self._stop = stop

    def index(self, places: Iterable[Place]) -> int:
        """Make `places` findable instead of what was there for this job; returns how many.

        The job itself is findable by its file's name, its tags and its id in any case. Raises `EngineError` and
        `LedgerUnavailable`, and `Cancelled` where the step is to end, after which nothing has changed, or the same as
        was asked for will have.
        """
        found = tuple(self._until_told_to_end(places))
        if self._keep is not None and self._keep(self._job_id, found):
            return len(found)
        version = self._committed(self._put(self._job_id, found))
        return len(found) if version is not None else 0  # None: the job was deleted meanwhile

    def _until_told_to_end(self, places: Iterable[Place]) -> Iterator[Place]:
        for place in places:
            if self._stop.is_set():
                raise Cancelled
            yield place

    def _committed(self, future: "Future[int | None]") -> int | None:
        until = time.monotonic() + PATIENCE
        while not self._stop.is_set():
            try:
                return future.result(_LOOK_EVERY)
            except NotInTime:
                if future.done():  # it is the commit itself that ran out of time
                    raise
                if time.monotonic() >= until:
                    raise EngineError("the index has not committed in time") from None
        raise Cancelled
