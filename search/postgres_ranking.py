"""BM25 in PostgreSQL, from what a tsvector knows.

`ts_rank` of one word sums 1/1 + 1/4 + 1/9 + ... over the places where it stands, and divides by the limit Z of that sum. So
for n places 1 - rank is about 1 / (Z (n + 0.6)), and n is about rank / (Z (1 - rank)): how often a word stands in an entry
can be told, by weights, without looking through the vector in our own code. How rare it is, and how long entries are, comes
from tables that each write keeps right.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from search.entries import SHARED, WEIGHTS
from search.postgres_queries import Conditions, Variants, disjunction, term
from search.postgres_words import Sums
from search.query import Clause, Words

K1, B = 1.2, 0.75
_Z = math.pi**2 / 6
_TYPO_WORTH = 0.2  # of the word without typos
_HEADS, _BODIES = "'{0,0,1,1}'", "'{1,1,0,0}'"  # for ts_rank: which of the weights D, C, B, A count
_PARTS = {"title": (_HEADS,), "part": (_HEADS,), "text": (_BODIES,), "color": (_BODIES,)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Rarity:
    """How common words are, for one owner."""

    sums: Sums
    entries: Mapping[str, int]  # by word
    beginnings: Mapping[str, int]  # by prefix

    def worth(self, entries: int) -> float:
        """What a word counts that stands in so many entries."""
        held = min(max(entries, 0), self.sums.entries)
        return math.log(1 + (self.sums.entries - held + 0.5) / (held + 0.5))


def score(made: Conditions, clauses: Sequence[Clause], variants: Variants, rarity: Rarity) -> str:
    """How well an entry `e` fits, as an expression; `0` where no word says so."""
    found = [
        one
        for clause in clauses
        if isinstance(clause, Words) and clause.field not in SHARED
        for one in _of_clause(made, clause, variants, rarity)
    ]
    return f"CAST({' + '.join(found) or '0'} AS float8)"


def job_score(made: Conditions, clauses: Sequence[Clause], variants: Variants) -> str:
    """The same for a job `j`, which is asked for words in fields of its own."""
    found = []
    for clause in clauses:
        if isinstance(clause, Words) and clause.field in SHARED:
            any_word = disjunction(term(clause, word, prefix=clause.prefix) for word in _words(clause, variants))
            found.append(f"ts_rank(j.facts, CAST({made.add('rank', any_word)} AS tsquery))")
    return f"CAST({' + '.join(found) or '0'} AS float8)"


def most(clauses: Sequence[Clause], variants: Variants, rarity: Rarity) -> int:
    """How many entries can fit at most, as far as words say."""
    bounds = [rarity.sums.entries]
    for clause in clauses:
        if isinstance(clause, Words) and clause.field not in SHARED:
            *firsts, last = clause.tokens
            ends = rarity.beginnings.get(last, 0) if clause.prefix else _held(rarity, last, variants)
            bounds += [ends, *(rarity.entries.get(word, 0) for word in firsts)]
    return min(bounds)


def _words(clause: Words, variants: Variants) -> list[str]:
    if len(clause.tokens) > 1 or clause.prefix:
        return list(clause.tokens)
    return [clause.tokens[0], *(word for word, _typos in variants.get(clause.tokens[0], ()))]


def _held(rarity: Rarity, word: str, variants: Variants) -> int:
    close = (other for other, _typos in variants.get(word, ()))
    return sum(rarity.entries.get(one, 0) for one in (word, *close))


def _of_clause(made: Conditions, clause: Words, variants: Variants, rarity: Rarity) -> list[str]:
    plain = Words(tokens=clause.tokens, field=clause.field if clause.field in ("part", "color") else None)
    *firsts, last = clause.tokens
    found = [_of_word(made, clause, term(plain, word), rarity, rarity.entries.get(word, 0)) for word in firsts]
    if clause.prefix:
        return [*found, _of_word(made, clause, term(plain, last, prefix=True), rarity, rarity.beginnings.get(last, 0))]
    held = _held(rarity, last, variants) if not firsts else rarity.entries.get(last, 0)
    exact = _of_word(made, clause, term(plain, last), rarity, held)
    close = [term(plain, word) for word, _typos in variants.get(last, ())] if not firsts else []
    if close:
        near = _of_word(made, clause, disjunction(close), rarity, held)
        exact = f"greatest({exact}, {_TYPO_WORTH} * {near})"
    return [*found, exact]


def _of_word(made: Conditions, clause: Words, query: str, rarity: Rarity, held: int) -> str:
    """BM25 of one word, over heads and bodies."""
    named = f"CAST({made.add('rank', query)} AS tsquery)"
    pieces = []
    for weights in _PARTS.get(clause.field or "", (_HEADS, _BODIES)):
        head = weights == _HEADS
        usual = rarity.sums.usual_heads if head else rarity.sums.usual_bodies
        length = f"{1 - B} + {B / usual:.9f} * {'e.heads' if head else 'e.bodies'}"
        often = f"1 / nullif(ts_rank({weights}, e.words, {named}), 0) - 1"
        pieces.append(
            f"{WEIGHTS['title' if head else 'text']} * coalesce({K1 + 1} / (1 + {K1 * _Z:.9f} * ({length}) * ({often})), 0)"
        )
    return f"{rarity.worth(held):.9f} * ({' + '.join(pieces)})"
