"""Reads LEGO Digital Designer models (.lxfml) as parts lists: one row for each design in each color and decoration.

`<Brick designID itemNos>` is what a builder places, `<Part designID materials="21,0" decoration>` below it what that is
made of; version 5 writes `21,0`, later ones `21:0`, and `3001;B` for a variant of a mould. Parts are counted, not
bricks: where a brick has several, it is an assembly (a hinge, a minifigure's torso with arms) whose halves have colors of
their own while the brick states none. `itemNos`, LEGO's element number, is the brick's, so it is kept only where the
brick is one part. Of `materials` the first is the body's.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from jobs.errors import InputError
from jobs.issues import Fact, Issue, Record
from parsers.codes import MAX_QTY, issue
from parsers.encoding import Watch
from parsers.numbers import color_number, is_number
from parsers.wishes import PLAIN, Wishes
from parsers.xml_rows import XmlRows

MAX_LOTS = 200_000  # different (design, color, remarks): real models have some thousands
_LONGEST_ID = 100  # characters
_LONGEST_LIST = 1000  # characters of materials or decorations
_ELEMENT_DIGITS = range(4, 9)


class _Key(NamedTuple):
    design: str
    color: int
    remarks: str  # further colors and decorations: what tells a printed part from a plain one


class _Lot:
    """How many of a key there are."""

    __slots__ = ("element", "line", "qty")

    def __init__(self, line: int, element: str | None) -> None:
        self.qty, self.line, self.element = 0, line, element


def parse(path: Path, *, watch: Watch | None = None, wishes: Wishes = PLAIN) -> Iterator[Record | Issue | Fact]:
    """The model's lots in the order of their first parts, and whatever is wrong with a part.

    Facts: `title`, `bricks` (how many were placed). Raises what `XmlRows` raises, and `InputError` (`limit.rows`).
    """
    rows = XmlRows(path, item="BRICK", roots=("LXFML",), tags=("{*}Brick",), encoding=wishes.encoding)
    yield from rows.opening()
    lots: dict[_Key, _Lot] = {}
    row = 0
    for batch in rows.batches(watch):
        for element in batch:
            line = rows.line_of(element)
            yield from rows.repaired(line)
            rows.begin(line)
            for wrong in _brick(element, rows, lots):
                row += 1
                yield issue(wrong[0], wrong[1], row=row, line=wrong[2], column=wrong[3])
    yield from rows.closing()
    if title := (rows.root.get("name") or "").strip():
        yield Fact("title", title[:200])
    yield Fact("bricks", rows.row)
    for key, lot in lots.items():
        row += 1
        yield _row(key, lot, row)


def _brick(brick: Any, rows: XmlRows, lots: dict[_Key, _Lot]) -> Iterator[tuple[str, str | None, int, str]]:
    """Count the parts of one brick; (code, value, line, column) of each that can not be."""
    parts = [child for child in brick if rows.name(child.tag) == "PART"]
    element = _element(brick.get("itemNos")) if len(parts) == 1 else None
    if not parts:
        yield "part.missing", None, rows.line_of(brick), "Part"
    for part in parts:
        design = (part.get("designID") or (brick.get("designID") if len(parts) == 1 else None) or "").strip()
        design = design.partition(";")[0]  # behind it stands a variant of the mould
        line = rows.line_of(part)
        if code := _wrong_design(design):
            yield code, design or None, line, "designID"
            continue
        materials = _numbers(part.get("materials") or part.get("materialID"))
        color, code = color_number(materials[0]) if materials and materials[0] else (None, "color.missing")
        if color is None:
            yield code or "color.missing", materials[0] or None if materials else None, line, "materials"
            continue
        key = _Key(design, color, _remarks(materials, _numbers(part.get("decoration"))))
        if (lot := lots.get(key)) is None:
            if len(lots) >= MAX_LOTS:
                raise InputError("limit.rows", f"The model holds more than {MAX_LOTS} different parts and colors.")
            lot = lots[key] = _Lot(line, element)
        lot.qty += 1
        if lot.element != element:
            lot.element = None


def _row(key: _Key, lot: _Lot, row: int) -> Record | Issue:
    if lot.qty > MAX_QTY:
        return issue("qty.too_large", str(lot.qty), row=row, line=lot.line)
    fields: dict[str, Any] = {
        "item_type": "P",
        "raw_id": key.design,
        "id_space": "lego",
        "raw_color": key.color,
        "color_space": "lego",
        "qty": lot.qty,
        "spare": False,
    }
    if lot.element:
        fields["element_id"] = lot.element
    if key.remarks:
        fields["remarks"] = key.remarks
    return Record(row, lot.line, fields)


def _wrong_design(design: str) -> str | None:
    if not design:
        return "part.missing"
    if len(design) > _LONGEST_ID:
        return "part.too_long"
    return None if design.isprintable() else "part.invalid"


def _numbers(text: str | None) -> list[str]:
    """What stands between the commas, of `23:0` its first half; nothing where the attribute is too long to be one."""
    if not text or len(text) > _LONGEST_LIST:
        return []
    return [number.partition(":")[0].strip() for number in text.split(",")]


def _remarks(materials: list[str], decorations: list[str]) -> str:
    """`also in 24; decoration 601234`: whatever a design and one color do not say."""
    also = [number for number in materials[1:] if number.strip("0")]
    printed = [number for number in decorations if number.strip("0")]
    found = ["also in " + ", ".join(also)] if also else []
    return "; ".join(found + (["decoration " + ", ".join(printed)] if printed else []))


def _element(text: str | None) -> str | None:
    """LEGO's element number, where exactly one is stated."""
    stripped = (text or "").strip()
    return stripped if is_number(stripped) and len(stripped) in _ELEMENT_DIGITS else None
