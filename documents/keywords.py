"""What a document is about: words and pairs of words that come often, early and in its headings, and its part numbers."""

import re
from collections.abc import Iterable, Sequence
from typing import Any

from documents import part_numbers, stop_words
from documents.sentences import CJK

MAX_KEYWORDS = 20
MAX_PART_NUMBERS = 200  # that are listed
MAX_PAGES = 20  # that are listed for one of them
_MAX_TERMS = 40_000  # that are counted at a time; of more the rarer half is forgotten
_SHORTEST, _LONGEST = 3, 40  # characters of a keyword's word
_EARLY, _TITLE, _PAIR = 1.25, 2.0, 1.6  # what counts more: on the first page, in the outline, two words
_COVERED = 1.5  # a word that comes hardly more often than a pair with it says nothing new
_LONG_TEXT = 200  # words from which on a keyword must come twice

_TOKEN = re.compile(rf"[{CJK}]+|[^\W_]+(?:['\u2019&./-][^\W_]+)*")
_CJK_RUN = re.compile(r"[\u30a0-\u30ff]{2,12}|[\u4e00-\u9fff]{2,6}")
_IS_CJK = re.compile(f"[{CJK}]")
_AROUND = re.compile(r"[+\-.,/\\$€£#%‰°@=*\d]")  # next to a number: a price, a telephone number, a share, a path
_PHONE = re.compile(r"(?:\+|\b00|\(0|\btel|\bfax|\bphone|\bmobil)[^a-z\n]{0,24}$", re.IGNORECASE)


class _Term:
    """How often something comes, and where."""

    __slots__ = ("count", "early", "pages", "shown")

    def __init__(self, shown: str, *, early: bool) -> None:
        self.shown = shown
        self.count = 0
        self.early = early
        self.pages: list[int] = []

    def on(self, page: int) -> None:
        """Counts it once more."""
        self.count += 1
        if len(self.pages) < MAX_PAGES and (not self.pages or self.pages[-1] != page):
            self.pages.append(page)


class _Terms(dict[str, _Term]):
    """Terms by their folded form, bounded: what comes often stays, whatever the text."""

    forgotten = False

    def count(self, shown: str, *, page: int, early: bool) -> None:
        """Counts one occurrence."""
        key = shown.casefold()
        term = self.get(key)
        if term is None:
            if len(self) >= _MAX_TERMS:
                self._forget()
            term = self[key] = _Term(shown, early=early)
        elif term.shown != shown and shown.islower():
            term.shown = shown  # not the form that a sentence begins with
        term.on(page)

    def _forget(self) -> None:
        self.forgotten = True
        rarer = sorted(self.items(), key=lambda item: item[1].count)[: _MAX_TERMS // 2]
        for key, _ in rarer:
            del self[key]


class Keywords:
    """Counts words, pairs and part numbers of a document, page by page."""

    def __init__(self) -> None:
        self.words = 0
        self._terms = _Terms()
        self._parts = _Terms()
        self._first: int | None = None

    def add(self, text: str, *, page: int, language: str | None, apart: Sequence[tuple[int, int]] = ()) -> None:
        """Counts a page's text in `language`; `apart` are spans that are neither words nor numbers: dates."""
        self._first = page if self._first is None else self._first
        early = page == self._first
        small = stop_words.WORDS.get(language or "", frozenset())
        spans = iter([*apart, (len(text) + 1, len(text) + 1)])
        span = next(spans)
        before, before_end = "", -1
        for match in _TOKEN.finditer(text):
            start, end = match.span()
            self.words += 1
            while span[1] <= start:
                span = next(spans)
            if end - start > _LONGEST or start >= span[0]:
                continue
            word = match[0]
            if any(char.isdigit() for char in word):
                self._number(text, word, start=start, end=end, page=page, early=early)
            elif _IS_CJK.match(word):
                for run in _CJK_RUN.findall(word):
                    self._terms.count(run, page=page, early=early)
            elif _is_term(word, small):
                self._terms.count(word, page=page, early=early)
                if before_end == start - 1 and text[before_end] in " \u00a0\n":
                    self._terms.count(f"{before} {word}", page=page, early=early)
                before, before_end = word, end

    def keywords(self, *, languages: Iterable[str] = (), titles: Iterable[str] = ()) -> list[dict[str, Any]]:
        """The best `MAX_KEYWORDS`: `keyword`, `count` and the `pages` that have it, the first `MAX_PAGES` of them.

        Small words of all the document's `languages` are left out: a page may hold more than the one it counts to.
        """
        small = frozenset[str]().union(*(stop_words.WORDS.get(language, frozenset()) for language in languages))
        titled = {word.casefold() for title in titles for word in _TOKEN.findall(title)}
        least = 2 if self.words >= _LONG_TEXT else 1  # pairs always come twice: any two words stand together once
        scored = {
            key: _score(key, term, titled)
            for key, term in self._terms.items()
            if term.count >= (2 if " " in key else least) and small.isdisjoint(key.split(" "))
        }
        best = sorted(scored, key=lambda key: (-scored[key], key))
        taken: list[str] = []
        for key in best[: MAX_KEYWORDS * 10]:
            if not self._says_nothing_new(key, taken):
                taken.append(key)
        return [
            {"keyword": term.shown, "count": term.count, "pages": term.pages}
            for term in (self._terms[key] for key in taken[:MAX_KEYWORDS])
        ]

    def part_numbers(self) -> list[dict[str, Any]]:
        """The `MAX_PART_NUMBERS` that come most often: `number`, `count` and `pages` as keywords have them."""
        best = sorted(self._parts.items(), key=lambda item: (-item[1].count, item[0]))
        return [{"number": term.shown, "count": term.count, "pages": term.pages} for _, term in best[:MAX_PART_NUMBERS]]

    def left_out(self) -> int:
        """Part numbers that are not listed, as far as they were counted."""
        return max(0, len(self._parts) - MAX_PART_NUMBERS)

    def _number(self, text: str, word: str, *, start: int, end: int, page: int, early: bool) -> None:
        if not part_numbers.is_part_number(word):
            return
        if word.isdigit():
            before, behind = text[start - 1 : start], text[end : end + 2]
            if _AROUND.match(before) or (behind and _AROUND.match(behind[0]) and not _ends_here(behind)):
                return
            if _PHONE.search(text[max(0, start - 32) : start]):
                return
        self._parts.count(word, page=page, early=early)

    def _says_nothing_new(self, key: str, taken: Sequence[str]) -> bool:
        """Whether a pair with this word, or a word of this pair, is taken already and comes about as often."""
        mine = set(key.split(" "))
        for other in taken:
            theirs = set(other.split(" "))
            if mine < theirs and self._terms[key].count <= _COVERED * self._terms[other].count:
                return True
            if key.removesuffix("s") == other.removesuffix("s"):
                return True
        return False


def _ends_here(behind: str) -> bool:
    """Whether the mark behind a number ends its clause: `3001.` and `3001, 3002`."""
    return behind[0] in ".," and not behind[1:].isdigit()


def _is_term(word: str, small: frozenset[str]) -> bool:
    return len(word) >= _SHORTEST and word.lower().replace("\u2019", "'") not in small and any(map(str.isalpha, word))


def _score(key: str, term: _Term, titled: set[str]) -> float:
    words = key.split(" ")
    score = float(term.count)
    if len(words) > 1:
        score *= _PAIR
    if term.early:
        score *= _EARLY
    if titled and all(word in titled for word in words):
        score *= _TITLE
    return score
