"""The JSON of search: written here, and as models for OpenAPI."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from search.asking import Answer, Shown
from search.port import Hit, Suggestion


class _Out(BaseModel):
    model_config = ConfigDict(extra="forbid")


class HitBody(_Out):
    """One place that matched."""

    job_id: str
    artifact: str | None = Field(description="Where the place is; null for the job itself.")
    place: str = Field(examples=["page 3", "row 17", "file"])
    title: str
    snippet: str = Field(description="Text around the words found.")
    marks: list[tuple[int, int]] = Field(
        description="Where words found stand in the snippet: [from, to) in Unicode characters."
    )
    score: float = Field(description="Higher is better; comparable within one answer.")
    file_name: str
    kind: str
    status: str


class HitPage(_Out):
    """Hits, in the order asked for."""

    items: list[HitBody]
    next_cursor: str | None
    total: int | None = Field(description="Places that match, in all pages; null where `degraded`.")
    facets: dict[str, dict[str, int]] = Field(description="Jobs by value, for each facet asked for.")
    corrected: list[str] = Field(
        description="Words of the query that may have typos in these hits, as they were typed."
    )
    degraded: bool = Field(
        description="The index did not answer: these are jobs found by parts of their file names, tags and ids alone."
    )


class SuggestionBody(_Out):
    """How what was typed could go on."""

    text: str
    field: str = Field(description="`name`, `part`, `part_name` or `tag`.")
    jobs: int = Field(description="How many jobs have it, at least.")


class SuggestionList(_Out):
    """Suggestions, the likeliest first."""

    items: list[SuggestionBody]
    degraded: bool = Field(description="The index did not answer: names and tags of the newest jobs alone.")


def answer_json(answer: Answer) -> dict[str, Any]:
    """As `HitPage`."""
    return {
        "items": [_hit_json(hit, job) for hit, job in answer.hits],
        "next_cursor": answer.following,
        "total": answer.total,
        "facets": {name: dict(counts) for name, counts in answer.facets.items()},
        "corrected": answer.corrected,
        "degraded": answer.degraded,
    }


def suggestion_json(one: Suggestion) -> dict[str, Any]:
    """As `SuggestionBody`."""
    return {"text": one.text, "field": one.field, "jobs": one.jobs}


def _hit_json(hit: Hit, job: Shown) -> dict[str, Any]:
    return {
        "job_id": hit.job_id,
        "artifact": hit.artifact,
        "place": hit.place,
        "title": hit.title,
        "snippet": hit.snippet,
        "marks": hit.marks,
        "score": round(hit.score, 6),
        "file_name": job.name,
        "kind": job.kind,
        "status": job.status,
    }
