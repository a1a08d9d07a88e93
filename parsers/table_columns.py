"""Which column of a table holds what: the cells of its header weighed against each other."""

from collections.abc import Sequence
from dataclasses import dataclass

from parsers.numbers import is_number
from parsers.table_aliases import IGNORED, MAX_CELL, STRONG, Meaning, meaning, squashed, words

MAX_COLUMNS = 1024  # of a table; cells further right are not looked at
_ENOUGH = 6  # points of a row that is a header
_POINTS = {"raw_id": 4, "element_id": 4, "qty": 4, "reference": 3, IGNORED: 1, "package": 1, "dnp": 1}
_SECOND_SOURCE = 80  # weight of an id column whose further ones name equal parts of other makers
_INDEX = 20  # weight of id columns that only number the rows where a better one stands beside them
_LABELS = frozenset({"part", "parts", "bauteil", "bauteile"})  # Eagle's word for designators
# Fields that one column each gives, whatever else a table has.
_SINGLE = words(
    "color_name manufacturer name description remarks category condition unit_price max_price currency spare alternate "
    "counterpart match_id item_type lot_id weight qty_filled element_id dnp"
)
_WATCHED = frozenset({"unit_price", "max_price", "weight", "qty"})  # fields whose numbers show the decimal mark

At = tuple[int, str]  # index of a column, and the space of its ids or our name of its field


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """Where a table keeps what. Indexes count from 0."""

    header: tuple[str, ...]  # as the file spells it; empty where there is none
    line: int | None  # of the header
    ids: tuple[At, ...]  # part numbers, best column first, each with its space; the first filled cell counts
    second_sources: frozenset[int] = frozenset()  # of `ids`: what stands there too are alternates
    color: int | None = None  # numbers or names
    color_space: str = "unknown"
    qty: int | None = None
    reference: int | None = None  # designators
    rest: tuple[At, ...] = ()  # everything else that is kept
    currency: str | None = None  # of the prices, where the header says it
    lenient_types: bool = False  # a bare `Type` may be anything; only item types are taken from it
    strong: bool = True  # nothing else than a list has such a header
    score: int = 0
    width: int = 0  # columns of the header; 0 where there is none

    def name(self, index: int | None) -> str | None:
        """What the file calls a column; its number where it has no name."""
        if index is None:
            return None
        if index < len(self.header) and self.header[index]:
            return self.header[index]
        return f"column {index + 1}"

    def numeric(self) -> tuple[int, ...]:
        """Columns whose numbers show which decimal mark the file uses."""
        found = [index for index, name in self.rest if name in _WATCHED]
        return (*found, self.qty) if self.qty is not None else tuple(found)


def columns_of(cells: Sequence[str], line: int | None) -> Columns | None:
    """What the row says as a header; None where it is none."""
    cells = [cell.strip().lstrip("\ufeff") for cell in cells[:MAX_COLUMNS]]
    found = {index: known for index, cell in enumerate(cells) if cell and (known := meaning(cell))}
    if len(found) < 2:
        return None
    score = sum({known.field: _POINTS.get(known.field, 2) for known in found.values()}.values())
    score -= sum(_unlike(cell) for cell in cells if cell)
    if score < _ENOUGH:
        return None
    return settled(cells, found, line=line, score=score)


def settled(
    cells: Sequence[str], found: dict[int, Meaning], *, line: int | None, score: int = 0, forced: bool = False
) -> Columns | None:
    """One column for each field; None where no column holds parts. `forced`: somebody asked for these columns."""
    found = _in_context(cells, found)
    best = _best(found)
    ids = sorted((at for at in found if found[at].field == "raw_id"), key=lambda at: (-found[at].weight, at))
    if ids and found[ids[0]].weight > _INDEX:
        ids = [at for at in ids if found[at].weight > _INDEX]
    ids += [at for at in found if found[at].field == "element_id"]
    reference = best.get("reference")
    if not ids and reference is not None and (forced or "qty" in best):  # French lists call part numbers so
        ids, reference = [reference], None
    if not ids or (len(best) < 2 and not forced):
        return None
    electronic = _is_electronic(found) and reference == best.get("reference")
    spaces = {at: found[at].space or ("mpn" if electronic else "unknown") for at in ids}
    color, name = _colors(found, spaces[ids[0]])
    rest = [(best[field_], field_) for field_ in _SINGLE if field_ in best]
    if name is not None and "color_name" not in best:
        rest.append((name, "color_name"))
    values = [at for at in ids[1:] if found[at].weight < STRONG and spaces[at] == "mpn"]
    if values and found[ids[0]].weight >= STRONG and not best.keys() & {"name", "description"}:
        rest.append((values[0], "name"))  # what an order number stands for
    prices = [found[at].currency for at, kept in rest if kept in {"unit_price", "max_price"}]
    known = found[ids[0]].weight >= STRONG or color is not None or reference is not None
    return Columns(
        header=tuple(cells),
        line=line,
        ids=tuple((at, spaces[at]) for at in ids),
        second_sources=frozenset(at for at in ids if found[at].weight >= _SECOND_SOURCE and spaces[at] == "mpn"),
        color=color,
        color_space=(found[color].space if color is not None else None) or "unknown",
        qty=best.get("qty"),
        reference=reference,
        rest=tuple(sorted(rest)),
        currency=next((price for price in prices if price), None),
        lenient_types="item_type" in best and found[best["item_type"]].weight < STRONG,
        strong=known and ("qty" in best or reference is not None),
        score=score,
        width=len(cells),
    )


