"""The rebuild: a fresh search index, made beside the one in force from ledger and artifacts, that takes its place whole."""

from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import replace
from typing import Protocol, TypeVar

import structlog

from jobs.context import Place
from jobs.errors import HeavyliftError
from ledger import Indexed
from search.port import Engine, EngineError, IndexLocked
from workers.indexing.line import MOST, Places
from workers.indexing.writer import Writer
from workers.reconcile.findings import Findings, Sides
from workers.reconcile.index import compare, index
from workers.reconcile.rescue import reason

log = structlog.get_logger(__name__)
_PAGE = 500  # jobs
_PATIENCE = 300.0  # seconds for one commit
_AHEAD = 4 * MOST  # documents that wait for their commit while the next are made


Built = TypeVar("Built", bound=Engine)


class Generations(Protocol[Built]):
    """Where an index lies that can have another one beside it."""

    def begin(self) -> Built:
        """An empty index beside the one in force, which nobody asks yet. What an earlier one left behind goes."""

    def adopt(self, built: Built, /) -> None:
        """From now on everybody asks and writes `built`, which is closed by this; the index before it goes."""

    def give_up(self, built: Built, /) -> None:
        """Throw away what will not come into force."""


def rebuild(sides: Sides) -> Findings:
    """Build, catch up, swap. What changes meanwhile is written to both; where it ends early the old one stays in force.

    Where an engine can't have another one beside it, each job is replaced in place, and then what is too much goes.
    """
    writer, generations = sides.index, sides.generations
    if writer is None:
        raise EngineError("this worker does not write the search index")
    if generations is None:
        return _in_place(sides, writer)
    _require_the_lock(writer)
    fresh = generations.begin()
    try:
        writer.build_beside(fresh)
        found = _filled(sides, writer, beside=True)
        # What was committed to the old one alone, of a step that the ledger had not heard of when its job was looked at.
        compare(replace(sides, told=_to_nobody), Findings(), engine=lambda: fresh, put=writer.put_beside)
        writer.replace(fresh, lambda: generations.adopt(fresh))
    except BaseException:
        writer.build_beside(None)
        generations.give_up(fresh)
        raise
    _afterwards(sides, found)
    return found


def _afterwards(sides: Sides, found: Findings) -> None:
    """What is still amiss is mended in the index in force."""
    more = index(replace(sides, told=_to_nobody))
    more.checked = 0  # the same jobs
    found.add(more, prefix="afterwards")


def _to_nobody(_found: Findings) -> None:
    """These are the same jobs over again: how far that is would be taken for the whole."""


def _require_the_lock(writer: Writer) -> None:
    """What another process writes to the index in force would be lost; one that is broken nobody can write to."""
    try:
        writer.engine()
    except IndexLocked:
        raise
    except EngineError as error:
        log.warning("index.rebuilt_since_broken", reason=str(error))


def _in_place(sides: Sides, writer: Writer) -> Findings:
    found = _filled(sides, writer, beside=False)
    _afterwards(sides, found)
    return found


def _filled(sides: Sides, writer: Writer, *, beside: bool) -> Findings:
    """Put every job of the ledger, with what its steps make findable."""
    found = Findings()
    waiting: deque[tuple[int, Future[int | None]]] = deque()
    ahead = 0
    put = writer.put_beside if beside else writer.put
    for should in _jobs(sides):
        sides.go_on()
        places = _places(sides, should, found)
        size = 1 + len(places or ())
        waiting.append((size, put(should.id, places)))
        ahead += size
        while ahead > _AHEAD or (waiting and waiting[0][1].done()):
            size, future = waiting.popleft()
            future.result(_PATIENCE)
            ahead -= size
        found.checked += 1
        found.repaired += 1
        sides.told(found)
    for _, future in waiting:
        future.result(_PATIENCE)
    return found


def _jobs(sides: Sides) -> Iterator[Indexed]:
    after = ""
    while page := sides.ledger.indexed_page(after=after, limit=_PAGE):
        yield from page
        after = page[-1].id


def _places(sides: Sides, should: Indexed, found: Findings) -> Places | None:
    """What its steps make findable; None where none has run: what comes of one that runs now is written to both."""
    job = sides.ledger.find(should.id) if should.steps else None
    if job is None:
        return None
    made: list[Place] = []
    try:
        for name in should.steps:
            made += sides.places_of(job, name)
    except HeavyliftError as error:
        found.leave(f"job {job.id} is found by name, tags and id alone: {reason(error)}")
        return None
    return tuple(made)
