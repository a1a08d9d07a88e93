"""Puts the lines below a header into rows: which line begins a row, and which goes on with the one above or below."""

import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from itertools import pairwise

from parsers.pdf_table_edges import Edge
from parsers.pdf_table_text import Cell, Line, joined, split
from parsers.table_cells import quantity
from parsers.table_columns import Columns
from parsers.table_words import declared

LEADING = 1.7  # of a line's height: the most from one line of a cell to its next
_CLEAR = 1.12  # times the next wider gap: then the widest one parts two rows
_FEW = 4  # rows; fewer do not show what a column holds
_MANY = 8  # rows that show how a table aligns them, whatever the page before has shown
_RULE = 1000.0  # added to a gap that has a line drawn in it
_AMOUNT = re.compile(r"[^\w\d]*(?:[A-Z]{3}\s?)?[-+]?\d[\d.,'\s]*\s?[^\d]{0,4}")


class Aligned(StrEnum):
    """Where a row's one-line cells stand beside a cell of several lines."""

    TOP = "top"
    MIDDLE = "middle"
    BOTTOM = "bottom"


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """Where a table keeps what on the page."""

    head: tuple[Cell, ...]  # of its header
    columns: Columns  # what they mean
    cuts: tuple[float, ...]  # x where each column but the last ends
    left: float
    right: float

    @property
    def texts(self) -> tuple[str, ...]:
        """What its header says."""
        return tuple(cell.text for cell in self.head)

    def cells(self, line: Line) -> list[str]:
        """The line's words, each in its column."""
        found: list[list[str]] = [[] for _ in self.head]
        for word in line.words:
            found[bisect_left(self.cuts, (word.x0 + word.x1) / 2)].append(word.text)
        return [" ".join(texts) for texts in found]

    def fits(self, line: Line) -> bool:
        """Whether no word of the line stands across two columns."""
        return not any(word.x0 < cut - 1 and word.x1 > cut + 1 for word in line.words for cut in self.cuts)

    def moved(self, by: float) -> "Layout":
        """The same further right: pages that face each other have margins of their own."""
        head = tuple(Cell(cell.text, cell.x0 + by, cell.x1 + by) for cell in self.head)
        ends = tuple(cut + by for cut in self.cuts)
        return replace(self, head=head, cuts=ends, left=self.left + by, right=self.right + by)


@dataclass(slots=True, kw_only=True)
class Piece:
    """A line below the header."""

    line: Line
    cells: list[str]
    begins: bool  # a row
    gap: float  # from the middle of the line above to its own, in points
    ruled: bool  # whether a line is drawn between them
    title: bool = False  # of a section


@dataclass(slots=True)
class Reading:
    """The rows of one stretch of lines."""

    rows: list[list[str]] = field(default_factory=list)
    after: int = 0  # index of the first line that is none of them
    y0: float = 0.0
    y1: float = 0.0
    ended: bool = False  # whether something below says that the table goes on no further
    aligned: Aligned | None = None


def pieces_of(lines: Sequence[Line], layout: Layout, *, rules: Sequence[Edge], above: float) -> list[Piece]:
    """What each line is; `above` is the middle of the line above them all."""
    width = layout.right - layout.left
    heights = sorted(edge.y0 for edge in rules if min(edge.x1, layout.right) - max(edge.x0, layout.left) > 0.5 * width)
    found = []
    for line in lines:
        cells = layout.cells(line)
        at = bisect_left(heights, above + 1)
        ruled = at < len(heights) and heights[at] < line.middle
        gap, above = line.middle - above, line.middle
        piece = Piece(line=line, cells=cells, begins=_begins(cells, layout.columns), gap=gap, ruled=ruled)
        found.append(piece)
    return found


def is_full(cells: Sequence[str], columns: Columns) -> bool:
    """Whether the cells name a part, and a quantity where the table has any."""
    named = any(cells[at] for at, _ in columns.ids)
    if columns.qty is None:
        return named and sum(map(bool, cells)) >= 2
    text = cells[columns.qty]
    return named and bool(text) and quantity(text)[0] is not None


