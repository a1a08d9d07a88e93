"""Which words the tantivy index has, each in a small document of its own: what a word with typos may mean.

To walk a dictionary for all that is like a word takes long, and each field has one in each segment, with nearly the same
words. Here each word stands once in all of them together; those found are then looked up like words that were typed right.
Words that no document has any more stay until the index is made anew: they are looked up in vain.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from search.tantivy_schema import (
    A_WORD,
    BY_NAME,
    CREATED,
    EXACT,
    JOB_HIGH,
    JOB_LOW,
    KNOWN,
    ORDINAL,
    SPREAD,
    STORED,
    facet,
    schema,
)
from search.tantivy_view import stored

if TYPE_CHECKING:
    from tantivy import Document, Searcher

CLOSE = 64  # words at most that are looked up one by one
_SHORTEST, _LONGEST = 3, 22  # letters; see `may_be_meant`
_OF_ALL = ("kind", "pipeline", "status")  # facets that every job has one value of
_REMEMBERED = 100_000  # words that a writer need not look up again


def may_be_meant(word: str) -> bool:
    """Whether it can be a word with typos put right; `analysis.edits` tells what those may be typed in.

    None in three letters or fewer, nor in what is longer than 20 and has more than letters, and two at most.
    """
    if len(word) <= _LONGEST:
        return len(word) >= _SHORTEST
    return sum(not letter.isalpha() for letter in word) <= 2


class Vocabulary:
    """What a writer knows of it. For one thread."""

    def __init__(self) -> None:
        self._known: set[str] = set()

    def new(self, searcher: "Searcher", words: Iterable[str]) -> list[str]:
        """Those that stand in no document yet; tell `learned` once they do."""
        asked = {word for word in words if word not in self._known and may_be_meant(word)}
        found = sorted(word for word in asked if not searcher.doc_freq(KNOWN, word))
        self.learned(asked.difference(found))
        return found

    def learned(self, words: Iterable[str]) -> None:
        """They are in the index, for good."""
        if len(self._known) > _REMEMBERED:
            self._known.clear()
        self._known.update(words)


def word_document(word: str) -> "Document":
    """A word's own. It has a value in each column that all others have: one with gaps is slower to read."""
    from tantivy import Document

    made = Document()
    made.add_text(KNOWN, word)
    made.add_text(EXACT, A_WORD)
    made.add_bytes(STORED, word.encode())
    for field in (BY_NAME, *map(facet, _OF_ALL)):
        made.add_text(field, "")
    for field in (JOB_HIGH, JOB_LOW):
        made.add_unsigned(field, 0)
    for field in (CREATED, ORDINAL):
        made.add_integer(field, 0)
    made.add_float(SPREAD, 0.0)
    return made


def close_words(searcher: "Searcher", word: str, typos: int) -> tuple[str, ...] | None:
    """All words with so many typos at most between them and this one, itself among them; None: more than `CLOSE`."""
    from tantivy import Query

    near = Query.fuzzy_term_query(schema(), KNOWN, word, distance=typos)
    found = searcher.search(near, limit=CLOSE + 1, count=False).hits
    if len(found) > CLOSE:
        return None
    return tuple(stored(searcher, address).decode() for _score, address in found)
