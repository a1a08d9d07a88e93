"""The schedule: which faults, in which order, for how long. It follows from the seed alone."""

import random
from collections.abc import Sequence
from dataclasses import dataclass

from drill.faults import FAULTS

JOBS_PER_ROUND = 500  # each fault is injected once, and once more for every so many jobs
_CALM = (0.4, 1.2)  # seconds between two faults


@dataclass(frozen=True, slots=True, kw_only=True)
class Injection:
    """One fault at its place in the schedule."""

    fault: str
    calm: float  # seconds before it
    hold: float  # seconds between injecting and lifting
    seed: int  # for what the fault itself leaves to chance


def schedule(faults: Sequence[str], *, jobs: int, seed: int, lease: float) -> tuple[Injection, ...]:
    """Every chosen fault in each round, in an order of that round's own."""
    rng = random.Random(f"heavylift-drill:{seed}")
    return tuple(
        _injection(name, rng, lease=lease)
        for _ in range(1 + jobs // JOBS_PER_ROUND)
        for name in rng.sample(sorted(faults), len(faults))
    )


def _injection(name: str, rng: random.Random, *, lease: float) -> Injection:
    fault = FAULTS[name]
    return Injection(
        fault=name,
        calm=rng.uniform(*_CALM),
        hold=rng.uniform(*fault.hold) + fault.leases * lease,
        seed=rng.getrandbits(32),
    )
