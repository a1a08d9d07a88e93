"""The tables of a PDF, page by page: those with ruled cells, and those that only stand in columns."""

from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, NamedTuple

from jobs.issues import Issue, Severity
from parsers import pdf
from parsers.pdf_columns import Block, blocks, without_repeated
from parsers.pdf_guard import in_time
from parsers.pdf_open import page_by_page
from parsers.pdf_ruled import SNAP, Box, Grid, TooMuchError, grids, outside
from parsers.pdf_table_edges import Edges, edges_of
from parsers.pdf_table_text import Line, lines_of
from parsers.pdf_words import Word, words
from parsers.table_columns import columns_of

MAX_CHARACTERS = 150_000  # of a page: one of small print has 15,000
MAX_WORDS = 20_000  # of a page
MAX_ROWS = 100_000  # of a table
MAX_TABLES = 2000  # of a document
_TITLES = 3  # rows above a header that a ruled table may begin with


class Style(StrEnum):
    """How a table shows its cells."""

    RULED = "ruled"  # lines on all sides of each
    UNRULED = "unruled"  # by place alone, with lines between rows or filled rows at most


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A table, put together from all its pages."""

    number: int  # from 1, in the order of the document
    pages: tuple[int, int]  # first and last
    boxes: tuple[Box, ...]  # one of each page: x0, y0, x1, y1 in points from the page's top left corner
    style: Style
    rows: list[list[str]]  # equally long; the first is the header where there is one
    header: bool


def tables(
    path: Path,
    *,
    password: str | None = None,
    first: int = 1,
    last: int | None = None,
    watch: Callable[[int, int], None] | None = None,
) -> Iterator[Table | Issue]:
    """Each table of the pages `first` to `last`, in order; an `Issue` where a page was not, or not wholly, looked at.

    Issues: `pdf.table_limit` (more lines, words, rows or tables than are looked at), `pdf.page`. Raises as
    `pdf_open.opened` does, and `InputError` (`pdf.too_costly`). `watch` is told (page, pages). Memory holds a few pages
    and one table.
    """
    first = max(first, 1)
    end = pdf.count_pages(path, password=password)
    end = min(last, end) if last is not None else end
    sheets = in_time(_sheets(path, password=password, first=first, last=end), numbers=range(first, end + 1))
    reader = _Reader()
    previous: _Sheet | None = None
    here = next(sheets, None)
    while here is not None:
        following = next(sheets, None)
        yield from here.issues
        yield from reader.read(here, [sheet.lines for sheet in (previous, following) if sheet])
        if watch:
            watch(here.number, end)
        if reader.count >= MAX_TABLES:
            yield _limit(here.number, f"the document has more than {MAX_TABLES} tables")
            break
        previous, here = here, following
    yield from reader.close()


@dataclass(slots=True)
class _Sheet:
    """What a page has that tables are made of."""

    number: int
    words: list[Word] = field(default_factory=list)
    lines: list[Line] = field(default_factory=list)
    edges: Edges = field(default_factory=lambda: Edges([], []))
    issues: list[Issue] = field(default_factory=list)


class _Part(NamedTuple):
    """A table's part on one page."""

    style: Style
    box: Box
    header: list[str] | None
    rows: list[list[str]]
    source: Grid | Block


class _Reader:
    """Joins parts of tables over pages."""

    def __init__(self) -> None:
        self.count = 0  # tables given out
        self._open: list[_Part] = []  # parts of the table that may still go on
        self._pages: list[int] = []

    def read(self, sheet: _Sheet, beside: Sequence[Sequence[Line]]) -> Iterator[Table | Issue]:
        """The tables that end on this page, or before it."""
        found, issue = self._parts(sheet, beside)
        if issue:
            yield issue
        for part in found:
            if self._goes_on(part, sheet.number, only=part is found[0]):
                self._take(part, sheet.number)
            else:
                yield from self.close()
                self._take(part, sheet.number)
            if sum(len(taken.rows) for taken in self._open) > MAX_ROWS:
                yield _limit(sheet.number, f"its table has more than {MAX_ROWS} rows, and was cut in two")
                yield from self.close()
        if self._pages and self._pages[-1] < sheet.number:
            yield from self.close()

    def close(self) -> Iterator[Table]:
        """The table that went on so far, if any."""
        parts, pages = self._open, self._pages
        self._open, self._pages = [], []
        if not parts:
            return
        header = parts[0].header
        rows = [row for part in parts for row in part.rows]
        if not rows:
            return
        self.count += 1
        yield Table(
            number=self.count,
            pages=(pages[0], pages[-1]),
            boxes=tuple(_merged(parts, pages)),
            style=parts[0].style,
            rows=[header, *rows] if header else rows,
            header=header is not None,
        )

    def _parts(self, sheet: _Sheet, beside: Sequence[Sequence[Line]]) -> tuple[list[_Part], Issue | None]:
        try:
            found, issue = grids(sheet.edges, sheet.words), None
        except TooMuchError:
            found, issue = [], _limit(sheet.number, "more lines are drawn on it than in any table")
        parts = [_ruled(grid) for grid in found]
        parts = [
            part
            for part in parts
            if len(part.source.rows) > 1 or self._goes_on(part, sheet.number, only=part is parts[0])
        ]
        found = [part.source for part in parts if isinstance(part.source, Grid)]
        lines = lines_of(outside(sheet.words, found)) if found else sheet.lines
        lines = without_repeated(lines, *beside)
        last = self._open[-1].source if self._open else None
        before = last if isinstance(last, Block) and last.open else None
        parts += [_unruled(block) for block in blocks(lines, sheet.edges.level, before=before)]
        return sorted(parts, key=lambda part: part.box[1]), issue

    def _goes_on(self, part: _Part, page: int, *, only: bool) -> bool:
        if not self._open:
            return False
        last = self._open[-1]
        if isinstance(part.source, Block):
            return isinstance(last.source, Block) and part.source.goes_on
        below = page == self._pages[-1] + 1 and only
        return isinstance(last.source, Grid) and below and _alike(last, part, self._open[0].header)

    def _take(self, part: _Part, page: int) -> None:
        self._open.append(part)
        self._pages.append(page)


