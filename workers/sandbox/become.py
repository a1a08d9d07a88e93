"""Becomes a program that is confined for good, as a step's child is: `python -P workers/sandbox/become.py ORDER`.

For a program that outlives one step. It reads code and the folders named, writes nothing, has no network, no rights and
no secrets, and dies with the thread that started it. Memory is limited by what it may write to (RLIMIT_DATA): programs
with a heap of their own reserve address space that they never touch.
"""

import json
import os
import resource
import signal
import sys
from pathlib import Path
from typing import Any

from workers.sandbox import kernel
from workers.sandbox.confine import Confinement, Limits

_ADDRESS_SPACE = 64 << 30  # bytes; what is reserved costs nothing


def order(
    command: list[str],
    *,
    code: list[Path],
    reads: list[Path],
    memory: int,
    cpu_seconds: int,
    without: tuple[str, ...] = (),
) -> list[str]:
    """The command line that starts `command` confined; `code` may be run and read, `reads` only read."""
    said = {
        "parent": os.getpid(),
        "command": command,
        "code": [str(path) for path in code],
        "reads": [str(path) for path in reads],
        "memory": memory,
        "cpu_seconds": cpu_seconds,
        "without": without,
    }
    return [sys.executable, "-P", __file__, json.dumps(said)]


def main(said: dict[str, Any]) -> None:
    """Lock up, then become the program."""
    kernel.die_with_parent(signal.SIGKILL)
    if os.getppid() != said["parent"]:
        return
    confinement = Confinement([Path(path) for path in said["code"]], without=said["without"])
    confinement.share()
    limits = Limits(memory=_ADDRESS_SPACE, cpu_seconds=said["cpu_seconds"], file_size=0)
    confinement.apply(reads=said["reads"], writes=(), limits=limits, mapped=0)
    resource.setrlimit(resource.RLIMIT_DATA, (said["memory"], said["memory"]))
    os.closerange(3, 1 << 16)
    confinement.filter_calls()
    command = said["command"]
    os.execve(command[0], command, {"LANG": "C.UTF-8", "PATH": os.defpath, "HOME": "/nonexistent"})  # noqa: S606 - becoming the program is the point


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
