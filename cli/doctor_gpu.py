"""The doctor's look at GPUs: what is here, its driver, and how the pool that uses it fares."""

from collections.abc import Iterator
from pathlib import Path

from cli.doctor import Finding
from config.settings import Settings

_VERSION = Path("/sys/module/nvidia/version")
_COST = "3D validation computes on the CPU"


def gpu(settings: Settings) -> Iterator[Finding]:
    """One finding for the machine, and one for each GPU that a pool was let on. Opens no device unless settings say so."""
    from workers.sandbox import states

    yield _machine(settings)
    for found in states(settings.gpu_path):
        name = f"{found.gpu.name} ({found.gpu.uuid[:12]})"
        sizes = f"{_gib(found.claimed)} of {_gib(found.budget)} claimed, {_gib(found.gpu.memory)} in all"
        if found.rests:
            times = f"{found.losses} time{'' if found.losses == 1 else 's'}"
            detail = f"{name} rests for {found.rests:.0f} s: it was lost {times} in a row"
            cure = "nvidia-smi -q   # and the kernel's log: look for Xid errors"
            yield Finding(name="gpu pool", state="limited", detail=detail, cost=f"meanwhile {_COST}", cure=cure)
        else:
            yield Finding(name="gpu pool", state="ok", detail=f"{name}: {sizes}")


def _machine(settings: Settings) -> Finding:
    from workers.sandbox import NoGpu, visible_gpus

    nodes = sorted(path.name for path in Path("/dev").glob("nvidia[0-9]*"))
    if not nodes:
        return Finding(name="gpu", state="absent", detail="no NVIDIA GPU is visible", cost=_COST)
    seen = f"NVIDIA: {', '.join(nodes)}, driver {_driver()}"
    if not settings.gpu.enabled:
        used = any(settings.gpu_path.glob("*/gpu.json"))
        cure = "" if used else "; pools use it once they are started with --gpu or HEAVYLIFT_GPU_ENABLED=1"
        return Finding(name="gpu", state="ok", detail=f"{seen}{cure}")
    try:
        found = ", ".join(f"{one.name} {_gib(one.memory)}, CUDA {one.driver}" for one in visible_gpus())
    except NoGpu as none:
        return Finding(name="gpu", state="limited", detail=f"{seen}: {none}", cost=_COST, cure="nvidia-smi")
    return Finding(name="gpu", state="ok", detail=f"{seen}: {found}")


def _driver() -> str:
    try:
        return _VERSION.read_text(encoding="ascii").strip()
    except OSError:
        return "of unknown version"


def _gib(size: int) -> str:
    return f"{size / 1024**3:.1f} GiB"
