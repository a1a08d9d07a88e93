"""One page of what a question finds in PostgreSQL, its total and its facets.

As long as at most `EXACT` entries can fit, or not many more in the few jobs that were asked for, all are looked at and
everything is exact. Where more fit, totals and facets are those of one job in 2, 4, 8, ..., multiplied: GIN finds these by a
lexeme of their own. Jobs are then gone through in order until the page is full; by relevance, which says little where so
many fit, the newest are gone through, and the best of what fits there are shown. Where that finds too few, all are looked at.
"""

# ruff: noqa: S608 - statements are put together from our own words alone; all values are bound

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from search.analysis import clean
from search.entries import SHARED
from search.port import Asked, Found, Hit, Sort
from search.postgres_queries import Variants, conditions
from search.postgres_ranking import Rarity, job_score, most, score
from search.postgres_rows import SAMPLES
from search.postgres_state import Asking
from search.postgres_statements import (
    BEHIND,
    KEYS,
    NOTHING,
    ORDERS,
    Question,
    all_of,
    facet,
    from_jobs,
    in_order,
    key_of,
    of_jobs,
    order_of,
)
from search.postgres_words import common, common_beginning, sums, variants
from search.query import Clause, Words
from search.questions import Page, Scope, following, scope
from search.snippets import snippet

EXACT = 5_000  # entries that are all looked at
_WALKED = 25_000  # entries that are gone through in order, until what fits is a page
_MUCH = 60_000  # entries that are all looked at where going through them in order would give too few
_FEW_RANKED = 40  # that are enough even so, where there are more than that
_RANKED = 200, 2_000  # of more than `EXACT`, so many are ranked: as many as going through `_WALKED` may give
_SAMPLED = 2_000  # entries or jobs of a sample, about
_FEWEST = 64  # jobs in the smallest sample
_JOBS = 3_000  # jobs that are all gone through, where words alone say too little
_MOSTLY = (
    0.5  # share of all entries from which on an owner's own lexeme only costs time; the owner is compared in any case
)


@dataclass(slots=True, kw_only=True)
class _Told:
    """What a statement said."""

    found: int = 0  # entries that were looked at
    total: int = 0
    hits: list[Any] = field(default_factory=list)
    facets: dict[str, dict[str, int]] = field(default_factory=dict)


def find(asking: Asking, asked: Asked, page: Page) -> Found:
    """The best places for a question, of its owner's alone."""
    question = _question(asking, asked, page)
    told = _told(asking, question)
    shown = told.hits[: asked.limit]
    more = len(told.hits) > len(shown) and bool(shown)
    next_page = Page(forgiven=page.forgiven, after=key_of(question.sort, shown[-1])) if more else None
    return Found(
        hits=_hits(asking, asked, [(row.job, row.number, row.score) for row in shown], page.forgiven),
        total=told.total,
        following=following(asked, next_page) if next_page else None,
        facets={name: told.facets.get(name, {}) for name in asked.facets},
    )


def hit(row: Any, score: float, clauses: Sequence[Clause] = (), forgiven: int = 0) -> Hit:
    """An entry's row as it is shown."""
    cut, marks = snippet(row.text, clauses, forgiven=forgiven)
    where = {"job_id": row.job_id, "artifact": row.artifact, "place": row.place, "title": row.title}
    return Hit(**where, snippet=cut, marks=marks, score=score)


