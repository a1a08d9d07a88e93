"""Ledger against object store: bytes that are missing, orphaned, or not what the ledger says."""

import hashlib
import uuid
from collections.abc import Iterator
from itertools import islice

from ledger.blob_checks import BlobRow
from ledger.blobs import DAMAGED
from storage.port import ObjectMissing, ObjectStore
from workers.reconcile.findings import Findings, Sides

_BATCH = 500
_CHUNK = 1 << 20  # bytes
_FEW = 20  # unknown objects that may be most of what there is


def store(sides: Sides) -> Findings:
    """Keys and sizes; `full` compares hashes, too."""
    return compare(sides, deep=False)


def compare(sides: Sides, *, deep: bool) -> Findings:
    """Look at each object for its row, then at each row for its object."""
    found = Findings()
    seen: set[int] = set()  # keys, as numbers, of objects of the right size: a million take about 100 MB
    orphans: list[str] = []
    listed = 0
    listing = sides.store.keys()
    while batch := list(islice(listing, _BATCH)):
        sides.go_on()
        listed += len(batch)
        rows = sides.ledger.blob_rows([stored.key for stored in batch])
        for stored in batch:
            found.checked += 1
            row = rows.get(stored.key)
            if row is None:
                orphans.append(stored.key)
            elif row.size in {None, stored.size}:  # no size: it is being written
                seen.add(uuid.UUID(stored.key).int)
    _orphans(sides, orphans, found, listed=listed)
    for row in _rows(sides):
        sides.go_on()
        found.checked += 1
        if uuid.UUID(row.key).int not in seen or row.state == DAMAGED or deep:
            _look(sides, row, found)
    return found


def _rows(sides: Sides) -> Iterator[BlobRow]:
    after = ""
    while page := sides.ledger.kept_blobs(after=after, limit=_BATCH):
        yield from page
        after = page[-1].key


def _look(sides: Sides, row: BlobRow, found: Findings) -> None:
    """Read the bytes of one row, and compare."""
    digest = _sha256(sides.store, row.key)
    if digest == row.sha256:
        if row.state == DAMAGED and sides.ledger.revive_blob(row.key):
            found.repair(f"object {row.key} is whole again")
    elif not sides.ledger.blob_rows([row.key]):
        return  # collected meanwhile
    elif digest is None:
        _damaged(sides, row, "is missing from the store", found)
    else:
        _damaged(sides, row, "is not what the ledger says: its hash differs", found)


def _damaged(sides: Sides, row: BlobRow, what: str, found: Findings) -> None:
    """Keep others from referring to it; where equal bytes came in again since, they take its place."""
    sides.ledger.damage_blob(row.key)
    users = sides.ledger.users_of_blob(row.key)
    if not users:
        found.repair(f"object {row.key} {what}; nothing refers to it, so it goes")
    elif sides.ledger.heal_blob(row.key):
        found.repair(f"object {row.key} {what}; equal bytes took its place for {', '.join(users)}")
    else:
        found.leave(f"object {row.key} {what}; {', '.join(users)} need it: restore it, or upload the same file again")


def _orphans(sides: Sides, orphans: list[str], found: Findings, *, listed: int) -> None:
    """The ledger notes a key before its bytes are written, so an object without a row is a leftover of a restore.

    It is noted now and collected later, if no better ledger knows it until then. Where most objects are unknown it is
    the ledger, or the bucket, that is wrong.
    """
    if len(orphans) > _FEW and len(orphans) * 2 > listed:
        found.leave(
            f"{len(orphans)} of {listed} objects are unknown to the ledger: is it the right one for this store?"
        )
        return
    for key in orphans:
        if not sides.ledger.blob_rows([key]):
            sides.ledger.adopt_blob(key, days=sides.orphan_days)
            found.leave(f"object {key} has no row in the ledger; it is deleted in {sides.orphan_days:g} days")


def _sha256(objects: ObjectStore, key: str) -> str | None:
    """None where there is no such object."""
    digest = hashlib.sha256()
    try:
        with objects.open(key) as stream:
            while chunk := stream.read(_CHUNK):
                digest.update(chunk)
    except ObjectMissing:
        return None
    return digest.hexdigest()
