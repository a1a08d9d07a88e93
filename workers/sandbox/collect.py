"""Takes over what a step handed over: regular files with one link, found without following any link."""

import os
import shutil
import stat
import subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath

from workers.sandbox.call import Output
from workers.sandbox.report import Saved

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK  # a FIFO must not make us wait
_BAD_FILE = "is {}, not a plain file of its own"


class InvalidOutput(Exception):
    """A path that is not a regular file of the step's own; the message says what it is."""


class OutputsTooLarge(Exception):
    """More files or bytes than the step may hand over; the message says which limit was hit."""


def prepare(scratch: Path) -> None:
    """Lay out `out`, `tmp` and `collected`, empty."""
    for name in ("out", "tmp", "collected"):
        folder = scratch / name
        try:
            folder.mkdir(mode=0o700)
        except FileExistsError:
            remove(folder)
            folder.mkdir(mode=0o700)


def remove(folder: Path) -> None:
    """Delete a folder that a step wrote to; copes with depths and modes that make shutil give up."""
    try:
        shutil.rmtree(folder)
    except FileNotFoundError:
        return
    except (OSError, RecursionError):  # a thousand nested folders; a folder without rights
        subprocess.run(["chmod", "-R", "u+rwX", "--", folder], check=False, capture_output=True)
        subprocess.run(["rm", "-rf", "--", folder], check=True, capture_output=True)


def collect(saved: Iterable[Saved], scratch: Path, *, max_file: int, max_total: int) -> tuple[Output, ...]:
    """Move each file to scratch/collected; nothing that the step started may be alive any more."""
    out = os.open(scratch / "out", _FOLDER)
    try:
        outputs: list[Output] = []
        taken: dict[str, tuple[Path, int]] = {}
        total = 0
        for file in saved:
            if file.path not in taken:
                target = scratch / "collected" / str(len(taken))
                size = _take(out, file, target=target, max_file=max_file)
                taken[file.path] = target, size
            path, size = taken[file.path]
            total += size
            if total > max_total:
                raise OutputsTooLarge(f"All files together are over the limit of {max_total} bytes.")
            outputs.append(Output(name=file.name, path=path, size=size, media_type=file.media_type))
        return tuple(outputs)
    finally:
        os.close(out)


def _take(out: int, file: Saved, *, target: Path, max_file: int) -> int:
    *folders, name = PurePosixPath(file.path).parts
    folder = os.dup(out)
    try:
        for part in folders:
            inner = _open(part, _FOLDER, folder=folder, shown=file.path)
            os.close(folder)
            folder = inner
        found = _open(name, _FILE, folder=folder, shown=file.path)
        try:
            facts = os.fstat(found)
            _check(facts, file.path)
            if facts.st_size > max_file:
                raise OutputsTooLarge(f"{file.path!a} is over the limit of {max_file} bytes for one file.")
        finally:
            os.close(found)
        os.rename(name, target, src_dir_fd=folder)
        now = target.lstat()
        if (now.st_dev, now.st_ino) != (facts.st_dev, facts.st_ino):
            raise InvalidOutput(f"{file.path!a} was swapped for another file")
        return now.st_size
    finally:
        os.close(folder)


def _open(name: str, flags: int, *, folder: int, shown: str) -> int:
    try:
        return os.open(name, flags, dir_fd=folder)
    except FileNotFoundError:
        raise InvalidOutput(f"{shown!a} does not exist") from None
    except OSError as error:  # ELOOP: a link; ENOTDIR: a link or a file as a folder; ENXIO: a socket
        raise InvalidOutput(f"{shown!a} cannot be taken over: {os.strerror(error.errno or 0)}") from None


def _check(facts: os.stat_result, shown: str) -> None:
    mode = facts.st_mode
    if not stat.S_ISREG(mode):
        kind = "a folder" if stat.S_ISDIR(mode) else "a pipe" if stat.S_ISFIFO(mode) else "a device"
        raise InvalidOutput(f"{shown!a} {_BAD_FILE.format(kind)}")
    if facts.st_nlink != 1:
        raise InvalidOutput(f"{shown!a} {_BAD_FILE.format('a file with further links')}")


def within(scratch: Path, *, max_bytes: int, max_files: int) -> bool:
    """Whether what stands in scratch/out and scratch/tmp, by blocks on disk, keeps to both limits."""
    size = 0
    for files, taken_by_one in enumerate(_sizes([scratch / "out", scratch / "tmp"]), start=1):
        size += taken_by_one
        if size > max_bytes or files > max_files:
            return False
    return True


def taken(scratch: Path) -> tuple[int, int]:
    """Bytes, by blocks on disk, and number of all files and folders that a step made in its scratch."""
    sizes = list(_sizes([scratch / name for name in ("out", "tmp", "collected")]))
    return sum(sizes), len(sizes)


def _sizes(folders: list[Path]) -> Iterator[int]:
    """What each file and folder below `folders` takes on the disk, in bytes."""
    while folders:
        try:
            with os.scandir(folders.pop()) as entries:
                for entry in entries:
                    yield entry.stat(follow_symlinks=False).st_blocks * 512
                    if entry.is_dir(follow_symlinks=False):
                        folders.append(Path(entry.path))
        except OSError:  # gone since it was listed
            continue
