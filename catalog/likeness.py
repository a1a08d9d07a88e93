"""What an unknown part number may have been meant to be: numbers that look like it, ranked by digits, distance and the row's name.

Likeness alone never names a part: of all numbers one slip away from 4073, none is the part that BrickLink calls so.
"""

import re
from functools import cached_property
from typing import NamedTuple

from catalog.port import Catalog
from catalog.suffixes import digits_of

MAX_SEARCHES = 200  # different unknown numbers that are searched for; each costs a few milliseconds
SUGGESTIONS = 3
_CANDIDATES = 40  # the nearest numbers that are looked at more closely
_SHORT, _LONG = 3, 24  # characters; what is shorter resembles everything, what is longer is no part number
_WORD = re.compile(r"[a-z0-9]+")
_MAX_NAME = 300  # characters of a name that are compared


class Like(NamedTuple):
    """A part number that resembles another."""

    part_num: str  # as the catalog spells it
    distance: int  # letters to change
    overlap: float  # how much of the names' words agree, 0 to 1; 0 where the row has no name


def words_of(name: str | None) -> frozenset[str]:
    """The words of a part's name, lower case."""
    return frozenset(_WORD.findall(name[:_MAX_NAME].lower())) if name else frozenset()


def overlap(first: frozenset[str], second: frozenset[str]) -> float:
    """How much of two names' words agree: 1 for the same words, 0 for none."""
    both = len(first & second)
    return both / (len(first) + len(second) - both) if both else 0.0


class Likeness:
    """Searches a catalog's part numbers by edit distance, for a bounded number of unknown ones."""

    def __init__(self, catalog: Catalog, *, searches: int = MAX_SEARCHES) -> None:
        self._catalog = catalog
        self._searches = searches
        self._near: dict[
            str, tuple[tuple[str, int], ...]
        ] = {}  # unknown number -> (part number, distance), nearest first
        self.capped = False  # a number was left unsearched, since the cap was reached

    def alike(self, number: str, *, name: str | None) -> tuple[Like, ...]:
        """The parts whose number resembles `number`, best first; empty once the cap is reached."""
        near = self._near.get(number)
        if near is None:
            if not _SHORT <= len(number) <= _LONG:
                return ()
            if len(self._near) >= self._searches:
                self.capped = True
                return ()
            near = self._near[number] = self._search(number)
        said, digits = words_of(name), digits_of(number)
        ranked = sorted(near, key=lambda pair: (digits_of(pair[0]) != digits, pair[1], len(pair[0]), pair[0]))
        if not said:  # nothing but names could change that order
            ranked = ranked[:SUGGESTIONS]
        found = []
        for place, (part_num, distance) in enumerate(ranked):
            part = self._catalog.part(part_num)
            if part:
                like = Like(part.part_num, distance, overlap(said, words_of(part.name)))
                found.append((digits_of(part_num) != digits, distance - 2 * like.overlap, place, like))
        return tuple(like for *_, like in sorted(found))

    def _search(self, number: str) -> tuple[tuple[str, int], ...]:
        from rapidfuzz import process
        from rapidfuzz.distance import Levenshtein

        allowed = 1 if len(number) <= 4 else 2
        near: list[tuple[str, int]] = []
        for length in range(len(number) - allowed, len(number) + allowed + 1):
            candidates = self._by_length.get(length, ())
            found = process.extract(
                number, candidates, scorer=Levenshtein.distance, score_cutoff=allowed, limit=_CANDIDATES
            )
            near += [(text, int(distance)) for text, distance, _ in found]
        return tuple(sorted(near, key=lambda pair: (pair[1], pair[0]))[:_CANDIDATES])

    @cached_property
    def _by_length(self) -> dict[int, list[str]]:
        """The catalog's numbers by their length: numbers of very different lengths need not be compared."""
        found: dict[int, list[str]] = {}
        for part_num in self._catalog.part_nums():
            found.setdefault(len(part_num), []).append(part_num)
        return found
