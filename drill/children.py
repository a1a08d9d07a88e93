"""Child: a real process that a drill or test starts, signals, restarts and surely ends."""

import ctypes
import os
import signal
import subprocess
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import psutil

from drill.waiting import wait_until

ROOT = Path(__file__).resolve().parents[1]
PR_SET_PDEATHSIG = 1
_TAIL = 40  # lines of a log shown in an error


class Child:
    """One process with a process group and a log file of its own.

    `user` names the account to run as (needs root). The child is killed by the kernel when our process dies,
    provided that it was started from the main thread.
    """

    def __init__(
        self,
        name: str,
        argv: Sequence[str],
        *,
        env: Mapping[str, str] | None = None,
        log: Path,
        cwd: Path = ROOT,
        user: str | None = None,
        is_ready: Callable[[], object] | None = None,
    ) -> None:
        self.name = name
        self.argv = list(argv)
        self.env = dict(os.environ if env is None else env)
        self.log = log
        self._cwd = cwd
        self._user = user
        self._is_ready = is_ready
        self._popen: subprocess.Popen[bytes] | None = None
        self._mark = 0  # where the log of the current start begins

    def ready_when(self, is_ready: Callable[[], object]) -> None:
        """Give it a readiness test that looks at the child itself."""
        self._is_ready = is_ready

    def start(self) -> "Child":
        """Start it, without waiting for it to be ready."""
        assert not self.running, f"{self.name} runs already"
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as out:
            self._mark = out.tell()
            self._popen = subprocess.Popen(
                self.argv,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                env=self.env,
                cwd=self._cwd,
                user=self._user,
                group=self._user,
                extra_groups=None if self._user is None else [],
                process_group=0,
                preexec_fn=_die_with_parent_hook(),  # noqa: PLW1509 - one prctl call, no Python state
            )
        return self

    @property
    def pid(self) -> int:
        """The process id of the latest start."""
        assert self._popen is not None, f"{self.name} was never started"
        return self._popen.pid

    @property
    def running(self) -> bool:
        """Whether it runs now."""
        return self._popen is not None and self._popen.poll() is None

    @property
    def exit_code(self) -> int | None:
        """Its exit code, negative for a signal; None while it runs."""
        return None if self._popen is None else self._popen.poll()

    def logs(self) -> str:
        """Everything that it said since its latest start."""
        if not self.log.exists():
            return ""
        with self.log.open("rb") as out:
            out.seek(self._mark)
            return out.read().decode(errors="replace")

    def tail(self, lines: int = _TAIL) -> str:
        """The last lines of its log, over all starts."""
        text = self.log.read_text(errors="replace") if self.log.exists() else ""
        return "\n".join(text.splitlines()[-lines:])

    def wait_ready(self, *, within: float = 60.0) -> "Child":
        """Wait until its readiness test holds; an error carries the end of its log."""
        assert self._is_ready is not None, f"{self.name} has no readiness test"
        look = self._is_ready

        def ready_or_dead() -> object:
            return not self.running or look()

        try:
            wait_until(ready_or_dead, within=within, what=f"{self.name} to be ready", every=0.05)
        except AssertionError as error:
            raise AssertionError(f"{error}\n--- {self.name} ---\n{self.tail()}") from None
        if not self.running:
            raise AssertionError(f"{self.name} ended with {self.exit_code} at start\n--- its log ---\n{self.tail()}")
        return self

    def wait_log(self, text: str, *, within: float = 30.0) -> None:
        """Wait until the log since the latest start contains `text`."""
        wait_until(lambda: text in self.logs(), within=within, what=f"{text!r} in the log of {self.name}")

    def wait_exit(self, *, within: float = 30.0) -> int:
        """Wait for its end; the exit code."""
        assert self._popen is not None, f"{self.name} was never started"
        try:
            return self._popen.wait(within)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"{self.name} still runs after {within:g} s\n{self.tail()}") from None

    def send(self, number: int) -> None:
        """Send a signal to the process alone, without waiting for anything."""
        if self.running:
            os.kill(self.pid, number)

    def send_all(self, number: int) -> None:
        """Send a signal to the process and all that it started."""
        for found in self._descendants():
            with suppress(psutil.NoSuchProcess):
                found.send_signal(number)
        self.send(number)

    def ask_to_end(self) -> None:
        """SIGTERM, also to one that was stopped by SIGSTOP; waits for nothing."""
        self.send(signal.SIGCONT)
        self.send(signal.SIGTERM)

    def kill(self, number: int = signal.SIGKILL, *, within: float = 40.0) -> int:
        """Send a signal to the process alone, wait for its end, return its exit code."""
        self.send(number)
        return self.wait_exit(within=within)

    def kill_group(self) -> None:
        """SIGKILL the process, its group and every descendant, as the end of a container would."""
        descendants = self._descendants()
        if self._popen is not None:
            _killpg(self._popen.pid)
            self._popen.wait(10)
        for found in descendants:
            try:
                found.kill()
            except psutil.NoSuchProcess:
                continue
        psutil.wait_procs(descendants, timeout=10)

    def restart(self, *, within: float = 60.0) -> "Child":
        """Start it again after it ended, and wait until it is ready."""
        self.start()
        return self.wait_ready(within=within) if self._is_ready else self

    def stop(self, *, grace: float = 10.0, number: int = signal.SIGTERM) -> None:
        """End it for good: a signal, `grace` seconds, then SIGKILL for it and all that it started."""
        descendants = self._descendants()
        self.send(signal.SIGCONT)  # a stopped process would not see the next one
        self.send(number)
        if self._popen is not None:
            try:
                self._popen.wait(grace)
            except subprocess.TimeoutExpired:
                descendants += self._descendants()
                _killpg(self._popen.pid)
                self._popen.wait(10)
        left = psutil.wait_procs(descendants, timeout=2)[1]
        for found in left:
            try:
                found.kill()
            except psutil.NoSuchProcess:
                continue

    def _descendants(self) -> list[psutil.Process]:
        if not self.running:
            return []
        try:
            return psutil.Process(self.pid).children(recursive=True)
        except psutil.NoSuchProcess:
            return []


def _killpg(pid: int) -> None:
    try:
        os.killpg(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def _die_with_parent_hook() -> Callable[[], None] | None:
    """A hook that ties the child's life to ours; None off the main thread, whose end would kill the child."""
    if threading.current_thread() is not threading.main_thread():
        return None
    try:
        prctl = ctypes.CDLL(None).prctl
    except (AttributeError, OSError):  # not Linux
        return None
    return lambda: prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0) and None
