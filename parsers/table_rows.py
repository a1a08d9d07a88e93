"""From rows of cells, wherever they came from (text, a sheet, a page), to records, issues and facts."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain, islice

from jobs.errors import UnreadableFile
from jobs.issues import Fact, Issue, Record
from parsers.codes import issue
from parsers.numbers import likely_quantity
from parsers.table_cells import Decimal, before_dates, decimal_mark, is_error, readings
from parsers.table_columns import MAX_COLUMNS, Columns, columns_of, side_by_side
from parsers.table_header import Row, checked, find_header, shown, unknown_columns
from parsers.table_lines import Broken, Mended
from parsers.table_row import RowReader, Wrong
from parsers.table_shape import Shape, shape_of
from parsers.table_words import declared, is_rule, is_title
from parsers.wishes import PLAIN, Wishes

HEAD_ROWS = 1000  # rows read before the first is given out: the header, and numbers that show the decimal mark
MAX_TITLE = 120  # characters
_NOT_INTEGER = frozenset({"qty.not_integer", "qty.negative"})


@dataclass(slots=True, kw_only=True)
class Tally:
    """What was found so far, over all sheets or pages of one file."""

    rows: int = 0  # items, rejected ones among them
    pieces: list[int] = field(default_factory=list)  # totals that tables claim, in order
    tables: int = 0  # tables with rows
    claimed: int = 0  # of them, those that claim a total

    def total(self) -> int | None:
        """What the file claims as a whole; None where it does not, or only for some of its tables."""
        return sum(self.pieces) if self.pieces and self.claimed == self.tables else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where the rows come from."""

    sheet: str | None = None  # named in each record
    prefix: str = ""  # before the names of columns in issues: `BOM!`
    typed: bool = False  # numbers were told from text already: they show no decimal mark, and rows do not shift
    shape: Shape | None = None  # what a list without a header seems to be, where somebody looked already
    guess: bool = True  # whether columns may be told from what stands in them
    merged: Mapping[int, frozenset[int]] = field(default_factory=dict)  # line -> columns that continue the row above


def rows_of(
    cells: Iterable[tuple[int, list[str]]],
    *,
    wishes: Wishes = PLAIN,
    place: Place = Place(),
    tally: Tally | None = None,
) -> Iterator[Record | Issue | Fact]:
    """Reads one stretch of rows, each with the number of its line; `tally` goes on counting over several stretches.

    Raises `UnreadableFile` (`table.no_header`, `format.empty`) and `InputError` (`columns.unknown`, `columns.field`).
    """
    wishes = checked(wishes)
    tally = tally if tally is not None else Tally()
    rows = iter(cells)
    head: list[Row] = list(islice(rows, HEAD_ROWS))
    columns, after, opening = _opening(head, wishes, place)
    yield from opening
    below: Iterable[Row] = chain(head[after:], rows)
    if blocks := side_by_side(columns.header) if not wishes.columns else ():
        columns = columns_of(columns.header[blocks[0]], columns.line) or columns
        below = _apart(below, blocks)
    table = _Table(columns, _decimal(columns, head[after:], wishes, place), wishes=wishes, place=place, tally=tally)
    before = tally.rows
    for claim in _preamble(head[:after], columns):
        table.claims.append(claim)
    yield from table.read(below)
    if tally.rows > before:
        tally.tables += 1
        if (claimed := table.claimed()) is not None:
            tally.claimed += 1
            tally.pieces.append(claimed)


def _opening(head: Sequence[Row], wishes: Wishes, place: Place) -> tuple[Columns, int, list[Issue | Fact]]:
    """The columns, the index of the first row below the header, and what is said about both."""
    found = find_header(head, wishes)
    if found:
        columns = found.columns
        said: list[Issue | Fact] = [] if columns.line is None else [Fact("header_line", columns.line)]
        if title := _title(head[: found.after - 1] if columns.line is not None else []):
            said.append(Fact("title", title))
        if columns.currency:
            said.append(Fact("currency", columns.currency))
        after = found.after
    else:
        if wishes.columns or wishes.header_row:
            raise unknown_columns(head, wishes)
        shape = (place.shape or shape_of([cells for _, cells in head])) if place.guess else None
        if shape is None:
            raise _no_header(head)
        columns, after = shape.columns, 0
        said = [issue("columns.guessed", shape.told, row=None, line=None)]
    if columns.qty is None:
        code = "qty.all_counted" if columns.reference is not None else "qty.no_column"
        said.append(issue(code, row=None, line=columns.line))
    return columns, after, said


def _no_header(head: Sequence[Row]) -> UnreadableFile:
    line, cells = next(((line, cells) for line, cells in head if any(cell.strip() for cell in cells)), (None, []))
    if line is None:
        return UnreadableFile("format.empty", "The table holds no rows.")
    hint = (
        'Say which columns it has in options.columns, such as {"raw_id": 1, "raw_color": 2, "qty": 3} or with their'
        f" headers instead of numbers. The first row is: {shown(cells)}."
    )
    message = "No header was found that names a part and a quantity, and the rows do not show which column is which."
    return UnreadableFile("table.no_header", message, hint=hint, line=line)


def _decimal(columns: Columns, rows: Sequence[Row], wishes: Wishes, place: Place) -> Decimal | None:
    """The decimal mark: the caller's word, else what the first rows show."""
    if wishes.decimal or place.typed:
        return wishes.decimal
    wanted = columns.numeric()
    return decimal_mark(cells[at] for _, cells in rows for at in wanted if at < len(cells) and cells[at])


