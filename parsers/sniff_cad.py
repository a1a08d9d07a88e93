"""Is this text a CAD model made of parts? LDraw by its lines, LEGO Digital Designer by its root element."""

import re

from parsers.xml_head import local_name, xml_head

_LINES = 2000  # looked at
_LONGEST = 1000  # characters of a line that can be one
_NUMBER = r"[-+]?(?:\d++(?:\.\d*+)?|\.\d++)(?:e[-+]?\d++)?"
_PLACED = re.compile(
    rf"1\s++(?:0x[0-9a-f]++|-?\d++)(?:\s++{_NUMBER}){{12}}\s++\S[^\n]*?\.(?:dat|ldr|mpd)\s*$", re.IGNORECASE
)
_FILE = re.compile(r"0\s++FILE\s++\S[^\n]*?\.(?:dat|ldr|mpd)\s*$", re.IGNORECASE)


def is_ldraw(text: str) -> bool:
    """One line places a part or opens a model, which no other text does, and at least every other line is of a known type."""
    lines = [line for raw in text.splitlines()[:_LINES] if (line := raw.strip())]
    if len(lines) > 1 and not text.endswith(("\n", "\r")):
        lines.pop()  # the head may end inside it
    known = sum(line[0] in "012345" and line[1:2] in {"", " ", "\t"} for line in lines)
    if known * 2 < len(lines):
        return False
    return any(len(line) <= _LONGEST and (_PLACED.match(line) or _FILE.match(line)) for line in lines)


def is_lxfml(text: str) -> bool:
    """The root element is LXFML."""
    found = xml_head(text) if "<" in text[:1024] else None
    return bool(found and not found.page and found.root and local_name(found.root) == "LXFML")
