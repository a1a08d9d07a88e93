"""Finds the header of an unruled table among the lines of a page, and where its columns part."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from parsers.pdf_table_text import Cell, Line, gaps, split
from parsers.table_aliases import MAX_CELL, meaning
from parsers.table_columns import Columns, columns_of

MAX_HEADER = 3  # lines of one
MAX_COLUMNS = 40
_GAPS = (2.0, 1.5, 1.15, 3.5)  # spaces between two cells of a header, likeliest first
_KNOWN = 0.4  # share of a header's cells that name something known
_LEADING = 1.7  # of a line's height: the most from one line of a cell to its next
_LOOKED_AT = 80  # lines below a header that show where columns part
_STEP = 0.5  # points


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """A header and what it says."""

    cells: tuple[Cell, ...]  # from left to right
    columns: Columns
    first: int  # index of its first line
    after: int  # index of the line below it

    @property
    def texts(self) -> tuple[str, ...]:
        """What its cells say."""
        return tuple(cell.text for cell in self.cells)


def heads(lines: Sequence[Line], *, space: float) -> Iterator[Head]:
    """Every header among the lines, from top to bottom."""
    at = 0
    while at < len(lines):
        found = head_at(lines, at, space=space)
        if found:
            yield found
        at = found.after if found else at + 1


def head_at(lines: Sequence[Line], at: int, *, space: float) -> Head | None:
    """The header that begins with this line; None where none does."""
    best: Head | None = None
    seen: set[tuple[int, ...]] = set()
    between = [gaps(line) for line in lines[at : at + MAX_HEADER]]
    for gap in _GAPS:
        parts = tuple(sum(found >= gap * space for found in line) for line in between)
        if parts in seen:
            continue
        seen.add(parts)
        cells: list[Cell] | None = split(lines[at], gap * space)
        if not cells or len(cells[0].text) > MAX_CELL:
            continue  # prose
        for after in range(at + 1, min(at + MAX_HEADER, len(lines)) + 1):
            if after > at + 1:
                cells = _stacked(cells or [], lines, after - 1, gap=gap * space)
            if not cells or len(cells) > MAX_COLUMNS:
                break
            columns = columns_of([cell.text for cell in cells], None)
            if columns and sum(meaning(cell.text) is not None for cell in cells) >= _KNOWN * len(cells):
                found = Head(cells=tuple(cells), columns=columns, first=at, after=after)
                best = found if best is None or _rank(found) > _rank(best) else best
    return best


def cuts(cells: Sequence[Cell], below: Sequence[Line]) -> tuple[float, ...]:
    """Where each column but the last ends, by the header's cells and the lines below it."""
    below = below[:_LOOKED_AT]
    return tuple(_strip(left.x1, right.x0, below) for left, right in pairwise(cells))


def _rank(head: Head) -> tuple[int, int, int]:
    """More meanings win; of equals, no two columns for one thing (`Part`, `Number`), and more of the words below."""
    fields = [known.field for cell in head.cells if (known := meaning(cell.text))]
    return head.columns.score, len(set(fields)) - len(fields), head.after


def _stacked(cells: Sequence[Cell], lines: Sequence[Line], at: int, *, gap: float) -> list[Cell] | None:
    """The header with one line more: `Part` above `No.`; None where that line is none of it."""
    line, above = lines[at], lines[at - 1]
    if line.middle - above.middle > _LEADING * (line.y1 - line.y0) or any(map(str.isdigit, line.text)):
        return None
    found = list(cells)
    for cell in split(line, gap):
        under = [at for at, other in enumerate(found) if cell.x0 < other.x1 and other.x0 < cell.x1]
        if len(under) > 1:
            return None
        if under:
            other = found[under[0]]
            found[under[0]] = Cell(f"{other.text} {cell.text}", min(other.x0, cell.x0), max(other.x1, cell.x1))
        elif meaning(cell.text) or len(cells) < len(split(line, gap)):
            found.append(cell)
        else:
            return None
    return sorted(found, key=lambda cell: cell.x0)


def _strip(left: float, right: float, lines: Sequence[Line]) -> float:
    """Where between `left` and `right` a column ends: in the widest strip that the fewest lines cross.

    Of that strip, close to the side where most texts end or begin alike: the other side's are of any length.
    """
    width = int((right - left) / _STEP)
    if width < 2:
        return (left + right) / 2
    crossed = [0] * width
    words = [word for line in lines for word in line.words]
    for word in words:
        first = max(0, int((word.x0 - left) / _STEP))
        for at in range(first, min(width, int((word.x1 - left) / _STEP) + 1)):
            crossed[at] += 1
    least = min(crossed)
    best, begin = (0, 0), None
    for at, count in enumerate([*crossed, least + 1]):
        if count == least and begin is None:
            begin = at
        elif count != least and begin is not None:
            best, begin = max(best, (at - begin, begin), key=lambda run: run[0]), None
    x0, x1 = left + best[1] * _STEP, left + (best[1] + best[0]) * _STEP
    ending, beginning = sum(abs(word.x1 - x0) < 1 for word in words), sum(abs(word.x0 - x1) < 1 for word in words)
    share = 0.5 if ending == beginning else 0.15 if ending > beginning else 0.85
    return x0 + share * (x1 - x0)
