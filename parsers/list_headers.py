"""The header lines of lists with fixed columns, as they have been written over the years and by other tools."""

import csv
from collections.abc import Mapping
from dataclasses import dataclass

DELIMITERS = ",;\t"
LINES = 100  # in which the header must stand
_LONGEST = 4096  # characters of a header
_IGNORED = str.maketrans("", "", " _-\"'\ufeff\t")


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """One format's columns."""

    names: Mapping[str, frozenset[str]]  # our name of a column -> how headers spell it, see `word`
    needed: frozenset[str]  # our names of those without which it is not this format
    never: frozenset[str] = frozenset()  # our names of those that show another one


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """Where a list keeps what."""

    delimiter: str
    cells: tuple[str, ...]  # as the file spells them
    at: dict[str, int]  # our name of a column -> its index; the first of two alike wins
    line: int  # 1-based


def _spelled(**names: str) -> dict[str, frozenset[str]]:
    return {name: frozenset(spellings.split()) for name, spellings in names.items()}


_PART, _COLOR = "part partnum partnumber partid", "color colour colorid colourid"
_QTY, _ELEMENT = "quantity qty num", "elementid element"
REBRICKABLE = Layout(
    names=_spelled(part=_PART, color=_COLOR, qty=_QTY, spare="isspare spare", element=_ELEMENT),
    needed=frozenset({"part", "color", "qty"}),
)
ELEMENTS = Layout(
    names=_spelled(
        element=_ELEMENT + " elementnumber elementno",
        qty=_QTY,
        part=_PART + " designid designnumber blitemno",
        price="price unitprice",
        name="name partname description itemname elementname",
        color_name="colorname colourname",
    ),
    needed=frozenset({"element", "qty"}),
    never=frozenset({"part"}),
)
STUDIO = Layout(
    names=_spelled(
        part="blitemno",
        color="blcolorid",
        qty=_QTY,
        element=_ELEMENT,
        ldraw="ldrawid",
        ldraw_color="ldrawcolorid",
        name="partname",
        color_name="colorname",
        weight="weight",
    ),
    needed=frozenset({"part", "color", "qty"}),
)


def find_header(text: str, layout: Layout) -> Header | None:
    """The header in the first line of `text` that is not blank; None where it is no such list."""
    for number, line in enumerate(text.splitlines()[:LINES], 1):
        if line.strip(" \t,;\ufeff"):
            return header_of(line, number, layout=layout)
    return None


def header_of(line: str, number: int, *, layout: Layout, delimiters: str = DELIMITERS) -> Header | None:
    """What `line` (the `number`th) says, if it names the columns that the format needs."""
    if len(line) > _LONGEST:
        return None
    for delimiter in delimiters:
        cells = next(csv.reader([line.lstrip("\ufeff")], delimiter=delimiter), [])
        at: dict[str, int] = {}
        for index, cell in enumerate(cells):
            spelled = word(cell)
            for name, spellings in layout.names.items():
                if spelled in spellings:
                    at.setdefault(name, index)
        if at.keys() >= layout.needed and layout.never.isdisjoint(at):
            return Header(delimiter=delimiter, cells=tuple(cell.strip() for cell in cells), at=at, line=number)
    return None


def word(cell: str) -> str:
    """A header's cell as it is compared: lower case, without spaces, hyphens, underscores and quotes."""
    return cell.translate(_IGNORED).lower()
