"""Spans of time in which something was away by our own doing; read by the clients' threads."""

import threading
import time

SLACK = 1.0  # seconds around a span in which an error may still come from it


class Spans:
    """Opened and closed by one thread, asked by others. Times are monotonic seconds."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._spans: list[tuple[float, float | None]] = []

    @property
    def is_open(self) -> bool:
        """Whether it is away now."""
        with self._lock:
            return bool(self._spans) and self._spans[-1][1] is None

    def open(self) -> None:
        """It is away from now on."""
        if not self.is_open:
            with self._lock:
                self._spans.append((time.monotonic(), None))

    def close(self) -> None:
        """It is back."""
        if self.is_open:
            with self._lock:
                self._spans[-1] = (self._spans[-1][0], time.monotonic())

    def cover(self, began: float, ended: float) -> bool:
        """Whether what happened between `began` and `ended` may come from one of the spans."""
        with self._lock:
            return any(start - SLACK <= ended and (end is None or began <= end + SLACK) for start, end in self._spans)
