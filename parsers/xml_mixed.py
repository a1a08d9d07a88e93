"""The rows of a flat XML list, most of them by the fast lane, whatever is not plain by the parser.

    rows = MixedRows(path, item="ITEM", roots=("INVENTORY",))
    for batch in rows.mixed(watch):      # a `Plain` run, or a list of elements as from `XmlRows.batches`

The lane may only read where the document stands between two items, at a place where an item may begin. The parser
tells: it is given the text up to the `>` of an end tag, then that `>` alone; where an item's end follows from it, the
document stands right behind an item. Plain items may be cut from there without making the rest another document, so
the parser never sees them; their lines and columns are added where it names a place.
"""

import codecs
import re
from collections.abc import Iterator
from typing import Any

from parsers.encoding import Watch
from parsers.xml_head import local_name
from parsers.xml_lane import Lane, Plain
from parsers.xml_rows import XmlRows

_LONGEST = 64 * 1024  # characters that may be held back while an item's end does not come
_ODD = 64  # items of one chunk that are not plain: the rest of it goes to the parser in one piece


class MixedRows(XmlRows):
    """One pass over one file whose items hold plain fields."""

    _line, _column = 1, 0  # where the parser stands, in what it was given
    _real_column = 0  # where that is in the file
    _lane: Lane | None = None  # where the document stands right behind an item

    def mixed(self, watch: Watch | None = None) -> Iterator[Plain | list[Any]]:
        """Runs of plain items and batches of elements, in order."""
        if self.source.override != "utf-8" or not self.source.sound:
            yield from self.batches(watch)
            return
        decoder = codecs.getincrementaldecoder("utf-8")()
        text = ""
        for chunk in self.source.chunks(watch):
            text += decoder.decode(chunk)
            at = 0
            for end, found in self._pieces(text):
                at = end
                yield found
            if self.stopped:
                break
            text = text[at:]
            self.settle()
        if not self.stopped:
            yield self._give(text)
        self.close()

    def _pieces(self, text: str) -> Iterator[tuple[int, Plain | list[Any]]]:
        """What can be read of `text`, each piece with the place where it ends."""
        at = odd = 0
        while not self.stopped:
            if self._lane and (run := self._lane.run(text, at, line=self._here)):
                self._skip(text, at, run)
                at = run.end
                yield at, run
                continue
            odd += 1
            end = self._end(text, at, last=odd > _ODD)
            if end is None:
                break
            yield at, self._give(text[at : end - 1])
            if not self.stopped:
                closing = self._give(">")
                self._lane = self._lane_behind(text[at:end], closing)
                yield end, closing
            at = end
        if len(text) - at > _LONGEST and not self.stopped:
            self._lane = None
            yield len(text), self._give(text[at:])

    @property
    def _here(self) -> int:
        """The line of the file that is read next."""
        return self._line + self.skipped + self.source.lines_before

    def _end(self, text: str, at: int, *, last: bool) -> int | None:
        """Where the item at `at` seems to end, or the last one of the text."""
        if last and self._lane:
            end = text.rfind(f"</{self._lane.item}>", at)
            return None if end < 0 else end + len(self._lane.item) + 3
        found = self._closing.search(text, at)
        return found.end() if found else None

    @property
    def _closing(self) -> re.Pattern[str]:
        return re.compile(rf"</{self.item}>", re.IGNORECASE)

    def _lane_behind(self, text: str, closing: list[Any]) -> Lane | None:
        """The lane that may go on behind `text`, whose last character completed the elements `closing`."""
        if len(closing) != 1 or self.stopped:
            return None
        (element,) = closing
        name = element.tag.rpartition("}")[2]
        nested = any(local_name(node.tag) == self.item for node in element.iterancestors())
        if element.prefix or nested or name.upper() != self.item or not text.endswith(f"</{name}>"):
            return None
        return self._lane if self._lane and self._lane.item == name else Lane(name)

    def _give(self, text: str) -> list[Any]:
        """Feed the parser, and keep account of where it stands."""
        if lines := text.count("\n"):
            self._line += lines
            self._column = self._real_column = len(text) - text.rfind("\n") - 1
        else:
            self._column += len(text)
            self._real_column += len(text)
        return self.feed(text.encode())

    def _skip(self, text: str, at: int, run: Plain) -> None:
        """Keep account of plain items that the parser is not given."""
        lines = run.line - self._here
        self.skipped += lines
        if lines:
            self._real_column = run.end - text.rfind("\n", at, run.end) - 1
        else:
            self._real_column += run.end - at
        self.shift = (self._line, self._real_column - self._column)
