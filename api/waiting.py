"""Waiting for jobs to change: one watcher for the process, no thread for a waiting client."""

import asyncio
import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field

import structlog

from jobs.model import Status
from ledger import Ledger, Watch
from ledger.errors import LedgerUnavailable

_TOGETHER = 0.005  # seconds between two looks at the ledger, so that bursts of commits cost one
_AT_LEAST_EVERY = 2.0  # seconds; a safety net under lost notifications
_BATCH = 500  # ids in one query

log = structlog.get_logger("api")


@dataclass(eq=False, slots=True)
class _Waiter:
    job_id: str
    version: int  # what the client knows
    until_ended: bool
    future: asyncio.Future[None] = field(default_factory=lambda: asyncio.get_running_loop().create_future())

    def satisfied_by(self, seen: tuple[int, Status] | None) -> bool:
        """Whether `seen` is what the client waits for; a deleted job (None) ends all waiting."""
        if seen is None:
            return True
        return seen[1].ended if self.until_ended else seen[0] != self.version


class Hub:
    """Wakes those who wait for a job. Lives on one event loop; only `_on_change` is called from another thread."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._waiting: dict[str, set[_Waiter]] = {}
        self._dirty: set[str] = set()
        self._wake = asyncio.Event()
        self._closing = asyncio.Event()
        self._watch: Watch | None = None
        self._task: asyncio.Task[None] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    def start(self) -> None:
        """Begin on the running loop."""
        self._loop = asyncio.get_running_loop()
        self._watch = self._ledger.watch(self._on_change)
        self._watch.pause()
        self._task = asyncio.create_task(self._look_around(), name="waiting-hub")

    def release(self) -> None:
        """Let everybody go who waits now or later: the server shuts down. Callable from any thread."""
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._release)

    async def close(self) -> None:
        """End for good."""
        self._release()
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        if self._watch is not None:
            await asyncio.to_thread(self._watch.close)

    async def wait(self, job_id: str, *, version: int, seconds: float, until_ended: bool = False) -> bool:
        """Wait up to `seconds` until the job differs from `version`, or has ended; whether that came.

        A job that is deleted meanwhile counts as changed. At shutdown everybody is let go at once.
        """
        if self._closing.is_set():
            return False
        with self._registered(_Waiter(job_id=job_id, version=version, until_ended=until_ended)) as waiter:
            try:
                async with asyncio.timeout(seconds):
                    await waiter.future
            except TimeoutError:
                return False
            return not self._closing.is_set()

    @property
    def clients(self) -> int:
        """How many wait now."""
        return sum(map(len, self._waiting.values()))

    @contextlib.contextmanager
    def _registered(self, waiter: _Waiter) -> Iterator[_Waiter]:
        self._waiting.setdefault(waiter.job_id, set()).add(waiter)
        self._mark(waiter.job_id)  # it may have changed between the caller's look and now
        if self._watch is not None:
            self._watch.resume()
        try:
            yield waiter
        finally:
            mine = self._waiting[waiter.job_id]
            mine.discard(waiter)
            if not mine:
                del self._waiting[waiter.job_id]
            if not self._waiting and self._watch is not None:
                self._watch.pause()

    def _on_change(self, job_id: str | None) -> None:
        assert self._loop is not None
        with contextlib.suppress(RuntimeError):  # the loop has ended meanwhile
            self._loop.call_soon_threadsafe(self._mark, job_id)

    def _mark(self, job_id: str | None) -> None:
        touched = self._waiting.keys() if job_id is None else {job_id} & self._waiting.keys()
        if touched:
            self._dirty.update(touched)
            self._wake.set()

    def _release(self) -> None:
        self._closing.set()
        for waiter in [one for group in self._waiting.values() for one in group]:
            if not waiter.future.done():
                waiter.future.set_result(None)

    async def _look_around(self) -> None:
        while True:
            try:
                async with asyncio.timeout(_AT_LEAST_EVERY):
                    await self._wake.wait()
            except TimeoutError:
                self._dirty.update(self._waiting)
            self._wake.clear()
            ids, self._dirty = sorted(self._dirty), set()
            try:
                await self._tell(ids)
            except LedgerUnavailable as error:
                log.warning("waiting.ledger_away", error=str(error))
                await asyncio.sleep(1.0)
                self._dirty.update(ids)
            await asyncio.sleep(_TOGETHER)

    async def _tell(self, ids: list[str]) -> None:
        for start in range(0, len(ids), _BATCH):
            batch = ids[start : start + _BATCH]
            seen = await asyncio.to_thread(self._ledger.versions, batch)
            for job_id in batch:
                for waiter in self._waiting.get(job_id, ()):
                    if not waiter.future.done() and waiter.satisfied_by(seen.get(job_id)):
                        waiter.future.set_result(None)
