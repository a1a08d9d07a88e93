"""Streams the rows of an XML list safely: the one place where uploaded XML meets a parser, shared by all such formats.

    rows = XmlRows(path, item="ITEM", roots=("INVENTORY",), encoding=wishes.encoding)
    yield from rows.opening()                    # what the encoding makes somebody look at
    for batch in rows.batches(watch):            # once per piece of the file that was read
        for element in batch:                    # each complete <ITEM>, in order, whatever its case or namespace
            line = rows.line_of(element)         # where it begins, exact in long files too
            yield from rows.repaired(line)       # each bare & that was repaired in the row before
            rows.begin(line)                     # from here on `rows.row` is this one's number
            ...                                  # read `rows.name(child.tag)`, `child.text`, attributes
    yield from rows.closing()                    # what is left to say; raises where the list had no rows

Elements are let go of between batches, so keep no element beyond its batch; ancestors stay (`element.getparent()`).
What comes is UTF-8 and well-formed, with junk before the first `<` cut off and each bare & repaired. Raises
`UnreadableFile` (`format.empty`, `format.html`, `format.unknown`, `xml.syntax`) and `InputError`
(`xml.entity`: no entity is ever expanded and nothing outside the file is ever read; `limit.fields`).
"""

import re
from bisect import bisect_left
from collections.abc import Collection, Iterator, Sequence
from itertools import product
from pathlib import Path
from typing import Any

from jobs.errors import InputError, UnreadableFile
from jobs.issues import Issue
from parsers.codes import issue
from parsers.encoding import Watch
from parsers.xml_head import local_name
from parsers.xml_source import XmlSource, open_xml

MAX_FIELDS = 1000  # elements in one item; more is an attack on memory
MAX_PREAMBLE = 16 * 1024 * 1024  # bytes in which the first item must be complete
MAX_STILL = 16 * 1024 * 1024  # bytes in which the document must get on: the parser keeps a tag without end in memory
# libxml2 keeps lines up to here exactly; from here on it tells the line where an element's first text ends.
_EXACT_LINES = 65_535
_OTHER_LINES = re.compile(r" line \d++")  # of an opening tag; the parser counts from the text that it was given
# Nothing outside the file is ever read, no entity is ever expanded, and libxml2's own limits stay on.
SAFE: dict[str, Any] = {
    "resolve_entities": False,
    "no_network": True,
    "load_dtd": False,
    "huge_tree": False,
    "remove_comments": True,
    "remove_pis": True,
}


