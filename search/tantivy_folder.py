"""Where a tantivy index lies: generations side by side, the file that names the one in force, and the writer's lock.

folder/CURRENT          `gen-<id>`: the generation that is asked and written; replaced by an atomic rename
folder/WRITER           locked by the one writer for its life; says who that is
folder/SWAP             held shared during a write and alone during a swap, so that no write lands behind one
folder/gen-<id>/        tantivy's own files
folder/gen-<id>/FORMAT  the number that `FORMAT` had when it was made
folder/gen-<id>/words/  an index of its words; see `tantivy_vocabulary`
folder/gen-<id>/FILLING locked while a rebuild fills it
"""

import fcntl
import json
import os
import secrets
import shutil
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from search.port import EngineError, IndexLocked, OtherFormat

FORMAT = 3  # of our documents; a release that changes schema or analysis raises it
CURRENT, WRITER, FILLING, WORDS = "CURRENT", "WRITER", "FILLING", "words"
_SWAP, _FORMAT, _PREFIX = "SWAP", "FORMAT", "gen-"
_REBUILD = "`heavylift search rebuild` makes a new one from the ledger."


def in_force(folder: Path) -> Path | None:
    """The generation that `CURRENT` names; None where there is no index yet. Raises `EngineError`."""
    try:
        name = (folder / CURRENT).read_text(encoding="ascii", errors="replace").strip()
    except FileNotFoundError:
        return None
    except OSError as problem:
        raise EngineError(f"{folder / CURRENT} can't be read: {problem.strerror}") from problem
    if not name.startswith(_PREFIX) or "/" in name or not (folder / name).is_dir():
        raise OtherFormat(f"{folder / CURRENT} names no generation that is there. {_REBUILD}")
    return folder / name


def started(folder: Path) -> tuple[Path, "Lock"]:
    """A fresh, empty generation that is not in force, and the lock that keeps it from being swept away."""
    hidden = folder / f".{_PREFIX}{secrets.token_hex(8)}"
    hidden.mkdir(parents=True)
    (hidden / WORDS).mkdir()  # a generation without it has documents whose words no list has
    _write(hidden / _FORMAT, f"{FORMAT}\n")
    lock = Lock(hidden / FILLING)
    return hidden.rename(folder / hidden.name[1:]), lock


def check_format(generation: Path) -> None:
    """Raises `OtherFormat` where another release made it."""
    try:
        found = (generation / _FORMAT).read_text(encoding="ascii", errors="replace").strip()
    except OSError:
        found = "none"
    if found != str(FORMAT):
        raise OtherFormat(f"The search index in {generation} has format {found[:20]}, not {FORMAT}. {_REBUILD}")


def put_in_force(folder: Path, generation: str) -> None:
    """Put a generation in force: readers see it from their next question on, the writer from its next write.

    Whoever fills it closes it first. What is written until this returns may be in the old one alone.
    """
    check_format(folder / generation)
    with _swapping(folder, fcntl.LOCK_EX):
        _write(folder / CURRENT, f"{generation}\n")


def sweep(folder: Path) -> list[str]:
    """Remove generations that are neither in force nor being filled; returns their names.

    Processes that have one open keep its files until they let go of them.
    """
    keep, removed = in_force(folder), []
    for found in sorted(folder.glob(f"{_PREFIX}*")):
        if found == keep:
            continue
        try:
            lock = Lock(found / FILLING)
        except IndexLocked:
            continue
        shutil.rmtree(found, ignore_errors=True)
        lock.release()
        removed.append(found.name)
    return removed


@contextmanager
def undisturbed(folder: Path) -> Iterator[None]:
    """No swap comes in between."""
    with _swapping(folder, fcntl.LOCK_SH):
        yield


class Lock:
    """Held by one process until it lets go or dies; the kernel forgets it then."""

    def __init__(self, path: Path) -> None:
        self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = _holder(self._fd)
            os.close(self._fd)
            raise IndexLocked(
                f"The search index in {path.parent} is being written by {holder}, and has one writer. Stop that "
                "indexing worker first, or run one indexing worker per index folder."
            ) from None
        who = {"pid": os.getpid(), "host": socket.gethostname(), "since": datetime.now(UTC).isoformat("T", "seconds")}
        os.ftruncate(self._fd, 0)
        os.pwrite(self._fd, json.dumps(who).encode(), 0)

    def release(self) -> None:
        """Let the next one in."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


def _holder(fd: int) -> str:
    try:
        who = json.loads(os.pread(fd, 1000, 0))
        return f"process {who['pid']} on {who['host']} since {who['since']}"
    except (ValueError, KeyError, TypeError):
        return "another process"


@contextmanager
def _swapping(folder: Path, mode: int) -> Iterator[None]:
    fd = os.open(folder / _SWAP, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(fd, mode)
        yield
    finally:
        os.close(fd)


def _write(path: Path, text: str) -> None:
    """Whole or not at all, and still there after a power cut."""
    beside = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    with beside.open("w", encoding="ascii") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)
    fd = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
