"""A catalog's tables as plain values, and their readers: parts, colors, elements and relations as Rebrickable has them.

Source of the layout: the daily CSV downloads described on Rebrickable's download page, in their present and older forms.
Booleans are True/False, once t/f; an empty cell means that nothing is known.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from catalog.port import Color, Element, Part, Relation, Space
from catalog.rows import Layout, Tally, read_rows
from catalog.sources import Source
from jobs.errors import InputError

NAME_LENGTH = 300  # characters of a name that are kept
RELATION_TYPES = frozenset("PRBMAT")  # print, pair, sub-part, mould, alternate, pattern
UNKNOWN_RGB = "808080"
PART_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,39}")  # published ones have at most 20 characters
_COLOR_ID = re.compile(r"-?[0-9]{1,9}")
_ELEMENT_ID = re.compile(r"[0-9]{1,12}")
_RGB = re.compile(r"[0-9A-F]{6}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]+")
_TRUE, _FALSE = frozenset(["true", "t", "1", "yes"]), frozenset(["false", "f", "0", "no", ""])


class PartLink(NamedTuple):
    """Another space's id for a part."""

    space: str
    external_id: str
    part_num: str
    rank: int = 0  # how far its source is trusted, 0 most


class ColorLink(NamedTuple):
    """Another space's number for a color."""

    space: str
    number: int
    color_id: int


class ColorName(NamedTuple):
    """What a space calls a color."""

    space: str
    name: str
    color_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Tables:
    """Everything that a catalog says, as rows. Rows that name an unknown part or color do not belong here."""

    parts: Sequence[Part]
    colors: Sequence[Color]
    elements: Sequence[Element] = ()
    relations: Sequence[Relation] = ()
    part_links: Sequence[PartLink] = ()
    color_links: Sequence[ColorLink] = ()
    color_names: Sequence[ColorName] = ()
    complete: bool = True  # the elements are meant to be all there are


LAYOUTS = {
    layout.name: layout
    for layout in (
        Layout(
            name="parts",
            columns=("part_num", "name", "part_cat_id"),
            optional=frozenset(["part_cat_id"]),
            other_names={"part_id": "part_num", "descr": "name"},
        ),
        Layout(
            name="colors",
            columns=("id", "name", "rgb", "is_trans"),
            optional=frozenset(["is_trans"]),
            other_names={"descr": "name"},
        ),
        Layout(
            name="elements",
            columns=("element_id", "part_num", "color_id", "design_id"),
            optional=frozenset(["design_id"]),
        ),
        Layout(name="part_relationships", columns=("rel_type", "child_part_num", "parent_part_num")),
        Layout(name="part_categories", columns=("id", "name")),
    )
}
# Published beside the others; nothing here asks for them.
UNUSED = frozenset(
    ["sets", "themes", "inventories", "inventory_parts", "inventory_sets", "inventory_minifigs", "minifigs"]
)


def read_categories(source: Source, *, tally: Tally) -> dict[str, str]:
    """Category id (as written) -> name."""
    found: dict[str, str] = {}
    for _, (number, name) in read_rows(source, LAYOUTS["part_categories"], tally=tally):
        if found.setdefault(number, clean_name(name)) != clean_name(name):
            tally.duplicate("part_categories")
    return found


def read_parts(source: Source, categories: Mapping[str, str], *, tally: Tally) -> dict[str, Part]:
    """Lower-case part number -> part; the first of two rows with one number counts."""
    found: dict[str, Part] = {}
    for line, (part_num, name, category_id) in read_rows(source, LAYOUTS["parts"], tally=tally):
        if not PART_ID.fullmatch(part_num):
            tally.skip("parts", f"{source.name} line {line}: {part_num[:50]!r} is no part number")
            continue
        category = categories.get(category_id)
        if category is None and categories:
            tally.orphan("parts")
        part = Part(part_num, clean_name(name), category or "")
        if found.setdefault(part_num.lower(), part) is not part:
            tally.duplicate("parts")
    return found


