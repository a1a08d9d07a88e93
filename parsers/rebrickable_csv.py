"""Reads Rebrickable CSV parts lists: line by line, so that a bad quotation mark hurts only its own row."""

from collections.abc import Iterator
from pathlib import Path

from jobs.issues import Fact, Issue, Record, Rows
from parsers.csv_list import COLOR, ELEMENT, PART, CsvList
from parsers.encoding import Watch
from parsers.list_headers import REBRICKABLE
from parsers.readings import Field, Reading
from parsers.wishes import PLAIN, Wishes

_YES = frozenset({"true", "t", "yes", "y", "1"})
_NO = frozenset({"false", "f", "no", "n", "0"})


def parse(path: Path, *, watch: Watch | None = None, wishes: Wishes = PLAIN) -> Iterator[Record | Issue | Fact]:
    """The list's rows in order, each good one as a `Record`, each thing wrong as an `Issue`.

    Facts: `header_line`, `delimiter`. Raises what `CsvList.read_in_bulk` raises; `watch` is told how far it is.
    """
    yield from _list(wishes).read(path, watch)


def parse_in_bulk(
    path: Path, *, watch: Watch | None = None, wishes: Wishes = PLAIN
) -> Iterator[Rows | Record | Issue | Fact]:
    """The same, with good rows in bulk: such lists have millions."""
    yield from _list(wishes).read_in_bulk(path, watch)


def _list(wishes: Wishes) -> "_Rebrickable":
    base = wishes.blank_row(id_space="rebrickable", color_space="rebrickable")
    return _Rebrickable(wishes, base=base)


def _spare(text: str) -> Reading:
    word = text.lower()
    return (word in _YES, None) if word in _YES or word in _NO else (None, "spare.unknown")


class _Rebrickable(CsvList):
    """Rebrickable's columns."""

    layout = REBRICKABLE
    title = "Rebrickable list"
    expected = "Part, Color, Quantity"
    fields = {"part": PART, "color": COLOR, "spare": Field("spare", _spare), "element": ELEMENT}
