"""Where the geometry kernels run: on the first GPU where Warp finds one, else on the CPU; and where they are compiled to."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar

from jobs.errors import TransientError

CUDA, CPU = "cuda:0", "cpu"
CACHE_VARIABLE = "WARP_CACHE_PATH"  # Warp's own: the folder that holds compiled kernels
_Result = TypeVar("_Result")


class DeviceLost(TransientError):
    """The GPU failed while it computed; code `gpu.lost`. The same work on the CPU gives the same result."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """What kernels are launched on."""

    name: str  # as Warp spells it: `cuda:0`, `cpu`
    reason: str | None = None  # why this is not the GPU; None where it is, or where nobody asked for it


def start(cache: Path | None = None) -> None:
    """Bring Warp up, quietly, with its compiled kernels in `cache` (else where `WARP_CACHE_PATH` says).

    Never in a process that forks children for the GPU: CUDA does not survive a fork. The CPU does.
    """
    import warp

    wp: Any = warp
    if cache is not None:
        os.environ[CACHE_VARIABLE] = str(cache)
    wp.config.log_level = wp.LOG_ERROR
    wp.init()
    if cache is not None:  # also where Warp was up already
        wp.config.kernel_cache_dir = str(cache / wp.config.version)
        Path(wp.config.kernel_cache_dir).mkdir(parents=True, exist_ok=True)


def device(prefer: Literal["auto", "cuda", "cpu"] = "auto") -> Device:
    """The GPU where Warp has one and nobody prefers the CPU."""
    start()
    import warp as wp

    if prefer == "cpu":
        return Device(name=CPU)
    if wp.is_cuda_available():
        return Device(name=CUDA)
    return Device(name=CPU, reason="Warp finds no CUDA device here.")


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


def prepare(cache: Path) -> list[str]:
    """Compile all kernels for each device of this machine into `cache`; seconds at first, milliseconds after.

    Nothing is written elsewhere. Returns the devices.
    """
    start(cache)
    import warp as wp

    from models import kernels

    names = [CPU, *([CUDA] if wp.is_cuda_available() else [])]
    for name in names:
        wp.load_module(kernels, device=name)
    return names
