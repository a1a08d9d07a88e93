"""The platform under test: real processes on free ports, in a temporary data folder, all ended afterwards."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from bench.processes import GONE, name_of, tree
from bench.result import ROOT
from bench.wire import Wire

START = 120.0  # seconds; the machine may be busy
STOP = 45.0  # seconds between asking and killing


class NotStarted(Exception):
    """A process of the platform did not come up; the message carries the end of its log."""


@dataclass(slots=True)
class Platform:
    """Where it is, and what runs."""

    port: int
    folder: Path  # everything of this run
    roots: dict[str, "subprocess.Popen[bytes]"] = field(default_factory=dict)

    @property
    def data_dir(self) -> Path:
        """The data folder."""
        return self.folder / "data"

    @property
    def ledger_url(self) -> str:
        """The embedded ledger."""
        return f"sqlite:///{self.data_dir / 'ledger.sqlite3'}"

    def wire(self) -> Wire:
        """A connection to the API."""
        return Wire(self.port)

    def processes(self) -> list[psutil.Process]:
        """Everything that runs now."""
        found: list[psutil.Process] = []
        for process in self.roots.values():
            try:
                found += tree(process.pid)
            except GONE:
                continue
        return found

    def process(self, name: str) -> psutil.Process:
        """The process of that name: `api`, `worker parsing`."""
        for process in self.processes():
            if name_of(process) == name:
                return process
        raise LookupError(f"no process named {name!r}")

    def start(self, name: str, arguments: Sequence[str], *, env: Mapping[str, str]) -> None:
        """Start one process; its output goes to a log of that name."""
        with (self.folder / f"{name.replace(' ', '-')}.log").open("ab") as log:
            self.roots[name] = subprocess.Popen(
                [sys.executable, *arguments],
                cwd=ROOT,
                env=dict(env),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def wait(self, is_there: Callable[[], bool], *, what: str, within: float = START) -> None:
        """Wait until `is_there()`; raises `NotStarted` where that takes too long or a process ends."""
        until = time.monotonic() + within
        while not is_there():
            ended = [name for name, process in self.roots.items() if process.poll() is not None]
            if ended or time.monotonic() > until:
                why = f"{', '.join(ended)} ended" if ended else f"not within {within:g} s"
                raise NotStarted(f"{what}: {why}\n{self.tails()}")
            time.sleep(0.05)

    def answers(self, path: str) -> bool:
        """Whether the API says 200 to that."""
        try:
            with self.wire() as wire:
                return wire.get(path).status == 200
        except OSError:
            return False

    def tails(self, lines: int = 15) -> str:
        """The ends of all logs."""
        logs = sorted([*self.folder.glob("*.log"), *self.data_dir.glob("logs/*.log")])
        return "\n".join(
            line for log in logs for line in [f"--- {log.name}", *log.read_text(errors="replace").splitlines()[-lines:]]
        )

    def empty_store(self) -> None:
        """Give the disk back what uploads took: only for runs in which nobody reads them any more."""
        for file in (self.data_dir / "store").rglob("*"):
            if file.is_file():
                file.unlink(missing_ok=True)

    def stop(self) -> None:
        """End everything, by asking first."""
        below = self.processes()
        for process in self.roots.values():
            if process.poll() is None:
                process.send_signal(signal.SIGCONT)
                process.send_signal(signal.SIGTERM)
        until = time.monotonic() + STOP
        for process in self.roots.values():
            try:
                process.wait(max(0.1, until - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(10)
        _, left = psutil.wait_procs(below, timeout=3)
        for one in left:
            one.kill()


@contextmanager
def embedded(settings: Mapping[str, str] | None = None) -> Iterator[Platform]:
    """`heavylift up` on its embedded default, ready."""
    with _made() as platform:
        arguments = ("up", "--port", str(platform.port), "--data-dir", str(platform.data_dir))
        platform.start("up", ("-P", "-m", "cli", *arguments), env=environment(platform, settings or {}))
        platform.wait(lambda: platform.answers("/ready"), what="heavylift up")
        yield platform


@contextmanager
def separate(*names: str, settings: Mapping[str, str], timed: bool = False) -> Iterator[Platform]:
    """Single processes such as `api` and `worker parsing`, after `migrate`; all are ready.

    With `timed` each writes at its end where its time went: `timed-NAME.json` in the folder, see bench/timed.py.
    """
    with _made() as platform:
        env = environment(platform, settings)
        migrate = [sys.executable, "-P", "-m", "cli", "migrate"]
        done = subprocess.run(migrate, cwd=ROOT, env=env, check=False, capture_output=True, text=True, timeout=START)
        if done.returncode:
            raise NotStarted(f"heavylift migrate ended with {done.returncode}\n{done.stderr[-2000:]}")
        for name in names:
            into = str(platform.folder / f"timed-{name.replace(' ', '-')}.json")
            module = ("bench.timed", into) if timed else ("cli",)
            platform.start(name, ("-P", "-m", *module, *name.split()), env=env)
        for name in names:
            platform.wait(_ready_test(platform, name), what=name)
        yield platform


def environment(platform: Platform, settings: Mapping[str, str]) -> dict[str, str]:
    """A process's environment: what this machine sets for Heavylift does not count."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("HEAVYLIFT_")}
    ours = {
        "HEAVYLIFT_DATA_DIR": str(platform.data_dir),
        "HEAVYLIFT_API_PORT": str(platform.port),
        "PYTHONPATH": os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH")))),
        "PYTHONUNBUFFERED": "1",
    }
    return kept | ours | dict(settings)


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def _ready_test(platform: Platform, name: str) -> Callable[[], bool]:
    if name == "api":
        return lambda: platform.answers("/health")
    log = platform.folder / f"{name.replace(' ', '-')}.log"
    return lambda: "worker.ready" in log.read_text(errors="replace")


@contextmanager
def _made() -> Iterator[Platform]:
    with ExitStack() as closing:
        folder = Path(tempfile.mkdtemp(prefix="heavylift-bench-"))
        closing.callback(shutil.rmtree, folder, ignore_errors=True)
        platform = Platform(port=free_port(), folder=folder)
        platform.data_dir.mkdir(mode=0o700)
        closing.callback(platform.stop)
        yield platform
