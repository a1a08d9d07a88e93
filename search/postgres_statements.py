"""The statements that answer questions in PostgreSQL: where entries come from, where a page goes on, how facets are counted."""

# ruff: noqa: S608 - statements are put together from our own words alone; all values are bound

from dataclasses import dataclass
from typing import Any

from search.port import Asked, Sort
from search.postgres_queries import Conditions
from search.postgres_rows import sample_lexeme
from search.questions import MAX_FACET

KEYS: dict[Sort, tuple[type[Any], ...]] = {
    Sort.RELEVANCE: (float, int, str, int),
    Sort.NEWEST: (int, str, int),
    Sort.OLDEST: (int, str, int),
    Sort.NAME: (str, str, int),
}
ORDERS = {
    Sort.RELEVANCE: "score DESC, created DESC, job_id, ordinal",
    Sort.NEWEST: "created DESC, job_id, ordinal",
    Sort.OLDEST: "created, job_id, ordinal",
    Sort.NAME: "sort_name, job_id, ordinal",
}
BEHIND = {
    Sort.RELEVANCE: "(-score, -created, job_id, ordinal) > (-CAST(:k0 AS float8), -CAST(:k1 AS bigint), :k2, :k3)",
    Sort.NEWEST: "(-created, job_id, ordinal) > (-CAST(:k0 AS bigint), :k1, :k2)",
    Sort.OLDEST: "(created, job_id, ordinal) > (CAST(:k0 AS bigint), :k1, :k2)",
    Sort.NAME: "(sort_name, job_id, ordinal) > (:k0, :k1, :k2)",
}
_FROM_JOB = {  # where to go on among the jobs; by an index
    Sort.NEWEST: "j.created <= CAST(:k0 AS bigint)",
    Sort.OLDEST: "j.created >= CAST(:k0 AS bigint)",
    Sort.NAME: "j.sort_name >= :k0",
}
NOTHING = (  # of which types columns are
    "CAST(NULL AS text), count(*), CAST(NULL AS float8), CAST(NULL AS bigint), CAST(NULL AS text), CAST(NULL AS text), "
    "CAST(NULL AS bigint)"
)
_FACETS = {"kind": "j.kind", "pipeline": "j.pipeline", "status": "j.status"}


@dataclass(slots=True, kw_only=True)
class Question:
    """A question with all that is known for its statements."""

    asked: Asked
    sort: Sort  # by newest where relevance is asked for, and no word says what fits better
    key: tuple[Any, ...]
    made: Conditions
    score: str
    jobs_alone: bool
    most: int  # entries, or jobs, that can fit
    jobs: int  # of the owner's
    held: int  # entries of the owner's, or jobs where these alone are asked for
    exact_total: int | None  # where it is known from counts
    ranked: int = 0  # of those that are gone through by relevance
    walked: int = 0  # jobs that are gone through

    @property
    def first(self) -> int:
        """How many entries that fit are enough, going through them in order."""
        return self.ranked if self.sort is Sort.RELEVANCE else self.asked.limit + 1

    @property
    def values(self) -> dict[str, Any]:
        return self.made.values | {"owner": self.made.owner} | {f"k{n}": value for n, value in enumerate(self.key)}


def facet(name: str) -> str:
    """Of how many jobs each value is, those of most jobs."""
    if name == "color":
        colored = (
            "SELECT job, color AS value FROM fit WHERE color IS NOT NULL UNION "
            "SELECT f.job, color.value FROM fit f JOIN {jobs} j ON j.job = f.job, unnest(j.colors) color (value) "
            "WHERE f.ordinal = 0"
        )
        source = f"({colored}) valued"
        value = "valued.value"
    elif name == "tag":
        source, value = "fitting f JOIN {jobs} j ON j.job = f.job, unnest(j.tags) tag (value)", "tag.value"
    else:
        source, value = "fitting f JOIN {jobs} j ON j.job = f.job", _FACETS[name]
    counted = "count(*)" if name != "tag" else "count(DISTINCT f.job)"
    return (
        f"(SELECT '{name}', {value}, {counted}, NULL, NULL, NULL, NULL, NULL FROM {source} "
        f'GROUP BY {value} ORDER BY 3 DESC, {value} COLLATE "C" LIMIT {MAX_FACET})'
    )


