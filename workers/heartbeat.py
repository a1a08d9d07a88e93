"""The heartbeat: one thread per worker renews all its leases, learns of cancels and writes progress."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import structlog

from ledger import Held, Ledger, Progress
from ledger.errors import LedgerUnavailable

log = structlog.get_logger(__name__)
PROGRESS_EVERY = 1.0  # seconds between two writes of one step's progress


@dataclass(slots=True, kw_only=True)
class Hold:
    """A claim that this worker works on, as its heartbeat sees it."""

    held: Held
    stop: threading.Event = field(default_factory=threading.Event)  # end now: cancelled, lost, or shutdown
    shutdown: bool = False  # the stop is the worker's own end, so the attempt is not charged
    progress: tuple[float, str] | None = None  # not written yet
    since: float = field(default_factory=time.monotonic)
    reported_at: float = field(default_factory=time.monotonic)

    def tell(self, done: float, message: str) -> None:
        """Note how far the step is; the heartbeat writes the newest."""
        self.progress = (max(0.0, min(1.0, done)), message)


class Heartbeat:
    """Runs while the worker lives; idle when nothing is held."""

    def __init__(self, ledger: Ledger, *, worker: str, lease: float, every: float, cancel_poll: float) -> None:
        self._ledger = ledger
        self._worker = worker
        self._lease = lease
        self._every = every
        self._poll = cancel_poll
        self._holds: dict[Held, Hold] = {}
        self._changed = threading.Condition()
        self._closing = False
        self._thread = threading.Thread(target=self._run, name="heartbeat", daemon=True)
        self._thread.start()

    @contextmanager
    def holding(self, held: Held) -> Iterator[Hold]:
        """Keep the claim alive inside the block."""
        hold = Hold(held=held)
        with self._changed:
            self._holds[held] = hold
            self._changed.notify()
        try:
            yield hold
        finally:
            with self._changed:
                self._holds.pop(held, None)
                self._changed.notify()

    def stop_all(self) -> None:
        """End everything that runs, without charging an attempt: the worker shuts down."""
        with self._changed:
            for hold in self._holds.values():
                if not hold.stop.is_set():
                    hold.shutdown = True
                    hold.stop.set()

    def wait_idle(self, timeout: float) -> bool:
        """Wait until nothing is held; False where something still is after `timeout` seconds."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._holds, timeout)

    def close(self) -> None:
        """End the thread."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        self._thread.join(timeout=5)

    def _run(self) -> None:
        renewed = time.monotonic()
        while True:
            with self._changed:
                if not self._holds:
                    self._changed.wait_for(lambda: self._closing or bool(self._holds))
                    renewed = time.monotonic()
                elif not self._closing:
                    self._changed.wait(self._poll)
                if self._closing:
                    return
                holds = dict(self._holds)
            now = time.monotonic()
            renew = now - renewed >= self._every
            if self._tick(holds, renew=renew) and renew:
                renewed = now  # else at the next look: a ledger that comes back waits for nothing else

    def _tick(self, holds: dict[Held, Hold], *, renew: bool) -> bool:
        """One look at the ledger; False while it is away: the steps go on, and the fence decides later."""
        now = time.monotonic()
        if not renew and all(now - hold.since < self._poll / 2 for hold in holds.values()):
            return True  # nothing has run long enough to be worth a look
        try:
            if renew:
                self._ledger.heartbeat(list(holds), lease=self._lease)
            granted = self._ledger.held_by(self._worker)
            for held, hold in holds.items():
                if held not in granted and held in self._holds and not hold.stop.is_set():
                    log.info("step.stopping", job_id=held.job_id, step=held.step, reason="cancelled or taken away")
                    hold.stop.set()
                else:
                    self._write_progress(hold, now)
        except LedgerUnavailable as error:
            log.warning("ledger.unavailable", during="heartbeat", reason=str(error))
            return False
        except Exception:
            log.exception("heartbeat.tick_failed")  # without this thread every lease of the worker would run out
        return True

    def _write_progress(self, hold: Hold, now: float) -> None:
        progress, hold_age = hold.progress, now - hold.reported_at
        if progress is None or hold_age < PROGRESS_EVERY:
            return
        hold.progress, hold.reported_at = None, now
        self._ledger.report(Progress(held=hold.held, done=progress[0], message=progress[1]))
