"""What the letters and digits of a part number say: its spelling, suffix, print and assembly. Text only, no catalog.

The rules are those that BrickLink, LDraw and Rebrickable publish: a letter behind the digits tells moulds apart, `pb`
and `px` (BrickLink), `pr` and `pat` (Rebrickable) and `p` (LDraw) number prints, each site in an order of its own, and
`c01` names an assembly whose main part stands before it.
"""

import re
import unicodedata
from collections.abc import Iterator
from typing import NamedTuple

MAX_ID = 40  # characters; the longest published number has 20
LETTERS = "abcd"  # the suffixes that tell moulds apart

_FOLDERS = re.compile(r"^(?:(?:parts|p|s|8|48)[\\/])+")
_UNSEEN = dict.fromkeys(map(ord, "\u00ad\u200b\u200c\u200d\u2060\ufeff\u00a0 \t\r\n\"'`"))
_PRINT = re.compile(
    r"(?P<base>[0-9a-z]+?)(?P<mark>pb|px|pr|pat|p)(?P<number>[0-9]{1,5}(?:[a-z](?![0-9]))?)(?P<rest>.*)"
)
_MARKS_OF = {"pb": "bricklink", "px": "bricklink", "pr": "rebrickable", "pat": "rebrickable", "p": "ldraw"}
_REST = re.compile(r"(?:c[0-9]{1,3}[a-z]?)?")
_ASSEMBLY = re.compile(r"(?P<base>[0-9a-z]*[0-9][a-z]?)c(?P<number>[0-9]{1,3})[a-z]?")
_SUFFIX = re.compile(r"(?P<base>[a-z]{0,2}[0-9]+)(?P<suffix>old|new|[a-z])")
_BARE = re.compile(r"[a-z]{0,2}[0-9]+")
_ZERO, _ONE = str.maketrans("o", "0"), str.maketrans("li", "11")
_BOTH = str.maketrans("oli", "011")
_DIGITS = re.compile(r"[0-9]+")


class Print(NamedTuple):
    """A number that names a print."""

    bases: tuple[str, ...]  # the part without its print, likeliest first
    site: str  # whose way to number prints this is


class Assembly(NamedTuple):
    """A number that names parts put together."""

    twins: tuple[str, ...]  # the same number, written with more or fewer zeros
    base: str  # its main part


def clean(raw: str) -> str | None:
    """The number as it can be looked up: lower case, no blanks, no `.dat`; None where no part number looks like it."""
    if raw.isalnum() and raw.isascii() and len(raw) <= MAX_ID:
        return raw.lower()  # as nearly all are
    if len(raw) > 2 * MAX_ID:
        return None
    text = unicodedata.normalize("NFKC", raw).translate(_UNSEEN).lower()
    text = _FOLDERS.sub("", text).removesuffix(".dat").removesuffix(".ldr")
    return text if 0 < len(text) <= MAX_ID and text.isascii() and text.isprintable() else None


def respelled(number: str) -> Iterator[tuple[str, str]]:
    """The number as its writer may have meant it, and which slip that takes back."""
    for table, slip in ((_ZERO, "O for 0"), (_ONE, "l for 1"), (_BOTH, "O for 0 and l for 1")):
        other = number.translate(table)
        # Only where it makes the number plainer: letters are a slip inside digits, not in `old`.
        if other != number and _BARE.fullmatch(other.rstrip(LETTERS)):
            yield other, slip


def rezeroed(number: str) -> Iterator[str]:
    """The number without the zeros that lead it, or with those that a spreadsheet took away."""
    if not number[0].isdigit():
        return
    bare = number.lstrip("0")
    zeros = ("", "0", "00") if number.isdigit() else ("",)
    for other in (lead + bare for lead in zeros):
        if bare and other != number:
            yield other


def suffix_of(number: str) -> tuple[str, str] | None:
    """The digits and the letter behind them, where there is one: `3069b` -> `3069`, `b`."""
    found = _SUFFIX.fullmatch(number)
    return (found["base"], found["suffix"]) if found else None


def with_suffixes(number: str) -> tuple[str, ...]:
    """The number with each letter that tells moulds apart; empty where letters stand behind it already."""
    return tuple(number + letter for letter in LETTERS) if _BARE.fullmatch(number) else ()


def print_of(number: str) -> Print | None:
    """What a print is printed on: `973pb0001c01` -> `973c01`, else `973`."""
    found = _PRINT.fullmatch(number)
    if not found:
        return None
    base, rest = found["base"], found["rest"]
    if not any(letter.isdigit() for letter in base):
        return None
    bases = (base + rest, base) if rest and _REST.fullmatch(rest) else (base,)
    return Print(bases, _MARKS_OF[found["mark"]])


def assembly_of(number: str) -> Assembly | None:
    """What an assembly is made around: `3815c01` -> `3815`."""
    found = _ASSEMBLY.fullmatch(number)
    if not found:
        return None
    base, count = found["base"], int(found["number"])
    twins = (f"{base}c{count:02}", f"{base}c{count}", f"{base}c{count:03}")
    return Assembly(tuple(twin for twin in dict.fromkeys(twins) if twin != number), base)


def digits_of(number: str) -> str:
    """The digits that a number opens with, letters before them left out; empty where it has none."""
    found = _DIGITS.search(number)
    return found[0] if found else ""
