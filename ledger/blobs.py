"""Stored bytes by content: reserve a key, make it live with the commit, collect what nobody refers to."""

import threading
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

from sqlalchemy import Connection, bindparam, delete, exists, insert, or_, select, update

from jobs.ids import new_id
from ledger.database import Database, db_as_of, db_now
from ledger.schema import artifacts, blobs, jobs

PENDING, LIVE, DELETING = "pending", "live", "deleting"
DAMAGED = "damaged"  # was live; its bytes are missing or wrong
RESERVED = 3600.0  # seconds that a reservation lives
_GRACE = 60.0  # seconds that the collector keeps off a blob which was just referred to


# Built once: every submit and every artifact goes through them.
_REFER_TO_TWINS = (
    update(blobs)
    .where(blobs.c.sha256.in_(bindparam("_sha256", expanding=True)), blobs.c.state == LIVE)
    .values(lease_until=db_now(_GRACE))
    .returning(blobs.c.sha256, blobs.c.size, blobs.c.key)
)
_CONDEMN = update(blobs).where(blobs.c.key.in_(bindparam("_keys", expanding=True))).values(state=DELETING)
_MAKE_LIVE = (
    update(blobs)
    .where(blobs.c.key == bindparam("_key"), blobs.c.state == PENDING)
    .values(state=LIVE, sha256=bindparam("_sha256"), size=bindparam("_size"), lease_until=db_now(_GRACE))
)


class Written(NamedTuple):
    """Bytes in the store that do not count yet."""

    key: str  # reserved
    sha256: str
    size: int


def settle_blobs(tx: Connection, written: Sequence[Written]) -> list[str]:
    """Make these bytes count; returns the keys to refer to, in the same order.

    Where equal content is live already, or comes twice, one key stands for it and the others are left to the collector.
    The partial unique index decides between two that settle at once: the loser's transaction runs again and finds the
    winner. Raises `LookupError` where a key was not reserved.
    """
    if not written:
        return []
    live = {
        (sha256, size): str(key)
        for sha256, size, key in tx.execute(_REFER_TO_TWINS, {"_sha256": [one.sha256 for one in written]})
    }
    found = [live.setdefault((one.sha256, one.size), one.key) for one in written]
    own = [one for one, key in zip(written, found, strict=True) if key == one.key]
    others = [one.key for one, key in zip(written, found, strict=True) if key != one.key]
    if others:
        tx.execute(_CONDEMN, {"_keys": others})
    if own:
        # In one order for all: two that settle the same content don't wait for each other.
        own.sort(key=lambda one: one.sha256)
        rows = [{"_key": one.key, "_sha256": one.sha256, "_size": one.size} for one in own]
        if tx.execute(_MAKE_LIVE, rows).rowcount != len(own):
            keys = ", ".join(one.key for one in own)
            raise LookupError(f"a blob of {keys} was not reserved, or its reservation ran out")
    return found


class BlobStock:
    """Keys reserved ahead: a transaction less for nearly every upload and step. Thread-safe.

    What is left when the process ends is a handful of rows without bytes, which the collector takes.
    """

    def __init__(self, reserve: Callable[[int], list[str]], *, size: int) -> None:
        self._reserve = reserve  # takes how many; the reservations live for 2 * RESERVED seconds
        self._size = size
        self._lock = threading.Lock()
        self._keys: list[str] = []
        self._good_until = 0.0  # monotonic; from then on a key would live for less than RESERVED

    def take(self, n: int) -> list[str]:
        """`n` keys whose reservations live for RESERVED seconds at least."""
        with self._lock:
            if time.monotonic() > self._good_until:
                self._keys = []
            if len(self._keys) < n:
                good_until = time.monotonic() + RESERVED
                self._keys = self._reserve(n + self._size)
                self._good_until = good_until
            taken, self._keys = self._keys[:n], self._keys[n:]
        return taken


class Blobs:
    """The verbs on stored bytes; part of `Ledger`."""

    database: Database
    stock: "BlobStock | None" = None  # keys reserved ahead, where the process asked for it

    def reserve_blob(self, *, lease: float = RESERVED) -> str:
        """A fresh key for bytes about to be written; without a commit the collector removes them after `lease` s."""
        return self.reserve_blobs(1, lease=lease)[0]

    def reserve_blobs(self, n: int, *, lease: float = RESERVED) -> list[str]:
        """`n` fresh keys, in one transaction at most."""
        if self.stock is not None and lease == RESERVED:
            return self.stock.take(n)
        return self._reserve(n, lease=lease)

    def _reserve(self, n: int, *, lease: float) -> list[str]:
        keys = [new_id() for _ in range(n)]
        rows = [{"key": key, "state": PENDING, "lease_until": db_now(lease), "created_at": db_now()} for key in keys]
        if rows:
            self.database.writing(lambda tx: tx.execute(insert(blobs).values(rows)))
        return keys

    def extend_blob(self, key: str, *, lease: float = RESERVED) -> None:
        """Keep a reservation alive while its bytes still arrive."""
        self.database.writing(
            lambda tx: tx.execute(update(blobs).where(blobs.c.key == key).values(lease_until=db_now(lease)))
        )

    def drop_blob(self, key: str) -> None:
        """Give a reservation back whose bytes were never committed."""
        self.database.writing(lambda tx: tx.execute(delete(blobs).where(blobs.c.key == key, blobs.c.state == PENDING)))

    def condemn_blobs(self, *, limit: int = 500) -> list[str]:
        """Move what nobody refers to, and whose lease is over, to `deleting`; returns all keys in that state."""
        referred = or_(exists().where(artifacts.c.key == blobs.c.key), exists().where(jobs.c.file_key == blobs.c.key))

        def work(tx: Connection) -> list[str]:
            idle = (
                select(blobs.c.key)
                .where(blobs.c.state.in_((PENDING, LIVE, DAMAGED)), blobs.c.lease_until < db_as_of(), ~referred)
                .limit(limit)
                .with_for_update(skip_locked=True)
            )
            keys = list(tx.execute(idle).scalars())
            # The row lock is held: whoever wants to refer to one of these now waits and then finds it condemned.
            if keys:
                tx.execute(
                    update(blobs).where(blobs.c.key.in_(keys), blobs.c.lease_until < db_as_of()).values(state=DELETING)
                )
            return list(tx.execute(select(blobs.c.key).where(blobs.c.state == DELETING).limit(limit)).scalars())

        return self.database.writing(work)

    def forget_blobs(self, keys: list[str]) -> None:
        """Drop the rows of deleted objects."""
        self.database.writing(
            lambda tx: tx.execute(delete(blobs).where(blobs.c.key.in_(keys), blobs.c.state == DELETING))
        )
