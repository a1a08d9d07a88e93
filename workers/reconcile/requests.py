"""Runs that somebody asked for: a thread of the housekeeping worker that looks for them each second."""

import threading

import structlog

from ledger.errors import LedgerUnavailable
from workers.reconcile import Reconciliation

log = structlog.get_logger(__name__)
_LOOK_EVERY = 1.0  # seconds


class Requests:
    """One run at a time; it goes through the ledger, so that a broker that is away keeps nobody from reconciling."""

    def __init__(self, reconciliation: Reconciliation) -> None:
        self._reconciliation = reconciliation
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._serve, name="reconciliation-requests", daemon=True)

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def close(self) -> None:
        """Look no more; a run under way is abandoned with the process, and its row says so after a while."""
        self._closing.set()

    def _serve(self) -> None:
        while not self._closing.is_set():
            try:
                if self._reconciliation.take_requested():
                    continue
            except LedgerUnavailable as error:
                log.warning("ledger.unavailable", during="reconciliation", reason=str(error))
            except Exception:
                log.exception("reconciliation.crashed")  # its row says so; the next request is served
            self._closing.wait(_LOOK_EVERY)
