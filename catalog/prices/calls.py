"""Calls to a price service: paced, counted, bounded in time and size, repeated where that may help, given up in time.

What a call may run into is an `Unanswered` with its `Reason`, never another exception.
"""

import email.utils
import random
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NamedTuple, Protocol, TypeVar

from catalog.prices.pacing import Breaker, Bucket
from catalog.prices.port import Reason

T = TypeVar("T")
TIMEOUT = 5.0  # seconds for a whole answer, from the first byte of the connection to the last of the body
TRIES = 3
MAX_BODY = 1024 * 1024  # bytes
PATIENCE = 10.0  # seconds that one call waits because the service asks for it; longer leaves the service alone
_BACKOFF = 0.5  # seconds before the second try, doubled for the third


class Reply(NamedTuple):
    """What came back."""

    status: int
    headers: Mapping[str, str]  # names in lower case
    body: bytes


class Unanswered(Exception):
    """A call without an answer that can be used."""

    def __init__(self, reason: Reason, detail: str = "", *, is_passing: bool = False) -> None:
        super().__init__(f"{reason.value}: {detail}" if detail else reason.value)
        self.reason = reason
        self.is_passing = is_passing  # another try may help


class Line(Protocol):
    """The way to a service: one GET, no redirects followed; line.py is the real one."""

    def get(self, url: str, *, headers: Mapping[str, str], timeout: float, most: int) -> Reply:
        """The whole reply within `timeout` seconds and `most` bytes. Raises `Unanswered`."""


class Days(Protocol):
    """Counts calls by day, over all workers and restarts."""

    def take_call(self, provider: str, *, day: str, most: int) -> bool:
        """Count one more call of `day`; False, and nothing counted, where `most` are made."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How often one service may be asked."""

    per_second: float
    per_day: int
    burst: int = 4


class Calls:
    """Calls to one service; safe to share between threads."""

    def __init__(
        self,
        name: str,
        *,
        line: Line,
        days: Days,
        pace: Pace,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] | None = None,  # None: until the time is over, or nobody wants the answer
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.name = name
        self.breaker = Breaker(clock=clock)
        self._bucket = Bucket(pace.per_second, burst=pace.burst, clock=clock)
        self._line = line
        self._days = days
        self._per_day = pace.per_day
        self._sleep = sleep
        self._now = now
        self._spent_day: str | None = None  # the last day that had no calls left

    def get(
        self,
        url: str,
        *,
        headers: Callable[[], Mapping[str, str]],
        read: Callable[[Reply], T],
        stop: threading.Event | None = None,
    ) -> T:
        """What `read` makes of the reply; it raises `Unanswered` where the reply says that it is none.

        `headers` are made for each try. 429, 5xx and what `read` calls passing are tried again. Once `stop` is set,
        nothing more is waited for or begun.
        """
        stop = stop or threading.Event()
        for attempt in range(1, TRIES + 1):
            try:
                return self._once(url, headers=headers, read=read, stop=stop)
            except _Later as later:
                if attempt == TRIES:
                    raise Unanswered(Reason.BUSY, str(later)) from later
                wait = self._wait(later, attempt)
                if wait > PATIENCE:
                    self.breaker.leave_alone(wait)
                    raise Unanswered(Reason.BUSY, f"asks to be left alone for {wait:.0f} s") from later
                self._pause(wait, stop)
        raise AssertionError("the last try returns or raises")

    def _once(
        self,
        url: str,
        *,
        headers: Callable[[], Mapping[str, str]],
        read: Callable[[Reply], T],
        stop: threading.Event,
    ) -> T:
        """One try; what it says about the service is told to the breaker."""
        today = self._now().astimezone(UTC).date().isoformat()
        if self._spent_day == today:  # a long list would else ask the ledger for each of its lots
            raise Unanswered(Reason.DAILY_LIMIT, f"{self._per_day} calls were made today")
        permit = self.breaker.enter()
        if permit is None:
            raise Unanswered(Reason.SERVICE_DOWN, f"{self.name} is left alone for a while")
        verdict: bool | None = None
        try:
            if not self._days.take_call(self.name, day=today, most=self._per_day):
                self._spent_day = today
                raise Unanswered(Reason.DAILY_LIMIT, f"{self._per_day} calls were made today")
            self._pause(self._bucket.take(), stop)
            verdict = False
            reply = self._line.get(url, headers=headers(), timeout=TIMEOUT, most=MAX_BODY)
            if reply.status == 429 or reply.status >= 500:
                raise _Later(f"status {reply.status}", reply.headers.get("retry-after"))
            try:
                found = read(reply)
            except Unanswered as wrong:
                if wrong.is_passing:
                    raise _Later(str(wrong), None) from wrong
                raise
            verdict = True
            return found
        finally:
            self.breaker.leave(permit, was_well=verdict)

    def _pause(self, seconds: float, stop: threading.Event) -> None:
        if self._sleep is None:
            stop.wait(seconds)
        elif seconds:
            self._sleep(seconds)
        if stop.is_set():
            raise Unanswered(Reason.TIME_LIMIT, "nobody wants the answer any more")

    def _wait(self, later: "_Later", attempt: int) -> float:
        asked = retry_after(later.asked, now=self._now())
        return asked if asked is not None else _BACKOFF * 2 ** (attempt - 1) * (0.5 + random.random())


class _Later(Exception):
    """The service is busy; `asked` is its Retry-After."""

    def __init__(self, detail: str, asked: str | None) -> None:
        super().__init__(detail)
        self.asked = asked


def retry_after(text: str | None, *, now: datetime) -> float | None:
    """Seconds that a Retry-After header (RFC 9110, section 10.2.3) asks for; None where it is absent or unreadable."""
    if not text:
        return None
    text = text.strip()
    if text.isascii() and text.isdigit():
        return float(text[:9])
    try:
        until = email.utils.parsedate_to_datetime(text)
    except ValueError:
        return None
    return max(0.0, (until.replace(tzinfo=until.tzinfo or UTC) - now).total_seconds())
