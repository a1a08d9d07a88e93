"""Reads Rebrickable CSV parts lists: line by line, so that a bad quotation mark hurts only its own row."""

import csv
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from jobs.errors import UnreadableFile
from jobs.issues import Fact, Issue, Record, Severity
from parsers.codes import CODES, issue
from parsers.encoding import CP1252, TextFacts, Watch, examine
from parsers.numbers import color_number, is_scientific, likely_quantity, whole_quantity
from parsers.rebrickable_header import Header, header_of
from parsers.wishes import PLAIN, Wishes

MAX_LINE = 64 * 1024  # characters of one row
MAX_ID = 100  # characters of a part number
PREAMBLE = 100  # blank lines that may stand before the header

_YES = frozenset({"true", "t", "yes", "y", "1"})
_NO = frozenset({"false", "f", "no", "n", "0", ""})
_EVERY = 4096  # rows between two words on how far it is


class _Line(NamedTuple):
    """One physical line; `text` is None where it is too long to be a row."""

    number: int  # 1-based
    text: str | None


def parse(path: Path, *, watch: Watch | None = None, wishes: Wishes = PLAIN) -> Iterator[Record | Issue | Fact]:
    """The list's rows in order, each good one as a `Record`, each thing wrong as an `Issue`.

    Raises `UnreadableFile` (`format.empty`, `format.unknown`); `watch` is told how far it is.
    """
    facts = examine(path, encoding=wishes.encoding)
    if not facts.size:
        raise UnreadableFile("format.empty", "The file is empty.")
    if facts.guessed_line:
        yield issue("encoding.guessed", row=None, line=facts.guessed_line)
    lines = _lines(path, facts, watch=watch)
    header = _header(lines)
    row = 0
    for line in lines:
        if line.text is not None and not line.text.strip(" \t\r,;"):
            continue
        row += 1
        yield from _row(line, header, row=row)
    if not row:
        raise UnreadableFile("format.empty", "The list has a header and no rows.", hint="Export it again.")


def _lines(path: Path, facts: TextFacts, *, watch: Watch | None) -> Iterator[_Line]:
    """The physical lines, whatever ends them; memory stays flat even where nothing does."""
    errors = "replace" if facts.encoding == CP1252 else "strict"
    with path.open("rb") as raw, io.TextIOWrapper(raw, facts.encoding, errors, newline=None) as text:
        number, inside = 0, False
        try:
            while line := text.readline(MAX_LINE):
                ends = line.endswith("\n")
                if not inside:
                    number += 1
                    yield _Line(number, line.rstrip("\n") if ends or len(line) < MAX_LINE else None)
                inside = not ends
                if watch and number % _EVERY == 0:
                    watch(min(raw.tell(), facts.size), facts.size)
        except UnicodeError:
            message = f"The text breaks off inside a character behind line {number}."
            raise UnreadableFile("encoding.invalid", message, line=number) from None
    if watch:
        watch(facts.size, facts.size)


def _header(lines: Iterator[_Line]) -> Header:
    """The first line that is not blank, which has to be the header."""
    for line in lines:
        if line.number > PREAMBLE or line.text is None:
            break
        if line.text.strip(" \t,;\ufeff"):
            if header := header_of(line.text, line.number):
                return header
            break
    else:
        raise UnreadableFile("format.empty", "The file holds nothing but blank lines.")
    message = "The first line is not the header of a Rebrickable list."
    raise UnreadableFile("format.unknown", message, hint="Expected columns: Part, Color, Quantity.", line=line.number)


def _row(line: _Line, header: Header, *, row: int) -> Iterator[Record | Issue]:
    """One row: what is wrong with it, then its record unless that is too much."""
    if line.text is None:
        yield issue("row.too_long", row=row, line=line.number)
        return
    cells = _cells(line.text, header.delimiter)
    if cells is None:
        yield issue("row.quotes", line.text, row=row, line=line.number)
        return
    width, needed = len(header.cells), max(header.at[name] for name in ("part", "color", "qty"))
    if len(cells) <= needed or any(cell.strip() for cell in cells[width:]):
        yield issue("row.ragged", line.text, row=row, line=line.number, expected=f"{width} columns")
        return
    wrong: list[tuple[str, str]] = []  # code, our name of the column
    fields = _fields(cells, header.at, wrong)
    rejected = False
    for code, name in wrong:
        at = header.at[name]
        text = cells[at].strip()
        likely = likely_quantity(text) if code in {"qty.not_integer", "qty.negative"} else ()
        column = header.cells[at]
        yield issue(code, text or None, row=row, line=line.number, column=column, suggestions=likely)
        rejected = rejected or CODES[code].severity is Severity.ERROR
    if not rejected:
        yield Record(row=row, line=line.number, fields=fields)


def _cells(text: str, delimiter: str) -> list[str] | None:
    """The line's cells; None where its quotation marks do not pair up."""
    if '"' not in text:
        return text.split(delimiter)
    try:
        return next(csv.reader([text], delimiter=delimiter, strict=True), [])
    except csv.Error:
        return None


def _fields(cells: list[str], at: dict[str, int], wrong: list[tuple[str, str]]) -> dict[str, Any]:
    """The record's fields; what is wrong with them goes to `wrong`."""
    fields: dict[str, Any] = {
        "item_type": "P",
        "raw_id": _part(cells[at["part"]].strip(), wrong),
        "id_space": "rebrickable",
        "raw_color": _color(cells[at["color"]].strip(), wrong),
        "color_space": "rebrickable",
        "qty": _quantity(cells[at["qty"]].strip(), wrong),
        "spare": False,
    }
    if (spare := at.get("spare")) is not None and spare < len(cells):
        word = cells[spare].strip().lower()
        if word in _YES:
            fields["spare"] = True
        elif word not in _NO:
            wrong.append(("spare.unknown", "spare"))
    if (element := at.get("element")) is not None and element < len(cells) and cells[element].strip():
        fields["element_id"] = cells[element].strip()
    return fields


def _part(text: str, wrong: list[tuple[str, str]]) -> str:
    if not text:
        wrong.append(("part.missing", "part"))
    elif is_scientific(text):
        wrong.append(("part.excel_number", "part"))
    elif len(text) > MAX_ID:
        wrong.append(("part.too_long", "part"))
    elif not text.isprintable():
        wrong.append(("part.invalid", "part"))
    return text


def _color(text: str, wrong: list[tuple[str, str]]) -> int | None:
    if text == "-1":  # Rebrickable's own word for it
        wrong.append(("color.unknown", "color"))
        return -1
    color, code = color_number(text) if text else (None, "color.missing")
    if code:
        wrong.append((code, "color"))
    return color


def _quantity(text: str, wrong: list[tuple[str, str]]) -> int | None:
    qty, code = whole_quantity(text) if text else (None, "qty.required")
    if code:
        wrong.append((code, "qty"))
    return qty
