"""Reads BrickStore's BSX files: streaming; rows marked as excluded are named and left out.

The format is described by `BrickStoreXML.rnc` in BrickStore's sources. A row's quantity may be 0, with the one that it
had before in `OrigQty`; a bare DOCTYPE is normal.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from jobs.issues import Fact, Issue, Record, Rows
from parsers.bricklink_row import condition, free_text, item_id, item_type, price
from parsers.encoding import Watch
from parsers.numbers import color_number, is_number, likely_quantity, whole_quantity
from parsers.readings import NOTHING, Field, Reading
from parsers.sniff import BSX_ROOTS
from parsers.wishes import PLAIN, Wishes
from parsers.xml_items import Items, Texts, Wrong
from parsers.xml_mixed import MixedRows

_CODE_LENGTH = 3  # of a currency


def parse(path: Path, *, watch: Watch | None = None, wishes: Wishes = PLAIN) -> Iterator[Record | Issue | Fact]:
    """The file's rows in order, each good one as a `Record`, each thing wrong as an `Issue`.

    Facts: `list_type` (store) and `currency`, where the file names it; rows carry it, too. Raises what `XmlRows` raises.
    """
    yield from _items(path, wishes).read(watch)


def parse_in_bulk(
    path: Path, *, watch: Watch | None = None, wishes: Wishes = PLAIN
) -> Iterator[Rows | Record | Issue | Fact]:
    """The same, with good rows in bulk."""
    yield from _items(path, wishes).read_in_bulk(watch)


def _items(path: Path, wishes: Wishes) -> "_BrickStore":
    rows = MixedRows(path, item="ITEM", roots=BSX_ROOTS, encoding=wishes.encoding)
    return _BrickStore(rows, wishes)


def _status(text: str) -> Reading:
    """I: included. E: an extra, which is a spare. X: excluded."""
    status = text.upper()
    return (True, None) if status == "E" else (None, "row.excluded") if status == "X" else NOTHING


def _weight(text: str) -> Reading:
    return (text, None) if is_number(text.replace(".", "", 1)) and text.strip("0.") else NOTHING


_COLUMNS = {
    "ItemID": Field("raw_id", item_id),
    "ItemTypeID": Field("item_type", item_type),
    "ColorID": Field("raw_color", color_number),
    "Qty": Field("qty", whole_quantity),
    "Price": Field("unit_price", price),
    "Status": Field("spare", _status),
    "Condition": Field("condition", condition),
    "ItemName": Field("name", free_text),
    "ColorName": Field("color_name", free_text),
    "CategoryName": Field("category", free_text),
    "Comments": Field("description", free_text),
    "Remarks": Field("remarks", free_text),
    "LotID": Field("lot_id", free_text),
    "TotalWeight": Field("weight", _weight),
}
FIELDS = {name.upper(): field for name, field in _COLUMNS.items()}


class _BrickStore(Items):
    """BrickStore's items."""

    fields = FIELDS
    spelled = {name.upper(): name for name in _COLUMNS}
    left_out = frozenset({"row.excluded"})

    def __init__(self, rows: MixedRows, wishes: Wishes) -> None:
        base = wishes.blank_row(id_space="bricklink", color_space="bricklink", item_type=None)
        super().__init__(rows, base=base)

    def facts(self, texts: Texts) -> Iterator[Fact]:  # noqa: ARG002 - a file of this kind is always the same
        yield Fact("list_type", "store")
        for node in self.rows.root.iter():
            code = (node.get("Currency") or "").strip().upper()
            if self.rows.name(node.tag) == "INVENTORY" and len(code) == _CODE_LENGTH and code.isalpha():
                self.base["currency"] = code  # of every price below
                yield Fact("currency", code)
                return

    def judged(self, wrong: Wrong, texts: Texts) -> Wrong:  # noqa: ARG002 - the status alone decides
        """Of an excluded row nothing else matters."""
        excluded = [found for found in wrong if found[0] == "row.excluded"]
        return excluded or wrong

    def likely(self, code: str, text: str, texts: Texts) -> tuple[str, ...]:
        """A quantity of 0 had another value before somebody bought or edited the lot away."""
        before = (texts.get("ORIGQTY") or "").strip()
        if code == "qty.zero" and is_number(before) and before.strip("0"):
            return likely_quantity(before)
        return super().likely(code, text, texts)

    def missing(self, texts: Texts, found: dict[str, Any]) -> Iterator[tuple[str, str]]:
        """What is not stated; a file of BrickStore's own leaves out a quantity of 0 only."""
        if (texts.get("STATUS") or "").strip().upper() == "X":
            return
        if found["raw_id"] is None:
            yield "part.missing", "ITEMID"
        if found["item_type"] is None:
            yield "itemtype.missing", "ITEMTYPEID"
        if found["raw_color"] is None and found["item_type"] in {"P", None}:
            yield "color.missing", "COLORID"
        if found["qty"] is None:
            yield "qty.zero", "QTY"
            found["qty"] = 0
        found["item_type"] = found["item_type"] or "P"