def side_by_side(header: Sequence[str]) -> tuple[slice, ...]:
    """Where a sheet has several tables beside each other under the same headers, as to fit a page; else none."""
    names = [squashed(cell) for cell in header]
    first = next((name for name in names if name), "")
    starts = [at for at, name in enumerate(names) if name and name == first]
    if len(starts) < 2:
        return ()
    block = names[starts[0] : starts[1]]
    while not block[-1]:
        block.pop()
    fields = {known.field for cell in header[starts[0] : starts[1]] if (known := meaning(cell))}
    whole = all(names[at : at + len(block)] == block for at in starts)
    if not whole or "qty" not in fields or fields.isdisjoint({"raw_id", "element_id"}):
        return ()  # `MPN, Maker, MPN, Maker, Qty` are second sources
    return tuple(map(slice, starts, [*starts[1:], MAX_COLUMNS]))


def _unlike(cell: str) -> int:
    """Points that a header loses for a cell that none has: a number, a sentence, a label."""
    if is_number(cell.replace(".", "").replace(",", "")):
        return 3
    return 2 if len(cell) > MAX_CELL or cell.endswith((":", "\uff1a")) else 0


def _best(found: dict[int, Meaning]) -> dict[str, int]:
    """The heaviest column of each field; of equals the first."""
    best: dict[str, int] = {}
    for at, known in found.items():
        if known.field not in best or known.weight > found[best[known.field]].weight:
            best[known.field] = at
    best.pop(IGNORED, None)
    return best


def _in_context(cells: Sequence[str], found: dict[int, Meaning]) -> dict[int, Meaning]:
    """Words that mean one thing beside some columns and another beside others."""
    fields = {known.field for known in found.values()}
    values = any(known.field == "raw_id" and known.space == "mpn" and known.weight < STRONG for known in found.values())
    labels = values and "package" in fields and "reference" not in fields
    electronic = labels or _is_electronic(found)
    settled_: dict[int, Meaning] = {}
    for at, known in found.items():
        if labels and squashed(cells[at]) in _LABELS:
            settled_[at] = Meaning("reference", 60)
        elif electronic and "package" in fields and squashed(cells[at]) == "designation":
            settled_[at] = Meaning("raw_id", 30, "mpn")  # KiCad's word for the value
        elif known.field == "comment":
            settled_[at] = Meaning("raw_id", 29, "mpn") if electronic else Meaning("remarks", 40)
        else:
            settled_[at] = known
    return settled_


def _is_electronic(found: dict[int, Meaning]) -> bool:
    """A list of manufacturers' parts: designators, makers or packages, and no color."""
    fields = {known.field for known in found.values()}
    makers = any(known.field == "raw_id" and known.space == "mpn" and known.weight > STRONG for known in found.values())
    return "color" not in fields and (makers or bool(fields & {"reference", "manufacturer", "package", "dnp"}))


def _colors(found: dict[int, Meaning], id_space: str) -> tuple[int | None, int | None]:
    """The column of color numbers (or of numbers and names), and one that then can only hold names."""
    colors = [at for at in found if found[at].field == "color"]
    colors.sort(key=lambda at: (found[at].space != id_space, -found[at].weight, at))
    if not colors:
        return None, None
    bare = [at for at in colors[1:] if found[at].space is None and found[at].weight == 50]
    return colors[0], bare[0] if bare else None
