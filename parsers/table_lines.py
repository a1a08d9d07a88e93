"""The lines of a table as text: bounded whatever ends them, quoted cells that go over several lines put together."""

import csv
import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from jobs.errors import UnreadableFile
from parsers.encoding import CP1252, TextFacts, Watch, examine

MAX_LINE = 64 * 1024  # characters of one line
MAX_JOINED = 100  # lines that one quoted cell may go over
MAX_TRIES = 2000  # quoted cells without an end that are looked for in one file
_EVERY = 4096  # lines between two words on how far it is


class Line(NamedTuple):
    """One physical line; `text` is None where it is too long to be a row."""

    number: int  # 1-based
    text: str | None


class Broken(list[str]):
    """A row that could not be taken apart: no cells, but why."""

    def __init__(self, code: str, text: str | None = None) -> None:
        super().__init__()
        self.code = code
        self.text = text


class Mended(list[str]):
    """The cells of a row whose quotation marks do not pair up, read as they stand."""


Cells = tuple[int, list[str]]  # number of the line that a row begins on, its cells
Split = Callable[[str], list[str]]


def text_facts(path: Path, encoding: str | None) -> TextFacts:
    """What the file is made of; `encoding` is the caller's word for it.

    Raises `UnreadableFile` (`format.empty`) and `InputError` (`encoding.unknown`).
    """
    facts = examine(path, encoding=encoding)
    if not facts.size:
        raise UnreadableFile("format.empty", "The file is empty.")
    return facts


def lines_of(path: Path, facts: TextFacts, *, strict: bool = False, watch: Watch | None = None) -> Iterator[Line]:
    """The physical lines; memory stays flat even where nothing ends them. `strict`: the caller named the encoding.

    Raises `UnreadableFile` (`encoding.invalid`).
    """
    errors = "replace" if facts.encoding == CP1252 and not strict else "strict"
    with path.open("rb") as raw, io.TextIOWrapper(raw, facts.encoding, errors, newline=None) as text:
        number, inside = 0, False
        try:
            while line := text.readline(MAX_LINE):
                ends = line[-1] == "\n"
                if not inside:
                    number += 1
                    yield Line(number, line[:-1] if ends else line if len(line) < MAX_LINE else None)
                    if watch and number % _EVERY == 0:
                        watch(min(raw.tell(), facts.size), facts.size)
                inside = not ends
        except UnicodeError:
            message = f"The text is not {facts.encoding}, or it breaks off inside a character, behind line {number}."
            hint = "Name its encoding in options.encoding." if not strict else "Name another one, or none."
            raise UnreadableFile("encoding.invalid", message, hint=hint, line=number) from None
    if watch:
        watch(facts.size, facts.size)


def delimited(lines: Iterator[Line], delimiter: str) -> Iterator[Cells]:
    """Rows of cells parted by one character, quoted as CSV is where it is."""
    ahead: list[Line] = []  # lines that were read to find the end of a quoted cell, last first
    tries = 0
    while (line := ahead.pop() if ahead else next(lines, None)) is not None:
        number, text = line
        if text is None:
            yield number, Broken("row.too_long")
        elif not text:
            continue  # a file may hold millions
        elif '"' not in text:
            yield number, text.split(delimiter)
        elif (cells := _quoted(text, delimiter)) is not None:
            yield number, cells
        else:
            joined = None
            if tries < MAX_TRIES:
                joined, rest = _joined(text, lines, ahead, delimiter=delimiter)
                ahead = rest
                tries += joined is None
            yield number, joined if joined is not None else Mended(text.split(delimiter))


def split_by(lines: Iterator[Line], split: Split) -> Iterator[Cells]:
    """Rows of cells as `split` takes them from each line."""
    for number, text in lines:
        if text is None or text:
            yield number, Broken("row.too_long") if text is None else split(text)


def _quoted(text: str, delimiter: str) -> list[str] | None:
    """The cells of one line; None where a quoted cell does not end on it."""
    try:
        return next(csv.reader((text,), delimiter=delimiter, strict=True), [])
    except csv.Error as error:
        # Text behind a closing mark, as in `"2" wide`: read as it stands. NUL and the like: the same.
        return None if "unexpected end" in str(error) else Mended(text.split(delimiter))


def _joined(
    text: str, lines: Iterator[Line], ahead: list[Line], *, delimiter: str
) -> tuple[list[str] | None, list[Line]]:
    """The cells of a row that goes on over the next lines (None where it never ends), and the lines left over."""
    taken: list[Line] = []
    size = len(text)
    parts, marks = [text], text.count('"')
    while len(taken) < MAX_JOINED and (line := ahead.pop() if ahead else next(lines, None)) is not None:
        taken.append(line)
        if line.text is None or (size := size + len(line.text)) > MAX_LINE:
            break
        parts.append(line.text)
        marks += (more := line.text.count('"'))
        if more and marks % 2 == 0:  # each mark that opens has one that closes: only now can the row be whole
            cells = _quoted("\n".join(parts), delimiter)
            if cells is None or isinstance(cells, Mended):
                break
            return cells, ahead
    return None, [*ahead, *reversed(taken)]
