"""The indexer: a thread that tells the search index of jobs which changed or are gone, as the ledger has noted them."""

import threading
from concurrent.futures import TimeoutError as NotInTime
from contextlib import suppress

import structlog

from jobs.reconcilers import REBUILD
from ledger import Ledger
from ledger.errors import LedgerUnavailable
from search.port import EngineError, OtherFormat
from workers.indexing.job_index import PATIENCE
from workers.indexing.writer import Writer

log = structlog.get_logger(__name__)
LOOK_EVERY = 0.25  # seconds
AT_A_TIME = 200  # jobs
_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 5.0  # seconds between tries while the index can't be written


class Indexer:
    """One per indexing worker. Several at once do the same work twice, and no harm: the ledger's mark goes with a version."""

    def __init__(self, ledger: Ledger, writer: Writer) -> None:
        self._ledger = ledger
        self._writer = writer
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
        if not changed and not gone:
            return 0
        futures = self._writer.put_all([*changed, *gone])
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
                if version is not None:
                    heard[job_id] = version
                elif job_id in gone:
                    forgotten.append(job_id)
        self._ledger.indexed(heard, gone=forgotten)
        if broken is not None:
            raise broken
        return len(heard) + len(forgotten)

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
