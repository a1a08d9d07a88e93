"""The supervisor's children: started tethered and in sessions of their own, ended together, nothing left behind."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from cli.child_logs import Pump

TETHER = Path(__file__).with_name("tether.py")


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """How a child ended."""

    name: str
    returncode: int  # negative: the signal that killed it, as in subprocess
    last_words: tuple[str, ...]  # the last lines of its log

    def __str__(self) -> str:
        if self.returncode < 0:
            return f"{self.name} was killed by {signal.Signals(-self.returncode).name}"
        return f"{self.name} ended with exit code {self.returncode}"


class Children:
    """Processes that live and die together."""

    def __init__(self, logs: Path, *, keep_open: Sequence[int] = ()) -> None:
        """`keep_open` are file descriptors that each child inherits."""
        self._changed = threading.Event()
        self._pump = Pump(logs, self._changed.set)
        self._keep_open = tuple(keep_open)
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    def start(
        self,
        name: str,
        command: Sequence[str],
        *,
        env: Mapping[str, str] | None = None,
        keep_open: Sequence[int] = (),
    ) -> int:
        """Start `command` (an absolute program and its arguments) as child `name`; returns its process id."""
        # The kernel ends a tethered child with the thread that forked it.
        assert threading.current_thread() is threading.main_thread(), "children start from the main thread"
        process = subprocess.Popen(
            [sys.executable, "-I", "-S", str(TETHER), str(os.getpid()), *command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=env,
            start_new_session=True,  # a Ctrl-C of the terminal reaches the supervisor only
            pass_fds=(*self._keep_open, *keep_open),
        )
        self._running[name] = process
        assert process.stdout is not None
        self._pump.add(name, process.stdout)
        return process.pid

    def wake(self) -> None:
        """End a running `pause` early; safe in a signal handler."""
        self._changed.set()

    def pause(self, seconds: float) -> None:
        """Wait until a child ends, somebody calls `wake`, or the time is over."""
        self._changed.wait(seconds)
        self._changed.clear()

    def ended(self) -> list[Ending]:
        """The children that have ended since the last call; what they left in their group is killed."""
        return [self._ending(name) for name in [*self._running] if self._has_ended(name)]

    def ending(self, name: str) -> Ending | None:
        """How this child ended; None while it runs."""
        return self._ending(name) if self._has_ended(name) else None

    def stop(self, *, but: str = "", grace: float, hurry: Callable[[], bool] = bool) -> list[str]:
        """Ask all `but` one to end, kill what has not after `grace` seconds or once `hurry()`; returns who was killed."""
        left = {name for name in self._running if name != but}
        for name in left:
            self._running[name].send_signal(signal.SIGTERM)
        until = time.monotonic() + grace
        while left and time.monotonic() < until and not hurry():
            self.pause(0.05)
            for name in [name for name in left if self._has_ended(name)]:
                self._reap(name)
                left.remove(name)
        killed = sorted(left)
        for name in killed:
            os.killpg(self._running[name].pid, signal.SIGKILL)
            self._reap(name)
        return killed

    def close(self) -> None:
        """Write down the last lines; call it once all have ended."""
        self._pump.close()

    def _has_ended(self, name: str) -> bool:
        process = self._running[name]
        if process.returncode is not None:
            return True
        # Looked at without reaping: as long as the zombie holds its id, that id can't name somebody else's group.
        seen = os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        return seen is not None

    def _ending(self, name: str) -> Ending:
        returncode = self._reap(name)
        return Ending(name=name, returncode=returncode, last_words=self._pump.last_words(name))

    def _reap(self, name: str) -> int:
        """Kill what is left of the child's group, then take its exit code."""
        process = self._running.pop(name)
        with suppress(ProcessLookupError, PermissionError):  # nothing is left; macOS says EPERM for a zombie
            os.killpg(process.pid, signal.SIGKILL)
        return process.wait()
