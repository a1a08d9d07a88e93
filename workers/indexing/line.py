"""The line before the index writer: who waits for a commit, who is taken next, who has given up, and who asks again.

First come, first taken, as many together as one commit may have. But before a job that is committed alone, since it has
more, those are taken who need little and came later, once: nobody waits for more than one such job because of its length.
"""

import threading
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field

from jobs.context import Place
from search.port import EngineError

MOST = 1000  # documents of one commit; one job that has more is committed alone
Places = tuple[Place, ...]


@dataclass(slots=True, eq=False)
class Waiting:
    """What somebody wants to be written, and the future that tells them."""

    job_id: str
    places: Places | None  # None: those that are there stay
    owed_since: float | None = None  # where the places are those that were owed then
    beside_alone: bool = False  # meant for the index that is being built, which alone lacks it
    future: "Future[int | None]" = field(default_factory=Future)

    @property
    def documents(self) -> int:
        """How many it makes."""
        return 1 + len(self.places or ())


class Line:
    """Thread-safe; one thread takes. Whoever cancels a future that is not taken yet leaves the line."""

    def __init__(self) -> None:
        self.moved = time.monotonic()  # when a commit has ended last, well or not
        self.closed = False
        self._waiting: list[Waiting] = []
        self._taken: list[Waiting] = []
        self._overtaken = False  # the first one has let others go before
        self._changed = threading.Condition()

    def add(self, more: Sequence[Waiting]) -> "list[Future[int | None]]":
        """Raises `EngineError` where the line is closed."""
        with self._changed:
            if self.closed:
                raise EngineError("the worker ends")
            self._waiting += more
            self._changed.notify_all()
        return [one.future for one in more]

    def same(self, job_id: str, places: Places) -> "Future[int | None] | None":
        """The future of whoever wants the same written and has not been told yet.

        A step that gave up and is run again would else have what took so long done once more, and give up again.
        """
        with self._changed:
            for one in (*self._taken, *self._waiting):
                if one.job_id == job_id and not one.beside_alone and not one.future.done() and one.places == places:
                    return one.future
        return None

    def close(self) -> None:
        """Take what waits, and no more."""
        with self._changed:
            self.closed = True
            self._changed.notify_all()

    def take(self) -> list[Waiting]:
        """What the next commit is to have; waits for it, and is empty at the end."""
        with self._changed:
            while True:
                self._changed.wait_for(lambda: self._waiting or self.closed)
                self._waiting = [one for one in self._waiting if not one.future.cancelled()]
                if not self._waiting:
                    if self.closed:
                        return []
                    continue
                chosen = _next(self._waiting, overtaking=not self._overtaken)
                self._overtaken = self._waiting[0] not in chosen
                self._waiting = [one for one in self._waiting if one not in chosen]
                self._taken = [one for one in chosen if one.future.set_running_or_notify_cancel()]
                if self._taken:
                    return list(self._taken)

    def told(self) -> None:
        """All that were taken know how it has ended."""
        with self._changed:
            self._taken = []
            self.moved = time.monotonic()


def _next(waiting: Sequence[Waiting], *, overtaking: bool) -> list[Waiting]:
    if waiting[0].documents > MOST:
        return (_small(waiting) if overtaking else []) or [waiting[0]]
    chosen, documents = list[Waiting](), 0
    for one in waiting:
        documents += one.documents
        if documents > MOST:
            break
        chosen.append(one)
    return chosen


def _small(waiting: Iterable[Waiting]) -> list[Waiting]:
    """Those that fit into one commit together; of one job none overtakes another, since the last one's places count."""
    chosen, documents, behind = list[Waiting](), 0, set[str]()
    for one in waiting:
        if one.job_id not in behind and documents + one.documents <= MOST:
            chosen.append(one)
            documents += one.documents
        else:
            behind.add(one.job_id)
    return chosen
