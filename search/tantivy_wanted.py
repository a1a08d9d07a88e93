"""One question to the tantivy index: what is looked for, in all of it or in a sample, and what of that decides the first page.

`Firsts` are what search engines call MaxScore: where the best names score more than any text can, texts need no look.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from search.port import Asked
from search.query import Clause, Words, allowed
from search.questions import Scope, scope
from search.tantivy_queries import (
    ANYWHERE,
    FIELD_WEIGHTS,
    Near,
    clause_query,
    either,
    every,
    fields_of,
    filters_query,
    in_field,
    term,
    unscored,
    whose,
)
from search.tantivy_schema import A_JOB, A_PLACE, BEGINNINGS, BEGUN, EXACT, OWNER
from search.tantivy_view import count

if TYPE_CHECKING:
    from tantivy import Query, Searcher

COMMON = 10_000  # places of the owner's that have a word: then it is taken as it was typed
MANY_HITS = 20_000  # documents, perhaps: worth two looks, and a second thread
_SCOPES = {Scope.JOBS: A_JOB, Scope.PLACES: A_PLACE}

Known = Callable[[str, int], Sequence[str] | None]


def _unknown(_word: str, _typos: int) -> None:
    """There is no list of words."""


class Wanted:
    """All that a question says, in the engine's terms: whose, in which reach, which words, which filters.

    Something holds of whatever is found: what asks for no words asks for jobs or for places alone.
    """

    def __init__(
        self, searcher: "Searcher", asked: Asked, forgiven: int, *, known: Known = _unknown, in_vain: int = 0
    ) -> None:
        """`forgiven`: typos at most in a word; `in_vain`: with so many nothing was found.

        `known`: which words are close to one, with so many typos at most; it says None where there is no telling.
        """
        self._searcher = searcher
        self._must = whose(searcher, asked.owner)
        if (kind := _SCOPES.get(scope(asked))) is not None:
            self._must.append(unscored(term(EXACT, kind)))
        self._must += map(unscored, filters_query(asked.filters))
        most = [_typos(searcher, asked.owner, clause, forgiven) for clause in asked.query.must]
        # Where one word alone may have typos, it has more than were looked for in vain: that leaves out a walk.
        least = 1 + in_vain if len(most) - most.count(0) == 1 else 1
        self._clauses = [
            (one, _near(searcher, known, one, range(least, n + 1)))
            for one, n in zip(asked.query.must, most, strict=True)
        ]
        self._never = [clause_query(clause) for clause in asked.query.never]
        self.is_scored = is_scored(asked)
        words = [clause.tokens for clause in asked.query.must if isinstance(clause, Words)]
        self.is_one_word = len(asked.query.must) == 1 == sum(map(len, words)) and not (self._must or self._never)

    def query(self, *, within: str | None = None) -> "Query":
        """What is found; `within`: in documents that have this in `EXACT`."""
        chosen = unscored(term(EXACT, within)) if within is not None else None
        must = [*self._must, *(clause_query(clause, near, chosen) for clause, near in self._clauses)]
        if chosen is not None and not self.is_scored:
            must.append(chosen)
        # A query that stands alone may leave out, block by block, what can't be among the best.
        return must[0] if len(must) == 1 and not self._never else every(must, never=self._never)

    def firsts(self) -> "Firsts | None":
        """Those whose names have the one word that is asked for; None where that decides nothing, or helps nothing."""
        most = self.most()
        if len(self._clauses) != 1 or (most is not None and most < MANY_HITS):
            return None
        ((clause, near),) = self._clauses
        if not isinstance(clause, Words) or clause.field is not None or len(clause.tokens) > 1:
            return None
        least = self._most_elsewhere(clause, near)
        if least is None:
            return None
        return Firsts(clause, near, must=self._must, never=self._never, least=least)

    def _most_elsewhere(self, clause: Words, near: Near) -> float | None:
        """No document's score is larger that has a word, but not in its name; None: as many have it there as elsewhere."""
        name, *others = ANYWHERE
        held = {field: self._searcher.doc_freq(field, clause.tokens[0]) for field in ANYWHERE}
        if clause.prefix or ([typos for typos, _meant in near] == [1] and not any(held.values())):
            return sum(FIELD_WEIGHTS[field] for field in others)  # it counts as much, however often a field has it
        if near or held[name] * 2 > max(held.values()):
            return None
        everything = sum(self._searcher.doc_freq(EXACT, kind) for kind in (A_JOB, A_PLACE))  # deleted ones as well
        return sum(_most_worth(held[field], everything) * FIELD_WEIGHTS[field] for field in others)

    def most(self) -> int | None:
        """About so many documents have it, or fewer; None: there is no telling before one has looked."""
        known = [
            _held_near(self._searcher, near) if near else _held(self._searcher, clause)
            for clause, near in self._clauses
            if isinstance(clause, Words)
        ]
        return min((number for number in known if number is not None), default=None)


