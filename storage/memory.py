"""Objects in a dict: the twin for unit tests, with faults on demand."""

import io
import threading
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

from storage.disk import open_regular
from storage.port import ObjectMissing, StoredObject, StoreError, StoreFull, checked_key
from storage.probing import round_trip
from storage.ranges import FileRange, cut
from storage.writing import OneShotWriter


@dataclass(frozen=True, slots=True, kw_only=True)
class _Fault:
    error: Exception
    verb: str | None  # None: whichever comes first


class MemoryStore:
    """An `ObjectStore` that ends with its process; `capacity` is the bytes that fit, None for no end."""

    def __init__(self, *, capacity: int | None = None) -> None:
        self._capacity = capacity
        self._objects: dict[str, tuple[bytes, datetime]] = {}
        self._writers: dict[MemoryWriter, float] = {}  # open ones, and when each was last written to
        self._faults: deque[_Fault] = deque()
        self._lock = threading.Lock()

    def fail_next(self, error: Exception, *, verb: str | None = None, times: int = 1) -> None:
        """Let the next `times` calls of `verb` raise `error`: a method's name, `write`, `commit`, or any call."""
        with self._lock:
            self._faults.extend(_Fault(error=error, verb=verb) for _ in range(times))

    def writer(self, key: str, *, size_hint: int | None = None) -> "MemoryWriter":  # noqa: ARG002 - the port's; a list needs no hint
        checked_key(key)
        self._trip("writer")
        writer = MemoryWriter(key, store=self)
        with self._lock:
            self._writers[writer] = time.monotonic()
        return writer

    def put_file(self, key: str, path: Path, *, move: bool = False) -> None:
        checked_key(key)
        self._trip("put_file")
        source = open_regular(path)
        with FileRange.of(source) as found, self.writer(key) as writer:
            writer.write(found.readall())
            writer.commit()
        if move:
            path.unlink(missing_ok=True)

    def open(self, key: str, *, offset: int = 0, length: int | None = None) -> BinaryIO:
        self._trip("open")
        content = self._content(key)
        start, end = cut(len(content), offset=offset, length=length)
        return io.BytesIO(content[start:end])

    def fetch(self, key: str, path: Path) -> None:
        self._trip("fetch")
        content = self._content(key)
        path.unlink(missing_ok=True)
        path.write_bytes(content)

    def size(self, key: str) -> int:
        self._trip("size")
        return len(self._content(key))

    def delete(self, key: str) -> None:
        checked_key(key)
        self._trip("delete")
        with self._lock:
            self._objects.pop(key, None)

    def keys(self) -> Iterator[StoredObject]:
        self._trip("keys")
        with self._lock:
            found = list(self._objects.items())
        for key, (content, modified) in found:
            yield StoredObject(key=key, size=len(content), modified=modified)

    def url(self, key: str, *, expires: float, file_name: str, media_type: str, attachment: bool) -> str | None:  # noqa: ARG002 - the port's; memory has no links
        checked_key(key)
        return None

    def free_bytes(self) -> int | None:
        self._trip("free_bytes")
        with self._lock:
            return None if self._capacity is None else max(0, self._capacity - self._used())

    def probe(self) -> None:
        self._trip("probe")
        round_trip(self)

    def sweep_partial(self, *, older_than: float) -> int:
        self._trip("sweep_partial")
        last = time.monotonic() - older_than
        with self._lock:
            swept = [writer for writer, touched in self._writers.items() if touched <= last]
            for writer in swept:
                del self._writers[writer]
        return len(swept)

    def _used(self) -> int:
        visible = sum(len(content) for content, _ in self._objects.values())
        return visible + sum(writer.taken for writer in self._writers)

    def _content(self, key: str) -> bytes:
        checked_key(key)
        with self._lock:
            if key not in self._objects:
                raise ObjectMissing(f"the store holds no object {key}")
            return self._objects[key][0]

    def _trip(self, verb: str) -> None:
        """Raise the fault that waits for `verb`, once."""
        with self._lock:
            fault = next((fault for fault in self._faults if fault.verb in {None, verb}), None)
            if fault is None:
                return
            self._faults.remove(fault)
        raise fault.error

    def grow(self, writer: "MemoryWriter", extra: int) -> None:
        """Count `extra` bytes of an open writer against the room that there is."""
        self._trip("write")
        with self._lock:
            if writer not in self._writers:
                raise StoreError(f"object {writer.key} was swept while it was written")
            if self._capacity is not None and self._used() + extra > self._capacity:
                raise StoreFull(f"object {writer.key} does not fit")
            self._writers[writer] = time.monotonic()
            writer.taken += extra

    def show(self, writer: "MemoryWriter", content: bytes) -> None:
        """Make the object of an open writer visible."""
        self._trip("commit")
        with self._lock:
            if self._writers.pop(writer, None) is None:
                raise StoreError(f"object {writer.key} was swept before its commit")
            self._objects[writer.key] = (content, datetime.now(UTC))

    def drop(self, writer: "MemoryWriter") -> None:
        """Forget an open writer."""
        with self._lock:
            self._writers.pop(writer, None)


class MemoryWriter(OneShotWriter):
    """Gathers chunks until they are committed."""

    def __init__(self, key: str, *, store: MemoryStore) -> None:
        super().__init__(key)
        self._store = store
        self._chunks: list[bytes] = []
        self.taken = 0  # bytes so far, kept by the store under its lock

    def _take(self, chunk: memoryview) -> None:
        self._store.grow(self, len(chunk))
        self._chunks.append(bytes(chunk))

    def _publish(self) -> None:
        self._store.show(self, b"".join(self._chunks))

    def _discard(self) -> None:
        self._store.drop(self)
        self._chunks.clear()
