"""What a catalog's rows add up to, by key: the one place where "best first" is decided, for both twins alike."""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

from catalog.port import Color, Element, Part, Relation, Space
from catalog.tables import PartLink, Tables

_MOULD = "M"
_DIGITS = re.compile(r"(\d+)")
Key = tuple[str, str]  # a space, and a lower-case id in it
ColorKey = tuple[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Index:
    """A catalog by key; part numbers and ids in keys are lower case."""

    parts: Mapping[str, Part]
    colors: Mapping[int, Color]
    elements: Mapping[str, Element]
    part_colors: Mapping[str, Mapping[int, Sequence[str]]]  # part -> color -> elements, newest first
    relations: Mapping[str, Sequence[Relation]]  # by either side
    moulds: Mapping[str, Sequence[str]]  # part -> its whole group, preferred first
    part_maps: Mapping[Key, Sequence[str]]  # foreign id -> part numbers, best first
    external_ids: Mapping[Key, Sequence[str]]  # part -> foreign ids, best first
    color_maps: Mapping[ColorKey, Sequence[int]]
    external_colors: Mapping[ColorKey, Sequence[int]]
    color_names: Mapping[str, Sequence[ColorKey]]
    counts: Mapping[str, int]
    complete: bool  # the elements are meant to be all there are

    @classmethod
    def of(cls, tables: Tables) -> "Index":
        """The index of a catalog's rows."""
        part_colors = _part_colors(tables.elements)
        relations = _relations(tables.relations)
        known = {key: sum(map(len, colors.values())) for key, colors in part_colors.items()}
        part_maps, external_ids = _part_maps(tables.part_links, known)
        color_maps, external_colors = _color_maps(tables)
        return cls(
            parts={part.part_num.lower(): part for part in tables.parts},
            colors={color.id: color for color in sorted(tables.colors)},
            elements={element.element_id: element for element in tables.elements},
            part_colors=part_colors,
            relations=relations,
            moulds=_moulds(relations, known),
            part_maps=part_maps,
            external_ids=external_ids,
            color_maps=color_maps,
            external_colors=external_colors,
            color_names=_color_names(tables),
            counts={
                "parts": len(tables.parts),
                "colors": len(tables.colors),
                "elements": len(tables.elements),
                "relations": len(tables.relations),
                "part_maps": len(part_maps),
                "color_maps": sum(1 for space, _ in color_maps if space != Space.REBRICKABLE),
            },
            complete=tables.complete,
        )

    def part_nums(self) -> list[str]:
        """All part numbers, lower case, sorted."""
        return sorted(self.parts)


def natural(text: str) -> tuple[tuple[int, int, str], ...]:
    """A sort key that counts: `30` before `300`, `3062a` before `3062b`."""
    return tuple((0, int(bit), "") if bit.isdigit() else (1, 0, bit) for bit in _DIGITS.split(text.lower()) if bit)


def _part_colors(elements: Iterable[Element]) -> dict[str, dict[int, Sequence[str]]]:
    found: dict[str, dict[int, list[str]]] = defaultdict(lambda: defaultdict(list))
    for element in elements:
        found[element.part_num.lower()][element.color_id].append(element.element_id)
    return {
        key: {color: sorted(ids, key=int, reverse=True) for color, ids in sorted(colors.items())}
        for key, colors in found.items()
    }


def _relations(relations: Iterable[Relation]) -> dict[str, Sequence[Relation]]:
    found: dict[str, list[Relation]] = defaultdict(list)
    for relation in sorted(relations):
        found[relation.child.lower()].append(relation)
        found[relation.parent.lower()].append(relation)
    return dict(found)


def _moulds(relations: Mapping[str, Sequence[Relation]], known: Mapping[str, int]) -> dict[str, Sequence[str]]:
    """The groups that M relations join; they are published neither closed nor ordered from old to new.

    Preferred is the part with the most elements, which is in most sets, else the one with the most prints and other
    relations; among equals the last one by its number.
    """
    above: dict[str, str] = {}

    def root(part: str) -> str:
        while above.setdefault(part, part) != part:
            above[part] = part = above[above[part]]
        return part

    spelled: dict[str, str] = {}
    for relation in chain.from_iterable(relations.values()):
        if relation.type == _MOULD:
            spelled[relation.child.lower()], spelled[relation.parent.lower()] = relation.child, relation.parent
            one, other = sorted((root(relation.child.lower()), root(relation.parent.lower())))
            above[other] = one

    def use(key: str) -> tuple[int, int, tuple[tuple[int, int, str], ...]]:
        return known.get(key, 0), len(relations[key]), natural(key)

    groups: dict[str, list[str]] = defaultdict(list)
    for key in sorted(spelled):
        groups[root(key)].append(key)
    found: dict[str, Sequence[str]] = {}
    for keys in groups.values():
        members = tuple(spelled[key] for key in sorted(keys, key=use, reverse=True))
        found |= dict.fromkeys(keys, members)
    return found


def _part_maps(
    links: Iterable[PartLink], known: Mapping[str, int]
) -> tuple[dict[Key, Sequence[str]], dict[Key, Sequence[str]]]:
    """Both ways. An id that is the part's own number comes first, then by source, elements known, and number."""
    inward: dict[Key, list[PartLink]] = defaultdict(list)
    outward: dict[Key, list[PartLink]] = defaultdict(list)
    for link in links:
        inward[link.space, link.external_id.lower()].append(link)
        outward[link.space, link.part_num.lower()].append(link)

    def better(link: PartLink) -> tuple[bool, int, int, tuple[tuple[int, int, str], ...]]:
        part = link.part_num.lower()
        return part != link.external_id.lower(), link.rank, -known.get(part, 0), natural(part)

    def own_first(link: PartLink) -> tuple[bool, int]:
        return link.part_num.lower() != link.external_id.lower(), link.rank

    return (
        {key: _once(link.part_num for link in sorted(found, key=better)) for key, found in inward.items()},
        {key: _once(link.external_id for link in sorted(found, key=own_first)) for key, found in outward.items()},
    )


def _color_maps(tables: Tables) -> tuple[dict[ColorKey, Sequence[int]], dict[ColorKey, Sequence[int]]]:
    inward: dict[ColorKey, set[int]] = defaultdict(set)
    outward: dict[ColorKey, set[int]] = defaultdict(set)
    own = [(Space.REBRICKABLE.value, color.id, color.id) for color in tables.colors]
    for space, number, color in [*own, *tables.color_links]:
        inward[space, number].add(color)
        outward[space, color].add(number)
    return (
        {key: sorted(colors, key=_lowest_first) for key, colors in inward.items()},
        {key: sorted(numbers, key=_lowest_first) for key, numbers in outward.items()},
    )


def _lowest_first(number: int) -> tuple[bool, int]:
    """Where several answer, the lowest is the plain one (rubber, edge and milky shades came later); -1 says least."""
    return number < 0, number


def _color_names(tables: Tables) -> dict[str, Sequence[ColorKey]]:
    found: dict[str, set[ColorKey]] = defaultdict(set)
    for color in tables.colors:
        found[color.name.lower()].add((Space.REBRICKABLE.value, color.id))
    for space, name, color_id in tables.color_names:
        found[name.lower()].add((space, color_id))
    return {name: sorted(meant) for name, meant in sorted(found.items())}


def _once(found: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(found))
