"""Where the geometry kernels run: on the first GPU where Warp finds one, else on the CPU; and where they are compiled to."""

import logging
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar

from jobs.errors import TransientError

CUDA, CPU = "cuda:0", "cpu"
# A GPU's memory, seen on an H100: 560 MiB for the driver's context and our kernels and 62 for a batch; then 233 bytes for
# each triangle of a million, 300 where none shares a corner.
VRAM_FIXED = 640 * 1024**2  # bytes
VRAM_EACH = 320  # bytes
CACHE_VARIABLE = "WARP_CACHE_PATH"  # Warp's own: the folder that holds compiled kernels
_Result = TypeVar("_Result")
_LOG = logging.getLogger(__name__)


class DeviceLost(TransientError):
    """The GPU failed while it computed; code `gpu.lost`. The same work on the CPU gives the same result."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """What kernels are launched on."""

    name: str  # as Warp spells it: `cuda:0`, `cpu`
    reason: str | None = None  # why this is not the GPU; None where it is, or where nobody asked for it
    title: str | None = None  # as its maker calls it; None: not known

    def __str__(self) -> str:
        return f"{self.name} ({self.title})" if self.title else self.name


def vram_of(triangles: int) -> int:
    """Bytes of a GPU's memory that the kernels take for a model of so many triangles, the driver's own included."""
    return VRAM_FIXED + VRAM_EACH * triangles


def start(cache: Path | None = None) -> None:
    """Bring Warp up, quietly, with its compiled kernels in `cache`, else where `WARP_CACHE_PATH` says.

    A folder that holds the kernels is only read, so that it may be closed to writing. Where there is none that could be
    used, kernels are compiled into the folder for temporary files. May run before a fork; but whoever forks children
    for the GPU launches nothing on it before: CUDA does not survive a fork.
    """
    import warp

    wp: Any = warp
    stated = cache or os.environ.get(CACHE_VARIABLE)
    if cache is None and wp.config.kernel_cache_dir is not None:
        return
    wp.config.log_level = wp.LOG_ERROR
    _compile_into(Path(stated) if stated else _temporary())
    wp.init()


def device(prefer: Literal["auto", "cuda", "cpu"] = "auto") -> Device:
    """The GPU where Warp has one that takes our kernels and nobody prefers the CPU; starts Warp where nobody has."""
    start()
    import warp as wp

    if prefer == "cpu":
        found = Device(name=CPU)
    elif not wp.is_cuda_available():
        found = Device(name=CPU, reason="Warp finds no CUDA device here.")
    else:
        found = Device(name=CUDA, title=str(wp.get_device(CUDA).name))
    try:
        with watched(found):
            _load(found.name)
    except DeviceLost as lost:
        found = Device(name=CPU, reason=str(lost))
        _load(CPU)
    return found


def prepare(cache: Path) -> list[str]:
    """Compile all kernels for each device that Warp finds here into `cache`; seconds at first, milliseconds after.

    Nothing is written elsewhere. What is compiled for the CPU fits this kind of CPU only. A process that has loaded the
    kernels from another folder compiles nothing any more. Returns the devices.
    """
    start(cache)
    import warp as wp

    names = [CPU, *([CUDA] if wp.is_cuda_available() else [])]
    for name in names:
        _load(name)
    return names


def cache() -> str | None:
    """The folder that compiled kernels come from; None before the start."""
    import warp

    wp: Any = warp
    home = wp.config.kernel_cache_dir
    return None if home is None else str(Path(home).parent)


def _load(name: str) -> None:
    """Load the kernels; compile them aside where the cache lacks them and is closed to writing."""
    import warp as wp

    from models import kernels

    try:
        wp.load_module(kernels, device=name)
    except OSError as closed:
        _LOG.warning("kernels for %s are compiled anew: %s", name, type(closed).__name__)
        _compile_into(_temporary())
        wp.load_module(kernels, device=name)


def _temporary() -> Path:
    return Path(tempfile.mkdtemp(prefix="warp-"))


def _compile_into(folder: Path) -> None:
    """Tell Warp where its compiled kernels are; its own folder for this version lies below."""
    import warp

    wp: Any = warp
    home = folder / wp.config.version
    try:
        home.mkdir(parents=True, exist_ok=True)
    except OSError as closed:
        _LOG.warning("kernels are compiled anew: %s", type(closed).__name__)
        home = _temporary() / wp.config.version
        home.mkdir()
    before_init = wp.config.kernel_cache_dir is None  # at its start Warp adds the version by itself
    wp.config.kernel_cache_dir = str(home.parent if before_init else home)


@contextmanager
def watched(device: Device) -> Iterator[None]:
    """Turn a failure of the GPU into `DeviceLost`."""
    try:
        yield
    except (RuntimeError, MemoryError, OSError) as failed:
        if device.name == CPU:
            raise
        raise DeviceLost("gpu.lost", f"The GPU failed: {type(failed).__name__}.") from failed


def run(work: Callable[[Device], _Result], device: Device) -> tuple[_Result, Device]:
    """Do the work on the device, or on the CPU where that is lost; with the device that did it and the reason."""
    try:
        return work(device), device
    except DeviceLost as lost:
        instead = Device(name=CPU, reason=str(lost))
        return work(instead), instead