class Firsts:
    """What has a word in its name. All of it that scores more than `least` fits better than whatever has it elsewhere."""

    def __init__(self, clause: Words, near: Near, *, must: list["Query"], never: list["Query"], least: float) -> None:
        self._clause, self._near = clause, near
        self._must, self._never = must, never
        self.least = least

    def query(self, *, within: str | None = None) -> "Query":
        """As `Wanted.query`."""
        chosen = unscored(term(EXACT, within)) if within is not None else None
        found, *others = (either(in_field(field, self._clause, self._near, chosen)) for field in ANYWHERE)
        for other in others:  # one by one: each is asked of what is found alone, while two together are gone through
            found = every([found], better=[other])
        return every([*self._must, found], never=self._never) if self._must or self._never else found


def lacks_a_word(searcher: "Searcher", asked: Asked) -> bool:
    """Whether the owner has nowhere one of the words that two typos may be in."""
    long = [clause for clause in asked.query.must if allowed(clause, 2) == 2]
    return any(not count(searcher, every([*whose(searcher, asked.owner), clause_query(one)])) for one in long)


def is_scored(asked: Asked) -> bool:
    """Whether some hits fit better than others: there are words."""
    return any(isinstance(clause, Words) for clause in asked.query.must)


def _most_worth(held: int, documents: int) -> float:
    """No document's score is larger for a word that so many of all have: BM25 with tantivy's `k1` of 1.2, and no end of it."""
    return 2.2 * math.log(1 + (documents - held + 0.5) / (held + 0.5)) if held else 0.0


def _held(searcher: "Searcher", clause: Words) -> int | None:
    """About how many documents have a clause's words, or fewer: as many as in the field that has most."""
    fields, freq = fields_of(clause), searcher.doc_freq
    if not clause.prefix:
        return min(max(freq(field, word) for field in fields) for word in clause.tokens)
    begun = clause.tokens[-1][: BEGUN[-1]]
    if len(begun) < BEGUN[0] or not all(field in BEGINNINGS for field in fields):
        return None
    return max(freq(BEGINNINGS[field], begun) for field in fields)


def _near(searcher: "Searcher", known: Known, clause: Clause, typos: range) -> Near:
    """What a clause's word may mean with so many typos in it."""
    found: list[tuple[int, Mapping[str, Sequence[str]] | None]] = []
    if not isinstance(clause, Words):
        return found
    for most in typos:
        words = known(clause.tokens[0], most)
        if words is None:
            found.append((most, None))
        else:
            fields = fields_of(clause)
            found.append((most, {one: [word for word in words if searcher.doc_freq(one, word)] for one in fields}))
    return found


def _held_near(searcher: "Searcher", near: Near) -> int | None:
    """About how many documents have one of these words, or fewer; None where they are not known."""
    _most, meant = near[-1]  # those with fewer typos are among them
    if meant is None:
        return None
    return max(sum(searcher.doc_freq(field, word) for word in words) for field, words in meant.items())


def _typos(searcher: "Searcher", owner: str, clause: Clause, forgiven: int) -> int:
    """How many typos a clause's word may have; none where it is common: to look for them takes long, and it is none."""
    typos = allowed(clause, forgiven)
    return 0 if typos and isinstance(clause, Words) and _is_common(searcher, owner, clause) else typos


def _is_common(searcher: "Searcher", owner: str, clause: Words) -> bool:
    """Whether at least `COMMON` of the owner's documents have the clause's word; deleted ones are in what a list holds."""
    word, fields = clause.tokens[0], fields_of(clause)
    held = max(searcher.doc_freq(field, word) for field in fields)
    if held < COMMON:
        return False
    mine = whose(searcher, owner)
    if not mine and held - (searcher.doc_freq(OWNER, owner) - searcher.num_docs) >= COMMON:
        return True  # whichever were deleted
    return count(searcher, every([*mine, unscored(either([term(field, word) for field in fields]))])) >= COMMON
