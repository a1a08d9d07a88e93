"""Numbers about samples, and about the machine that gave them."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self


def percentile(samples: Sequence[float], share: float) -> float:
    """The value below which `share` (0..1) of the samples lie, interpolated between neighbours.

    `ValueError` where there are no samples: a figure must never be made up.
    """
    if not samples:
        raise ValueError("no samples")
    if not 0 <= share <= 1:
        raise ValueError("a share lies between 0 and 1")
    ordered = sorted(samples)
    place = share * (len(ordered) - 1)
    below = int(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (place - below)


def median(samples: Sequence[float]) -> float:
    """The middle."""
    return percentile(samples, 0.5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """What a series looks like, in the unit of its samples."""

    n: int
    p50: float
    p95: float
    most: float

    @classmethod
    def of(cls, samples: Sequence[float]) -> Self:
        """The spread of at least one sample."""
        return cls(n=len(samples), p50=median(samples), p95=percentile(samples, 0.95), most=max(samples))

    def __str__(self) -> str:
        return f"p50 {self.p50:.1f}  p95 {self.p95:.1f}  max {self.most:.1f}  (n={self.n})"


def squares() -> float:
    """Seconds in which plain Python sums a million squares, the best of five: which runs may be compared with each other.

    Borrowed machines are twice as fast on one day as on another.
    """
    taken = []
    for _ in range(5):
        began = time.perf_counter()
        _ = sum(number * number for number in range(1_000_000))
        taken.append(time.perf_counter() - began)
    return min(taken)
