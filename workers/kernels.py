"""Geometry kernels and shaders, compiled once per host: steps read them, and only a process of their own writes them."""

import os
import subprocess
import sys
import threading
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import structlog

from jobs.model import Job

log = structlog.get_logger(__name__)
_PATIENCE = 180.0  # seconds for all kernels, compiled on a busy machine; some four are usual
_KEPT = ("PATH", "LD_LIBRARY_PATH", "CUDA_VISIBLE_DEVICES", "LANG")  # of this process's environment


class KernelKeeper:
    """Provides the folder of compiled kernels. Thread-safe.

    The compiler runs in a process of its own, since it brings a GPU driver and 200 MB along. Where it fails the folder
    stays as it is: a step then compiles for itself, seconds each time, and says so in the worker's log.
    """

    def __init__(self, folder: Path, *, gpu: bool = False) -> None:
        """`gpu`: for the GPUs of this host, too; without it the compiler is kept off their devices."""
        self._folder = folder
        self._gpu = gpu
        self._lock = threading.Lock()
        self._tried = False

    def __call__(self, _job: Job, _place: Path) -> Path:
        """The folder, with the kernels of this release in it where they could be made."""
        with self._lock:
            if not self._tried:
                self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
                self._tried = True
                self._compile()
        return self._folder

    def _compile(self) -> None:
        shut = "" if self._gpu else "from workers.sandbox.confine import shut_devices; shut_devices(); "
        code = f"import sys, pathlib; {shut}from models.devices import prepare; prepare(pathlib.Path(sys.argv[1]))"
        env = _environment() | ({} if self._gpu else {"CUDA_VISIBLE_DEVICES": "-1"})
        run_apart(code, self._folder, env=env, event="kernels.not_compiled")


class ShaderKeeper:
    """Provides the folder of what the renderer compiles for itself. Thread-safe.

    It is made in the background, by a process of its own: until then, and where that fails, pictures take longer.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._tried = False

    def __call__(self, _job: Job, _place: Path) -> Path:
        """The folder, with what is in it by now."""
        with self._lock:
            if not self._tried:
                self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
                self._tried = True
                threading.Thread(target=self._compile, name="shaders", daemon=True).start()
        return self._folder

    def _compile(self) -> None:
        done = self._folder / f".made-{_version('f3d')}"
        if done.exists():
            return
        code = "import os, sys, pathlib; os.nice(15); from models.shaders import prepare; prepare(pathlib.Path(sys.argv[1]))"
        if run_apart(code, self._folder, env=_environment(), event="shaders.not_compiled"):
            done.touch()


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "none"


def _environment() -> dict[str, str]:
    """What a compiler needs of this process's variables, and nothing secret."""
    root = Path(__file__).resolve().parents[1]
    return {name: os.environ[name] for name in _KEPT if name in os.environ} | {"PYTHONPATH": str(root)}


def run_apart(code: str, folder: Path, *, env: Mapping[str, str], event: str) -> bool:
    """Run Python in a process of its own on that folder; whether it went well. Else `event` is logged."""
    try:
        done = subprocess.run(
            [sys.executable, "-P", "-c", code, str(folder)],
            check=False,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            cwd=folder,
            env=dict(env),
            timeout=_PATIENCE,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        log.warning(event, reason=type(error).__name__)
        return False
    if done.returncode:
        log.warning(event, reason=done.stderr.decode(errors="replace")[-300:])
    return done.returncode == 0
