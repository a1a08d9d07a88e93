"""The tables of a document as files: each as CSV, and one line about each in `tables.jsonl`."""

import csv
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from parsers.pdf_tables import Table
from parsers.table_cells import quantity
from parsers.table_header import find_header
from parsers.wishes import PLAIN

TABLES = "tables.jsonl"  # one line about each table: the `facts` of what `write` gives
_HEAD = 30  # rows among which the header of a parts list is looked for
_COUNTED = 0.6  # share of its rows that state a quantity
_RUN = ("=", "+", "-", "@", "\t", "\r")  # a cell that begins so is run by spreadsheets
_NUMBER = re.compile(r"[+-][\d.,' ]+%?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """The files of one table."""

    path: Path  # `table-001.csv`, for people: no spreadsheet runs anything in it
    parts_list: Path | None  # `table-001-list.csv`, word for word, where a parts list stands in it
    facts: dict[str, Any]  # a line of `tables.jsonl`


def write(table: Table, *, folder: Path) -> Written:
    """Writes the table below `folder`.

    The CSV for people has a byte-order mark, without which Excel takes it for Windows-1252, and an apostrophe before
    cells that would run as formulas. A parts list must not be changed so: it is written a second time, as it stands,
    for the parser of parts lists alone.
    """
    path = folder / f"table-{table.number:03}.csv"
    _write(path, [[_guarded(cell) for cell in row] for row in table.rows], encoding="utf-8-sig")
    exact = None
    if looks_like_parts_list(table):
        exact = folder / f"table-{table.number:03}-list.csv"
        _write(exact, table.rows, encoding="utf-8")
    facts = {
        "number": table.number,
        "name": path.name,
        "pages": list(table.pages),
        "boxes": [list(box) for box in table.boxes],
        "style": table.style.value,
        "rows": len(table.rows) - table.header,
        "columns": max(map(len, table.rows), default=0),
        "header": table.header,
        "parts_list": exact is not None,
    }
    return Written(path=path, parts_list=exact, facts=facts)


def looks_like_parts_list(table: Table) -> bool:
    """Whether its header names parts and quantities, and most rows state a quantity that can be read.

    Of columns that nothing but a list has: `Item` and `Qty` alone stand above the lines of an invoice too.
    """
    found = find_header(list(enumerate(table.rows[:_HEAD], 1)), PLAIN)
    if found is None or found.columns.qty is None or not found.columns.ids or not found.columns.strong:
        return False
    at, ids = found.columns.qty, [index for index, _ in found.columns.ids]
    rows = [row for row in table.rows[found.after :] if any(row[index] for index in ids)]
    counted = sum(bool(row[at]) and quantity(row[at])[0] is not None for row in rows)
    return bool(rows) and counted >= _COUNTED * len(rows)


def _write(path: Path, rows: Sequence[Sequence[str]], *, encoding: str) -> None:
    with path.open("w", encoding=encoding, newline="") as out:
        csv.writer(out).writerows(rows)


def _guarded(cell: str) -> str:
    """The cell so that no spreadsheet runs it; numbers with a sign are numbers."""
    return f"'{cell}" if cell.startswith(_RUN) and not _NUMBER.fullmatch(cell) else cell
