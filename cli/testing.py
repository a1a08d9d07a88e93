"""`./heavylift test`: checks and tests with one truthful closing line, and a word on everything that was not run.

test                          everything, and how much of the core it covers, acceptance left out
test unit                     the fast half: ruff, mypy, unit and architecture tests
test integration acceptance   those suites, without checks and coverage
test checks                   ruff, mypy (the import contracts are among the architecture tests)
test -- -k outbox tests/unit  pytest with these arguments
"""

import contextlib
import ctypes
import importlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

from cli.exits import Exit

ROOT = Path(__file__).resolve().parent.parent
CHECKS: Mapping[str, tuple[str, ...]] = {
    "ruff check": ("ruff", "check", "."),
    "ruff format": ("ruff", "format", "--check", "."),
    "mypy --strict": ("mypy",),
}
SUITES = ("unit", "architecture", "contracts", "integration", "acceptance")
FAST = ("unit", "architecture")
_MOST = 8  # processes that share the fast half
SERVED = frozenset({"contracts", "integration", "acceptance"})  # suites that use RabbitMQ or PostgreSQL
OSMESA = ("libOSMesa.so.8", "libOSMesa.so.6", "libOSMesa.so")
_NO_BYTECODE, _BYTECODE_ASIDE = "PYTHONDONTWRITEBYTECODE", "PYTHONPYCACHEPREFIX"
_PATIENCE = 60.0  # seconds that pytest gets to take its own services down after Ctrl-C


@dataclass(slots=True)
class Tally:
    """What the closing lines tell. A check counts like a test."""

    passed: int = 0
    failed: int = 0
    skipped: int = 0
    not_run: list[str] = field(default_factory=list)  # what, and why
    broken: list[str] = field(default_factory=list)  # what failed outside of a test

    def check(self, name: str, *, well: bool, why: str = "") -> None:
        """Count one check."""
        if well:
            self.passed += 1
        else:
            self.failed += 1
            self.broken.append(f"{name}{': ' if why else ''}{why}")

    def add(self, report: Mapping[str, Any]) -> None:
        """Count what one pytest run reported."""
        self.passed += int(report["passed"])
        self.failed += int(report["failed"])
        self.skipped += int(report["skipped"])
        self.not_run += [f"{times} x {reason}" for reason, times in report["reasons"].items()]

    def close(self) -> Exit:
        """Print the last lines; the exit code."""
        for line in self.broken:
            print(f"failed: {line}")
        for line in self.not_run:
            print(f"not run: {line}")
        print(f"{self.passed} passed, {self.failed} failed, {self.skipped} skipped", flush=True)
        return Exit.FAILED if self.failed else Exit.WELL


def run(args: list[str]) -> int:
    """Run what `args` name (see the module's first lines); the exit code."""
    names, free = wanted(args)
    unknown = [name for name in names if name not in {*SUITES, "checks"}]
    if unknown:
        print(f"unknown: {', '.join(unknown)}; there are: checks, {', '.join(SUITES)}", file=sys.stderr)
        return Exit.USAGE
    tally = Tally()
    try:
        with _interruptible(), bytecode_kept():
            if free or (names and names != ["unit"]):
                _chosen(names, free, tally)
            else:
                _standard(tally, full=not names)
    except KeyboardInterrupt:
        tally.broken.append("interrupted")
        tally.failed += 1
        tally.close()
        return Exit.INTERRUPTED
    return tally.close()


def wanted(args: list[str]) -> tuple[list[str], list[str]]:
    """Suites, and what stands after `--` (typer may have taken the `--` itself away)."""
    cut = args.index("--") if "--" in args else len(args)
    dash = next((index for index, arg in enumerate(args) if arg.startswith("-") or "/" in arg), len(args))
    cut = min(cut, dash)
    return args[:cut], [arg for arg in args[cut:] if arg != "--"]


