"""What tesseract says of a page: words with boxes and confidence, lines, and text; places led back to the picture."""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from parsers.ocr_picture import Upright

_WORD = "5"  # the level of words in tesseract's table; those above are pages, blocks, paragraphs and lines
_COLUMNS = 12  # level, page, block, par, line, word, left, top, width, height, conf, text
_MAX_WORDS = 50_000  # of a page; a dense one has 2,000
# In what begins with three digits, a part number say, these are misread: `15399¢`, `6283la`, `300O12`. Not `100l`, `25¢`.
_CENT, _ONE, _ZERO = (re.compile(f"(?<=[0-9]{{3}}){after}") for after in ("¢", "[lI|](?=[0-9a-z])", "O(?=[0-9])"))
_TELLING = 3  # characters, from which on an upright word is wider than high


class Word(NamedTuple):
    """A word with its box in pixels, y down from the top, and how sure tesseract is of it."""

    text: str
    x0: float
    y0: float
    x1: float
    y1: float
    confidence: float  # 0..100


class Line(NamedTuple):
    """Words that stand in a line, in order."""

    block: int  # part of the page
    paragraph: int  # within the block
    words: tuple[Word, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """What stands on a picture."""

    text: str  # in reading order: lines, and an empty line between paragraphs
    words: tuple[Word, ...]  # in the same order; boxes in pixels of the picture as it was given
    upright: tuple[Word, ...]  # the same; boxes in pixels of the picture after its rotation, where rows are level
    size: tuple[int, int]  # width and height of the latter
    rotation: float  # degrees clockwise by which it was turned to be read: `turn` and its skew
    turn: int  # 0, 90, 180 or 270: likely that of the next page, too
    confidence: float  # mean of all words, 0..100; 0 where there are none


class Reading(NamedTuple):
    """What was read of one turned picture."""

    lines: tuple[Line, ...]

    @property
    def words(self) -> list[Word]:
        """All, in reading order."""
        return [word for line in self.lines for word in line.words]

    @property
    def confidence(self) -> float:
        """The mean of all words."""
        words = self.words
        return sum(word.confidence for word in words) / len(words) if words else 0.0

    @property
    def sideways(self) -> bool:
        """Whether most words stand upright like towers: tesseract reads some pages that lie on a side, but badly."""
        telling = [word for word in self.words if len(word.text) >= _TELLING]
        return sum(word.y1 - word.y0 > word.x1 - word.x0 for word in telling) * 2 > len(telling)

    @property
    def worth(self) -> float:
        """The larger, the likelier it is that this is the right way up."""
        return 0.0 if self.sideways else self.confidence


def reading_of(table: bytes) -> Reading:
    """Read tesseract's TSV (its `tsv` output: twelve columns, one row per page, block, paragraph, line and word).

    Rows that are no words, and what is cut off, are passed over.
    """
    found: dict[tuple[str, str, str], list[Word]] = {}
    for key, word in _words(table):
        found.setdefault(key, []).append(word)
    lines = (Line(_number(key[0]), _number(key[1]), tuple(words)) for key, words in found.items())
    return Reading(tuple(lines))


def page_of(reading: Reading, *, upright: Upright, picture: tuple[int, int], scale: float) -> Page:
    """The page of a picture of that size, which was read `scale` times as large."""
    words = reading.words
    return Page(
        text=_text(reading.lines),
        words=tuple(_led_back(word, upright, picture=picture, scale=scale) for word in words),
        upright=tuple(words),
        size=upright.picture.size,
        rotation=round(upright.turn + upright.skew, 1),
        turn=upright.turn,
        confidence=round(reading.confidence, 1),
    )


def _words(table: bytes) -> Iterator[tuple[tuple[str, str, str], Word]]:
    count = 0
    for row in table.decode("utf-8", "replace").split("\n"):
        cells = row.split("\t", _COLUMNS - 1)
        if len(cells) < _COLUMNS or cells[0] != _WORD:
            continue
        text = _clean(cells[11])
        try:
            left, top, width, height, confidence = map(float, cells[6:11])
        except ValueError:
            continue
        count += 1
        if not text or count > _MAX_WORDS:
            continue
        word = Word(text, left, top, left + width, top + height, min(100.0, max(0.0, confidence)))
        yield (cells[2], cells[3], cells[4]), word


def _clean(text: str) -> str:
    """Ligatures as letters; no control characters, no blanks around; what digits tell to be misread is mended."""
    if not text.isascii():
        text = "".join(unicodedata.normalize("NFKC", c) if "\ufb00" <= c <= "\ufb06" else c for c in text)
    text = "".join(char for char in text if unicodedata.category(char)[0] != "C").strip()
    return _ZERO.sub("0", _ONE.sub("1", _CENT.sub("c", text))) if text[:1].isdigit() else text


def _number(text: str) -> int:
    return int(text) if text.isdecimal() else 0


def _text(lines: Sequence[Line]) -> str:
    parts: list[str] = []
    before: tuple[int, int] | None = None
    for line in lines:
        place = line.block, line.paragraph
        if before is not None:
            parts.append("\n" if place == before else "\n\n")
        parts.append(" ".join(word.text for word in line.words))
        before = place
    return "".join(parts)


def _led_back(word: Word, upright: Upright, *, picture: tuple[int, int], scale: float) -> Word:
    """The word's box in the picture as it was given: its center turned back, its size as it is."""
    x, y = upright.place((word.x0 + word.x1) / 2, (word.y0 + word.y1) / 2)
    half = (word.x1 - word.x0) / 2, (word.y1 - word.y0) / 2
    wide, high = half if upright.turn % 180 == 0 else half[::-1]
    left, right = (_within((x + side) / scale, picture[0]) for side in (-wide, wide))
    top, bottom = (_within((y + side) / scale, picture[1]) for side in (-high, high))
    return Word(word.text, left, top, right, bottom, word.confidence)


def _within(value: float, most: int) -> float:
    return round(min(float(most), max(0.0, value)), 1)
