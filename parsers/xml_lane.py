"""The fast lane for XML items that are nothing but plain fields: read by pattern, several times as fast as by a parser.

An item is plain where each field is `<NAME>text</NAME>` or `<NAME/>`, without attributes, markup or `&` in it. For text
that is well-formed otherwise, a pattern reads such an item exactly as an XML parser does; whatever else stands in a
file is left to the parser (`xml_rows.py`), which also tells where in the document the lane may go on.
"""

import re
from bisect import bisect_right
from itertools import accumulate, pairwise
from typing import NamedTuple

_FIELDS = 64  # of a plain item
_ROWS = 1000  # of a run: they are in memory together
_TEMPLATES = 8  # sequences of fields that are tried before an item is looked at closely
_SPACE = r"[ \t\r\n]*+"
# What an XML parser hands on unchanged: no markup, no `]]>`, no character that XML forbids, no line end that it alters.
_CHARS = r"[^\x00-\x08\x0b-\x1f<>&\ufffe\uffff]*+"
_REFERENCE = r"&(?:amp|lt|gt|quot|apos|#[0-9]{1,7}|#x[0-9A-Fa-f]{1,6});"
_TEXT = rf"{_CHARS}(?:{_REFERENCE}{_CHARS})*+"
_FIELD = re.compile(rf"{_SPACE}<([A-Za-z_][A-Za-z0-9_.-]*+)(?:>{_TEXT}</\1>|[ ]?/>)")
_BLANK = re.compile(_SPACE)
_REFERENCES = re.compile(r"&(?:(amp|lt|gt|quot|apos)|#([0-9]+)|#x([0-9A-Fa-f]+));")
_NAMED = {"amp": "&", "lt": "<", "gt": ">", "quot": '"', "apos": "'"}
_UNLAWFUL = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class Plain(NamedTuple):
    """Plain items with the same fields, one behind the other."""

    tags: tuple[str, ...]
    lines: list[int]  # that each item begins on
    texts: list[tuple[str | None, ...]]  # of its fields
    end: int  # where the last one and the space behind it end
    line: int  # of that place


class Lane:
    """Reads runs of plain items; `item` is their tag as the file spells it."""

    def __init__(self, item: str) -> None:
        self.item = item
        self._templates: list[tuple[tuple[str, ...], re.Pattern[str]]] = []  # the last one that fitted first
        self._opening = re.compile(rf"<{re.escape(item)}>")
        self._closing = re.compile(rf"{_SPACE}</{re.escape(item)}>")

    def run(self, text: str, at: int, *, line: int) -> Plain | None:
        """The plain items that begin at `at`, which is on `line`, or behind white space; None where there is none."""
        if blank := _BLANK.match(text, at):
            line += text.count("\n", at, blank.end())
            at = blank.end()
        for index, (tags, template) in enumerate(self._templates):
            if template.match(text, at):
                if index:
                    self._templates.insert(0, self._templates.pop(index))
                return _run(tags, template, text, at=at, line=line)
        tags = self._tags(text, at)
        if not tags:
            return None
        template = self._template(tags)
        self._templates.insert(0, (tags, template))
        del self._templates[_TEMPLATES:]
        return _run(tags, template, text, at=at, line=line)

    def _tags(self, text: str, at: int) -> tuple[str, ...]:
        """The fields of the plain item at `at`; none where it is not plain, or not complete."""
        opening = self._opening.match(text, at)
        if not opening:
            return ()
        tags: list[str] = []
        at = opening.end()
        while len(tags) < _FIELDS and (field := _FIELD.match(text, at)):
            tags.append(field[1])
            at = field.end()
        return tuple(tags) if self._closing.match(text, at) else ()

    def _template(self, tags: tuple[str, ...]) -> re.Pattern[str]:
        """Matches an item with these fields, and the space behind it."""
        fields = "".join(rf"{_SPACE}<{tag}(?:>({_TEXT})</{tag}>|[ ]?/>)" for tag in map(re.escape, tags))
        return re.compile(rf"{self._opening.pattern}{fields}{self._closing.pattern}{_SPACE}")


def _run(tags: tuple[str, ...], template: re.Pattern[str], text: str, *, at: int, line: int) -> Plain | None:
    items: list[tuple[str | None, ...]] = []
    ends, match = [at], template.match
    while (found := match(text, at)) and len(items) < _ROWS:
        items.append(found.groups())
        ends.append(at := found.end())
    reference = text.find("&", ends[0], ends[-1])
    while reference >= 0:  # from one item with references to the next
        number = bisect_right(ends, reference) - 1
        resolved = _resolved(items[number])
        if resolved is None:
            del items[number:], ends[number + 1 :]
            break
        items[number] = resolved
        reference = text.find("&", ends[number + 1], ends[-1])
    lines = accumulate((text.count("\n", begin, end) for begin, end in pairwise(ends)), initial=line)
    *places, line = lines
    return Plain(tags, places, items, ends[-1], line) if items else None


def _resolved(texts: tuple[str | None, ...]) -> tuple[str | None, ...] | None:
    """The texts with what their references stand for; None where one stands for no character of XML."""
    try:
        found = [_REFERENCES.sub(_character, text) if text and "&" in text else text for text in texts]
    except (ValueError, OverflowError):  # beyond the last character
        return None
    unlawful = any(
        text and "&" in old and _UNLAWFUL.search(text) for old, text in zip(texts, found, strict=True) if old
    )
    return None if unlawful else tuple(found)


def _character(reference: re.Match[str]) -> str:
    name, number, hexadecimal = reference.groups()
    return _NAMED[name] if name else chr(int(number) if number else int(hexadecimal, 16))