@contextlib.contextmanager
def bytecode_kept() -> Iterator[None]:
    """Inside the block Python keeps what it compiled, aside where it must not beside the sources.

    A run starts hundreds of processes; compiling all libraries for each takes as long again as what they are for.
    """
    if _NO_BYTECODE not in os.environ or _BYTECODE_ASIDE in os.environ:
        yield
        return
    said = os.environ.pop(_NO_BYTECODE)
    with tempfile.TemporaryDirectory(prefix="heavylift-bytecode-", ignore_cleanup_errors=True) as folder:
        os.environ[_BYTECODE_ASIDE] = folder
        try:
            yield
        finally:
            del os.environ[_BYTECODE_ASIDE]
            os.environ[_NO_BYTECODE] = said


def _standard(tally: Tally, *, full: bool) -> None:
    """The fast half, or everything."""
    with tempfile.TemporaryDirectory(prefix="heavylift-test-") as folder:
        # The checks compute while the first tests run: two cores do both.
        with _checks_running(Path(folder)) as checks:
            if not full:
                _pytest(FAST, tally=tally, together="worksteal")
                checks.report(tally)
                return
            _module("coverage", "erase")
            with _services(tally):
                _pytest(FAST, tally=tally, coverage=True, together="worksteal")
                # By file: its tests share a database, a line or a platform.
                _pytest(("contracts",), tally=tally, coverage=True, together="loadfile")
                checks.report(tally)
                _pytest(("integration",), tally=tally, coverage=True, together="loadfile")
                # Whole platforms, with times that they have to keep: nothing beside makes them slower.
                _pytest(("acceptance",), tally=tally, together="loadfile")
        _coverage(tally)


def _chosen(names: Sequence[str], free: Sequence[str], tally: Tally) -> None:
    """The named suites, then pytest with the free arguments."""
    if "checks" in names:
        with tempfile.TemporaryDirectory(prefix="heavylift-test-") as folder, _checks_running(Path(folder)) as checks:
            checks.report(tally)
    suites = [name for name in names if name != "checks"]
    with _services(tally) if free or SERVED & set(suites) else contextlib.nullcontext():
        if suites or free:
            _pytest(suites, tally=tally, free=free, together="" if free else "loadfile")


class _Checks:
    """The static checks, each a process whose output is shown only where it fails."""

    def __init__(self, folder: Path) -> None:
        self._outputs = {name: folder / f"{number}.log" for number, name in enumerate(CHECKS)}
        self._started = time.monotonic()
        self._running = {name: self._start(name, argv) for name, argv in CHECKS.items()}

    def report(self, tally: Tally) -> None:
        """Wait for all, print and count them."""
        for name, child in self._running.items():
            code = child.wait()
            print(f"{name}: {'ok' if code == 0 else 'FAILED'}", flush=True)
            if code != 0:
                print(self._outputs[name].read_text(errors="replace"), flush=True)
            tally.check(name, well=code == 0)
        self._running = {}
        print(f"checks done after {time.monotonic() - self._started:.0f} s", flush=True)

    def stop(self) -> None:
        """End those that still run."""
        for child in self._running.values():
            child.kill()
            child.wait()

    def _start(self, name: str, argv: Sequence[str]) -> subprocess.Popen[bytes]:
        with self._outputs[name].open("wb") as out:
            return subprocess.Popen(
                _python(*argv), cwd=ROOT, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT
            )


@contextlib.contextmanager
def _checks_running(folder: Path) -> Iterator[_Checks]:
    checks = _Checks(folder)
    try:
        yield checks
    finally:
        checks.stop()


