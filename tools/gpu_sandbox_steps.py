# ruff: noqa: INP001 - a script's steps, not a package
"""The steps that tools/gpu_sandbox_check.py runs in the sandbox: each uses a GPU, or tries what no step may."""

import ctypes
import mmap
import os
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any


def sizes() -> dict[str, int]:
    """What this process has mapped and touched, in MiB."""
    wanted = ("VmPeak", "VmSize", "VmData", "VmRSS", "RssAnon", "RssFile", "RssShmem")
    lines = [line.partition(":") for line in Path("/proc/self/status").read_text().splitlines()]
    return {name: int(rest.split()[0]) // 1024 for name, _, rest in lines if name in wanted}


def use_driver() -> list[Any]:
    """The driver's own calls, one after the other, to the first that fails: a context, memory, a copy, and back."""
    try:
        cuda = ctypes.CDLL("libcuda.so.1")
    except OSError as error:
        return ["load", str(error)]
    device, context, memory = ctypes.c_int(), ctypes.c_void_p(), ctypes.c_uint64()
    back = ctypes.create_string_buffer(1024)
    free, total = ctypes.c_size_t(), ctypes.c_size_t()
    calls: list[tuple[str, Callable[[], int]]] = [
        ("init", lambda: cuda.cuInit(0)),
        ("device", lambda: cuda.cuDeviceGet(ctypes.byref(device), 0)),
        ("context", lambda: cuda.cuDevicePrimaryCtxRetain(ctypes.byref(context), device)),
        ("current", lambda: cuda.cuCtxSetCurrent(context)),
        ("allocate", lambda: cuda.cuMemAlloc_v2(ctypes.byref(memory), ctypes.c_size_t(256 << 20))),
        ("set", lambda: cuda.cuMemsetD8_v2(memory, ctypes.c_ubyte(7), ctypes.c_size_t(256 << 20))),
        ("copy", lambda: cuda.cuMemcpyDtoH_v2(back, memory, ctypes.c_size_t(1024))),
        ("info", lambda: cuda.cuMemGetInfo_v2(ctypes.byref(free), ctypes.byref(total))),
    ]
    for name, call in calls:
        result = call()
        if result:
            return [name, result]
    return ["done", 0 if set(back.raw) == {7} else -1, (total.value - free.value) >> 20]


def driver(ctx: Any) -> None:
    """Step: uses the driver, and tries what no step may."""
    used = use_driver()
    ctx.summary(used=used, gpu=ctx.gpu and list(ctx.gpu), sizes=sizes(), tried=forbidden())
    if used[0] != "done":
        ctx.summary(opened=tried_devices(), named=named(), offered=offered())


def named() -> str:
    """How it ends to name a thread, as the driver does."""
    done = threading.Event()
    thread = threading.Thread(target=done.wait)
    thread.start()
    try:
        os.close(os.open(f"/proc/self/task/{thread.native_id}/comm", os.O_WRONLY | os.O_CREAT | os.O_TRUNC))
    except OSError as error:
        return str(error)
    finally:
        done.set()
    return "done"


def offered() -> str:
    """How it ends to offer a socket, as the driver does."""
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as made:
            made.bind(f"\0gpu-check-{os.getpid()}")
            made.listen(16)
    except OSError as error:
        return str(error)
    return "done"


def forbidden() -> dict[str, str]:
    """What a step must not be able to do, and how each try ended."""

    def reach() -> None:
        with socket.create_connection(("127.0.0.1", 22), timeout=2):
            pass

    tries: dict[str, Callable[[], Any]] = {
        "passwd": lambda: Path("/etc/passwd").read_bytes(),
        "root": lambda: list(Path("/root").iterdir()),
        "write": lambda: Path("/tmp/out-of-scratch").write_bytes(b"x"),  # noqa: S108 - it is to fail
        "network": reach,
        "other": lambda: Path("/proc/1/environ").read_bytes(),
    }
    said = {}
    for name, work in tries.items():
        try:
            work()
            said[name] = "done"
        except OSError as error:
            said[name] = type(error).__name__
    return said


def bare(ctx: Any) -> None:
    """Step without VRAM: finds no device."""
    ctx.summary(opened=tried_devices(), seen=os.environ["CUDA_VISIBLE_DEVICES"])


def tried_devices() -> dict[str, str]:
    """How it ends to open each device of a GPU."""
    said = {}
    for name in ("nvidiactl", "nvidia-uvm", "nvidia0"):  # by name: the folder can't be listed there
        try:
            os.close(os.open(f"/dev/{name}", os.O_RDWR))
            said[name] = "opened"
        except OSError as error:
            said[name] = type(error).__name__
    return said


def private(ctx: Any) -> None:
    """Step: takes private memory without end."""
    use_driver()
    kept = [bytearray(64 << 20) for _ in range(400)]
    ctx.summary(kept=len(kept))


def shared(ctx: Any) -> None:
    """Step: takes shared memory without end, which RLIMIT_DATA does not count."""
    use_driver()
    kept = []
    for _ in range(400):
        part = mmap.mmap(-1, 64 << 20)
        for at in range(0, 64 << 20, 4096):
            part[at] = 1
        kept.append(part)
    ctx.summary(kept=len(kept))


def kernels(ctx: Any) -> None:
    """Step: crossings and walls on the GPU and on the CPU; with what the GPU's memory was used for."""
    from models_parity import check_crossings, check_walls, torus, two

    from models import devices

    devices.start(Path(ctx.options["cache"]))
    device = devices.device()
    if ctx.options.get("quick"):
        (found, used) = devices.run(lambda one: check_crossings(torus(ctx.options["triangles"]), one), device)
        ctx.summary(device=str(used), reason=used.reason, pairs=found["pairs"])
        return
    meshes = {"crossings": two(ctx.options["triangles"]), "walls": torus(ctx.options["triangles"])}
    begin = time.perf_counter()
    found = {
        "crossings": check_crossings(meshes["crossings"], device),
        "walls": check_walls(meshes["walls"], device),
    }
    seconds = time.perf_counter() - begin
    on_cpu = devices.Device(name="cpu")
    same = found["crossings"] == check_crossings(meshes["crossings"], on_cpu) if ctx.options["compare"] else None
    pairs = found["crossings"]["pairs"]
    ctx.summary(device=str(device), reason=device.reason, seconds=seconds, same=same, pairs=pairs, sizes=sizes())
