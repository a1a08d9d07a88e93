"""Bounds what one page may cost: pages are read on a thread that is left behind when it computes too long on one.

A page of 700 bytes can keep PDFium busy for hours, and native code ends only with its process. The limits of the
sandbox survive that; this guard makes it cheap, and tells whoever sent the file which page it was.
"""

import contextlib
import queue
import threading
import time
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from jobs.errors import InputError

T = TypeVar("T")

TOO_COSTLY = "pdf.too_costly"
PAGE_SECONDS = 20.0  # of processor time for one page: the dearest of a thousand real documents took 3
_LEAST = 0.05  # seconds between looks at a page that waits for a processor more than it computes
_TOGETHER = 0.03  # seconds of reading after which what there is is handed over
_MOST = 16  # items handed over together: each hand-over costs as much as reading a small page


def in_time(
    pages: Generator[T], *, first: int = 1, numbers: Sequence[int] | None = None, seconds: float = PAGE_SECONDS
) -> Iterator[T]:
    """The same items, each of which may take `seconds` of processor time; some are read ahead while one is looked at.

    Raises `InputError` (`pdf.too_costly`) with the page, counted from `first` or one of `numbers`, and what `pages`
    raises. PDFium serves one thread at a time, so nothing else may call it before the items are through. After
    `pdf.too_costly` the thread computes on with the document: end the process soon, as the sandbox does. `pages` runs
    on the thread alone, from the opening of its document to the closing; what it calls back must not report progress.
    """
    reader = _Reader(pages)
    try:
        while True:
            batch = reader.next(seconds)
            if batch is None:
                yield from reader.unfinished()
                number = numbers[min(reader.read, len(numbers) - 1)] if numbers else first + reader.read
                message = f"Page {number} takes more than {seconds:g} seconds of processor time."
                hint = "Leave that page out, or print it from a viewer to a new PDF."
                raise InputError(TOO_COSTLY, message, hint=hint, page=number)
            if not batch:
                return
            yield from batch
    finally:
        reader.close()


class _Reader:
    """Reads a generator on a thread of its own, some items ahead."""

    def __init__(self, pages: Generator[Any]) -> None:
        self.read = 0  # items so far
        self._pages = pages
        self._ready: queue.Queue[list[Any]] = queue.Queue(maxsize=1)
        self._batch: list[Any] = []  # read, and not yet handed over
        self._closed = threading.Event()
        self._began = 0.0  # processor time of the thread when it took up the item at hand
        self._clock: int | None = None  # the thread's processor time
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="pages")
        self._run_through = self._thread.submit(self._run)

    def next(self, seconds: float) -> list[Any] | None:
        """Items, none after the last; None where the one at hand took its time. Raises what the generator raised."""
        patience = seconds
        while True:
            with contextlib.suppress(queue.Empty):
                batch = self._ready.get(timeout=patience)
                if not batch:
                    self._run_through.result()
                return batch
            spent = self._spent()
            if spent >= seconds:
                return None
            patience = max(_LEAST, seconds - spent)

    def _spent(self) -> float:
        """Seconds of processor time that the item at hand has taken so far."""
        try:
            return time.clock_gettime(self._clock) - self._began if self._clock is not None else 0.0
        except OSError:  # the thread has just ended: what it had is there now
            return 0.0

    def unfinished(self) -> list[Any]:
        """What was read before the item that takes its time."""
        return list(self._batch)

    def close(self) -> None:
        """Have the thread end when it is through with the item at hand."""
        self._closed.set()
        self._thread.shutdown(wait=False)

    def _run(self) -> None:
        try:
            self._clock = time.pthread_getcpuclockid(threading.get_ident())
            handed, self._began = time.monotonic(), time.thread_time()
            for item in self._pages:
                self._batch.append(item)
                self.read += 1
                if len(self._batch) >= _MOST or time.monotonic() - handed >= _TOGETHER:
                    self._hand_over()
                    handed = time.monotonic()
                if self._closed.is_set():
                    break
                self._began = time.thread_time()
        finally:  # what stopped it, if anything did, is raised behind what was read
            self._pages.close()
            if self._batch:
                self._hand_over()
            self._hand_over()

    def _hand_over(self) -> None:
        """Give what was read to whoever waits for it; not for ever, since nobody may wait any more."""
        batch, self._batch = self._batch, []
        while not self._closed.is_set():
            with contextlib.suppress(queue.Full):
                self._ready.put(batch, timeout=_LEAST)
                return
