"""Words of a page put into lines, and lines into cells: the ground that both readers of tables stand on."""

from collections.abc import Iterable, Sequence
from statistics import median
from typing import NamedTuple

from parsers.pdf_words import Word

_LEVEL = 0.35  # of a line's height that the middles of its words may differ
_TALL = 3.0  # times the usual height: words that run up the page, and large titles' ornaments
_GLUE = ("-", "/", "_")  # a number that ends so at a line's end goes on without a space


class Line(NamedTuple):
    """Words that stand level, from left to right."""

    words: list[Word]
    y0: float
    y1: float

    @property
    def middle(self) -> float:
        """How far down the page it stands, in points."""
        return (self.y0 + self.y1) / 2

    @property
    def text(self) -> str:
        """Its words with single spaces."""
        return " ".join(word.text for word in self.words)


class Cell(NamedTuple):
    """Neighbouring words of one line, or of a few lines of a header."""

    text: str
    x0: float
    x1: float


def height(words: Sequence[Word]) -> float:
    """The usual height of these words in points."""
    return median(word.y1 - word.y0 for word in words) if words else 0.0


def lines_of(words: Iterable[Word]) -> list[Line]:
    """Lines from top to bottom."""
    words = [word for word in words if word.y1 > word.y0]
    usual = height(words)
    lines: list[list[Word]] = []
    middle = 0.0
    for word in sorted(words, key=lambda word: word.y0 + word.y1):
        tall = word.y1 - word.y0
        if tall > _TALL * usual and tall > word.x1 - word.x0:
            continue
        at = (word.y0 + word.y1) / 2
        if lines and at - middle <= _LEVEL * min(tall, usual):
            line = lines[-1]
            line.append(word)
            middle += (at - middle) / len(line)
        else:
            lines.append([word])
            middle = at
    return [_line(line) for line in lines]


def space_of(lines: Sequence[Line]) -> float:
    """The usual width of a space on the page, in points."""
    usual = height([word for line in lines for word in line.words])
    gaps = [
        gap
        for line in lines
        for left, right in zip(line.words, line.words[1:], strict=False)
        if 0.05 * usual < (gap := right.x0 - left.x1) < 0.7 * usual
    ]
    found = median(gaps) if len(gaps) >= 5 else 0.25 * usual
    return min(max(found, 0.15 * usual), 0.6 * usual)


def split(line: Line, gap: float) -> list[Cell]:
    """The line's cells: words that are less than `gap` points apart belong together."""
    groups: list[list[Word]] = []
    end = 0.0
    for word in line.words:
        if groups and word.x0 - end < gap:
            groups[-1].append(word)
            end = max(end, word.x1)
        else:
            groups.append([word])
            end = word.x1
    return [
        Cell(" ".join([word.text for word in group]), group[0].x0, max(group[-1].x1, group[0].x1)) for group in groups
    ]


def gaps(line: Line) -> list[float]:
    """Between neighbouring words of the line, in points."""
    found, end = [], line.words[0].x1
    for word in line.words[1:]:
        found.append(word.x0 - end)
        end = max(end, word.x1)
    return found


def joined(parts: Iterable[str]) -> str:
    """The lines of one cell as one text; a part number that was cut at its dash becomes whole."""
    text = ""
    for part in parts:
        if not part:
            continue
        last = text.rpartition(" ")[2]
        glued = last.endswith(_GLUE) and any(map(str.isdigit, last)) and part[0].isalnum()
        text = text + part if glued or not text else f"{text} {part}"
    return text


def _line(words: list[Word]) -> Line:
    words.sort(key=lambda word: word.x0)
    return Line(words, min(word.y0 for word in words), max(word.y1 for word in words))
