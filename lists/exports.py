"""The merged list in forms that other programs read: Rebrickable CSV, BrickLink XML, Parquet, JSON lines.

Ids come from the catalog; a lot that could not be resolved is written with the file's own id, so that nothing is lost.
"""

from collections.abc import Iterable, Mapping
from html import escape
from pathlib import Path
from typing import Any, NamedTuple

from catalog.port import Catalog, Space
from lists.lots import Lot, Role
from lists.names import PartNames, color_names_of

REBRICKABLE, BRICKLINK, LOTS, LOTS_PARQUET = "rebrickable.csv", "bricklink.xml", "lots.jsonl", "lots.parquet"
UNKNOWN_COLOR = -1  # Rebrickable's own number for it
_FORMULA = "=+-@\t\r"  # no part's number begins so; a cell that does is run by spreadsheets
_ROLES = {Role.PIECE: "qty", Role.SPARE: "spares", Role.ALTERNATE: "alternates", Role.COUNTERPART: "counterparts"}


class Written(NamedTuple):
    """How much of a list a form could carry."""

    lots: int
    left_out: int  # lots that the form has no words for


class Names:
    """A lot's names, and its ids in BrickLink's words; remembered."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self.of_parts = PartNames(catalog)
        self.of_colors = color_names_of(catalog)
        self._parts: dict[str, str] = {}
        self._colors: dict[int, int | None] = {}

    def part(self, lot: Lot) -> str | None:
        """BrickLink's id of the part: the file's own where it is one, else by the maps, else the same as the catalog's."""
        num = lot.key.part_num
        if num is None or lot.id_space == Space.BRICKLINK:
            return lot.file_id
        known = self._parts.get(num)
        if known is None:
            known = self._parts[num] = next(iter(self._catalog.external(Space.BRICKLINK, num)), num)
        return known

    def color(self, lot: Lot) -> int | None:
        """BrickLink's number of the color; None where there is none."""
        if lot.color_space == Space.BRICKLINK:
            return lot.file_color
        number = lot.key.color_id
        if number is None:
            return None
        if number not in self._colors:
            self._colors[number] = next(iter(self._catalog.external_colors(Space.BRICKLINK, number)), None)
        return self._colors[number]


def write_rebrickable(lots: Iterable[Lot], path: Path) -> Written:
    """A Rebrickable parts list: `Part,Color,Quantity,Is Spare`; it knows parts only, and no prices."""
    written = left_out = 0
    with path.open("w", encoding="utf-8", newline="") as out:
        out.write("Part,Color,Quantity,Is Spare\n")
        for lot in lots:
            key = lot.key
            part = key.part_num or lot.file_id
            if key.item_type != "P" or key.role > Role.SPARE or not part or part[0] in _FORMULA or lot.qty < 1:
                left_out += 1
                continue
            color = UNKNOWN_COLOR if key.color_id is None else key.color_id
            out.write(f"{_quoted(part)},{color},{lot.qty},{key.role == Role.SPARE}\n")
            written += 1
    return Written(written, left_out)


def write_bricklink(lots: Iterable[Lot], path: Path, *, names: Names, spares: bool) -> Written:
    """A BrickLink wanted list; one cannot say what is spare, so spares are in it only where `spares` asks for them."""
    written = left_out = 0
    with path.open("w", encoding="utf-8") as out:
        out.write("<INVENTORY>\n")
        for lot in lots:
            key = lot.key
            part = names.part(lot)
            if part is None or lot.qty < 1 or key.role > (Role.SPARE if spares else Role.PIECE):
                left_out += 1
                continue
            color = names.color(lot)
            words = [f"<ITEM><ITEMTYPE>{key.item_type}</ITEMTYPE><ITEMID>{_clean(part)}</ITEMID>"]
            if color is not None and color >= 0:
                words.append(f"<COLOR>{color}</COLOR>")
            words.append(f"<MINQTY>{lot.qty}</MINQTY>")
            if key.condition:
                words.append(f"<CONDITION>{key.condition}</CONDITION>")
            if key.unit_price:
                words.append(f"<MAXPRICE>{key.unit_price}</MAXPRICE>")
            words.append("</ITEM>\n")
            out.write("".join(words))
            written += 1
        out.write("</INVENTORY>\n")
    return Written(written, left_out)


def lot_json(lot: Lot, *, names: Names) -> dict[str, Any]:
    """One line of `lots.jsonl`, one row of `lots.parquet`."""
    key = lot.key
    counts = dict.fromkeys(_ROLES.values(), 0) | {_ROLES[Role(key.role)]: lot.qty}
    return {
        "row": lot.row,
        "rows": lot.rows,
        "item_type": key.item_type,
        "part_num": key.part_num,
        "color_id": key.color_id,
        "name": names.of_parts[key.part_num] or lot.name,
        "color_name": names.of_colors.get(key.color_id),
        **counts,
        "condition": key.condition,
        "unit_price": key.unit_price,
        "currency": key.currency,
        "raw_id": lot.file_id,
        "id_space": lot.id_space,
        "raw_color": lot.file_color,
        "color_space": lot.color_space,
        "bricklink_id": names.part(lot),
        "bricklink_color": names.color(lot),
    }


def write_lots(rows: Iterable[Mapping[str, Any]], path: Path) -> None:
    """`lots.jsonl`: for programs, and for the steps that come after."""
    import orjson

    with path.open("wb", 1024 * 1024) as out:
        for row in rows:
            out.write(orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE))


def write_parquet(rows: list[dict[str, Any]], path: Path) -> None:
    """`lots.parquet`: the same for data frames."""
    import pyarrow as pa
    from pyarrow import parquet

    whole = {"row", "rows", "color_id", "raw_color", "bricklink_color", *_ROLES.values()}
    names = _LOT_COLUMNS
    schema = pa.schema([(name, pa.int64() if name in whole else pa.string()) for name in names])
    columns = [pa.array([row[name] for row in rows], schema.field(name).type) for name in names]
    parquet.write_table(pa.Table.from_arrays(columns, schema=schema), path, compression="zstd")


_LOT_COLUMNS = [
    "row",
    "rows",
    "item_type",
    "part_num",
    "color_id",
    "name",
    "color_name",
    "qty",
    "spares",
    "alternates",
    "counterparts",
    "condition",
    "unit_price",
    "currency",
    "raw_id",
    "id_space",
    "raw_color",
    "color_space",
    "bricklink_id",
    "bricklink_color",
]


def _quoted(text: str) -> str:
    """A CSV cell."""
    return '"' + text.replace('"', '""') + '"' if any(mark in text for mark in ',"\r\n') else text


def _clean(text: str) -> str:
    """Text for XML: escaped, and without the control characters that XML 1.0 has no words for."""
    return escape("".join(c for c in text if c >= " " or c in "\t\n") if not text.isprintable() else text, quote=False)
