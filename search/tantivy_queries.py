"""What is asked, in tantivy's terms. No text of a person's is ever parsed by its own query language."""

import functools
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from search.entries import WEIGHTS
from search.port import Filters
from search.query import NUMBERS, Clause, Range, Words
from search.questions import MalformedCursor
from search.tantivy_schema import (
    BEGINNINGS,
    BEGUN,
    CREATED,
    EXACT,
    HEAD,
    JOB,
    ORDINAL,
    OWNER,
    PAIRED,
    PAIRS,
    WORDS,
    column,
    exact,
    microseconds,
    paired,
    schema,
)

if TYPE_CHECKING:
    from tantivy import Index, Query, Searcher

DAMAGED = "The cursor is damaged. Leave it out to begin at the first page."
KEY = re.compile(r"[0-9a-f]{2,2000}")  # of a name, in a cursor
ANYWHERE = (HEAD, "text", "color")  # where a word without a field is looked for; `HEAD` has title, label and parts
FIELD_WEIGHTS = {HEAD: WEIGHTS["title"], **WEIGHTS}
# What a word with typos may mean, by their number: the words that each field has; None: they are too many to be told.
Near = Sequence[tuple[int, Mapping[str, Sequence[str]] | None]]
_TYPO_WORTH = {1: 1.0, 2: 0.4}  # score of a word with so many typos in it; a word that is right has more


def whose(searcher: "Searcher", owner: str) -> list["Query"]:
    """What keeps an answer to this owner's documents: nothing, where no document is anybody else's.

    Each document says in one word whose it is. To look at a million of them for it took as long as to find the words.
    """
    if searcher.doc_freq(OWNER, owner) >= searcher.num_docs:
        holders = searcher.terms_with_prefix(OWNER, "", limit=2)
        if [name for name, _documents in holders] == [owner]:
            return []
    return [unscored(term(OWNER, owner))]


def is_listed(clause: Words) -> bool:
    """Whether the beginning that it is has a list, in each of its fields."""
    return len(clause.tokens[0]) in BEGUN and all(field in BEGINNINGS for field in fields_of(clause))


def every(must: Iterable["Query"], *, better: Iterable["Query"] = (), never: Iterable["Query"] = ()) -> "Query":
    """All of `must`, none of `never`; what has any of `better` fits better."""
    from tantivy import Occur, Query

    each = ((Occur.Must, must), (Occur.Should, better), (Occur.MustNot, never))
    return Query.boolean_query([(occur, query) for occur, queries in each for query in queries])


def either(queries: Sequence["Query"]) -> "Query":
    """At least one of them; the scores of those that hold add up."""
    from tantivy import Occur, Query

    if len(queries) == 1:
        return queries[0]
    return Query.boolean_query([(Occur.Should, query) for query in queries])


def term(field: str, value: str) -> "Query":
    """A whole value, or one word of a field that has words."""
    from tantivy import Query

    return Query.term_query(schema(), field, value, "position" if field in WORDS else "basic")


def any_of(field: str, values: Iterable[str]) -> "Query":
    """One of several whole values."""
    from tantivy import Query

    return Query.term_set_query(schema(), field, list(values))


def unscored(query: "Query") -> "Query":
    """It must hold, and says nothing about how well a hit fits."""
    from tantivy import Query

    return Query.const_score_query(query, 0.0)


def goes_on(field: str, words: Sequence[str]) -> "Query":
    """Words one after the other, the last of which may go on. Tokens are letters and digits: no pattern in them."""
    from tantivy import Query

    *firsts, last = words
    if not firsts and field in BEGINNINGS and len(last) in BEGUN:
        return term(BEGINNINGS[field], last)
    if firsts:
        return Query.regex_phrase_query(schema(), field, [*firsts, f"{last}.*"])
    return Query.fuzzy_term_query(schema(), field, last, distance=0, prefix=True)  # a pattern takes far longer to make


