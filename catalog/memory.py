"""A catalog in memory, made from plain values: the twin of the compiled file for tests and small tools."""

from collections.abc import Iterable, Mapping, Sequence

from catalog.index import Index
from catalog.port import Color, Element, Part, Relation
from catalog.tables import Tables


class MemoryCatalog:
    """Answers from dictionaries; see `catalog.port.Catalog`."""

    def __init__(self, tables: Tables, *, version: str = "memory") -> None:
        self._index = Index.of(tables)
        self._version = version
        self._part_nums: tuple[str, ...] | None = None

    @property
    def version(self) -> str:
        return self._version

    @property
    def counts(self) -> Mapping[str, int]:
        return self._index.counts

    @property
    def complete(self) -> bool:
        return self._index.complete

    def part(self, part_num: str) -> Part | None:
        return self._index.parts.get(part_num.lower())

    def mapped(self, space: str, raw_id: str) -> Sequence[str]:
        return tuple(self._index.part_maps.get((space, raw_id.lower()), ()))

    def external(self, space: str, part_num: str) -> Sequence[str]:
        return tuple(self._index.external_ids.get((space, part_num.lower()), ()))

    def element(self, element_id: str) -> Element | None:
        return self._index.elements.get(element_id)

    def elements_of(self, part_num: str, color_id: int) -> Sequence[str]:
        return tuple(self._index.part_colors.get(part_num.lower(), {}).get(color_id, ()))

    def known_colors(self, part_num: str) -> frozenset[int]:
        return frozenset(self._index.part_colors.get(part_num.lower(), ()))

    def is_known_in(self, part_num: str, color_id: int) -> bool:
        return color_id in self._index.part_colors.get(part_num.lower(), ())

    def relations(self, part_num: str) -> Sequence[Relation]:
        return tuple(self._index.relations.get(part_num.lower(), ()))

    def mould_group(self, part_num: str) -> Sequence[str]:
        return tuple(self._index.moulds.get(part_num.lower(), ()))

    def prefetch(self, raw_ids: Iterable[str], *, maps: Iterable[str] = (), external: Iterable[str] = ()) -> None:
        """Everything is at hand already."""

    def part_nums(self) -> Sequence[str]:
        if self._part_nums is None:
            self._part_nums = tuple(self._index.part_nums())
        return self._part_nums

    def colors(self) -> Mapping[int, Color]:
        return self._index.colors

    def color_ids(self, space: str, number: int) -> Sequence[int]:
        return tuple(self._index.color_maps.get((space, number), ()))

    def external_colors(self, space: str, color_id: int) -> Sequence[int]:
        return tuple(self._index.external_colors.get((space, color_id), ()))

    def color_names(self) -> Mapping[str, tuple[tuple[str, int], ...]]:
        return {name: tuple(meant) for name, meant in self._index.color_names.items()}
