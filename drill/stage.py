"""What a fault works on: the platform, a look at the ledger, the traffic; and a way to let time pass that tends them."""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import TypeVar

from drill.keeper import Service
from drill.look import Look
from drill.platform import Platform
from drill.traffic import Traffic
from ledger import Held
from ledger.errors import LedgerUnavailable

T = TypeVar("T")
_EVERY = 0.04  # seconds between two looks
_LEDGER_LIMIT = 30.0  # seconds until it should answer again
_BAIT_LIMIT = 20.0  # seconds until somebody should have taken a bait


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """Used by one thread, the one that starts processes."""

    platform: Platform
    look: Look
    traffic: Traffic
    between: Callable[[], None]  # called all the while: restarts, recoveries

    def pause(self, seconds: float) -> None:
        """Let time pass."""
        self.until(lambda: False, within=seconds)

    def until(self, look: Callable[[], object], *, within: float) -> bool:
        """Whether `look` came to hold; a database that is away counts as not yet."""
        until = time.monotonic() + within
        while True:
            self.between()
            try:
                if look():
                    return True
            except LedgerUnavailable:
                pass
            left = until - time.monotonic()
            if left <= 0:
                return False
            time.sleep(min(_EVERY, left))

    def sure(self, ask: Callable[[], T]) -> T:
        """The answer of a ledger that may be away for a moment; raises `LedgerUnavailable` where it stays away."""
        answers: list[T] = []

        def answered() -> bool:
            answers.append(ask())
            return True

        return answers[0] if self.until(answered, within=_LEDGER_LIMIT) else ask()

    def caught(self, pool: str) -> tuple[Service, list[Held]]:
        """A worker of the pool, and the step runs that it holds at this moment; a bait is laid for it.

        Nothing is held where nobody took the bait for a long time.
        """
        held: list[Held] = []
        at: list[Service] = self.platform.keeper.workers(pool)[:1]

        def holds() -> bool:
            for worker in self.platform.keeper.workers(pool):
                if worker.child.running and (found := self.look.held_by(pool, worker.child.pid)):
                    at[:], held[:] = [worker], found
                    return True
            return False

        for _ in range(2):
            job = self.traffic.bait(pool)
            if self.until(holds, within=_BAIT_LIMIT):
                break
            self.submitted([job])
        return at[0], held

    def submitted(self, jobs: "Sequence[Future[str | None]]", *, within: float = 30.0) -> set[str]:
        """The ids of jobs that are being submitted, once they are accepted; those that are not are left out."""
        self.until(lambda: all(job.done() for job in jobs), within=within)
        return {job_id for job in jobs if job.done() and (job_id := job.result()) is not None}
