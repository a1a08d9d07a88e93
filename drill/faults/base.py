"""What a fault is: something that is injected, lifted, and recovered from, at a moment that it can tell."""

import random
from abc import ABC, abstractmethod
from datetime import UTC, datetime
from typing import ClassVar

from drill.stage import Stage


class CannotInject(Exception):
    """This machine can't have that fault; the message says why."""


class Fault(ABC):
    """One injection. The drill calls `inject`, lets `hold` seconds pass, calls `lift`, then `is_over` until it holds.

    Recovery is counted from `since`: the injection, unless `lift` sets it anew.
    """

    name: ClassVar[str]
    over: ClassVar[str]  # completes "recovered once ..."
    hold: ClassVar[tuple[float, float]] = (0.5, 1.5)  # seconds between injection and lifting, at least and at most
    leases: ClassVar[float] = 0.0  # leases that are held on top
    seconds: ClassVar[float] = 6.0  # what it usually takes until recovered: jobs are spread over that
    patience: ClassVar[float] = 45.0  # seconds that the drill waits for its recovery before it goes on without
    lasting: ClassVar[bool] = False  # is lifted at the end of the drill only

    def __init__(self, rng: random.Random, *, lease: float) -> None:
        """`rng` decides whatever the fault leaves to chance."""
        self.rng = rng
        self.lease = lease
        self.since = datetime.now(UTC)
        self.note = ""  # what was hit, for people

    def mark(self) -> None:
        """Recovery is counted from now."""
        self.since = datetime.now(UTC)

    @abstractmethod
    def inject(self, stage: Stage) -> None:
        """Break something; raises `CannotInject`."""

    def lift(self, stage: Stage) -> None:  # noqa: B027 - many a fault needs no lifting
        """Stop breaking it."""

    @abstractmethod
    def is_over(self, stage: Stage) -> bool:
        """Whether what was hit goes on; raises `LedgerUnavailable` while nobody can tell."""
