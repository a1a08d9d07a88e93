"""How a worker ends: it takes nothing new, lets steps end for a while, gives the rest back uncharged; it may start anew."""

import signal
import threading
import time
from types import FrameType

import structlog
from celery.worker import state as celery_state

from ledger.errors import LedgerUnavailable
from workers.anew import Anew, Past
from workers.wiring import Worker

log = structlog.get_logger(__name__)
_SHORT_GRACE = 5.0  # seconds that steps get before a restart: they are given back, not lost
_PATIENCE = 10.0  # seconds beyond, after which a worker whose main thread hangs starts anew without it
_TICK = 0.2  # seconds
_FIRST_PAUSE, _LONGEST_PAUSE = 1.0, 30.0  # seconds before a worker that ended by itself starts anew


class Shutdown:
    """SIGTERM, or a restart that the worker itself has asked for."""

    def __init__(self, worker: Worker, *, grace: float) -> None:
        self._worker = worker
        self._grace = grace
        self._anew = Anew()
        self._begun = threading.Lock()  # held from the beginning of the end
        self._hurry = threading.Event()  # give back at once
        self._restarting = False
        self._pause = 0.0  # seconds between the end and the new start
        self._served = False

    def install(self) -> None:
        """The worker serves: take SIGTERM and SIGINT over; the second one gives everything back at once."""
        self._served = True
        signal.signal(signal.SIGTERM, self._on_signal)
        signal.signal(signal.SIGINT, self._on_signal)
        log.info("worker.ready", pool=self._worker.queue.name, concurrency=self._worker.concurrency)

    def restart(self) -> None:
        """End soon, then start anew in place. Callable from any thread; a signal turns it into an end for good."""
        if self._begun.acquire(blocking=False):
            self._restarting = True
            self._begin(min(self._grace, _SHORT_GRACE))
            threading.Thread(target=self._restart_without_main, name="restart", daemon=True).start()

    def ended(self) -> None:
        """Celery has ended; where nobody asked it to (the broker closed its channel, say), start anew after a pause.

        One that never came to serve was told to end while it waited for its broker: until then signals are Celery's.
        """
        if not self._served or not self._begun.acquire(blocking=False):
            return
        self._restarting = True
        self._pause = min(_LONGEST_PAUSE, _FIRST_PAUSE * 2 ** Past.read().starts_lately())
        log.error("worker.ended_by_itself", starts_anew_in=self._pause)
        self._worker.executor.stop()
        self._worker.heartbeat.stop_all()

    def finish(self) -> None:
        """Called on the main thread once the worker is closed: start anew where that was asked for, else return."""
        if not self._restarting:
            return
        self._hurry.wait(self._pause)  # which a signal ends
        # A signal that comes now ends the process at once: the new image could not know of it.
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        if self._restarting:
            log.info("worker.starts_anew")
            self._anew.start()

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        self._restarting = False
        self._pause = 0.0
        if self._begun.acquire(blocking=False):
            self._begin(self._grace)
        else:
            self._hurry.set()

    def _begin(self, grace: float) -> None:
        self._worker.executor.stop()
        # Celery's loop ends: no more messages are taken.
        celery_state.should_stop = 0  # type: ignore[assignment] # its stubs know None alone
        threading.Thread(target=self._give_back, args=(grace,), name="shutdown", daemon=True).start()

    def _give_back(self, grace: float) -> None:
        """To the end of the process: a thread may have claimed just when the end began."""
        self._hurry.wait(grace)
        if not self._worker.heartbeat.wait_idle(0):
            log.info("worker.giving_back")
        while True:
            self._worker.heartbeat.stop_all()
            time.sleep(_TICK)

    def _restart_without_main(self) -> None:
        """The last resort where the main thread hangs in the very connection that it hears nothing from."""
        time.sleep(min(self._grace, _SHORT_GRACE) + _PATIENCE)
        if not self._restarting:
            return
        log.error("worker.starts_anew", main_thread="hangs")
        self._worker.sandbox.close()
        try:
            self._worker.ledger.unregister(self._worker.name)
        except LedgerUnavailable:
            log.warning("ledger.unavailable", during="unregister")
        self._anew.start()
