"""The port `search` of indexing steps: bound to one job, and done once its places are sure to be found."""

from collections.abc import Callable, Iterable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as NotInTime

from jobs.context import Place
from search.port import EngineError

PATIENCE = 120.0  # seconds for a commit, those before it included


class JobIndex:
    """See `jobs.context.SearchIndex`."""

    def __init__(
        self,
        put: "Callable[[str, tuple[Place, ...]], Future[int | None]]",
        *,
        job_id: str,
        keep: Callable[[str, tuple[Place, ...]], bool] | None = None,
    ) -> None:
        """`put` is the writer's. `keep` takes places that the indexer brings to the index within a second, if it can."""
        self._put = put
        self._keep = keep
        self._job_id = job_id

    def index(self, places: Iterable[Place]) -> int:
        """Make `places` findable instead of what was there for this job; returns how many.

        The job itself is findable by its file's name, its tags and its id in any case. Raises `EngineError` and
        `LedgerUnavailable`, after which nothing has changed, or the same as was asked for will have.
        """
        found = tuple(places)
        if self._keep is not None and self._keep(self._job_id, found):
            return len(found)
        try:
            version = self._put(self._job_id, found).result(PATIENCE)
        except NotInTime:
            raise EngineError("the index has not committed in time") from None
        return len(found) if version is not None else 0  # None: the job was deleted meanwhile
