"""Lists as CSV with fixed columns: read by the block, clean rows by memory, each wrong one with all that is wrong."""

import csv
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import Any

from jobs.errors import UnreadableFile
from jobs.issues import Fact, Issue, Record, Rows, Severity
from parsers import table
from parsers.codes import CODES, issue
from parsers.encoding import Watch, examine
from parsers.known_rows import Columns, columns_of
from parsers.list_headers import DELIMITERS, LINES, Header, Layout, header_of
from parsers.numbers import color_number, likely_quantity
from parsers.readings import Field, Known, Reading, Unread, reading
from parsers.table_cells import Decimal, part_id, quantity, readings
from parsers.text_blocks import MAX_LINE, blocks
from parsers.wishes import Wishes

_MARKS: dict[str, Decimal] = {",": ".", ";": ","}

Blocks = Iterator[tuple[int, list[str]]]
Wrong = list[tuple[str, str]]  # code, our name of the column


class CsvList:
    """How one format is read; a format fills in what its columns mean."""

    layout: Layout
    title = ""  # what such a list is called
    expected = ""  # the header in words
    fields: Mapping[str, Field] = {}  # by our name of a column; `qty` is read alike in all formats
    finish: Callable[[dict[str, Any]], None] | None = None  # completes a row's fields from one another

    def __init__(self, wishes: Wishes, *, base: dict[str, Any]) -> None:
        """`base` is what each record holds before its row is read."""
        self.wishes = wishes
        self.base = base
        self.header: Header
        self.fields = {**self.fields, "qty": Field("qty", self._quantity, empty="qty.required")}

    def judged(self, wrong: Wrong, texts: Mapping[str, str], found: dict[str, Any]) -> Wrong:  # noqa: ARG002 - a hook
        """What is wrong with a row, in the light of its other columns; defaults go into `found`."""
        return wrong

    def ends(self, cells: Sequence[str]) -> bool:  # noqa: ARG002 - a hook for formats that say something below
        """Whether the list ends before this row."""
        return False

    def below(self, rows: Iterator[Sequence[str]]) -> Iterator[Fact]:  # noqa: ARG002 - as above
        """What the row that ended the list and those behind it tell."""
        yield from ()

    def read(self, path: Path, watch: Watch | None) -> Iterator[Record | Issue | Fact]:
        """Every row, in order, one by one; raises what `read_in_bulk` raises."""
        for item in self.read_in_bulk(path, watch):
            if type(item) is Rows:
                yield from item.records()
            else:
                yield item  # type: ignore[misc]  # Rows are told apart by their exact type

    def read_in_bulk(self, path: Path, watch: Watch | None) -> Iterator[Rows | Record | Issue | Fact]:
        """Every row, in order, those that are well in bulk. Raises `UnreadableFile` (`format.empty`, `format.unknown`, `encoding.invalid`).

        Where the caller says which column holds what, the list is read as any other table.
        """
        if self.wishes.columns or self.wishes.header_row is not None:
            spaces = {name: self.base[name] for name in ("id_space", "color_space")}
            yield from table.parse(path, watch=watch, wishes=replace(self.wishes, **spaces))
            return
        facts = examine(path, encoding=self.wishes.encoding)
        if not facts.size:
            raise UnreadableFile("format.empty", "The file is empty.")
        if facts.guessed_line:
            yield issue("encoding.guessed", row=None, line=facts.guessed_line)
        rest = blocks(path, facts, watch=watch)
        first, lines = self._opened(rest)
        yield Fact("header_line", self.header.line)
        yield Fact("delimiter", self.header.delimiter)
        yield from self._rows(chain([(first, lines)], rest))

    def _opened(self, found: Blocks) -> tuple[int, list[str]]:
        """Find the header; the number of the line behind it, and the lines that were read with it."""
        for first, lines in found:
            for number, line in enumerate(lines, first):
                if number > LINES or len(line) > MAX_LINE:
                    raise self._unknown(number)
                if line.strip(" \t,;\ufeff"):
                    delimiters = self.wishes.delimiter or DELIMITERS
                    header = header_of(line, number, layout=self.layout, delimiters=delimiters)
                    if header is None:
                        raise self._unknown(number)
                    self.header = header
                    return number + 1, lines[number - first + 1 :]
        raise UnreadableFile("format.empty", "The file holds nothing but blank lines.")

    def _unknown(self, line: int) -> UnreadableFile:
        message = f"The first line is not the header of a {self.title}."
        return UnreadableFile("format.unknown", message, hint=f"Expected columns: {self.expected}.", line=line)

    @property
    def decimal(self) -> Decimal | None:
        """The decimal mark: where commas part the cells it is the point, where semicolons do it is the comma."""
        return self.wishes.decimal or _MARKS.get(self.header.delimiter)

    def _quantity(self, text: str) -> Reading:
        return quantity(text, self.decimal)

    def _rows(self, rest: Blocks) -> Iterator[Rows | Record | Issue | Fact]:
        """Every row, those that are well in bulk."""
        columns, row = self._table(), 0
        read = columns.known.fields
        for first, lines in rest:
            if found := self._together(columns, lines, row + 1, range(first, first + len(lines))):
                yield found
                row += len(lines)
                continue
            well = Rows(row + 1, range(first, first + len(lines)), [], [], read)
            for number, line in enumerate(lines, first):
                cells = self._cells(line)
                one = columns.one(cells.copy()) if len(cells) == len(self.header.cells) else None
                if one is not None:
                    row += 1
                    well.qty.append(one[0])
                    well.stated.append(one[1])
                    continue
                if well.qty:
                    yield well
                if line.strip(" \t\r,;"):
                    if self.ends(cells):
                        further = chain(lines[number - first + 1 :], (text for _, more in rest for text in more))
                        yield from self.below(chain([cells], (self._cells(text) for text in further)))
                        break
                    row += 1
                    yield from self._closely(line, cells, row=row, number=number)
                well = Rows(row + 1, range(number + 1, first + len(lines)), [], [], read)
            else:
                if well.qty:
                    yield well
        if not row:
            raise UnreadableFile("format.empty", "The list has a header and no rows.", hint="Export it again.")

    def _together(self, columns: Columns, lines: list[str], row: int, numbers: range) -> Rows | None:
        """All of these lines, where each is well and none needs quotation marks."""
        delimiter = self.header.delimiter
        cells = [line.split(delimiter) for line in lines]
        if set(map(len, cells)) != {len(self.header.cells)} or '"' in "".join(lines):
            return None
        return columns.read(list(zip(*cells, strict=True)), row, numbers)

    def _table(self) -> Columns:
        """How the rows are read."""
        at = {at: name for name, at in self.header.at.items() if name in self.fields}
        names = [at.get(place, "") for place in range(len(self.header.cells))]
        unread = Unread()
        memos = [Known(self.fields[name]) if name else unread for name in names]
        return columns_of(memos, names, base=self.base, finish=self.finish)

    def _cells(self, line: str) -> list[str]:
        """The line's cells; none where its quotation marks do not pair up."""
        if '"' not in line or len(line) > MAX_LINE:
            return line.split(self.header.delimiter)
        try:
            return next(csv.reader([line], delimiter=self.header.delimiter, strict=True), [])
        except csv.Error:
            return []

    def _closely(self, line: str, cells: list[str], *, row: int, number: int) -> Iterator[Record | Issue]:
        """A row that is read column by column: what is wrong with it, then its record unless that is too much."""
        header = self.header
        width, needed = len(header.cells), max(header.at[name] for name in self.layout.needed)
        if len(line) > MAX_LINE:
            yield issue("row.too_long", row=row, line=number)
        elif not cells:
            yield issue("row.quotes", line, row=row, line=number)
        elif len(cells) <= needed or any(cell.strip() for cell in cells[width:]):
            yield issue("row.ragged", line, row=row, line=number, expected=f"{width} columns")
        else:
            texts = {name: cells[at].strip() for name, at in header.at.items() if at < len(cells)}
            yield from self._columns(texts, row=row, number=number)

    def _columns(self, texts: Mapping[str, str], *, row: int, number: int) -> Iterator[Record | Issue]:
        found, wrong = self.base.copy(), Wrong()
        for name, field in self.fields.items():
            if name in texts:
                value, code = reading(field, texts[name])
                if value is not None:
                    found[field.name] = value
                if code is not None:
                    wrong.append((code, name))
        wrong = self.judged(wrong, texts, found)
        if self.finish is not None:
            self.finish(found)
        for code, name in wrong:
            text = texts[name]
            likely = likely_quantity(text) if code in {"qty.not_integer", "qty.negative"} else ()
            likely = readings(text) if code == "qty.ambiguous" else likely
            column = self.header.cells[self.header.at[name]]
            yield issue(code, text or None, row=row, line=number, column=column, suggestions=likely)
        if not any(CODES[code].severity is Severity.ERROR for code, _ in wrong):
            yield Record(row, number, found)


def color(text: str) -> Reading:
    """A color's number; -1 is Rebrickable's own word for one that nobody knows."""
    return (-1, "color.unknown") if text == "-1" else color_number(text)


def words(text: str) -> Reading:
    """Free text."""
    return text, None


PART = Field("raw_id", part_id, empty="part.missing")
COLOR = Field("raw_color", color, empty="color.missing")
ELEMENT = Field("element_id", words)
