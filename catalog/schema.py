"""The compiled catalog's file format: SQLite tables keyed in lower case, written once and never changed.

FORMAT is part of the file (`PRAGMA user_version`): whoever changes a table raises it, and older readers say so.
"""

import struct
from pathlib import Path
from typing import NamedTuple

FORMAT = 1
APPLICATION_ID = 0x484C4354  # "HLCT" in ASCII: tells a catalog from any other SQLite file
PAGE_SIZE = 4096
_HEAD = 100  # bytes of SQLite's file header
_MAGIC = b"SQLite format 3\x00"

TABLES = """
CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE categories (id INTEGER PRIMARY KEY, name TEXT NOT NULL);
CREATE TABLE parts (
    key TEXT PRIMARY KEY, part_num TEXT NOT NULL, name TEXT NOT NULL, category INTEGER NOT NULL, colors TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE elements (
    element_id TEXT PRIMARY KEY, part_num TEXT NOT NULL, color_id INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE part_colors (
    key TEXT NOT NULL, color_id INTEGER NOT NULL, elements TEXT NOT NULL, PRIMARY KEY (key, color_id)
) WITHOUT ROWID;
CREATE TABLE relations (
    key TEXT NOT NULL, type TEXT NOT NULL, child TEXT NOT NULL, parent TEXT NOT NULL,
    PRIMARY KEY (key, type, child, parent)
) WITHOUT ROWID;
CREATE TABLE moulds (key TEXT PRIMARY KEY, members TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE part_maps (
    space TEXT NOT NULL, key TEXT NOT NULL, part_nums TEXT NOT NULL, PRIMARY KEY (space, key)
) WITHOUT ROWID;
CREATE TABLE external_ids (
    space TEXT NOT NULL, key TEXT NOT NULL, ids TEXT NOT NULL, PRIMARY KEY (space, key)
) WITHOUT ROWID;
CREATE TABLE colors (id INTEGER PRIMARY KEY, name TEXT NOT NULL, rgb TEXT NOT NULL, is_trans INTEGER NOT NULL);
CREATE TABLE color_maps (
    space TEXT NOT NULL, number INTEGER NOT NULL, place INTEGER NOT NULL, color_id INTEGER NOT NULL,
    PRIMARY KEY (space, number, place)
) WITHOUT ROWID;
CREATE TABLE external_colors (
    space TEXT NOT NULL, color_id INTEGER NOT NULL, place INTEGER NOT NULL, number INTEGER NOT NULL,
    PRIMARY KEY (space, color_id, place)
) WITHOUT ROWID;
CREATE TABLE color_names (
    name TEXT NOT NULL, space TEXT NOT NULL, color_id INTEGER NOT NULL, PRIMARY KEY (name, space, color_id)
) WITHOUT ROWID;
CREATE TABLE texts (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
"""
# Several values in one cell are lines of text: no id holds a line end.
SEPARATOR = "\n"
PART_NUMS = "part_nums"  # the row of `texts` with every part number: one read instead of 60,000


class Head(NamedTuple):
    """What the first bytes of a file tell without opening it as a database."""

    is_sqlite: bool
    application_id: int
    format: int
    complete: bool  # as long as it says that it is


def read_head(path: Path) -> Head:
    """The head of a file; `OSError` where it can't be read."""
    with path.open("rb") as file:
        head = file.read(_HEAD)
        size = file.seek(0, 2)
    if len(head) < _HEAD or not head.startswith(_MAGIC):
        return Head(is_sqlite=False, application_id=0, format=0, complete=False)
    page_size = struct.unpack_from(">H", head, 16)[0]
    pages, version = struct.unpack_from(">I", head, 28)[0], struct.unpack_from(">I", head, 60)[0]
    application_id = struct.unpack_from(">I", head, 68)[0]
    # A page size of 1 stands for 65,536.
    complete = pages > 0 and size == pages * (65536 if page_size == 1 else page_size)
    return Head(is_sqlite=True, application_id=application_id, format=version, complete=complete)
