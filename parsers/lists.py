"""Which parser reads which kind of parts list; each is imported when the first such file comes."""

import importlib
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol, cast

from jobs.issues import Fact, Issue, Record, Rows
from parsers.encoding import Watch
from parsers.wishes import PLAIN, Wishes

LISTS = {
    "bricklink-xml": "bricklink_xml",
    "brickstore-bsx": "brickstore_bsx",
    "rebrickable-csv": "rebrickable_csv",
    "element-csv": "element_csv",
    "studio-csv": "studio_csv",
    "ldraw": "ldraw",
    "studio-io": "studio_io",
    "ldd-lxf": "ldd_lxf",
    "ldd-lxfml": "ldd_lxfml",
    "table": "table",
    "xlsx": "workbook",
    "xls": "workbook",
}


class Reader(Protocol):
    """A list parser's `parse`."""

    def __call__(
        self, path: Path, *, watch: Watch | None = None, wishes: Wishes = PLAIN
    ) -> Iterator[Record | Issue | Fact]: ...


def reader(kind: str) -> Reader:
    """The parser of that kind; `KeyError` where it is no kind of list."""
    module = importlib.import_module(f"parsers.{LISTS[kind]}")
    return cast("Reader", module.parse)


class BulkReader(Protocol):
    """The same, with good rows in bulk where the format is one of millions of rows."""

    def __call__(
        self, path: Path, *, watch: Watch | None = None, wishes: Wishes = PLAIN
    ) -> Iterator[Rows | Record | Issue | Fact]: ...


def bulk_reader(kind: str) -> BulkReader:
    """The quickest way to read that kind; `KeyError` where it is no kind of list."""
    module = importlib.import_module(f"parsers.{LISTS[kind]}")
    return cast("BulkReader", getattr(module, "parse_in_bulk", module.parse))
