"""Ways in which a search index can differ from its ledger, done to a house's engine in memory."""

from dataclasses import replace
from typing import Any

from jobs.context import Place
from jobs.model import Job
from search.port import Drop, EngineError, Put
from wiring.search import facts_in


def heard(house: Any, running: Job) -> None:
    """The index has the job as it is."""
    known = facts_in(house.ledger, [running.id])
    house.index.write([Put(job=known[running.id], places=(Place("records.jsonl", "row 1", "3001", "brick"),))])
    house.ledger.indexed({running.id: known[running.id].version})


def listed_twice(house: Any, running: Job) -> None:
    heard(house, running)
    known = house.index.versions()

    def doubled(*, after: str = "", limit: int) -> list:
        return [] if after else known * 2

    house.index.versions = doubled


def counted_twice(house: Any, running: Job) -> None:
    heard(house, running)
    stats = house.index.stats()
    house.index.stats = lambda: replace(stats, documents=stats.documents + 1)


def not_findable(house: Any, running: Job) -> None:
    heard(house, running)
    house.index.write([Drop(job_id=running.id)])


def findable_for_ever(house: Any, running: Job) -> None:
    known = facts_in(house.ledger, [running.id])[running.id]
    house.index.write([Put(job=replace(known, job_id="00000000-gone"), places=())])


def unreadable(house: Any, running: Job) -> None:
    def broken(**_page: object) -> list:
        raise EngineError("its files are gone")

    house.index.versions = broken
