"""The warm template of a pool: `python workers/sandbox/start.py FD`. Imports libraries once, forks a child per run.

It has no threads, no secrets and no network. It reads orders from a control socket: each is one byte with three
descriptors, the child's line, the run's status line and where to print. When the control socket closes, all ends.
"""

import contextlib
import gc
import importlib
import json
import os
import select
import signal
import socket
import struct
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from workers.sandbox import child, kernel
from workers.sandbox.confine import Confinement, readable_code
from workers.sandbox.forks import Hooks, gather_pages
from workers.sandbox.frames import write_frame

# So that a child need not look through the folder they lie in.
_OWN = ("jobs.context", "pipelines", "parsers", "documents", "lists", "models", "pictures", "catalog")
_FDS = struct.Struct("=3i")
_PAGE = os.sysconf("SC_PAGE_SIZE")
_REHEARSALS = 20  # after which the interpreter has settled on how to run the code
_DRAIN = 5  # milliseconds between looks at a group that is being killed


@dataclass(slots=True)
class Run:
    """A child and what there is to know about it until its whole process group is gone."""

    pid: int  # of the child, and number of its process group
    status_line: int
    ended: bool = False  # the child is a zombie or reaped; its group is killed
    wait_status: int = 0
    cpu_seconds: float = 0.0
    peak: int = 0  # bytes


