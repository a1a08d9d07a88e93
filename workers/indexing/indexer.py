"""The indexer: a thread that tells the search index of jobs which changed or are gone, as the ledger has noted them."""

import threading
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import TimeoutError as NotInTime
from contextlib import suppress

import structlog

from jobs.context import Place
from jobs.errors import HeavyliftError
from jobs.model import Job, Status
from jobs.queues import INDEXING
from jobs.reconcilers import REBUILD
from ledger import Ledger
from ledger.errors import LedgerUnavailable
from search.port import EngineError, OtherFormat
from storage.port import StoreUnavailable
from workers.indexing.job_index import PATIENCE
from workers.indexing.kept import MOST, Places
from workers.indexing.writer import Writer

log = structlog.get_logger(__name__)
LOOK_EVERY = 0.25  # seconds
AT_A_TIME = 200  # jobs
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
        """`places_of` makes what a step finds anew; without it, what a dead worker had kept waits for an `index` run.

        Where others write to the index as well nothing is kept, so nothing is owed.
        """
        self._ledger = ledger
        self._writer = writer
        self._kept = writer.kept
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
        ripe = self._kept.ripe()
        if not changed and not gone and not ripe:
            return 0
        wanted_for = list(dict.fromkeys([*changed, *ripe]))
        seen = self._ledger.cards(wanted_for)
        wanted = self._wanted(wanted_for) | dict.fromkeys(gone)
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
                    self._kept.drop(job_id)
                    forgotten += [job_id] if job_id in gone else []
                # A job that went on meanwhile may have places by now that nobody looked for: its mark stays.
                elif job_id in seen and seen[job_id].version == version and self._kept.of(job_id) is None:
                    heard[job_id] = version
        self._ledger.indexed(heard, gone=forgotten)
        if broken is not None:
            raise broken
        return len(heard) + len(forgotten)

    def _wanted(self, job_ids: Iterable[str]) -> dict[str, Places | None]:
        """These jobs with the places that the index is to have; None: those that it has. The rest comes next time."""
        wanted: dict[str, Places | None] = {}
        documents = 0
        for job_id in job_ids:
            places = self._kept.of(job_id)
            if places is None and not self._kept.was_told(job_id):
                places = self._anew(job_id)
            wanted[job_id] = places
            documents += len(places or ())
            if documents >= MOST:
                break
        return wanted

    def _anew(self, job_id: str) -> Places | None:
        """Of a job that has ended, what its indexing steps found: whoever ran them may have died with it.

        None where there is nothing to make, or where it can't be: an `index` run tells of that.
        """
        job = self._ledger.find(job_id) if self._places_of is not None else None
        if job is None or self._places_of is None or not job.status.ended:
            return None
        steps = [step.name for step in job.steps if step.queue == INDEXING.name and step.status is Status.SUCCEEDED]
        try:
            return tuple(place for name in steps for place in self._places_of(job, name)) if steps else None
        except StoreUnavailable as error:
            raise EngineError(f"places can't be made anew: {error}") from error
        except (HeavyliftError, OSError) as error:
            log.warning("index.no_places", job_id=job_id, reason=str(error))
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
