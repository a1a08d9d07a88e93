"""The deep check of the queues: with all workers stopped, every message is taken in hand and held against its row."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import select, tuple_

from audit import wire
from audit.reading import look_around, step_run_name
from audit.report import Check, Finding
from broker import BrokerOptions
from jobs.model import Status
from jobs.queues import QUEUES
from ledger import Ledger
from ledger.database import db_now
from ledger.lines import UNSENT
from ledger.schema import queue_controls, step_runs

_BATCH = 500  # step runs read at a time
StepRunKey = tuple[str, str, int]  # job, step, part
_KEY = (step_runs.c.job_id, step_runs.c.name, step_runs.c.part)


@dataclass(slots=True, kw_only=True)
class Messages:
    """Drains each queue and puts back what matches the ledger: no stale and no doubled message is left.

    The ledger stays as it is: a message that is missing is reported, and it is for the sweep of lost messages to send
    it again. Does nothing while a worker lives.
    """

    ledger: Ledger
    broker: BrokerOptions
    checked: Counter[str] = field(default_factory=Counter)
    _queue_of: dict[str, str] = field(default_factory=dict)  # by a finding's subject

    def look(self) -> Iterator[Finding]:
        self.checked[Check.MESSAGES] = 0
        if self._is_worked_on():
            self.checked["messages.left_to_workers"] = sum(depth.held for depth in wire.depths(self.broker).values())
            return
        wire.give_back_unacked(self.broker)
        for name in QUEUES:
            yield from self._compare(name, count=True)

    def again(self, suspicious: Sequence[Finding]) -> Iterator[Finding]:
        if self._is_worked_on():
            return
        for name in dict.fromkeys(self._queue_of[finding.subject] for finding in suspicious):
            yield from self._compare(name, count=False)

    def _is_worked_on(self) -> bool:
        workers = look_around(self.ledger, lost_after=0).workers
        return bool(workers) or any(depth.consumers for depth in wire.depths(self.broker).values())

    def _compare(self, name: str, *, count: bool) -> Iterator[Finding]:
        """Drain one queue; yields what can't be read in it, and what was queued before we began and is not in it."""
        with self.ledger.database.reading() as tx:
            began: datetime = tx.execute(select(db_now())).scalar_one()
        drained = _Drained(ledger=self.ledger, queue=name)
        settled = wire.take_each_in_hand(self.broker, name, drained.judge)
        if count:
            self.checked[Check.MESSAGES] += settled.total()
            self.checked["messages.kept"] += settled["kept"]
            self.checked["messages.dropped"] += settled["dropped"]
        if drained.unreadable:
            self._queue_of[name] = name
            yield Finding(
                check=Check.MESSAGES,
                subject=name,
                detail=f"{drained.unreadable} messages can't be read; they were kept",
            )
        for job_id, step, part in self._without_message(name, drained.seen, before=began):
            subject = step_run_name(job_id, step, part)
            self._queue_of[subject] = name
            detail = f"the step run is queued but has neither an outbox row nor a message in queue {name}"
            yield Finding(check=Check.MESSAGES, subject=subject, detail=detail)

    def _without_message(self, name: str, seen: set[StepRunKey], *, before: datetime) -> Iterator[StepRunKey]:
        query = select(*_KEY).where(
            step_runs.c.queue == name,
            step_runs.c.status == Status.QUEUED.value,
            step_runs.c.queued_at < before,
            ~UNSENT,
        )
        last: StepRunKey = ("", "", 0)
        while True:
            with self.ledger.database.reading() as tx:
                if tx.execute(
                    select(queue_controls).where(queue_controls.c.queue == name, queue_controls.c.paused)
                ).first():
                    return  # what is delivered while a queue is paused goes; resume sends it again
                page = query.where(tuple_(*_KEY) > tuple_(*last)).order_by(*_KEY).limit(_BATCH)
                rows = [(row[0], row[1], row[2]) for row in tx.execute(page)]
            yield from (row for row in rows if row not in seen)
            if len(rows) < _BATCH:
                return
            last = rows[-1]


@dataclass(slots=True, kw_only=True)
class _Drained:
    """What was found in one queue."""

    ledger: Ledger
    queue: str
    seen: set[StepRunKey] = field(default_factory=set)
    unreadable: int = 0

    def judge(self, batch: Sequence[wire.InHand]) -> list[bool]:
        """Whether to keep each: the first that its row waits for, what is not ours, and what nobody can read."""
        ids = {message.step.job_id for message in batch if message.ours and message.step}
        rows = select(*_KEY, step_runs.c.dispatch).where(
            step_runs.c.job_id.in_(ids),
            step_runs.c.queue == self.queue,
            step_runs.c.status == Status.QUEUED.value,
        )
        with self.ledger.database.reading() as tx:
            wanted = {(row[0], row[1], row[2]): row[3] for row in tx.execute(rows)}
        return [self._keep(message, wanted) for message in batch]

    def _keep(self, message: wire.InHand, wanted: dict[StepRunKey, int]) -> bool:
        if not message.ours:
            return True
        if message.step is None:
            self.unreadable += 1
            return True
        key = (message.step.job_id, message.step.key.name, message.step.key.part)
        if wanted.get(key) != message.step.dispatch or key in self.seen:
            return False
        self.seen.add(key)
        return True
