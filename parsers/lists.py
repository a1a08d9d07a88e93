"""Which parser reads which kind of parts list; each is imported when the first such file comes."""

import importlib
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
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
ON_REQUEST = {"text": "table"}  # kinds that anything may be of: read as lists where the caller says that they are


def is_list(kind: str | None, *, asked: bool) -> bool:
    """Whether files of that kind are read as lists; `asked`: the caller says what stands in the file."""
    return kind in LISTS or (asked and kind in ON_REQUEST)


class Reader(Protocol):
    """A list parser's `parse`."""

    def __call__(
        self, path: Path, *, watch: Watch | None = None, wishes: Wishes = PLAIN
    ) -> Iterator[Record | Issue | Fact]: ...


def reader(kind: str) -> Reader:
    """The parser of that kind; `KeyError` where it is no kind of list."""
    return cast("Reader", _module(kind).parse)


class BulkReader(Protocol):
    """The same, with good rows in bulk where the format is one of millions of rows."""

    def __call__(
        self, path: Path, *, watch: Watch | None = None, wishes: Wishes = PLAIN
    ) -> Iterator[Rows | Record | Issue | Fact]: ...


def bulk_reader(kind: str) -> BulkReader:
    """The quickest way to read that kind; `KeyError` where it is no kind of list."""
    module = _module(kind)
    return cast("BulkReader", getattr(module, "parse_in_bulk", module.parse))


def _module(kind: str) -> ModuleType:
    return importlib.import_module(f"parsers.{(LISTS | ON_REQUEST)[kind]}")
