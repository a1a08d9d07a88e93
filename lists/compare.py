"""Two lists side by side: what was added, removed, changed in number, or only taken in another mould or color.

Both sides are merged lots, as `lots.jsonl` has them. Lots that no catalog resolved are compared by the file's own ids.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from enum import StrEnum
from typing import Any, BinaryIO, NamedTuple

from catalog.port import Catalog
from jobs.errors import InputError

COLUMNS = (  # of a difference, in the order in which they are written
    "change",
    "item_type",
    "part_num",
    "color_id",
    "left_part_num",
    "left_color_id",
    "left_qty",
    "right_qty",
    "delta",
    "resolved",
    "name",
)
MAX_LINE = 64 * 1024  # bytes of a lot; one of ours has some hundred
_MEMBERS: dict[str, tuple[type, bool]] = {  # what a comparison reads of a lot: its type, and whether it may be null
    "item_type": (str, False),
    "part_num": (str, True),
    "raw_id": (str, True),
    "color_id": (int, True),
    "raw_color": (int, True),
    "qty": (int, False),
    "spares": (int, False),
    "name": (str, True),
}


class Change(StrEnum):
    """How a lot differs."""

    ADDED = "added"  # the right list alone has it
    REMOVED = "removed"  # the left list alone has it
    QUANTITY = "quantity"  # both have it, in another number
    MOULD = "mould"  # the same color, but another mould of the same shape
    COLOR = "color"  # the same part in another color


class Side(NamedTuple):
    """What identifies a lot in a comparison; conditions and prices are merged."""

    item_type: str
    part: str  # the catalog's number, else the file's own id
    resolved: bool
    color: int | None  # of the catalog; of the file where that is not resolved


class Difference(NamedTuple):
    """One line of the result. `left` and `right` are the same lot but for moulds and colors."""

    change: Change
    left: Side | None
    right: Side | None
    left_qty: int
    right_qty: int
    name: str | None

    def to_json(self) -> dict[str, Any]:
        """One line of `diff.jsonl`."""
        left, right = self.left, self.right
        shown = right or left
        assert shown is not None
        return {
            "change": self.change.value,
            "item_type": shown.item_type,
            "part_num": shown.part,
            "color_id": shown.color,
            "left_part_num": left.part if left else None,
            "left_color_id": left.color if left else None,
            "left_qty": self.left_qty,
            "right_qty": self.right_qty,
            "delta": self.right_qty - self.left_qty,
            "resolved": shown.resolved,
            "name": self.name,
        }


def read_lots(file: BinaryIO) -> Iterator[dict[str, Any]]:
    """The lots of a `lots.jsonl`, which anybody may have sent: raises `InputError` (`pair.lots`) at what is none."""
    import orjson

    number = 0
    while line := file.readline(MAX_LINE + 1):
        number += 1
        try:
            lot = orjson.loads(line) if len(line) <= MAX_LINE else None
        except orjson.JSONDecodeError:
            lot = None
        if not isinstance(lot, dict) or not all(_fits(lot.get(name), *known) for name, known in _MEMBERS.items()):
            hint = "Send the list itself, or the id of the job that has read it."
            raise InputError("pair.lots", f"Line {number} of the lots is no lot.", hint=hint, line=number)
        yield lot


def _fits(value: Any, kind: type, optional: bool) -> bool:  # noqa: FBT001 - a row of `_MEMBERS`
    return (value is None and optional) or type(value) is kind


def compare(
    left: Iterable[Mapping[str, Any]], right: Iterable[Mapping[str, Any]], *, catalog: Catalog, spares: bool = False
) -> Iterator[Difference]:
    """The differences, quantities first, then what is in one list alone; `spares` counts spare pieces as pieces."""
    names: dict[Side, str | None] = {}
    before = _counted(left, spares=spares, names=names)
    after = _counted(right, spares=spares, names=names)
    for side, qty in before.items():
        if side in after and after[side] != qty:
            yield Difference(Change.QUANTITY, side, side, qty, after[side], names[side])
    removed = {side: qty for side, qty in before.items() if side not in after}
    added = {side: qty for side, qty in after.items() if side not in before}
    yield from _paired(removed, added, change=Change.MOULD, key=_Shapes(catalog), names=names)
    yield from _paired(removed, added, change=Change.COLOR, key=_part, names=names)
    for side, qty in removed.items():
        yield Difference(Change.REMOVED, side, None, qty, 0, names[side])
    for side, qty in added.items():
        yield Difference(Change.ADDED, None, side, 0, qty, names[side])


def _counted(lots: Iterable[Mapping[str, Any]], *, spares: bool, names: dict[Side, str | None]) -> dict[Side, int]:
    """Pieces by lot; lots without any are not in the list."""
    found: dict[Side, int] = defaultdict(int)
    for lot in lots:
        qty = lot["qty"] + (lot["spares"] if spares else 0)
        part = lot["part_num"] or lot["raw_id"]
        if qty < 1 or part is None:
            continue
        color = lot["raw_color"] if lot["color_id"] is None else lot["color_id"]
        side = Side(lot["item_type"], part, lot["part_num"] is not None, color)
        found[side] += qty
        if names.get(side) is None:
            names[side] = lot["name"]
    return dict(found)


class _Shapes:
    """What moulds of one shape in one color have in common; remembers."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._known: dict[str, str | None] = {}

    def __call__(self, side: Side) -> tuple[Any, ...] | None:
        if not side.resolved:
            return None
        if side.part not in self._known:
            self._known[side.part] = next(iter(self._catalog.mould_group(side.part)), None)
        shape = self._known[side.part]
        return (side.item_type, shape, side.color) if shape else None


def _part(side: Side) -> tuple[Any, ...]:
    return (side.item_type, side.part, side.resolved)


def _paired(
    removed: dict[Side, int], added: dict[Side, int], *, change: Change, key: Any, names: Mapping[Side, str | None]
) -> Iterator[Difference]:
    """Pairs of what is gone and what came that `key` holds equal; takes what it pairs out of both sides.

    Where the numbers differ the smaller one is paired, and the rest stays added or removed.
    """
    came: dict[Any, list[Side]] = defaultdict(list)
    for side in added:
        if (found := key(side)) is not None:
            came[found].append(side)
    for gone in list(removed):
        for other in came.get(key(gone), ()):
            if gone not in removed:
                break
            if other not in added:
                continue
            qty = min(removed[gone], added[other])
            yield Difference(change, gone, other, qty, qty, names[other])
            _take(removed, gone, qty)
            _take(added, other, qty)


def _take(counts: dict[Side, int], side: Side, qty: int) -> None:
    counts[side] -= qty
    if not counts[side]:
        del counts[side]
