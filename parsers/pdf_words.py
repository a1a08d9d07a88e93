"""The words of a PDF's page and where each stands, from the boxes that PDFium has of characters."""

import ctypes
import re
from collections.abc import Iterable
from typing import Any, NamedTuple

from parsers.pdf_letters import letters

MAX_WORDS = 100_000  # of a page: a page of small print has 3,000
_WORD = re.compile("[^\\s\ufffe\x00-\x1f]+[\ufffe\x02]?")
_FONT_NAME = 128  # bytes of a font's name that are looked at
_END = {0xFFFE: "-", 0x02: "-"}  # PDFium's marks for a hyphen at a line's end
_BOLD = 600  # weights from here on are bold
_FORCE_BOLD = 1 << 18  # of a font's flags, PDF 32000-1 table 123


class Word(NamedTuple):
    """A word and its box in points; the origin is the top left corner of the page as it is shown."""

    text: str
    x0: float  # left
    y0: float  # top
    x1: float  # right
    y1: float  # bottom
    size: float = 0.0  # height of the font's line in points, about 1.2 times its size
    bold: bool = False  # only told where fonts were asked for


class Frame(NamedTuple):
    """How a page lies: the box of it that is shown, in its own coordinates, and how far it is turned."""

    left: float
    bottom: float
    right: float
    top: float
    rotation: int  # degrees clockwise: 0, 90, 180, 270

    def shown(self, box: tuple[float, float, float, float]) -> tuple[float, float, float, float]:
        """`box` (left, bottom, right, top in the page's coordinates) as x0, y0, x1, y1 from the top left corner."""
        left, bottom, right, top = box
        if self.rotation == 0:
            return left - self.left, self.top - top, right - self.left, self.top - bottom
        if self.rotation == 90:
            return bottom - self.bottom, left - self.left, top - self.bottom, right - self.left
        if self.rotation == 180:
            return self.right - right, bottom - self.bottom, self.right - left, top - self.bottom
        return self.top - top, self.right - right, self.top - bottom, self.right - left


def frame_of(page: Any) -> Frame:
    """The frame of an open pypdfium2 page."""
    left, bottom, right, top = page.get_bbox()
    return Frame(left, bottom, right, top, page.get_rotation())


def words(page: Any, *, text_page: Any = None, fonts: bool = False) -> list[Word]:
    """The words of an open pypdfium2 page, in the order in which the page draws them, at most `MAX_WORDS`.

    `text_page` is taken where the caller has it open already. `fonts` also tells which words are bold. A word that is
    cut at a line's end comes as two, the first with its hyphen. Heights are the font's, not the letters': words of a
    line stand level.
    """
    if text_page is not None:
        return _words(text_page, frame_of(page), fonts=fonts)
    text_page = page.get_textpage()
    try:
        return _words(text_page, frame_of(page), fonts=fonts)
    finally:
        text_page.close()


def line_heights(text_page: Any, places: Iterable[int]) -> list[float]:
    """Height in points of the font's line at each of these characters."""
    boxes = _Boxes(text_page)
    return [box[3] - box[1] for box in map(boxes.one, places)]


def _words(text_page: Any, frame: Frame, *, fonts: bool) -> list[Word]:
    count = text_page.count_chars()
    if count <= 0:
        return []
    boxes = _Boxes(text_page)
    found: list[Word] = []
    characters = _characters(text_page, count)
    for match in _WORD.finditer(characters):
        for first, last in boxes.level(match.start(), match.end() - 1):
            text = characters[first : last + 1]
            if not (text.isascii() and text.isprintable()):
                text = letters(text.translate(_END))
                if not text:
                    continue
            box, size = boxes.of(first, last)
            found.append(Word(text, *frame.shown(box), size, fonts and boxes.bold(first)))
            if len(found) == MAX_WORDS:
                return found
    return found


def _characters(text_page: Any, count: int) -> str:
    """The page's text with one character for each that PDFium has a box of."""
    from pypdfium2 import raw

    text: str = text_page.get_text_range(errors="replace")
    if len(text) == count:
        return text
    # Some characters have no box, or stand for several. One call for each is slower, but exact.
    codes = (raw.FPDFText_GetUnicode(text_page.raw, at) for at in range(count))
    return "".join(chr(code) if 0 < code < 0x110000 and not 0xD800 <= code < 0xE000 else "\ufffd" for code in codes)


class _Boxes:
    """Boxes of stretches of characters. A word costs two calls, for its first and its last character."""

    def __init__(self, text_page: Any) -> None:
        from pypdfium2 import raw

        self._raw = raw
        self._box = raw.FPDFText_GetLooseCharBox
        self._page = text_page.raw
        self._rect = raw.FS_RECTF()
        self._reference = ctypes.byref(self._rect)
        self._flags = ctypes.c_int()

    def level(self, first: int, last: int) -> list[tuple[int, int]]:
        """Those stretches of the characters `first` to `last` that stand on one line each; nearly always that is one.

        PDFium takes lone characters that are drawn one below the other, such as a column of digits, for one word.
        """
        if first == last:
            return [(first, last)]
        above, end = self.one(first), self.one(last)
        if abs(end[1] - above[1]) < (above[3] - above[1]) / 2 or self._raw.FPDFText_GetCharAngle(self._page, first):
            return [(first, last)]
        found, start = [], first
        for at in range(first + 1, last + 1):
            here = self.one(at)
            if here[2] <= here[0] or here[3] <= here[1]:
                continue  # without ink, and anywhere
            if abs(here[1] - above[1]) >= (above[3] - above[1]) / 2:
                found.append((start, at - 1))
                start = at
            above = here
        return [*found, (start, last)]

    def of(self, first: int, last: int) -> tuple[tuple[float, float, float, float], float]:
        """Left, bottom, right and top of the characters `first` to `last`, and the height of their line."""
        left, bottom, right, top = start = self.one(first)
        size = top - bottom
        if last != first:
            end = self.one(last)
            level = abs(end[1] - bottom) < size / 2
            if level and size > 0 and end[2] > left:
                return (left, min(bottom, end[1]), max(right, end[2]), max(top, end[3])), size
            boxes = [start, *(self.one(at) for at in range(first + 1, last)), end]
            # Characters without ink (an unknown glyph, say) have a box without area, which may lie anywhere.
            boxes = [box for box in boxes if box[2] > box[0] and box[3] > box[1]] or boxes
            lefts, bottoms, rights, tops = zip(*boxes, strict=True)
            left, bottom, right, top = min(lefts), min(bottoms), max(rights), max(tops)
            # Text that runs up or down the page: its line is as high as it is wide.
            size = top - bottom if level else right - left
        return (left, bottom, right, top), size

    def bold(self, at: int) -> bool:
        """Whether the character's font is bold, by its weight, its flags or its name."""
        if self._raw.FPDFText_GetFontWeight(self._page, at) >= _BOLD:
            return True
        name = ctypes.create_string_buffer(_FONT_NAME)
        self._raw.FPDFText_GetFontInfo(self._page, at, name, _FONT_NAME, self._flags)
        return bool(self._flags.value & _FORCE_BOLD) or b"bold" in name.value.lower()

    def one(self, at: int) -> tuple[float, float, float, float]:
        """Left, bottom, right and top of a character, as high as its font."""
        self._box(self._page, at, self._reference)
        rect = self._rect
        return rect.left, rect.bottom, rect.right, rect.top
