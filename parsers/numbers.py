"""Numbers as people and spreadsheets write them into lists: a value, or the code of what is wrong."""

import re

from parsers.codes import MAX_QTY

_THOUSANDS = re.compile(r"\d{1,3}(?:,\d{3})+", re.ASCII)  # BrickLink's orders write 1,752
_SCIENTIFIC = re.compile(r"\d(?:\.\d+)?E\+\d{1,2}", re.ASCII | re.IGNORECASE)
_DIGITS = 9  # of a number that can be meant; Python itself would take thousands


def is_number(text: str) -> bool:
    """Whether `text` is nothing but the digits 0 to 9."""
    return text.isascii() and text.isdigit()


def whole_quantity(text: str) -> tuple[int | None, str | None]:
    """A quantity from `text`, which is stripped and not empty, and the code of what is wrong with it."""
    if is_number(text):
        if len(text) > _DIGITS or (qty := int(text)) > MAX_QTY:
            return None, "qty.too_large"
        return qty, None if qty else "qty.zero"
    if _THOUSANDS.fullmatch(text):
        thousands, code = whole_quantity(text.replace(",", ""))
        return thousands, code or "qty.thousands"
    if text[0] in "+-" and is_number(text[1:]):
        return None, "qty.negative" if text[0] == "-" else "qty.delta"
    return None, "qty.not_integer"


def color_number(text: str) -> tuple[int | None, str | None]:
    """A color's number from `text`, which is stripped and not empty, and the code of what is wrong with it."""
    if is_number(text) and len(text) <= _DIGITS:
        return int(text), None
    return None, "color.negative" if text[0] == "-" and is_number(text[1:]) else "color.not_integer"


def likely_quantity(text: str) -> tuple[str, ...]:
    """What a wrong quantity probably means: `4.0` is 4, `-4` may be 4."""
    whole, _, zeros = text.strip().lstrip("+-").partition(".")
    return (whole,) if is_number(whole) and len(whole) <= _DIGITS and not zeros.strip("0") else ()


def is_scientific(text: str) -> bool:
    """Whether a spreadsheet has made `9.55E+12` of a long number."""
    return _SCIENTIFIC.fullmatch(text) is not None
