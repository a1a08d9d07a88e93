"""Reconciliation: each reconciler of jobs/reconcilers.py, run with a row that tells what it did."""

from collections.abc import Callable

import structlog

from broker.app import BrokerUnavailable
from jobs.errors import HeavyliftError
from ledger.errors import LedgerUnavailable
from ledger.reconciliations import DONE, FAILED
from storage.port import StoreUnavailable
from workers.reconcile.catalog import catalog
from workers.reconcile.findings import Findings, Sides
from workers.reconcile.index import index
from workers.reconcile.rescue import dead_messages, deadlines, leases, lost_messages, outbox, reason
from workers.reconcile.store import compare, store
from workers.reconcile.upkeep import blobs, forget, retention, scratch_folders

__all__ = ["RECONCILE", "Findings", "Reconciliation", "Sides"]

log = structlog.get_logger(__name__)


def full(sides: Sides) -> Findings:
    """Everything that compares two sides, every stored byte's hash included."""
    found = Findings()
    for name in ("outbox", "leases", "deadlines", "dead-messages", "lost-messages", "index"):
        try:
            found.add(RECONCILE[name](sides), prefix=name)
        except (BrokerUnavailable, StoreUnavailable) as error:
            found.leave(f"{name} could not be looked at: {reason(error)}")  # the rest can
    found.add(compare(sides, deep=True), prefix="store")
    return found


RECONCILE: dict[str, Callable[[Sides], Findings]] = {
    "outbox": outbox,
    "leases": leases,
    "deadlines": deadlines,
    "dead-messages": dead_messages,
    "lost-messages": lost_messages,
    "blobs": blobs,
    "retention": retention,
    "forget": forget,
    "scratch-folders": scratch_folders,
    "index": index,
    "catalog": catalog,
    "store": store,
    "full": full,
}


class Reconciliation:
    """Runs reconcilers by name."""

    def __init__(self, sides: Sides) -> None:
        self._sides = sides

    def tick(self, name: str, *, every: float | None = None) -> None:
        """What the clock asks for, once per slot of `every` seconds; what is away now is there at the next tick."""
        try:
            run_id = self._sides.ledger.begin_run(name, every=every)
            if run_id is not None:
                self._run(run_id, name)
        except LedgerUnavailable as error:
            log.warning("reconciliation.postponed", name=name, reason=str(error))

    def take_requested(self) -> bool:
        """Run what somebody asked for; whether there was something."""
        asked = self._sides.ledger.take_requested_run()
        if asked is None:
            return False
        self._run(asked.id, asked.name)
        return True

    def _run(self, run_id: str, name: str) -> None:
        try:
            found = RECONCILE[name](self._sides)
        except HeavyliftError as error:
            self._failed(run_id, name, told=reason(error))
            return
        except BaseException as error:
            self._failed(run_id, name, told=f"unexpected {type(error).__name__}")
            raise
        self._sides.ledger.end_run(
            run_id,
            state=DONE,
            checked=found.checked,
            repaired=found.repaired,
            left_alone=found.left_alone,
            notes=found.notes,
        )
        if found.repaired or found.left_alone:
            log.info("reconciliation.found", name=name, repaired=found.repaired, left_alone=found.left_alone)

    def _failed(self, run_id: str, name: str, *, told: str) -> None:
        self._sides.ledger.end_run(run_id, state=FAILED, notes=[told])
        log.warning("reconciliation.failed", name=name, reason=told)
