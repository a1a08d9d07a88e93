"""The object store port: immutable bytes under fresh UUID keys, in a folder, in S3 or in memory.

    HeavyliftError
    └── StoreError              the store refused, or its answer makes no sense; the platform's matter
        ├── ObjectMissing       the store is well and holds no object of that key
        ├── StoreFull           no room; the operator must make some
        └── StoreUnavailable    the store does not answer; passes by itself, after bounded retries

Every twin translates what its own libraries raise into these. A store is shared by threads; a writer or an open
object belongs to one thread at a time, though not always to the same one.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, ClassVar, Protocol, Self

from jobs.errors import Actor, HeavyliftError
from jobs.ids import is_id

Chunk = bytes | bytearray | memoryview


class StoreError(HeavyliftError):
    """Something went wrong with stored bytes."""

    code: ClassVar[str] = "store.error"
    actor: ClassVar[Actor] = Actor.PLATFORM


class ObjectMissing(StoreError):
    """The store is well and holds no object of that key."""

    code = "store.missing"


class StoreFull(StoreError):
    """There is no room for the bytes; nothing of them was kept."""

    code = "store.full"


class StoreUnavailable(StoreError):
    """The store does not answer, or not as it should; worth another try later."""

    code = "store.unavailable"
    actor = Actor.NOBODY


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredObject:
    """One object, as a listing shows it."""

    key: str
    size: int  # bytes
    modified: datetime  # when it became visible, in UTC by the store's own clock


class ObjectWriter(Protocol):
    """One new object in the making; nothing is visible before `commit`, and leaving the `with` block aborts.

    A write or a commit that raises has aborted the object already.
    """

    def write(self, chunk: Chunk) -> None:
        """Append `chunk`, whose memory may be used anew once this returns; 1 MiB at a time is a good size."""

    def commit(self) -> None:
        """Make the object durable, then visible in one go.

        Where this raises `StoreUnavailable` the object may be there all the same: give its key up for a fresh one.
        """

    def abort(self) -> None:
        """Drop what was written; what cannot be dropped now is left to `sweep_partial`. Harmless after `commit`."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None: ...


class ObjectStore(Protocol):
    """Where bytes live. Keys are canonical UUIDs that callers make fresh and never reuse; others are `ValueError`."""

    def writer(self, key: str, *, size_hint: int | None = None) -> ObjectWriter:
        """A writer for the new object `key`; `size_hint` is the expected number of bytes, right or wrong."""

    def put_file(self, key: str, path: Path, *, move: bool = False) -> None:
        """Store the regular file at `path`; a link in its place, or none there, is the caller's `OSError`.

        `move` gives the file away, so that the store may keep it instead of a copy: it is gone afterwards, and
        nobody may still have it open for writing.
        """

    def open(self, key: str, *, offset: int = 0, length: int | None = None) -> BinaryIO:
        """Read forward from byte `offset`, at most `length` bytes; a range past the end is cut to what there is."""

    def fetch(self, key: str, path: Path) -> None:
        """Copy the object to `path`, replacing what is there; never a link to the store's own bytes.

        A `path` that cannot be made is the caller's `OSError`; no room for it is `StoreFull`. Nothing half stays.
        """

    def size(self, key: str) -> int:
        """Bytes of the object; `ObjectMissing` where there is none."""

    def delete(self, key: str) -> None:
        """See to it that there is no such object; it need not have been there."""

    def keys(self) -> Iterator[StoredObject]:
        """Every visible object below our prefix, in no order; those that come or go meanwhile may be missed."""

    def url(self, key: str, *, expires: float, file_name: str, media_type: str, attachment: bool) -> str | None:
        """A link that whoever holds it can GET for `expires` seconds; None where this store has no such thing."""

    def free_bytes(self) -> int | None:
        """Room left; None where the store has no known end."""

    def probe(self) -> None:
        """Write, read back and delete a tiny object; `StoreUnavailable` with the reason where that fails."""

    def sweep_partial(self, *, older_than: float) -> int:
        """Drop uncommitted writing that nobody touched for `older_than` seconds; returns how many.

        A writer that is swept fails its next write or its commit, so choose more than the longest upload.
        """


def checked_key(key: str) -> str:
    """`key` itself; anything but a canonical UUID, such as a path, is a `ValueError`."""
    if not is_id(key):
        raise ValueError(f"{key!r} is no object key: keys are UUIDs in canonical form")
    return key
