"""The supervisor's end of a template process: start it clean, hand it work, see that nothing of it stays behind."""

import contextlib
import json
import logging
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

_WARM_UP = 120.0  # seconds that imports may take on a loaded machine
_FAREWELL = 0.5  # seconds that a template gets to end by itself
_ROOT = Path(__file__).resolve().parents[2]  # the folder that holds our packages
_START = str(Path(__file__).with_name("start.py"))
# How coverage is told to measure subprocesses: a file's name, or its settings. No secrets.
_MEASURING = ("COVERAGE_PROCESS_START", "COVERAGE_PROCESS_CONFIG")
_LOG = logging.getLogger(__name__)


class TemplateError(Exception):
    """The template could not be started, or has gone; the message says what is known."""


class ThreadsInTemplate(Exception):
    """A preloaded module started a thread, after which forking is not safe; carries the module's name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """What a template is made from."""

    name: str  # of the pool, for the log
    preload: tuple[str, ...]
    idle_exit: float  # seconds
    read_only: tuple[Path, ...]  # further folders that children may read
    extra_path: tuple[Path, ...]  # further folders on sys.path; readable too
    without: tuple[str, ...]  # kernel features to leave alone
    gpus: bool = False  # its steps may use GPUs, whose driver may lie in a folder of LD_LIBRARY_PATH


class Process:
    """One template process. All methods may be called from several threads."""

    def __init__(self, recipe: Recipe, *, stop: threading.Event) -> None:
        """Start and warm up; `TemplateError` where that fails or `stop` is set meanwhile."""
        self._recipe = recipe
        self._gone = threading.Lock()
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._popen = subprocess.Popen(
                [sys.executable, _START, str(theirs.fileno())],
                env=_clean_environment(recipe.extra_path, libraries=_libraries() if recipe.gpus else ""),
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                pass_fds=[theirs.fileno()],
                start_new_session=True,
            )
        assert self._popen.stderr is not None
        threading.Thread(
            target=_forward, args=(self._popen.stderr, recipe.name), name=f"sandbox-log-{recipe.name}", daemon=True
        ).start()
        try:
            self.hello = self._greet(stop)
        except BaseException:
            self.destroy()
            raise
        _LOG.info("sandbox template of pool %s is warm: %s", recipe.name, self.hello)
        for module, error in self.hello["missing"].items():
            _LOG.warning("pool %s: %s was not preloaded (%s)", recipe.name, module, error)

    @property
    def pid(self) -> int:
        """The template's process id; that of its session, too."""
        return self._popen.pid

    def launch(self, fds: Sequence[int]) -> None:
        """Have a child forked that gets `fds`: line, status line, print; `TemplateError` where the template is gone."""
        try:
            socket.send_fds(self._control, [b"R"], fds)
        except OSError as error:
            raise TemplateError(f"the template of pool {self._recipe.name} has gone: {error}") from None

    def retired(self) -> bool:
        """Whether it has ended by itself, as an idle template does; waits a moment for one that is about to."""
        try:
            return self._popen.wait(timeout=1.0) == 0
        except subprocess.TimeoutExpired:
            return False

    def retire(self) -> None:
        """End it in peace, if it listens; then as `destroy()`."""
        with contextlib.suppress(OSError):
            self._control.shutdown(socket.SHUT_RDWR)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._popen.wait(_FAREWELL)
        self.destroy()

    def destroy(self) -> None:
        """Kill it and all its descendants; returns when they are gone."""
        with self._gone:
            self._popen.kill()
            self._popen.wait()
            if not kill_session(self._popen.pid):
                _LOG.error("processes of the sandbox of pool %s do not die", self._recipe.name)

    def _greet(self, stop: threading.Event) -> dict[str, Any]:
        settings = {
            "root": str(_ROOT),
            "preload": self._recipe.preload,
            "idle_exit": self._recipe.idle_exit,
            "read_only": [str(path) for path in (*self._recipe.read_only, *self._recipe.extra_path)],
            "without": self._recipe.without,
            "gpus": self._recipe.gpus,
        }
        deadline = time.monotonic() + _WARM_UP
        try:
            self._control.send(json.dumps(settings).encode())
            poller = select.poll()
            poller.register(self._control, select.POLLIN)
            while not poller.poll(50):
                if stop.is_set():
                    raise TemplateError("stopped while its template was warming up")
                if time.monotonic() > deadline:
                    raise TemplateError(f"the template was not warm after {_WARM_UP:g} seconds")
            word = self._control.recv(1 << 20)
        except OSError as error:
            raise TemplateError(f"the template of pool {self._recipe.name} did not start: {error}") from None
        if not word:
            raise TemplateError(f"the template of pool {self._recipe.name} ended while it was warming up")
        hello: dict[str, Any] = json.loads(word)
        if "threads" in hello:
            raise ThreadsInTemplate(hello["threads"])
        return hello


