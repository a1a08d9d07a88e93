"""The lines of a text file by the block, which is the fast way to read millions of them; memory stays flat."""

import codecs
import io
from collections.abc import Iterator
from pathlib import Path

from jobs.errors import UnreadableFile
from parsers.encoding import CP1252, TextFacts, Watch

MAX_LINE = 64 * 1024  # characters of one line; of a longer one only the beginning is handed on
_BLOCK = 64 * 1024  # bytes


def blocks(path: Path, facts: TextFacts, *, watch: Watch | None) -> Iterator[tuple[int, list[str]]]:
    """Number of the first line, and the lines behind one another, whatever ends them; none holds its end.

    A line longer than `MAX_LINE` is handed on with more characters than that, so that it can be told.
    Raises `UnreadableFile` (`encoding.invalid`).
    """
    errors = "replace" if facts.encoding == CP1252 else "strict"
    decoder = io.IncrementalNewlineDecoder(codecs.getincrementaldecoder(facts.encoding)(errors), translate=True)
    number, held, done = 1, "", 0
    with path.open("rb") as file:
        while True:
            block = file.read(_BLOCK)
            try:
                text = decoder.decode(block, final=not block)
            except UnicodeError:
                message = f"The text breaks off inside a character behind line {number}."
                raise UnreadableFile("encoding.invalid", message, line=number) from None
            lines = (held + text).split("\n")
            held = lines.pop()
            if not block:
                break
            if len(held) > MAX_LINE:
                held = held[: MAX_LINE + 1]
            if lines:
                yield number, lines
                number += len(lines)
            done += len(block)
            if watch:
                watch(min(done, facts.size), facts.size)
    lines.append(held)
    if len(lines) > 1 or held:
        yield number, lines if held else lines[:-1]
