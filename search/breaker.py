"""Asking an engine that may fail or hang: a few threads of its own, a second for each question, and a breaker.

A question is some work that calls the engine through `Ask`. Whoever waits for it gets `Unanswered` once the engine has
failed or taken too long, and at once while the breaker rests. A call that hangs keeps its thread until it returns; more
than `THREADS` are never started, and what waits for one when all hang is `Unanswered` in time as well.
"""

import asyncio
import queue
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as NotYet
from contextlib import suppress
from enum import Enum, auto
from typing import Any, Generic, Protocol, TypeVar

import structlog

from search.port import EngineError
from search.query import MalformedQuery
from search.questions import MalformedCursor

T = TypeVar("T")
THREADS = 4  # of questions; engines compute outside of Python's lock, and machines have few cores for one process
PATIENCE = 1.0  # seconds for the engine
FAILURES, REST = 3, 5.0  # failures in a row, and the seconds that the engine is left alone after them

log = structlog.get_logger(__name__)


class Unanswered(EngineError):
    """The engine has failed, took too long, or is left alone after several failures."""


class Ask(Protocol):
    """Calls the engine, and minds how it fares."""

    def __call__(self, call: Callable[[], T], /) -> T: ...


class Breaker:
    """Whether the engine is asked. After its rest one question tries it, and the next ones wait for how that fares."""

    def __init__(
        self, *, failures: int = FAILURES, rest: float = REST, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._most, self._rest, self._clock = failures, rest, clock
        self._failures, self._until = 0, 0.0
        self._lock = threading.Lock()

    @property
    def open(self) -> bool:
        """Whether questions go past the engine."""
        return self._failures >= self._most

    def lets(self) -> bool:
        """Whether the engine may be asked now."""
        with self._lock:
            if not self.open:
                return True
            if self._clock() < self._until:
                return False
            self._until = self._clock() + self._rest
            return True

    def well(self) -> None:
        """The engine has answered in time."""
        with self._lock:
            if self.open:
                log.info("search.breaker_closed")
            self._failures = 0

    def failed(self) -> None:
        """It has not."""
        with self._lock:
            self._failures += 1
            self._until = self._clock() + self._rest
            if self._failures == self._most:
                log.warning("search.breaker_opened", seconds=self._rest)


class _Stands(Enum):
    """Where a question is."""

    BEFORE = auto()  # in line, or in work of ours before the engine
    ENGINE = auto()
    BEHIND = auto()  # the engine has answered


class _Question(Generic[T]):
    """Work that somebody waits for."""

    def __init__(self, work: Callable[[Ask], T], breaker: Breaker) -> None:
        self._work, self._breaker = work, breaker
        self._stands, self._given_up = _Stands.BEFORE, False
        self._lock = threading.Lock()
        self.future: Future[T] = Future()

    def run(self) -> None:
        """In a thread of the line."""
        if not self.future.set_running_or_notify_cancel():
            return
        try:
            answer = self._work(self.ask)
        except BaseException as error:
            self.future.set_exception(error)
        else:
            self.future.set_result(answer)

    def ask(self, call: Callable[[], Any]) -> Any:
        """See `Ask`."""
        with self._lock:
            if self._given_up:
                raise Unanswered("nobody waits for the answer any more")
            self._stands = _Stands.ENGINE
        try:
            answer = call()
        except (MalformedQuery, MalformedCursor):
            self._answered(well=True)
            raise
        except Exception as error:
            if self._answered(well=False):
                known = isinstance(error, EngineError)
                log.warning("search.engine_failed", reason=str(error)[:300], exc_info=None if known else error)
            raise Unanswered(str(error)) from error
        if not self._answered(well=True):
            raise Unanswered("the engine was too slow")
        return answer

    def _answered(self, *, well: bool) -> bool:
        """Whether somebody still waits."""
        with self._lock:
            self._stands = _Stands.BEHIND
            if not self._given_up:
                self._breaker.well() if well else self._breaker.failed()
            return not self._given_up

    def give_up(self) -> bool:
        """Wait no longer, unless the engine has answered and only our own work is left."""
        with self._lock:
            if self._stands is _Stands.BEHIND:
                return False
            if self._stands is _Stands.ENGINE and not self._given_up:
                self._breaker.failed()
                log.warning("search.engine_slow", seconds=PATIENCE)
            self._given_up = True
        self.future.cancel()
        return True


class Line:
    """The threads, made when they are first needed."""

    def __init__(self, *, breaker: Breaker | None = None, threads: int = THREADS, patience: float = PATIENCE) -> None:
        self.breaker = breaker or Breaker()
        self._most, self._patience = threads, patience
        self._waiting: queue.SimpleQueue[_Question[Any] | None] = queue.SimpleQueue()
        self._threads: list[threading.Thread] = []
        self._lock = threading.Lock()

    async def asked(self, work: Callable[[Ask], T]) -> T:
        """What `work` returns, for the event loop. Raises `Unanswered`, and what `work` raises of its own."""
        question = self._begin(work)
        while not await _done(question.future, within=self._patience):
            if question.give_up():
                raise Unanswered("the engine is too slow")
        return question.future.result()

    def wait(self, work: Callable[[Ask], T]) -> T:
        """The same, for a thread."""
        question = self._begin(work)
        while True:
            try:
                return question.future.result(self._patience)
            except NotYet:
                if question.future.done():  # it is the work that raised this
                    raise
                if question.give_up():
                    raise Unanswered("the engine is too slow") from None

    def begin(self, work: Callable[[Ask], T]) -> None:
        """The same for nobody: what comes of it is lost. Raises `Unanswered` where the engine is left alone."""
        self._begin(work)

    def close(self) -> None:
        """Let the threads end; one that hangs is left behind, and does not keep the process."""
        for _thread in self._threads:
            self._waiting.put(None)

    def _begin(self, work: Callable[[Ask], T]) -> _Question[T]:
        if not self.breaker.lets():
            raise Unanswered("the engine is left alone after several failures")
        question = _Question(work, self.breaker)
        with self._lock:
            if len(self._threads) < self._most:
                thread = threading.Thread(target=self._serve, name="search", daemon=True)
                self._threads.append(thread)
                thread.start()
        self._waiting.put(question)
        return question

    def _serve(self) -> None:
        while (question := self._waiting.get()) is not None:
            question.run()


async def _done(future: Future[Any], *, within: float) -> bool:
    """Whether it is done after so many seconds at most. Two thirds of what `asyncio.wait` on a wrapped future costs."""
    loop = asyncio.get_running_loop()
    woken = loop.create_future()

    def wake() -> None:
        if not woken.done():
            woken.set_result(None)

    def tell(_future: Future[Any]) -> None:
        with suppress(RuntimeError):  # the loop has ended, and who waited in it
            loop.call_soon_threadsafe(wake)

    future.add_done_callback(tell)
    timer = loop.call_later(within, wake)
    try:
        await woken
    finally:
        timer.cancel()
    return future.done()
