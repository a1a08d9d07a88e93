"""Cleans what PDFs say as letters: ligatures spelled out, marks that nobody sees dropped, words cut at a line's end joined."""

import re
import unicodedata

HYPHEN = "\ufffe"  # what PDFium puts for a hyphen at a line's end, in place of the line break
_LIGATURES = {
    0xFB00: "ff",
    0xFB01: "fi",
    0xFB02: "fl",
    0xFB03: "ffi",
    0xFB04: "ffl",
    0xFB05: "st",
    0xFB06: "st",
}
# Unicode's control characters but tab and line feed, the soft hyphen, joiners, marks of direction, and the byte order
# mark: none of them shows, and each splits a word for whoever searches it.
_UNSEEN = (
    *(code for code in range(0x20) if code not in (0x09, 0x0A)),
    *range(0x7F, 0xA0),
    0xAD,
    *range(0x200B, 0x2010),
    *range(0x202A, 0x202F),
    *range(0x2060, 0x2065),
    *range(0x2066, 0x2070),
    0xFEFF,
    *range(0xFFF9, 0xFFFC),
    0xFFFE,
    0xFFFF,
)
_NOBREAK = {0xA0: " ", 0x2007: " ", 0x202F: " ", 0x2028: "\n", 0x2029: "\n"}
_TABLE = dict.fromkeys(_UNSEEN) | _LIGATURES | _NOBREAK
_DIRTY = re.compile("[" + "".join(re.escape(chr(code)) for code in _TABLE) + "]")
# Two letters before the cut and a lower-case one behind it: a word. Anything else (`3001-` + `04`, `Lime-` + `Green`)
# keeps its hyphen. The rest of the word is drawn up to its first half, so that lines stay lines.
_CUT_WORD = re.compile(rf"(?<=[^\W\d_]{{2}})(?:{HYPHEN}|[-\u2010]\n)([^\W\d_]\S*)[ \n]?")
_CUT = re.compile(HYPHEN)


def cleaned(text: str) -> str:
    """`text` in NFC, lines ended by a line feed; words cut at a line's end are joined where both halves look like one."""
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    if HYPHEN in text or "-\n" in text or "\u2010\n" in text:
        text = _CUT.sub("-\n", _CUT_WORD.sub(_joined, text))
    return letters(text)


def letters(text: str) -> str:
    """`text` in NFC without ligatures and unseen marks; its line breaks and hyphens stay."""
    if text.isascii():
        return _without_controls(text)
    if _DIRTY.search(text):
        text = text.translate(_TABLE)
    return unicodedata.normalize("NFC", text)


def _without_controls(text: str) -> str:
    # A text without any is what `isprintable` calls printable once its line breaks are gone.
    return text if text.replace("\n", "").isprintable() else text.translate(_TABLE)


def _joined(cut: re.Match[str]) -> str:
    rest = cut[1]
    return rest + "\n" if rest[0].islower() else cut[0]
