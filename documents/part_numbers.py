"""Words that look like part numbers: `3001`, `32064a`, `973pb0001`, `10265-1`, `STM32F103C8T6`."""

import re

from documents.dates import FIRST_YEAR, LAST_YEAR

_LONGEST = 24  # characters
_WHOLE = re.compile(r"[1-9]\d{3,6}")  # a number alone is one from four digits on
_SET = re.compile(r"([1-9]\d{3,6})-\d{1,2}")
# Digits, and letters for the mould or print with a number of their own: 3068bpb0123, 973pr0001c02, 970c00, x123c01.
_MOULD = re.compile(
    r"[a-z]{0,2}\d{2,6}(?:[a-f]|(?:[a-z]{1,4}\d{1,4}[a-z]?)+|[a-f](?:[a-z]{1,4}\d{1,4}[a-z]?)+)", re.IGNORECASE
)
_MAKER = re.compile(r"(?=.*\d.*\d.*\d)(?=.*[A-Z])[A-Z0-9]+(?:[-/.][A-Z0-9]+){0,4}")
_UNIT = re.compile(r"\d+(?:[.,]\d+)?(?:[a-z]{1,3}\d?|MHZ|GHZ|KHZ|KG|MM|CM|KM|ML|DPI|PX|V|W|A|K|M|G)", re.IGNORECASE)
_TIME = re.compile(r"\d+[hx]\d+(?:[hx]\d+)?", re.IGNORECASE)  # 12h30, 1920x1080
_LEAST_DIGITS = 3
_MOULD_DIGITS = 4  # of a number with a single letter behind it: 500g is a weight, 3068b a tile


def is_part_number(word: str) -> bool:
    """Whether a word of a text, without marks around it, looks like a part number; years alone do not."""
    if not 4 <= len(word) <= _LONGEST or not word.isascii():
        return False
    if word.isdigit():
        return _WHOLE.fullmatch(word) is not None and not _is_year(word)
    if sum(char.isdigit() for char in word) < _LEAST_DIGITS or _TIME.fullmatch(word):
        return False
    if found := _SET.fullmatch(word):
        return not _is_year(found[1])
    if _UNIT.fullmatch(word):
        return word[-1].lower() in "abcdef" and word[:-1].isdigit() and len(word) > _MOULD_DIGITS
    return _MOULD.fullmatch(word) is not None or _MAKER.fullmatch(word) is not None


def _is_year(word: str) -> bool:
    return len(word) == 4 and FIRST_YEAR <= int(word) <= LAST_YEAR
