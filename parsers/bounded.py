"""Runs a native call in a forked child that has a time and a memory of its own: whatever becomes of it, this process goes on.

`apart` is for calls that the step is about; this is for those that it can do without.
"""

import contextlib
import math
import mmap
import os
import resource
import select
import signal
import time
from collections.abc import Callable

_MOST = 8 << 20  # bytes of an answer
_SPACE = 1 << 47  # bytes of address space that x86 and ARM have for a process


class Gone(Exception):
    """The call gave no answer; the message says why, for people: `it came to no end in its time`."""


def bounded(call: Callable[[], bytes], *, seconds: float, memory: int) -> bytes:
    """What `call` returns. `memory` is in bytes beyond what this process has mapped; raises `Gone`.

    The child is in this process's group, so that it ends with it, and its outputs lead nowhere. It must touch nothing
    but its own memory and the files that it reads.
    """
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        code = 1
        try:
            silence()
            _limit(seconds=seconds, memory=memory)
            with os.fdopen(writing, "wb") as file:
                file.write(call())
            code = 0
        finally:
            os._exit(code)  # whatever happened: this copy must not go on as if it were the parent
    os.close(writing)
    try:
        found = _read(reading, until=time.monotonic() + seconds)
    finally:
        os.close(reading)
    if found is None:
        # An old kernel's sandbox lets us signal nobody: then its processor time ends it.
        with contextlib.suppress(PermissionError):
            os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    if found is None:
        raise Gone("it came to no end in its time")
    if os.WIFSIGNALED(status):
        raise Gone(f"it was ended by signal {os.WTERMSIG(status)}, as happens on broken files and without memory")
    if os.WEXITSTATUS(status):
        raise Gone("it failed, as happens without memory")
    return found


def _read(line: int, *, until: float) -> bytes | None:
    """All that is written to the line; None where its end does not come in time, or it is too much."""
    parts: list[bytes] = []
    size, poller = 0, select.poll()
    poller.register(line, select.POLLIN)
    while (left := until - time.monotonic()) > 0 and size <= _MOST:
        if poller.poll(left * 1000):
            chunk = os.read(line, 1 << 16)
            if not chunk:
                return b"".join(parts)
            parts.append(chunk)
            size += len(chunk)
    return None


def silence() -> None:
    """In a process apart: libraries write what they stumble over, which is content of uploads, to its outputs."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for number in (1, 2):
        os.dup2(nowhere, number)


def _limit(*, seconds: float, memory: int) -> None:
    """Below what this process is held to already; raising that would be refused."""
    _lower(resource.RLIMIT_CPU, math.ceil(seconds) + 1)  # a child begins with no processor time spent
    _lower(resource.RLIMIT_AS, _mapped() + memory)


def _lower(which: int, limit: int) -> None:
    soft, hard = resource.getrlimit(which)
    if soft == resource.RLIM_INFINITY or limit < soft:
        resource.setrlimit(which, (limit, hard if hard != resource.RLIM_INFINITY and hard < limit else limit))


def _mapped() -> int:
    """Bytes of address space that this process has, to the page. A sandbox has no /proc to look it up in.

    Found as the limit under which the next page is refused.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    _is_given(_SPACE)  # refused: what Python needs for that has been allocated then
    low, high = 0, (_SPACE if soft == resource.RLIM_INFINITY else min(soft, _SPACE)) // mmap.PAGESIZE
    while low < high:
        middle = (low + high) // 2
        resource.setrlimit(resource.RLIMIT_AS, (middle * mmap.PAGESIZE, hard))
        low, high = (low, middle) if _is_given(mmap.PAGESIZE) else (middle + 1, high)
    resource.setrlimit(resource.RLIMIT_AS, (soft, hard))
    return low * mmap.PAGESIZE


def _is_given(size: int) -> bool:
    """Whether so many bytes of address space are left."""
    try:
        mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, prot=mmap.PROT_READ).close()
    except (OSError, MemoryError):
        return False
    return True
