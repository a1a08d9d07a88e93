"""Checks of the object store: every live blob has its bytes there, in the right size and, deep, of the right content."""

import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial

from sqlalchemy import Connection, RowMapping, Select, select, union

from audit.report import Check, Finding
from ledger import Ledger
from ledger.schema import artifacts, blobs, jobs
from storage.port import ObjectMissing, ObjectStore, StoreError, StoreUnavailable

BATCH = 500  # blobs in memory at a time
AT_ONCE = 8  # objects looked at at once: each answer of a remote store takes a while
CHUNK = 1024 * 1024  # bytes read at a time
NAMED = 3  # jobs that a finding names; equal content may belong to thousands


@dataclass(slots=True, kw_only=True)
class Stored:
    """Every live blob, whoever refers to it; equal content is looked at once."""

    ledger: Ledger
    store: ObjectStore
    deep: bool
    checked: Counter[str] = field(default_factory=Counter)

    def look(self) -> Iterator[Finding]:
        last = ""
        while True:
            with self.ledger.database.reading() as tx:
                rows = tx.execute(_LIVE.where(blobs.c.key > last).order_by(blobs.c.key).limit(BATCH)).mappings().all()
            if not rows:
                return
            self.checked[Check.OBJECT] += len(rows)
            if self.deep:
                self.checked[Check.HASH] += len(rows)
                self.checked["hash.bytes"] += sum(row["size"] or 0 for row in rows)
            yield from self._check(rows)
            last = rows[-1]["key"]

    def again(self, suspicious: Sequence[Finding]) -> Iterator[Finding]:
        keys = [finding.subject for finding in suspicious]
        for start in range(0, len(keys), BATCH):
            with self.ledger.database.reading() as tx:
                rows = tx.execute(_LIVE.where(blobs.c.key.in_(keys[start : start + BATCH]))).mappings().all()
            yield from self._check(rows)

    def _check(self, rows: Sequence[RowMapping]) -> Iterator[Finding]:
        with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="audit-store") as threads:
            found = [one for one in threads.map(partial(self._look_at, deep=self.deep), rows) if one is not None]
        if not found:
            return
        with self.ledger.database.reading() as tx:
            users = {finding.subject: _users(tx, finding.subject) for finding in found}
        for finding in found:
            detail = f"{finding.detail}; {users[finding.subject]}"
            yield Finding(check=finding.check, subject=finding.subject, detail=detail)

    def _look_at(self, row: RowMapping, *, deep: bool) -> Finding | None:
        key = row["key"]
        try:
            size = self.store.size(key)
            if size != row["size"]:
                wrong = f"the object has {size} bytes, the ledger says {row['size']}"
                return Finding(check=Check.OBJECT, subject=key, detail=wrong)
            digest = self._sha256(key) if deep else row["sha256"]
        except ObjectMissing:
            return Finding(check=Check.OBJECT, subject=key, detail="the store holds no such object")
        except StoreUnavailable:
            raise
        except StoreError as error:
            return Finding(check=Check.OBJECT, subject=key, detail=f"the object can't be read: {error}")
        if digest != row["sha256"]:
            wrong = f"the object's SHA-256 is {digest}, the ledger says {row['sha256']}"
            return Finding(check=Check.HASH, subject=key, detail=wrong)
        return None

    def _sha256(self, key: str) -> str:
        digest = hashlib.sha256()
        with self.store.open(key) as stream:
            while chunk := stream.read(CHUNK):
                digest.update(chunk)
        return digest.hexdigest()


_LIVE: Select[str, str, int] = select(blobs.c.key, blobs.c.sha256, blobs.c.size).where(blobs.c.state == "live")


def _users(tx: Connection, key: str) -> str:
    """Which jobs need a blob, for a person."""
    files = select(jobs.c.id).where(jobs.c.file_key == key)
    kept = select(artifacts.c.job_id).where(artifacts.c.key == key)
    ids = list(tx.execute(union(files, kept).limit(NAMED + 1)).scalars())
    if not ids:
        return "no job refers to it"
    return f"needed by {', '.join(ids[:NAMED])}{' and others' if len(ids) > NAMED else ''}"
