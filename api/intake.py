"""What all uploads of a process share: the threads that hash and write, the turns to read, the memory to fill."""

import asyncio
import contextlib
import os
import threading
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor

from api.problems import Problem
from api.uploads import HEAD, Upload
from config.settings import UploadSettings
from ledger import Ledger
from storage.port import ObjectStore

BUFFERS = 16 * 1024 * 1024  # bytes that uploads out of turn may hold together
ENDS = 6  # threads that begin and end uploads: they wait for the ledger and for the disk's sync
CLEAN_UP = 5.0  # seconds that uploads get at the end of the server to leave nothing behind


class Intake:
    """What all uploads of this process share: the slots, and the memory they may fill."""

    def __init__(
        self, *, ledger: Ledger, store: ObjectStore, settings: UploadSettings, on_bytes: Callable[[int], None]
    ) -> None:
        self.ledger = ledger
        self.store = store
        self.settings = settings
        self.on_bytes = on_bytes
        self.active = 0
        self._idle = asyncio.Event()
        self._idle.set()
        # Threads of their own: uploads never take those that answer status requests.
        # One processor is left to those that answer: more threads would bring no byte in sooner.
        self.width = max(1, min(settings.slots, _processors()))
        hashing = max(1, min(self.width, _processors() - 1))
        self.slots = ThreadPoolExecutor(hashing, "upload-slot", initializer=self._begin_slot)
        self._slot = threading.local()
        self.ends = ThreadPoolExecutor(ENDS, "upload-end")
        # Turns to read from fast clients: one chunk each, so that the loop has few busy sockets at a time.
        self.turns = asyncio.Semaphore(self.width)

    @contextlib.asynccontextmanager
    async def upload(self) -> AsyncIterator[Upload]:
        """One upload; whatever ends the block before `submit` did leaves nothing in store or ledger."""
        upload = Upload(self)
        self.active += 1
        self._idle.clear()
        try:
            yield upload
        finally:
            try:
                await asyncio.shield(upload.abandon())
            finally:
                self.active -= 1
                if not self.active:
                    self._idle.set()

    @property
    def share(self) -> int:
        """Bytes that an upload without a turn may gather: its part of what all may hold together."""
        return max(HEAD, min(self.settings.chunk, BUFFERS // (2 * max(1, self.active))))

    def require_room(self, coming: int = 0) -> None:
        """Refuse to eat into the disk floor with `coming` more bytes."""
        free = self.store.free_bytes()
        if free is not None and free - coming < self.settings.disk_floor:
            raise Problem("store.full", "There is no room for this file now; operators have been told by the metrics.")

    @property
    def buffer(self) -> memoryview:
        """A chunk of memory of the slot that asks, used again and again: fresh ones would each cost page faults."""
        found: memoryview = self._slot.buffer
        return found

    def _begin_slot(self) -> None:
        self._slot.buffer = memoryview(bytearray(self.settings.chunk))
        _step_back()

    async def close(self) -> None:
        """End the threads, once uploads that were cut off have cleaned up behind them."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(CLEAN_UP):
                await self._idle.wait()
        self.slots.shutdown()
        self.ends.shutdown()


def _step_back() -> None:
    """Yield the processor to threads that answer status requests: they have little to do, uploads have much."""
    with contextlib.suppress(AttributeError, OSError):  # Linux alone knows priorities of threads
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 5)


def _processors() -> int:
    """Processors that this process may use; not every system can say which."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