def _ruled(grid: Grid) -> _Part:
    """A grid's header and rows: a header is told by its words, as in any list, or by having no number at all."""
    rows = grid.rows
    for at, row in enumerate(rows[: _TITLES + 1]):
        if columns_of(row, None):
            return _Part(Style.RULED, grid.box, row, rows[at + 1 :], grid)
        if sum(map(bool, row)) > 1:
            break
    words_alone = all(rows[0]) and not any(char.isdigit() for cell in rows[0] for char in cell)
    numbers = any(char.isdigit() for row in rows[1:] for cell in row for char in cell)
    if words_alone and numbers:
        return _Part(Style.RULED, grid.box, rows[0], rows[1:], grid)
    return _Part(Style.RULED, grid.box, None, rows, grid)


def _unruled(block: Block) -> _Part:
    header = list(block.layout.texts) if block.layout else None
    return _Part(Style.UNRULED, block.box, header, block.rows, block)


def _alike(last: _Part, part: _Part, header: list[str] | None) -> bool:
    """Whether a grid goes on with the one of the page before: the same columns, and no other header."""
    if not isinstance(last.source, Grid) or not isinstance(part.source, Grid):
        return False
    before, now = last.source.columns, part.source.columns
    same = len(before) == len(now) and all(abs(a - b) <= 2 * SNAP for a, b in zip(before, now, strict=True))
    return same and (part.header is None or part.header == header)


def _merged(parts: Sequence[_Part], pages: Sequence[int]) -> Iterator[Box]:
    """One box of each page."""
    by_page: dict[int, Box] = {}
    for part, page in zip(parts, pages, strict=True):
        a, b = by_page.get(page, part.box), part.box
        by_page[page] = min(a[0], b[0]), min(a[1], b[1]), max(a[2], b[2]), max(a[3], b[3])
    for box in by_page.values():
        x0, y0, x1, y1 = (round(value, 2) for value in box)
        yield x0, y0, x1, y1


def _sheets(path: Path, *, password: str | None, first: int, last: int) -> Generator[_Sheet]:
    """What each page has; runs on the guard's thread."""
    import pypdfium2

    for number, page in page_by_page(path, password=password, first=first, last=last):
        try:
            sheet = _sheet(page, number) if page is not None else None
        except pypdfium2.PdfiumError:
            sheet = None
        issue = _issue("pdf.page", number, f"Page {number} can not be read.", severity=Severity.ERROR)
        yield sheet or _Sheet(number, issues=[issue])


def _sheet(page: Any, number: int) -> _Sheet:
    text_page = page.get_textpage()
    try:
        if text_page.count_chars() > MAX_CHARACTERS:
            return _Sheet(number, issues=[_limit(number, f"it has more than {MAX_CHARACTERS} characters")])
        found = words(page, text_page=text_page)
    finally:
        text_page.close()
    if len(found) > MAX_WORDS:
        return _Sheet(number, issues=[_limit(number, f"it has more than {MAX_WORDS} words")])
    edges = edges_of(page) if found else Edges([], [])
    return _Sheet(number, words=found, lines=lines_of(found), edges=edges)


def _limit(number: int, why: str) -> Issue:
    message = f"Not all tables of page {number} were read: {why}."
    return _issue("pdf.table_limit", number, message, severity=Severity.WARNING)


def _issue(code: str, number: int, message: str, *, severity: Severity) -> Issue:
    return Issue(row=number, line=None, column=None, code=code, severity=severity, message=message)