def kill_session(session: int, *, patience: float = 2.0) -> bool:
    """Kill every process of a session; False where some are still there after `patience` seconds."""
    deadline = time.monotonic() + patience
    while members := _members(session):
        for pid in members:
            _kill_member(pid, session)
        if time.monotonic() > deadline:
            return False
        time.sleep(0.002)
    return True


def _kill_member(pid: int, session: int) -> None:
    """Through a pidfd, so that a number used anew meanwhile is nobody's death."""
    with contextlib.suppress(ProcessLookupError):
        try:
            fd = os.pidfd_open(pid)
        except OSError:  # a kernel from before 5.3
            os.kill(pid, signal.SIGKILL)
            return
        try:
            if pid in _members(session):
                signal.pidfd_send_signal(fd, signal.SIGKILL)
        finally:
            os.close(fd)


def _members(session: int) -> set[int]:
    """Processes of a session that are not yet dead."""
    found: set[int] = set()
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                # pid (name, which may hold anything) state ppid pgrp session
                state, _, _, belongs = (entry / "stat").read_text("ascii", "replace").rpartition(")")[2].split()[:4]
                if int(belongs) == session and state not in "ZX":
                    found.add(int(entry.name))
    return found


def _libraries() -> str:
    """Where this process was told to look for libraries, of folders that children may read anyway."""
    folders = os.environ.get("LD_LIBRARY_PATH", "").split(os.pathsep)
    return os.pathsep.join(one for one in folders if one.startswith("/usr/") and Path(one).is_dir())


def _clean_environment(extra_path: Sequence[Path], *, libraries: str = "") -> dict[str, str]:
    """Written out in full, so that no secret of the supervisor's can slip in."""
    environment = {
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "LANG": "C.UTF-8",
        "LC_ALL": "C.UTF-8",
        "HOME": "/nonexistent",
        "PYTHONPATH": os.pathsep.join(map(str, (_ROOT, *extra_path))),
        "PYTHONSAFEPATH": "1",
        "PYTHONNOUSERSITE": "1",
        # Libraries that start threads when imported would make the fork unsafe; those that start them
        # later would claim 64 MiB of address space for each one's heap.
        "OPENBLAS_NUM_THREADS": "1",
        # Arrow's own allocators keep what was freed; and one has a thread, where the template must have none.
        "ARROW_DEFAULT_MEMORY_POOL": "system",
        "JE_ARROW_MALLOC_CONF": "background_thread:false",
        "OMP_NUM_THREADS": "1",
        "MKL_NUM_THREADS": "1",
        "MALLOC_ARENA_MAX": "2",
    }
    measured = {name: os.environ[name] for name in _MEASURING if name in os.environ}
    return environment | measured | ({"LD_LIBRARY_PATH": libraries} if libraries else {})


def _forward(stream: IO[bytes], pool: str) -> None:
    with stream:
        for line in stream:
            _LOG.warning("sandbox template of pool %s: %s", pool, line[:2000].decode("utf-8", "replace").rstrip())