def read_colors(source: Source, *, tally: Tally) -> dict[int, Color]:
    """Color id -> color, the special ones (-1, 9999) included."""
    found: dict[int, Color] = {}
    for line, (text, name, rgb, is_trans) in read_rows(source, LAYOUTS["colors"], tally=tally):
        number, clear = color_id(text), is_trans.lower()
        if number is None or clear not in _TRUE | _FALSE:
            tally.skip("colors", f"{source.name} line {line}: {text[:50]!r}, {is_trans[:50]!r} is no color")
            continue
        value = rgb.removeprefix("#").upper()
        if not _RGB.fullmatch(value):
            tally.notes.append(f"{source.name} line {line}: {rgb[:50]!r} is no RGB value; {UNKNOWN_RGB} stands for it")
            value = UNKNOWN_RGB
        color = Color(number, clean_name(name), value, clear in _TRUE)
        if found.setdefault(number, color) is not color:
            tally.duplicate("colors")
    return found


class Elements(NamedTuple):
    """What the table of elements tells."""

    elements: dict[str, Element]
    links: list[PartLink]  # LEGO's design ids that are no part numbers themselves


def read_elements(source: Source, parts: Mapping[str, Part], colors: Mapping[int, Color], *, tally: Tally) -> Elements:
    """Element number -> element, for parts and colors that the catalog has."""
    found: dict[str, Element] = {}
    links: set[PartLink] = set()
    for line, (element_id, part_num, color, design_id) in read_rows(source, LAYOUTS["elements"], tally=tally):
        number = color_id(color)
        if not _ELEMENT_ID.fullmatch(element_id) or number is None:
            tally.skip("elements", f"{source.name} line {line}: {element_id[:50]!r}, {color[:50]!r} is no element")
            continue
        part = parts.get(part_num.lower())
        if part is None or number not in colors:
            tally.orphan("elements")
            continue
        element = Element(element_id, part.part_num, number)
        if found.setdefault(element_id, element) is not element:
            tally.duplicate("elements")
        elif PART_ID.fullmatch(design_id) and design_id.lower() not in parts:
            links.add(PartLink(Space.LEGO, design_id, part.part_num, 3))
    return Elements(found, sorted(links))


def read_relations(source: Source, parts: Mapping[str, Part], *, tally: Tally) -> list[Relation]:
    """Relations of which one part at least is in the catalog, each once, sorted.

    The other one may be a number that was given up: what it was replaced by is told by just these rows.
    """
    found: set[Relation] = set()
    table = "part_relationships"
    for line, (word, child_num, parent_num) in read_rows(source, LAYOUTS[table], tally=tally):
        if word.upper() not in RELATION_TYPES:
            tally.skip(table, f"{source.name} line {line}: {word[:50]!r} is no kind of relation")
            continue
        child, parent = parts.get(child_num.lower()), parts.get(parent_num.lower())
        if (child is None and parent is None) or not (PART_ID.fullmatch(child_num) and PART_ID.fullmatch(parent_num)):
            tally.orphan(table)
        elif child is not parent:  # some parts are listed as their own alternate
            ends = (child.part_num if child else child_num, parent.part_num if parent else parent_num)
            found.add(Relation(word.upper(), *ends))
    return sorted(found)


def clean_name(text: str) -> str:
    """A name in one line, cut to a sensible length."""
    return _CONTROL.sub(" ", text).strip()[:NAME_LENGTH]


def color_id(text: str) -> int | None:
    """A color's number, negative ones included; None where the text is none."""
    return int(text) if _COLOR_ID.fullmatch(text) else None


def require_one(sources: Iterable[Source], table: str) -> Source | None:
    """The one source of a table, None where there is none; `InputError` where there are two."""
    found = [source for source in sources if source.stem == table and source.suffix == ".csv"]
    if len(found) > 1:
        names = ", ".join(source.name for source in found)
        raise InputError("catalog.ambiguous", f"there are two files for {table}: {names}", hint="leave one of them")
    return found[0] if found else None
