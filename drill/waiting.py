"""Waiting on conditions with deadlines: the only way in which a drill or test lets time pass."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def wait_until(look: Callable[[], T], *, within: float, what: str, every: float = 0.02) -> T:
    """The first truthy value that `look` returns; `AssertionError` naming `what` after `within` seconds.

    The last value seen stands in the error, so that a timeout tells how far things had come.
    """
    deadline = time.monotonic() + within
    while True:
        seen = look()
        if seen:
            return seen
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {within:g} s for {what}; last seen: {seen!r}")
        time.sleep(every)


def holds_for(look: Callable[[], object], *, seconds: float, every: float = 0.05) -> bool:
    """Whether `look` stays truthy for so long; for expectations that something does NOT happen."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if not look():
            return False
        time.sleep(every)
    return True
