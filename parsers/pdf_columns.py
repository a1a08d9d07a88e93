"""Tables without ruled cells: read from where words stand, by a header that names parts and quantities.

Lines below the header are put into its columns and into rows, over as many pages as the table has. Where no header
is known, lines that share three gaps are taken for a table, if numbers stand in it.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from parsers.pdf_table_edges import Edge
from parsers.pdf_table_head import MAX_HEADER, Head, cuts, head_at, heads
from parsers.pdf_table_rows import LEADING, Aligned, Layout, Reading, assembled, is_full, pieces_of
from parsers.pdf_table_text import Line, space_of, split
from parsers.pdf_words import Word
from parsers.table_columns import Columns

_TOP = 12  # lines at the top of a page among which a table must go on, or it does not
_SHARED = 3  # gaps that lines without a known header must share
_LINES = 5  # of them
_WIDE = 2.5  # spaces in such a gap
_LOOKED_AT = 60  # lines of a page that show whether they stand in columns
_FITTING = 0.9  # share of them that do
_LIKELY = 0.5  # share of a table's rows that name a part and a quantity
_EDGE = 4  # lines of a page's head, and of its foot
_NUMBERED = re.compile(
    r"\b(?:page|pg|p|sheet|seite|blatt|página|pagina|pág)\.?\s{0,3}\d"
    r"|\d\s{0,3}(?:/|of|von|de|di|sur|van)\s{0,3}\d|^\W*\d+\W*$"
)

Box = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A table on one page, or its part on that page."""

    box: Box
    rows: list[list[str]]  # without the header
    layout: Layout | None  # None where no header is known
    goes_on: bool  # with the table of the page before
    open: bool  # whether it may go on over the page
    aligned: Aligned | None = None


@dataclass(frozen=True, slots=True)
class _Page:
    lines: Sequence[Line]
    rules: Sequence[Edge]
    space: float
    heads: Sequence[Head]


def blocks(lines: Sequence[Line], rules: Sequence[Edge], *, before: Block | None = None) -> list[Block]:
    """The tables among the lines of a page from top to bottom; `before` is one that may go on here."""
    space = space_of(lines)
    page = _Page(lines, rules, space, list(heads(lines, space=space)))
    found: list[Block] = []
    at = 0
    if before is not None and before.layout is not None:
        follower, at = _going_on(page, before, before.layout)
        if follower:
            found.append(follower)
    while at < len(lines):
        head = next((head for head in page.heads if head.first >= at), None)
        if head is None:
            break
        block, at = _below(page, head, last=found[-1] if found else None)
        if block:
            found.append(block)
    return found or _unnamed(page)


def without_repeated(lines: Sequence[Line], *others: Sequence[Line]) -> list[Line]:
    """The lines without the head and the foot of the page: those that a page beside it has at the same place."""
    known = {key for page in others for line in (*page[:_EDGE], *page[-_EDGE:]) for key in _keys(line)}
    space = space_of(lines)
    first, last = 0, len(lines)
    while first < min(_EDGE, last) and _repeats(lines[first], known) and not head_at(lines, first, space=space):
        first += 1
    while last > max(first, len(lines) - _EDGE) and _repeats(lines[last - 1], known):
        last -= 1
    while 0 < first < last and _close(lines[first - 1], lines[first]):
        first -= 1
    while first < last < len(lines) and _close(lines[last - 1], lines[last]):
        last += 1
    return list(lines[first:last])


def _below(page: _Page, head: Head, *, last: Block | None) -> tuple[Block | None, int]:
    """The table below a header, and the index of the line after it."""
    end = _next_head(page, head.after)
    layout = _layout(page, head, end)
    reading = _read(page, layout, head.after, end, above=page.lines[head.after - 1].middle, aligned=None)
    if not _is_list(reading.rows, layout.columns):
        return None, head.after
    same = last is not None and last.open and last.layout is not None and last.layout.texts == layout.texts
    box = layout.left, page.lines[head.first].y0, layout.right, reading.y1
    return _block(layout, reading, box=box, goes_on=same), head.after + reading.after


def _is_list(rows: Sequence[Sequence[str]], columns: Columns) -> bool:
    """Whether the rows hold what their header says: a line of prose may have two words of one by chance."""
    full = [cells for cells in rows if is_full(cells, columns)]
    if columns.qty is None:
        full = [cells for cells in full if any(char.isdigit() for at, _ in columns.ids for char in cells[at])]
    return bool(full) and len(full) >= _LIKELY * len(rows)


def _going_on(page: _Page, before: Block, layout: Layout) -> tuple[Block | None, int]:
    """How the table of the page before goes on at the top of this one, and the index of the line after it."""
    again = _header_again(page, layout)
    if again:
        layout, first = again
        start, above = first, page.lines[first - 1].middle
    else:
        top = page.lines[:_TOP]
        found = next((at for at, line in enumerate(top) if is_full(layout.cells(line), layout.columns)), None)
        if found is None or _next_head(page, 0) <= found:
            return None, 0
        start = first = _first(page, found)
        above = page.lines[start].middle - 100.0
    fitting = _fitting(page, layout, first)
    if fitting is None:
        return None, 0
    reading = _read(page, fitting, start, _next_head(page, start), above=above, aligned=before.aligned)
    if not reading.rows:
        return None, 0
    box = layout.left, page.lines[first - 1].y0 if again else reading.y0, layout.right, reading.y1
    return _block(fitting, reading, box=box, goes_on=True), start + reading.after


