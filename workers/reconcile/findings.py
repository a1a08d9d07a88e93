"""What a reconciler found, and what it stands on."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from broker import BrokerOptions
from jobs.context import Place
from jobs.errors import HeavyliftError
from jobs.model import Job
from ledger import Dispatch, Ledger
from storage.port import ObjectStore

if TYPE_CHECKING:
    from workers.indexing.writer import Writer
    from workers.reconcile.rebuild import Generations

_MAX_NOTES = 200


@dataclass(slots=True)
class Findings:
    """Counts, and the reasons behind them; a run leaves them in its row."""

    checked: int = 0
    repaired: int = 0
    left_alone: int = 0
    notes: list[str] = field(default_factory=list)

    def repair(self, note: str, *, n: int = 1) -> None:
        """Something was mended."""
        self.repaired += n
        self._note(note)

    def leave(self, note: str) -> None:
        """Something is wrong, and a person has to look at it."""
        self.left_alone += 1
        self._note(note)

    def add(self, other: "Findings", *, prefix: str) -> None:
        """Take another's findings in."""
        self.checked += other.checked
        self.repaired += other.repaired
        self.left_alone += other.left_alone
        for note in other.notes:
            self._note(f"{prefix}: {note}")

    def _note(self, note: str) -> None:
        if len(self.notes) < _MAX_NOTES:
            self.notes.append(note)


class Interrupted(HeavyliftError):
    """The worker ends before the run does; the next tick of its slot takes it up again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sides:
    """The sides that are compared, and the hands that mend."""

    ledger: Ledger
    store: ObjectStore
    broker: BrokerOptions
    wake: Callable[[Sequence[Dispatch]], None]
    places_of: Callable[[Job, str], Sequence[Place]]  # what a step that has succeeded makes findable
    scratch: Path
    retention_days: float
    letter_days: float
    events_days: float
    orphan_days: float
    lost_after: float  # seconds
    catalog_source: str = ""  # what is fetched once a day; empty: nothing
    index: "Writer | None" = None  # of the search index, where this worker is one that writes it
    generations: "Generations[Any] | None" = None  # of that index, where it can have another one beside it
    stopping: Callable[[], bool] = bool  # whether the worker ends
    taken_within: float = 60.0  # seconds for another pool's worker to take what `full` asks of it
    told: Callable[[Findings], None] = lambda _so_far: None  # how far a run is

    def go_on(self) -> None:
        """Called between two pieces of a long run; raises `Interrupted` where the worker ends."""
        if self.stopping():
            raise Interrupted("its worker ended before it did")
