"""One page of what a question finds in the tantivy index, in an order that is the same for every page.

By age and name: each job has one key in a column, so hits come by (key, ordinal), and a page goes on behind the last.

By relevance: of up to `ALL` hits all are fetched and put in order by (score, newest, job, ordinal). Where there are more
the engine keeps the best alone, and of thousands with one score (rows of one part in many lists) it would keep other ones
after each merge. So each document's score is raised by up to a thousandth, by its own fixed chance. A page goes on behind
the last hit of the page before, where that is still there, else behind its score.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from search.port import Sort
from search.questions import Page
from search.tantivy_queries import beyond, every, term, unscored
from search.tantivy_schema import (
    BY_NAME,
    CREATED,
    JOB,
    JOB_NUMBER,
    JOB_RANK,
    NEWEST,
    OLDEST,
    ORDINAL,
    SPREAD,
    job_of,
    schema,
    spread_factor,
)
from search.tantivy_view import columns, count, counted_in

if TYPE_CHECKING:
    from tantivy import DocAddress, Query, Searcher

ALL = 1_000  # hits whose order by relevance is worked out exactly
_SLACK = 100  # hits fetched beyond a page, since a commit may have moved its last one
_SAME = 5e-6  # scores that differ by less are one: floats of 32 bits
_Keyed = tuple[tuple[str, int], "DocAddress"]
KEYS = {Sort.NEWEST: NEWEST, Sort.OLDEST: OLDEST, Sort.NAME: BY_NAME}


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranked:
    """A page: where its hits are, how many there are in all, and what its last one goes on by."""

    hits: tuple[tuple["DocAddress", float], ...]  # with scores
    total: int
    last: tuple[str | int | float, ...] | None  # None: there is no more


def by_key(searcher: "Searcher", query: "Query", sort: Sort, *, page: Page, limit: int) -> Ranked:
    """Hits by age or name; the newest first where relevance is asked for, and no word says what fits better."""
    field, after = KEYS.get(sort, NEWEST), page.key(str, int)
    found: list[_Keyed] = []
    rest = query
    if after is not None:
        key, ordinal = after
        rest = every([query, unscored(beyond(field, key))])
        job = every([query, unscored(term(JOB, job_of(key))), unscored(_behind(ordinal))])
        found = [((key, n), address) for n, address in _of_job(searcher, job, limit=limit + 1)]
    if len(found) <= limit:
        found += _in_order(searcher, rest, field, limit=limit + 1 - len(found))
    shown = found[:limit]
    last = shown[-1][0] if len(found) > limit and shown else None
    return Ranked(hits=tuple((address, 0.0) for _key, address in shown), total=count(searcher, query), last=last)


def by_score(searcher: "Searcher", query: "Query", *, page: Page, limit: int) -> Ranked:
    """Hits by how well they fit."""
    after = page.key(float, int, str, int, int)
    seen = after[4] if after else 0
    wanted = max(ALL, seen + limit + _SLACK)
    found = searcher.search(query, limit=wanted, weight_by_field=SPREAD)
    total = counted_in(found)
    entries = _entries(searcher, found.hits, exactly=total <= ALL)
    start = _start(entries, after) if after else 0
    shown = entries[start : start + limit]
    last: tuple[str | int | float, ...] | None = None
    if shown and start + limit < min(total, len(entries) if total <= ALL else total):
        one = shown[-1]
        last = (one.score, one.created, str(one.job_number), one.ordinal, start + len(shown))
    return Ranked(hits=tuple((one.address, one.score) for one in shown), total=total, last=last)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Entry:
    score: float
    created: int
    job_rank: int
    job_number: int
    ordinal: int
    address: "DocAddress"

    def order(self) -> tuple[float, int, int, int, int]:
        return -self.score, -self.created, self.job_rank, self.job_number, self.ordinal


def _entries(searcher: "Searcher", hits: Sequence[tuple[float, "DocAddress"]], *, exactly: bool) -> list[_Entry]:
    """Hits in their order; `exactly`: with the scores that they have without their `SPREAD`."""
    addresses = [address for _score, address in hits]
    known = columns(searcher, addresses, CREATED, JOB_RANK, JOB_NUMBER, ORDINAL, SPREAD)
    found = [
        _Entry(
            score=score / spread_factor(spread) if exactly else score,
            created=created,
            job_rank=rank,
            job_number=number,
            ordinal=ordinal,
            address=address,
        )
        for (score, address), (created, rank, number, ordinal, spread) in zip(hits, known, strict=True)
    ]
    found.sort(key=_Entry.order)
    return sorted(_levelled(found), key=_Entry.order) if exactly else found


def _levelled(entries: list[_Entry]) -> Iterator[_Entry]:
    """With one score for all that differ by a rounding alone."""
    level = 0.0
    for entry in entries:
        if not level or entry.score < level * (1 - _SAME):
            level = entry.score
        yield replace(entry, score=level)


def _start(entries: list[_Entry], after: tuple[Any, ...]) -> int:
    """Where a page goes on."""
    score, created, number, ordinal, _seen = after
    for at, entry in enumerate(entries):
        if entry.ordinal == ordinal and str(entry.job_number) == number:
            return at + 1
    for at, entry in enumerate(entries):
        if entry.score < score * (1 - _SAME) or (entry.score <= score * (1 + _SAME) and entry.created < created):
            return at
    return len(entries)


def _in_order(searcher: "Searcher", query: "Query", field: str, *, limit: int) -> list[_Keyed]:
    """The first hits by (key, ordinal). The engine knows no second key: those of the last job are asked for again."""
    from tantivy import Order

    hits = searcher.search(query, limit=limit, count=False, order_by_field=field, order=Order.Asc).hits
    ordinals = columns(searcher, [address for _key, address in hits], ORDINAL)
    keyed = [((str(key), n), address) for (key, address), (n,) in zip(hits, ordinals, strict=True)]
    keyed.sort(key=lambda one: one[0])
    if len(keyed) < limit or not keyed:
        return keyed
    last = keyed[-1][0][0]
    whole = [one for one in keyed if one[0][0] != last]
    of_last = every([query, unscored(term(JOB, job_of(last)))])
    return whole + [((last, n), address) for n, address in _of_job(searcher, of_last, limit=limit - len(whole))]


def _of_job(searcher: "Searcher", query: "Query", *, limit: int) -> list[tuple[int, "DocAddress"]]:
    """A job's hits in their order."""
    from tantivy import Order

    return list(searcher.search(query, limit=limit, count=False, order_by_field=ORDINAL, order=Order.Asc).hits)


def _behind(ordinal: int) -> "Query":
    from tantivy import FieldType, Query

    return Query.range_query(schema(), ORDINAL, FieldType.Unsigned, lower_bound=ordinal, include_lower=False)