class Template:
    """The loop."""

    def __init__(self, control: socket.socket, settings: dict[str, Any]) -> None:
        self._control = control
        self._idle_exit: float = settings["idle_exit"]
        self._runs: dict[int, Run] = {}  # by status line
        self._poller = select.poll()
        kernel.adopt_orphans()
        extra = [Path(path) for path in settings["read_only"]]
        self._confinement = Confinement(
            readable_code(Path(settings["root"]), extra), without=settings["without"], gpus=settings["gpus"]
        )
        self._wakeup, alarm = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.set_wakeup_fd(alarm, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.pthread_sigmask(signal.SIG_SETMASK, [])
        self._pid = os.getpid()
        self._mapped = 0

    def warm_up(self, modules: list[str]) -> dict[str, Any]:
        """Import what the children will need, and rehearse it; says what was missing, and which module started a thread."""
        gc.disable()
        missing: dict[str, str] = {}
        for module in (*modules, *_OWN):  # the pool's first: f3d has to come before anything that loads libssl
            try:
                _prepare(module)
            except Exception as error:  # a broken library must not take the pool along; its own steps will say so
                missing[module] = f"{type(error).__name__}: {error}"
            if len(list(Path("/proc/self/task").iterdir())) > 1:
                return {"threads": module}
        self._confinement.share()
        child.share()
        self._hooks = Hooks()
        for _ in range(_REHEARSALS):
            self._confinement.rehearse()
            child.rehearse()
        gc.collect()
        gc.freeze()
        gather_pages()
        mapped, resident, shared = (int(pages) * _PAGE for pages in _statm())
        self._mapped = mapped
        # Pages of files are not copied by a fork, so a child does not begin with them.
        layers = self._confinement.describe()
        return {"missing": missing, "inherited": resident - shared, "mapped": mapped, **layers}

    def serve(self) -> None:
        """Until the control socket closes, or nothing has come for a while."""
        for fd in (self._control.fileno(), self._wakeup):
            self._poller.register(fd, select.POLLIN)
        idle_since = time.monotonic()
        while True:
            draining = any(run.ended for run in self._runs.values())
            events = self._poller.poll(_DRAIN if draining else self._idle_exit * 1000)
            if not all(self._heard(fd) for fd, _ in events):
                return
            for run in list(self._runs.values()):
                if self._settled(run):
                    self._report(run)
            if self._runs or events:
                idle_since = time.monotonic()
            elif time.monotonic() - idle_since >= self._idle_exit:
                return

    def end(self) -> None:
        """Kill what still runs."""
        for run in self._runs.values():
            self._kill(run)
        self._kill_strays()

    def _heard(self, fd: int) -> bool:
        """Act on a descriptor that has something to say; False where the supervisor is gone."""
        if fd == self._control.fileno():
            return self._order()
        if fd == self._wakeup:
            os.read(self._wakeup, 4096)
        elif fd in self._runs:  # a word to kill, or nobody wants this run any more
            self._poller.unregister(fd)
            self._kill(self._runs[fd])
        return True

    def _order(self) -> bool:
        try:
            word, extra, _, _ = self._control.recvmsg(16, socket.CMSG_SPACE(_FDS.size))
        except ConnectionError:
            return False
        if not word:
            return False
        fds = line, status_line, printed = _FDS.unpack(extra[0][2])
        try:
            pid = os.fork()
        except OSError as error:  # no memory, or no process numbers left; others' runs go on
            _tell(status_line, {"refused": str(error)})
            for fd in fds:
                os.close(fd)
            return True
        if pid == 0:
            self._become_child(line, printed)
        with contextlib.suppress(OSError):  # the child is gone
            os.setpgid(pid, pid)
        os.close(line)
        os.close(printed)
        self._runs[status_line] = Run(pid=pid, status_line=status_line)
        _tell(status_line, {"pid": pid})
        self._poller.register(status_line, select.POLLIN)
        return True

    def _become_child(self, line: int, printed: int) -> NoReturn:
        """Never returns, so that the control socket's object, whose number is used anew, is never closed."""
        try:
            self._hooks.restore()
            child.live(line, printed, parent=self._pid, confinement=self._confinement, mapped=self._mapped)
        finally:
            sys.excepthook(*sys.exc_info())  # only where the confinement itself failed
            os._exit(70)

    def _kill(self, run: Run) -> None:
        """The group's number cannot be anybody else's: its leader is our child and not reaped before it is killed."""
        if not run.ended:
            try:
                os.killpg(run.pid, signal.SIGKILL)
            except ProcessLookupError:
                os.kill(run.pid, signal.SIGKILL)  # it has not made its group yet

    def _settled(self, run: Run) -> bool:
        """Whether the child has ended and no process of its group is left."""
        if not run.ended:
            if os.waitid(os.P_PID, run.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
                return False
            self._kill(run)  # whoever is left; orphans come to us and are reaped below
            run.ended = True
        while True:
            try:
                pid, status, usage = os.wait4(-run.pid, os.WNOHANG)
            except ChildProcessError:
                break
            if pid == 0:
                return False
            if pid == run.pid:
                run.wait_status = status
                run.cpu_seconds = usage.ru_utime + usage.ru_stime
                run.peak = usage.ru_maxrss * 1024
        self._kill_strays()
        return True

    def _kill_strays(self) -> None:
        """Where no filter keeps processes in their group: orphans of no living run."""
        if self._confinement.seccomp:
            return
        living = {run.pid for run in self._runs.values()}
        while strays := [pid for pid in _children() if _group(pid) not in living]:
            for pid in strays:
                os.kill(pid, signal.SIGKILL)
            for pid in strays:
                os.waitpid(pid, 0)

    def _report(self, run: Run) -> None:
        del self._runs[run.status_line]
        with contextlib.suppress(KeyError):  # it was told to be killed
            self._poller.unregister(run.status_line)
        _tell(run.status_line, {"status": run.wait_status, "cpu": run.cpu_seconds, "peak": run.peak})
        os.close(run.status_line)


def _prepare(what: str) -> None:
    """Import a module, and run its function where one is named behind a colon."""
    name, _, function = what.partition(":")
    module = importlib.import_module(name)
    if function:
        getattr(module, function)()


def _tell(fd: int, word: dict[str, Any]) -> None:
    with contextlib.suppress(OSError):  # the supervisor is gone, or no longer interested
        write_frame(fd, word)


def _statm() -> list[str]:
    return Path("/proc/self/statm").read_text(encoding="ascii").split()[:3]


def _children() -> list[int]:
    try:
        return [int(pid) for pid in Path(f"/proc/self/task/{os.getpid()}/children").read_text(encoding="ascii").split()]
    except OSError:  # a kernel without this file
        return []


def _group(pid: int) -> int:
    try:
        return os.getpgid(pid)
    except ProcessLookupError:
        return pid


def main() -> None:
    """Read the settings, warm up, say hello, serve."""
    control = socket.socket(fileno=int(sys.argv[1]))
    control.set_inheritable(False)
    settings = json.loads(control.recv(1 << 20))
    template = Template(control, settings)
    hello = template.warm_up(settings["preload"])
    control.send(json.dumps(hello).encode())
    if "threads" in hello:
        return
    try:
        template.serve()
    finally:
        template.end()