@contextlib.contextmanager
def _services(tally: Tally) -> Iterator[None]:
    """RabbitMQ and PostgreSQL for the suites, told to pytest by environment variables; ended afterwards."""
    sys.path.insert(0, str(ROOT / "tests"))
    support = importlib.import_module("support.services")
    services = support.Services(install=True)
    if not _has_osmesa() and (problem := support.install("osmesa")):
        tally.not_run.append(f"rendering of 3D thumbnails: {problem}")
    if not _has_tesseract() and (problem := support.install("tesseract")):
        tally.not_run.append(f"OCR of scanned pages: {problem}")
    told: list[str] = []
    try:
        for kind, title in (("broker", "RabbitMQ"), ("database", "PostgreSQL")):
            variable = support.BROKER_VARIABLE if kind == "broker" else support.DATABASE_VARIABLE
            try:
                found = getattr(services, kind)()
            except (support.Unavailable, support.Misconfigured) as absent:
                if isinstance(absent, support.Misconfigured):
                    tally.check(title, well=False, why=str(absent))
                variable, value, words = f"{support.ABSENT_VARIABLE}{kind.upper()}", str(absent), f"absent: {absent}"
            else:
                value, words = found.url, found.origin
            if variable not in os.environ:
                told.append(variable)
            os.environ[variable] = value
            print(f"{title}: {words}", flush=True)
        yield
    finally:
        for variable in told:
            os.environ.pop(variable, None)
        services.close()
        sys.path.remove(str(ROOT / "tests"))


def _pytest(
    suites: Sequence[str], *, tally: Tally, coverage: bool = False, free: Sequence[str] = (), together: str = ""
) -> None:
    """One pytest run over those suites that there are, counted from its own report."""
    folders = [f"tests/{suite}" for suite in suites if (ROOT / "tests" / suite).is_dir()]
    title = " ".join(suites) or "pytest"
    with tempfile.TemporaryDirectory(prefix="heavylift-test-") as folder:
        report = Path(folder) / "report.json"
        how = ["coverage", "run", "-m", "pytest"] if coverage else ["pytest"]
        light = [] if SERVED & set(suites) or free else ["-p", "no:celery", "-p", "no:docker_tools"]
        more = "acceptance" not in suites  # most tests wait as well as compute; whole platforms compute enough
        spread = ["-n", str(min((os.cpu_count() or 1) + more, _MOST)), "--dist", together] if together else []
        argv = [*_python(*how), "-q", *light, *spread, *folders, *free]
        code = _waited(argv, os.environ | {"HEAVYLIFT_TEST_REPORT": str(report)})
        counted = json.loads(report.read_text()) if report.exists() else None
    if counted is None:
        tally.check(title, well=False, why=f"pytest ended with {code} and reported nothing")
        return
    tally.add(counted)
    if code != 0 and not counted["failed"]:
        tally.check(title, well=False, why=f"pytest ended with {code}")


def _waited(argv: Sequence[str], env: Mapping[str, str]) -> int:
    """Run to the end; at an interrupt, let it take its own services down first."""
    # A process group of its own: Ctrl-C reaches it once, through us, and not again while it cleans up.
    with subprocess.Popen(argv, cwd=ROOT, env=env, stdin=subprocess.DEVNULL, process_group=0) as child:
        try:
            return child.wait()
        except KeyboardInterrupt:
            child.send_signal(signal.SIGINT)
            try:
                child.wait(_PATIENCE)
            finally:
                child.kill()
            raise


def _coverage(tally: Tally) -> None:
    """Join what all processes measured, print it, and hold it against the floor in pyproject.toml."""
    _module("coverage", "combine", "-q")
    code = _module("coverage", "report", shown=True)
    tally.check("coverage of the core", well=code == 0, why="below the floor, or nothing was measured")


def _module(*argv: str, shown: bool = False) -> int:
    out = None if shown else subprocess.DEVNULL
    done = subprocess.run(_python(*argv), check=False, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=out, stderr=out)
    return done.returncode


def _python(*argv: str) -> list[str]:
    return [sys.executable, "-m", *argv]


def _has_osmesa() -> bool:
    """Whether the software renderer of 3D thumbnails finds its library; True where apt could not mend it (no Linux)."""
    if not sys.platform.startswith("linux"):
        return True
    for name in OSMESA:
        with contextlib.suppress(OSError):
            ctypes.CDLL(name)
            return True
    return False


def _has_tesseract() -> bool:
    """Whether scanned pages can be read; True where apt could not mend it (no Linux)."""
    return not sys.platform.startswith("linux") or shutil.which("tesseract") is not None


@contextlib.contextmanager
def _interruptible() -> Iterator[None]:
    """SIGTERM ends a run as Ctrl-C does: cleanly."""

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
