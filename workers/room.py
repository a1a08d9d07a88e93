"""Room on the disk: whether a step failed for lack of it, and whether it took the room itself.

A step that fails on a full disk is put off, and no attempt is charged: others took the room, and it may well succeed
once there is some. One that held its share itself when the disk ran full is charged as for any other failure, so that
what fills each disk it gets ends as a dead letter, and its limits end it where the disk is larger than those.
"""

import errno
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from jobs.errors import Actor, Fault
from jobs.outcomes import Failed, RetryLater
from jobs.policy import FINAL_CODES
from workers.sandbox import taken

AWAY_SECONDS = 5.0  # until a step is tried again that is not to blame
NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT})
NAMES = 1000  # files and folders that a step can count on
_LITTLE, _FEW = 4 * 1024 * 1024, 16  # bytes and names; with less left a disk is full: writers ask for more at a time
# Not for lack of room, or it would not help: limits, memory, kills from outside.
_UNRELATED = FINAL_CODES | {"step.memory", "step.lost", "step.unknown"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """What a disk has left, and what one attempt took of it."""

    left: int  # bytes
    taken: int
    names_left: int | None  # files and folders; None where the file system has no such limit
    names_taken: int

    @classmethod
    def around(cls, folder: Path) -> Self:
        """As it is now, with what stands in an attempt's folder."""
        disk = os.statvfs(folder if folder.exists() else folder.parent)
        size, names = taken(folder)
        left = disk.f_bavail * disk.f_frsize
        return cls(left=left, taken=size, names_left=disk.f_favail if disk.f_files else None, names_taken=names)

    def is_full(self) -> bool:
        """Whether nobody could write anything worth the name."""
        return self.left < _LITTLE or (self.names_left is not None and self.names_left < _FEW)

    def was_denied(self, share: int) -> bool:
        """Whether the attempt never had the room that it can count on: `share` bytes, and some names."""
        few_names = self.names_left is not None and self.names_left + self.names_taken < NAMES
        return self.left + self.taken < share or few_names


def excused(failed: Failed, folder: Path, *, share: int) -> Failed | RetryLater:
    """What becomes of an attempt that failed in `folder`: the same, or put off where the disk is to blame.

    A child that only says that the disk is full is not believed where it had its share: it ran a stranger's file.
    """
    if failed.fault.code in _UNRELATED:
        return failed
    room = Room.around(folder)
    if not room.was_denied(share) or not (room.is_full() or failed.fault.code == "step.disk_full"):
        return failed
    return RetryLater(fault=disk_full(failed.fault.step), delay=AWAY_SECONDS, usage=failed.usage)


def disk_full(step: str | None) -> Fault:
    """The worker's disk took no more."""
    return Fault(
        code="step.disk_full",
        message="The worker's disk is full; the step is tried again every few seconds.",
        actor=Actor.PLATFORM,
        step=step,
        hint="Operators: make room on the disk of the data folder.",
    )
