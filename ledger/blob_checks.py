"""Stored bytes as reconciliation sees them: rows to compare, damage to note, twins that heal it."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, insert, or_, select, update

from ledger.blobs import DAMAGED, DELETING, LIVE, PENDING
from ledger.database import Database, db_now
from ledger.schema import artifacts, blobs, jobs


@dataclass(frozen=True, slots=True, kw_only=True)
class BlobRow:
    """What the ledger says of one object."""

    key: str
    state: str
    sha256: str | None  # known once live
    size: int | None  # bytes


class BlobChecks:
    """The verbs of ledger-against-store; part of `Ledger`."""

    database: Database

    def blob_rows(self, keys: Sequence[str]) -> dict[str, BlobRow]:
        """Rows by key; missing where the ledger knows nothing of the key."""
        query = select(blobs.c.key, blobs.c.state, blobs.c.sha256, blobs.c.size).where(blobs.c.key.in_(keys))
        with self.database.reading() as tx:
            return {row["key"]: BlobRow(**row) for row in tx.execute(query).mappings()}

    def kept_blobs(self, *, after: str, limit: int) -> list[BlobRow]:
        """What should be in the store, by key."""
        query = (
            select(blobs.c.key, blobs.c.state, blobs.c.sha256, blobs.c.size)
            .where(blobs.c.state.in_((LIVE, DAMAGED)), blobs.c.key > after)
            .order_by(blobs.c.key)
            .limit(limit)
        )
        with self.database.reading() as tx:
            return [BlobRow(**row) for row in tx.execute(query).mappings()]

    def users_of_blob(self, key: str, *, limit: int = 5) -> list[str]:
        """Who refers to it, in words: `the file of job 01a…`."""
        files = select(jobs.c.id).where(jobs.c.file_key == key).limit(limit)
        made = select(artifacts.c.name, artifacts.c.job_id).where(artifacts.c.key == key).limit(limit)
        with self.database.reading() as tx:
            found = [f"the file of job {job_id}" for job_id in tx.execute(files).scalars()]
            return found + [f"artifact {name} of job {job_id}" for name, job_id in tx.execute(made)]

    def adopt_blob(self, key: str, *, days: float) -> None:
        """Note an object that the ledger did not know: the collector takes it in `days`, unless its row comes back."""
        row = {"key": key, "state": PENDING, "lease_until": db_now(days * 86400), "created_at": db_now()}
        self.database.writing(lambda tx: tx.execute(insert(blobs).values(row)))

    def damage_blob(self, key: str) -> None:
        """Its bytes are not what they should be: nothing new may refer to it."""
        self._move(key, LIVE, to=DAMAGED)

    def revive_blob(self, key: str) -> bool:
        """Its bytes are there again; whether it counts again (not where equal content took its place)."""

        def work(tx: Connection) -> bool:
            if _twin(tx, key) is not None:
                return False
            change = update(blobs).where(blobs.c.key == key, blobs.c.state == DAMAGED)
            return tx.execute(change.values(state=LIVE)).rowcount == 1

        return self.database.writing(work, durable=True)

    def heal_blob(self, key: str) -> bool:
        """Let equal bytes that are live take the place of damaged ones; whether there were any."""

        def work(tx: Connection) -> bool:
            twin = _twin(tx, key)
            if twin is None:
                return False
            uses = or_(jobs.c.file_key == key, jobs.c.id.in_(select(artifacts.c.job_id).where(artifacts.c.key == key)))
            # The version first: it locks the jobs, and tells caches that keys changed.
            tx.execute(update(jobs).where(uses).values(version=jobs.c.version + 1))
            tx.execute(update(jobs).where(jobs.c.file_key == key).values(file_key=twin))
            tx.execute(update(artifacts).where(artifacts.c.key == key).values(key=twin))
            tx.execute(update(blobs).where(blobs.c.key == key).values(state=DELETING))
            return True

        return self.database.writing(work, durable=True)

    def _move(self, key: str, state: str, *, to: str) -> None:
        change = update(blobs).where(blobs.c.key == key, blobs.c.state == state).values(state=to)
        self.database.writing(lambda tx: tx.execute(change), durable=True)


def _twin(tx: Connection, key: str) -> str | None:
    """The live blob with the content that `key` should have; kept from the collector by its lease."""
    row = tx.execute(select(blobs.c.sha256, blobs.c.size).where(blobs.c.key == key)).first()
    if row is None:
        return None
    alike = update(blobs).where(blobs.c.sha256 == row.sha256, blobs.c.size == row.size, blobs.c.state == LIVE)
    found = tx.execute(alike.where(blobs.c.key != key).values(lease_until=db_now(60.0)).returning(blobs.c.key))
    return found.scalar_one_or_none()
