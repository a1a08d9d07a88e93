"""Applies a decision of jobs/lifecycle.py to the tables, within the caller's transaction."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeVar, cast

from sqlalchemy import Connection, Insert, Update, bindparam, func, insert, literal, select, text, update

from jobs.ids import new_id
from jobs.lifecycle import Advance, Event
from jobs.model import Job, Status, StepKey, StepRun
from ledger.database import db_now
from ledger.errors import JobNotFound
from ledger.rows import job_values, new_step_values, select_jobs, step_values, whole
from ledger.schema import attempts, dead_letters, events, jobs, outbox, step_runs

CHANNEL = "heavylift"  # PostgreSQL NOTIFY; the payload is the job's id
# A publisher thread of the process that committed gets this head start before a dispatcher takes the row.
HEAD_START = 5.0  # seconds
_KEPT_ATTEMPTS = 100  # of one dead letter: a store that was away for a day makes thousands


@dataclass(frozen=True, slots=True, kw_only=True)
class Dispatch:
    """One message to be sent: an outbox row."""

    id: int  # of the outbox row
    job_id: str
    step: str
    part: int
    dispatch: int
    queue: str
    priority: int
    correlation_id: str


def locked(tx: Connection, job_id: str, *, owner: str | None = None) -> tuple[Job, datetime]:
    """The job, locked until the transaction ends, and the database's time. Verbs start here."""
    row = tx.execute(_LOCK, {"job_id": job_id}).mappings().first()
    if row is None or (owner is not None and row["owner"] != owner):
        raise JobNotFound(job_id)
    return whole(tx, [row], with_artifacts=False)[0], row["now"]


# Rows that refer to a job may be written meanwhile (key_share): those of the outbox, say, by a resume.
# Statements are built once: building one costs as much as sending it.
_LOCK = (
    select_jobs(db_now().label("now")).where(jobs.c.id == bindparam("job_id")).with_for_update(of=jobs, key_share=True)
)
_UPDATE_JOB = update(jobs).where(jobs.c.id == bindparam("_id"))
_INSERT_OUTBOX = insert(outbox).returning(outbox.c.id)
_INSERT_EVENT = insert(events)
_INSERT_STEP = insert(step_runs)


def apply(tx: Connection, before: Job, advance: Advance, *, now: datetime) -> tuple[Job, tuple[Dispatch, ...]]:
    """Write what changed; returns the job as it is now and the messages to send after the commit."""
    after = advance.job.evolve(version=before.version + 1)
    known = {step.key: step for step in before.steps}
    new = [step for step in after.steps if step.key not in known]
    changed = [step for step in after.steps if step.key in known and step is not known[step.key]]
    values = {"_id": after.id, **job_values(after)}
    if after.status.ended != before.status.ended:  # which is what an index knows of a status
        values["unindexed_since"] = now
    tx.execute(notifying(_UPDATE_JOB, tx), values)
    if changed:
        tx.execute(_UPDATE_STEP, [_key_values(after.id, step) | step_values(step) for step in changed])
    if new:
        places = {name: place for place, name in enumerate(dict.fromkeys(step.name for step in before.steps))}
        tx.execute(_INSERT_STEP, [new_step_values(after.id, step, position=places[step.name]) for step in new])
    queued = [s for s in changed if s.status is Status.QUEUED and s.dispatch != known[s.key].dispatch]
    queued += [s for s in new if s.status is Status.QUEUED]
    dispatches = put_in_outbox(tx, after, queued, now=now)
    log(tx, after, advance.events, now=now)
    for key in advance.dead_letters:
        bury(tx, after, key, now=now)
    return after, dispatches


_UPDATE_STEP = update(step_runs).where(
    step_runs.c.job_id == bindparam("_job_id"),
    step_runs.c.name == bindparam("_name"),
    step_runs.c.part == bindparam("_part"),
)


def _key_values(job_id: str, step: StepRun) -> dict[str, Any]:
    return {"_job_id": job_id, "_name": step.name, "_part": step.part}


def put_in_outbox(tx: Connection, job: Job, queued: Iterable[StepRun], *, now: datetime) -> tuple[Dispatch, ...]:
    """Outbox rows for step runs that were queued; those due now are returned for the publisher."""
    sent = []
    for step in queued:
        row: dict[str, Any] = {
            "job_id": job.id,
            "step": step.name,
            "part": step.part,
            "dispatch": step.dispatch,
            "queue": step.queue,
            "priority": job.priority,
            "correlation_id": job.correlation_id,
        }
        due_now = step.not_before is None
        taken = now + timedelta(seconds=HEAD_START) if due_now else None
        more = {"due_at": step.not_before or now, "taken_until": taken, "tries": 0}
        key = tx.execute(_INSERT_OUTBOX, row | more).scalar_one()
        if due_now:
            sent.append(Dispatch(id=key, **row))
    return tuple(sent)


def again_in_outbox(tx: Connection, job: Job, step: StepRun, *, now: datetime) -> Dispatch | None:
    """The same message once more, with the same dispatch number; None where it waits in the outbox anyway."""
    same = (outbox.c.step == step.name, outbox.c.part == step.part, outbox.c.dispatch == step.dispatch)
    if tx.execute(select(outbox.c.id).where(outbox.c.job_id == job.id, *same)).first() is not None:
        return None
    return next(iter(put_in_outbox(tx, job, [step], now=now)), None)


def log(tx: Connection, job: Job, happened: Iterable[Event], *, now: datetime) -> None:
    """Append to the durable event log."""
    rows = [
        {
            "owner": job.owner,
            "job_id": job.id,
            "type": event.type,
            "step": event.step,
            "correlation_id": job.correlation_id,
            "data": dict(event.data),
            "at": now,
        }
        for event in happened
    ]
    if rows:
        tx.execute(_INSERT_EVENT, rows if len(rows) > 1 else rows[0])


def bury(tx: Connection, job: Job, key: StepKey, *, now: datetime) -> None:
    """Keep a step run that the platform gave up on, with its last attempts as evidence."""
    step = job.step(key)
    query = select(attempts).where(
        attempts.c.job_id == job.id, attempts.c.step == key.name, attempts.c.part == key.part
    )
    began = tx.execute(select(func.count()).select_from(query.subquery())).scalar_one()
    tried = [
        {name: value.isoformat() if isinstance(value, datetime) else value for name, value in row.items()}
        for row in tx.execute(query.order_by(attempts.c.fence.desc()).limit(_KEPT_ATTEMPTS)).mappings()
    ][::-1]
    tx.execute(
        insert(dead_letters).values(
            id=new_id(),
            owner=job.owner,
            job_id=job.id,
            step=key.name,
            part=key.part,
            attempt=step.attempt,
            fault=step.fault.to_json() if step.fault else None,
            evidence={"attempts": tried, "claims": began},
            state="open",
            created_at=now,
        )
    )


Changing = TypeVar("Changing", Insert, Update)
_WAKE = func.pg_notify(literal(CHANNEL), jobs.c.id)


def notifying(change: Changing, tx: Connection) -> Changing:
    """The same change of a job's row, which also wakes those who wait for one.

    Without a statement of its own on PostgreSQL; SQLite's watchers look at its data version instead.
    """
    return cast("Changing", change.returning(_WAKE)) if tx.dialect.name == "postgresql" else change


def notify(tx: Connection, job_id: str) -> None:
    """Wake those who wait, where no job's row was changed."""
    if tx.dialect.name == "postgresql":
        tx.execute(text("SELECT pg_notify(:channel, :payload)"), {"channel": CHANNEL, "payload": job_id})
