"""Bounds what one page may cost: pages are read on a thread that is left behind when it computes too long on one.

A page of 700 bytes can keep PDFium busy for hours, and native code ends only with its process. The limits of the
sandbox survive that; this guard makes it cheap, and tells whoever sent the file which page it was.
"""

import itertools
import threading
import time
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

from jobs.errors import InputError

T = TypeVar("T")

TOO_COSTLY = "pdf.too_costly"
PAGE_SECONDS = 20.0  # of processor time for one page: the dearest of a thousand real documents took 3
_LEAST = 0.05  # seconds between looks at a page that waits for a processor more than it computes
_END: Any = object()


def in_time(
    pages: Generator[T], *, first: int = 1, numbers: Sequence[int] | None = None, seconds: float = PAGE_SECONDS
) -> Iterator[T]:
    """The same items, each of which may take `seconds` of processor time; one is read ahead while one is looked at.

    Raises `InputError` (`pdf.too_costly`) with the page, counted from `first` or one of `numbers`, and what `pages`
    raises. PDFium serves one thread at a time, so nothing else may call it before the items are through. After
    `pdf.too_costly` the thread computes on with the document: end the process soon, as the sandbox does. `pages` runs
    on the thread alone, from the opening of its document to the closing; what it calls back must not report progress.
    """
    reader = _Reader(pages)
    try:
        reader.read_ahead()
        for done in itertools.count():
            item = reader.next(seconds)
            if item is _END:
                return
            if item is None:
                number = numbers[min(done, len(numbers) - 1)] if numbers else first + done
                message = f"Page {number} takes more than {seconds:g} seconds of processor time."
                hint = "Leave that page out, or print it from a viewer to a new PDF."
                raise InputError(TOO_COSTLY, message, hint=hint, page=number)
            reader.read_ahead()
            yield item[0]
    finally:
        reader.close()


class _Reader:
    """Reads a generator on a thread of its own."""

    def __init__(self, pages: Generator[Any]) -> None:
        self._pages = pages
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="pages")
        self._clock: int = self._thread.submit(lambda: time.pthread_getcpuclockid(threading.get_ident())).result()
        self._began = 0.0  # processor time of the thread when it took up the item at hand
        self._coming: Future[Any] = Future()

    def read_ahead(self) -> None:
        """Begin with the next item."""
        self._coming = self._thread.submit(self._read)

    def next(self, seconds: float) -> Any:
        """The item at hand, in a tuple of its own; `_END` after the last, None where it took its time."""
        patience = seconds
        while True:
            try:
                return self._coming.result(timeout=patience)
            except TimeoutError:
                if self._coming.done():  # just now, or it raised a TimeoutError of its own
                    return self._coming.result()
                spent = time.clock_gettime(self._clock) - self._began
                if spent >= seconds:
                    return None
                patience = max(_LEAST, seconds - spent)

    def close(self) -> None:
        """Have the thread end when it is through with the item at hand."""
        self._thread.submit(self._pages.close)
        self._thread.shutdown(wait=False)

    def _read(self) -> Any:
        self._began = time.thread_time()
        item = next(self._pages, _END)
        return item if item is _END else (item,)
