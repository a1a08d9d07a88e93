"""What is found without an index: jobs by file name, tags and id, from what the ledger knows of them."""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from search.analysis import clean, folded
from search.entries import JOB_PLACE, job_entry, shared_words
from search.memory_ranking import KnownJob, ranked
from search.port import Asked, Filters, Hit, JobFacts, Sort
from search.query import Clause, Query, Words
from search.questions import Scope, scope
from search.snippets import snippet

_SPELLED = (None, "name", "title", "tag", "id")  # clauses that the ledger can look for as parts of texts
_PLACES = ("text", "part", "color")  # those that it can say nothing about
_PIECE = re.compile(r"[^\W_]+")


def pieces(asked: Asked) -> tuple[str, ...]:
    """What must be part of a job's file name, tags or id where the question means it: more than it means, never less."""
    spelled = [clause.typed for clause in asked.query.must if isinstance(clause, Words) and clause.field in _SPELLED]
    return tuple(dict.fromkeys(piece for text in (*spelled, *asked.filters.tags) for piece in _PIECE.findall(text)))


def of_jobs(filters: Filters) -> Filters:
    """Filters as the ledger compares them: its own words for kinds, pipelines and statuses are folded already."""
    kinds, pipelines, statuses = (
        tuple(map(folded, values)) for values in (filters.kinds, filters.pipelines, filters.statuses)
    )
    return replace(filters, kinds=kinds, pipelines=pipelines, statuses=statuses)


def meant(jobs: Sequence[JobFacts], asked: Asked) -> list[JobFacts]:
    """Those that an index would find as a whole, without typos, in their order."""
    if scope(asked) is Scope.PLACES:
        return []
    found = {match.job.facts.job_id for match in ranked([_known(facts) for facts in jobs], asked, 0)}
    return [facts for facts in jobs if facts.job_id in found]


def like(jobs: Sequence[JobFacts], asked: Asked) -> list[JobFacts]:
    """Those whose names, tags and ids have what is asked for as parts, in their order.

    Words of fields such as `kind:`, what must not be there, numbers and filters count as in an index. What is asked of
    rows, pages and bodies nothing here can have.
    """
    if not answerable(asked):
        return []
    spelled = [clause for clause in asked.query.must if isinstance(clause, Words) and clause.field in _SPELLED]
    rest = tuple(clause for clause in asked.query.must if clause not in spelled)
    whole = replace(asked, query=Query(must=rest, never=asked.query.never), sort=Sort.NEWEST)
    return [facts for facts in meant(jobs, whole) if all(_has(facts, clause) for clause in spelled)]


def answerable(asked: Asked) -> bool:
    """Whether jobs as a whole can be an answer."""
    of_places = any(isinstance(clause, Words) and clause.field in _PLACES for clause in asked.query.must)
    return not of_places and scope(asked) is not Scope.PLACES


def hit(facts: JobFacts, clauses: Iterable[Clause], *, score: float) -> Hit:
    """A job as an index would show it."""
    entry = job_entry(facts, ())
    cut, marks = snippet(entry.text, tuple(clauses))
    return Hit(
        job_id=facts.job_id,
        artifact=None,
        place=JOB_PLACE,
        title=entry.title,
        snippet=cut,
        marks=marks,
        score=score,
    )


def _known(facts: JobFacts) -> KnownJob:
    return KnownJob(facts=facts, shared=shared_words(facts), entries=[job_entry(facts, ())])


_TEXTS: dict[str | None, Callable[[JobFacts], str]] = {
    "name": lambda facts: facts.name,
    "title": lambda facts: facts.name,
    "tag": lambda facts: " ".join(facts.tags),
    "id": lambda facts: facts.job_id,
    None: lambda facts: " ".join((facts.name, *facts.tags, facts.job_id)),
}


def _has(facts: JobFacts, clause: Words) -> bool:
    text = folded(_TEXTS[clause.field](facts))
    return all(folded(clean(piece)) in text for piece in _PIECE.findall(clause.typed))
