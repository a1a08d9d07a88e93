"""Which encoding a text file is in: byte-order mark, then strict UTF-8, else Windows-1252 and say so."""

import codecs
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from jobs.errors import InputError

CHUNK = 256 * 1024  # bytes read at a time; bounds memory, and is how often progress is told
HEAD = 64 * 1024  # bytes that a sniffer may look at

# Never misses a bare &; one that a chunk's edge cuts in two only looks bare, which costs a little time.
CP1252 = "cp1252"
_BARE = re.compile(rb"&(?!(?:amp|lt|gt|quot|apos|#[0-9]{1,7}|#x[0-9A-Fa-f]{1,6});)")
_MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))

# Codecs of written text. Others (`idna`, `unicode_escape`, ...) are slow or turn text into something else.
_TEXT_CODECS = re.compile(
    r"ascii|utf-?(?:8(?:-sig)?|16(?:-[bl]e)?|32(?:-[bl]e)?)|cp\d{3,4}|iso8859-\d{1,2}|koi8-[rtu]|mac-[a-z]+|"
    r"gb2312|gbk|gb18030|big5(?:hkscs)?|euc_[a-z]+|shift_jis(?:_2004|x0213)?|hz|johab|tis-620|kz1048|ptcp154"
)

Watch = Callable[[int, int], None]  # told (bytes read, size of the file) while a parser reads


@dataclass(frozen=True, slots=True, kw_only=True)
class TextFacts:
    """What one pass over the bytes tells about a text file."""

    size: int  # bytes
    encoding: str  # a Python codec that reads it
    ascii: bool  # nothing but ASCII: every usual encoding reads it alike
    guessed_line: int | None  # line of the first byte that is not UTF-8, where cp1252 is a guess
    ampersand: bool  # holds an & that may not be the start of an entity


def marked_encoding(head: bytes) -> str | None:
    """The encoding that the first bytes give away: a byte-order mark, or UTF-16 without one."""
    for mark, name in _MARKS:
        if head.startswith(mark):
            return name
    if len(head) >= 4 and head[0] and head[2] and head[1] == head[3] == 0:
        return "utf-16-le"
    if len(head) >= 4 and head[1] and head[3] and head[0] == head[2] == 0:
        return "utf-16-be"
    return None


def decoded_head(head: bytes, *, encoding: str | None = None) -> str:
    """The first bytes of a file as text, with its byte-order mark and a cut last character dropped.

    `encoding` is what is known already; else it is found out.
    """
    encoding = encoding or marked_encoding(head)
    if encoding is None:
        try:
            return codecs.getincrementaldecoder("utf-8")().decode(head)
        except UnicodeDecodeError:
            return head.decode(CP1252, "replace")
    return codecs.getincrementaldecoder(ordered(encoding, head))("replace").decode(head)


def ordered(encoding: str, head: bytes) -> str:
    """The codec with its order of bytes, where the caller's word leaves that open and no mark tells it either."""
    marks = {"utf-16": (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE), "utf-32": (codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)}
    if encoding not in marks or head.startswith(marks[encoding]):
        return encoding
    return "utf-16-be" if encoding == "utf-16" and marked_encoding(head) == "utf-16-be" else f"{encoding}-le"


def examine(path: Path, *, encoding: str | None = None) -> TextFacts:
    """One pass at disk speed over the file; memory stays flat. `encoding` is the caller's word, which is taken.

    Raises `InputError` (`encoding.unknown`) where that names no encoding of text.
    """
    wished = text_codec(encoding) if encoding else None
    decoder = codecs.getincrementaldecoder("utf-8")()
    size, lines, bad_line, marked = 0, 0, None, None
    head = b""
    plain, ampersand = True, False
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            if not size:
                head, marked = chunk[:4], marked_encoding(chunk)
            size += len(chunk)
            ampersand = ampersand or _BARE.search(chunk) is not None
            pending = decoder.getstate()[0]
            if bad_line is None and (pending or not chunk.isascii()):
                plain = False
                try:
                    decoder.decode(chunk)
                except UnicodeDecodeError as error:
                    bad_line = lines + 1 + chunk.count(b"\n", 0, max(0, error.start - len(pending)))
            lines += chunk.count(b"\n")
    if wished:
        encoding = "utf-8-sig" if wished == "utf-8" else ordered(wished, head)
        return TextFacts(size=size, encoding=encoding, ascii=plain, guessed_line=None, ampersand=ampersand)
    if marked and marked.startswith("utf-16"):
        return TextFacts(size=size, encoding=marked, ascii=False, guessed_line=None, ampersand=ampersand)
    if bad_line is None and decoder.getstate()[0]:
        bad_line = lines + 1  # the file ends inside a character
    encoding = "utf-8-sig" if bad_line is None else CP1252
    return TextFacts(size=size, encoding=encoding, ascii=plain, guessed_line=bad_line, ampersand=ampersand)


def text_codec(name: str) -> str:
    """The Python codec of that name; `InputError` (`encoding.unknown`) where none of text files has it."""
    try:
        found = codecs.lookup(name.strip())
    except (LookupError, ValueError):
        found = None
    if found is None or not _TEXT_CODECS.fullmatch(found.name):
        hint = "Use a name such as utf-8, cp1252, iso-8859-2, utf-16, gb18030 or shift_jis."
        raise InputError("encoding.unknown", f"There is no text encoding named {name[:40]!r}.", hint=hint)
    return found.name
