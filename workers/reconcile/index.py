"""Ledger against search index, both ways: strays, missing jobs, outdated ones, and jobs whose places are missing."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future

from jobs.errors import HeavyliftError
from ledger import Indexed
from search.port import Engine, EngineError
from workers.reconcile.findings import Findings, Sides
from workers.reconcile.rescue import reason

_PAGE = 1000  # jobs of each side that are held at a time
_PATIENCE = 120.0  # seconds for one commit
Written = Future[int | None]  # see `workers.indexing.writer.Writer`
Known = tuple[str, int, int]  # as `Engine.versions` tells it: id, version, places


def index(sides: Sides) -> Findings:
    """Have the index drop what the ledger does not know, and hold each job as the ledger has it, with its places.

    Jobs that the index has yet to hear of anyway are left to the indexer. Nothing is decided from what was read here:
    the writer looks at the ledger again, so a job that comes or goes meanwhile is not taken for a difference.
    """
    writer = sides.index
    if writer is None:
        raise EngineError("this worker does not write the search index")
    found = Findings()
    compare(sides, found, engine=writer.engine, put=writer.put)
    return found


def compare(sides: Sides, found: Findings, *, engine: Callable[[], Engine], put: Callable[..., Written]) -> None:
    """The same with an index that is asked and written so; adds to what was found."""
    for should, has in _side_by_side(sides, engine):
        sides.go_on()
        if should is None:
            job_id = has[0] if has else ""
            if put(job_id, None).result(_PATIENCE) is None:
                found.repair(f"job {job_id} is gone; its entries were dropped")
            continue
        found.checked += 1
        sides.told(found)
        outdated = has is None or (should.ended and has[1] < should.version)
        if outdated and not should.waits:
            what = "was not in the index" if has is None else "was outdated in the index"
            if put(should.id, None).result(_PATIENCE) is not None:
                found.repair(f"job {should.id} {what} and was put there as it is")
        if should.steps and (has is None or has[2] == 0):
            _index_again(sides, should, found, put=put)


def _index_again(sides: Sides, should: Indexed, found: Findings, *, put: Callable[..., Written]) -> None:
    """Run the steps once more that make the job's places findable; a job may well have none."""
    job = sides.ledger.find(should.id)
    if job is None:
        return  # deleted meanwhile
    try:
        places = tuple(place for name in should.steps for place in sides.places_of(job, name))
    except HeavyliftError as error:
        found.leave(f"job {job.id} has no places and cannot be indexed again: {reason(error)}")
        return
    if places and put(job.id, places).result(_PATIENCE) is not None:
        found.repair(f"job {job.id} had no places and was indexed again")


def _side_by_side(sides: Sides, engine: Callable[[], Engine]) -> Iterator[tuple[Indexed | None, Known | None]]:
    """Both in the order of their ids, page by page; None on the side that lacks the job."""
    ledger, known = _ledger(sides), _index(engine)
    should, has = next(ledger, None), next(known, None)
    while should is not None or has is not None:
        if has is None or (should is not None and should.id < has[0]):
            yield should, None
            should = next(ledger, None)
        elif should is None or should.id > has[0]:
            yield None, has
            has = next(known, None)
        else:
            yield should, has
            should, has = next(ledger, None), next(known, None)


def _ledger(sides: Sides) -> Iterator[Indexed]:
    after = ""
    while page := sides.ledger.indexed_page(after=after, limit=_PAGE):
        yield from page
        after = page[-1].id


def _index(engine: Callable[[], Engine]) -> Iterator[Known]:
    after = ""
    while page := engine().versions(after=after, limit=_PAGE):
        yield from page
        after = page[-1][0]
