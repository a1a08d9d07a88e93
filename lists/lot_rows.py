"""A lot as people and programs read it: one object for all files that the merged list is written to."""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

from catalog.port import Catalog, Space
from lists.lots import Lot, LotBook, Role
from lists.names import PartNames, color_names_of

CHUNK = 10_000  # lots at a time: bounds memory
COUNTS = {Role.PIECE: "qty", Role.SPARE: "spares", Role.ALTERNATE: "alternates", Role.COUNTERPART: "counterparts"}
_PIECES = tuple(COUNTS.values())
COLUMNS = (  # in the order in which they are written; True: whole numbers
    ("row", True),
    ("rows", True),
    ("item_type", False),
    ("part_num", False),
    ("color_id", True),
    ("name", False),
    ("color_name", False),
    *((name, True) for name in _PIECES),
    ("condition", False),
    ("unit_price", False),
    ("currency", False),
    ("raw_id", False),
    ("id_space", False),
    ("raw_color", True),
    ("color_space", False),
    ("bricklink_id", False),
    ("bricklink_color", True),
)


class Names:
    """Names of parts and colors, and what BrickLink calls them; remembered for one list."""

    def __init__(self, catalog: Catalog, *, parts: PartNames | None = None) -> None:
        """`parts`: those that are known already."""
        self._catalog = catalog
        self.parts = PartNames(catalog) if parts is None else parts
        self.colors = color_names_of(catalog)
        self.bricklink_parts = _BrickLinkParts(catalog)
        self.bricklink_colors = {
            number: next(iter(catalog.external_colors(Space.BRICKLINK, number)), None) for number in catalog.colors()
        }

    def expect(self, lots: Iterable[tuple[tuple[Any, ...], Lot]]) -> None:
        """The parts of these are asked for next: BrickLink's ids of those that the file does not say itself."""
        stated: set[str] = set()
        others: set[str] = set()
        for (_, part, *_), lot in lots:
            if part:
                (stated if lot.id_space == Space.BRICKLINK else others).add(part)
        self._catalog.prefetch(stated - others)
        self._catalog.prefetch(others, external=[Space.BRICKLINK])


class _BrickLinkParts(dict[str, str]):
    """BrickLink's id of each part: by the maps, else the same as the catalog's."""

    def __init__(self, catalog: Catalog) -> None:
        super().__init__()
        self._catalog = catalog

    def __missing__(self, part_num: str) -> str:
        found = self[part_num] = next(iter(self._catalog.external(Space.BRICKLINK, part_num)), part_num)
        return found


def lot_rows(book: LotBook, names: Names) -> Iterator[list[dict[str, Any]]]:
    """All lots in chunks, each an object with `COLUMNS` as members.

    Ids in BrickLink's words are the file's own where it speaks BrickLink, or where the part is not resolved.
    """
    entries = book.entries()
    while chunk := list(islice(entries, CHUNK)):
        names.expect(chunk)
        yield list(_rows(chunk, names))


def _rows(entries: Iterable[tuple[tuple[Any, ...], Lot]], names: Names) -> Iterator[dict[str, Any]]:
    part_names, color_names = names.parts, names.colors
    bricklink_parts, bricklink_colors = names.bricklink_parts, names.bricklink_colors
    for key, lot in entries:
        item_type, part, _, color, _, condition, price, currency, role = key
        qty, raw_id, raw_color, id_space, color_space = (
            lot.qty,
            lot.raw_id,
            lot.raw_color,
            lot.id_space,
            lot.color_space,
        )
        yield {
            "row": lot.row,
            "rows": lot.rows,
            "item_type": item_type,
            "part_num": part,
            "color_id": color,
            "name": part_names[part] or lot.name,
            "color_name": color_names.get(color),
            "qty": qty if role == 0 else 0,
            "spares": qty if role == 1 else 0,
            "alternates": qty if role == 2 else 0,
            "counterparts": qty if role == 3 else 0,
            "condition": condition,
            "unit_price": price,
            "currency": currency,
            "raw_id": raw_id,
            "id_space": id_space,
            "raw_color": raw_color,
            "color_space": color_space,
            "bricklink_id": raw_id if part is None or id_space == "bricklink" else bricklink_parts[part],
            "bricklink_color": raw_color if color_space == "bricklink" else bricklink_colors.get(color),
        }
