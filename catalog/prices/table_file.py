"""An owner's price table as CSV: `part_num,color_id,condition,currency,unit_price`; every wrong row found in one go."""

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple

from catalog.prices.port import amount, currency_code
from jobs.issues import Issue, Severity

COLUMNS = ("part_num", "color_id", "condition", "currency", "unit_price")
NEEDED = ("part_num", "currency", "unit_price")
MOST_ROWS = 200_000
MOST_ISSUES = 1000  # told in full; the others are counted
MOST_BYTES = 16 * 1024 * 1024
_LONGEST = 100  # characters of a part number
_CONDITIONS = {"n": "N", "new": "N", "u": "U", "used": "U", "": None}
_ANY_COLOR = {"", "9999"}  # 9999 is Rebrickable's "any color"
_DELIMITERS = ",;\t"


class TablePrice(NamedTuple):
    """One good row."""

    part_num: str  # lower case
    color_id: int | None  # None: any color
    condition: str | None  # N, U; None: either
    currency: str
    unit_price: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceTable:
    """What a file holds. It is usable where nothing is wrong with it."""

    rows: tuple[TablePrice, ...]
    issues: tuple[Issue, ...]  # the first MOST_ISSUES
    wrong: int  # how many there are


def read_table(content: bytes) -> PriceTable:
    """All rows of a table in UTF-8, whose header names its columns in any order; `,`, `;` or a tab between them."""
    issues = _Issues()
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        issues.add("encoding.invalid", "The file is not UTF-8.", line=line, expected="UTF-8")
        return issues.table(())
    return issues.table(tuple(_Reading(text, issues).rows()))


class _Issues:
    """What is wrong, the first of it in full."""

    def __init__(self) -> None:
        self._kept: list[Issue] = []
        self._count = 0

    def add(
        self,
        code: str,
        message: str,
        *,
        row: int | None = None,
        line: int | None = None,
        column: str | None = None,
        value: str | None = None,
        expected: str | None = None,
        suggestions: tuple[str, ...] = (),
    ) -> None:
        self._count += 1
        if len(self._kept) < MOST_ISSUES:
            shown = value[:_LONGEST] if value is not None else None
            self._kept.append(
                Issue(
                    row=row,
                    line=line,
                    column=column,
                    code=code,
                    severity=Severity.ERROR,
                    message=message,
                    value=shown,
                    expected=expected,
                    suggestions=suggestions,
                )
            )

    def table(self, rows: tuple[TablePrice, ...]) -> PriceTable:
        return PriceTable(rows=rows, issues=tuple(self._kept), wrong=self._count)


