"""The dispatcher: a small thread in every worker that looks at the ledger each second for what is due.

Beat is the backup; its messages travel over the very broker that may be down, so nothing urgent hangs on it.
"""

import threading
from collections.abc import Callable, Sequence

import structlog

from jobs.errors import Actor, Fault
from ledger import Dispatch, Ledger, WorkerFacts
from ledger.errors import LedgerUnavailable

log = structlog.get_logger(__name__)
_REGISTER_EVERY = 10  # rounds


class Dispatcher:
    """Sends what is due, takes claims from dead workers, ends what is past its deadline, says "I live"."""

    def __init__(
        self,
        ledger: Ledger,
        *,
        wake: Callable[[Sequence[Dispatch]], None],
        facts: Callable[[], WorkerFacts],  # as they are now
        every: float,
        lease: float,
    ) -> None:
        """`every`: seconds between two rounds; `lease`: seconds that claims live without a heartbeat."""
        self._ledger = ledger
        self._wake = wake
        self._facts = facts
        self._every = every
        # A ledger that was away for half a lease may have kept a living worker from renewing its own; half of one is
        # plenty for a heartbeat to come through.
        self._silence = self._grace = lease / 2
        self._also: Sequence[Callable[[], None]] = ()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="dispatcher", daemon=True)

    def start(self, *, also: Sequence[Callable[[], None]] = ()) -> None:
        """Begin; the first look happens at once. `also` are called after each."""
        self._also = also
        self._thread.start()

    def close(self) -> None:
        """End the thread and sign off."""
        self._closing.set()
        self._thread.join(timeout=5)
        try:
            self._ledger.unregister(self._facts().name)
        except LedgerUnavailable:
            log.warning("ledger.unavailable", during="unregister")

    def look(self) -> None:
        """One round over everything that is due; one look, where nothing is."""
        if self._ledger.is_quiet(silence=self._silence):
            return
        if self._ledger.pulse(silence=self._silence, grace=self._grace):
            log.warning("ledger.was_silent", leases_count_again_in=self._grace)
        if not self._ledger.needs_care():
            return
        self._wake(self._ledger.take_due())
        take_from_dead_workers(self._ledger, self._wake)
        for job_id in self._ledger.past_deadline():
            self._ledger.expire(job_id)

    def _run(self) -> None:
        rounds = 0
        while not self._closing.is_set():
            try:
                if rounds % _REGISTER_EVERY == 0:
                    self._ledger.register(self._facts())
                self.look()
                for look in self._also:
                    look()
            except LedgerUnavailable as error:
                log.warning("ledger.unavailable", during="dispatch", reason=str(error))
            except Exception:
                log.exception("dispatcher.round_failed")  # the next round is a second away
            rounds += 1
            self._closing.wait(self._every)


def take_from_dead_workers(ledger: Ledger, wake: Callable[[Sequence[Dispatch]], None]) -> int:
    """Queue again what was claimed by a worker that went silent; returns how many claims were over."""
    over = ledger.expired()
    for held in over:
        log.warning("step.lost", job_id=held.job_id, step=held.step, fence=held.fence)
        wake(ledger.take_away(held, lost(held.step)))
    return len(over)


def lost(step: str) -> Fault:
    """What a step run is told that lost its worker."""
    return Fault(
        code="step.lost",
        message=f"The worker that ran step {step} went silent.",
        actor=Actor.PLATFORM,
        hint="It is tried again by itself. If this repeats, look whether workers are killed for memory.",
    )