def _title(rows: Sequence[Row]) -> str | None:
    """The first lone cell above the header."""
    for _, cells in rows:
        filled = [cell.strip() for cell in cells if cell.strip()]
        if len(filled) == 1 and len(filled[0]) <= MAX_TITLE and any(char.isalpha() for char in filled[0]):
            return filled[0]
    return None


def _apart(rows: Iterable[Row], blocks: Sequence[slice]) -> Iterator[Row]:
    """Rows of tables that stand beside each other, one after the other."""
    for line, cells in rows:
        if isinstance(cells, Broken):
            yield line, cells
        else:
            for block in blocks:
                yield line, cells[block]


def _preamble(rows: Sequence[Row], columns: Columns) -> Iterator[int]:
    """Totals that stand above the header: KiCad's `Component Count:`."""
    for line, cells in rows:
        if line != columns.line and (claim := declared(cells, None)[1]) is not None:
            yield claim


class _Table:
    """Reads rows until they end; a new header among them begins a table of its own."""

    def __init__(
        self, columns: Columns, decimal: Decimal | None, *, wishes: Wishes, place: Place, tally: Tally
    ) -> None:
        self.claims: list[int] = []  # totals that stand in the rows
        self._wishes, self._place, self._tally = wishes, place, tally
        self._seen: set[str] = set()
        self._decimal = decimal
        self._use(columns)

    def read(self, rows: Iterable[Row]) -> Iterator[Record | Issue | Fact]:
        """Records and issues of the rows, in order."""
        tally, sheet, shifts = self._tally, self._place.sheet, not self._place.typed
        for line, cells in self._continued(rows) if self._place.merged else rows:
            fields, wrong = self._reader.read(cells)
            plain = wrong is None and cells.__class__ is list and not (shifts and len(cells) > self._width)
            if plain:
                tally.rows += 1
                if sheet is not None:
                    fields["sheet"] = sheet
                yield Record(tally.rows, line, fields)
            elif not self._is_apart(cells, line):
                tally.rows += 1
                yield from self._judged(cells, line, fields=fields, wrong=wrong or [])

    def _continued(self, rows: Iterable[Row]) -> Iterator[Row]:
        """Rows with the values of merged cells; counts and designators belong to their first row alone."""
        above: list[str] = []
        for line, cells in rows:
            covered = self._place.merged.get(line)
            if covered and any(cell.strip() for cell in cells):
                own = {self._columns.qty, self._columns.reference}
                for at in covered:
                    if at not in own and at < len(above) and at < len(cells) and not cells[at]:
                        cells[at] = above[at]
            above = cells
            yield line, cells

    def claimed(self) -> int | None:
        """The total that the rows claim. Sections may have totals of their own, with or without one over all."""
        if not self.claims:
            return None
        *sections, last = self.claims
        return last if not sections or last == sum(sections) else last + sum(sections)

    def _use(self, columns: Columns) -> None:
        wishes = self._wishes
        self._columns = columns
        self._width = columns.width or MAX_COLUMNS
        self._reader = RowReader(
            columns, decimal=self._decimal, id_space=wishes.id_space, color_space=wishes.color_space, seen=self._seen
        )

    def _is_apart(self, cells: list[str], line: int) -> bool:
        """Whether the row is none of the list's items: blank, a rule, a title, a total, a header."""
        if isinstance(cells, Broken):
            return False
        if not any(cell.strip() for cell in cells) or is_rule(cells):
            return True
        columns = self._columns
        if is_title(cells, [index for index, _ in columns.ids]):
            self._claim(cells)
            return True
        if self._claim(cells):
            return True
        if columns.header and (again := columns_of(cells, line)) is not None:
            same = [cell.strip() for cell in cells[: columns.width]] == list(columns.header)
            if not same and not self._wishes.columns:
                self._use(again)
            return True
        return False

    def _claim(self, cells: list[str]) -> bool:
        is_total, claim = declared(cells, self._columns.qty)
        if claim is not None:
            self.claims.append(claim)
        return is_total

    def _judged(
        self, cells: list[str], line: int, *, fields: dict[str, object], wrong: list[Wrong]
    ) -> Iterator[Record | Issue]:
        """What is wrong with a row, then its record unless that is too much."""
        row = self._tally.rows
        if isinstance(cells, Broken):
            yield issue(cells.code, cells.text, row=row, line=line)
            return
        if not self._place.typed and any(cell.strip() for cell in cells[self._width :]):
            text, expected = " | ".join(cells[: self._width + 5]), f"{self._width} columns"
            yield issue(
                "row.quotes" if isinstance(cells, Mended) else "row.ragged", text, row=row, line=line, expected=expected
            )
            return
        if isinstance(cells, Mended):
            yield issue("row.quotes_odd", " | ".join(cells), row=row, line=line)
        rejected = False
        for found in wrong:
            code = found.code
            rejected = rejected or is_error(code)
            yield issue(
                code,
                found.text or None,
                row=row,
                line=line,
                column=self._named(found.at),
                expected=found.expected,
                suggestions=_likely(code, found.text),
            )
        if not rejected:
            if self._place.sheet is not None:
                fields["sheet"] = self._place.sheet
            yield Record(row, line, fields)

    def _named(self, index: int | None) -> str | None:
        name = self._columns.name(index)
        return f"{self._place.prefix}{name}" if name is not None else None


def _likely(code: str, text: str | None) -> tuple[str, ...]:
    if text is None:
        return ()
    if code == "qty.ambiguous":
        return readings(text)
    if code == "part.excel_date":
        return before_dates(text)
    return likely_quantity(text) if code in _NOT_INTEGER else ()
