"""Asks the CUDA driver which GPUs it has, in a process of its own: `python workers/sandbox/cuda.py`.

Standard library only. The driver stays out of the supervisor, which forks; a driver that hangs or crashes is an answer.
CUDA's driver interface is described in NVIDIA's "CUDA Driver API" reference.
"""

import ctypes
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from typing import Any

_PATIENCE = 60.0  # seconds; the first call to a driver without a persistence daemon takes some
_KEPT = ("PATH", "LD_LIBRARY_PATH", "CUDA_VISIBLE_DEVICES")


@dataclass(frozen=True, slots=True, kw_only=True)
class Gpu:
    """One GPU of this host."""

    uuid: str  # as CUDA_VISIBLE_DEVICES takes it: `GPU-1b2c...`
    name: str  # as its maker calls it
    memory: int  # bytes, all of it
    driver: str = ""  # the newest CUDA that its driver knows: `13.0`


class NoGpu(Exception):
    """There is no GPU that CUDA could use; the message says why."""


def visible_gpus() -> tuple[Gpu, ...]:
    """The GPUs that this process's environment shows to CUDA; raises `NoGpu` where there is none."""
    env = {name: os.environ[name] for name in _KEPT if name in os.environ}
    try:
        done = subprocess.run(
            [sys.executable, "-I", "-S", __file__],
            check=False,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            env=env,
            timeout=_PATIENCE,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NoGpu(f"CUDA's driver does not answer: {type(error).__name__}") from None
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip().splitlines()
        raise NoGpu(said[-1] if said else f"CUDA's driver ended the process that asked it ({done.returncode})")
    return tuple(Gpu(**one) for one in json.loads(done.stdout))


def _asked() -> list[dict[str, Any]]:
    """What the driver says; `NoGpu` where it says nothing."""
    try:
        cuda = ctypes.CDLL("libcuda.so.1")
    except OSError as error:
        raise NoGpu(f"CUDA's driver library is not here: {error}") from None
    _ok(cuda.cuInit(0), "cuInit")
    version, count = ctypes.c_int(), ctypes.c_int()
    _ok(cuda.cuDriverGetVersion(ctypes.byref(version)), "cuDriverGetVersion")
    _ok(cuda.cuDeviceGetCount(ctypes.byref(count)), "cuDeviceGetCount")
    if not count.value:
        raise NoGpu("CUDA's driver has no device")
    driver = f"{version.value // 1000}.{version.value % 1000 // 10}"
    return [_described(cuda, number) | {"driver": driver} for number in range(count.value)]


def _described(cuda: Any, number: int) -> dict[str, Any]:
    device, memory = ctypes.c_int(), ctypes.c_size_t()
    name, uuid = ctypes.create_string_buffer(128), ctypes.create_string_buffer(16)
    _ok(cuda.cuDeviceGet(ctypes.byref(device), number), "cuDeviceGet")
    _ok(cuda.cuDeviceGetName(name, len(name), device), "cuDeviceGetName")
    _ok(cuda.cuDeviceTotalMem_v2(ctypes.byref(memory), device), "cuDeviceTotalMem")
    _ok(cuda.cuDeviceGetUuid(uuid, device), "cuDeviceGetUuid")
    digits = uuid.raw.hex()
    spelled = "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))
    return {"uuid": f"GPU-{spelled}", "name": name.value.decode(errors="replace"), "memory": memory.value}


def _ok(result: int, what: str) -> None:
    if result:
        raise NoGpu(f"CUDA's driver finds no GPU that it could use: {what} says {result}")


if __name__ == "__main__":
    try:
        sys.stdout.write(json.dumps(_asked()))
    except NoGpu as none:
        sys.exit(str(none))
