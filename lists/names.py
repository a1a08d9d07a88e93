"""What people call things: parts and colors by the catalog, columns by the file."""

from collections.abc import Mapping

from catalog.port import Catalog, Space

_KEPT = 100_000  # names; one list has no more


class PartNames(dict[str | None, str | None]):
    """The name of each part number; None for what the catalog does not know."""

    def __init__(self, catalog: Catalog) -> None:
        super().__init__({None: None})
        self._catalog = catalog

    def __missing__(self, part_num: str | None) -> str | None:
        part = self._catalog.part(part_num) if part_num else None
        name = part.name if part else None
        if len(self) < _KEPT:
            self[part_num] = name
        return name


def color_names_of(catalog: Catalog) -> Mapping[int | None, str]:
    """The name of each color id."""
    return {number: color.name for number, color in catalog.colors().items()}


# What the resolver finds fault with, in the words of files whose columns nobody chooses.
_BRICKLINK = {"part": "ITEMID", "color": "COLOR"}
_COLUMNS: Mapping[str, Mapping[str, str]] = {
    "bricklink-xml": _BRICKLINK,
    "brickstore-bsx": {"part": "ItemID", "color": "ColorID"},
    "studio-csv": {"part": "BLItemNo", "color": "BLColorId", "element": "ElementId"},
    "ldraw": {"part": "file", "color": "color"},
    "studio-io": {"part": "file", "color": "color"},
    "ldd-lxf": {"part": "designID", "color": "materials", "element": "itemNos"},
    "ldd-lxfml": {"part": "designID", "color": "materials", "element": "itemNos"},
}
# Whose color numbers a file of the kind holds; a color that is no number may be the name of one.
COLOR_SPACES: Mapping[str, str] = {
    "bricklink-xml": Space.BRICKLINK,
    "brickstore-bsx": Space.BRICKLINK,
    "studio-csv": Space.BRICKLINK,
    "rebrickable-csv": Space.REBRICKABLE,
    "ldraw": Space.LDRAW,
    "studio-io": Space.LDRAW,
    "ldd-lxf": Space.LEGO,
    "ldd-lxfml": Space.LEGO,
}
_OURS = {"part": "raw_id", "color": "raw_color", "element": "element_id"}


def column_of(subject: str | None, *, kind: str, told: Mapping[str, str]) -> str | None:
    """What the file calls the column of a `part`, `color` or `element`: `told` has what its parser said, by our names."""
    if subject is None:
        return None
    ours = _OURS.get(subject, subject)
    return told.get(ours) or _COLUMNS.get(kind, {}).get(subject) or subject
