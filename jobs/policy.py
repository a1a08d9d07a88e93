"""When to try again: exponential backoff with jitter, and which faults no further try can mend."""

import random
from collections.abc import Callable
from dataclasses import dataclass

from jobs.errors import Actor, Fault

# A step that ran into one of these would run into it again.
FINAL_CODES = frozenset({"step.timeout", "step.cpu_limit", "step.output_limit", "step.output_invalid"})
# Died by memory or by a crash signal: worth one more try with more memory, not several of the same.
ESCALATED_CODES = frozenset({"step.memory", "step.crashed"})


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """Backoff before attempt n+1: base * factor^(n-1), capped, times a random 0.5 to 1.5."""

    base: float = 1.0  # seconds
    factor: float = 3.0
    cap: float = 60.0  # seconds
    jitter: Callable[[], float] = random.random  # 0..1; tests pin it

    def delay(self, attempt: int) -> float:
        """Seconds to wait after attempt number `attempt` (from 1) failed."""
        exact = min(self.cap, self.base * self.factor ** max(0, attempt - 1))
        return exact * (0.5 + self.jitter())


def is_final(fault: Fault) -> bool:
    """Whether trying again is pointless: the input is wrong, or a limit would be hit again."""
    return fault.actor is Actor.SUBMITTER or fault.code in FINAL_CODES
