"""What is asked, in tantivy's terms. No text of a person's is ever parsed by its own query language."""

import functools
import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from search.entries import WEIGHTS
from search.port import Asked, Filters
from search.query import NUMBERS, Clause, Range, Words, allowed
from search.questions import MalformedCursor, Scope, scope
from search.tantivy_schema import (
    A_JOB,
    A_PLACE,
    BEGINNINGS,
    BEGUN,
    CREATED,
    EXACT,
    HEAD,
    JOB,
    OWNER,
    WORDS,
    column,
    exact,
    microseconds,
    schema,
)
from search.tantivy_view import count

if TYPE_CHECKING:
    from tantivy import Index, Query, Searcher

DAMAGED = "The cursor is damaged. Leave it out to begin at the first page."
_KEY = re.compile(r"[0-9a-f]{2,2000}")
_ANYWHERE = (HEAD, "text", "color")  # where a word without a field is looked for; `HEAD` has title, label and parts
_WEIGHTS = {HEAD: WEIGHTS["title"], **WEIGHTS}
COMMON = 10_000  # places of the owner's that have a word: then it is taken as it was typed
_TYPO_WORTH = {1: 1.0, 2: 0.4}  # score of a word with so many typos in it; a word that is right has more
_SCOPES = {Scope.JOBS: A_JOB, Scope.PLACES: A_PLACE}


def asked_query(searcher: "Searcher", asked: Asked, forgiven: int) -> "Query":
    """All that a question says: whose, in which reach, which words, which filters.

    Something holds of whatever is found: what asks for no words asks for jobs or for places alone.
    """
    must = whose(searcher, asked.owner)
    if (kind := _SCOPES.get(scope(asked))) is not None:
        must.append(unscored(term(EXACT, kind)))
    must += [_clause(clause, _typos(searcher, asked.owner, clause, forgiven)) for clause in asked.query.must]
    must += map(unscored, _filters(asked.filters))
    return every(must, never=[_clause(clause) for clause in asked.query.never])


def whose(searcher: "Searcher", owner: str) -> list["Query"]:
    """What keeps an answer to this owner's documents: nothing, where no document is anybody else's.

    Each document says in one word whose it is. To look at a million of them for it took as long as to find the words.
    """
    if searcher.doc_freq(OWNER, owner) >= searcher.num_docs:
        holders = searcher.terms_with_prefix(OWNER, "", limit=2)
        if [name for name, _documents in holders] == [owner]:
            return []
    return [unscored(term(OWNER, owner))]


def lacks_a_word(searcher: "Searcher", asked: Asked) -> bool:
    """Whether the owner has nowhere one of the words that two typos may be in."""
    long = [clause for clause in asked.query.must if allowed(clause, 2) == 2]
    return any(not count(searcher, every([*whose(searcher, asked.owner), _clause(one)])) for one in long)


def is_scored(asked: Asked) -> bool:
    """Whether some hits fit better than others: there are words."""
    return any(isinstance(clause, Words) for clause in asked.query.must)


def is_quick(asked: Asked, forgiven: int) -> bool:
    """Whether each word is looked up in a list of its places: to ask once more within a sample then takes next to no time.

    Phrases are compared word by word, typos and long beginnings looked for among all words, each time anew.
    """
    return all(
        isinstance(clause, Range)
        or (len(clause.tokens) == 1 and not allowed(clause, forgiven) and (not clause.prefix or _is_listed(clause)))
        for clause in asked.query.must
    )


def _is_listed(clause: Words) -> bool:
    return len(clause.tokens[0]) in BEGUN and all(field in BEGINNINGS for field in _fields(clause))


def every(must: Iterable["Query"], *, never: Iterable["Query"] = ()) -> "Query":
    """All of the first, none of the second."""
    from tantivy import Occur, Query

    clauses = [(Occur.Must, query) for query in must] + [(Occur.MustNot, query) for query in never]
    return Query.boolean_query(clauses)


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
    return Query.regex_query(schema(), field, f"{last}.*")


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
    if not _KEY.fullmatch(key):
        raise MalformedCursor(DAMAGED)
    return _language().parse_query(f"{field}:{{{key} TO *}}")


def numbered(field: str, *, least: int | None = None, most: int | None = None) -> "Query":
    """A whole number of the engine's own within bounds, both inclusive."""
    from tantivy import FieldType, Query

    kind = FieldType.Integer if field == CREATED else FieldType.Unsigned
    return Query.range_query(schema(), field, kind, lower_bound=least, upper_bound=most)


@functools.cache
def _language() -> "Index":
    from tantivy import Index

    return Index(schema())


def _typos(searcher: "Searcher", owner: str, clause: Clause, forgiven: int) -> int:
    """How many typos a clause's word may have; none where it is common: to look for them takes long, and it is none."""
    typos = allowed(clause, forgiven)
    return 0 if typos and isinstance(clause, Words) and _is_common(searcher, owner, clause) else typos


def _is_common(searcher: "Searcher", owner: str, clause: Words) -> bool:
    """Whether at least `COMMON` of the owner's documents have the clause's word; deleted ones are in what a list holds."""
    word, fields = clause.tokens[0], _fields(clause)
    held = max(searcher.doc_freq(field, word) for field in fields)
    if held < COMMON:
        return False
    mine = whose(searcher, owner)
    if not mine and held - (searcher.doc_freq(OWNER, owner) - searcher.num_docs) >= COMMON:
        return True  # whichever were deleted
    return count(searcher, every([*mine, unscored(either([term(field, word) for field in fields]))])) >= COMMON


def _fields(clause: Words) -> tuple[str, ...]:
    return _ANYWHERE if clause.field is None else (clause.field,)


def _clause(clause: Clause, typos: int = 0) -> "Query":
    if isinstance(clause, Range):
        return unscored(between(clause.field, clause.least, clause.most))
    return either([query for field in _fields(clause) for query in _in_field(field, clause, typos)])


def _in_field(field: str, clause: Words, typos: int) -> list["Query"]:
    from tantivy import Query

    weight = _WEIGHTS.get(field, 1.0)
    if clause.prefix:
        return [Query.const_score_query(goes_on(field, clause.tokens), weight)]
    if len(clause.tokens) > 1:
        return [Query.boost_query(Query.phrase_query(schema(), field, list(clause.tokens)), weight)]
    word = clause.tokens[0]
    found = [Query.boost_query(term(field, word), weight)]
    for distance in range(1, typos + 1):
        near = Query.fuzzy_term_query(schema(), field, word, distance=distance)
        found.append(Query.const_score_query(near, weight * _TYPO_WORTH[distance]))
    return found


def _filters(filters: Filters) -> list["Query"]:
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
