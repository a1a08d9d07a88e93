"""What the stores ask of the operating system: safe opening, durable writing, copying inside the kernel."""

import contextlib
import errno
import os
import shutil
import stat
from pathlib import Path

NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})  # what a disk says when it takes no more
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_NO_KERNEL_COPY = frozenset({errno.EXDEV, errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP, errno.EPERM})
_COPY_STEP = 64 * 1024 * 1024


def open_regular(path: Path) -> int:
    """A descriptor that reads the regular file at `path`; a link, pipe or folder in its place is an `OSError`."""
    descriptor = os.open(path, _READ)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), str(path))
    return descriptor


def start_writeback(descriptor: int, start: int, end: int) -> None:
    """Have the kernel begin to write a range, without waiting.

    "Not needed" starts the writing and drops clean pages only; these are dirty, so that they stay in memory and the
    step that reads the file next finds them there.
    """
    with contextlib.suppress(AttributeError, OSError):  # it only saves time
        os.posix_fadvise(descriptor, start, end - start, os.POSIX_FADV_DONTNEED)


def sync_data(descriptor: int) -> None:
    """Bytes and length to the disk; times may come later."""
    getattr(os, "fdatasync", os.fsync)(descriptor)


def sync_folder(folder: Path) -> None:
    """What a folder lists to the disk: a new name outlasts a power cut only after this."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno != errno.EINVAL:  # some file systems have no such thing and need none
            raise
    finally:
        os.close(descriptor)


def copy_all(source: int, target: int) -> None:
    """All bytes: shared by the file system or copied by the kernel where it can, the rest copied by us."""
    try:
        while os.copy_file_range(source, target, _COPY_STEP):
            pass
    except AttributeError:  # no such call on this system
        pass
    except OSError as error:
        if error.errno not in _NO_KERNEL_COPY:
            raise
    # Both descriptors stand where the kernel left off, mostly at the end.
    with os.fdopen(source, "rb", closefd=False) as read, os.fdopen(target, "wb", closefd=False) as write:
        shutil.copyfileobj(read, write, length=1024 * 1024)
