"""Reads BrickLink XML (wanted lists, inventories, orders): streaming, flat in memory, every wrong row reported."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from jobs.issues import Fact, Issue, Record
from parsers.bricklink_row import FIELD_NAMES, read_item
from parsers.codes import issue
from parsers.encoding import Watch
from parsers.sniff import LIST_ROOTS
from parsers.wishes import PLAIN, Wishes
from parsers.xml_rows import XmlRows


def parse(path: Path, *, watch: Watch | None = None, wishes: Wishes = PLAIN) -> Iterator[Record | Issue | Fact]:
    """The list's rows in order, each good one as a `Record`, each thing wrong as an `Issue`.

    Raises what `XmlRows` raises; `watch` is told how far it is.
    """
    rows = XmlRows(path, item="ITEM", roots=LIST_ROOTS, encoding=wishes.encoding)
    yield from rows.opening()
    for batch in rows.batches(watch):
        for element in batch:
            line = rows.line_of(element)
            yield from rows.repaired(line)
            rows.begin(line)
            pairs = [(rows.name(child.tag), child.text) for child in element.iterdescendants()]
            fields = dict(pairs)
            if not len(fields) == len(pairs) == len(element):  # something stands there twice, or has elements itself
                if misshapen := list(_misshapen(element, rows, line=line)):
                    yield from misshapen
                    continue
                fields = {rows.name(child.tag): child.text for child in element}
            record, issues = read_item(fields, rows.row, line=line)
            if issues:
                yield from issues
            if record is not None:
                yield record
    yield from rows.closing()


def _misshapen(element: Any, rows: XmlRows, *, line: int) -> Iterator[Issue]:
    """What is wrong with an item whose fields stand in it twice, or hold elements of their own."""
    seen: set[str] = set()
    for child in element:
        name = rows.name(child.tag)
        if name in FIELD_NAMES and len(child):
            yield issue("field.nested", row=rows.row, line=line, column=name)
        elif name in FIELD_NAMES and name in seen:
            yield issue("field.repeated", child.text, row=rows.row, line=line, column=name)
        seen.add(name)
