"""Tells the columns of a list that has no header from what stands in them: `3001 Red 5`, `4211398 12`, `3001 4 12`."""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from parsers.numbers import is_number
from parsers.table_aliases import squashed, words
from parsers.table_columns import At, Columns

LOOKED_AT = 50  # rows
MAX_PASTED = 300  # characters of a line whose cells are parted by single spaces
_ID = re.compile(r"(?:\d{3,7}|(?=[a-z.-]{0,8}\d)[a-z0-9][a-z0-9.-]{2,19})", re.IGNORECASE | re.ASCII)
_NOT_ID = re.compile(
    r"[\d.]*\.[\d.]*|\d+x\d+|\d{4}-\d\d(?:-\d\d)?|\d{1,2}[-.]\d{1,2}[-.]\d{2,4}|[x\u00d7]\d+", re.ASCII
)
_QTY = re.compile(
    r"(?P<x>[x\u00d7]\s?)?[1-9]\d{0,4}(?P<after>\s?(?:[x\u00d7]|pcs?\.?|stk\.?))?", re.ASCII | re.IGNORECASE
)
_ELEMENT = re.compile(r"[3-7]\d{5,6}", re.ASCII)
_PRICE = re.compile(r"[^\d\s]{0,4}\s?\d{1,6}[.,]\d{1,4}\s?[^\d\s]{0,4}", re.ASCII)
_WORDS = re.compile(r"[^\W\d]{2}")
_MAX_COLOR = 1500  # color numbers of all spaces lie below, but for Rebrickable's 9999
_COLOR_WORDS = words(
    """
    white black red blue yellow green gray grey brown orange pink purple tan lime azure lavender magenta violet nougat
    aqua turquoise gold silver copper chrome pearl trans transparent clear bluish sand coral olive flesh turq
    weiss schwarz rot blau gelb grun grau braun orangefarben rosa lila beige transparentes transparente hellgrau
    dunkelgrau hellblau dunkelblau dunkelrot dunkelgrun blanc noir rouge bleu jaune vert gris marron blanco negro rojo
    azul amarillo verde
    """
)
_ALL = 0.9  # share of rows that have to fit

_FORWARD = re.compile(
    r"(?P<id>\S{3,24})\s+(?:(?P<text>\S.*?)\s+)?(?P<qty>[x\u00d7]\s?\d{1,6}|\d{1,6}\s?[x\u00d7]?)", re.IGNORECASE
)
_BACKWARD = re.compile(r"(?P<qty>\d{1,6}\s?[x\u00d7])\s*(?P<id>\S{3,24})(?:\s+(?P<text>\S.*))?", re.IGNORECASE)
_COUNT_FIRST = re.compile(r"(?P<qty>\d{1,6})\s+(?P<id>\S{3,24})\s+(?P<text>[^\W\d].*)")
PASTED = (_BACKWARD, _FORWARD, _COUNT_FIRST)  # lines parted by single spaces, in the order in which they are tried


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """What the columns of a list without a header seem to be."""

    columns: Columns
    sure: bool  # hardly anything but a list looks so
    told: str  # for people: `part, color, quantity`


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kind:
    """What the cells of one column look like; shares of its rows."""

    id: float
    qty: float
    marked: float  # quantities with an x
    color: float  # color numbers
    words: float  # color words
    element: float
    price: float
    text: float
    distinct: float
    long: float  # four characters and more
    years: bool


def shape_of(rows: Sequence[Sequence[str]], *, pasted: bool = False) -> Shape | None:
    """What the rows show; None where they show no list. `pasted`: their columns have no places of their own."""
    sample = [[cell.strip() for cell in row] for row in rows if any(cell.strip() for cell in row)][:LOOKED_AT]
    for row in sample:
        while row and not row[-1]:
            row.pop()
    if not sample:
        return None
    width, count = Counter(map(len, sample)).most_common(1)[0]
    if not 2 <= width <= 8 or count < _ALL * len(sample):
        return None
    sample = [row for row in sample if len(row) == width]
    kinds = [_kind([row[at] for row in sample]) for at in range(width)]
    return _settled(kinds, sample, pasted=pasted)


def pasted_cells(pattern: re.Pattern[str]) -> Callable[[str], list[str]]:
    """Splits lines of one of the `PASTED` patterns into id, text and quantity."""

    def split(line: str) -> list[str]:
        stripped = line.strip()
        found = pattern.fullmatch(stripped) if len(stripped) <= MAX_PASTED else None
        if found is None:
            return [stripped] if stripped else []
        return [found["id"], found["text"] or "", found["qty"]]

    return split


