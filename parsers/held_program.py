"""Runs a program of this machine on a file of the step's, held to limits of its own; only in a sandbox's child."""

import contextlib
import math
import resource
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

_LIMITS = {
    "as": resource.RLIMIT_AS,
    "data": resource.RLIMIT_DATA,
    "cpu": resource.RLIMIT_CPU,
    "fsize": resource.RLIMIT_FSIZE,
    "core": resource.RLIMIT_CORE,
}


def ended(
    argv: Sequence[str], *, limits: Mapping[str, int], out: int, seconds: float, folder: Path, env: Mapping[str, str]
) -> int | None:
    """Run to the end; the exit code, negative for a signal, or None where its time was over.

    `limits` are in bytes, named as `prlimit` does: `as`, `data`, `fsize`. What it prints goes to the descriptor `out`.
    """
    if seconds <= 0:
        return None
    # It stays in our process group: a sandbox lets nobody leave it, and kills it whole.
    with subprocess.Popen(
        [*_held(limits, seconds), *argv],
        stdin=subprocess.DEVNULL,
        stdout=out,
        stderr=subprocess.DEVNULL,
        cwd=folder,
        env=dict(env),
    ) as running:
        try:
            return running.wait(seconds)
        except subprocess.TimeoutExpired:
            return None
        finally:
            # An old kernel's sandbox lets us signal nobody: then its processor time ends it.
            with contextlib.suppress(PermissionError):
                running.kill()


def _held(limits: Mapping[str, int], seconds: float) -> list[str]:
    """A start of the command line that holds it to so many bytes and seconds of processor time.

    By a program of util-linux, since code that runs between fork and exec may hang where there are threads. Where it
    is absent, what we are held to ourselves holds for the program too.
    """
    prlimit = shutil.which("prlimit")
    if prlimit is None:
        return []
    wanted = {**limits, "cpu": math.ceil(seconds) + 1, "core": 0}
    return [prlimit, *(f"--{name}={_lowered(_LIMITS[name], limit)}" for name, limit in wanted.items()), "--"]


def _lowered(which: int, limit: int) -> int:
    """Never above what we are given: raising it would be refused."""
    _, hard = resource.getrlimit(which)
    return limit if hard == resource.RLIM_INFINITY else min(limit, hard)
