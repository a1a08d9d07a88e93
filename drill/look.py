"""A look at the ledger from outside: who holds what, what waits, what was done twice. Reads only."""

import socket
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Select, exists, func, select

from jobs.model import Status
from jobs.queues import QUEUES
from ledger import Held, Ledger
from ledger.schema import attempts, events, jobs, outbox, step_runs, workers

ENDED = tuple(status.value for status in Status if status.ended)
_LAST_EVENTS = ("file-processing.completed", "file-processing.failed")
_HELD = (step_runs.c.job_id, step_runs.c.name, step_runs.c.part, step_runs.c.fence)
_OF_RUN = (
    attempts.c.job_id == step_runs.c.job_id,
    attempts.c.step == step_runs.c.name,
    attempts.c.part == step_runs.c.part,
)
_PUT_OFF = ("store.", "ledger.", "search.")  # how the codes of such faults begin
_BATCH = 200  # rows named in one query


class Look:
    """Questions that a drill asks. Each raises `LedgerUnavailable` while the database is away."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger

    def worker_name(self, pool: str, pid: int) -> str | None:
        """What that process calls itself in the ledger and towards Celery; None until it has registered."""
        mine = select(workers.c.name).where(workers.c.pool == pool, workers.c.pid == pid)
        rows = self._rows(mine.where(workers.c.host == socket.gethostname()).order_by(workers.c.started_at.desc()))
        return rows[0].name if rows else None

    def workers(self) -> list[str]:
        """Every worker that has registered and did not sign off."""
        return [row.name for row in self._rows(select(workers.c.name))]

    def held_by(self, pool: str, pid: int) -> list[Held]:
        """The step runs that the worker in that process runs now."""
        worker = self.worker_name(pool, pid)
        return sorted(self.ledger.held_by(worker), key=str) if worker else []

    def have_moved(self, held: Iterable[Held]) -> bool:
        """Whether each of these claims was followed by another one, or its step run has ended."""
        return all(self.has_moved(one) for one in held)

    def has_moved(self, one: Held) -> bool:
        """The same, of one claim."""
        rows = self._rows(select(step_runs.c.fence, step_runs.c.status).where(*_is(one)))
        return not any(row.fence <= one.fence and row.status not in ENDED for row in rows)

    def queued(self) -> dict[str, list[Held]]:
        """What may be claimed now, by pool, each under the fence that it had last."""
        waits = step_runs.c.status == Status.QUEUED.value, step_runs.c.not_before.is_(None)
        found: dict[str, list[Held]] = {}
        for row in self._rows(select(*_HELD, step_runs.c.queue).where(*waits)):
            found.setdefault(row.queue, []).append(Held(*row[:4]))
        return found

    def full_pools(self) -> set[str]:
        """The pools each of whose threads runs something, so that they can't claim more."""
        running = select(step_runs.c.queue, func.count()).where(step_runs.c.status == Status.RUNNING.value)
        rows = self._rows(running.group_by(step_runs.c.queue))
        return {pool for pool, count in rows if count >= QUEUES[pool].concurrency}

    def put_off(self) -> list[Held]:
        """The step runs that are queued again since the store, the ledger or the search index was away or had no room."""
        rows = self._rows(select(*_HELD, step_runs.c.fault).where(step_runs.c.status == Status.QUEUED.value))
        return [Held(*row[:4]) for row in rows if row.fault and row.fault["code"].startswith(_PUT_OFF)]

    def claiming_pools(self, since: datetime) -> Counter[str]:
        """How many claims each pool has made since then."""
        query = select(step_runs.c.queue, func.count()).join(attempts, _and(_OF_RUN))
        rows = self._rows(query.where(attempts.c.started_at >= since).group_by(step_runs.c.queue))
        return Counter({row[0]: row[1] for row in rows})

    def unclaimed(self, ids: Collection[str]) -> set[str]:
        """Those of the jobs that have not ended and of which no step was ever claimed."""
        begun = exists().where(step_runs.c.job_id == jobs.c.id, step_runs.c.fence > 0)
        query = select(jobs.c.id).where(jobs.c.status.not_in(ENDED), ~begun)
        return self._among(query, jobs.c.id, ids)

    def unsent(self, ids: Collection[str]) -> set[str]:
        """Those of the jobs whose messages the broker has not confirmed."""
        return self._among(select(outbox.c.job_id), outbox.c.job_id, ids)

    def unended(self) -> set[str]:
        """The jobs that have not ended."""
        return {row.id for row in self._rows(select(jobs.c.id).where(jobs.c.status.not_in(ENDED)))}

    def jobs_by_number(self) -> dict[int, list[str]]:
        """The jobs by the number of their sample: each number should have one."""
        found: dict[int, list[str]] = {}
        for row in self._rows(select(jobs.c.id, jobs.c.metadata)):
            found.setdefault(int(row.metadata.get("drill", -1)), []).append(row.id)
        return found

    def done_twice(self) -> dict[str, str]:
        """The jobs with an effect that was committed twice, and which."""
        succeeded = select(attempts.c.job_id, attempts.c.step).where(attempts.c.outcome == "succeeded")
        per_run = (attempts.c.job_id, attempts.c.step, attempts.c.part)
        ends = select(events.c.job_id).where(events.c.type.in_(_LAST_EVENTS))
        more = func.count() > 1
        found = {
            row.job_id: f"step {row.step} succeeded twice"
            for row in self._rows(succeeded.group_by(*per_run).having(more))
        }
        found |= {row.job_id: "ended twice" for row in self._rows(ends.group_by(events.c.job_id).having(more))}
        return found

    def evidence(self, job_id: str) -> dict[str, list[dict[str, Any]]]:
        """Everything that the ledger has about a job, for those who look into a finding."""
        tables = {"job": jobs, "steps": step_runs, "attempts": attempts, "events": events, "outbox": outbox}
        found = {}
        for name, table in tables.items():
            column = table.c.id if table is jobs else table.c.job_id
            found[name] = [dict(row._mapping) for row in self._rows(select(table).where(column == job_id))]  # noqa: SLF001 - SQLAlchemy's public name for a row as a mapping
        return found

    def _among(self, query: Select[Any], column: Any, ids: Collection[str]) -> set[str]:
        named, found = sorted(ids), set[str]()
        for start in range(0, len(named), _BATCH):
            found |= {row[0] for row in self._rows(query.where(column.in_(named[start : start + _BATCH])))}
        return found

    def _rows(self, query: Select[Any]) -> Sequence[Any]:
        with self.ledger.database.reading() as tx:
            return tx.execute(query).all()


def _is(one: Held) -> tuple[Any, ...]:
    return step_runs.c.job_id == one.job_id, step_runs.c.name == one.step, step_runs.c.part == one.part


def _and(clauses: Sequence[Any]) -> Any:
    first, *rest = clauses
    for clause in rest:
        first &= clause
    return first
