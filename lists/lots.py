"""Rows that mean the same thing merged into lots: one part in one color, condition and price."""

from collections.abc import Iterator, Mapping
from enum import IntEnum
from typing import Any, NamedTuple

MAX_LOTS = 200_000  # merged lots kept, some 100 MB; twice as many as there are known parts in known colors


class Role(IntEnum):
    """What a row counts as. Only pieces are what a builder needs to have."""

    PIECE = 0
    SPARE = 1
    ALTERNATE = 2  # stands for another row
    COUNTERPART = 3  # comes with another row


class LotKey(NamedTuple):
    """What makes two rows one lot."""

    item_type: str  # BrickLink's letter
    part_num: str | None  # of the catalog; None where it is not resolved
    raw_id: str | None  # as the file says it, where it is not resolved; else None
    color_id: int | None  # of the catalog
    raw_color: int | None  # as the file says it, where it is not resolved
    condition: str | None
    unit_price: str | None
    currency: str | None
    role: Role


class Lot:
    """Merged rows; grows with each of them. What the file says of it is in the words of its first row."""

    __slots__ = ("color_space", "id_space", "name", "qty", "raw_color", "raw_id", "row", "rows")

    def __init__(self, fields: Mapping[str, Any]) -> None:
        self.qty = 0  # pieces, all rows together; less what is filled, where that was asked for
        self.rows = 0  # merged
        self.row = 0  # the first of them
        self.name: str | None = fields.get("name")
        self.raw_id: str | None = fields["raw_id"]
        self.id_space: str = fields["id_space"]
        self.raw_color: int | None = fields["raw_color"]
        self.color_space: str = fields["color_space"]

    def add(self, row: int, qty: int) -> None:
        """Merge one row."""
        self.qty += qty
        self.rows += 1
        if not self.row:
            self.row = row


class LotBook:
    """All lots of one list, in the order in which each came first."""

    def __init__(self) -> None:
        self._kept: dict[tuple[Any, ...], Lot] = {}  # by the members of `LotKey`
        self.left_out = 0  # rows of lots past the limit

    def __len__(self) -> int:
        return len(self._kept)

    def lot(self, key: tuple[Any, ...], fields: Mapping[str, Any]) -> Lot | None:
        """The lot of that key, which has the members of `LotKey`; None where it would be one too many."""
        lot = self._kept.get(key)
        if lot is None and len(self._kept) < MAX_LOTS:
            lot = self._kept[key] = Lot(fields)
        return lot

    def entries(self) -> Iterator[tuple[tuple[Any, ...], Lot]]:
        """Members of `LotKey`, and what was merged under it."""
        return iter(self._kept.items())

    def repeated(self) -> Iterator[tuple[LotKey, Lot]]:
        """Lots that stand in several rows."""
        return ((LotKey._make(key), lot) for key, lot in self._kept.items() if lot.rows > 1)
