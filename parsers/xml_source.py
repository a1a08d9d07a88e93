"""An XML file as chunks of UTF-8 that a strict parser takes: junk cut, odd encodings read, each bare & repaired."""

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from parsers.encoding import CHUNK, CP1252, HEAD, TextFacts, Watch, decoded_head, examine
from parsers.xml_head import XmlHead, xml_head

# A token that matters to the repair is never longer than this; what may still be growing is held back.
_LONGEST = 16
_TOKENS = re.compile(
    rb"&(?!(?:amp|lt|gt|quot|apos|#[0-9]{1,7}|#x[0-9A-Fa-f]{1,6});)|<!\[CDATA\[|<!--|<\?|<!DOCTYPE", re.IGNORECASE
)
_CLOSERS = {b"<![CDATA[": b"]]>", b"<!--": b"-->", b"<?": b"?>", b"<!DOCTYPE": b">"}
_EIGHT_BIT = re.compile(r"(?:iso[-_]?8859[-_]?|windows[-_]?125|cp[-_]?125|latin[-_]?|koi8)\w*", re.ASCII)


class Repair:
    """Replaces each bare & outside CDATA, comments and the prolog, chunk by chunk."""

    def __init__(self) -> None:
        self.lines: list[int] = []  # of repaired places not yet reported; whoever reports them empties it
        self._line = 1
        self._held = b""
        self._closer: bytes | None = None  # inside a comment, CDATA...: what ends it

    def feed(self, chunk: bytes, *, last: bool = False) -> bytes:
        """`chunk` repaired, as far as it can be told yet; with `last`, all that is left."""
        data = self._held + chunk
        limit = len(data) if last else len(data) - _LONGEST
        out: list[bytes] = []
        sent = at = 0
        while at < limit:
            if self._closer:
                at = self._to_close(data, at, limit)
                continue
            token = _TOKENS.search(data, at)
            if token is None or token.start() >= limit:
                at = limit
            elif token[0] == b"&":
                out += (data[sent : token.start()], b"&amp;")
                self._line += data.count(b"\n", sent, token.start())
                self.lines.append(self._line)
                sent = at = token.end()
            else:
                self._closer = _CLOSERS[token[0].upper()]
                at = token.end()
        out.append(data[sent:at])
        self._line += data.count(b"\n", sent, at)
        self._held = data[at:]
        return b"".join(out)

    def _to_close(self, data: bytes, at: int, limit: int) -> int:
        """Where reading goes on: behind the closer, or at `limit` where it lies further on."""
        closer = self._closer or b""
        end = data.find(closer, at)
        if end < 0 or end >= limit:
            return limit
        self._closer = None
        return end + len(closer)


@dataclass(frozen=True, slots=True, kw_only=True)
class XmlSource:
    """How one file is fed to the parser."""

    path: Path
    facts: TextFacts
    head: XmlHead | None  # None: no markup at all
    blank: bool  # nothing but white space, as far as the head goes
    recoded_from: str | None  # the codec that we read it with; None: bytes go through as they are
    override: str | None  # the encoding that the parser is told; None: it believes the declaration
    sound: bool  # what is fed is in that encoding for sure
    lines_before: int  # lines of junk that are cut off before the first `<`
    repair: Repair | None  # where something looks like a bare &

    def chunks(self, watch: Watch | None) -> Iterator[bytes]:
        """The document, junk cut off, in UTF-8 or as declared; every bare & repaired."""
        for chunk in self._recoded(watch):
            yield self.repair.feed(chunk) if self.repair else chunk
        if self.repair:
            yield self.repair.feed(b"", last=True)

    def _recoded(self, watch: Watch | None) -> Iterator[bytes]:
        """The bytes in UTF-8; characters that the encoding does not have are replaced, not refused."""
        decoder = codecs.getincrementaldecoder(self.recoded_from)("replace") if self.recoded_from else None
        done, first = 0, True
        with self.path.open("rb") as file:
            while chunk := file.read(CHUNK):
                done += len(chunk)
                found = decoder.decode(chunk).encode("utf-8", "replace") if decoder else chunk
                yield found[found.find(b"<") :] if first else found
                first = False
                if watch:
                    watch(done, self.facts.size)


def open_xml(path: Path, *, encoding: str | None = None) -> XmlSource:
    """Look at the file once, and decide how it is to be read; `encoding` is the caller's word, which is taken."""
    facts = examine(path, encoding=encoding)
    with path.open("rb") as file:
        text = decoded_head(file.read(HEAD), encoding=facts.encoding if encoding else None)
    head = xml_head(text)
    recoded_from, override = _encodings(facts, head.encoding if head else None)
    if encoding:
        recoded_from, override = (None if facts.encoding == "utf-8-sig" else facts.encoding), "utf-8"
    return XmlSource(
        path=path,
        facts=facts,
        head=head,
        blank=not text.strip("\ufeff \t\r\n"),
        recoded_from=recoded_from,
        override=override,
        sound=recoded_from is not None or encoding is None,
        lines_before=text.count("\n", 0, head.start) if head else 0,
        repair=Repair() if facts.ampersand and override else None,
    )


def _encodings(facts: TextFacts, declared: str | None) -> tuple[str | None, str | None]:
    """What to read the bytes with, and what to tell the parser; many writers declare UTF-16 over UTF-8 bytes."""
    if facts.encoding.startswith("utf-16"):
        return facts.encoding, "utf-8"
    unicode_declared = declared is None or declared.startswith(("utf", "us-ascii", "ascii", "ucs"))
    if facts.ascii or (unicode_declared and facts.guessed_line is None):
        return None, "utf-8"
    if unicode_declared:
        return CP1252, "utf-8"
    return (declared, "utf-8") if declared and _readable(declared) else (None, None)


def _readable(declared: str) -> bool:
    """Whether Python reads that 8-bit encoding; all others are the parser's business."""
    if not _EIGHT_BIT.fullmatch(declared):
        return False
    try:
        codecs.lookup(declared)
    except LookupError:
        return False
    return True
