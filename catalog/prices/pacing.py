"""How often a service is asked, and when it is left alone: a token bucket and a circuit breaker, both thread-safe."""

import threading
import time
from collections.abc import Callable
from enum import StrEnum

FAILURES = 5  # in a row, after which a service is left alone
REST = 60.0  # seconds that it is left alone
LONGEST_REST = 3600.0  # seconds that a service may ask to be left alone

Clock = Callable[[], float]  # seconds that only ever grow


class State(StrEnum):
    """Where a breaker stands."""

    CLOSED = "closed"  # calls go through
    OPEN = "open"  # none does
    HALF_OPEN = "half-open"  # one does, and decides


class Permit:
    """The right to make one call; give it back to `Breaker.leave`."""

    __slots__ = ("is_trial",)

    def __init__(self, *, is_trial: bool) -> None:
        self.is_trial = is_trial


class Breaker:
    """Opens after `failures` in a row; after `rest` seconds it lets one call through and closes if that one is well."""

    def __init__(self, *, failures: int = FAILURES, rest: float = REST, clock: Clock = time.monotonic) -> None:
        self._failures = failures
        self._rest = rest
        self._clock = clock
        self._lock = threading.Lock()
        self._failed = 0  # in a row
        self._open_until: float | None = None
        self._on_trial = False

    @property
    def state(self) -> State:
        """Where it stands now."""
        with self._lock:
            return self._state()

    def _state(self) -> State:
        if self._open_until is None:
            return State.CLOSED
        return State.OPEN if self._clock() < self._open_until else State.HALF_OPEN

    def enter(self) -> Permit | None:
        """The right to call now; None where the service is to be left alone, or the one trial is under way."""
        with self._lock:
            state = self._state()
            if state is State.OPEN or (state is State.HALF_OPEN and self._on_trial):
                return None
            self._on_trial = state is State.HALF_OPEN
            return Permit(is_trial=self._on_trial)

    def leave(self, permit: Permit, *, was_well: bool | None) -> None:
        """Say how the call went; None: it was not made, or says nothing about the service."""
        with self._lock:
            if permit.is_trial:
                self._on_trial = False
            elif self._open_until is not None:
                return  # begun before it opened: the trial decides
            if was_well:
                self._failed, self._open_until = 0, None
            elif was_well is False:
                self._failed += 1
                if permit.is_trial or self._failed >= self._failures:
                    self._open(self._rest)

    def leave_alone(self, seconds: float) -> None:
        """Open for as long as the service asked for, at most an hour."""
        with self._lock:
            self._open(min(seconds, LONGEST_REST))

    def _open(self, seconds: float) -> None:
        self._open_until = max(self._open_until or 0.0, self._clock() + seconds)


class Bucket:
    """At most `per_second` calls, over any longer time, and `burst` at once."""

    def __init__(self, per_second: float, *, burst: int = 1, clock: Clock = time.monotonic) -> None:
        self._per_second = per_second
        self._burst = float(burst)
        self._clock = clock
        self._lock = threading.Lock()
        self._tokens = float(burst)  # below zero: taken ahead by those who wait
        self._seen = clock()

    def take(self) -> float:
        """Take a turn; returns after how many seconds it comes. Who asks first goes first."""
        with self._lock:
            now = self._clock()
            self._tokens = min(self._burst, self._tokens + (now - self._seen) * self._per_second)
            self._seen = now
            self._tokens -= 1
            return max(0.0, -self._tokens / self._per_second)
