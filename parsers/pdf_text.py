"""The text of a PDF, a page at a time and in reading order: cleaned, with headings, and with boxes of words on request."""

import re
from collections import Counter
from collections.abc import Callable, Generator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from jobs.issues import Issue, Record, Severity
from parsers.pdf_inspect import visible
from parsers.pdf_letters import cleaned, letters
from parsers.pdf_open import last_readable, opened, page_by_page
from parsers.pdf_reading_order import gap_of, lines_in_order
from parsers.pdf_words import Word, frame_of, line_heights
from parsers.pdf_words import words as words_of

MAX_CHARACTERS = 500_000  # of one page: a page of small print has 10,000
MAX_HEADINGS = 30  # of one page
MAX_HEADING = 120  # characters
_LARGER = 1.15  # times the height of the page's usual line, from which a line is a heading
_MUCH = 0.2  # share of a page's characters
_MANY = 3  # lines
_LINES = 300  # of a page whose heights are asked for
_SAMPLE = 200  # characters that nearly always show whether there are any
_LEADERS = re.compile(r"\.{4}|(?:\. ){3}")  # of a table of contents
_LINE = re.compile(r"[^\r\n]+")


def pages(
    path: Path,
    *,
    password: str | None = None,
    first: int = 1,
    last: int | None = None,
    words: bool = False,
    watch: Callable[[int, int], None] | None = None,
) -> Generator[Record | Issue]:
    """Each page `first` to `last` (from 1) as a `Record`, or an `Issue` (`pdf.page`) where it can't be read.

    Fields: `page`, `text`, `width` and `height` in points as shown, `rotation` in degrees, `has_text` (a text layer),
    `headings` (lines in a larger font), and `words` where asked for: [text, x0, y0, x1, y1] in points from the top
    left corner. A page of more than `MAX_CHARACTERS` is cut, and followed by a warning (`pdf.page_cut`). Pages that
    only the file's `/Count` claims are one issue. Raises as `opened` does; `watch` is told (page, last page).
    """
    import pypdfium2

    with opened(path, password=password) as document:
        there, claimed = last_readable(document), len(document)
    end = there if last is None else min(last, there)
    for number, page in page_by_page(path, password=password, first=first, last=last):
        try:
            fields, cut = _fields(page, words=words) if page is not None else ({}, False)
        except pypdfium2.PdfiumError:
            fields, cut = {}, False
        yield Record(number, None, {"page": number} | fields) if fields else _issue(number, number)
        if cut:
            yield _cut(number)
        if watch:
            watch(number, end)
    if there < claimed and (last is None or last > there):
        yield _issue(max(first, there + 1), min(last or claimed, claimed))


def _fields(page: Any, *, words: bool) -> tuple[dict[str, Any], bool]:
    """A page's fields, and whether its text was cut."""
    width, height = page.get_size()
    text_page = page.get_textpage()
    try:
        count = text_page.count_chars()
        raw = text_page.get_text_range(0, min(count, MAX_CHARACTERS)) if count > 0 else ""
        frame = frame_of(page)
        boxes = words_of(page, text_page=text_page) if words else None
        gap = gap_of(text_page, frame, width=width) if count <= MAX_CHARACTERS else None
        lines = lines_in_order(boxes or words_of(page, text_page=text_page), gap) if gap else None
        if lines is None:
            text, headings = cleaned(raw), _headings(text_page, raw, count)
        else:
            text, headings = _text(lines), _larger([(line[0].size, _joined(line)) for line in lines])
            boxes = [word for line in lines for word in line] if words else None
    finally:
        text_page.close()
    fields = {
        "text": text,
        "width": round(width, 2),
        "height": round(height, 2),
        "rotation": frame.rotation,
        "has_text": visible(text[:_SAMPLE]) or visible(text),
        "headings": headings,
    }
    if boxes is not None:
        fields["words"] = [
            [text, round(x0, 2), round(y0, 2), round(x1, 2), round(y1, 2)] for text, x0, y0, x1, y1, *_ in boxes
        ]
    return fields, count > MAX_CHARACTERS


def _text(lines: Sequence[Sequence[Word]]) -> str:
    return cleaned("\n".join(map(_joined, lines)))


def _joined(line: Sequence[Word]) -> str:
    return " ".join(word.text for word in line)


def _headings(text_page: Any, raw: str, count: int) -> list[str]:
    """Lines in a larger font than the page's usual one."""
    if len(raw) != count:  # then places in the text are not places among the characters
        return []
    lines = list(islice(_LINE.finditer(raw), _LINES))
    heights = line_heights(text_page, [line.start() for line in lines])
    return _larger([(height, line[0]) for height, line in zip(heights, lines, strict=True)])


def _larger(lines: Sequence[tuple[float, str]]) -> list[str]:
    """Of lines with their heights, those that are higher than what the page's text is written in."""
    written: Counter[int] = Counter()  # tenths of points -> characters
    times: Counter[int] = Counter()  # the same -> lines
    for height, line in lines:
        tenths = int(height * 10)
        written[tenths] += len(line)
        times[tenths] += 1
    if len(written) < 2:
        return []
    # Of several fonts that much is written in, the largest is the text's, and a smaller one that of code or notes.
    share = written.total() * _MUCH
    texts = [height for height in written if written[height] >= share and times[height] >= _MANY]
    least = max(texts, default=max(written, key=lambda height: written[height])) / 10 * _LARGER
    found = (letters(line).strip() for height, line in lines if height > least)
    return [line for line in found if _is_title(line)][:MAX_HEADINGS]


def _is_title(line: str) -> bool:
    return len(line) <= MAX_HEADING and not _LEADERS.search(line) and any(char.isalpha() for char in line)


def _issue(first: int, last: int) -> Issue:
    which = f"Page {first}" if first == last else f"Pages {first} to {last}"
    message = f"{which} can not be read."
    return Issue(row=first, line=None, column=None, code="pdf.page", severity=Severity.ERROR, message=message)


def _cut(number: int) -> Issue:
    message = f"Page {number} has more than {MAX_CHARACTERS:,} characters; its text ends there."
    return Issue(row=number, line=None, column=None, code="pdf.page_cut", severity=Severity.WARNING, message=message)
