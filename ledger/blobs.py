"""Stored bytes by content: reserve a key, make it live with the commit, collect what nobody refers to."""

import threading
import time
from collections.abc import Callable

from sqlalchemy import Connection, bindparam, delete, exists, insert, or_, select, update

from jobs.ids import new_id
from ledger.database import Database, db_as_of, db_now
from ledger.schema import artifacts, blobs, jobs

PENDING, LIVE, DELETING = "pending", "live", "deleting"
DAMAGED = "damaged"  # was live; its bytes are missing or wrong
RESERVED = 3600.0  # seconds that a reservation lives
_GRACE = 60.0  # seconds that the collector keeps off a blob which was just referred to


# Built once: every submit and every artifact goes through them.
_REFER_TO_TWIN = (
    update(blobs)
    .where(blobs.c.sha256 == bindparam("_sha256"), blobs.c.state == LIVE, blobs.c.size == bindparam("_size"))
    .values(lease_until=db_now(_GRACE))
    .returning(blobs.c.key)
)
_CONDEMN = update(blobs).where(blobs.c.key == bindparam("_key")).values(state=DELETING)
_MAKE_LIVE = (
    update(blobs)
    .where(blobs.c.key == bindparam("_key"), blobs.c.state == PENDING)
    .values(state=LIVE, sha256=bindparam("_sha256"), size=bindparam("_size"), lease_until=db_now(_GRACE))
)


def settle_blob(tx: Connection, key: str, *, sha256: str, size: int) -> str:
    """Make the bytes under the reserved `key` count; returns the key to refer to.

    Where equal content is live already, that key is returned and ours is left to the collector. The partial unique
    index decides between two that settle at once: the loser's transaction runs again and finds the winner.
    """
    content = {"_sha256": sha256, "_size": size}
    twin = tx.execute(_REFER_TO_TWIN, content).scalar_one_or_none()
    if twin is not None:
        tx.execute(_CONDEMN, {"_key": key})
        return str(twin)
    if tx.execute(_MAKE_LIVE, {"_key": key, **content}).rowcount != 1:
        raise LookupError(f"blob {key} was not reserved, or its reservation ran out")
    return key


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
