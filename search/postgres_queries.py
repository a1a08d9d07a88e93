"""What is asked, in PostgreSQL's terms: tsqueries that are made of our own lexemes, and conditions on columns."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from search.analysis import clean
from search.entries import SHARED
from search.port import Asked, Filters
from search.postgres_rows import (
    COLOR,
    PART,
    SHARED_CODES,
    owner_lexeme,
    quoted,
    whole,
)
from search.query import NUMBERS, Clause, Range, Words

Variants = Mapping[str, Sequence[tuple[str, int]]]  # by word: words that are close to it, and by how many typos
_WEIGHTS = {"title": "A", "text": "D"}  # fields that are told by the weight of their words
_CODES = {"part": PART, "color": COLOR}


@dataclass(slots=True, kw_only=True)
class Conditions:
    """What must hold. tsqueries are texts; columns are those of jobs, as `j`."""

    owner: str
    entry: list[str] = field(default_factory=list)  # tsqueries on an entry's words
    job: list[str] = field(default_factory=list)  # tsqueries on a job's facts
    both: list[str] = field(default_factory=list)  # tsqueries that fit a job's facts where they fit its entries' words
    own_never: list[str] = field(default_factory=list)  # tsqueries that no words of an entry may fit
    columns: list[str] = field(default_factory=list)
    values: dict[str, Any] = field(default_factory=dict)
    alone: bool = False  # most entries are the owner's: then the index need not be asked for the owner's as well

    @property
    def entry_query(self) -> str:
        nevers = [f"!{never}" for never in self.own_never]
        told = [*self.entry, *self.both, *nevers]
        return conjunction(
            told if self.alone and len(told) > len(nevers) else [*told, quoted(owner_lexeme(self.owner))]
        )

    @property
    def job_query(self) -> str:
        return conjunction([*self.job, *self.both, quoted(owner_lexeme(self.owner))])

    @property
    def narrows_jobs(self) -> bool:
        """Whether more is asked of the job than its entries say."""
        return bool(self.job or self.columns)

    def add(self, name: str, value: Any) -> str:
        """Take a value along; returns how a condition names it."""
        key = f"v{len(self.values)}_{name}"
        self.values[key] = value
        return f":{key}"


def conditions(asked: Asked, variants: Variants) -> Conditions:
    """All that a question says but its order and its page."""
    made = Conditions(owner=asked.owner)
    for clause in asked.query.must:
        _must(made, clause, variants)
    for clause in asked.query.never:
        if isinstance(clause, Range):
            made.columns.append(f"NOT coalesce({_within(made, clause.field, clause.least, clause.most)}, false)")
        elif clause.field in SHARED:
            made.job.append(f"!{tsquery(clause, {})}")
        else:
            made.own_never.append(tsquery(clause, {}))
    _filter(made, asked.filters)
    return made


def tsquery(clause: Words, variants: Variants) -> str:
    """One clause; with words that are close to its word, any of them."""
    if len(clause.tokens) == 1 and not clause.prefix:
        words = [clause.tokens[0], *(word for word, _typos in variants.get(clause.tokens[0], ()))]
        return disjunction(term(clause, word) for word in words)
    *firsts, last = clause.tokens
    pieces = [term(clause, word) for word in firsts] + [term(clause, last, prefix=clause.prefix)]
    return f"({' <-> '.join(pieces)})"


def term(clause: Words, word: str, *, prefix: bool = False) -> str:
    """A word in the field of its clause."""
    name = clause.field or ""
    lexeme = SHARED_CODES.get(name, _CODES.get(name, "")) + word
    flags = ("*" if prefix else "") + _WEIGHTS.get(name, "")
    return quoted(lexeme) + (f":{flags}" if flags else "")


def conjunction(queries: Iterable[str]) -> str:
    """All of them."""
    return " & ".join(f"({query})" if "|" in query else query for query in queries)


def disjunction(queries: Iterable[str]) -> str:
    """Any of them."""
    found = list(dict.fromkeys(queries))
    return found[0] if len(found) == 1 else f"({' | '.join(found)})"


def _must(made: Conditions, clause: Clause, variants: Variants) -> None:
    if isinstance(clause, Range):
        made.columns.append(_within(made, clause.field, clause.least, clause.most))
    elif clause.field in SHARED:
        made.job.append(tsquery(clause, variants))
    else:
        made.entry.append(tsquery(clause, variants))


def _within(made: Conditions, name: str, least: float | None, most: float | None) -> str:
    column = f"j.n_{name}"
    told = [f"{column} IS NOT NULL"]
    if least is not None:
        told.append(f"{column} >= {made.add(name, least)}")
    if most is not None:
        told.append(f"{column} <= {made.add(name, most)}")
    return f"({' AND '.join(told)})"


def _filter(made: Conditions, filters: Filters) -> None:
    any_of = {"kind": filters.kinds, "pipeline": filters.pipelines}
    both = [disjunction(quoted(whole(name, one)) for one in values) for name, values in any_of.items() if values]
    both += [quoted(whole("tag", tag)) for tag in filters.tags]
    made.both += both
    made.entry += [
        disjunction(quoted(whole(name, one)) for one in values)
        for name, values in {"color": filters.colors, "part": filters.parts}.items()
        if values
    ]
    if filters.statuses:
        made.job.append(disjunction(quoted(whole("status", one)) for one in filters.statuses))
    if filters.created_from is not None:
        made.columns.append(f"j.created >= {made.add('from', round(filters.created_from.timestamp() * 1_000_000))}")
    if filters.created_to is not None:
        made.columns.append(f"j.created < {made.add('to', round(filters.created_to.timestamp() * 1_000_000))}")
    if filters.job_ids is not None:
        ids = [one for one in filters.job_ids if clean(one) == one]
        made.columns.append(f"j.job_id = ANY({made.add('ids', ids)})")
    made.columns += [_within(made, name, *bounds) for name, bounds in filters.ranges.items() if name in NUMBERS]
