"""What one cell of a table says: quantities, prices and part numbers as people and spreadsheets write them.

Each reader takes stripped text that is not empty, and gives a value (None: it states nothing) and the code of what is
wrong with it. `decimal` is the file's own decimal mark; None where nothing shows it.
"""

import re
from collections.abc import Iterable
from typing import Any, Literal

from parsers.codes import CODES
from parsers.numbers import color_number, is_number, is_scientific, whole_quantity
from parsers.table_aliases import currency_of, words

Decimal = Literal[".", ","]
Reading = tuple[Any, str | None]

MAX_ID = 100  # characters of a part number
MAX_TEXT = 2000  # characters of free text that a record keeps

_GROUPS = re.compile(r"\d{1,3}(?P<mark>[., '\u2019\u00a0\u202f\u2009])\d{3}(?:(?P=mark)\d{3})*+", re.ASCII)
_ZEROS = re.compile(r"(?P<whole>\d{1,9})[.,](?:0{1,2}|0{4,12})", re.ASCII)
_COUNTED = re.compile(
    r"(?:[x\u00d7]\s?)?(?P<number>\d{1,9})\s?"
    r"(?:[x\u00d7]|(?P<unit>pcs?\.?|pieces?|ea\.?|each|units?|stk\.?|st\.?|st\u00fcck|st\u00fcckzahl|u\.?|pz\.?|szt\.?"
    r"|\u4e2a|\u4ef6|\u0448\u0442\.?))?",
    re.ASCII | re.IGNORECASE,
)
_AMOUNT = re.compile(r"[+-]?(?:\d[\d., '\u2019\u00a0\u202f\u2009]*+|[.,]\d++)", re.ASCII)
_COMMA_DECIMALS = re.compile(r"(?:0|\d*),(?:\d{1,2}|\d{4,9})|0,\d{3}|\d{1,3}(?:\.\d{3})+,\d{1,9}", re.ASCII)
_DOT_DECIMALS = re.compile(r"(?:0|\d*)\.(?:\d{1,2}|\d{4,9})|0\.\d{3}|\d{1,3}(?:,\d{3})+\.\d{1,9}", re.ASCII)
_MONTHS = (
    "jan|feb|mar|m\u00e4r|m\u00e4rz|apr|may|mai|jun|jul|aug|sep|sept|oct|okt|nov|dec|dez|"
    "janv|f\u00e9vr|mars|avr|juin|juil|ao\u00fbt|d\u00e9c|ene|abr|ago|dic"
)
# What spreadsheets make of `1-5` and `3/4`; four digits and more are years and part numbers alike: left alone.
_DATES = re.compile(
    rf"\d{{1,2}}[-. /]{{1,2}}(?:{_MONTHS})\.?(?:[-. /]{{1,2}}\d{{2,4}})?|(?:{_MONTHS})\.?[- ]\d{{2}}"
    r"|\d{4}-\d\d-\d\d(?:[ T]\d\d:\d\d:\d\d)?|\d{1,2}[./]\d{1,2}[./]\d{4}",
    re.IGNORECASE,
)
_FAULTS = words("#REF! #N/A #NAME? #VALUE! #DIV/0! #NUM! #NULL! #SPILL! #CALC! #BEZUG! #NV #WERT! #ZAHL!")
_AS_TEXT = re.compile(r'="(?P<text>[^"]*+)"')  # how exporters keep a spreadsheet from eating zeros
_CONDITIONS = {
    "n": "N", "new": "N", "neu": "N", "neuf": "N", "nuevo": "N", "u": "U", "used": "U", "gebraucht": "U", "occasion": "U",
    "usado": "U", "x": "X", "any": "X", "egal": "X",
}  # fmt: skip
_TYPES = {
    "part": "P", "parts": "P", "set": "S", "sets": "S", "minifig": "M", "minifigure": "M", "minifigures": "M", "book": "B",
    "books": "B", "gear": "G", "catalog": "C", "instruction": "I", "instructions": "I", "original box": "O",
}  # fmt: skip
_YES = words("true t yes y 1 x ja j wahr oui si vrai \u2713 \u2714 \u662f")
_NO = words("false f no n 0 nein falsch non faux - \u5426")


def part_id(text: str) -> Reading:
    """A part number; what a spreadsheet has made of it is an error, since nobody can tell what it was."""
    if (kept := _AS_TEXT.fullmatch(text)) or (text[0] == "'" and len(text) > 1):
        text = (kept["text"] if kept else text[1:]).strip()
        if not text:
            return None, "part.missing"
    code = _damage(text)
    return (text, None) if code is None else (None, code)


def quantity(text: str, decimal: Decimal | None = None) -> Reading:
    """A whole quantity; one with separators only where it can be read in one way."""
    if is_number(text):
        return whole_quantity(text)
    if kept := _AS_TEXT.fullmatch(text):
        text = kept["text"].strip() or "?"
    if groups := _GROUPS.fullmatch(text):
        return _grouped(text, groups["mark"], decimal)
    if zeros := _ZEROS.fullmatch(text):
        return _noted(zeros["whole"], "qty.decimals")
    if counted := _COUNTED.fullmatch(text):
        return _noted(counted["number"], "qty.unit" if counted["unit"] else None)
    return (None, "qty.formula_error") if text in _FAULTS else whole_quantity(text)


def _grouped(text: str, mark: str, decimal: Decimal | None) -> Reading:
    """`1.234`: thousands, decimals, or nobody knows."""
    if mark in ".," and decimal is None and text.count(mark) == 1 and text[0] != "0":
        return None, "qty.ambiguous"
    if mark == decimal or text[0] == "0":
        whole, _, zeros = text.partition(mark)
        return _noted(whole, "qty.decimals") if not zeros.strip("0") else (None, "qty.not_integer")
    return _noted(text.replace(mark, ""), "qty.thousands")


