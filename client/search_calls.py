"""The calls about search; part of `Client`."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Self

from client.transport import Transport

MOST = 100  # hits of one page


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """One place that was found."""

    job_id: str
    artifact: str | None  # where the place is; None for the job itself
    place: str  # `page 3`, `row 17`, `file`
    title: str
    snippet: str  # text around the words found
    marks: tuple[tuple[int, int], ...]  # where they stand in it: [from, to) in characters
    file_name: str
    kind: str
    status: str
    raw: Mapping[str, Any]

    @classmethod
    def read(cls, found: Mapping[str, Any]) -> Self:
        """From the JSON object that the API answers."""
        texts = {name: found.get(name) or "" for name in ("title", "snippet", "file_name", "kind", "status")}
        return cls(
            job_id=found["job_id"],
            artifact=found.get("artifact"),
            place=found["place"],
            marks=tuple((start, end) for start, end in found.get("marks") or ()),
            **texts,
            raw=found,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundPage:
    """One page of an answer."""

    hits: tuple[Hit, ...]
    next_cursor: str | None
    total: int | None  # places, in all pages; None where `degraded`
    facets: Mapping[str, Mapping[str, int]]  # jobs by value
    corrected: tuple[str, ...]  # words of the query that may have typos in these hits
    degraded: bool  # the index did not answer: jobs by parts of their names, tags and ids
    raw: Mapping[str, Any]

    @classmethod
    def read(cls, found: Mapping[str, Any]) -> Self:
        """From the JSON object that the API answers."""
        return cls(
            hits=tuple(map(Hit.read, found["items"])),
            next_cursor=found.get("next_cursor"),
            total=found.get("total"),
            facets=found.get("facets") or {},
            corrected=tuple(found.get("corrected") or ()),
            degraded=bool(found.get("degraded")),
            raw=found,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Suggestion:
    """How what was typed could go on."""

    text: str
    field: str  # name, part, part_name, tag
    jobs: int  # that have it, at least
    raw: Mapping[str, Any]

    @classmethod
    def read(cls, found: Mapping[str, Any]) -> Self:
        """From the JSON object that the API answers."""
        return cls(text=found["text"], field=found.get("field") or "", jobs=found.get("jobs") or 0, raw=found)


class SearchCalls:
    """One method per call; raises what `Client` says."""

    _transport: Transport

    def search(
        self,
        q: str = "",
        *,
        filters: Mapping[str, Any] | None = None,
        facets: Sequence[str] = (),
        sort: str | None = None,
        limit: int = 20,
        cursor: str | None = None,
    ) -> FoundPage:
        """One page of what was found; `Rejected` with the code `search.query` where `q` can't be meant.

        `filters`: by the names of the API's parameters, `{"kind": "pdf", "tag": ["a", "b"], "pieces_min": 100}`.
        """
        params = {**(filters or {}), "q": q or None, "facet": ",".join(facets) or None, "sort": sort}
        asked = {**params, "limit": limit, "cursor": cursor}
        return FoundPage.read(self._transport.call("GET", "/v1/search", params=asked).json())

    def hits(
        self, q: str = "", *, filters: Mapping[str, Any] | None = None, sort: str | None = None, limit: int = 100
    ) -> Iterator[Hit]:
        """Hits, page after page as they are needed, up to `limit`."""

        def pages() -> Iterator[Hit]:
            cursor: str | None = None
            while True:
                page = self.search(q, filters=filters, sort=sort, limit=min(limit, MOST), cursor=cursor)
                yield from page.hits
                cursor = page.next_cursor
                if cursor is None:
                    return

        return islice(pages(), limit)

    def suggest(self, text: str, *, limit: int = 10) -> tuple[Suggestion, ...]:
        """Names, part ids, part names and tags that go on from what was typed."""
        found = self._transport.call("GET", "/v1/suggest", params={"q": text, "limit": limit}).json()
        return tuple(map(Suggestion.read, found["items"]))