def _question(asking: Asking, asked: Asked, page: Page) -> Question:
    must = asked.query.must
    jobs_alone = scope(asked) is Scope.JOBS
    says = [clause for clause in must if isinstance(clause, Words) and (clause.field in SHARED) == jobs_alone]
    sort = Sort.NEWEST if asked.sort is Sort.RELEVANCE and not says else asked.sort
    key = tuple(clean(one) if isinstance(one, str) else one for one in page.key(*KEYS[sort]) or ())
    close = variants(asking, asked.owner, must, page.forgiven) if page.forgiven else {}
    made = conditions(asked, close)
    rarity = _rarity(asking, asked.owner, must, close)
    made.alone = rarity.sums.share > _MOSTLY
    plain = not (made.narrows_jobs or made.both or made.own_never)
    if jobs_alone:
        told, bound, counted = job_score(made, must, close), rarity.sums.jobs, True
    else:
        told, bound, counted = score(made, must, close, rarity), most(must, close, rarity), _one_word(must)
    return Question(
        asked=asked,
        sort=sort,
        key=key,
        made=made,
        score=told if sort is Sort.RELEVANCE else "CAST(0 AS float8)",
        jobs_alone=jobs_alone,
        most=bound,
        jobs=rarity.sums.jobs,
        held=rarity.sums.jobs if jobs_alone else rarity.sums.entries,
        exact_total=bound if plain and counted else None,
    )


def _one_word(must: Sequence[Clause]) -> bool:
    """Whether the count of one word says how many entries fit."""
    if len(must) != 1 or not isinstance(must[0], Words):
        return False
    return len(must[0].tokens) == 1 and not must[0].prefix and must[0].field is None


def _rarity(asking: Asking, owner: str, must: Sequence[Clause], close: Variants) -> Rarity:
    words, beginnings = set[str](), set[str]()
    for clause in must:
        if isinstance(clause, Words):
            words.update(clause.tokens[:-1])
            (beginnings if clause.prefix else words).add(clause.tokens[-1])
    words.update(other for others in close.values() for other, _typos in others)
    return Rarity(
        sums=sums(asking, owner),
        entries=common(asking, owner, words) if words else {},
        beginnings={one: common_beginning(asking, owner, one) for one in beginnings},
    )


