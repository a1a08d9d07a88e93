"""The port `search` of indexing steps: bound to one job, and done once its places are sure to be found."""

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import CancelledError, Future
from concurrent.futures import TimeoutError as NotInTime

from jobs.context import Place
from jobs.errors import Cancelled
from search.port import EngineError

PATIENCE = 120.0  # seconds in which some commit has to end
_LOOK_EVERY = 0.1  # seconds between two looks whether the step is to end


class JobIndex:
    """See `jobs.context.SearchIndex`."""

    def __init__(
        self,
        put: "Callable[[str, tuple[Place, ...]], Future[int | None]]",
        *,
        job_id: str,
        stop: threading.Event,
        moved: Callable[[], float],
        owe: Callable[[str], bool] | None = None,
    ) -> None:
        """`put` and `moved` are the writer's. `owe` leaves it to the indexer to make the places once more, soon, if it can.

        `stop` ends the step: many places take longer to commit than a worker that ends may wait.
        """
        self._put = put
        self._moved = moved
        self._owe = owe
        self._job_id = job_id
        self._stop = stop

    def index(self, places: Iterable[Place]) -> None:
        """Make `places` findable instead of what was there for this job, now or, where that is safe, soon.

        The job itself is findable by its file's name, its tags and its id in any case. Raises `EngineError` and
        `LedgerUnavailable`, and `Cancelled` where the step is to end, after which nothing has changed, or the same as
        was asked for will have.
        """
        if self._owe is not None and self._owe(self._job_id):
            return
        self._wait_for(self._put(self._job_id, tuple(until_told_to_end(places, self._stop))))

    def _wait_for(self, future: "Future[int | None]") -> None:
        """As long as the line moves: how long it is says nothing about whether the index can be written."""
        began = time.monotonic()
        try:
            while not self._stop.is_set():
                try:
                    future.result(_LOOK_EVERY)
                except NotInTime:
                    if future.done():  # just now; or it is the commit itself that ran out of time
                        future.result()
                        return
                    if time.monotonic() >= max(began, self._moved()) + PATIENCE:
                        raise EngineError("the index has not committed in time") from None
                else:
                    return
        except CancelledError:  # another run of the same step has given up, and with it this one's turn
            raise EngineError("the index was not asked for it in the end") from None
        finally:
            future.cancel()  # nobody waits any more; to no effect where it is done, or being done
        raise Cancelled


def until_told_to_end(places: Iterable[Place], stop: threading.Event) -> Iterator[Place]:
    """The same; raises `Cancelled` once `stop` is set."""
    for place in places:
        if stop.is_set():
            raise Cancelled
        yield place
