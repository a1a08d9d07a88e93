"""The callers' verbs: cancel, retry, update, delete."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, insert, update

from jobs.lifecycle import Advance, Event, WrongState
from jobs.model import Job
from jobs.verbs import cancel, expire, retry
from ledger.apply import Dispatch, apply, locked, log, notify
from ledger.catalogs import holds_catalog
from ledger.database import Database, db_now
from ledger.errors import JobInUse
from ledger.letters import DISCARDED, REPLAYED, close_letters_of
from ledger.rows import load_artifacts
from ledger.schema import blobs, idempotency_keys, jobs, search_gone


class Verbs:
    """Decisions about whole jobs; part of `Ledger`."""

    database: Database

    def cancel(self, job_id: str, *, owner: str) -> Job:
        """End a job that has not ended. Raises `WrongState`, `JobNotFound`."""
        return self._decide(
            job_id,
            lambda job, now: cancel(job, now=now),
            owner=owner,
            also=lambda tx: close_letters_of(tx, job_id, state=DISCARDED),  # only a retry runs a cancelled job again
        )[0]

    def retry(self, job_id: str, *, owner: str) -> tuple[Job, tuple[Dispatch, ...]]:
        """Run a failed or cancelled job again with a fresh budget. Raises `WrongState`, `JobNotFound`."""

        def close_letters(tx: Connection) -> None:
            close_letters_of(tx, job_id, state=REPLAYED)

        return self._decide(job_id, lambda job, now: retry(job, now=now), owner=owner, also=close_letters)

    def expire(self, job_id: str) -> Job:
        """Fail a job whose deadline has passed; one that ended meanwhile is left as it is."""

        def decide(job: Job, now: datetime) -> Advance:
            passed = job.deadline is not None and job.deadline <= now
            return expire(job, now=now) if passed and not job.status.ended else Advance(job=job)

        return self._decide(job_id, decide, owner=None, also=lambda tx: close_letters_of(tx, job_id, state=DISCARDED))[
            0
        ]

    def update(
        self, job_id: str, *, owner: str, tags: tuple[str, ...] | None = None, metadata: Mapping[str, Any] | None = None
    ) -> Job:
        """Replace tags or metadata."""

        def work(tx: Connection) -> Job:
            job, now = locked(tx, job_id, owner=owner)
            changes: dict[str, Any] = {}
            if tags is not None:
                changes["tags"] = tags
            if metadata is not None:
                changes["metadata"] = metadata
            after = job.evolve(**changes, version=job.version + 1)
            values = {"tags": list(after.tags), "metadata": dict(after.metadata), "version": after.version}
            stale = {} if after.tags == job.tags else {"unindexed_since": now}
            tx.execute(update(jobs).where(jobs.c.id == job_id).values(values | stale))
            log(tx, after, (Event(type="job.updated", data={"tags": list(after.tags)}),), now=now)
            notify(tx, job_id)
            return after.evolve(artifacts=tuple(load_artifacts(tx, [job_id])[job_id]))

        return self.database.writing(work, durable=True)

    def delete(self, job_id: str, *, owner: str | None) -> None:
        """Forget a job that has ended: artifacts and the job; its bytes go to the collector, its entries to the indexer.

        Raises `WrongState` while it runs (cancel it first), `JobInUse` where its catalog is in force or kept, and
        `JobNotFound`.
        """

        def work(tx: Connection) -> None:
            job, now = locked(tx, job_id, owner=owner)
            if not job.status.ended:
                raise WrongState(f"the job is {job.status}; cancel it first")
            if holds_catalog(tx, job_id):
                raise JobInUse("its catalog is in force or kept; it goes once later imports have replaced it")
            close_letters_of(tx, job_id, state=DISCARDED)
            tx.execute(insert(search_gone).values(job_id=job_id, owner=job.owner, at=now))
            log(tx, job, (Event(type="job.deleted"),), now=now)
            freed = {a.key for a in load_artifacts(tx, [job_id])[job_id]} | {job.file.key}
            tx.execute(delete(idempotency_keys).where(idempotency_keys.c.job_id == job_id))
            tx.execute(delete(jobs).where(jobs.c.id == job_id))  # steps, attempts, artifacts, outbox follow
            # Nothing else may refer to these: let the collector look at once.
            tx.execute(update(blobs).where(blobs.c.key.in_(freed)).values(lease_until=db_now(-1)))
            notify(tx, job_id)

        self.database.writing(work, durable=True)

    def _decide(
        self,
        job_id: str,
        decide: Callable[[Job, datetime], Advance],
        *,
        owner: str | None,
        also: Callable[[Connection], None] | None = None,  # in the same transaction
    ) -> tuple[Job, tuple[Dispatch, ...]]:
        def work(tx: Connection) -> tuple[Job, tuple[Dispatch, ...]]:
            job, now = locked(tx, job_id, owner=owner)
            decided = decide(job, now)
            kept = tuple(load_artifacts(tx, [job_id])[job_id])
            if decided.job is job:
                return job.evolve(artifacts=kept), ()
            after, dispatches = apply(tx, job, decided, now=now)
            if also is not None:
                also(tx)
            return after.evolve(artifacts=kept), dispatches

        return self.database.writing(work, durable=True)
