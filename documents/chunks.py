"""Cuts a document's text into pieces of about 1,000 characters at its structure, each with its place and headings."""

import re
import unicodedata
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from documents import headings, sentences
from documents.headings import Mark

SIZE = 1000  # characters that a chunk has about
MIN_SIZE, MAX_SIZE = 100, 20_000  # what may be asked for
_NEAR = 400  # characters between a heading and a cut that is looked at as one right below it

_INK = re.compile(r"\S")
_PARAGRAPH = re.compile(r"\n[^\S\n]*\n")
_NO_START = (
    r"\u3001\u3002\uff0c\uff0e\uff01\uff1f\uff1a\uff1b\u300d\u300f\uff09"  # marks that begin no line in Japanese
)
_SPACE = re.compile(rf"\s|(?<=[{sentences.CJK}])(?![{_NO_START}\s])")


class Chunk(NamedTuple):
    """A piece of one page: `text == page_text[start:end]`. A tuple: a document has thousands of them."""

    number: int  # from 1, over the whole document
    page: int  # from 1
    last_page: int  # the same: a chunk never runs over two pages
    start: int  # offset of its first character within the page's text
    end: int  # offset behind its last one
    text: str  # neither begins nor ends with white space
    headings: tuple[str, ...]  # titles above it, the highest first; of the section that most of it belongs to


def chunks(
    pages: Iterable[Mapping[str, Any]], *, outline: Sequence[Mapping[str, Any]] = (), size: int = SIZE
) -> Iterator[Chunk]:
    """Chunks of half to five quarters of `size` characters, where the text allows it; pages are read one at a time.

    A page has `page` (from 1) and `text`, an entry of the outline `title`, `page` and `level`. Every character that is
    no white space is in exactly one chunk. Raises `ValueError` for a `size` outside `MIN_SIZE` to `MAX_SIZE`.
    """
    if not MIN_SIZE <= size <= MAX_SIZE:
        raise ValueError(f"A chunk has {MIN_SIZE} to {MAX_SIZE} characters, not {size}.")
    marks_of = headings.finder(outline)
    number = 0
    path: tuple[str, ...] = ()
    for page in pages:
        text, page_number = page["text"] or "", page["page"]
        marks = [Mark(0, 0, path), *marks_of(page_number, text)]
        for start, end in _Cutter(text, marks, size=size).spans():
            number += 1
            above = _most_of(marks, start, end)
            yield Chunk(number, page_number, page_number, start, end, text[start:end], above)
        path = marks[-1].path


def to_json(chunk: Chunk) -> dict[str, Any]:
    """One line of `chunks.jsonl`."""
    return chunk._asdict() | {"headings": list(chunk.headings)}


def _most_of(marks: Sequence[Mark], start: int, end: int) -> tuple[str, ...]:
    """The headings of the section that has most of the text from `start` to `end`; the first of equals.

    Not those at its start: pages open with running titles, which would count a section to the one before it.
    """
    at = max(0, bisect_right(marks, start, key=lambda mark: mark.start) - 1)
    best, most = marks[at].path, -1
    while at < len(marks) and marks[at].start < end:
        until = marks[at + 1].start if at + 1 < len(marks) else end
        if (length := min(until, end) - max(marks[at].start, start)) > most:
            best, most = marks[at].path, length
        at += 1
    return best


class _Cutter:
    """Cuts one page. A cut looks at no more than one chunk's length, so the time is linear whatever the text."""

    def __init__(self, text: str, marks: Sequence[Mark], *, size: int) -> None:
        self._text = text
        self._size, self._least, self._most = size, size // 2, size + size // 4
        self._stop = len(text.rstrip())
        lines = [mark for mark in marks if mark.end > mark.start]
        self._starts = [mark.start for mark in lines]
        self._ends = [mark.end for mark in lines]

    def spans(self) -> Iterator[tuple[int, int]]:
        """Start and end of each piece, without the white space around it."""
        text, at = self._text, self._ink(0)
        while at < self._stop:
            cut = self._cut(at)
            yield at, at + len(text[at:cut].rstrip())
            at = self._ink(cut)

    def _ink(self, at: int) -> int:
        found = _INK.search(self._text, at)
        return found.start() if found else self._stop

    def _cut(self, at: int) -> int:
        """Where the piece that begins at `at` ends: the best kind of break there is, nearest to `size`."""
        left = self._stop - at
        low, high = at + self._least, min(at + self._most, self._stop - self._least)
        whole = left <= self._most
        if whole and left <= self._size:
            return self._stop
        wanted = min(max(at + min(self._size, left // 2 if left < 2 * self._size else left), low), high)
        for cuts in self._kinds(low, high, only_headings=whole):
            fit = [cut for cut in cuts if low <= cut <= high and not self._is_below_heading(cut)]
            if fit:
                return min(fit, key=lambda cut: abs(cut - wanted))
        return self._stop if whole else self._forced(at, low=low, high=high)

    def _kinds(self, low: int, high: int, *, only_headings: bool) -> Iterator[Iterable[int]]:
        """Breaks between `low` and `high`, kind by kind, the best first."""
        text = self._text
        yield self._starts[bisect_left(self._starts, low) : bisect_right(self._starts, high)]
        if only_headings:
            return
        yield (found.start() for found in _PARAGRAPH.finditer(text, low, high + self._size))
        lines = list(_each(text, "\n", low, high))
        yield (line for line in lines if sentences.ends_sentence(text[max(0, line - 40) : line]))
        yield self._ends_in_prose(low, high)
        yield lines
        yield (found.start() for found in _SPACE.finditer(text, low, high + 1))

    def _is_below_heading(self, cut: int) -> bool:
        """Whether a heading would end the piece, away from its text."""
        at = bisect_right(self._ends, cut) - 1
        return at >= 0 and cut - self._ends[at] < _NEAR and not self._text[self._ends[at] : cut].strip()

    def _ends_in_prose(self, low: int, high: int) -> Iterator[int]:
        """Ends of sentences, all but those within a row of a table."""
        text = self._text
        ends = list(sentences.ends(text, start=low, stop=high))
        rows: list[tuple[int, int]] = []
        start = text.rfind("\n", max(0, low - self._most), low) + 1 or max(0, low - self._most)
        while ends and start <= high:
            end = text.find("\n", start, high + self._most)
            end = end if end >= 0 else min(high + self._most, len(text))
            if sentences.looks_tabular(text[start:end]):
                rows.append((start, end))
            start = end + 1
        for cut in ends:
            at = bisect_left(rows, (cut, 0)) - 1
            if at < 0 or cut >= rows[at][1]:
                yield cut

    def _forced(self, at: int, *, low: int, high: int) -> int:
        """A cut where no break is at hand: at the next space, at an earlier one, within a word that is too long."""
        text = self._text
        if found := _SPACE.search(text, high, min(at + self._most + 1, self._stop)):
            return found.start()
        earlier = [found.start() for found in _SPACE.finditer(text, at + 1, low)]
        if earlier:
            return earlier[-1]
        cut = min(at + self._size, high)
        while cut > low and unicodedata.combining(text[cut]):
            cut -= 1  # an accent stays with its letter
        return cut


def _each(text: str, what: str, low: int, high: int) -> Iterator[int]:
    at = text.find(what, low, high + 1)
    while at >= 0:
        yield at
        at = text.find(what, at + 1, high + 1)
