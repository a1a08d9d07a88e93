"""A deaf worker: it lives and renews its leases, but takes no messages any more. It notices by itself, and starts anew.

Seen after reconnects to a broker. Where messages for it stand ready in its line, it is sure. Where none does, one may be
in its own deaf hands, or the broker may have lost it: then it waits longer than the reconciler of lost messages takes
before it blames itself.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import structlog

from broker import BrokerOptions, depths
from broker.app import BrokerUnavailable

log = structlog.get_logger(__name__)
_LOOKS = 10  # in one `deaf_after`: what asks ledger or broker is not done each second
_UNSURE = 2  # times `deaf_after`: by then a message that the broker had lost was sent again
_REST = 5  # times `deaf_after` between two restarts: where they do not help, they must not become the trouble


class Hearing:
    """When this worker heard a message last, and whether one of its threads is free to work on one."""

    def __init__(self, *, threads: int) -> None:
        self._threads = threads
        self._busy = 0
        self._since: float | None = None  # monotonic; None until it has begun to listen
        self._lock = threading.Lock()

    def heard(self) -> None:
        """A message came, or the worker has just begun to listen."""
        self._since = time.monotonic()

    @contextmanager
    def busy(self) -> Iterator[None]:
        """One thread works inside the block."""
        with self._lock:
            self._busy += 1
        try:
            yield
        finally:
            with self._lock:
                if self._busy >= self._threads and self._since is not None:
                    self._since = time.monotonic()
                self._busy -= 1

    def silent_for(self) -> float:
        """Seconds in which a message could have been taken and none came."""
        with self._lock:
            if self._busy >= self._threads or self._since is None:
                return 0.0
            return time.monotonic() - self._since


@dataclass(frozen=True, slots=True, kw_only=True)
class Senses:
    """What a worker asks before it calls itself deaf."""

    silent_for: Callable[[], float]  # seconds; `Hearing`'s
    waited: Callable[
        [], float | None
    ]  # seconds that the oldest work for this pool has been waiting; None: there is none
    ready: Callable[[], int | None]  # messages that stand ready in its line; None where the broker does not answer


class DeafWatch:
    """Looked through by the dispatcher each round; calls `restart`, once, where the worker is found deaf."""

    def __init__(
        self, senses: Senses, *, after: float, restart: Callable[[], None], restarted_at: float | None = None
    ) -> None:
        """`after`: seconds of silence beside waiting work; `restarted_at`: when last, on the monotonic clock."""
        self._senses = senses
        self._after = after
        self._restart = restart
        self._restarted_at = restarted_at
        self._next = 0.0
        self._suspected = False
        self._restarting = False

    def look(self) -> None:
        """Cheap while messages come; found deaf only twice in a row, since a message may just be on its way."""
        now = time.monotonic()
        silent = self._senses.silent_for()
        if silent < self._after:
            self._suspected = False
            return
        if now < self._next or self._restarting:
            return
        self._next = now + self._after / _LOOKS
        waited = self._senses.waited()
        suspicious = waited is not None and waited >= self._after
        if suspicious and self._suspected:
            ready = self._senses.ready()
            sure = bool(ready) or min(silent, waited or 0.0) >= _UNSURE * self._after
            if ready is not None and sure:
                self._found_deaf(now, silent=round(silent, 1), waited=round(waited or 0.0, 1), ready=ready)
        self._suspected = suspicious

    def _found_deaf(self, now: float, **facts: float) -> None:
        may_restart = self._restarted_at is None or now - self._restarted_at >= _REST * self._after
        log.error("worker.deaf", restarts=may_restart, **facts)
        self._next = now + self._after  # one line is enough for a while
        if may_restart:
            self._restarting = True
            self._restart()


class Line:
    """The pool's own line in the broker."""

    def __init__(self, options: BrokerOptions, *, queue: str) -> None:
        self._options = options
        self._queue = queue
        self._since: float | None = None

    def ready(self) -> int | None:
        """How many messages stand ready in it; None where the broker does not answer."""
        try:
            return depths(self._options)[self._queue]
        except BrokerUnavailable:
            return None

    def waited(self) -> float | None:
        """Seconds since the first of the looks that found messages ready: for a pool whose work stands in no ledger.

        The caller looks only while it hears nothing, so those are messages that it should have heard.
        """
        if not self.ready():
            self._since = None
            return None
        self._since = self._since or time.monotonic()
        return time.monotonic() - self._since