def _told(asking: Asking, question: Question) -> _Told:
    """Exactly where that is cheap, else by a sample and in order."""
    if question.most <= EXACT:
        return _page(asking, question, all_of(question))
    if not question.jobs_alone and question.made.narrows_jobs and _few_jobs(asking, question):
        return _page(asking, question, of_jobs(question))
    halvings = _halvings(question)
    if not halvings:
        return _page(asking, question, all_of(question))
    sample = _page(asking, question, all_of(question, sample=halvings), hits=False)
    looked_at = sample.found << halvings
    ranked = round(_WALKED * min(1.0, (sample.total << halvings) / max(1, question.held)))
    if looked_at <= EXACT or (question.sort is Sort.RELEVANCE and ranked < _RANKED[0] and looked_at <= _MUCH):
        return _page(asking, question, all_of(question))
    question.ranked = min(max(ranked, _RANKED[0]), _RANKED[1])
    question.walked = max(1_000, _WALKED * question.jobs // max(1, question.held))
    told = _page(asking, question, in_order(question), facets=False)
    ranked_enough = _RANKED[0] if looked_at <= _MUCH else _FEW_RANKED
    enough = ranked_enough if question.sort is Sort.RELEVANCE else question.first
    if told.found < enough and question.walked < question.jobs:
        return _page(asking, question, all_of(question))  # they stand far apart
    return _multiplied(told, sample, halvings, question.exact_total)


def _halvings(question: Question) -> int:
    """How small a part of the jobs is enough to tell totals and facets by; 0: there are too few for that."""
    enough = (question.most // _SAMPLED).bit_length()
    return max(0, min(SAMPLES, enough, (question.jobs // _FEWEST).bit_length() - 1))


def _multiplied(told: _Told, sample: _Told, halvings: int, known: int | None) -> _Told:
    told.total = known or max(sample.total << halvings, told.total)
    told.facets = {
        name: {value: min(count << halvings, told.total) for value, count in counts.items()}
        for name, counts in sample.facets.items()
    }
    return told


def _few_jobs(asking: Asking, question: Question) -> bool:
    """Whether the jobs that are asked for have so few entries that all can be looked at."""
    query = f"SELECT count(*) AS jobs, coalesce(sum(places + 1), 0) AS entries FROM (SELECT j.places {from_jobs(question)} LIMIT :most) few"
    found = asking.run(query, **question.values, most=_JOBS + 1, job_query=question.made.job_query).one()
    return bool(found.jobs <= _JOBS and found.entries <= 4 * EXACT)


def _page(asking: Asking, question: Question, source: str, *, hits: bool = True, facets: bool = True) -> _Told:
    """Ask for a page, a total and facets of what `source` finds: job, ordinal, color and score of entries."""
    asked, made = question.asked, question.made
    residual = ["j.owner = :owner", *made.columns] + (["j.facts @@ CAST(:job_query AS tsquery)"] if made.job else [])
    behind = f"WHERE {BEHIND[question.sort]}" if question.key else ""
    pieces = [f"SELECT 'total', {NOTHING} FROM fit"]
    pieces.append("SELECT 'found', NULL, count(*), NULL, NULL, NULL, NULL, NULL FROM found")
    if hits:
        pieces.append(
            "(SELECT 'hit', NULL, ordinal, score, created, sort_name, job_id, job "
            f"FROM fit {behind} ORDER BY {ORDERS[question.sort]} LIMIT :count)"
        )
    pieces += [facet(name) for name in dict.fromkeys(asked.facets) if facets]
    query = f"""
        WITH found AS MATERIALIZED ({source}), fit AS MATERIALIZED (
            SELECT f.job, f.ordinal, f.color, f.score, j.created, j.job_id, j.sort_name
            FROM found f CROSS JOIN LATERAL (SELECT * FROM {{jobs}} j WHERE j.job = f.job OFFSET 0) j
            WHERE {" AND ".join(residual)}
        ), fitting AS MATERIALIZED (SELECT DISTINCT job FROM fit)
        SELECT what, value, number, score, created, sort_name, job_id, job FROM ({" UNION ALL ".join(pieces)})
        AS told (what, value, number, score, created, sort_name, job_id, job)"""
    values = question.values | {"entry_query": made.entry_query, "job_query": made.job_query}
    told = _Told()
    for row in asking.run(query, **values, count=asked.limit + 1, first=question.first, walked=question.walked):
        if row.what == "hit":
            told.hits.append(row)
        elif row.what in ("total", "found"):
            setattr(told, row.what, row.number)
        else:
            told.facets.setdefault(row.what, {})[row.value] = row.number
    told.hits.sort(key=lambda row: order_of(question.sort, row))
    return told


def _hits(asking: Asking, asked: Asked, shown: Sequence[tuple[int, int, float]], forgiven: int) -> tuple[Hit, ...]:
    if not shown:
        return ()
    rows = entries_of(asking, asked.owner, [(job, ordinal) for job, ordinal, _score in shown])
    return tuple(
        hit(rows[job, ordinal], score, asked.query.must, forgiven)
        for job, ordinal, score in shown
        if (job, ordinal) in rows
    )


def entries_of(asking: Asking, owner: str, wanted: Sequence[tuple[int, int]]) -> dict[tuple[int, int], Any]:
    """What is shown of entries, by job and ordinal; of the owner's alone."""
    query = """
        SELECT j.job, e.ordinal, j.job_id, e.artifact, e.place, e.title, e.text
        FROM unnest(CAST(:jobs AS bigint[]), CAST(:ordinals AS int[])) AS wanted (job, ordinal)
        JOIN {entries} e ON e.job = wanted.job AND e.ordinal = wanted.ordinal JOIN {jobs} j ON j.job = e.job
        WHERE j.owner = :owner"""
    jobs, ordinals = [job for job, _ordinal in wanted], [ordinal for _job, ordinal in wanted]
    return {(row.job, row.ordinal): row for row in asking.run(query, jobs=jobs, ordinals=ordinals, owner=owner)}
