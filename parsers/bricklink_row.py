"""One item of a BrickLink list: its fields checked all at once, a record where nothing is wrong enough to reject it."""

import html
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from jobs.issues import Issue, Record, Severity
from parsers.codes import CODES, issue
from parsers.numbers import color_number, is_number, likely_quantity, whole_quantity

MAX_ID = 100  # characters
ITEM_TYPES = frozenset("SPMBGCIOU")
CONDITIONS = frozenset("NUX")

# Lists say the same few things over and over; each answer is remembered, within these bounds.
_CACHED = 4096  # texts per field
_CACHED_LENGTH = 24  # characters of a text

Reading = tuple[Any, str | None]  # a field's value (None: it states nothing), and the code of what is wrong with it
NOTHING: Reading = (None, None)


class _Field(NamedTuple):
    """How one element of an item is read."""

    name: str  # in the record
    read: Callable[[str], Reading]  # takes the stripped text, never empty
    known: dict[str, Reading] | None = None  # answers given so far, where they repeat


def read_item(fields: dict[str, str | None], row: int, *, line: int) -> tuple[Record | None, list[Issue]]:
    """The record of one item (None where it is rejected), and all that is wrong with it."""
    found: dict[str, Any] = {
        "item_type": None,
        "raw_id": None,
        "id_space": "bricklink",
        "raw_color": None,
        "color_space": "bricklink",
        "qty": None,
        "spare": False,
    }
    wrong: list[tuple[str, str, str | None]] = []
    for column, text in fields.items():
        if text is None or (field := _FIELDS.get(column)) is None:
            continue
        name, read, known = field
        if known is None:
            value, code = read(stripped) if (stripped := text.strip()) else NOTHING
        elif (reading := known.get(text)) is not None:
            value, code = reading
        else:
            value, code = _remember(known, text, read)
        if value is not None:
            found[name] = value
        if code is not None:
            wrong.append((code, column, text))
    if wrong or None in (found["qty"], found["raw_color"], found["raw_id"], found["item_type"]) or "DELETE" in fields:
        return _judged(fields, found, wrong, row=row, line=line)
    return Record(row, line, found), []


def _remember(known: dict[str, Reading], text: str, read: Callable[[str], Reading]) -> Reading:
    reading = read(stripped) if (stripped := text.strip()) else NOTHING
    if len(text) <= _CACHED_LENGTH and len(known) < _CACHED:
        known[text] = reading
    return reading


def _judged(
    fields: dict[str, str | None],
    found: dict[str, Any],
    wrong: list[tuple[str, str, str | None]],
    *,
    row: int,
    line: int,
) -> tuple[Record | None, list[Issue]]:
    """The slow path: something is wrong or missing, and what that means hangs on the other fields."""
    if "LOTID" in fields:  # an update of stock: -3 takes three away
        wrong = [("qty.delta" if code == "qty.negative" else code, column, text) for code, column, text in wrong]
    judged = {column for _, column, _ in wrong}
    wrong += [(code, column, fields.get(column)) for code, column in _missing(fields, found) if column not in judged]
    if "DELETE" in fields:
        wrong.append(("row.excluded", "DELETE", None))
    found["qty"] = 1 if found["qty"] is None else found["qty"]
    found["item_type"] = found["item_type"] or "P"
    issues = []
    for code, column, text in wrong:
        likely = likely_quantity(text) if text and code in {"qty.not_integer", "qty.negative"} else ()
        value = text.strip() or None if text else None
        issues.append(issue(code, value, row=row, line=line, column=column, suggestions=likely))
    rejected = any(CODES[code].severity is Severity.ERROR for code, _, _ in wrong)
    return None if rejected else Record(row, line, found), issues


def _missing(fields: dict[str, str | None], found: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """What the item should state and does not. No color means any; but stock and inventories must state a part's."""
    if found["raw_id"] is None:
        yield "part.missing", "ITEMID"
    if found["item_type"] is None:
        yield "itemtype.missing", "ITEMTYPE"
    if found["raw_color"] is None and found["item_type"] in {"P", None} and "QTY" in fields:
        yield "color.missing", "COLOR"
    if found["qty"] is None:
        yield "qty.missing", "QTY" if "QTY" in fields else "MINQTY"


def _item_type(text: str) -> Reading:
    return (text.upper(), None) if text.upper() in ITEM_TYPES else (None, "itemtype.unknown")


def _part(text: str) -> Reading:
    if len(text) > MAX_ID:
        return text, "part.too_long"
    return text, None if text.isprintable() else "part.invalid"


def _wanted_quantity(text: str) -> Reading:
    return NOTHING if text == "-1" else whole_quantity(text)  # -1 is how tools write "not set"


def _condition(text: str) -> Reading:
    return (text.upper(), None) if text.upper() in CONDITIONS else (None, "condition.unknown")


def _price(text: str) -> Reading:
    """The amount as text, so that no digit is lost."""
    if is_number(text.replace(".", "", 1)):
        return "0" + text if text[0] == "." else text, None
    return None, "price.negative" if text[0] == "-" and is_number(text[1:].replace(".", "", 1)) else "price.not_number"


def _highest_price(text: str) -> Reading:
    return NOTHING if text.rstrip("0").rstrip(".") == "-1" else _price(text)  # -1.0000: any price


def _filled(text: str) -> Reading:
    if text == "-1":
        return NOTHING
    filled, code = whole_quantity(text)
    return (filled, None) if code in {None, "qty.zero"} else (None, "qty_filled.not_integer")


def _text(text: str) -> Reading:
    """Free text; BrickLink escapes it twice."""
    return html.unescape(text) if "&" in text else text, None


def _yes(text: str) -> Reading:
    return text.upper() == "Y" or None, None


_FIELDS = {
    "ITEMTYPE": _Field("item_type", _item_type, {}),
    "ITEMID": _Field("raw_id", _part),
    "COLOR": _Field("raw_color", color_number, {}),
    "QTY": _Field("qty", whole_quantity, {}),
    "MINQTY": _Field("qty", _wanted_quantity, {}),
    "QTYFILLED": _Field("qty_filled", _filled, {}),
    "EXTRA": _Field("spare", _yes, {}),
    "MAXPRICE": _Field("max_price", _highest_price, {}),
    "PRICE": _Field("unit_price", _price, {}),
    "CONDITION": _Field("condition", _condition, {}),
    "REMARKS": _Field("remarks", _text),
    "DESCRIPTION": _Field("description", _text),
    "ITEMNAME": _Field("name", _text),
    "COLORNAME": _Field("color_name", _text),
    "WANTEDLISTID": _Field("wanted_list_id", _text),
    "LOTID": _Field("lot_id", _text),
    "MATCHID": _Field("match_id", _text),
    "ALTERNATE": _Field("alternate", _yes, {}),
    "COUNTERPART": _Field("counterpart", _yes, {}),
    "NOTIFY": _Field("notify", _yes, {}),
}
FIELD_NAMES = frozenset(_FIELDS)
