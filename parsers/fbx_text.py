"""Checks an FBX that is text before any native code sees it: braces, counts of arrays, size; and reads its unit and axes."""

import mmap
import re
from typing import NamedTuple

from jobs.errors import InputError
from parsers.model_faults import malformed

MAX_TEXT = 256 * 1024 * 1024  # bytes
MAX_DEPTH = 32
MAX_ITEMS = 64 * 1024 * 1024  # numbers of one array
_HEAD = 64 * 1024  # bytes in which the version stands
_FIRST = re.compile(rb";\s*FBX\s+(\d)\.(\d)")
_VERSION = re.compile(rb"\bFBXVersion\s*:\s*(\d{4,5})\b")
# What opens and ends, with whatever could hide it: text in quotes, comments.
_MARKS = re.compile(rb'"[^"]*+"|;[^\n]*+|\*\s*(\d++)|[{}"]')
_SETTINGS = re.compile(rb"\bGlobalSettings\s*:")
_SETTING = re.compile(
    rb'P(?:roperty)?\s*:\s*"(UnitScaleFactor|UpAxis)"(?:\s*,\s*"[^"]*"){2,3}\s*,\s*([-+]?\d{1,20}(?:\.\d{0,20})?(?:[eE][-+]?\d{1,3})?)'
)
_CONTENT = re.compile(rb'\bContent\s*:\s*,?\s*"[^"]')
_SETTINGS_LENGTH = 64 * 1024  # bytes behind their begin in which they stand


class TextFacts(NamedTuple):
    """What the text states of itself."""

    version: int  # 7400 for 7.4
    settings: dict[str, float]  # `UnitScaleFactor`, `UpAxis`, as far as they are stated
    pictures: bool  # some lie in the file


def check_text(content: mmap.mmap) -> TextFacts:
    """What the text states of itself.

    Raises `UnreadableFile` (`model.malformed`) and `InputError` (`limit.size`).
    """
    size = len(content)
    if size > MAX_TEXT:
        raise InputError("limit.size", "The FBX file is too large as text.", hint="Send it as binary FBX, or as GLB.")
    head = content[:_HEAD]
    version = _version(head)
    if b"\0" in head:
        raise malformed("The FBX file is neither text nor binary.")
    _check_marks(content)
    settings: dict[str, float] = {}
    if found := _SETTINGS.search(content):
        for name, value in _SETTING.findall(content[found.end() : found.end() + _SETTINGS_LENGTH]):
            settings.setdefault(name.decode(), float(value))
    return TextFacts(version, settings, _CONTENT.search(content) is not None)


def _version(head: bytes) -> int:
    if stated := _VERSION.search(head):
        return int(stated[1])
    if first := _FIRST.search(head[:200]):
        return 1000 * int(first[1]) + 100 * int(first[2])
    raise malformed("The FBX file does not begin as one.")


def _check_marks(content: mmap.mmap) -> None:
    """Braces pair, not too deep, and behind the count of an array there is room for as many numbers."""
    depth = 0
    size = len(content)
    for mark in _MARKS.finditer(content):
        first = content[mark.start()]
        if first == 0x7B:  # {
            depth += 1
            if depth > MAX_DEPTH:
                raise malformed("Records of the FBX lie too deep.")
        elif first == 0x7D:  # }
            depth -= 1
            if depth < 0:
                raise malformed("The FBX file ends more records than it begins.")
        elif first == 0x22 and mark.end() - mark.start() == 1:  # a quote that nothing ends
            raise malformed("The FBX file is cut off.")
        elif mark[1] is not None and not _fits(mark[1], size - mark.end()):
            raise malformed("An array of the FBX has fewer numbers than it says.")
    if depth:
        raise malformed("The FBX file is cut off.")


def _fits(count: bytes, rest: int) -> bool:
    """Whether so many numbers fit into the rest of the file: each takes two bytes at least, with its comma."""
    return len(count) < 11 and int(count) <= min(MAX_ITEMS, rest // 2 + 1)
