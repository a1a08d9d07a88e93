"""Headers of formats made of boxes in boxes: WebP (RFC 9649) and AVIF (ISO/IEC 23008-12, AV1 Image File Format)."""

import struct
from collections.abc import Iterator
from typing import BinaryIO

from pictures.formats import Format
from pictures.headers import MAX_COUNTED, MAX_EXIF, Cut, Header, Lying, exactly, size_of

_MAX_BOXES = 20_000
_WITH_BOXES = frozenset({b"meta", b"iprp", b"ipco"})  # on the way to the sizes of pictures
_DEPTH = 4


def webp(file: BinaryIO) -> Header:
    """The header of a WebP, its frames counted; raises `Lying` and `Cut`."""
    size = size_of(file)
    (claimed,) = struct.unpack("<4xI4x", exactly(file, 12))
    name, _ = struct.unpack("<4sI", exactly(file, 8))
    width, height = _webp_size(name, exactly(file, 10))
    frames, exif = 0, b""
    file.seek(12)
    for _ in range(_MAX_BOXES):
        head = file.read(8)
        if len(head) < 8:
            break
        name, length = struct.unpack("<4sI", head)
        here = file.tell()
        if name == b"ANMF":
            frames += 1
        elif name == b"EXIF" and length <= MAX_EXIF:
            exif = file.read(length).removeprefix(b"Exif\0\0")
        file.seek(here + length + length % 2)
    frames = max(1, min(frames, MAX_COUNTED))
    return Header(Format.WEBP, width, height, frames=frames, exif=exif, cut=claimed + 8 > size)


def _webp_size(name: bytes, body: bytes) -> tuple[int, int]:
    """Width and height from the first ten bytes of the first chunk."""
    if name == b"VP8X":
        return int.from_bytes(body[4:7], "little") + 1, int.from_bytes(body[7:10], "little") + 1
    if name == b"VP8L":
        bits = int.from_bytes(body[1:5], "little")
        return bits % (1 << 14) + 1, (bits >> 14) % (1 << 14) + 1
    if name == b"VP8 ":
        width, height = struct.unpack_from("<HH", body, 6)
        return width % (1 << 14), height % (1 << 14)
    raise Lying("Its first chunk is none that a WebP begins with.")


def avif(file: BinaryIO) -> Header:
    """The header of an AVIF: the largest size that any picture in it has; raises `Lying` and `Cut`."""
    size = size_of(file)
    width = height = 0
    cut = False
    for name, start, end in _boxes(file, 0, size, depth=_DEPTH):
        cut = cut or end > size
        if name == b"ispe" and end - start >= 12:
            file.seek(start + 4)
            wide, high = struct.unpack(">II", file.read(8).ljust(8, b"\0"))
            if wide * high > width * height:
                width, height = wide, high
    return Header(Format.AVIF, width, height, cut=cut)


def _boxes(file: BinaryIO, start: int, end: int, *, depth: int) -> Iterator[tuple[bytes, int, int]]:
    """Name, start and end of each box's content, boxes in boxes included; `Lying` where there are too many."""
    count = 0
    while start + 8 <= end:
        file.seek(start)
        head = file.read(16)
        if len(head) < 8:
            raise Cut
        length, name = struct.unpack_from(">I4s", head)
        first = start + 8
        if length == 1 and len(head) == 16:
            (length,), first = struct.unpack_from(">Q", head, 8), start + 16
        elif length == 0:
            length = end - start
        if length < first - start:
            raise Lying("A box in it is shorter than its own head.")
        yield name, first, start + length
        if name in _WITH_BOXES and depth:
            skipped = 4 if name == b"meta" else 0  # version and flags
            yield from _boxes(file, first + skipped, min(end, start + length), depth=depth - 1)
        start += length
        count += 1
        if count > _MAX_BOXES:
            raise Lying("It has too many boxes.")