def between(field: str, least: float | None, most: float | None) -> "Query":
    """A number of the job within bounds, both inclusive; it must be known."""
    from tantivy import FieldType, Query

    if least is None and most is None:
        return Query.exists_query(column(field))
    return Query.range_query(schema(), column(field), FieldType.Float, lower_bound=least, upper_bound=most)


def beyond(field: str, key: str) -> "Query":
    """Sort keys behind this one.

    tantivy's Python has a range of text in its query language alone, so this one thing is written in it: `key` must be
    hexadecimal digits.
    """
    if not KEY.fullmatch(key):
        raise MalformedCursor(DAMAGED)
    return _language().parse_query(f"{field}:{{{key} TO *}}")


def numbered(field: str, *, least: int | None = None, most: int | None = None) -> "Query":
    """A whole number of the engine's own within bounds, both inclusive."""
    from tantivy import FieldType, Query

    kind = FieldType.Integer if field in {CREATED, ORDINAL} else FieldType.Unsigned
    return Query.range_query(schema(), field, kind, lower_bound=least, upper_bound=most)


@functools.cache
def _language() -> "Index":
    from tantivy import Index

    return Index(schema())


def fields_of(clause: Words) -> tuple[str, ...]:
    """Where it is looked for."""
    return ANYWHERE if clause.field is None else (clause.field,)


def clause_query(clause: Clause, near: Near = (), chosen: "Query | None" = None) -> "Query":
    """Words in any of their fields, or a number; `near`: what the word may mean, where there may be typos in it.

    `chosen`: what must hold as well. It is asked of each field: lists are quicker to compare than what was put together.
    """
    if isinstance(clause, Range):
        return unscored(between(clause.field, clause.least, clause.most))
    return either([one for field in fields_of(clause) for one in in_field(field, clause, near, chosen)])


def in_field(field: str, clause: Words, near: Near, chosen: "Query | None") -> list["Query"]:
    """How one field may have them; see `clause_query`."""
    found = _ways(field, clause, near)
    return found if chosen is None else [every([one, chosen]) for one in found]


def _ways(field: str, clause: Words, near: Near) -> list["Query"]:
    """How the field may have it: as it was typed, and with typos."""
    from tantivy import Query

    weight, words = FIELD_WEIGHTS.get(field, 1.0), clause.tokens
    if clause.prefix:
        return [Query.const_score_query(goes_on(field, words), weight)]
    if len(words) > 1:
        return [_phrase(field, words, weight)]
    found = [Query.boost_query(term(field, words[0]), weight)]
    for typos, meant in near:
        if meant is None:
            alike = Query.fuzzy_term_query(schema(), field, words[0], distance=typos)
        elif meant.get(field):
            alike = either([term(field, word) for word in meant[field]])
        else:
            continue
        found.append(Query.const_score_query(alike, weight * _TYPO_WORTH[typos]))
    return found


def _phrase(field: str, words: Sequence[str], weight: float) -> "Query":
    """A phrase is worth the sum of its words, so one that is looked up as a whole counts as many times."""
    from tantivy import Query

    if field in PAIRED and len(words) in PAIRS:
        return Query.boost_query(term(PAIRED[field], paired(words)), weight * len(words))
    return Query.boost_query(Query.phrase_query(schema(), field, list(words)), weight)


def filters_query(filters: Filters) -> list["Query"]:
    """All of them must hold."""
    either_of = {"kind": filters.kinds, "pipeline": filters.pipelines, "status": filters.statuses}
    either_of |= {"color": filters.colors, "part": filters.parts}
    found = [any_of(EXACT, (exact(field, value) for value in values)) for field, values in either_of.items() if values]
    found += [term(EXACT, exact("tag", tag)) for tag in filters.tags]
    found += [between(name, *bounds) for name, bounds in filters.ranges.items() if name in NUMBERS]
    if filters.job_ids is not None:
        found.append(any_of(JOB, filters.job_ids))
    if filters.created_from is not None or filters.created_to is not None:
        least = microseconds(filters.created_from) if filters.created_from is not None else None
        most = microseconds(filters.created_to) - 1 if filters.created_to is not None else None
        found.append(numbered(CREATED, least=least, most=most))
    return found