def assembled(pieces: Sequence[Piece], layout: Layout, *, aligned: Aligned | None) -> Reading:
    """The rows of the lines up to where the table ends."""
    reading = Reading()
    end = _end(pieces, layout, reading)
    anchors = [at for at in range(end) if pieces[at].begins]
    if not anchors:
        return reading
    amounts = _amount_columns([pieces[at].cells for at in anchors], layout.columns)
    ours = [_continues(piece, amounts) for piece in pieces[:end]]
    stretches = [(-1, anchors[0]), *pairwise(anchors), (anchors[-1], end)]
    seen, sure = _alignment(pieces, stretches, ours)
    aligned = (seen if sure else aligned or seen) or _by_words(pieces, stretches, ours)
    owners: dict[int, list[int]] = {at: [at] for at in anchors}
    alone: set[int] = set()
    before = 0
    for top, bottom in stretches:
        run = range(top + 1, bottom)
        split_at = _split(pieces, top, bottom, end=end, aligned=aligned or Aligned.TOP, before=before)
        upper = [at for at in run if at < split_at and _linked(pieces, ours, top, at)]
        lower = [at for at in run if at >= split_at and _linked(pieces, ours, bottom, at)] if bottom < end else []
        if top >= 0:
            owners[top] += upper
        if bottom < end:
            owners[bottom] += lower
            before = len(lower)
            alone |= set(run) - set(upper) - set(lower) if top >= 0 else set()
    _gather(pieces, owners, alone, reading=reading)
    reading.aligned = aligned
    return reading


def _gather(pieces: Sequence[Piece], owners: dict[int, list[int]], alone: set[int], *, reading: Reading) -> None:
    """Rows from the lines that belong together; titles of sections stay as rows of their own."""
    used = [at for own in owners.values() for at in own]
    reading.y0, reading.y1 = pieces[min(used)].line.y0, pieces[max(used)].line.y1
    reading.after = max(reading.after, max(used) + 1)
    for at in sorted(owners.keys() | alone):
        own = sorted(owners.get(at, [at]))
        if at in alone and not pieces[at].title:
            continue
        cells = [joined(texts) for texts in zip(*(pieces[index].cells for index in own), strict=True)]
        if at in alone:
            cells = [pieces[at].line.text, *[""] * (len(cells) - 1)]
        reading.rows.append(cells)


