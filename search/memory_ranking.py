"""Which entries a question means, and how well each fits: what `search.memory` does to every entry."""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from search.analysis import folded
from search.entries import WEIGHTS, Entry, Values
from search.port import Asked, Filters, JobFacts
from search.query import Clause, Query, Range, Words, allowed
from search.questions import Scope, scope
from search.snippets import matches

K1, B = 1.2, 0.75  # of BM25
_TYPO_WORTH = 0.1  # of the word without typo: it comes behind that one, whichever fields they stand in


@dataclass(slots=True, kw_only=True)
class KnownJob:
    """What is known of a job."""

    facts: JobFacts
    shared: dict[str, Values]
    entries: list[Entry]  # its own first

    @property
    def places(self) -> int:
        """How many, without the job itself."""
        return len(self.entries) - 1


@dataclass(slots=True, kw_only=True)
class Match:
    """An entry that matches."""

    job: KnownJob
    entry: Entry
    counts: dict[tuple[int, str], float] = field(default_factory=dict)  # (clause, field) -> how often
    score: float = 0.0


def ranked(jobs: Sequence[KnownJob], asked: Asked, forgiven: int) -> list[Match]:
    """All that match, with their scores, in no order. `jobs`: the owner's, all of them: how rare a word is counts."""
    reach, found, holders = scope(asked), [], Counter[tuple[int, str]]()
    for job in jobs:
        passes = _job_passes(job.facts, asked.filters)
        for entry in job.entries:
            match = Match(job=job, entry=entry)
            fits = _fits(match, asked.query, forgiven)
            holders.update(match.counts.keys())
            in_reach = reach is Scope.ANY or (reach is Scope.JOBS) == (entry.ordinal == 0)
            if fits and passes and in_reach and _entry_passes(entry, asked.filters):
                found.append(match)
    _score(found, jobs, holders)
    return found


def _fits(match: Match, query: Query, forgiven: int) -> bool:
    """Whether all clauses hold; all are looked at, since each says how common its words are."""
    held = [_holds(match, number, clause, forgiven) for number, clause in enumerate(query.must)]
    return all(held) and not any(_holds(match, -1, clause, 0) for clause in query.never)


def _job_passes(facts: JobFacts, filters: Filters) -> bool:
    values = ((facts.kind, filters.kinds), (facts.pipeline, filters.pipelines), (facts.status, filters.statuses))
    tags = set(map(folded, facts.tags))
    return (
        (filters.job_ids is None or facts.job_id in filters.job_ids)
        and all(not wanted or folded(value) in map(folded, wanted) for value, wanted in values)
        and all(folded(tag) in tags for tag in filters.tags)
        and (filters.created_from is None or facts.created_at >= filters.created_from)
        and (filters.created_to is None or facts.created_at < filters.created_to)
        and all(_within(facts, name, least, most) for name, (least, most) in filters.ranges.items())
    )


def _entry_passes(entry: Entry, filters: Filters) -> bool:
    wanted = ((entry.colors, filters.colors), (entry.parts, filters.parts))
    return all(not values or not {*map(folded, values)}.isdisjoint(map(folded, has)) for has, values in wanted)


def _within(facts: JobFacts, name: str, least: float | None, most: float | None) -> bool:
    value = facts.numbers.get(name)
    return value is not None and (least is None or value >= least) and (most is None or value <= most)


def _holds(match: Match, number: int, clause: Clause, forgiven: int) -> bool:
    """Whether a clause holds for an entry; how often it does in which field is kept, where it counts for the score."""
    if isinstance(clause, Range):
        return _within(match.job.facts, clause.field, clause.least, clause.most)
    typos = allowed(clause, forgiven)
    counts = {(number, name): _count(values, clause, typos) for name, values in _fields(match, clause).items()}
    found = {key: count for key, count in counts.items() if count}
    if number >= 0:
        match.counts |= found
    return bool(found)


def _fields(match: Match, clause: Words) -> dict[str, Values]:
    if clause.field is None:
        return dict(match.entry.words)
    if clause.field in match.job.shared:
        return {clause.field: match.job.shared[clause.field]}
    return {clause.field: match.entry.words.get(clause.field, ())}


def _count(values: Values, clause: Words, typos: int) -> float:
    if len(clause.tokens) > 1 or clause.prefix:
        return sum(stands(value, clause.tokens, 1 if clause.prefix else 0) for value in values)
    wanted, exact = clause.tokens[0], sum(value.count(clause.tokens[0]) for value in values)
    if not typos or exact:
        return exact
    return sum(_TYPO_WORTH for value in values for token in value if matches(token, wanted, typos))


def stands(value: Sequence[str], phrase: tuple[str, ...], going_on: int) -> int:
    """How often a phrase stands in a value; with `going_on` its last word may go on."""
    *firsts, last = phrase
    return sum(
        list(value[at : at + len(firsts)]) == firsts
        and (value[at + len(firsts)].startswith(last) if going_on else value[at + len(firsts)] == last)
        for at in range(len(value) - len(firsts))
    )


def _score(found: list[Match], jobs: Sequence[KnownJob], holders: Counter[tuple[int, str]]) -> None:
    """BM25 over each field, weighed by field. A field without the words adds nothing."""
    known = [entry for job in jobs for entry in job.entries]
    usual = {name: _usual_length(known, name) for name in WEIGHTS}
    for match in found:
        for key, count in match.counts.items():
            name = key[1]
            rare = math.log(1 + (len(known) - holders[key] + 0.5) / (holders[key] + 0.5))
            norm = 1 - B + B * _length(match.entry, name) / usual.get(name, 1.0)
            match.score += WEIGHTS.get(name, 1.0) * rare * count * (K1 + 1) / (count + K1 * norm)


def _usual_length(known: list[Entry], name: str) -> float:
    """The mean of those that have the field at all: that most rows have no name makes those that have one no longer."""
    lengths = [length for entry in known if (length := _length(entry, name))]
    return sum(lengths) / len(lengths) if lengths else 1.0


def _length(entry: Entry, name: str) -> int:
    return sum(map(len, entry.words.get(name, ())))