def _header_again(page: _Page, layout: Layout) -> tuple[Layout, int] | None:
    """Where the table's header stands once more among the first lines: the layout there, and the line below it."""
    wanted = sorted(word for text in layout.texts for word in text.split())
    for at in range(min(_TOP, len(page.lines))):
        words: list[Word] = []
        for after in range(at + 1, min(at + MAX_HEADER, len(page.lines)) + 1):
            words += page.lines[after - 1].words
            if len(words) >= len(wanted):
                break
        if sorted(word.text for word in words) == wanted:
            moved = min(word.x0 for word in words) - min(cell.x0 for cell in layout.head)
            return layout.moved(moved), after
    return None


def _fitting(page: _Page, layout: Layout, first: int) -> Layout | None:
    """The layout as this page has it; None where its lines do not stand in such columns."""
    lines = page.lines[first : _next_head(page, first)][:_LOOKED_AT]
    lines = [line for line in lines if is_full(layout.cells(line), layout.columns)]
    anew = replace(layout, cuts=cuts(layout.head, lines))
    wide = len(lines) * _FITTING
    return next((one for one in (layout, anew) if sum(map(one.fits, lines)) >= wide), None)


def _first(page: _Page, at: int) -> int:
    """The index of the first line of those that stand close above line `at`."""
    lines = page.lines
    while at > 0 and _close(lines[at - 1], lines[at]):
        at -= 1
    return at


def _layout(page: _Page, head: Head, end: int) -> Layout:
    ends = cuts(head.cells, page.lines[head.after : end])
    below = [word for line in page.lines[head.after : min(end, head.after + 20)] for word in line.words]
    inner = [word for word in below if word.x0 < head.cells[-1].x1 and word.x1 > head.cells[0].x0]
    left = min([head.cells[0].x0, *(word.x0 for word in inner)])
    right = max([head.cells[-1].x1, *(word.x1 for word in inner)])
    return Layout(head=head.cells, columns=head.columns, cuts=ends, left=left, right=right)


def _read(page: _Page, layout: Layout, start: int, end: int, *, above: float, aligned: Aligned | None) -> Reading:
    pieces = pieces_of(page.lines[start:end], layout, rules=page.rules, above=above)
    return assembled(pieces, layout, aligned=aligned)


def _next_head(page: _Page, start: int) -> int:
    """The index of the next header, or of the page's end."""
    return next((head.first for head in page.heads if head.first >= start), len(page.lines))


def _block(layout: Layout, reading: Reading, *, box: Box, goes_on: bool) -> Block:
    return Block(
        box=box, rows=reading.rows, layout=layout, goes_on=goes_on, open=not reading.ended, aligned=reading.aligned
    )


def _unnamed(page: _Page) -> list[Block]:
    """Tables without a known header: lines one below the other that share three gaps or more."""
    found = []
    run: list[Line] = []
    for line in [*page.lines, None]:
        wide = line is not None and len(split(line, _WIDE * page.space)) > _SHARED
        near = not run or line is None or line.middle - run[-1].middle <= 3 * (line.y1 - line.y0)
        if line is not None and wide and near:
            run.append(line)
            continue
        if len(run) >= _LINES and (block := _shared(run, _WIDE * page.space)):
            found.append(block)
        run = [line] if line is not None and wide else []
    return found


def _shared(lines: Sequence[Line], gap: float) -> Block | None:
    """The lines as a table; None where they share too few gaps, or hold no numbers."""
    columns: list[tuple[float, float]] = []
    for x0, x1 in sorted((word.x0, word.x1) for line in lines for word in line.words):
        if columns and x0 - columns[-1][1] < gap:
            columns[-1] = columns[-1][0], max(columns[-1][1], x1)
        else:
            columns.append((x0, x1))
    if len(columns) <= _SHARED:
        return None
    rows = [[" ".join(word.text for word in line.words if x0 <= word.x0 <= x1) for x0, x1 in columns] for line in lines]
    numbers = [sum(any(map(str.isdigit, cells[at])) for cells in rows) for at in range(len(columns))]
    filled = [sum(bool(cells[at]) for cells in rows) for at in range(len(columns))]
    if max(numbers) < 0.8 * len(rows) or min(filled) < 0.5 * len(rows):
        return None
    box = columns[0][0], lines[0].y0, columns[-1][1], lines[-1].y1
    return Block(box=box, rows=rows, layout=None, goes_on=False, open=False)


def _close(above: Line, below: Line) -> bool:
    """Whether two lines stand as close as those of one cell; what stands at a page's edge by itself does not."""
    return below.middle - above.middle <= LEADING * (below.y1 - below.y0)


def _repeats(line: Line, known: set[tuple[int, str]]) -> bool:
    return not known.isdisjoint(_keys(line))


def _keys(line: Line) -> list[tuple[int, str]]:
    """What a line of a page's head or foot shares with that of the next page: its place, and all but the number."""
    text = line.text.casefold()
    if _NUMBERED.search(text):
        text = re.sub(r"\d+", "#", text)
    return [(round(line.middle) + more, text) for more in (0, 1)]
