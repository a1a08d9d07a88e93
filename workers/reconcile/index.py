"""Ledger against search index: entries of jobs that are gone, and indexed jobs without entries."""

from jobs.errors import HeavyliftError
from jobs.model import Status
from workers.reconcile.findings import Findings, Sides
from workers.reconcile.rescue import reason

_BATCH = 200


def index(sides: Sides) -> Findings:
    """Drop strays, and run the indexing step of what is missing once more."""
    found = Findings()
    for job_id in sides.search.strays():
        sides.search.remove(job_id)
        found.repair(f"job {job_id} is gone; its entries were dropped")
    after = ""
    while page := sides.ledger.ended_well(after=after, queue="indexing", limit=_BATCH):
        found.checked += len(page)
        known = sides.search.known(page)
        for job_id in page:
            sides.go_on()
            if job_id not in known:
                _index_again(sides, job_id, found)
        after = page[-1]
    return found


def _index_again(sides: Sides, job_id: str, found: Findings) -> None:
    job = sides.ledger.find(job_id)
    steps = [s.name for s in job.steps if s.queue == "indexing" and s.status is Status.SUCCEEDED] if job else []
    if job is None or not steps:
        return  # deleted or retried meanwhile
    try:
        for name in steps:
            sides.rerun(job, name)
    except HeavyliftError as error:
        found.leave(f"job {job_id} has no entries and cannot be indexed again: {reason(error)}")
        return
    if sides.search.known([job_id]):
        found.repair(f"job {job_id} had no entries and was indexed again")
