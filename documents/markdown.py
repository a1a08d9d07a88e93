"""A document as Markdown (CommonMark): its text page by page, with headings; nothing in it is markup by accident."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from documents.headings import Mark, finder

DEEPEST = 6  # Markdown has no deeper headings
_LARGER = 2  # level of a heading that only its font shows
# Whatever begins or ends a span, a link, HTML, an entity or a cell of a table, anywhere in a line. An underscore within
# a word is none of these: `part_no` stays as it is.
_INLINE = re.compile(r"[\\`*\[\]<|~]|&(?=#?\w{1,32};)|(?<!\w)_|_(?!\w)")
# Whatever makes a block when a line begins with it: headings, lists, quotes, rules, and underlines of headings.
_BLOCK = re.compile(r"(?:[#>=:]|[-+](?=[-\s]|$)|\d{1,9}(?=[.)](?:\s|$)))")
_LINE = re.compile(r"[^\n]+")


def markdown(pages: Iterable[Mapping[str, Any]], outline: Sequence[Mapping[str, Any]] = ()) -> Iterator[str]:
    """Pieces of the text, one for each page; a comment with its number opens each.

    A page has `page` (from 1), `text`, and maybe `headings` (lines in a larger font); an entry of the outline `title`,
    `page` and `level`. Where there is an outline, its entries are the headings, at the lines that say them; else lines
    in a larger font are, and as long as no page has had any, lines that look like headings.
    """
    marks_of = finder(outline)
    outlined = any(entry.get("page") for entry in outline)
    told = False  # whether a page told its larger lines; then nobody guesses any more
    for page in pages:
        text, number = page["text"] or "", page["page"]
        larger = page.get("headings") or ()
        told = told or bool(larger)
        marks = _larger(text, larger) if told and not outlined else marks_of(number, text)
        blocks = [f"<!-- page {number} -->", *_blocks(text, marks)]
        yield "\n\n".join(blocks) + "\n\n"


def escaped(line: str) -> str:
    """A line of text that Markdown shows as it is."""
    line = _INLINE.sub(_backslash, line.strip())
    block = _BLOCK.match(line)
    if not block:
        return line
    # A number is no punctuation: what follows it is escaped instead.
    at = block.end() if block[0].isdigit() else 0
    return f"{line[:at]}\\{line[at:]}"


def _backslash(found: re.Match[str]) -> str:
    return "\\" + found[0]


def _blocks(text: str, marks: Sequence[Mark]) -> Iterator[str]:
    """Headings and the paragraphs between them."""
    at = 0
    for mark in marks:
        yield from _paragraphs(text[at : mark.start])
        title = text[mark.start : mark.end].strip() or mark.path[-1]
        yield f"{'#' * min(len(mark.path), DEEPEST)} {_title(title)}"
        at = mark.end
    yield from _paragraphs(text[at:])


def _title(title: str) -> str:
    # A heading may end in marks that do not show: `# C #` is "C".
    shown = _INLINE.sub(_backslash, " ".join(title.split()))
    return shown[:-1] + "\\#" if shown.endswith("#") else shown


def _paragraphs(text: str) -> Iterator[str]:
    lines: list[str] = []
    for line in text.split("\n"):
        if line.strip():
            lines.append(escaped(line))
        elif lines:
            yield "\n".join(lines)
            lines = []
    if lines:
        yield "\n".join(lines)


def _larger(text: str, headings: Sequence[str]) -> list[Mark]:
    """The lines of `text` that are these headings, which come in the order of the lines."""
    found: list[Mark] = []
    waiting = list(reversed(headings))
    for match in _LINE.finditer(text):
        if not waiting:
            break
        if match[0].strip() == waiting[-1]:
            title = waiting.pop()
            found.append(Mark(match.start(), match.end(), ("",) * (_LARGER - 1) + (title,)))
    return found