def _kind(cells: list[str]) -> _Kind:
    def share(fits: Callable[[str], object]) -> float:
        return sum(bool(fits(cell)) for cell in cells) / len(cells)

    return _Kind(
        id=share(lambda cell: _ID.fullmatch(cell) and not _NOT_ID.fullmatch(cell)),
        qty=share(_QTY.fullmatch),
        marked=share(lambda cell: (found := _QTY.fullmatch(cell)) and (found["x"] or found["after"])),
        color=share(lambda cell: is_number(cell) and (int(cell[:9]) <= _MAX_COLOR or cell == "9999")),
        words=share(is_color),
        element=share(_ELEMENT.fullmatch),
        price=share(_PRICE.fullmatch),
        text=share(_WORDS.search),
        distinct=len(set(cells)) / len(cells),
        long=share(lambda cell: len(cell) >= 4),
        years=all(is_number(cell) and 1900 <= int(cell[:9]) <= 2100 for cell in cells) or _counts_up(cells),
    )


def is_color(cell: str) -> bool:
    """Whether a cell names a color: one of its words is one."""
    return len(cell) <= 60 and any(squashed(word) in _COLOR_WORDS for word in re.split(r"[\s\-/()]+", cell))


def _counts_up(cells: list[str]) -> bool:
    """1, 2, 3: the numbers of rows, not of parts."""
    numbers = [int(cell) for cell in cells if is_number(cell) and len(cell) < 10]
    steps = all(after - before == 1 for before, after in pairwise(numbers))
    return len(numbers) == len(cells) > 2 and numbers[0] < 1000 and steps


def _settled(kinds: list[_Kind], sample: list[list[str]], *, pasted: bool) -> Shape | None:
    part = _part_column(kinds, pasted=pasted)
    if part is None:
        return None
    free = [at for at in range(len(kinds)) if at != part]
    named = next((at for at in free if kinds[at].words >= 0.6), None)
    amounts = [at for at in free if at != named and kinds[at].qty >= _ALL]
    marked = [at for at in amounts if kinds[at].marked >= _ALL]
    if not amounts:
        return None
    qty = (marked or amounts)[-1]
    numbers = [at for at in free if at != qty and kinds[at].color >= _ALL]
    color = named if named is not None else next(iter(numbers), None)
    rest = list(_rest(kinds, [at for at in free if at not in {qty, color}]))
    elements = kinds[part].element == 1 and color is None
    sure = (
        elements
        or named is not None
        or bool(marked)
        or (color is not None and len(kinds) == 3 and kinds[part].long >= 0.5)
    )
    lettered = any(char.isalpha() for row in sample for char in row[part])
    if not (sure or lettered or (1, "name") in rest or (len(kinds) == 2 and kinds[part].id == 1)):
        return None
    told = {part: "element number" if elements else "part number", qty: "quantity"}
    told |= {at: name.replace("_", " ") for at, name in rest}
    if color is not None:
        told[color] = "color name" if named is not None else "color number"
    columns = Columns(
        header=tuple(_column_name(at, told.get(at), pasted=pasted) for at in range(len(kinds))),
        line=None,
        ids=((part, "element" if elements else "unknown"),),
        color=color,
        qty=qty,
        rest=tuple(rest),
        strong=sure,
        width=len(kinds),
    )
    return Shape(columns=columns, sure=sure, told=", ".join(columns.header[at] for at in sorted(told)))


def _rest(kinds: list[_Kind], free: list[int]) -> Iterator[At]:
    """Columns with prices, and the first with words."""
    name = next((at for at in free if kinds[at].text >= 0.6 and kinds[at].price < _ALL), None)
    for at in free:
        if kinds[at].price >= _ALL:
            yield at, "unit_price"
        elif at == name:
            yield at, "name"


def _column_name(at: int, told: str | None, *, pasted: bool) -> str:
    """What issues call a column: by its place where it has one, with what it was taken for."""
    if pasted:
        return told or ""
    return f"column {at + 1} ({told})" if told else f"column {at + 1}"


def _part_column(kinds: list[_Kind], *, pasted: bool) -> int | None:
    """The column of part numbers: all of it looks like them, and hardly two are the same.

    Pasted lines are split with the number first; and one part in many colors has quantities that differ more.
    """
    fit = [at for at, kind in enumerate(kinds) if kind.id >= _ALL and not kind.years and kind.words < 0.5]

    def likelihood(at: int) -> tuple[float, ...]:
        kind = kinds[at]
        return kind.element == 1, kind.marked == 0, -at if pasted else 0, kind.long >= 0.5, kind.distinct, -at

    return max(fit, key=likelihood, default=None)
