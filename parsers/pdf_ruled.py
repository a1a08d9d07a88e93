"""Tables whose cells have lines on all sides: pdfplumber's way from lines to cells, on lines and words from PDFium.

pdfplumber itself would read the page with pdfminer, which is slow and which some small files keep busy for hours.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from parsers.pdf_table_edges import Edge, Edges
from parsers.pdf_table_text import joined, lines_of
from parsers.pdf_words import Word

SNAP = 3.0  # points within which lines are taken for one, pdfplumber's own value
MAX_CROSSINGS = 2500  # of lines on a page; finding cells takes their square
MAX_CELLS = 5000  # of a page
_MAX_PAIRS = 250_000  # of level and upright lines that are tried for a crossing
_FILLED = 0.34  # share of a table's rows that have two filled cells at least

Box = tuple[float, float, float, float]  # x0, y0, x1, y1 in points from the page's top left corner


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """A ruled table on one page."""

    box: Box
    columns: tuple[float, ...]  # left borders
    rows: list[list[str]]


class TooMuchError(Exception):
    """The page has more lines than a table can have."""


def grids(edges: Edges, words: Sequence[Word]) -> list[Grid]:
    """The ruled tables of a page from top to bottom; those of one row are none, or the end of one. Raises `TooMuchError`."""
    if edges.cut:
        raise TooMuchError
    if len({round(edge.x0) for edge in edges.upright}) < 3 or len(edges.level) < 3:
        return []
    by_height = sorted(words, key=lambda word: word.y0 + word.y1)
    middles = [(word.y0 + word.y1) / 2 for word in by_height]
    found = []
    for cells in _tables(edges):
        grid = _grid(cells, by_height, middles)
        if grid is not None:
            found.append(grid)
    return found


def outside(words: Sequence[Word], found: Sequence[Grid]) -> list[Word]:
    """The words that stand in none of the tables."""
    return [word for word in words if not any(_holds(grid.box, word) for grid in found)]


def _tables(edges: Edges) -> list[list[Box]]:
    from pdfplumber import table

    sides = [_plain(edge, "h") for edge in edges.level] + [_plain(edge, "v") for edge in edges.upright]
    merged = table.merge_edges(sides, SNAP, SNAP, SNAP, SNAP)
    level = sum(edge["orientation"] == "h" for edge in merged)
    if level * (len(merged) - level) > _MAX_PAIRS:
        raise TooMuchError
    crossings = table.edges_to_intersections(merged, SNAP, SNAP)
    if len(crossings) > MAX_CROSSINGS:
        raise TooMuchError
    cells = table.intersections_to_cells(crossings)
    if len(cells) > MAX_CELLS:
        raise TooMuchError
    found: list[list[Box]] = table.cells_to_tables(cells)
    return found


def _plain(edge: Edge, orientation: str) -> dict[str, Any]:
    """An edge as pdfplumber keeps it."""
    return {
        "x0": edge.x0,
        "x1": edge.x1,
        "top": edge.y0,
        "bottom": edge.y1,
        "width": edge.x1 - edge.x0,
        "height": edge.y1 - edge.y0,
        "orientation": orientation,
    }


def _grid(cells: Sequence[Box], words: Sequence[Word], middles: Sequence[float]) -> Grid | None:
    """The cells with their texts; None where they are a frame, a form or a drawing."""
    lefts, tops = sorted({cell[0] for cell in cells}), sorted({cell[1] for cell in cells})
    if len(lefts) < 2:
        return None
    rows = [[""] * len(lefts) for _ in tops]
    column, row = {left: at for at, left in enumerate(lefts)}, {top: at for at, top in enumerate(tops)}
    for cell in cells:
        between = words[bisect_left(middles, cell[1]) : bisect_right(middles, cell[3])]
        inside = [word for word in between if cell[0] <= (word.x0 + word.x1) / 2 < cell[2]]
        rows[row[cell[1]]][column[cell[0]]] = joined(line.text for line in lines_of(inside))
    filled = [sum(map(bool, cells)) for cells in rows]
    if sum(count >= 2 for count in filled) < max(min(2, len(rows)), _FILLED * len(rows)):
        return None
    box = lefts[0], tops[0], max(cell[2] for cell in cells), max(cell[3] for cell in cells)
    return Grid(box=box, columns=tuple(lefts), rows=[cells for cells in rows if any(cells)])


def _holds(box: Box, word: Word) -> bool:
    x, y = (word.x0 + word.x1) / 2, (word.y0 + word.y1) / 2
    return box[0] <= x <= box[2] and box[1] <= y <= box[3]
