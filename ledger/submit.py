"""Submit: file, job, step runs, event and outbox rows in one commit, once per idempotency key."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, delete, insert, select

from jobs.ids import new_id
from jobs.lifecycle import Event, queue_ready
from jobs.model import FileFacts, Job, Status, StepRun
from jobs.pipeline import Pipeline
from jobs.planning import plan
from ledger.apply import Dispatch, log, notifying, put_in_outbox
from ledger.blobs import Written, settle_blobs
from ledger.database import Database, db_as_of, db_now
from ledger.errors import IdempotencyMismatch
from ledger.hints import Hints
from ledger.rows import new_job_values, new_step_values, select_jobs, whole
from ledger.schema import idempotency_keys, jobs, step_runs


@dataclass(frozen=True, slots=True, kw_only=True)
class IdempotencyKey:
    """Makes a submit happen once: unique for its owner and route while it is kept."""

    route: str  # `POST /v1/jobs`
    key: str  # what the caller sent
    hours: float = 24.0


@dataclass(frozen=True, slots=True, kw_only=True)
class NewJob:
    """All that a submit says. The file's bytes stand in the store already, under a reserved key."""

    owner: str
    pipeline: Pipeline
    file: FileFacts
    options: Mapping[str, Any]  # validated
    metadata: Mapping[str, Any]
    tags: tuple[str, ...]
    priority: int
    correlation_id: str
    batch_id: str | None = None
    parent_job_id: str | None = None
    deadline: datetime | None = None
    idempotency: IdempotencyKey | None = None

    @property
    def digest(self) -> str:
        """What two requests with one idempotency key must have in common."""
        said = [self.pipeline.name, self.file.sha256, dict(self.options)]
        return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Submitted:
    """What a submit led to."""

    job: Job
    created: bool  # False: the idempotency key was known, this is the earlier job
    dispatches: tuple[Dispatch, ...] = ()  # for the publisher, after the commit


class Submits(Hints):
    """The verb submit; part of `Ledger`."""

    database: Database

    def submit(self, new: NewJob) -> Submitted:
        """Commit a new job; once this returns, the job will end.

        Raises `IdempotencyMismatch` where the key came with another file or other options before, and
        `LedgerUnavailable`. Two submits with one key at once make one job: the second finds the first.
        """
        steps = self.with_hints(plan(new.pipeline, new.options), pipeline=new.pipeline.name, file=new.file)
        return self.database.writing(lambda tx: _submit(tx, new, steps), durable=True)


_NOW = select(db_now())
_INSERT_JOB = insert(jobs)
_INSERT_STEP = insert(step_runs)


def _submit(tx: Connection, new: NewJob, steps: tuple[StepRun, ...]) -> Submitted:
    earlier = _earlier(tx, new)
    if earlier is not None:
        return Submitted(job=earlier, created=False)
    now = tx.execute(_NOW).scalar_one()
    (key,) = settle_blobs(tx, [Written(new.file.key, new.file.sha256, new.file.size)])
    job = _planned(new, steps, file=replace(new.file, key=key), now=now)
    dispatches = enter(tx, job, now=now)
    if new.idempotency:
        # A twin that committed meanwhile makes this fail, the transaction runs again and finds that twin's job.
        tx.execute(delete(idempotency_keys).where(*_key_columns(new), idempotency_keys.c.expires_at <= db_as_of()))
        tx.execute(insert(idempotency_keys).values(_key_values(new, job.id, now)))
    return Submitted(job=job, created=True, dispatches=dispatches)


def enter(tx: Connection, job: Job, *, now: datetime) -> tuple[Dispatch, ...]:
    """Write a planned job whose file is settled; the messages to send after the commit."""
    tx.execute(notifying(_INSERT_JOB, tx), new_job_values(job))
    tx.execute(_INSERT_STEP, [new_step_values(job.id, step, position=n) for n, step in enumerate(job.steps)])
    log(tx, job, (Event(type="job.submitted", data={"pipeline": job.pipeline, "file": job.file.name}),), now=now)
    return put_in_outbox(tx, job, [s for s in job.steps if s.status is Status.QUEUED], now=now)


def _planned(new: NewJob, steps: tuple[StepRun, ...], *, file: FileFacts, now: datetime) -> Job:
    job = Job(
        id=new_id(),
        owner=new.owner,
        pipeline=new.pipeline.name,
        pipeline_version=new.pipeline.version,
        status=Status.QUEUED,
        file=file,
        options=new.options,
        metadata=new.metadata,
        tags=new.tags,
        priority=new.priority,
        correlation_id=new.correlation_id,
        batch_id=new.batch_id,
        parent_job_id=new.parent_job_id,
        deadline=new.deadline,
        steps=steps,
        summary={},
        created_at=now,
    )
    return queue_ready(job, now)


def _earlier(tx: Connection, new: NewJob) -> Job | None:
    """The job that this idempotency key made before."""
    if new.idempotency is None:
        return None
    query = select(idempotency_keys).where(*_key_columns(new))
    row = tx.execute(query.where(idempotency_keys.c.expires_at > db_as_of())).mappings().first()
    if row is None:
        return None
    if row["digest"] != new.digest:
        raise IdempotencyMismatch(f"the key {new.idempotency.key!r} was used for another request")
    found = whole(tx, tx.execute(select_jobs().where(jobs.c.id == row["job_id"])).mappings().all())
    return found[0] if found else None


def _key_columns(new: NewJob) -> tuple[ColumnElement[bool], ...]:
    assert new.idempotency is not None
    return (
        idempotency_keys.c.owner == new.owner,
        idempotency_keys.c.route == new.idempotency.route,
        idempotency_keys.c.key == new.idempotency.key,
    )


def _key_values(new: NewJob, job_id: str, now: datetime) -> dict[str, Any]:
    assert new.idempotency is not None
    return {
        "owner": new.owner,
        "route": new.idempotency.route,
        "key": new.idempotency.key,
        "digest": new.digest,
        "job_id": job_id,
        "expires_at": now + timedelta(hours=new.idempotency.hours),
    }
