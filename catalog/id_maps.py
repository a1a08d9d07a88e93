"""Readers of id maps: LeoCAD's `ldraw2bl.txt`, LDraw's `LDConfig.ldr`, Rebrickable's API pages, and plain CSV.

What they say is kept as they say it; `catalog.links` finds out which parts and colors of the catalog it is about.
Sources of the formats: LeoCAD's resources folder (CC0), LDraw's colour definition language, Rebrickable's API v3.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from catalog.rows import Layout, Tally, read_rows
from catalog.sources import MiB, Source, text_lines, whole_text
from catalog.tables import ColorLink, ColorName, PartLink, clean_name, color_id
from jobs.errors import InputError

MAX_JSON = 48 * MiB  # characters; all of Rebrickable's parts with their external ids come to about 25 million
_LONGEST_ID = 64
_SPACE = re.compile(r"[a-z][a-z0-9_]{0,19}")
_COLOUR = re.compile(
    r"0\s+!COLOUR\s+(?P<name>\S{1,80})\s+CODE\s+(?P<code>[0-9]{1,9})\s+VALUE\s+#?(?P<rgb>[0-9A-F]{6})\b", re.IGNORECASE
)
_LEGO_ID = re.compile(r"0\s+//\s+LEGOID\s+(?P<number>[0-9]{1,9})(?:\s+-\s+(?P<name>.{1,80}))?", re.IGNORECASE)
_SECTION = re.compile(r"\W*(?P<name>parts|colou?rs)\W*", re.IGNORECASE)
PART_LINKS = Layout(name="part_ids", columns=("space", "external_id", "part_num"))
COLOR_LINKS = Layout(
    name="color_ids", columns=("space", "external_id", "color_id", "name"), optional=frozenset(["name"])
)


class LDrawColor(NamedTuple):
    """One line of LDConfig.ldr."""

    code: int
    name: str  # blanks instead of underscores
    rgb: str
    lego: tuple[int, str] | None  # LEGO's number and name, from the comment before it


@dataclass(slots=True)
class IdMaps:
    """What all id maps of a catalog's sources say, in the order in which they are trusted."""

    part_links: list[PartLink] = field(default_factory=list)
    color_links: list[ColorLink] = field(default_factory=list)
    color_names: list[ColorName] = field(default_factory=list)
    ldraw_colors: list[LDrawColor] = field(default_factory=list)
    leocad_parts: list[tuple[str, str]] = field(default_factory=list)  # LDraw, BrickLink
    leocad_colors: list[tuple[int, int]] = field(default_factory=list)  # LDraw, BrickLink


def read_leocad(source: Source, maps: IdMaps) -> None:
    """LDraw ids and color codes with BrickLink's: `6141 4073` line by line (comments after `!`), or JSON.

    Newer files are an object `{"Parts": {"6141": "4073"}, "Colors": {"4": "5"}}`, perhaps below a line of comment.
    """
    text = whole_text(source, MAX_JSON)
    body = text.partition("\n")[2] if not text.lstrip().startswith("{") and text.count("{", 0, 2000) else text
    if body.lstrip().startswith("{"):
        found = _parsed(source, body)
        parts, colors = found.get("Parts"), found.get("Colors")
        pairs = list(parts.items()) if isinstance(parts, dict) else []
        numbers = list(colors.items()) if isinstance(colors, dict) else []
    else:
        pairs, numbers = _leocad_lines(text)
    for ldraw, bricklink in pairs:
        theirs, ours = _id(bricklink), _id(ldraw)
        if theirs and ours:
            maps.leocad_parts.append((ours.lower().removesuffix(".dat"), theirs))
    for code, number in numbers:
        left, right = color_id(str(code)), color_id(str(number))
        if left is not None and right is not None:
            maps.leocad_colors.append((left, right))


def _leocad_lines(text: str) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    pairs: list[tuple[str, str]] = []
    numbers: list[tuple[str, str]] = []
    into = pairs
    for line in text.splitlines():
        words = line.split()
        if section := _SECTION.fullmatch(line):
            into = pairs if section["name"].lower() == "parts" else numbers
        elif len(words) == 2 and words[0][0] not in "!#/":
            into.append((words[0], words[1]))
    return pairs, numbers


def read_ldconfig(source: Source, maps: IdMaps) -> None:
    """LDraw's color codes with name, RGB and LEGO's number, which stands in the comment before a color."""
    lego: tuple[int, str] | None = None
    for line in text_lines(source):
        if found := _LEGO_ID.match(line.strip()):
            lego = (int(found["number"]), (found["name"] or "").strip())
        elif found := _COLOUR.match(line.strip()):
            name = found["name"].replace("_", " ")
            maps.ldraw_colors.append(LDrawColor(int(found["code"]), name, found["rgb"].upper(), lego))
            lego = None
        elif line.strip() not in {"", "0"}:
            lego = None