def _begins(cells: Sequence[str], columns: Columns) -> bool:
    """Whether the line holds what a row has once: its quantity, or where there is none, its part."""
    if is_full(cells, columns):
        return True
    filled = sum(map(bool, cells))
    if columns.qty is None:
        return False
    named = any(cells[at] for at, _ in columns.ids)
    counted = bool(cells[columns.qty]) and quantity(cells[columns.qty])[0] is not None
    return (counted or named) and filled >= max(3, (len(cells) + 1) // 2)


def _end(pieces: Sequence[Piece], layout: Layout, reading: Reading) -> int:
    """The index of the first line below the table's end: a total, a wide gap."""
    gaps = sorted(piece.gap for piece in pieces if piece.begins)
    usual = gaps[len(gaps) // 2] if gaps else 0.0
    for at, piece in enumerate(pieces):
        high = piece.line.y1 - piece.line.y0
        if at and piece.gap > max(4.5 * high, 2.5 * usual):
            reading.ended = True
            return at
        if _is_total(piece, layout):
            piece.begins = False
            if not any(is_full(other.cells, layout.columns) for other in pieces[at + 1 : at + 4]):
                reading.ended = True
                return at
        if not is_full(piece.cells, layout.columns) and _is_title(piece, layout):
            piece.title, piece.begins = True, False
    return len(pieces)


def _is_total(piece: Piece, layout: Layout) -> bool:
    cells = [cell for cell in piece.cells if cell]
    return declared(piece.cells, layout.columns.qty)[0] or (
        declared(cells, None)[0] or (len(cells) > 1 and cells[0].endswith(":") and len(cells) <= 3)
    )


def _is_title(piece: Piece, layout: Layout) -> bool:
    """Whether the line is one text that stands across the columns, or words alone where part numbers stand."""
    if not layout.fits(piece.line) or sum(map(bool, piece.cells)) > 1:
        high = piece.line.y1 - piece.line.y0
        return len(split(piece.line, 0.6 * high)) == 1 and piece.line.words[0].x0 < layout.left + 2 * high
    at = next(at for at, cell in enumerate(piece.cells) if cell)
    return at in {index for index, _ in layout.columns.ids} and not any(map(str.isdigit, piece.cells[at]))


def _amount_columns(rows: Sequence[Sequence[str]], columns: Columns) -> frozenset[int]:
    """Columns that hold nothing but numbers, which never go on in a second line."""
    if len(rows) < _FEW:
        return frozenset(columns.numeric())
    filled: Counter[int] = Counter()
    numbers: Counter[int] = Counter()
    for cells in rows:
        for at, cell in enumerate(cells):
            filled[at] += bool(cell)
            numbers[at] += bool(cell) and _AMOUNT.fullmatch(cell) is not None
    return frozenset(at for at in filled if filled[at] and numbers[at] >= 0.8 * filled[at])


def _continues(piece: Piece, amounts: frozenset[int]) -> bool:
    """Whether the line may be the second of a row: numbers have none."""
    return not piece.begins and not piece.title and not any(piece.cells[at] for at in amounts)


def _alignment(
    pieces: Sequence[Piece], stretches: Sequence[tuple[int, int]], ours: Sequence[bool]
) -> tuple[Aligned | None, bool]:
    """How the rows that leave no doubt are aligned, None where all leave some; and whether those are many."""
    above: set[int] = set()
    below: set[int] = set()
    for top, bottom in stretches:
        if top < 0 or bottom >= len(ours) or not all(ours[top + 1 : bottom]) or bottom == top + 1:
            continue
        at = _widest(pieces, top, bottom)
        if at is not None:
            if at > top + 1:
                below.add(top)
            if at < bottom:
                above.add(bottom)
    sure = len(above | below) >= _MANY
    if not above and not below:
        return None, False
    if len(above) <= 0.15 * len(below):
        return Aligned.TOP, sure
    return (Aligned.BOTTOM if len(below) <= 0.15 * len(above) else Aligned.MIDDLE), sure


def _by_words(pieces: Sequence[Piece], stretches: Sequence[tuple[int, int]], ours: Sequence[bool]) -> Aligned | None:
    """How rows are aligned that stand no wider apart than their lines: few cells begin with a small letter."""
    below = above = 0
    for top, bottom in stretches:
        if bottom == top + 1 or not all(ours[top + 1 : bottom]):
            continue
        if top < 0:
            above += 3
        elif bottom < len(ours):
            at = next(at for at, cell in enumerate(pieces[top + 1].cells) if cell)
            below += pieces[top + 1].cells[at][0].islower()
            above += pieces[bottom].cells[at][:1].islower()
    if above > 2 * below:
        return Aligned.BOTTOM
    return Aligned.TOP if below > 2 * above else None


def _widest(pieces: Sequence[Piece], top: int, bottom: int) -> int | None:
    """The index of the first line below the gap that clearly parts two rows; None where none does."""
    gaps = sorted(((pieces[at].gap + _RULE * pieces[at].ruled, at) for at in range(top + 1, bottom + 1)), reverse=True)
    (wide, at), (next_, _) = gaps[:2]
    return at if wide > _CLEAR * next_ and (wide < _RULE or next_ < _RULE) else None


def _split(pieces: Sequence[Piece], top: int, bottom: int, *, end: int, aligned: Aligned, before: int) -> int:
    """The index, between the rows that begin at `top` and `bottom`, from which lines belong to the lower one."""
    if bottom >= end:
        return bottom
    if top < 0:
        return 0 if aligned is not Aligned.TOP else bottom
    if bottom == top + 1:
        return bottom
    at = _widest(pieces, top, bottom)
    if at is not None:
        return at
    if aligned is Aligned.TOP:
        return bottom
    return top + 1 if aligned is Aligned.BOTTOM else min(bottom, top + 1 + before)


def _linked(pieces: Sequence[Piece], ours: Sequence[bool], anchor: int, at: int) -> bool:
    """Whether each line from `anchor` to `at` follows the one before it as lines of one cell do."""
    first, last = (anchor + 1, at) if at > anchor else (at + 1, anchor)
    if anchor < 0 or not all(ours[index] for index in range(min(anchor, at), max(anchor, at) + 1) if index != anchor):
        return False
    between = pieces[first : last + 1]
    return all(piece.gap <= LEADING * (piece.line.y1 - piece.line.y0) and not piece.ruled for piece in between)
