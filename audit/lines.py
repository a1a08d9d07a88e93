"""The checks of the queues by number: a message for every queued step run, and none waits too long to be sent."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Row, Select, and_, case, exists, func, or_, select

from audit import wire
from audit.reading import Scene, look_around, snapshot
from audit.report import Check, Finding
from broker import BrokerOptions
from jobs.model import Status
from ledger import Ledger
from ledger.database import db_as_of, db_now
from ledger.lines import UNSENT
from ledger.schema import outbox, queue_controls, step_runs

_NAMED = 1000  # step runs of a queue that are remembered from one look to the next
StepRunKey = tuple[str, str, int, int]  # job, step, part, dispatch


@dataclass(frozen=True, slots=True, kw_only=True)
class Queued:
    """The step runs of one queue that have no outbox row, so that the broker has to hold their messages."""

    all: int = 0
    old: int = 0  # that could be claimed for longer than the platform needs to notice a loss
    oldest: datetime | None = None


@dataclass(slots=True, kw_only=True)
class Queues:
    """Each queue's depth against the ledger. Too many messages are harmless: they find nothing to claim."""

    ledger: Ledger
    broker: BrokerOptions
    scene: Scene
    checked: Counter[str] = field(default_factory=Counter)
    _suspects: dict[str, set[StepRunKey]] = field(default_factory=dict)
    _unsent: dict[str, int] = field(default_factory=dict)  # the oldest overdue outbox row by queue

    def look(self) -> Iterator[Finding]:
        self._look_around()  # other checks may have taken hours
        for finding, suspects in self._missing():
            self._suspects[finding.subject] = suspects
            yield finding
        for finding, oldest in self._overdue():
            self._unsent[finding.subject] = oldest
            yield finding

    def again(self, suspicious: Sequence[Finding]) -> Iterator[Finding]:  # noqa: ARG002 - `look` remembers more of them
        self._look_around()
        for finding, suspects in self._missing():
            # Under load other messages than before are on their way from the broker to a claim.
            if suspects & self._suspects.get(finding.subject, set()):
                yield finding
        for finding, oldest in self._overdue():
            if self._unsent.get(finding.subject) == oldest:  # else they are being sent just now
                yield finding

    def _look_around(self) -> None:
        self.scene = look_around(self.ledger, lost_after=self.scene.lost_after)

    def _missing(self) -> Iterator[tuple[Finding, set[StepRunKey]]]:
        before = wire.depths(self.broker)
        with snapshot(self.ledger) as tx:
            paused = set(tx.execute(select(queue_controls.c.queue).where(queue_controls.c.paused)).scalars())
            queued = {row.queue: _queued(row) for row in tx.execute(_counted(self.scene.lost_after))}
        after = wire.depths(self.broker)
        names = sorted({*after, *queued})
        self._count(after, queued, paused=paused)
        for name in names:
            n = queued.get(name, Queued())
            missing, held = self._shortfall(name, n, before=before.get(name), after=after.get(name))
            if missing <= 0 or name in paused:  # what is delivered while a queue is paused goes; resume sends it again
                continue
            detail = (
                f"{missing} of {n.all} queued step runs have neither a message nor an outbox row; the broker holds "
                f"{held} messages, the oldest is queued since {n.oldest:%F %T} UTC"
            )
            with self.ledger.database.reading() as tx:
                suspects = {(row[0], row[1], row[2], row[3]) for row in tx.execute(_oldest(name))}
            yield Finding(check=Check.QUEUES, subject=name, detail=detail), suspects

    def _shortfall(
        self, name: str, queued: Queued, *, before: wire.Depth | None, after: wire.Depth | None
    ) -> tuple[int, int]:
        """How many messages are too few, and how many there are. `before` and `after` the ledger was read."""
        if before is None or after is None:
            return queued.all, 0  # a queue that no release of ours knows
        if not self.scene.workers and not after.consumers:
            return queued.all - after.held, after.held
        held = max(before.held, after.held)
        # Messages on their way to a claim: RabbitMQ does not tell how many, workers take no more than they have threads.
        underway = self.scene.workers.get(name, 0) if held and after.unacked is None else 0
        return queued.old - held - underway, held

    def _overdue(self) -> Iterator[tuple[Finding, int]]:
        if not self.scene.workers:
            return
        with self.ledger.database.reading() as tx:
            rows = tx.execute(_overdue(self.scene.lost_after)).all()
        for queue, n, oldest, since in rows:
            detail = f"{n} messages were due since {since:%F %T} UTC and are still in the outbox"
            yield Finding(check=Check.STUCK, subject=queue, detail=detail), oldest

    def _count(self, depths: Mapping[str, wire.Depth], queued: Mapping[str, Queued], *, paused: set[str]) -> None:
        self.checked[Check.QUEUES] = len(depths)
        self.checked["queues.queued"] = sum(n.all for n in queued.values())
        self.checked["queues.messages"] = sum(depth.held for depth in depths.values())
        surplus = (depth.held - queued.get(name, Queued()).all for name, depth in depths.items())
        self.checked["queues.surplus"] = sum(n for n in surplus if n > 0)
        self.checked["queues.paused"] = len(paused)
        self.checked["queues.dead"] = wire.dead(self.broker) if self.broker.is_rabbit else 0


_NEEDS_MESSAGE = and_(step_runs.c.status == Status.QUEUED.value, ~UNSENT)


def _counted(lost_after: float) -> Select[str, int, int, datetime]:
    late = db_now(-lost_after)
    old = and_(step_runs.c.queued_at < late, or_(step_runs.c.not_before.is_(None), step_runs.c.not_before < late))
    counts = (func.count().label("n"), func.sum(case((old, 1), else_=0)).label("old"))
    query = select(step_runs.c.queue, *counts, func.min(step_runs.c.queued_at).label("oldest"))
    return query.where(_NEEDS_MESSAGE).group_by(step_runs.c.queue)


def _queued(row: Row[str, int, int, datetime]) -> Queued:
    return Queued(all=row.n, old=row.old, oldest=row.oldest)


def _oldest(queue: str) -> Select[str, str, int, int]:
    key = (step_runs.c.job_id, step_runs.c.name, step_runs.c.part, step_runs.c.dispatch)
    return select(*key).where(_NEEDS_MESSAGE, step_runs.c.queue == queue).order_by(step_runs.c.queued_at).limit(_NAMED)


def _overdue(lost_after: float) -> Select[str, int, int, datetime]:
    same = (step_runs.c.job_id == outbox.c.job_id, step_runs.c.name == outbox.c.step, step_runs.c.part == outbox.c.part)
    wanted = exists().where(*same, step_runs.c.dispatch == outbox.c.dispatch, step_runs.c.status == Status.QUEUED.value)
    query = select(outbox.c.queue, func.count(), func.min(outbox.c.id), func.min(outbox.c.due_at))
    return query.where(outbox.c.due_at < db_as_of(-lost_after), wanted).group_by(outbox.c.queue)
