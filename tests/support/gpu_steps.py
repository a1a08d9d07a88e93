"""Steps that claim VRAM: they say what they were given, or take more than they may."""

import mmap
import os
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from jobs.errors import TransientError

MiB = 1 << 20


def tell(ctx: Any) -> None:
    """Says which GPU it was let on, what CUDA would see, and what it may open of what only CUDA's driver needs."""
    opened = {}
    for path in ("/proc/devices", "/proc/self/maps", "/etc/passwd"):
        try:
            opened[path] = bool(Path(path).read_text())
        except OSError:
            opened[path] = False
    ctx.summary(gpu=ctx.gpu and list(ctx.gpu), visible=os.environ["CUDA_VISIBLE_DEVICES"], opened=opened)


def start_as_cuda_does(ctx: Any) -> None:
    """What CUDA's driver needs to be able to do before it starts, and what nobody may do beside that."""
    done = threading.Event()
    thread = threading.Thread(target=done.wait)
    thread.start()
    tries: dict[str, Callable[[], Any]] = {
        "name a thread": lambda: _named(thread),
        "offer": _offered,
        "connect": lambda: socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET).connect("\0elsewhere"),
        "accept": lambda: _offered().accept(),
        "datagram": lambda: socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM),
        "internet": lambda: socket.socket(socket.AF_INET, socket.SOCK_STREAM),
        "sctp": lambda: socket.socket(socket.AF_INET, socket.SOCK_SEQPACKET),
        "stream": lambda: socket.socket(socket.AF_UNIX, socket.SOCK_STREAM),
    }
    ctx.summary(tried={name: _tried(work) for name, work in tries.items()})
    done.set()


def _named(thread: threading.Thread) -> None:
    """As the C library does it for another thread than the caller."""
    comm = os.open(f"/proc/self/task/{thread.native_id}/comm", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.write(comm, b"cuda-EvtHandlr")
    os.close(comm)


def _offered() -> socket.socket:
    """A socket with a name, as CUDA's driver has one for programs that share memory on the GPU."""
    offered = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    offered.bind(f"\0cuda-uvmfd-{os.getpid()}-{time.monotonic_ns()}")
    offered.listen(16)
    offered.setblocking(False)
    return offered


def _tried(work: Callable[[], Any]) -> str:
    try:
        work()
    except OSError as error:
        return type(error).__name__
    return "done"


def hold(ctx: Any) -> None:
    """Works for `seconds`."""
    ctx.progress(1, 10, "working")
    time.sleep(ctx.options["seconds"])
    ctx.summary(gpu=ctx.gpu and ctx.gpu.name)


def reserve(ctx: Any) -> None:
    """Reserves address space as CUDA does, 64 GiB of it, and touches none."""
    reserved = mmap.mmap(-1, 64 << 30, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, prot=mmap.PROT_READ)
    ctx.summary(reserved=len(reserved))


def take_private(ctx: Any) -> None:
    """Takes memory of its own."""
    ctx.summary(taken=len([bytearray(16 * MiB) for _ in range(64)]))


def take_shared(ctx: Any) -> None:
    """Takes memory that it could share, page by page, which the kernel's limit on private memory does not count."""
    taken = []
    for _ in range(64):
        part = mmap.mmap(-1, 16 * MiB)
        for at in range(0, 16 * MiB, 4096):
            part[at] = 1
        taken.append(part)
    ctx.summary(taken=len(taken))
    time.sleep(1)


def take_beside(ctx: Any) -> None:
    """Has a process of its own take it."""
    if os.fork() == 0:
        take_shared(ctx)
        os._exit(0)
    os.wait()


def examine(ctx: Any) -> None:
    """Examines a model as the pipeline does."""
    from models.conformance import no_check_for
    from models.examination import examined
    from models.options import ModelOptions
    from parsers import model

    report, concern = examined(
        model.normal(ctx.path("upload"), ctx.kind),
        options=ModelOptions(),
        file_bytes=1,
        kernels=ctx.resource("kernels"),
        conformance=no_check_for(ctx.kind),
        gpu=ctx.gpu,
    )
    ctx.summary(kernels=report["kernels"], triangles=report["triangles"])
    if concern:
        ctx.warn(*concern)


def lose(ctx: Any) -> None:
    """Says what the geometry kernels say when the GPU fails under them."""
    ctx.warn("gpu.lost", "The GPU failed: RuntimeError.")


def crash(_ctx: Any) -> None:
    """Ends as a driver that crashes would end it."""
    os.abort()


def give_up(_ctx: Any) -> None:
    """Lets the loss end it."""
    raise TransientError("gpu.lost", "The GPU failed.")
