"""Reads the parts lists that Studio exports as CSV: BrickLink's and LDraw's numbers side by side, totals at the end."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from jobs.issues import Fact, Issue, Record
from parsers.csv_list import COLOR, ELEMENT, PART, CsvList, Wrong, words
from parsers.encoding import Watch
from parsers.list_headers import STUDIO, word
from parsers.numbers import color_number, whole_quantity
from parsers.readings import NOTHING, Field, Reading
from parsers.wishes import PLAIN, Wishes

_PIECES, _TOTALS = ("totalqty", "totalquantity"), ("total", "totalweight")  # how the cells of the footer begin
_FOOTER = 20  # lines in which its numbers must stand


def parse(path: Path, *, watch: Watch | None = None, wishes: Wishes = PLAIN) -> Iterator[Record | Issue | Fact]:
    """The list's rows in order, each good one as a `Record`, each thing wrong as an `Issue`.

    Facts: `header_line`, `delimiter`, `list_type` (inventory), `declared_pieces` where there is a footer. Raises what
    `CsvList.read` raises; `watch` is told how far it is.
    """
    base = wishes.blank_row(id_space="bricklink", color_space="bricklink")
    yield Fact("list_type", "inventory")
    yield from _Studio(wishes, base=base).read(path, watch)


def _weight(text: str) -> Reading:
    number = text.replace(",", ".")
    return (number, None) if number.replace(".", "", 1).isdecimal() and number.isascii() else NOTHING


class _Studio(CsvList):
    """Studio's columns."""

    layout = STUDIO
    title = "parts list from Studio"
    expected = "BLItemNo, BLColorId, Qty"
    fields: Mapping[str, Field] = {
        "part": PART,
        "color": COLOR,
        "element": ELEMENT,
        "name": Field("name", words),
        "color_name": Field("color_name", words),
        "weight": Field("weight", _weight),
    }

    def judged(self, wrong: Wrong, texts: Mapping[str, str], found: dict[str, Any]) -> Wrong:
        """Where BrickLink has no number for a part or a color, LDraw's is taken."""
        if ("part.missing", "part") in wrong and (part := texts.get("ldraw")):
            found["raw_id"], found["id_space"] = part.removesuffix(".dat"), "ldraw"
            wrong.remove(("part.missing", "part"))
        if ("color.missing", "color") in wrong and (text := texts.get("ldraw_color")):
            number, code = color_number(text)
            if code is None:
                found["raw_color"], found["color_space"] = number, "ldraw"
                wrong.remove(("color.missing", "color"))
        return wrong

    def ends(self, cells: Sequence[str]) -> bool:
        """The footer begins with the names of its totals."""
        return any(word(cell).rstrip(":") in _PIECES + _TOTALS for cell in cells)

    def below(self, rows: Iterator[Sequence[str]]) -> Iterator[Fact]:
        """The number of pieces: beside its name, or under it."""
        at: int | None = None
        for _, cells in zip(range(_FOOTER), rows, strict=False):
            for index, cell in enumerate(cells):
                if at is None and word(cell).rstrip(":") in _PIECES:
                    at = index
                elif at is not None and index in {at, at + 1} and (found := whole_quantity(cell.strip() or "?")[0]):
                    yield Fact("declared_pieces", found)
                    return
