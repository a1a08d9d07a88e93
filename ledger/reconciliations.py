"""Reconciliation runs: one row each, with what was checked, repaired and left alone."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache

from sqlalchemy import Connection, RowMapping, Select, delete, func, insert, or_, select, update

from jobs.ids import new_id
from ledger.database import Database, db_as_of, db_now
from ledger.errors import RunNotFound
from ledger.schema import reconciliations

REQUESTED, RUNNING, DONE, FAILED = "requested", "running", "done", "failed"
_LONGEST_HOURS = 12.0  # that a run may take; whoever ran it longer is gone
_ABANDONED = "its worker ended before it did"
_QUIET_DAYS, _KEPT_DAYS = 1.0, 30.0  # runs that found nothing, and those that did


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One reconciliation."""

    id: str
    name: str  # of the reconciler: `leases`
    state: str  # requested, running, done, failed
    checked: int
    repaired: int
    left_alone: int
    notes: Sequence[str]  # why
    started_at: datetime
    finished_at: datetime | None


@cache
def _requested(names: frozenset[str]) -> Select[str]:
    """Requests of these; made once, since workers look each second."""
    return select(reconciliations.c.id).where(
        reconciliations.c.state == REQUESTED, reconciliations.c.name.in_(sorted(names))
    )


class Reconciliations:
    """The rows of reconciliation runs; part of `Ledger`."""

    database: Database

    def begin_run(self, name: str, *, every: float | None = None, state: str = RUNNING) -> str | None:
        """Note that a run begins, or is `REQUESTED` of another worker; returns its id.

        With `every` (seconds, the clock's rhythm) the database's time is cut into slots: None where another tick has
        this slot already. A run of the slot that failed is taken up again.
        """
        run_id = new_id()

        def work(tx: Connection) -> str | None:
            now = tx.execute(select(db_now())).scalar_one()
            slot = int(now.timestamp() // every) if every else None
            of_slot = (reconciliations.c.name == name, reconciliations.c.slot == slot)
            if slot is not None:
                failed = update(reconciliations).where(*of_slot, reconciliations.c.state == FAILED)
                again = failed.values(state=state, started_at=now, finished_at=None, notes=[])
                taken_up = tx.execute(again.returning(reconciliations.c.id)).scalar_one_or_none()
                if taken_up is not None:
                    return str(taken_up)
                if tx.execute(select(reconciliations.c.id).where(*of_slot)).first() is not None:
                    return None
            values = {"id": run_id, "name": name, "slot": slot, "state": state, "started_at": now}
            tx.execute(insert(reconciliations).values(**values, checked=0, repaired=0, left_alone=0, notes=[]))
            return run_id

        return self.database.writing(work)  # of two at once one fails, looks again, and finds the other's row

    def request_run(self, name: str) -> Run:
        """Have the worker that it belongs to run it soon."""
        values = {"id": new_id(), "name": name, "state": REQUESTED, "checked": 0, "repaired": 0, "left_alone": 0}
        asked = insert(reconciliations).values(**values, notes=[], started_at=db_now()).returning(reconciliations)
        return self.database.writing(lambda tx: _run(tx.execute(asked).mappings().one()), durable=True)

    def request_once(self, name: str, *, beside: bool = False) -> Run | None:
        """The same, where nobody has asked for it yet and none runs; else None.

        `beside`: one that runs is no obstacle, since nobody can tell whether its worker still lives.
        """
        states = (REQUESTED,) if beside else (REQUESTED, RUNNING)
        under_way = select(reconciliations.c.id).where(
            reconciliations.c.name == name, reconciliations.c.state.in_(states)
        )
        with self.database.reading() as tx:
            known = tx.execute(under_way.limit(1)).first()
        return self.request_run(name) if known is None else None

    def note_run(self, run_id: str, *, checked: int, repaired: int, left_alone: int) -> None:
        """Note how far it is."""
        values = {"checked": checked, "repaired": repaired, "left_alone": left_alone}
        change = update(reconciliations).where(reconciliations.c.id == run_id, reconciliations.c.state == RUNNING)
        self.database.writing(lambda tx: tx.execute(change.values(values)))

    def abandon_runs(self, names: Collection[str]) -> int:
        """Mark runs of these as failed: whoever calls this is the only one who may run them, and has not begun."""
        running = (reconciliations.c.state == RUNNING, reconciliations.c.name.in_(sorted(names)))
        failed = update(reconciliations).where(*running).values(state=FAILED, notes=[_ABANDONED], finished_at=db_now())
        return self.database.writing(lambda tx: tx.execute(failed).rowcount)

    def take_requested_run(self, names: Collection[str]) -> Run | None:
        """The oldest request of these, now running; None where there is none."""
        waiting = _requested(frozenset(names))
        with self.database.reading() as tx:
            if tx.execute(waiting.limit(1)).first() is None:
                return None  # nearly always

        def work(tx: Connection) -> Run | None:
            run_id = tx.execute(
                waiting.order_by(reconciliations.c.id).limit(1).with_for_update(skip_locked=True)
            ).scalar_one_or_none()
            if run_id is None:
                return None
            taken = update(reconciliations).where(reconciliations.c.id == run_id)
            row = tx.execute(taken.values(state=RUNNING, started_at=db_now()).returning(reconciliations))
            return _run(row.mappings().one())

        return self.database.writing(work)

    def end_run(
        self, run_id: str, *, state: str, checked: int = 0, repaired: int = 0, left_alone: int = 0, notes: Sequence[str]
    ) -> None:
        """Note how it ended."""
        values = {"state": state, "checked": checked, "repaired": repaired, "left_alone": left_alone}
        change = update(reconciliations).where(reconciliations.c.id == run_id)
        self.database.writing(
            lambda tx: tx.execute(change.values(**values, notes=list(notes)[:200], finished_at=db_now()))
        )

    def run(self, run_id: str) -> Run:
        """One run. Raises `RunNotFound`."""
        with self.database.reading() as tx:
            row = tx.execute(select(reconciliations).where(reconciliations.c.id == run_id)).mappings().first()
        if row is None:
            raise RunNotFound(run_id)
        return _run(row)

    def runs(
        self, *, name: str | None = None, found: bool = False, limit: int = 50, cursor: str | None = None
    ) -> tuple[list[Run], str | None]:
        """Newest first; `found`: only those that repaired or left something, or failed. Returns runs and next cursor."""
        query = select(reconciliations)
        if name is not None:
            query = query.where(reconciliations.c.name == name)
        if found:
            query = query.where(_WORTH_KEEPING)
        if cursor is not None:
            query = query.where(reconciliations.c.id < cursor)
        with self.database.reading() as tx:
            rows = tx.execute(query.order_by(reconciliations.c.id.desc()).limit(limit + 1)).mappings().all()
        page = [_run(row) for row in rows[:limit]]
        return page, page[-1].id if len(rows) > limit else None

    def forget_runs(self) -> int:
        """Drop old rows: quiet ones after a day, others after thirty, but the last of each clock entry never.

        Returns how many went.

        Runs whose worker is gone are marked as failed.
        """
        last = select(func.max(reconciliations.c.id)).where(reconciliations.c.slot.is_not(None))
        newest = last.group_by(reconciliations.c.name)
        old = or_(
            reconciliations.c.started_at < db_as_of(-_KEPT_DAYS * 86400),
            (reconciliations.c.started_at < db_as_of(-_QUIET_DAYS * 86400)) & ~_WORTH_KEEPING,
        )
        abandoned = (
            update(reconciliations)
            .where(reconciliations.c.state == RUNNING, reconciliations.c.started_at < db_as_of(-_LONGEST_HOURS * 3600))
            .values(state=FAILED, notes=[_ABANDONED], finished_at=db_now())
        )

        def work(tx: Connection) -> int:
            tx.execute(abandoned)
            return tx.execute(delete(reconciliations).where(old, reconciliations.c.id.not_in(newest))).rowcount

        return self.database.writing(work)


_WORTH_KEEPING = or_(
    reconciliations.c.repaired > 0, reconciliations.c.left_alone > 0, reconciliations.c.state == FAILED
)


def _run(row: RowMapping) -> Run:
    return Run(**{name: row[name] for name in Run.__slots__})