def all_of(question: Question, *, sample: int = 0) -> str:
    """All entries that fit, in no order; with `sample` those of one job in 2 to the power of it."""
    also = f" AND {{column}} @@ CAST('{sample_lexeme(sample)}' AS tsquery)" if sample else ""
    score = "CAST(0 AS float8)" if sample else question.score  # nobody looks at that of a sample
    if question.jobs_alone:
        return (
            f"SELECT j.job, 0 AS ordinal, CAST(NULL AS text) AS color, {score} AS score {from_jobs(question)}"
            f"{also.replace('{column}', 'j.facts')}"
        )
    narrowed = f"JOIN (SELECT j.job {from_jobs(question)}) p ON p.job = e.job" if _narrowed(question, sample) else ""
    return (
        f"SELECT e.job, e.ordinal, e.color, {score} AS score FROM {{entries}} e {narrowed} "
        f"WHERE e.words @@ CAST(:entry_query AS tsquery){also.replace('{column}', 'e.words')}"
    )


def _narrowed(question: Question, sample: int) -> bool:
    """Whether jobs are looked at before scores are worked out, which cost more; a sample tells what words alone find."""
    return question.made.narrows_jobs and not sample


def of_jobs(question: Question) -> str:
    """All entries that fit of the jobs that were asked for, job by job."""
    return (
        f"SELECT e.job, e.ordinal, e.color, {question.score} AS score FROM (SELECT j.job {from_jobs(question)} OFFSET 0) p "
        "CROSS JOIN LATERAL (SELECT * FROM {entries} e WHERE e.job = p.job OFFSET 0) e "
        "WHERE e.words @@ CAST(:entry_query AS tsquery)"
    )


def in_order(question: Question) -> str:
    """The first entries that fit, going through the jobs in the order that is asked for, from where the page goes on."""
    sort = question.sort
    order = {Sort.OLDEST: "j.created, j.job_id", Sort.NAME: "j.sort_name, j.job_id"}.get(
        sort, "j.created DESC, j.job_id"
    )
    start = f" AND {_FROM_JOB[sort]}" if question.key and sort in _FROM_JOB else ""
    columns = "j.job, j.job_id, j.created, j.sort_name"
    jobs = f"SELECT {columns}, {question.score if question.jobs_alone else '0'} AS score {from_jobs(question)}{start} ORDER BY {order} LIMIT :walked"
    behind = f"WHERE {BEHIND[sort]}" if start else ""
    if question.jobs_alone:
        return (
            f"SELECT job, ordinal, CAST(NULL AS text) AS color, score FROM (SELECT *, 0 AS ordinal FROM ({jobs}) j) j "
            f"{behind} LIMIT :first"
        )
    return (
        f"SELECT job, ordinal, color, score FROM (SELECT p.job_id, p.created, p.sort_name, e.job, e.ordinal, e.color, "
        f"{question.score} AS score FROM ({jobs} OFFSET 0) p CROSS JOIN LATERAL ("
        "SELECT * FROM {entries} e WHERE e.job = p.job ORDER BY e.ordinal OFFSET 0) e "
        f"WHERE e.words @@ CAST(:entry_query AS tsquery)) e {behind} LIMIT :first"
    )


def from_jobs(question: Question) -> str:
    """From the jobs that fit, as far as jobs are asked."""
    made = question.made
    told = ["j.owner = :owner", *made.columns]
    if made.job or made.both or question.jobs_alone:
        told.append("j.facts @@ CAST(:job_query AS tsquery)")
    if question.jobs_alone and made.own_never:
        never = made.add("never", " | ".join(made.own_never))
        told.append(
            "NOT EXISTS (SELECT FROM {entries} o WHERE o.job = j.job AND o.ordinal = 0 "
            f"AND o.words @@ CAST({never} AS tsquery))"
        )
    return f"FROM {{jobs}} j WHERE {' AND '.join(told)}"


def key_of(sort: Sort, row: Any) -> tuple[Any, ...]:
    """What the next page goes on behind."""
    return {
        Sort.RELEVANCE: (row.score, row.created, row.job_id, row.number),
        Sort.NAME: (row.sort_name, row.job_id, row.number),
    }.get(sort, (row.created, row.job_id, row.number))


def order_of(sort: Sort, row: Any) -> tuple[Any, ...]:
    """As the statement's order, in which a UNION need not leave its rows."""
    key = key_of(sort, row)
    if sort is Sort.RELEVANCE:
        return (-key[0], -key[1], *key[2:])
    return (-key[0], *key[1:]) if sort is Sort.NEWEST else key
