"""Puts pages of two text columns, drawn line by line across both, into the order in which people read them."""

import ctypes
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from statistics import median
from typing import Any, NamedTuple

from parsers.pdf_words import Frame, Word

MAX_RECTS = 2_000  # stretches of text on a page that is looked at: a page of prose has 50 to 500
_MIN_LINES = 6  # of each column
_MIN_GAP = 6.0  # points between the columns: more than words of a line are apart
_SLACK = 0.04  # of the page's width, by which the gap may lie off the middle
_FILLED = 0.55  # of its column's width, that a usual line of prose takes; cells of tables take less
_MIN_WORDS = 3  # in a usual line of prose
_ACROSS = 0.7  # of the gap: words nearer to each other than this are of one line that spans it
_LEVEL = 0.5  # of a line's height: words nearer to each other than this stand on one line


class Gap(NamedTuple):
    """What lies between two columns, in points from the page's left edge."""

    left: float
    right: float


class _Stretch(NamedTuple):
    side: int  # -1 left, 1 right, 0 across the middle
    x0: float
    x1: float
    y: float


def gap_of(text_page: Any, frame: Frame, *, width: float) -> Gap | None:
    """The gap between two columns of prose whose lines are drawn alternately; None where the page's order is right.

    It is found from PDFium's rectangles, of which a page has few: looking costs little where there is one column.
    """
    rectangles = _rectangles(text_page, frame)
    middle, slack = width / 2, width * _SLACK
    halves = (sum(one[2] <= middle + slack for one in rectangles), sum(one[0] >= middle - slack for one in rectangles))
    if min(halves) < _MIN_LINES:  # most pages go no further than this
        return None
    stretches = list(_stretches(rectangles, middle, slack))
    left = [one for one in stretches if one.side < 0]
    right = [one for one in stretches if one.side > 0]
    fewer = min(len(left), len(right))
    if fewer < _MIN_LINES or len(stretches) - len(left) - len(right) > fewer:
        return None
    sides = [one.side for one in stretches if one.side]
    turns = sum(before != after for before, after in pairwise(sides))
    if turns < fewer:  # drawn column by column already
        return None
    gap = Gap(max(one.x1 for one in left), min(one.x0 for one in right))
    if gap.right - gap.left < _MIN_GAP:
        return None
    # Rows of a table alternate just so, and are right as they are. Its cells rarely fill their column.
    wide = (gap.left - min(one.x0 for one in left), max(one.x1 for one in right) - gap.right)
    for column, extent in zip((left, right), wide, strict=True):
        if median(one.x1 - one.x0 for one in column) < _FILLED * extent:
            return None
    return gap


def lines_in_order(words: Sequence[Word], gap: Gap) -> list[list[Word]] | None:
    """Lines of words: those above a line that spans both columns before it, the left column before the right one.

    None where the columns hold no prose after all.
    """
    found: list[list[Word]] = []
    left: list[list[Word]] = []
    right: list[list[Word]] = []
    columns: list[list[Word]] = []
    for line in _level(words):
        one, other = _split(line, gap)
        if other is None:
            found += left + right
            left, right = [], []
            found.append(one)
            continue
        columns += [part for part in (one, other) if part]
        left += [one] if one else []
        right += [other] if other else []
    if not columns or median(len(line) for line in columns) < _MIN_WORDS:
        return None
    return found + left + right


def _rectangles(text_page: Any, frame: Frame) -> list[tuple[float, float, float, float]]:
    """PDFium's rectangles of text (left, top, right, bottom), in the order in which they are drawn."""
    from pypdfium2 import raw

    count = text_page.count_rects()
    if not 2 * _MIN_LINES <= count <= MAX_RECTS:
        return []
    left, top, right, bottom = (ctypes.c_double() for _ in range(4))
    get, page, shown = raw.FPDFText_GetRect, text_page.raw, frame.shown
    found = []
    for index in range(count):
        get(page, index, left, top, right, bottom)
        found.append(shown((left.value, bottom.value, right.value, top.value)))
    return found


def _stretches(
    rectangles: Iterable[tuple[float, float, float, float]], middle: float, slack: float
) -> Iterator[_Stretch]:
    """Pieces of lines; rectangles that continue each other are one."""
    last: _Stretch | None = None
    for left, top, right, bottom in rectangles:
        side = -1 if right <= middle + slack else 1 if left >= middle - slack else 0
        level = (top + bottom) / 2
        if last and last.side == side and abs(last.y - level) < (bottom - top) * _LEVEL:
            last = _Stretch(side, min(last.x0, left), max(last.x1, right), last.y)
            continue
        if last:
            yield last
        last = _Stretch(side, left, right, level)
    if last:
        yield last


def _level(words: Iterable[Word]) -> Iterator[list[Word]]:
    """Words that stand on one line, from left to right; lines from top to bottom."""
    line: list[Word] = []
    start = 0.0
    for word in sorted(words, key=lambda word: word.y0 + word.y1):
        level = (word.y0 + word.y1) / 2
        if line and level - start > _LEVEL * (word.y1 - word.y0):
            yield sorted(line, key=lambda word: word.x0)
            line = []
        if not line:
            start = level
        line.append(word)
    if line:
        yield sorted(line, key=lambda word: word.x0)


def _split(line: list[Word], gap: Gap) -> tuple[list[Word], list[Word] | None]:
    """The halves of a line in either column; all of it and None where it goes across the gap."""
    middle = (gap.left + gap.right) / 2
    if any(word.x0 < middle < word.x1 for word in line):
        return line, None
    left = [word for word in line if word.x1 <= middle]
    right = line[len(left) :]
    across = left and right and right[0].x0 - left[-1].x1 < _ACROSS * (gap.right - gap.left)
    return (line, None) if across else (left, right)
