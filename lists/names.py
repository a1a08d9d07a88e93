"""What people call parts and colors: the catalog's names, remembered for one list."""

from collections.abc import Mapping

from catalog.port import Catalog

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
