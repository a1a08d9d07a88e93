"""Rows of a CSV table by the names in its header, whatever the order of its columns and whatever else stands there."""

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from catalog.sources import Source, text_lines
from jobs.errors import InputError

MAX_ROWS = 2_000_000  # of one table; the largest real one that is read has 109,000
_TOLD = 3  # notes per table on rows that were left out
Row = tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """What a table has to have."""

    name: str
    columns: tuple[str, ...]  # in the order that its rows are given in
    optional: frozenset[str] = frozenset()  # these may be missing; their cells are empty then
    other_names: Mapping[str, str] = field(default_factory=dict)  # older spelling -> the name in `columns`


@dataclass(slots=True)
class Tally:
    """What was left out while tables were read, and why."""

    skipped: dict[str, int] = field(default_factory=dict)  # table -> malformed rows
    duplicates: dict[str, int] = field(default_factory=dict)  # table -> rows whose key was there already
    orphans: dict[str, int] = field(default_factory=dict)  # table -> rows that name something unknown
    notes: list[str] = field(default_factory=list)

    def skip(self, table: str, why: str) -> None:
        """One malformed row."""
        count = self.skipped[table] = self.skipped.get(table, 0) + 1
        if count <= _TOLD:
            self.notes.append(why)

    def duplicate(self, table: str) -> None:
        """One row whose key was there already."""
        self.duplicates[table] = self.duplicates.get(table, 0) + 1

    def orphan(self, table: str) -> None:
        """One row that names something which the catalog does not have."""
        self.orphans[table] = self.orphans.get(table, 0) + 1


def header_of(source: Source) -> tuple[str, ...]:
    """The names in a CSV file's first line, lower case."""
    for line in text_lines(source):
        return tuple(cell.strip().lower() for cell in next(csv.reader([line]), []))
    return ()


def read_rows(source: Source, layout: Layout, *, tally: Tally) -> Iterator[tuple[int, Row]]:
    """(line, cells in the order of `layout.columns`) for each row; blank lines are passed over.

    Rows of another length than the header's are left out and told; `InputError` where the header lacks a column.
    """
    reader = csv.reader(text_lines(source), strict=True)
    try:
        header = next(reader, [])
        picked = _places(source, layout, header)
        for count, cells in enumerate(reader, 1):
            if count > MAX_ROWS:
                raise InputError(
                    "catalog.too_large",
                    f"{source.name} has more than {MAX_ROWS:,} rows",
                    hint="is it the right file?",
                    file=source.name,
                )
            if len(cells) == len(header):
                row = [cells[place].strip() if place is not None else "" for place in picked]
                yield reader.line_num, tuple(row)
            elif any(cell.strip() for cell in cells):
                why = f"{source.name} line {reader.line_num}: {len(cells)} cells where the header has {len(header)}"
                tally.skip(layout.name, why)
    except csv.Error as wrong:
        raise InputError(
            "catalog.unreadable",
            f"{source.name} is no well-formed CSV near line {reader.line_num}: {wrong}",
            hint="take the file as it was published",
            file=source.name,
            line=reader.line_num,
        ) from wrong


def _places(source: Source, layout: Layout, header: list[str]) -> list[int | None]:
    names = [layout.other_names.get(word, word) for word in (cell.strip().lower() for cell in header)]
    missing = [name for name in layout.columns if name not in names and name not in layout.optional]
    if missing:
        found = ", ".join(names)[:200] or "nothing"
        raise InputError(
            "catalog.header",
            f"{source.name} lacks the column {', '.join(missing)}; its first line says: {found}",
            hint=f"the first line of {layout.name} has to name: {', '.join(layout.columns)}",
            file=source.name,
        )
    return [names.index(name) if name in names else None for name in layout.columns]
