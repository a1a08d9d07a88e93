"""Reads BrickLink XML (wanted lists, inventories, orders): streaming, flat in memory, every wrong row reported."""

from bisect import bisect_left
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

from jobs.errors import InputError, UnreadableFile
from jobs.issues import Fact, Issue, Record
from parsers.bricklink_row import FIELD_NAMES, read_item
from parsers.codes import issue
from parsers.encoding import Watch
from parsers.sniff import LIST_ROOTS
from parsers.wishes import PLAIN, Wishes
from parsers.xml_head import local_name
from parsers.xml_source import XmlSource, open_xml

MAX_FIELDS = 1000  # elements in one item; more is an attack on memory
MAX_PREAMBLE = 16 * 1024 * 1024  # bytes in which the first item must be complete
# libxml2 keeps lines up to here exactly; from here on it tells the line where an element's first text ends.
_EXACT_LINES = 65_535
_ITEM = tuple("{*}" + "".join(letters) for letters in product("Ii", "Tt", "Ee", "Mm"))
# Nothing outside the file is ever read, no entity is ever expanded, and libxml2's own limits stay on.
_SAFE: dict[str, Any] = {
    "resolve_entities": False,
    "no_network": True,
    "load_dtd": False,
    "huge_tree": False,
    "remove_comments": True,
    "remove_pis": True,
}


def parse(path: Path, *, watch: Watch | None = None, wishes: Wishes = PLAIN) -> Iterator[Record | Issue | Fact]:
    """The list's rows in order, each good one as a `Record`, each thing wrong as an `Issue`.

    Raises `UnreadableFile` (`format.empty`, `format.html`, `format.unknown`, `xml.syntax`) and
    `InputError` (`xml.entity`, `limit.fields`); `watch` is told how far it is.
    """
    source = open_xml(path, encoding=wishes.encoding)
    _check_head(source)
    if source.recoded_from == "cp1252" and source.facts.guessed_line:
        yield issue("encoding.guessed", row=None, line=source.facts.guessed_line)
    yield from _Reading(source).rows(watch)


def _check_head(source: XmlSource) -> None:
    """Refuse what is no list at all, before a parser sees it."""
    if source.blank:
        raise UnreadableFile("format.empty", "The file is empty.")
    if source.head is None:
        raise UnreadableFile("format.unknown", "The file holds no XML.")
    if source.head.page:
        hint = "Log in to the site first, then download the list again."
        raise UnreadableFile("format.html", "The file is a web page that was saved as a list.", hint=hint)
    if source.head.entities:
        raise _entities()


def _entities() -> InputError:
    hint = "Remove the DOCTYPE; lists need none."
    return InputError("xml.entity", "The file declares XML entities, which are never expanded here.", hint=hint)


class _Names(dict[str, str]):
    """Our name of each tag, remembered; a file full of invented tags can not make it grow forever."""

    def __missing__(self, tag: str) -> str:
        name = local_name(tag)
        if len(self) < MAX_FIELDS:
            self[tag] = name
        return name


