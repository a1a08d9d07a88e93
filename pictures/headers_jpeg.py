"""Headers of JPEGs: size, kind of coding, EXIF; all that their decoder needs not is kept from it (ITU-T T.81, annex B)."""

import struct
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

from pictures.formats import Format
from pictures.headers import Cut, Header, Lying, exactly, joined, size_of

_MAX_SEGMENTS = 10_000  # before the first scan
_MAX_PROFILE = 4 << 20  # bytes
_BLOCK = 1 << 20
_TAIL = 1 << 16  # bytes at the end in which the end marker should stand
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}  # start of frame; the others are tables
_SEQUENTIAL = frozenset(
    {0xC0, 0xC1}
)  # Huffman, one pass: these are decoded line by line where all components share a scan
_TRANSFORMED = frozenset(
    {0xC0, 0xC1, 0xC2, 0xC9, 0xCA}
)  # by cosines, so that a fraction of them gives a smaller picture
_NEEDED = _FRAMES | {0xC4, 0xCC, 0xDA, 0xDB, 0xDD, 0xE0, 0xEE}  # frames, tables, scan, restart, JFIF, Adobe
_ALONE = frozenset({0x01, 0xD8, *range(0xD0, 0xD8)})  # markers without a segment
_SCAN, _EXIF, _PROFILE = 0xDA, 0xE1, 0xE2
_LOOKED_AT = _FRAMES | {_SCAN, _EXIF, _PROFILE}


class _Segment(NamedTuple):
    marker: int
    start: int  # where its 0xFF stands
    end: int
    body: bytes


def read(file: BinaryIO) -> Header:
    """The header of a JPEG; raises `Lying` and `Cut`."""
    size = size_of(file)
    exactly(file, 2)
    segments = list(_segments(file))
    frames = [segment for segment in segments if segment.marker in _FRAMES]
    scan = segments[-1]
    if len(frames) != 1 or not scan.body:
        raise Lying("Its pixels have no header, or more than one.")
    width, height, components = _frame(frames[0].body)
    buffered = frames[0].marker not in _SEQUENTIAL or scan.body[0] != components
    seen = [(segment.start, segment.end - segment.start) for segment in _seen(segments)]
    exif = next((segment.body[6:] for segment in segments if _is(segment, _EXIF, b"Exif\0\0")), b"")
    return Header(
        Format.JPEG,
        width,
        height,
        fraction=frames[0].marker in _TRANSFORMED,
        buffered=buffered,
        scans=_scans(file) if buffered else 1,
        exif=exif,
        parts=joined([(0, 2), *seen, (scan.end, size - scan.end)]),
        cut=_has_no_end(file, size),
    )


def _segments(file: BinaryIO) -> Iterator[_Segment]:
    """All up to the first scan, with those bodies that are looked at."""
    for _ in range(_MAX_SEGMENTS):
        marker, start = _next_marker(file)
        if marker in _ALONE:
            continue
        (length,) = struct.unpack(">H", exactly(file, 2))
        body = exactly(file, max(0, length - 2))
        yield _Segment(marker, start, file.tell(), body if marker in _LOOKED_AT else b"")
        if marker == _SCAN:
            return
    raise Lying("Its pixels begin nowhere.")


def _seen(segments: list[_Segment]) -> Iterator[_Segment]:
    """What its decoder needs, and its color profile where that is no longer than one may be."""
    profile = 0
    for segment in segments:
        if _is(segment, _PROFILE, b"ICC_PROFILE\0"):
            profile += segment.end - segment.start
            if profile <= _MAX_PROFILE:
                yield segment
        elif segment.marker in _NEEDED:
            yield segment


def _is(segment: _Segment, marker: int, begin: bytes) -> bool:
    return segment.marker == marker and segment.body.startswith(begin)


def _next_marker(file: BinaryIO) -> tuple[int, int]:
    """The next marker and where its 0xFF stands; what lies before it is skipped, as decoders do."""
    seen = exactly(file, 1)
    while True:
        while seen != b"\xff":
            seen = exactly(file, 1)
        while seen == b"\xff":
            seen = exactly(file, 1)
        if seen != b"\0":
            break
    if seen == b"\xd9":
        raise Cut
    return seen[0], file.tell() - 2


def _frame(body: bytes) -> tuple[int, int, int]:
    """Width, height and how many components the frame has."""
    if len(body) < 6:
        raise Lying("The header of its pixels is too short.")
    _, height, width, components = struct.unpack_from(">BHHB", body)
    return width, height, components


def _scans(file: BinaryIO) -> int:
    """How many scans follow from here on: 0xFF 0xDA can't stand inside one."""
    count, last = 1, b""
    while block := file.read(_BLOCK):
        count += (last + block).count(b"\xff\xda")
        last = block[-1:] if block[-1:] == b"\xff" else b""
    return count


def _has_no_end(file: BinaryIO, size: int) -> bool:
    file.seek(max(0, size - _TAIL))
    return b"\xff\xd9" not in file.read(_TAIL)
