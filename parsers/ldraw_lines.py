"""The lines of an LDraw file as bytes, many at a time: whatever ends them, and however long one is."""

import codecs
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

from jobs.errors import UnreadableFile
from parsers.encoding import CHUNK, Watch, marked_encoding, text_codec

MAX_LINE = 64 * 1024  # bytes; a longer line is told by None


def file_chunks(path: Path, *, watch: Watch | None, encoding: str | None) -> Iterator[bytes]:
    """The file's bytes; in UTF-8 where it is UTF-16, or where the caller names its `encoding`."""
    size = path.stat().st_size
    with path.open("rb") as file:
        marked = marked_encoding(file.read(4)) or ""
        file.seek(0)
        recoded = text_codec(encoding) if encoding else (marked if marked.startswith("utf-16") else None)
        for chunk in _recoded(file, recoded) if recoded else iter(lambda: file.read(CHUNK), b""):
            yield chunk
            if watch:
                watch(file.tell(), size)


def _recoded(file: BinaryIO, encoding: str) -> Iterator[bytes]:
    decoder = codecs.getincrementaldecoder(encoding)()
    try:
        while chunk := file.read(CHUNK):
            yield decoder.decode(chunk).encode("utf-8", "replace")
        yield decoder.decode(b"", final=True).encode("utf-8", "replace")
    except UnicodeError:
        raise UnreadableFile("encoding.invalid", f"The text can not be read as {encoding}.") from None


def blocks(chunks: Iterable[bytes]) -> Iterator[tuple[int, list[bytes | None]]]:
    """Runs of whole lines without their ends, with the number of the first; None stands for a line that is too long."""
    held, number = b"", 1
    skipping = cut = False  # inside a line that is too long; behind a carriage return that may have half an end
    for raw in chunks:
        chunk = raw[1:] if cut and raw.startswith(b"\n") else raw
        cut = raw.endswith(b"\r") if raw else cut
        if b"\r" in chunk:
            chunk = chunk.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        lines: list[bytes | None] = [*(held + chunk).split(b"\n")]
        held = lines.pop() or b""
        if skipping and lines:
            lines[0], skipping = None, False
        if skipping or len(held) > MAX_LINE:
            held, skipping = b"", True
        if lines:
            yield number, lines
            number += len(lines)
    if held or skipping:
        yield number, [None if skipping else held]