class _Reading:
    """One pass over one file."""

    def __init__(self, source: XmlSource) -> None:
        self.source = source
        self.names = _Names()
        self.root: Any = None
        self.row = 0  # rows read so far
        self.line = 0  # where the last one began
        self.alone = True  # no other row began on that line

    def rows(self, watch: Watch | None) -> Iterator[Record | Issue]:
        from lxml import etree

        parser = etree.XMLPullParser(events=("end",), tag=_ITEM, encoding=self.source.override, **_SAFE)
        broken: etree.XMLSyntaxError | None = None
        fed = 0
        for chunk in self.source.chunks(watch):
            try:
                parser.feed(chunk)
            except etree.XMLSyntaxError as error:
                broken = error
            yield from self._read(parser)  # what stood before the break is well
            if broken or len(parser.feed_error_log):
                break
            fed += len(chunk)
            if self.root is not None:
                self._prune()
            elif fed > MAX_PREAMBLE:
                raise UnreadableFile("format.unknown", f"No item in the first {MAX_PREAMBLE} bytes.")
        try:
            root = parser.close()
        except etree.XMLSyntaxError as error:
            raise self._unreadable(broken or error) from None
        if self.root is None:
            self._check_root(root)
        yield from self._repaired(None)
        if not self.row:
            raise UnreadableFile("format.empty", "The list has no items.", hint="Export it again with its items.")

    def _read(self, parser: Any) -> Iterator[Record | Issue]:
        """The items that have become complete."""
        names = self.names
        for _, element in parser.read_events():
            if self.root is None:
                self._check_root(element)
            line = self._line(element)
            if self.source.repair and self.source.repair.lines:
                yield from self._repaired(line)
            self.row, self.alone, self.line = self.row + 1, line != self.line, line
            pairs = [(names[child.tag], child.text) for child in element.iterdescendants()]
            fields = dict(pairs)
            if not len(fields) == len(pairs) == len(element):  # something stands there twice, or has elements itself
                if misshapen := list(self._misshapen(element)):
                    yield from misshapen
                    continue
                fields = {names[child.tag]: child.text for child in element}
            record, issues = read_item(fields, self.row, line=line)
            if issues:
                yield from issues
            if record is not None:
                yield record

    def _line(self, element: Any) -> int:
        """Where the element begins in the file."""
        line: int = element.sourceline or 0
        if line > _EXACT_LINES and element.text:
            line -= element.text.count("\n")
        return line + self.source.lines_before

    def _misshapen(self, element: Any) -> Iterator[Issue]:
        """What is wrong with an item whose fields stand in it twice, or hold elements of their own."""
        seen: set[str] = set()
        for child in element:
            name = self.names[child.tag]
            if name in FIELD_NAMES and len(child):
                yield issue("field.nested", row=self.row, line=self.line, column=name)
            elif name in FIELD_NAMES and name in seen:
                yield issue("field.repeated", child.text, row=self.row, line=self.line, column=name)
            seen.add(name)

    def _check_root(self, element: Any) -> None:
        """Look at the document for the first time: is it a list, and does it try anything."""
        tree = element.getroottree()
        self.root = tree.getroot()
        doctype = tree.docinfo.internalDTD
        if tree.docinfo.system_url or (doctype is not None and any(True for _ in doctype.iterentities())):
            raise _entities()
        name = local_name(self.root.tag)
        if name == "HTML":
            raise UnreadableFile("format.html", "The file is a web page that was saved as a list.")
        if name not in LIST_ROOTS:
            expected = " or ".join(sorted(LIST_ROOTS))
            raise UnreadableFile("format.unknown", f"The root element is {self.root.tag[:40]}; a list has {expected}.")

    def _prune(self) -> None:
        """Let go of everything that is complete, so that memory stays flat whatever the file holds."""
        node = self.root
        while len(node):
            if local_name(node.tag) == "ITEM":
                if len(node) > MAX_FIELDS:
                    message = f"Item {self.row + 1} has more than {MAX_FIELDS} fields."
                    raise InputError("limit.fields", message, row=self.row + 1)
                return
            del node[:-1]
            node = node[-1]

    def _repaired(self, line: int | None) -> Iterator[Issue]:
        """Report each repaired & before `line` (None: all that are left), in the row read last where that is sure."""
        pending = self.source.repair.lines if self.source.repair else []
        before = self.source.lines_before
        whole = line is None or len(pending) > MAX_FIELDS  # many on one line: no telling which row
        ready = len(pending) if whole or line is None else bisect_left(pending, line - before)
        for found in pending[:ready]:
            here = found + before
            row = self.row if self.row and self.alone and here >= self.line else None
            yield issue("xml.bare_ampersand", "&", row=row, line=here)
        del pending[:ready]

    def _unreadable(self, error: Any) -> UnreadableFile:
        line, column = error.position
        line += self.source.lines_before
        reason = error.msg.partition(", line ")[0][:200]
        rows = "1 item" if self.row == 1 else f"{self.row} items"
        message = f"The XML is broken at line {line}, column {column} ({reason}); the {rows} before it could be read."
        hint = "The file may be cut off or edited by hand; export it again."
        return UnreadableFile("xml.syntax", message, hint=hint, line=line, column=column, rows_read=self.row)
