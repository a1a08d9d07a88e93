"""The search index, as every process shares it: which engine, and what it is told of a job."""

from collections.abc import Sequence
from types import MappingProxyType
from typing import Any

from ledger import JobCard, Ledger
from search.port import JobFacts
from search.query import NUMBERS


def facts_of(card: JobCard) -> JobFacts:
    """What an index is told of a job as a whole."""
    known: dict[str, Any] = {"size": card.size} | {name: card.summary.get(name) for name in NUMBERS if name != "size"}
    numbers = {name: float(value) for name, value in known.items() if _is_number(value)}
    return JobFacts(
        job_id=card.id,
        owner=card.owner,
        version=card.version,
        name=card.name,
        kind=card.kind,
        pipeline=card.pipeline,
        status=card.status,
        sha256=card.sha256,
        created_at=card.created_at,
        finished_at=card.finished_at,
        tags=card.tags,
        numbers=MappingProxyType(numbers),
    )


def facts_in(ledger: Ledger, job_ids: Sequence[str]) -> dict[str, JobFacts]:
    """The same of these jobs as they are now, by id; deleted ones are missing."""
    return {job_id: facts_of(card) for job_id, card in ledger.cards(job_ids).items()}


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
