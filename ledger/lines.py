"""The queues as the ledger sees them: pause, resume, how full they are, and what a step run in line waits for."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, and_, delete, exists, func, insert, literal, or_, select, union_all

from jobs.model import Job, Status, StepKey, StepRun
from jobs.queues import QUEUES
from jobs.waiting import Waiting, WaitsFor, told_by_row
from ledger.database import Database, db_as_of, db_now
from ledger.schema import jobs, outbox, queue_controls, step_runs, workers

ALIVE_SECONDS = 30.0  # a worker that was not seen for longer counts as gone
_UNSENT_SECONDS = 2.0  # an outbox row that is due for longer waits for the broker
_AT_A_TIME = 20_000  # messages that one transaction sends again
_COUNTED = 10_000  # places in line that are told apart
_QUEUED = step_runs.c.status == Status.QUEUED.value
_DUE = or_(step_runs.c.not_before.is_(None), step_runs.c.not_before <= db_as_of())
UNSENT = exists().where(
    outbox.c.job_id == step_runs.c.job_id,
    outbox.c.step == step_runs.c.name,
    outbox.c.part == step_runs.c.part,
    outbox.c.dispatch == step_runs.c.dispatch,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One queue."""

    name: str
    paused: bool
    paused_at: datetime | None
    queued: int  # step runs
    running: int  # step runs
    workers: int  # that live
    oldest_queued_at: datetime | None  # since when the first of those that may be claimed waits


class Lines:
    """The verbs on queues; part of `Ledger`."""

    database: Database

    def pause(self, queue: str) -> None:
        """Let nobody claim from `queue`; steps that run go on. Holds over restarts; said twice, the first time stands."""

        def work(tx: Connection) -> None:
            if tx.execute(select(_paused(queue))).scalar_one():
                return
            tx.execute(delete(queue_controls).where(queue_controls.c.queue == queue))
            tx.execute(insert(queue_controls).values(queue=queue, paused=True, changed_at=db_now()))

        self.database.writing(work, durable=True)

    def resume(self, queue: str) -> int:
        """Let `queue` be claimed from again; returns how many messages go out again.

        What was delivered while the queue was paused found nothing to claim and is gone from the broker. Of a very
        long queue the first go out now, and the rest as the reconciler of lost messages finds them.
        """

        def work(tx: Connection) -> int:
            was = tx.execute(delete(queue_controls).where(queue_controls.c.queue == queue, queue_controls.c.paused))
            return send_again(tx, and_(step_runs.c.queue == queue, _QUEUED), limit=_AT_A_TIME) if was.rowcount else 0

        return self.database.writing(work, durable=True)

    def paused_queues(self) -> set[str]:
        """Queues whose steps nobody may claim now."""
        with self.database.reading() as tx:
            return set(tx.execute(select(queue_controls.c.queue).where(queue_controls.c.paused)).scalars())

    def lines(self) -> list[Line]:
        """All queues."""
        steps = select(step_runs.c.queue, step_runs.c.status, func.count()).where(
            step_runs.c.status.in_((Status.QUEUED.value, Status.RUNNING.value))
        )
        oldest = select(step_runs.c.queue, func.min(step_runs.c.queued_at)).where(_QUEUED, _DUE)
        alive = select(workers.c.pool, func.count()).where(workers.c.seen_at > db_as_of(-ALIVE_SECONDS))
        with self.database.reading() as tx:
            counted = {(q, s): n for q, s, n in tx.execute(steps.group_by(step_runs.c.queue, step_runs.c.status))}
            since = dict(tx.execute(oldest.group_by(step_runs.c.queue)).tuples().all())
            living: dict[str, int] = dict(tx.execute(alive.group_by(workers.c.pool)).tuples().all())
            paused = {row.queue: row.changed_at for row in tx.execute(select(queue_controls)) if row.paused}
        return [
            Line(
                name=name,
                paused=name in paused,
                paused_at=paused.get(name),
                queued=counted.get((name, Status.QUEUED.value), 0),
                running=counted.get((name, Status.RUNNING.value), 0),
                workers=living.get(name, 0),
                oldest_queued_at=since.get(name),
            )
            for name in QUEUES
        ]

    def oldest_claimable(self, queue: str) -> float | None:
        """Seconds that the oldest step run of `queue` waits which a worker could claim and whose message was sent.

        None where there is none, or the queue is paused.
        """
        since = func.min(func.coalesce(step_runs.c.not_before, step_runs.c.queued_at))
        query = select(since, db_now()).where(step_runs.c.queue == queue, _QUEUED, _DUE, ~UNSENT, ~_paused(queue))
        with self.database.reading() as tx:
            oldest, now = tx.execute(query).one()
        return None if oldest is None else float((now - oldest).total_seconds())

    def waiting(self, job: Job) -> dict[StepKey, Waiting]:
        """What each step run that does not go on waits for, with its place in line."""
        queued = [step for step in job.steps if step.status is Status.QUEUED]
        found = {step.key: told for step in job.steps if (told := told_by_row(step)) is not None}
        if not queued:
            return found
        with self.database.reading() as tx:
            seen = _Seen.read(tx, job.id)
            for step in queued:
                found[step.key] = seen.waiting(step, place=1 + _ahead(tx, step, job.id))
        return found


