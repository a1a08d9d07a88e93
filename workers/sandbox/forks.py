"""Makes forks of the template cheap: pages that are hardly copied, and no work for a child that is not its own."""

import contextlib
import logging
import random
import threading
from pathlib import Path
from types import CodeType, FunctionType

from workers.sandbox import kernel

_REHEARSALS = 20  # after which the interpreter has settled on how to run the code


def _nothing() -> None:
    pass


def _give_back() -> None:
    globals()["_lock"].release()  # the code is run in logging's place; before Python 3.13 that has a function for it


class Hooks:
    """What the standard library does in each child: makes the locks anew that a thread may have held, were there one.

    It walks through much memory for that, and each page it touches is copied. The template has one thread.
    """

    def __init__(self) -> None:
        """Spare children the work; logging's hook gives back, instead, the lock that it has taken before the fork."""
        self._kept: list[tuple[FunctionType, CodeType]] = []
        self._replace(threading, "_after_fork", _nothing)
        self._replace(logging, "_after_at_fork_child_reinit_locks", getattr(logging, "_releaseLock", _give_back))
        for _ in range(_REHEARSALS):
            random.seed()  # the one hook that has to run

    def restore(self) -> None:
        """In the child: its step may start threads, and fork beside them."""
        for hook, code in self._kept:
            hook.__code__ = code

    def _replace(self, module: object, name: str, stand_in: object) -> None:
        hook = getattr(module, name, None)
        if isinstance(hook, FunctionType) and isinstance(stand_in, FunctionType):  # else another Python: it stays
            self._kept.append((hook, hook.__code__))
            hook.__code__ = stand_in.__code__


def gather_pages() -> None:
    """Put the template's memory into huge pages: a fork copies few entries for them, and an exit frees few.

    What a child writes to is still copied in small pages.
    """
    for line in Path("/proc/self/maps").read_text(encoding="ascii").splitlines():
        place, rights, _, _, _, *name = line.split()
        if rights == "rw-p" and name in ([], ["[heap]"]):
            start, end = (int(address, 16) for address in place.split("-"))
            with contextlib.suppress(OSError):  # smaller than a huge page; or an older kernel
                kernel.collapse_pages(start, end - start)