class _Reading:
    """One file's rows; what is wrong with them goes to `issues`."""

    def __init__(self, text: str, issues: _Issues) -> None:
        head = text.partition("\n")[0]
        delimiter = max(_DELIMITERS, key=head.count)
        self._lines = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
        self._issues = issues
        self._seen: dict[tuple[str, int | None, str | None, str], int] = {}  # the line of each key

    def rows(self) -> Iterator[TablePrice]:
        header = [name.strip().lower() for name in self._next() or ()]
        if not self._header_is_well(header):
            return
        number = 0
        while (cells := self._next()) is not None:
            if not any(cell.strip() for cell in cells):
                continue
            number += 1
            if number > MOST_ROWS:
                message = f"The table has more than {MOST_ROWS} rows."
                self._issues.add("limit.rows", message, row=number, line=self._lines.line_num)
                return
            row = self._row(
                dict(zip(header, map(str.strip, cells), strict=False)), cells, number=number, width=len(header)
            )
            if row is not None:
                yield row

    def _next(self) -> Sequence[str] | None:
        """The next line's cells; a line that cannot be read ends the table, since its end is not known either."""
        try:
            return next(self._lines, None)
        except csv.Error as error:
            self._issues.add("csv.syntax", f"This line is no CSV: {error}.", line=self._lines.line_num)
            return None

    def _header_is_well(self, header: Sequence[str]) -> bool:
        expected = ",".join(COLUMNS)
        missing = [name for name in NEEDED if name not in header]
        for name in missing:
            message = f"The header names no column {name}."
            self._issues.add("column.missing", message, line=1, column=name, value=",".join(header), expected=expected)
        repeated = sorted({name for name in header if name in COLUMNS and header.count(name) > 1})
        for name in repeated:
            message = f"The header names the column {name} twice."
            self._issues.add("column.repeated", message, line=1, column=name, expected=expected)
        return not missing and not repeated

    def _row(self, said: dict[str, str], cells: Sequence[str], *, number: int, width: int) -> TablePrice | None:
        wrong = list(_wrong(said))
        if len(cells) > width and any(cell.strip() for cell in cells[width:]):
            wrong.append(("row.too_long", None, ",".join(cells), f"{width} columns", ()))
        if not wrong:
            row = TablePrice(
                said["part_num"].lower(),
                None if said.get("color_id", "") in _ANY_COLOR else int(said["color_id"]),
                _CONDITIONS[said.get("condition", "").lower()],
                currency_code(said["currency"]) or "",
                amount(said["unit_price"]) or Decimal(0),
            )
            first = self._seen.setdefault(row[:4], self._lines.line_num)
            if first == self._lines.line_num:
                return row
            wrong.append(("row.duplicate", "part_num", said["part_num"], f"one price; line {first} has another", ()))
        for code, column, value, expected, suggestions in wrong:
            self._issues.add(
                code,
                _MESSAGES[code],
                row=number,
                line=self._lines.line_num,
                column=column,
                value=value,
                expected=expected,
                suggestions=suggestions,
            )
        return None


_MESSAGES = {
    "part.missing": "The row names no part.",
    "part.invalid": "This is no part number.",
    "color.not_integer": "A color is the catalog's number of it.",
    "condition.unknown": "A condition is new or used.",
    "currency.unknown": "A currency has three letters.",
    "price.missing": "The row has no price.",
    "price.zero": "A price of zero is no price; leave the row out.",
    "price.negative": "A price is above zero.",
    "price.not_decimal": "This is no decimal number.",
    "row.too_long": "The row has more cells than the header.",
    "row.duplicate": "The same part, color, condition and currency came before.",
}
_Wrong = tuple[str, str | None, str, str, tuple[str, ...]]  # code, column, value, expected, suggestions


def _wrong(said: dict[str, str]) -> Iterator[_Wrong]:
    """All that is wrong with the cells of one row."""
    part = said.get("part_num", "")
    if not part:
        yield "part.missing", "part_num", part, "a part number", ()
    elif len(part) > _LONGEST or not part.isprintable():
        yield "part.invalid", "part_num", part, f"up to {_LONGEST} printable characters", ()
    color = said.get("color_id", "")
    if color not in _ANY_COLOR and not (color.isascii() and color.isdigit() and len(color) <= 9):
        yield "color.not_integer", "color_id", color, "a number, or nothing for any color", ()
    condition = said.get("condition", "")
    if condition.lower() not in _CONDITIONS:
        yield "condition.unknown", "condition", condition, "N, U, or nothing for either", ()
    currency = said.get("currency", "")
    if currency_code(currency) is None:
        yield "currency.unknown", "currency", currency, "a code of ISO 4217: EUR", ()
    yield from _wrong_price(said.get("unit_price", ""))


def _wrong_price(text: str) -> Iterator[_Wrong]:
    if amount(text) is not None:
        return
    code, suggestions = "price.not_decimal", tuple[str, ...]()
    if not text:
        code = "price.missing"
    elif text.startswith("-") and amount(text[1:]) is not None:
        code = "price.negative"
    elif not text.strip("0.") and text.count(".") < 2 and text != ".":
        code = "price.zero"
    elif text.count(",") == 1 and amount(text.replace(",", ".")) is not None:
        suggestions = (text.replace(",", "."),)
    yield code, "unit_price", text, "a decimal number above zero, with a point: 0.25", suggestions
