"""What rescue and upkeep need: due messages, expired leases, lost messages, old jobs, worker registry."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from sqlalchemy import Connection, RowMapping, Select, and_, delete, exists, insert, not_, or_, select, text, update

from jobs.errors import Actor, Fault
from jobs.model import Status
from ledger.apply import Dispatch
from ledger.claims import Held
from ledger.database import Database, db_as_of, db_now
from ledger.letters import OPEN
from ledger.lines import resend_lost
from ledger.pulse import is_fresh, leases_count
from ledger.reference import catalog_versions
from ledger.schema import attempts, dead_letters, events, idempotency_keys, jobs, outbox, step_runs, workers

_ENDED = (Status.SUCCEEDED.value, Status.FAILED.value, Status.CANCELLED.value)
_AT_A_TIME = 10_000  # rows deleted in one transaction, so that others get their turn
# In the words of its partial index, so that the planner sees that it fits.
_MAY_BE_LATE = text("jobs.deadline IS NOT NULL AND jobs.status NOT IN ('succeeded', 'failed', 'cancelled')")


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerFacts:
    """A worker as it registers itself."""

    name: str
    pool: str
    host: str
    pid: int
    concurrency: int
    sandbox: str
    gpu: str = ""  # `ready`, `resting` (lost too often), `absent` (asked for, and not found); empty: it uses none


_IS_DUE = exists().where(
    outbox.c.due_at <= db_as_of(), or_(outbox.c.taken_until.is_(None), outbox.c.taken_until < db_as_of())
)
_IS_EXPIRED = exists().where(step_runs.c.status == Status.RUNNING.value, step_runs.c.lease_until < db_as_of())
_IS_LATE = exists().where(jobs.c.deadline < db_as_of(), _MAY_BE_LATE)
_DUE = select(_IS_DUE)
_ANY_CARE = select(or_(_IS_DUE, _IS_EXPIRED, _IS_LATE))


@cache
def _quiet(silence: float) -> Select[bool]:
    return select(and_(is_fresh(silence), not_(or_(_IS_DUE, _IS_EXPIRED, _IS_LATE))))


_NEVER_TOLD = Fault(
    code="step.lost",
    message="The job was ended while the step ran, and its worker went silent before it told what became of it.",
    actor=Actor.NOBODY,
)


class Sweeps:
    """The platform's own verbs; part of `Ledger`."""

    database: Database

    def take_due(self, *, limit: int = 200, hold: float = 10.0) -> tuple[Dispatch, ...]:
        """Outbox rows that are due and that no sender holds; they are ours for `hold` seconds."""

        def work(tx: Connection) -> tuple[Dispatch, ...]:
            due = (
                select(outbox.c.id)
                .where(
                    outbox.c.due_at <= db_as_of(),
                    or_(outbox.c.taken_until.is_(None), outbox.c.taken_until < db_as_of()),
                )
                .order_by(outbox.c.due_at)
                .limit(limit)
                .with_for_update(skip_locked=True)
            )
            ids = list(tx.execute(due).scalars())
            if not ids:
                return ()
            taken = (
                update(outbox)
                .where(outbox.c.id.in_(ids))
                .values(taken_until=db_now(hold), tries=outbox.c.tries + 1)
                .returning(outbox)
            )
            return tuple(_dispatch(row) for row in tx.execute(taken).mappings())

        return self.database.writing(work) if self._any(_DUE) else ()

    def needs_care(self) -> bool:
        """Whether anything is due, expired or past its deadline: one cheap look, since nearly always nothing is."""
        return self._any(_ANY_CARE)

    def is_quiet(self, *, silence: float) -> bool:
        """Whether nothing needs care, and the pulse need not be shown: both in one look. See `pulse` and `needs_care`."""
        return self._any(_quiet(silence))

    def _any(self, query: Select[bool]) -> bool:
        with self.database.reading() as tx:
            return bool(tx.execute(query).scalar_one())

    def sent(self, ids: Sequence[int]) -> None:
        """The broker confirmed these; their rows go."""
        if ids:
            self.database.writing(lambda tx: tx.execute(delete(outbox).where(outbox.c.id.in_(ids))))

    def unsent(self, ids: Sequence[int], *, delay: float) -> None:
        """The broker did not confirm these; whoever looks after `delay` seconds may send them."""
        if ids:
            values = {"taken_until": db_now(delay)}
            self.database.writing(lambda tx: tx.execute(update(outbox).where(outbox.c.id.in_(ids)).values(values)))

    def expired(self, *, limit: int = 100) -> list[Held]:
        """Claims whose lease is over; none while the ledger itself has only just come back: see `pulse`."""
        query = select(step_runs.c.job_id, step_runs.c.name, step_runs.c.part, step_runs.c.fence).where(
            step_runs.c.status == Status.RUNNING.value, step_runs.c.lease_until < db_as_of(), leases_count
        )
        with self.database.reading() as tx:
            return [Held(*row) for row in tx.execute(query.limit(limit))]

    def close_attempts(self, *, silent: float) -> int:
        """Close attempts of jobs that were ended over them, where the worker will not do so any more; returns how many.

        A worker that lives closes its own within seconds of a cancel; one without a sign of life for `silent` seconds
        never will.
        """
        claim_counts = exists().where(
            step_runs.c.job_id == attempts.c.job_id,
            step_runs.c.name == attempts.c.step,
            step_runs.c.part == attempts.c.part,
            step_runs.c.fence == attempts.c.fence,
            step_runs.c.status == Status.RUNNING.value,
        )
        lives = exists().where(workers.c.name == attempts.c.worker, workers.c.seen_at > db_as_of(-silent))
        closing = (
            update(attempts)
            .where(attempts.c.outcome.is_(None), attempts.c.started_at < db_as_of(-silent), ~claim_counts, ~lives)
            .values(outcome="cancelled", fault=_NEVER_TOLD.to_json(), finished_at=db_now())
        )
        return self.database.writing(lambda tx: tx.execute(closing.where(leases_count)).rowcount)

    def past_deadline(self, *, limit: int = 100) -> list[str]:
        """Jobs that have not ended and whose deadline is over."""
        query = select(jobs.c.id).where(jobs.c.deadline < db_as_of(), _MAY_BE_LATE)
        with self.database.reading() as tx:
            return list(tx.execute(query.limit(limit)).scalars())

    def resend_lost(self, depths: Mapping[str, int], *, older_than: float, limit: int = 20_000) -> int:
        """Put queued step runs whose message is gone into the outbox again, with the same dispatch number.

        `depths` gives the broker's message count by queue. Where a queue holds as many messages as the ledger has
        queued step runs, nothing is lost there; where it holds fewer, the oldest of the difference are sent again.
        A message too many is harmless: it finds nothing to claim. Paused queues are left alone, as are those that
        somebody else is looking at.
        """
        return self.database.writing(lambda tx: resend_lost(tx, depths, older_than=older_than, limit=limit))

    def past_retention(self, *, days: float, letter_days: float, limit: int = 500) -> list[str]:
        """Jobs that ended more than `days` ago, or whose own `expires_at` has passed.

        A job with an open dead letter is kept for `letter_days` after its end: without its file there is no replay.
        One whose catalog is in force or kept stays.
        """
        wanted = exists().where(
            dead_letters.c.job_id == jobs.c.id,
            dead_letters.c.state == OPEN,
            jobs.c.finished_at > db_as_of(-letter_days * 86400),
        )
        in_use = exists().where(catalog_versions.c.job_id == jobs.c.id)
        over = or_(
            and_(jobs.c.expires_at.is_(None), jobs.c.finished_at < db_as_of(-days * 86400)),
            jobs.c.expires_at < db_as_of(),
        )
        query = select(jobs.c.id).where(jobs.c.status.in_(_ENDED), over, ~wanted, ~in_use)
        with self.database.reading() as tx:
            return list(tx.execute(query.limit(limit)).scalars())

    def forget_old(self, *, events_days: float) -> int:
        """Drop idempotency keys and some of the events past their time; returns how many rows went."""

        def work(tx: Connection) -> int:
            keys = tx.execute(delete(idempotency_keys).where(idempotency_keys.c.expires_at < db_as_of()))
            some = select(events.c.id).where(events.c.at < db_as_of(-events_days * 86400)).limit(_AT_A_TIME)
            old = tx.execute(delete(events).where(events.c.id.in_(some)))
            gone = tx.execute(delete(workers).where(workers.c.seen_at < db_as_of(-86400)))
            return keys.rowcount + old.rowcount + gone.rowcount

        return self.database.writing(work)

    def register(self, worker: WorkerFacts) -> None:
        """Show a worker as alive; workers repeat this."""

        def work(tx: Connection) -> None:
            news = {"sandbox": worker.sandbox, "gpu": worker.gpu, "seen_at": db_now()}
            seen = tx.execute(update(workers).where(workers.c.name == worker.name).values(**news))
            if seen.rowcount == 0:
                facts = {name: getattr(worker, name) for name in WorkerFacts.__slots__}
                tx.execute(insert(workers).values(**facts, started_at=db_now(), seen_at=db_now()))

        self.database.writing(work)

    def unregister(self, name: str) -> None:
        """A worker says goodbye."""
        self.database.writing(lambda tx: tx.execute(delete(workers).where(workers.c.name == name)))


def _dispatch(row: RowMapping) -> Dispatch:
    return Dispatch(**{name: row[name] for name in Dispatch.__slots__})
