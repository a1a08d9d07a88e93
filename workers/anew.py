"""Starting anew in place: the same process id, arguments and environment, so that no supervisor notices."""

import ctypes
import os
import sys
import threading
import time
from dataclasses import dataclass
from typing import NoReturn, Self

VARIABLE = "HEAVYLIFT_WORKER_ANEW"  # how often this process has started anew, and when last (monotonic clock)
_LATELY = 300.0  # seconds
_PR_SET_PDEATHSIG, _PR_GET_PDEATHSIG = 1, 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """What this process did before it started anew."""

    starts: int = 0  # how often it started anew
    last: float | None = None  # when, on the monotonic clock, which goes on

    @classmethod
    def read(cls) -> Self:
        """From the environment, where the image before this one left it."""
        starts, _, last = os.environ.get(VARIABLE, "").partition(" ")
        try:
            return cls(starts=int(starts), last=float(last))
        except ValueError:
            return cls()

    def starts_lately(self) -> int:
        """How often it started anew, if the last time is not long ago: what repeats has to wait longer."""
        lately = self.last is not None and time.monotonic() - self.last < _LATELY
        return self.starts if lately else 0


class Anew:
    """Made on the main thread when the process begins: a tie to the parent is the thread's own."""

    def __init__(self) -> None:
        self._parent = os.getppid()
        self._tie = _tie()

    def start(self) -> NoReturn:
        """Become a fresh image of this program. Files that Python opened close by themselves; threads just end."""
        if threading.current_thread() is not threading.main_thread() and self._tie:
            # The kernel kills a tied process when its parent ends, but forgets the tie with the main thread.
            ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, self._tie, 0, 0, 0)
            if os.getppid() != self._parent:
                os._exit(1)
        os.environ[VARIABLE] = f"{Past.read().starts + 1} {time.monotonic()}"
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        # The arguments as they were given to Python, `-P -m cli` included.
        os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])  # noqa: S606 - this very program


def _tie() -> int:
    """The signal that this process gets when its parent ends; 0 where there is none."""
    if sys.platform != "linux":
        return 0
    number = ctypes.c_int(0)
    ctypes.CDLL(None).prctl(_PR_GET_PDEATHSIG, ctypes.byref(number), 0, 0, 0)
    return number.value