def read_part_links(source: Source, maps: IdMaps, *, tally: Tally) -> None:
    """A CSV of `space,external_id,part_num`, trusted before all other maps."""
    for line, (space, external_id, part_num) in read_rows(source, PART_LINKS, tally=tally):
        theirs = _id(external_id)
        if theirs and _SPACE.fullmatch(space.lower()):
            maps.part_links.append(PartLink(space.lower(), theirs, part_num, 0))
        else:
            tally.skip("part_ids", f"{source.name} line {line}: {space[:30]!r}, {external_id[:50]!r} is no id")


def read_color_links(source: Source, maps: IdMaps, *, tally: Tally) -> None:
    """A CSV of `space,external_id,color_id[,name]`; without an external id it gives a name only."""
    for line, (word, external_id, color, name) in read_rows(source, COLOR_LINKS, tally=tally):
        space, theirs, ours = word.lower(), color_id(external_id), color_id(color)
        if ours is None or not _SPACE.fullmatch(space) or (theirs is None and external_id):
            tally.skip("color_ids", f"{source.name} line {line}: {external_id[:50]!r}, {color[:50]!r} is no color")
            continue
        if theirs is not None:
            maps.color_links.append(ColorLink(space, theirs, ours))
        if name:
            maps.color_names.append(ColorName(space, clean_name(name), ours))


def read_external_ids(source: Source, maps: IdMaps) -> bool:
    """Pages of Rebrickable's API for parts and colors with their `external_ids`; False where it is other JSON.

    One page (`{"results": [...]}`), its list alone, or a list of pages.
    """
    before = len(maps.part_links), len(maps.color_links), len(maps.color_names)
    for item in _items(_parsed(source, whole_text(source, MAX_JSON)), depth=2):
        ids = item.get("external_ids")
        if not isinstance(ids, dict):
            continue
        if isinstance(item.get("part_num"), str):
            _part_ids(item["part_num"], ids, maps)
        elif isinstance(item.get("id"), int):
            _color_ids(item["id"], ids, maps)
    return before != (len(maps.part_links), len(maps.color_links), len(maps.color_names))


def _items(found: Any, depth: int) -> Iterator[Mapping[str, Any]]:
    """The objects in a page or list, and in the pages and lists that it holds."""
    rows = found["results"] if _is_page(found) else found
    for item in rows if isinstance(rows, list) and depth else ():
        if isinstance(item, list) or _is_page(item):
            yield from _items(item, depth - 1)
        elif isinstance(item, dict):
            yield item


def _is_page(found: Any) -> bool:
    return isinstance(found, dict) and isinstance(found.get("results"), list)


def _part_ids(part_num: str, ids: Mapping[str, Any], maps: IdMaps) -> None:
    for system, listed in ids.items():
        space = system.lower()
        if not isinstance(listed, list) or not _SPACE.fullmatch(space):
            continue
        for found in listed:
            external_id = _id(found)
            if external_id:
                maps.part_links.append(PartLink(space, external_id, part_num, 1))


def _color_ids(ours: int, ids: Mapping[str, Any], maps: IdMaps) -> None:
    for system, listed in ids.items():
        space = system.lower()
        if not isinstance(listed, dict) or not _SPACE.fullmatch(space):
            continue
        for found in _list(listed.get("ext_ids")):
            number = None if found is None else color_id(str(found))  # Peeron's are null
            if number is not None:
                maps.color_links.append(ColorLink(space, number, ours))
        for names in _list(listed.get("ext_descrs")):
            for name in names if isinstance(names, list) else [names]:
                if isinstance(name, str) and (clean := clean_name(name)):
                    maps.color_names.append(ColorName(space, clean, ours))


def _list(found: Any) -> list[Any]:
    return found if isinstance(found, list) else []


def _id(found: Any) -> str:
    """An id as text without blanks around it; empty where it can't be one."""
    text = str(found).strip() if isinstance(found, str | int) and not isinstance(found, bool) else ""
    return text if len(text) <= _LONGEST_ID and text.isprintable() else ""


def _parsed(source: Source, text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as wrong:
        raise InputError(
            "catalog.json",
            f"{source.name} is no well-formed JSON: {wrong}",
            hint="save the service's answer as it comes",
            file=source.name,
        ) from wrong
