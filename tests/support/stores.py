"""Object stores for tests: where each kind is, and the few moves that every test makes."""

import os
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from jobs.ids import new_id
from storage import open_store
from storage.port import ObjectMissing, ObjectStore

MiB = 1024 * 1024
GIVEN = os.environ.get("HEAVYLIFT_TEST_S3_URL")
S3_KINDS = ["moto", "nanio", *(["given"] if GIVEN else [])]
KINDS = ["memory", "local", *S3_KINDS]


@dataclass(kw_only=True)
class Place:
    """Where a store is, so that several stores and processes can meet there."""

    kind: str
    settings: dict[str, Any] = field(default_factory=dict)

    def open(self, **changes: Any) -> ObjectStore:
        """A store of its own, with settings changed."""
        return open_store(**{**self.settings, **changes})

    @cached_property
    def store(self) -> ObjectStore:
        """The test's own store; making an S3 client takes a tenth of a second, so there is one."""
        return self.open()


def content_of(size: int, *, seed: int = 1) -> bytes:
    """Bytes that differ everywhere, so that a swapped or repeated piece is noticed."""
    return random.Random(seed).randbytes(size)


def put(store: ObjectStore, content: bytes, *, key: str | None = None) -> str:
    """Write an object chunk by chunk; its key."""
    key = key or new_id()
    with store.writer(key, size_hint=len(content)) as writer:
        view = memoryview(content)
        for start in range(0, len(content), MiB):
            writer.write(view[start : start + MiB])
        writer.commit()
    return key


def get(store: ObjectStore, key: str, **range_: Any) -> bytes:
    with store.open(key, **range_) as found:
        return found.read()


def listed(store: ObjectStore) -> set[str]:
    return {found.key for found in store.keys()}  # noqa: SIM118 - a store is no dict


def is_missing(store: ObjectStore, key: str) -> bool:
    try:
        store.size(key)
    except ObjectMissing:
        return True
    return False


def every_verb(store: ObjectStore, key: str, *, folder: Path) -> dict[str, Callable[[], object]]:
    """Each call of the port that has to reach the store."""
    source = folder / "source"
    source.write_bytes(b"bytes")
    return {
        "write": lambda: put(store, b"bytes"),
        "put_file": lambda: store.put_file(new_id(), source),
        "open": lambda: store.open(key).read(),
        "open a range": lambda: store.open(key, offset=1, length=1).read(),
        "fetch": lambda: store.fetch(key, folder / "fetched"),
        "size": lambda: store.size(key),
        "delete": lambda: store.delete(key),
        "keys": lambda: listed(store),
        "probe": store.probe,
        "sweep": lambda: store.sweep_partial(older_than=0),
    }
