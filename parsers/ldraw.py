"""Reads LDraw models (.ldr, .mpd) as parts lists: one row for each part in each color, however deep it is placed."""

import re
from collections.abc import Iterable, Iterator
from itertools import chain
from operator import attrgetter
from pathlib import Path
from typing import Any

from jobs.errors import UnreadableFile
from jobs.issues import Fact, Issue, Record
from parsers.codes import MAX_QTY, issue
from parsers.encoding import HEAD, Watch, decoded_head, text_codec
from parsers.ldraw_count import DIRECT, LDRAW, MANY, STUDIO, Counted, Dialect, Lot
from parsers.ldraw_lines import file_chunks
from parsers.ldraw_model import Reading
from parsers.wishes import PLAIN, Wishes
from parsers.xml_head import xml_head

MAX_NAMED = 20  # models that a fact names
_KNOWN = re.compile(r"^\ufeff?[ \t]*[01](?:[ \t]|$)", re.MULTILINE)


def parse(path: Path, *, watch: Watch | None = None, wishes: Wishes = PLAIN) -> Iterator[Record | Issue | Fact]:
    """The model's lots in the order of their first lines, and whatever is wrong with a line.

    Facts: `title`, `models` (how many the first one is built from), `unused_models` (names of others), `geometry` (lines
    and faces that the file itself draws, each as often as it is built; parts are drawn by a library that is not loaded).
    Raises `UnreadableFile` (`format.empty`, `format.html`, `format.unknown`, `ldraw.part`, `encoding.invalid`) and
    `InputError` (`limit.rows`, `limit.models`, `encoding.unknown`).
    """
    with path.open("rb") as file:
        _check_head(file.read(HEAD), wishes.encoding)
    yield from read(file_chunks(path, watch=watch, encoding=wishes.encoding), LDRAW)


def read(chunks: Iterable[bytes], dialect: Dialect) -> Iterator[Record | Issue | Fact]:
    """The lots of the model in these bytes, as `parse` gives them."""
    reading = Reading()
    yield from reading.lines(chunks)
    counted = Counted(reading.models, reading.names, dialect)
    row, lots = reading.rejected, counted.lots()
    first = next(lots, None)
    if reading.names.guessed_line:
        yield issue("encoding.guessed", row=None, line=reading.names.guessed_line)
    yield from _facts(counted)
    for wrong in sorted(counted.wrong, key=attrgetter("line")):
        row += 1
        yield issue(wrong.code, wrong.value, row=row, line=wrong.line, column=_column(wrong.code))
    if first is None:
        if not row:
            raise UnreadableFile("format.empty", "The model places no parts.")
        return
    for lot in chain((first,), lots):
        row += 1
        yield from _row(lot, dialect, row=row)


def _facts(counted: Counted) -> Iterator[Fact]:
    if counted.root.title:
        yield Fact("title", counted.root.title)
    yield Fact("models", counted.used)
    yield Fact("geometry", {**counted.drawing._asdict(), "parts": "not_loaded"})
    if unused := counted.unused():
        yield Fact("unused_models", [name[:100] for name in unused[:MAX_NAMED]])


def _row(lot: Lot, dialect: Dialect, *, row: int) -> Iterator[Record | Issue]:
    """One lot: what is odd about it, then its record."""
    fields: dict[str, Any] = {
        "item_type": "P",
        "raw_id": lot.item_no if lot.item_no and dialect is STUDIO else lot.raw_id,
        "id_space": dialect.id_space,
        "raw_color": lot.color,
        "color_space": dialect.color_space,
        "qty": lot.qty,
        "spare": False,
    }
    if lot.name:
        fields["name"] = lot.name
    if lot.color is None:
        yield issue("color.inherited", row=row, line=lot.line, column="color")
    elif lot.color >= DIRECT and dialect is LDRAW:
        yield issue("color.direct", f"0x{lot.color:07X}", row=row, line=lot.line, column="color")
    if lot.qty > MAX_QTY:
        value = str(lot.qty) if lot.qty < MANY else f"{MANY} or more"
        yield issue("qty.too_large", value, row=row, line=lot.line)
        return
    yield Record(row, lot.line, fields)


def _column(code: str) -> str:
    return "color" if code.startswith("color.") else "file"


def _check_head(head: bytes, encoding: str | None) -> None:
    """Refuse what is no model at all before thousands of its lines are said to be wrong."""
    text = decoded_head(head, encoding=text_codec(encoding) if encoding else None)
    if len(head) < HEAD and not text.strip("\ufeff \t\r\n"):
        raise UnreadableFile("format.empty", "The file is empty.")
    if "<" in text[:1024] and (found := xml_head(text)) and found.page:
        raise UnreadableFile("format.html", "The file is a web page that was saved as a model.")
    if not _KNOWN.search(text):
        raise UnreadableFile("format.unknown", "The file is no LDraw model: no line places a part or begins with 0.")
