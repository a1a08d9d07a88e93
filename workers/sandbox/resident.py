"""Watches how much memory a run has resident, where no limit of the kernel counts all of it: on a GPU."""

import contextlib
import os
import time
from pathlib import Path

_FIELDS = ("RssAnon:", "RssShmem:")  # not pages of files: those are given back where memory is short
_ALL_EVERY = 0.5  # seconds between looks at all processes of the run


class Resident:
    """The memory of one run's process group, looked at often; its first process each time, others now and then."""

    def __init__(self, limit: int) -> None:
        """`limit` in bytes, what the run inherits from its template included."""
        self._limit = limit
        self._group = 0
        self._others: list[int] = []
        self._all_at = 0.0

    def watch(self, group: int) -> None:
        """The number of the run's process group, which is that of its first process."""
        self._group = group

    def exceeded(self) -> bool:
        """Whether the processes of the run have more resident than they may, pages that they share counted each time."""
        if not self._group:
            return False
        now = time.monotonic()
        if now >= self._all_at:
            self._all_at = now + _ALL_EVERY
            self._others = _members(self._group)
        return sum(map(_resident, (self._group, *self._others))) > self._limit


def _members(group: int) -> list[int]:
    """The group's processes but its first."""
    found = []
    for name in os.listdir("/proc"):  # noqa: PTH208 - names are what is wanted
        if name.isdigit() and int(name) != group:
            with contextlib.suppress(OSError):  # gone since it was listed
                if os.getpgid(int(name)) == group:
                    found.append(int(name))
    return found


def _resident(pid: int) -> int:
    """Bytes; 0 where it is gone."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith(_FIELDS))
