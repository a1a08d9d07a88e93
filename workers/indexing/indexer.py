"""The indexer: a thread that tells the search index of jobs which changed or are gone, as the ledger has noted them."""

import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import TimeoutError as NotInTime
from contextlib import suppress
from itertools import chain

import structlog

from jobs.context import Place
from jobs.errors import HeavyliftError
from jobs.model import Job, Status
from jobs.queues import INDEXING
from jobs.reconcilers import REBUILD
from ledger import JobCard, Ledger
from ledger.errors import LedgerUnavailable
from search.port import EngineError, OtherFormat
from storage.port import StoreUnavailable
from workers.indexing.job_index import PATIENCE
from workers.indexing.writer import Places, Wanted, Writer

log = structlog.get_logger(__name__)
LOOK_EVERY = 0.25  # seconds
AT_A_TIME = 200  # jobs
MOST = 20_000  # places that are made for one round, some 20 MB, unless one job alone has more
_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 5.0  # seconds between tries while the index can't be written


class Indexer:
    """One per indexing worker. Several at once do the same work twice, and no harm: the ledger's mark goes with a version."""

    def __init__(
        self,
        ledger: Ledger,
        writer: Writer,
        *,
        places_of: Callable[[Job, str], Sequence[Place]] | None = None,
    ) -> None:
        """`places_of` makes what a step finds from the job's artifacts; without it, an `index` run has to.

        Where others write to the index as well steps wait for their commit, so nothing is owed.
        """
        self._ledger = ledger
        self._writer = writer
        self._owed = writer.owed
        self._places_of = None if writer.shared else places_of
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="indexer", daemon=True)

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def close(self) -> None:
        """Look no more; what waits is told by whoever looks next."""
        self._closing.set()
        if self._thread.ident is not None:
            self._thread.join(timeout=5)

    def look(self) -> int:
        """One round: tell the index of what waits; returns how many jobs it has heard of.

        Raises `EngineError`, `LedgerUnavailable`.
        """
        changed = self._ledger.unindexed(limit=AT_A_TIME)
        gone = self._ledger.gone(limit=AT_A_TIME)
        ripe = [job_id for job_id in self._owed.ripe() if job_id not in changed]
        if not changed and not gone and not ripe:
            return 0
        seen = self._ledger.cards([*changed, *ripe])
        wanted = self._wanted(changed, ripe, seen) | dict.fromkeys(gone, Wanted())
        futures = self._writer.put_all(wanted)
        heard: dict[str, int] = {}
        forgotten: list[str] = []
        broken: EngineError | LedgerUnavailable | None = None
        for job_id, future in futures.items():
            try:
                version = future.result(PATIENCE)
            except (EngineError, LedgerUnavailable) as error:
                broken = error
            except NotInTime:
                broken = EngineError("the index has not committed in time")
            except Exception:
                log.exception("index.job_refused", job_id=job_id)  # the others go on; its mark stays
            else:
                if version is None:
                    self._owed.drop(job_id)
                    forgotten += [job_id] if job_id in gone else []
                # A job that went on meanwhile may have places by now that nobody looked for: its mark stays.
                elif job_id in seen and seen[job_id].version == version and self._owed.since(job_id) is None:
                    heard[job_id] = version
        self._ledger.indexed(heard, gone=forgotten)
        if broken is not None:
            raise broken
        return len(heard) + len(forgotten)

    def _wanted(self, changed: Sequence[str], ripe: Sequence[str], seen: Mapping[str, JobCard]) -> dict[str, Wanted]:
        """What the index is to have of these jobs: of those that are only `ripe`, places alone. The rest comes next time."""
        wanted: dict[str, Wanted] = {}
        documents = 0
        for job_id in chain(changed, ripe):
            since = self._owed.since(job_id)
            is_due = since is not None or (job_id in seen and Status(seen[job_id].status).ended)
            places = self._made(job_id) if is_due and not self._owed.was_told(job_id) else None
            if places is None and job_id in ripe:
                continue  # its step has not ended yet
            wanted[job_id] = Wanted(places, since)
            documents += len(places or ())
            if documents >= MOST:
                break
        return wanted

    def _made(self, job_id: str) -> Places | None:
        """What the job's indexing steps find: whoever ran them has left that to us, or has died before it was told.

        None where there is nothing to make, or where it can't be: an `index` run tells of that.
        """
        job = self._ledger.find(job_id) if self._places_of is not None else None
        if job is None or self._places_of is None:
            self._owed.drop(job_id)
            return None
        steps = [step.name for step in job.steps if step.queue == INDEXING.name and step.status is Status.SUCCEEDED]
        if job.status.ended and not steps:
            self._owed.drop(job_id)
        try:
            return tuple(place for name in steps for place in self._places_of(job, name)) if steps else None
        except StoreUnavailable as error:
            raise EngineError(f"places can't be made: {error}") from error
        except (HeavyliftError, OSError) as error:
            log.warning("index.no_places", job_id=job_id, reason=str(error))
            self._owed.drop(job_id)
            return None

    def look_whether_it_is_new(self) -> None:
        """An index that knows nothing of a ledger with jobs is new, or was lost: have the two compared.

        Raises `EngineError`, `LedgerUnavailable`.
        """
        if self._writer.engine().stats().jobs == 0 and self._ledger.indexed_page(limit=1):
            self._ask_for("index")

    def _ask_for(self, run: str) -> None:
        if self._ledger.request_once(run) is not None:
            log.warning("index.asks_for", run=run)

    def _run(self) -> None:
        pause, is_known = _FIRST_PAUSE, False
        while not self._closing.is_set():
            try:
                if not is_known:
                    self.look_whether_it_is_new()
                    is_known = True
                told = self.look()
            except OtherFormat as error:
                log.warning("index.waits", reason=str(error), seconds=_LONGEST_PAUSE)
                with suppress(LedgerUnavailable):
                    self._ask_for(REBUILD)
                self._closing.wait(_LONGEST_PAUSE)
            except (EngineError, LedgerUnavailable) as error:
                log.warning("index.waits", reason=str(error), seconds=pause)
                self._closing.wait(pause)
                pause = min(2 * pause, _LONGEST_PAUSE)
            except Exception:
                log.exception("indexer.round_failed")
                self._closing.wait(_LONGEST_PAUSE)
            else:
                pause = _FIRST_PAUSE
                if told < AT_A_TIME:
                    self._closing.wait(LOOK_EVERY)
