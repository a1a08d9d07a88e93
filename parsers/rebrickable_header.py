"""The header line of a Rebrickable parts list, as it has been written over the years and by other tools."""

import csv
from dataclasses import dataclass

_NAMES = {
    "part": {"part", "partnum", "partnumber", "partid"},
    "color": {"color", "colour", "colorid", "colourid"},
    "qty": {"quantity", "qty", "num"},
    "spare": {"isspare", "spare"},
    "element": {"elementid", "element"},
}
_NEEDED = {"part", "color", "qty"}
_IGNORED = str.maketrans("", "", " _-\"'\ufeff\t")


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """Where a list keeps what."""

    delimiter: str
    cells: tuple[str, ...]  # as the file spells them
    at: dict[str, int]  # our name of a column -> its index; the first of two alike wins
    line: int  # 1-based


def find_header(text: str) -> Header | None:
    """The header in the first line of `text` that is not blank; None where it is no such list."""
    for number, line in enumerate(text.splitlines()[:100], 1):
        if line.strip(" \t,;\ufeff"):
            return header_of(line, number)
    return None


def header_of(line: str, number: int) -> Header | None:
    """What `line` (the `number`th) says, if it names a part, a color and a quantity column."""
    if len(line) > 4096:
        return None
    for delimiter in ",;\t":
        cells = next(csv.reader([line.lstrip("\ufeff")], delimiter=delimiter), [])
        at: dict[str, int] = {}
        for index, cell in enumerate(cells):
            word = cell.translate(_IGNORED).lower()
            for name, spellings in _NAMES.items():
                if word in spellings:
                    at.setdefault(name, index)
        if at.keys() >= _NEEDED:
            return Header(delimiter=delimiter, cells=tuple(cell.strip() for cell in cells), at=at, line=number)
    return None
