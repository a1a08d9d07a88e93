"""Reconciliation: each reconciler of jobs/reconcilers.py, run with a row that tells what it did."""

import time
from collections.abc import Callable, Mapping
from dataclasses import replace

import structlog

from broker.app import BrokerUnavailable
from jobs.errors import HeavyliftError
from jobs.reconcilers import REBUILD, RECONCILERS
from ledger.errors import LedgerUnavailable
from ledger.reconciliations import DONE, FAILED, REQUESTED
from storage.port import StoreUnavailable
from workers.indexing.writer import Writer
from workers.reconcile.catalog import catalog
from workers.reconcile.findings import Findings, Sides
from workers.reconcile.index import index
from workers.reconcile.rebuild import rebuild
from workers.reconcile.rescue import dead_messages, deadlines, leases, lost_messages, outbox, reason
from workers.reconcile.store import compare, store
from workers.reconcile.upkeep import blobs, forget, retention, scratch_folders

__all__ = ["RECONCILE", "Findings", "Reconciliation", "Sides", "work_of"]

log = structlog.get_logger(__name__)
_TELL_EVERY = 1.0  # seconds between two notes of how far a run is
Work = Mapping[str, Callable[[Sides], Findings]]


def full(sides: Sides) -> Findings:
    """Everything that compares two sides, every stored byte's hash included."""
    found = Findings()
    for name in ("outbox", "leases", "deadlines", "dead-messages", "lost-messages"):
        try:
            found.add(RECONCILE[name](sides), prefix=name)
        except (BrokerUnavailable, StoreUnavailable) as error:
            found.leave(f"{name} could not be looked at: {reason(error)}")  # the rest can
    found.add(_elsewhere(sides, "index"), prefix="index")
    found.add(compare(sides, deep=True), prefix="store")
    return found


def _elsewhere(sides: Sides, name: str) -> Findings:
    """Have the worker run it that it belongs to, and take its findings."""
    found = Findings()
    asked = sides.ledger.request_run(name)
    give_up = time.monotonic() + sides.taken_within
    while (run := sides.ledger.run(asked.id)).state not in (DONE, FAILED):
        if run.state == REQUESTED and time.monotonic() > give_up:
            found.leave(f"no {RECONCILERS[name].pool} worker has taken it yet; see run {asked.id}")
            return found
        sides.go_on()
        time.sleep(0.2)
    found.checked, found.repaired, found.left_alone = run.checked, run.repaired, run.left_alone
    found.notes = list(run.notes)
    if run.state == FAILED:
        found.left_alone += 1
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


def work_of(pool: str) -> Work:
    """What the workers of a pool run."""
    mine: dict[str, Callable[[Sides], Findings]] = {
        name: run for name, run in RECONCILE.items() if RECONCILERS[name].pool == pool
    }
    return mine | {REBUILD: rebuild} if pool == RECONCILERS["index"].pool else mine


class Reconciliation:
    """Runs reconcilers by name."""

    def __init__(self, sides: Sides, work: Work = RECONCILE) -> None:
        """`work`: what this worker runs itself; of other pools' it only notes that they are asked for."""
        self._sides = sides
        self.work = work
        self._is_the_one = False

    def tick(self, name: str, *, every: float | None = None) -> None:
        """What the clock asks for, once per slot of `every` seconds; what is away now is there at the next tick."""
        try:
            if name not in self.work:
                self._sides.ledger.begin_run(name, every=every, state=REQUESTED)
                return
            run_id = self._sides.ledger.begin_run(name, every=every)
            if run_id is not None:
                self._run(run_id, name)
        except LedgerUnavailable as error:
            log.warning("reconciliation.postponed", name=name, reason=str(error))

    def take_requested(self) -> bool:
        """Run what somebody asked for; whether there was something."""
        if self._sides.index is not None and not self._may_take(self._sides.index):
            return False
        asked = self._sides.ledger.take_requested_run(self.work)
        if asked is None:
            return False
        self._run(asked.id, asked.name)
        return True

    def _may_take(self, index: Writer) -> bool:
        """Whether this is the worker that writes the index. What others had begun before it became that is over."""
        if not index.may_write():
            return False
        if not self._is_the_one and not index.shared:
            self._sides.ledger.abandon_runs(self.work)
        self._is_the_one = True
        return True

    def _run(self, run_id: str, name: str) -> None:
        try:
            found = self.work[name](replace(self._sides, told=_Told(self._sides, run_id)))
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


class _Told:
    """Notes how far a run is, now and then."""

    def __init__(self, sides: Sides, run_id: str) -> None:
        self._ledger = sides.ledger
        self._run_id = run_id
        self._at = time.monotonic()

    def __call__(self, found: Findings) -> None:
        if time.monotonic() - self._at < _TELL_EVERY:
            return
        self._at = time.monotonic()
        counts = {"checked": found.checked, "repaired": found.repaired, "left_alone": found.left_alone}
        self._ledger.note_run(self._run_id, **counts)
