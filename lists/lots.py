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


class Said(NamedTuple):
    """What the first row of a lot says of it in the file's own words."""

    name: str | None
    raw_id: str | None
    id_space: str
    raw_color: int | None
    color_space: str


# Members of `LotKey`, pieces, rows merged, first row, members of `Said`: bare, since lists have millions of rows.
Entry = tuple[tuple[Any, ...], int, int, int, tuple[Any, ...]]


class LotBook:
    """All lots of one list, in the order in which each came first."""

    def __init__(self) -> None:
        self._kept: dict[tuple[Any, ...], list[Any]] = {}  # LotKey -> [pieces, rows merged, first row, Said]
        self.left_out = 0  # rows that came after MAX_LOTS different ones

    def __len__(self) -> int:
        return len(self._kept)

    def add(self, key: tuple[Any, ...], qty: int, *, row: int, fields: Mapping[str, Any]) -> None:
        """Merge one row; `key` has the members of `LotKey`."""
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

    def entries(self) -> Iterator[Entry]:
        """Every lot."""
        for key, (qty, rows, row, said) in self._kept.items():
            yield key, qty, rows, row, said

    def repeated(self) -> Iterator[tuple[LotKey, Said, int, int]]:
        """Lots that stand in several rows: what they are, how many rows, the first one."""
        for key, (_qty, rows, row, said) in self._kept.items():
            if rows > 1:
                yield LotKey(*key), Said(*said), rows, row