def readings(text: str) -> tuple[str, ...]:
    """Both readings of an ambiguous quantity: `1.000` is 1000, or 1; `1,752` is 1752, or 1.752."""
    whole, _, rest = text.replace(",", ".").partition(".")
    return (whole + rest, f"{whole}.{rest}" if rest.strip("0") else whole)


def before_dates(text: str) -> tuple[str, ...]:
    """What a whole date may have been: `2024-01-05` was `1-5`, or `5-1`."""
    found = re.match(r"\d{4}-(\d\d)-(\d\d)", text)
    month, day = (int(found[1]), int(found[2])) if found else (0, 0)
    return tuple(dict.fromkeys((f"{month}-{day}", f"{day}-{month}"))) if found else ()


def price(text: str, decimal: Decimal | None = None) -> tuple[str | None, str | None, str | None]:
    """An amount as text with `.` as its mark, the ISO code of its currency (None: not stated), and what is wrong."""
    currency = currency_of(text)
    found = _AMOUNT.search(text)
    if found is None or len(text) > 40:
        return None, currency, "price.not_number"
    rest = (text[: found.start()] + text[found.end() :]).strip().lower()
    if any(char.isdigit() for char in rest) or (len(rest) > 4 and not currency):
        return None, currency, "price.not_number"
    amount = re.sub(r"[ '\u2019\u00a0\u202f\u2009]", "", found[0].strip()).lstrip("+")
    if amount.startswith("-"):
        return None, currency, "price.negative"
    plain, code = _plain(amount.rstrip(".,"), decimal)
    return plain, currency, code


def decimal_mark(texts: Iterable[str]) -> Decimal | None:
    """The decimal mark that these numbers show; None where they show none, or both."""
    marks: set[Decimal] = set()
    for text in texts:
        if found := _AMOUNT.search(text):
            number = found[0].strip().lstrip("+-")
            if _COMMA_DECIMALS.fullmatch(number):
                marks.add(",")
            elif _DOT_DECIMALS.fullmatch(number):
                marks.add(".")
    return marks.pop() if len(marks) == 1 else None


def color(text: str) -> tuple[int | None, str | None, str | None]:
    """A color's number or its name, and what is wrong; -1 is how lists say that they do not know."""
    if text == "-1":
        return -1, None, "color.unknown"
    number, code = color_number(text)
    if code is None:
        return number, None, None
    if text.endswith(".0") and is_number(text[:-2]):
        return int(text[:-2][:9]), None, None
    return (None, None, code) if code == "color.negative" or not _is_word(text) else (None, text[:MAX_TEXT], None)


def condition(text: str) -> Reading:
    """BrickLink's letter of a condition."""
    found = _CONDITIONS.get(text.casefold())
    return found, None if found else "condition.unknown"


def item_type(text: str) -> Reading:
    """BrickLink's letter of an item type."""
    if len(text) == 1 and text.upper() in "SPMBGCIOU":
        return text.upper(), None
    found = _TYPES.get(text.casefold())
    return found, None if found else "itemtype.unknown"


def yes(text: str) -> Reading:
    """A mark that is set or not; anything else is not set, and said to be neither."""
    word = text.casefold()
    return (True, None) if word in _YES else (False, None if word in _NO else "spare.unknown")


def filled(text: str) -> Reading:
    """How many are there already."""
    number, code = whole_quantity(text)
    return number, "qty_filled.not_integer" if code not in {None, "qty.zero"} else None


def _damage(text: str) -> str | None:
    """What is wrong with a part number, if anything is."""
    if len(text) > MAX_ID:
        return "part.too_long"
    if not text.isprintable():
        return "part.invalid"
    if text[0].isalpha() and text[3:4] not in {"-", " "}:
        return None  # the usual case, and none of those below
    if is_scientific(text.replace(",", ".")):
        return "part.excel_number"
    if _DATES.fullmatch(text):
        return "part.excel_date"
    return "part.formula_error" if text in _FAULTS else None


def _noted(digits: str, note: str | None) -> Reading:
    value, code = whole_quantity(digits.lstrip("0") or "0")
    return (value, note) if code is None else (value, code)


def _plain(amount: str, decimal: Decimal | None) -> Reading:
    """The amount with one `.` or none."""
    if is_number(amount):
        return (amount, None) if len(amount) <= 15 else (None, "price.not_number")
    marks = {mark for mark in ".," if mark in amount}
    if not amount or (len(marks) == 1 and amount.count(next(iter(marks))) > 1):
        mark = None  # 1.234.567: thousands alone
    elif len(marks) == 2:
        mark = max(marks, key=amount.rfind)
    else:
        mark = next(iter(marks))
        grouped = re.fullmatch(r"[1-9]\d{0,2}[.,]\d{3}", amount)
        if grouped and decimal is None:
            return None, "price.ambiguous"
        if grouped and decimal != mark:
            mark = None
    whole, _, fraction = amount.rpartition(mark) if mark else (amount, "", "")
    whole = whole.replace(".", "").replace(",", "") or "0"
    if not is_number(whole) or (fraction and not is_number(fraction)) or len(whole) + len(fraction) > 24:
        return None, "price.not_number"
    return (f"{whole}.{fraction}" if fraction else whole), None


def _is_word(text: str) -> bool:
    return any(char.isalpha() for char in text) and text not in _FAULTS


def is_error(code: str) -> bool:
    """Whether a row with this issue is rejected."""
    return CODES[code].severity.value == "error"