class XmlRows:
    """One pass over one file."""

    def __init__(
        self,
        path: Path,
        *,
        item: str,
        roots: Collection[str],
        also: Collection[str] = (),
        tags: Collection[str] | None = None,
        encoding: str | None = None,
    ) -> None:
        """`item` and `roots` are local names in upper case; elements named like one of `also` come like items.

        `tags` is lxml's filter (`{*}Brick`) where a format has one spelling only, which saves time.
        """
        self.source = open_xml(path, encoding=encoding)
        self.item, self.roots = item, roots
        self._tags = (*(tags or _spellings(item)), *(f"{{*}}{name}" for name in also))
        self._names = _Names()
        self.root: Any = None  # the root element, once it was seen
        self.row = 0  # rows begun so far
        self.line = 0  # where the last one began
        self.stopped = False  # the XML is broken: nothing that follows can be read
        self.skipped = 0  # lines that the parser was not given (`xml_mixed.py`)
        self.shift = (0, 0)  # on this line of the parser's, columns are further right by so many
        self._alone = True  # no other row began on that line
        self._parser: Any = None
        self._broken: Any = None  # the syntax error that stopped it
        self._fed = 0  # bytes
        self._moved_at = 0  # of these, when the document last got on
        self._stands_at: tuple[Any, int] = (None, 0)  # the element that is open innermost, and how much is in it
        self._last: Any = None  # the element that became complete last
        check_head(self.source)

    def opening(self) -> Iterator[Issue]:
        """What is to be said before the first row."""
        if self.source.recoded_from == "cp1252" and self.source.facts.guessed_line:
            yield issue("encoding.guessed", row=None, line=self.source.facts.guessed_line)

    def batches(self, watch: Watch | None = None) -> Iterator[list[Any]]:
        """The elements that became complete with each piece of the file."""
        for chunk in self.source.chunks(watch):
            yield self.feed(chunk)
            if self.stopped:
                break
            self.settle()
        self.close()

    def feed(self, chunk: bytes) -> list[Any]:
        """Give the parser its next bytes; the elements that became complete with them."""
        from lxml import etree

        if self._parser is None:
            override = self.source.override
            self._parser = etree.XMLPullParser(events=("end",), tag=self._tags, encoding=override, **SAFE)
        try:
            self._parser.feed(chunk)
        except etree.XMLSyntaxError as error:
            self._broken = error
        found = [element for _, element in self._parser.read_events()]  # what stood before the break is well
        if found:
            self._last, self._moved_at = found[-1], self._fed
            if self.root is None:
                self._check_root(self._last)
        self.stopped = self._broken is not None or self._erred()
        self._fed += len(chunk)
        return found

    def _erred(self) -> bool:
        """Whether the parser has found an error that it will tell at the end; warnings are none."""
        log = self._parser.feed_error_log
        return len(log) > 0 and len(log.filter_from_errors()) > 0

    def settle(self) -> None:
        """Let go of what was read, once nobody looks at it any more."""
        if self.root is not None:
            self._prune()
            if self._fed - self._moved_at > MAX_STILL:
                raise self._endless()
        elif self._fed > MAX_PREAMBLE:
            raise UnreadableFile("format.unknown", f"No item in the first {MAX_PREAMBLE} bytes.")

    def close(self) -> None:
        """The end of the file; where the XML is broken, it is said now."""
        from lxml import etree

        if self._parser is None:
            self.feed(b"")
        try:
            root = self._parser.close()
        except etree.XMLSyntaxError as error:
            raise self._unreadable(self._broken or error) from None
        if self.root is None:
            self._check_root(root)

    def line_of(self, element: Any) -> int:
        """The line of the file that the element begins on."""
        line: int = element.sourceline or 0
        if line > _EXACT_LINES and element.text:
            line -= element.text.count("\n")
        return line + self.skipped + self.source.lines_before

    def begin(self, line: int) -> None:
        """Count the element that begins on `line` as the next row."""
        self.row += 1
        self._alone = line != self.line
        self.line = line

    def begin_many(self, lines: Sequence[int]) -> int:
        """Count the elements that begin on these lines as the next rows; the first one's number."""
        first, before = self.row + 1, lines[-2] if len(lines) > 1 else self.line
        self.row += len(lines)
        self._alone = lines[-1] != before
        self.line = lines[-1]
        return first

    def name(self, tag: str) -> str:
        """An element's name as we spell names: no namespace, upper case."""
        return self._names[tag]

    def repaired(self, line: int | None) -> Iterator[Issue]:
        """Each repaired & before `line` (None: all that are left), in the row read last where that is sure."""
        pending = self.source.repair.lines if self.source.repair else []
        if not pending:
            return
        before = self.source.lines_before
        whole = line is None or len(pending) > MAX_FIELDS  # many on one line: no telling which row
        ready = len(pending) if whole or line is None else bisect_left(pending, line - before)
        for found in pending[:ready]:
            here = found + before
            row = self.row if self.row and self._alone and here >= self.line else None
            yield issue("xml.bare_ampersand", "&", row=row, line=here)
        del pending[:ready]

    def closing(self) -> Iterator[Issue]:
        """What is to be said behind the last row; a list without rows is refused here."""
        yield from self.repaired(None)
        if not self.row:
            raise UnreadableFile("format.empty", "The list has no items.", hint="Export it again with its items.")

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
        if name not in self.roots:
            expected = " or ".join(sorted(self.roots))
            raise UnreadableFile("format.unknown", f"The root element is {self.root.tag[:40]}; a list has {expected}.")

    def _prune(self) -> None:
        """Let go of everything that is complete, so that memory stays flat whatever the file holds."""
        node, moved = self.root, False
        while len(node):
            if local_name(node.tag) == self.item:
                if len(node) > MAX_FIELDS:
                    row = self.row + (node is not self._last)
                    raise InputError("limit.fields", f"Item {row} has more than {MAX_FIELDS} fields.", row=row)
                break
            moved = moved or len(node) > 1
            del node[:-1]
            node = node[-1]
        if moved or node is not self._stands_at[0] or len(node) != self._stands_at[1]:
            self._stands_at, self._moved_at = (node, len(node)), self._fed

    def _endless(self) -> UnreadableFile:
        size = f"{MAX_STILL // 1024 // 1024} MiB"
        message = f"The XML is broken: somewhere behind line {self.line}, no element begins or ends within {size}."
        hint = "The file may be cut off or edited by hand; export it again."
        return UnreadableFile("xml.syntax", message, hint=hint, line=self.line, rows_read=self.row)

    def _unreadable(self, error: Any) -> UnreadableFile:
        line, column = error.position
        column += self.shift[1] if line == self.shift[0] else 0
        line += self.skipped + self.source.lines_before
        reason = _OTHER_LINES.sub("", error.msg.partition(", line ")[0]).partition("\n")[0][:200].strip()
        rows = "1 item" if self.row == 1 else f"{self.row} items"
        message = f"The XML is broken at line {line}, column {column} ({reason}); the {rows} before it could be read."
        hint = "The file may be cut off or edited by hand; export it again."
        return UnreadableFile("xml.syntax", message, hint=hint, line=line, column=column, rows_read=self.row)


def check_head(source: XmlSource) -> None:
    """Refuse what is no XML list at all, before a parser sees it."""
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


def _spellings(name: str) -> Iterator[str]:
    """Each way to write `name` in upper and lower case, in any namespace: lxml's filter knows no others."""
    return ("{*}" + "".join(letters) for letters in product(*((letter, letter.lower()) for letter in name)))


class _Names(dict[str, str]):
    """Our name of each tag, remembered; a file full of invented tags can not make it grow forever."""

    def __missing__(self, tag: str) -> str:
        name = local_name(tag)
        if len(self) < MAX_FIELDS:
            self[tag] = name
        return name
