"""Compiles a catalog: reads a folder or ZIP of sources, checks and joins them, writes one SQLite file.

The same sources give the same bytes, but for the version's name and the time in `meta`.
"""

import json
import os
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from catalog.collect import collect
from catalog.index import Index
from catalog.rows import Tally
from catalog.schema import APPLICATION_ID, FORMAT, PAGE_SIZE, PART_NUMS, SEPARATOR, TABLES
from jobs.errors import InputError

MAX_NOTES = 200
EXPECTED_COLORS = (0, 4, 15)  # black, red, white: a catalog without them is something else
Watch = Callable[[int, int], None]  # told (sources read, sources); may raise to stop the work


@dataclass(frozen=True, slots=True, kw_only=True)
class CompileReport:
    """What came of a compilation."""

    version: str
    counts: Mapping[str, int]  # rows by table, as `Catalog.counts`
    orphans: Mapping[str, int] = field(default_factory=dict)  # rows that name something unknown, by table; left out
    duplicates: Mapping[str, int] = field(default_factory=dict)  # rows whose key was there already; the first counts
    skipped: Mapping[str, int] = field(default_factory=dict)  # malformed rows; left out
    missing_colors: tuple[int, ...] = ()  # of those that every catalog has
    notes: tuple[str, ...] = ()  # for people

    def to_json(self) -> dict[str, Any]:
        """The report as it is stored and shown."""
        found: dict[str, Any] = {"version": self.version}
        for name in ("counts", "orphans", "duplicates", "skipped"):
            found[name] = dict(sorted(getattr(self, name).items()))
        return found | {"missing_colors": list(self.missing_colors), "notes": list(self.notes)}


def compile_catalog(
    sources: Path, out: Path, *, version: str, made_at: datetime | None = None, watch: Watch | None = None
) -> CompileReport:
    """Compile the sources in a folder or ZIP into `out`, which appears complete or not at all.

    Raises `InputError`: `catalog.missing`, `.header`, `.unreadable`, `.encoding`, `.json`, `.too_large`, `.ambiguous`.
    """
    tally = Tally()
    index = Index.of(collect(sources, tally=tally, watch=watch))
    if not index.parts or not index.colors:
        empty = "part" if not index.parts else "color"
        raise InputError("catalog.missing", f"the sources hold not one {empty}", hint="look at the first rows")
    report = CompileReport(
        version=version,
        counts=index.counts,
        orphans=tally.orphans,
        duplicates=tally.duplicates,
        skipped=tally.skipped,
        missing_colors=tuple(color for color in EXPECTED_COLORS if color not in index.colors),
        notes=tuple(tally.notes[:MAX_NOTES]),
    )
    write_index(index, out, version=version, made_at=made_at or datetime.now(UTC))
    return report


def write_index(index: Index, out: Path, *, version: str, made_at: datetime) -> None:
    """Write the compiled file."""
    making = out.with_name(f".{out.name}.{os.getpid()}.tmp")
    making.unlink(missing_ok=True)
    try:
        with closing(sqlite3.connect(making, isolation_level=None)) as file:
            for pragma in (f"page_size={PAGE_SIZE}", "journal_mode=OFF", "synchronous=OFF", "temp_store=MEMORY"):
                file.execute(f"PRAGMA {pragma}")
            file.execute(f"PRAGMA application_id={APPLICATION_ID}")
            file.execute(f"PRAGMA user_version={FORMAT}")
            file.executescript(TABLES)
            file.execute("BEGIN")
            _write_parts(file, index)
            _write_colors(file, index)
            meta = {"version": version, "made_at": made_at.astimezone(UTC).isoformat(timespec="seconds")}
            meta |= {"format": str(FORMAT), "counts": json.dumps(index.counts)}
            meta |= {"complete": "yes" if index.complete else "no"}
            _insert(file, "meta", meta.items())
            file.execute("COMMIT")
        making.replace(out)
    finally:
        making.unlink(missing_ok=True)


def _write_parts(file: sqlite3.Connection, index: Index) -> None:
    names = sorted({part.category for part in index.parts.values()})
    numbers = {name: number for number, name in enumerate(names, 1)}
    _insert(file, "categories", ((number, name) for name, number in numbers.items()))
    _insert(
        file,
        "parts",
        (
            # With the colors that it is known in: whoever looks a part up asks for them next.
            (
                key,
                part.part_num,
                part.name,
                numbers[part.category],
                SEPARATOR.join(map(str, index.part_colors.get(key, ()))),
            )
            for key, part in index.parts.items()
        ),
    )
    _insert(file, "elements", index.elements.values())
    _insert(file, "part_colors", _part_colors(index))
    relations = ((key, *relation) for key, found in index.relations.items() for relation in found)
    _insert(file, "relations", relations)
    _insert(file, "moulds", ((key, SEPARATOR.join(found)) for key, found in index.moulds.items()))
    _insert(file, "part_maps", ((*key, SEPARATOR.join(found)) for key, found in index.part_maps.items()))
    _insert(file, "external_ids", ((*key, SEPARATOR.join(found)) for key, found in index.external_ids.items()))
    _insert(file, "texts", [(PART_NUMS, SEPARATOR.join(index.part_nums()))])


def _part_colors(index: Index) -> Iterator[tuple[str, int, str]]:
    for key, colors in index.part_colors.items():
        for color, elements in colors.items():
            yield key, color, SEPARATOR.join(elements)


def _write_colors(file: sqlite3.Connection, index: Index) -> None:
    _insert(file, "colors", index.colors.values())
    for table, found in (("color_maps", index.color_maps), ("external_colors", index.external_colors)):
        rows = ((*key, place, number) for key, numbers in found.items() for place, number in enumerate(numbers))
        _insert(file, table, rows)
    _insert(file, "color_names", ((name, *meant) for name, found in index.color_names.items() for meant in found))


def _insert(file: sqlite3.Connection, table: str, rows: Iterable[tuple[Any, ...]]) -> None:
    """Rows in the order of their keys, so that pages fill up one after the other."""
    ordered = sorted(rows)
    if ordered:
        marks = ", ".join("?" * len(ordered[0]))
        file.executemany(f"INSERT INTO {table} VALUES ({marks})", ordered)  # noqa: S608 - names from schema.py
