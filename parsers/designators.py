"""Designators of a circuit's parts, as bills of materials list them: `C1, C5-C8` are five parts."""

import re

MAX_LISTED = 5_000  # of one row; more is no list
_ONE = re.compile(r"(?P<stem>[A-Za-z_]{1,8})(?P<number>[0-9]{1,6})(?P<unit>[A-Za-z]?)")
_RANGE = re.compile(
    r"(?P<stem>[A-Za-z_]{1,8})(?P<first>[0-9]{1,6})\s*+(?:-|\.\.\.?|\u2013|\u2014|\u2026|~)\s*+"
    r"(?P<again>[A-Za-z_]{0,8})(?P<last>[0-9]{1,6})"
)
# Nearly all lists are as plain as this, and need no second look.
_PLAIN = re.compile(r"[A-Za-z_]{1,8}[0-9]{1,6}[A-Za-z]?(?:[,;\s]++[A-Za-z_]{1,8}[0-9]{1,6}[A-Za-z]?)*+[,;\s]*+")
_BETWEEN = re.compile(r"[,;\s/&+]+")
_SPACED = re.compile(r"\s+(?=-|\.\.|\u2013|\u2014|\u2026|~)|(?<=[-.\u2013\u2014\u2026~])\s+")


def may_cost(text: str) -> int:
    """At most so many designators are spelled out for that text; for those who keep an account of it."""
    return MAX_LISTED if any(mark in text for mark in "-.~\u2013\u2014\u2026") else min(MAX_LISTED, len(text))


def designators(text: str) -> tuple[str, ...] | None:
    """Every designator that `text` lists, ranges spelled out, each once; None where it is no such list."""
    if _PLAIN.fullmatch(text):
        names = text.upper().replace(",", " ").replace(";", " ").split()
        return tuple(dict.fromkeys(names)) if len(names) <= MAX_LISTED else None
    listed: dict[str, None] = {}
    named = 0  # repeated ones among them
    for token in _BETWEEN.split(_SPACED.sub("", text.strip())):
        if not token:
            continue
        named += 1
        if _ONE.fullmatch(token):
            listed[token.upper()] = None
        elif found := _RANGE.fullmatch(token):
            stem, first, last = found["stem"], int(found["first"]), int(found["last"])
            named += last - first
            if found["again"] not in {"", stem} or not first < last or named > MAX_LISTED:
                return None
            listed.update(dict.fromkeys(f"{stem}{number}".upper() for number in range(first, last + 1)))
        else:
            return None
        if named > MAX_LISTED:
            return None
    return tuple(listed) or None
