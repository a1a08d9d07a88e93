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


class Wanted:
    """All that a question says, in the engine's terms: whose, in which reach, which words, which filters.

    Something holds of whatever is found: what asks for no words asks for jobs or for places alone.
    """

    def __init__(self, searcher: "Searcher", asked: Asked, forgiven: int, *, in_vain: int = 0) -> None:
        """`forgiven`: typos at most in a word; `in_vain`: with so many nothing was found."""
        self._searcher = searcher
        self._must = whose(searcher, asked.owner)
        if (kind := _SCOPES.get(scope(asked))) is not None:
            self._must.append(unscored(term(EXACT, kind)))
        self._must += map(unscored, _filters(asked.filters))
        most = [_typos(searcher, asked.owner, clause, forgiven) for clause in asked.query.must]
        # Where one word alone may have typos, it has more than were looked for in vain: that leaves out a walk.
        least = 1 + in_vain if len(most) - most.count(0) == 1 else 1
        self._clauses = [(one, range(least, n + 1)) for one, n in zip(asked.query.must, most, strict=True)]
        self._never = [_clause(clause) for clause in asked.query.never]
        self.is_scored = is_scored(asked)
        words = [clause.tokens for clause in asked.query.must if isinstance(clause, Words)]
        self.is_one_word = len(asked.query.must) == 1 == sum(map(len, words)) and not (self._must or self._never)

    def query(self, *, within: str | None = None) -> "Query":
        """What is found; `within`: in documents that have this in `EXACT`."""
        chosen = unscored(term(EXACT, within)) if within is not None else None
        must = [*self._must, *(_clause(clause, typos, chosen) for clause, typos in self._clauses)]
        if chosen is not None and not self.is_scored:
            must.append(chosen)
        # A query that stands alone may leave out, block by block, what can't be among the best.
        return must[0] if len(must) == 1 and not self._never else every(must, never=self._never)

    def firsts(self) -> "Firsts | None":
        """Those whose names have what is asked for, where all of them fit better than all others; None: it depends.

        That holds of one word's beginning, or of a word that nobody has as it was typed: then a name counts as three.
        """
        if len(self._clauses) != 1:
            return None
        ((clause, typos),) = self._clauses
        if not isinstance(clause, Words) or clause.field is not None or len(clause.tokens) > 1:
            return None
        if not clause.prefix and (typos != range(1, 2) or _held(self._searcher, clause)):
            return None
        return Firsts(clause, typos, must=self._must, never=self._never)

    def most(self) -> int | None:
        """About so many documents have it, or fewer; None: there is no telling before one has looked."""
        words = [clause for clause, typos in self._clauses if isinstance(clause, Words) and not typos]
        known = [_held(self._searcher, clause) for clause in words]
        return min((number for number in known if number is not None), default=None)


class Firsts:
    """See `Wanted.firsts`."""

    def __init__(self, clause: Words, typos: range, *, must: list["Query"], never: list["Query"]) -> None:
        self._clause, self._typos = clause, typos
        self._must, self._never = must, never

    def query(self, *, within: str | None = None) -> "Query":
        """As `Wanted.query`."""
        chosen = unscored(term(EXACT, within)) if within is not None else None
        found, *others = (either(_in_field(field, self._clause, self._typos, chosen)) for field in _ANYWHERE)
        for other in others:  # one by one: each is asked of what is found alone, while two together are gone through
            found = every([found], better=[other])
        return every([*self._must, found], never=self._never) if self._must or self._never else found


def _held(searcher: "Searcher", clause: Words) -> int | None:
    """About how many documents have a clause's words, or fewer: as many as in the field that has most."""
    if clause.prefix and not _is_listed(clause):
        return None
    fields, freq = _fields(clause), searcher.doc_freq
    if clause.prefix:
        return max(freq(BEGINNINGS[field], clause.tokens[0]) for field in fields)
    return min(max(freq(field, word) for field in fields) for word in clause.tokens)


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


def _is_listed(clause: Words) -> bool:
    return len(clause.tokens[0]) in BEGUN and all(field in BEGINNINGS for field in _fields(clause))


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

    kind = FieldType.Integer if field in {CREATED, ORDINAL} else FieldType.Unsigned
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


def _clause(clause: Clause, typos: range = range(0), chosen: "Query | None" = None) -> "Query":
    """`chosen`: what must hold as well. It is asked of each field: lists are quicker to compare than what was put together."""
    if isinstance(clause, Range):
        return unscored(between(clause.field, clause.least, clause.most))
    return either([one for field in _fields(clause) for one in _in_field(field, clause, typos, chosen)])


def _in_field(field: str, clause: Words, typos: range, chosen: "Query | None") -> list["Query"]:
    found = _ways(field, clause, typos)
    return found if chosen is None else [every([one, chosen]) for one in found]


def _ways(field: str, clause: Words, typos: range) -> list["Query"]:
    """How the field may have it: as it was typed, and with typos."""
    from tantivy import Query

    weight, words = _WEIGHTS.get(field, 1.0), clause.tokens
    if clause.prefix:
        return [Query.const_score_query(goes_on(field, words), weight)]
    if len(words) > 1:
        return [Query.boost_query(_phrase(field, words), weight)]
    found = [Query.boost_query(term(field, words[0]), weight)]
    for distance in typos:
        near = Query.fuzzy_term_query(schema(), field, words[0], distance=distance)
        found.append(Query.const_score_query(near, weight * _TYPO_WORTH[distance]))
    return found


def _phrase(field: str, words: Sequence[str]) -> "Query":
    from tantivy import Query

    if field in PAIRED and len(words) in PAIRS:
        return term(PAIRED[field], paired(words))
    return Query.phrase_query(schema(), field, list(words))


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
