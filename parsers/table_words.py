"""Rows of a table that are none of its items: totals, rules of dashes, titles of sections."""

import re
from collections.abc import Sequence

from parsers.numbers import is_number
from parsers.table_aliases import squashed, words

_TOTALS = words(
    """
    total totals grandtotal totalqty totalquantity totalpieces totalparts totalpcs totalitems totallots sum subtotal
    componentcount partcount piececount numberofparts numberofpieces totalcomponents totalweight totalprice totalcost
    summe gesamt gesamtsumme gesamtmenge gesamtanzahl zwischensumme teileanzahl insgesamt
    totalgeneral totalpiezas sumatotal totalpieces totalgeneral soustotal nombretotal totale 合计 总计 总数 小计 数量合计
    """
)
_PARTIAL = words("subtotal zwischensumme soustotal 小计")
_OF_OTHERS = words("totalweight totalprice totalcost totallots totalitems")
_IN_ONE = re.compile(
    r"(?P<label>[^\d:=]{3,40}+)[:=]?\s*+(?P<number>\d[\d., '\u00a0]{0,14}+)(?P<unit>\s*+[^\W\d]{0,12})"
)
_RULE = re.compile(r"[-=:_+*\s]+")


def is_total(cell: str) -> bool:
    """Whether a cell begins a row that adds up the others."""
    return len(cell) <= 40 and squashed(cell) in _TOTALS


def declared(cells: Sequence[str], qty: int | None) -> tuple[bool, int | None]:
    """Whether the row is a total, and how many pieces it claims; None where it claims none."""
    filled = [(index, cell.strip()) for index, cell in enumerate(cells) if cell.strip()]
    if not filled or len(filled) > 12:
        return False, None
    first = filled[0][1]
    if is_total(first):
        key = squashed(first)
        if key in _PARTIAL or key in _OF_OTHERS:
            return True, None
        stated = [cell for index, cell in filled[1:] if index == qty] or (
            [filled[1][1]] if len(filled) == 2 and (qty is None or key not in {"total", "sum", "summe"}) else []
        )
        return True, _number(stated[0]) if stated else None
    if len(filled) == 1 and (found := _IN_ONE.fullmatch(first)) and (key := squashed(found["label"])) in _TOTALS:
        return True, None if key in _PARTIAL | _OF_OTHERS else _number(found["number"])
    # The word may stand right before its number: `,,Total,120`.
    labels = [(index, cell) for index, cell in filled if is_total(cell)]
    rest = [cell for _, cell in filled if not is_total(cell)]
    if labels and len(rest) <= 3 and not any(any(char.isalpha() for char in cell) for cell in rest):
        at_qty = next((cell for index, cell in filled if index == qty), None)
        partial = squashed(labels[0][1]) in _PARTIAL
        return True, _number(at_qty) if at_qty and not partial else None
    return False, None


def is_rule(cells: Sequence[str]) -> bool:
    """Whether the row only draws a line: `|---|:--:|`."""
    text = "".join(cells).strip()
    return bool(text) and _RULE.fullmatch(text) is not None


def is_title(cells: Sequence[str], ids: Sequence[int]) -> bool:
    """Whether the row is one lone cell that heads a section, not a part without a quantity."""
    filled = [(index, cell.strip()) for index, cell in enumerate(cells) if cell.strip()]
    if len(filled) != 1 or len(cells) < 2:
        return False
    index, text = filled[0]
    return index not in ids or " " in text or not any(char.isdigit() for char in text)


def _number(text: str) -> int | None:
    """The whole number of a total, separators removed; None where it is none."""
    plain = re.sub(r"[., '\u00a0](?=\d{3}(?!\d))", "", text.strip())
    plain = re.sub(r"[.,]0{1,2}$", "", plain)
    return int(plain) if is_number(plain) and len(plain) <= 9 else None
