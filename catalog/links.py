"""Which part or color of the catalog an id map means: maps pair foreign ids with each other, seldom with ours.

LeoCAD's map pairs LDraw with BrickLink, and LDConfig.ldr names LDraw's colors; both are tied to the catalog through
equal part numbers, equal color names, and what better maps said already.
"""

from collections import defaultdict
from collections.abc import Mapping
from typing import NamedTuple

from catalog.id_maps import IdMaps, LDrawColor
from catalog.port import Color, Part, Space
from catalog.rows import Tally
from catalog.tables import ColorLink, ColorName, PartLink

_NEAR = 60.0  # distance of two RGB values that may still be one color; shades are published slightly differently
_LEOCAD_RANK = 2


class Links(NamedTuple):
    """Links to parts and colors that the catalog has."""

    parts: list[PartLink]
    colors: list[ColorLink]
    names: list[ColorName]


def tie(maps: IdMaps, parts: Mapping[str, Part], colors: Mapping[int, Color], *, tally: Tally) -> Links:
    """Everything that `maps` says of the catalog's own parts and colors; the rest is counted as orphans."""
    color_links = [link for link in maps.color_links if _known(link.color_id in colors, "color_ids", tally)]
    names = [name for name in maps.color_names if name.color_id in colors]
    codes: dict[int, list[int]] = defaultdict(list)  # LDraw's code -> our colors
    for link in color_links:
        if link.space == Space.LDRAW:
            codes[link.number].append(link.color_id)
    more, more_names = _ldraw_colors(maps, colors, codes, tally=tally)
    color_links += more
    color_links += _leocad_colors(maps, colors, codes, tally=tally)
    return Links(_part_links(maps, parts, tally=tally), color_links, names + more_names)


def _part_links(maps: IdMaps, parts: Mapping[str, Part], *, tally: Tally) -> list[PartLink]:
    found = []
    for link in maps.part_links:
        part = parts.get(link.part_num.lower())
        if _known(part is not None, "part_ids", tally) and part is not None:
            found.append(link._replace(part_num=part.part_num))
    return found + _leocad_parts(maps, parts, tally=tally)


def _leocad_parts(maps: IdMaps, parts: Mapping[str, Part], *, tally: Tally) -> list[PartLink]:
    """A pair is tied by its LDraw id, else by BrickLink's, else by another pair of the same BrickLink id."""
    through: dict[str, Part] = {}
    for ldraw, bricklink in maps.leocad_parts:
        if part := parts.get(ldraw) or parts.get(bricklink.lower()):
            through.setdefault(bricklink.lower(), part)
    found = []
    for ldraw, bricklink in maps.leocad_parts:
        part = parts.get(ldraw) or parts.get(bricklink.lower()) or through.get(bricklink.lower())
        if _known(part is not None, "leocad_parts", tally) and part is not None:
            found.append(PartLink(Space.LDRAW, ldraw, part.part_num, _LEOCAD_RANK))
            found.append(PartLink(Space.BRICKLINK, bricklink, part.part_num, _LEOCAD_RANK))
    return found


def _ldraw_colors(
    maps: IdMaps, colors: Mapping[int, Color], codes: dict[int, list[int]], *, tally: Tally
) -> tuple[list[ColorLink], list[ColorName]]:
    """Links and names from LDConfig.ldr; `codes` learns the codes that no other map knew."""
    by_name = {plain(color.name): color.id for color in colors.values()}
    links, names = [], []
    for found in maps.ldraw_colors:
        ours = codes.get(found.code) or _likely(found, colors, by_name)
        if not _known(bool(ours), "ldconfig", tally):
            continue
        codes[found.code] = ours
        for color in ours:
            links.append(ColorLink(Space.LDRAW, found.code, color))
            names.append(ColorName(Space.LDRAW, found.name, color))
        if found.lego:
            number, name = found.lego
            links.append(ColorLink(Space.LEGO, number, ours[0]))
            if name:
                names.append(ColorName(Space.LEGO, name, ours[0]))
    return links, names


def _likely(found: LDrawColor, colors: Mapping[int, Color], by_name: Mapping[str, int]) -> list[int]:
    named = by_name.get(plain(found.name))
    if named is not None:
        return [named]
    same = colors.get(found.code)  # most of Rebrickable's ids are LDraw's codes, 14 of 121 are something else
    return [same.id] if same is not None and _distance(same.rgb, found.rgb) <= _NEAR else []


def _leocad_colors(
    maps: IdMaps, colors: Mapping[int, Color], codes: Mapping[int, list[int]], *, tally: Tally
) -> list[ColorLink]:
    """BrickLink's numbers by way of LDraw's codes."""
    told, links = {link.number for link in maps.color_links if link.space == Space.BRICKLINK}, []
    if maps.leocad_colors and not codes:
        tally.notes.append(
            "LDraw's color codes were taken for the catalog's own ids, which is wrong for about one in nine: "
            "add LDConfig.ldr or the colors' external ids"
        )
    for code, number in maps.leocad_colors:
        ours = codes.get(code) or ([code] if not codes and code in colors else [])
        if _known(bool(ours), "leocad_colors", tally) and number not in told:
            links += [ColorLink(Space.BRICKLINK, number, color) for color in ours]
    return links


def _known(known: bool, table: str, tally: Tally) -> bool:  # noqa: FBT001 - reads as a filter's condition
    if not known:
        tally.orphan(table)
    return known


def plain(name: str) -> str:
    """A color's name without the differences between publishers: `Trans_Light_Grey` and `Trans-Light Gray` are one."""
    return name.lower().replace("grey", "gray").translate({ord(mark): None for mark in " _-"})


def _distance(left: str, right: str) -> float:
    a, b = bytes.fromhex(left), bytes.fromhex(right)
    return float(sum((x - y) ** 2 for x, y in zip(a, b, strict=True)) ** 0.5)
