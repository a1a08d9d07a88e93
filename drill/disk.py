"""The disk of a drill's data, which may be filled: a small file system of our own where we may mount one, else a balloon file beside a floor.

As root on Linux store, scratch and SQLite lie on a tmpfs inside a mount namespace of this process, which vanishes with
it; shrinking that to what is used makes every write end in ENOSPC. Elsewhere the platform's disk floor is set below what is free,
and a balloon file takes free space below that floor: uploads are refused, though writes would still work.
"""

import ctypes
import errno
import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import Protocol

MiB = 1024 * 1024
_TRIES = 20
_CLONE_NEWNS, _MS_REMOUNT, _MS_REC, _MS_PRIVATE = 0x20000, 0x20, 0x4000, 0x40000  # sched.h, mount.h
_SPARE = 64 * 1024  # bytes that a full disk still takes
_SMALL_FLOOR = MiB
_MARGIN, _LARGEST = 1024 * MiB, 4096 * MiB  # of the balloon: what others on this disk may use meanwhile, and its bound


class CannotFill(Exception):
    """This disk can't be filled now; the message says why."""


class Disk(Protocol):
    """Where the data lie, and how to take their room away."""

    folder: Path
    floor: int  # bytes for HEAVYLIFT_UPLOAD_DISK_FLOOR

    def fill(self) -> None:
        """Leave no room; raises `CannotFill`."""

    def empty(self) -> None:
        """Give the room back."""


class PrivateDisk:
    """A tmpfs that only this process and its children see."""

    floor = _SMALL_FLOOR

    def __init__(self, folder: Path, *, size: int) -> None:
        """Mount it; `OSError` where we may not. To be called before any thread is started: threads inherit it."""
        self.folder = folder
        self._size = size
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._ask(self._libc.unshare(_CLONE_NEWNS), "unshare")
        self._mount(b"none", b"/", kind=None, flags=_MS_REC | _MS_PRIVATE, data=None)
        self._mount(b"tmpfs", os.fsencode(folder), kind=b"tmpfs", flags=0, data=b"mode=700,size=%d" % size)

    def fill(self) -> None:
        for left in reversed(range(_TRIES)):
            stat = os.statvfs(self.folder)
            try:
                self._resize((stat.f_blocks - stat.f_bfree) * stat.f_frsize + _SPARE)
            except OSError as grown:
                if grown.errno != errno.EINVAL or not left:  # else more was written meanwhile than was spared
                    raise
            else:
                return

    def empty(self) -> None:
        self._resize(self._size)

    def close(self) -> None:
        """Unmount it, so that the folder below can be removed."""
        with suppress(OSError):
            self._ask(self._libc.umount2(os.fsencode(self.folder), 2), "umount")  # 2: MNT_DETACH, whoever still uses it

    def _resize(self, size: int) -> None:
        self._mount(b"tmpfs", os.fsencode(self.folder), kind=None, flags=_MS_REMOUNT, data=b"size=%d" % size)

    def _mount(self, source: bytes, target: bytes, *, kind: bytes | None, flags: int, data: bytes | None) -> None:
        self._ask(self._libc.mount(source, target, kind, ctypes.c_ulong(flags), data), f"mount {os.fsdecode(target)}")

    def _ask(self, result: int, what: str) -> None:
        if result != 0:
            number = ctypes.get_errno()
            raise OSError(number, f"{what}: {os.strerror(number)}")


class Balloon:
    """A file that takes what is free, down to below a floor that lies under what was free at the start."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._file = folder / "balloon"
        self.floor = max(_SMALL_FLOOR, self._free() - _MARGIN)

    def fill(self) -> None:
        size = self._free() - self.floor + 64 * MiB
        if self.floor == _SMALL_FLOOR or size > _LARGEST:
            raise CannotFill("too little, or too much, is free on the disk of the temporary folder")
        with self._file.open("wb") as file:
            if size > 0:
                os.posix_fallocate(file.fileno(), 0, size)

    def empty(self) -> None:
        self._file.unlink(missing_ok=True)

    def close(self) -> None:
        """Leave nothing behind."""
        self.empty()

    def _free(self) -> int:
        stat = os.statvfs(self.folder)
        return stat.f_bavail * stat.f_frsize


def open_disk(folder: Path, *, size: int) -> PrivateDisk | Balloon:
    """A disk mounted at `folder`, or the one that `folder` lies on."""
    folder.mkdir(mode=0o700)
    if sys.platform == "linux" and os.geteuid() == 0:
        with suppress(OSError):  # a container without the right to mount
            return PrivateDisk(folder, size=size)
    return Balloon(folder)