def send_again(tx: Connection, condition: ColumnElement[bool], *, limit: int | None = None) -> int:
    """Put the messages of the step runs that `condition` picks into the outbox once more, the oldest first."""
    rows = (
        select(
            step_runs.c.job_id,
            step_runs.c.name,
            step_runs.c.part,
            step_runs.c.dispatch,
            step_runs.c.queue,
            jobs.c.priority,
            jobs.c.correlation_id,
            func.coalesce(step_runs.c.not_before, db_now()),
            literal(0),
        )
        .join(jobs, jobs.c.id == step_runs.c.job_id)
        .where(condition)
        .order_by(step_runs.c.queued_at)
        .limit(limit)
    )
    names = ["job_id", "step", "part", "dispatch", "queue", "priority", "correlation_id", "due_at", "tries"]
    again = insert(outbox).from_select(names, rows).execution_options(preserve_rowcount=True)
    return tx.execute(again).rowcount


@dataclass(frozen=True, slots=True, kw_only=True)
class _Seen:
    """What there is to know about the lines of one job's steps."""

    now: datetime  # by the database's clock
    paused: Mapping[str, datetime]  # queues, with since when
    alive: frozenset[str]  # pools
    unsent: frozenset[tuple[str, int]]  # steps and parts whose message could not be sent yet

    @classmethod
    def read(cls, tx: Connection, job_id: str) -> "_Seen":
        late = outbox.c.due_at < db_as_of(-_UNSENT_SECONDS)
        alive = workers.c.seen_at > db_as_of(-ALIVE_SECONDS)
        controls = queue_controls.c
        rows = tx.execute(
            union_all(
                select(literal("now"), literal(""), literal(0), db_now()),
                select(literal("paused"), controls.queue, literal(0), controls.changed_at).where(controls.paused),
                select(literal("alive"), workers.c.pool, literal(0), workers.c.seen_at).where(alive),
                select(literal("unsent"), outbox.c.step, outbox.c.part, outbox.c.due_at).where(
                    outbox.c.job_id == job_id, late
                ),
            )
        ).all()
        return cls(
            now=next(at for what, _, _, at in rows if what == "now"),
            paused={name: at for what, name, _, at in rows if what == "paused"},
            alive=frozenset(name for what, name, _, _ in rows if what == "alive"),
            unsent=frozenset((name, part) for what, name, part, _ in rows if what == "unsent"),
        )

    def waiting(self, step: StepRun, *, place: int) -> Waiting:
        """What a queued step run waits for: the first thing that would have to change."""
        retry_at = step.not_before if step.not_before is not None and step.not_before > self.now else None
        since = self.paused.get(step.queue)
        if since is not None:
            reason = WaitsFor.PAUSED
        elif retry_at is not None:
            reason = WaitsFor.RETRY
        elif (step.name, step.part) in self.unsent:
            reason = WaitsFor.BROKER
        else:
            reason = WaitsFor.TURN if step.queue in self.alive else WaitsFor.WORKER
        return Waiting(reason=reason, retry_at=retry_at, queue=step.queue, place=place, since=since)


def _ahead(tx: Connection, step: StepRun, job_id: str) -> int:
    """How many of its queue were queued before it, up to a number beyond which nobody cares."""
    before = or_(
        step_runs.c.queued_at < step.queued_at,
        and_(step_runs.c.queued_at == step.queued_at, step_runs.c.job_id < job_id),
    )
    some = select(step_runs.c.job_id).where(step_runs.c.queue == step.queue, _QUEUED, before).limit(_COUNTED)
    return int(tx.execute(select(func.count()).select_from(some.subquery())).scalar_one())


def _paused(queue: str) -> ColumnElement[bool]:
    return exists().where(queue_controls.c.queue == queue, queue_controls.c.paused)


def resend_lost(tx: Connection, depths: Mapping[str, int], *, older_than: float, limit: int) -> int:
    """See `Sweeps.resend_lost`."""
    return sum(_resend(tx, queue, depth, older_than=older_than, limit=limit) for queue, depth in depths.items())


def _resend(tx: Connection, queue: str, depth: int, *, older_than: float, limit: int) -> int:
    if tx.dialect.name == "postgresql":  # SQLite has one writer anyway
        mine = select(func.pg_try_advisory_xact_lock(func.hashtext(f"heavylift.resend.{queue}")))
        if not tx.execute(mine).scalar_one():
            return 0
    waiting = and_(step_runs.c.queue == queue, _QUEUED, ~UNSENT, ~_paused(queue))
    old = and_(
        waiting,
        step_runs.c.queued_at < db_as_of(-older_than),
        or_(step_runs.c.not_before.is_(None), step_runs.c.not_before < db_as_of(-older_than)),
    )
    missing = int(tx.execute(select(func.count()).select_from(step_runs).where(waiting)).scalar_one()) - depth
    return send_again(tx, old, limit=min(missing, limit)) if missing > 0 else 0
