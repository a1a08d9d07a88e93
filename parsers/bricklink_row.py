"""The fields of an item in BrickLink's XML, and how each is read; BrickStore writes most of them alike."""

import html

from parsers.numbers import color_number, is_number, whole_quantity
from parsers.readings import NOTHING, Field, Reading

MAX_ID = 100  # characters
ITEM_TYPES = frozenset("SPMBGCIOU")
CONDITIONS = frozenset("NUX")


def item_type(text: str) -> Reading:
    """One of BrickLink's letters."""
    return (text.upper(), None) if text.upper() in ITEM_TYPES else (None, "itemtype.unknown")


def item_id(text: str) -> Reading:
    """A part number, which is text."""
    if len(text) > MAX_ID:
        return text, "part.too_long"
    return text, None if text.isprintable() else "part.invalid"


def condition(text: str) -> Reading:
    """New, used, or any."""
    return (text.upper(), None) if text.upper() in CONDITIONS else (None, "condition.unknown")


def price(text: str) -> Reading:
    """The amount as text, so that no digit is lost; 0 is how tools write that there is none."""
    if not text.strip("0.") and "0" in text and text.count(".") < 2:
        return NOTHING
    if is_number(text.replace(".", "", 1)):
        return "0" + text if text[0] == "." else text, None
    return None, "price.negative" if text[0] == "-" and is_number(text[1:].replace(".", "", 1)) else "price.not_number"


def free_text(text: str) -> Reading:
    """Words; BrickLink escapes them twice."""
    return html.unescape(text) if "&" in text else text, None


def _wanted_quantity(text: str) -> Reading:
    return NOTHING if text == "-1" else whole_quantity(text)  # -1 is how tools write "not set"


def _highest_price(text: str) -> Reading:
    return NOTHING if text.rstrip("0").rstrip(".") == "-1" else price(text)  # -1.0000: any price


def _filled(text: str) -> Reading:
    if text == "-1":
        return NOTHING
    filled, code = whole_quantity(text)
    return (filled, None) if code in {None, "qty.zero", "qty.thousands"} else (None, "qty_filled.not_integer")


def _yes(text: str) -> Reading:
    return text.upper() == "Y" or None, None


FIELDS = {
    "ITEMTYPE": Field("item_type", item_type),
    "ITEMID": Field("raw_id", item_id),
    "COLOR": Field("raw_color", color_number),
    "QTY": Field("qty", whole_quantity),
    "MINQTY": Field("qty", _wanted_quantity),
    "QTYFILLED": Field("qty_filled", _filled),
    "EXTRA": Field("spare", _yes),
    "MAXPRICE": Field("max_price", _highest_price),
    "PRICE": Field("unit_price", price),
    "CONDITION": Field("condition", condition),
    "REMARKS": Field("remarks", free_text),
    "DESCRIPTION": Field("description", free_text),
    "ITEMNAME": Field("name", free_text),
    "COLORNAME": Field("color_name", free_text),
    "CATEGORYNAME": Field("category", free_text),
    "WANTEDLISTID": Field("wanted_list_id", free_text),
    "LOTID": Field("lot_id", free_text),
    "MATCHID": Field("match_id", free_text),
    "ALTERNATE": Field("alternate", _yes),
    "COUNTERPART": Field("counterpart", _yes),
    "NOTIFY": Field("notify", _yes),
}
