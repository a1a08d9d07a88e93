"""Rows that mean the same thing merged into lots: one part in one color, condition and price."""

from collections.abc import Iterator, Mapping
from enum import IntEnum
from typing import Any, NamedTuple

MAX_LOTS = 300_000  # merged lots kept; a list with more is no list of parts, and memory has to stay flat


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


class Lot(NamedTuple):
    """Merged rows."""

    key: LotKey
    qty: int  # pieces, all rows together; less what is filled, where that was asked for
    rows: int  # how many were merged
    row: int  # the first of them
    name: str | None  # as the file, else the catalog calls it
    file_id: str | None  # the first row's id as the file says it, resolved or not
    id_space: str  # whose id that is
    file_color: int | None  # the same for its color
    color_space: str


class LotBook:
    """All lots of one list, in the order in which each came first."""

    def __init__(self) -> None:
        self._kept: dict[LotKey | tuple[Any, ...], list[Any]] = {}
        self.left_out = 0  # rows that came after MAX_LOTS different ones

    def __len__(self) -> int:
        return len(self._kept)

    def add(self, key: tuple[Any, ...], qty: int, *, row: int, fields: Mapping[str, Any]) -> None:
        """Merge one row; `key` has the members of `LotKey` (a bare tuple: lists have millions of rows)."""
        kept = self._kept.get(key)
        if kept is not None:
            kept[0] += qty
            kept[1] += 1
        elif len(self._kept) < MAX_LOTS:
            said = (
                fields.get("name"),
                fields["raw_id"],
                fields["id_space"],
                fields["raw_color"],
                fields["color_space"],
            )
            self._kept[key] = [qty, 1, row, said]
        else:
            self.left_out += 1

    def lots(self) -> Iterator[Lot]:
        """Each lot once."""
        for members, (qty, rows, row, said) in self._kept.items():
            yield Lot(LotKey(*members), qty, rows, row, *said)
