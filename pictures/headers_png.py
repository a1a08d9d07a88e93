"""Headers of PNGs: size, frames, EXIF; texts, which may unpack to anything, are kept from the decoder (W3C PNG, 3rd edition)."""

import struct
from typing import BinaryIO

from pictures.formats import Format
from pictures.headers import MAX_COUNTED, MAX_EXIF, Cut, Header, Lying, exactly, joined, size_of

_MAX_CHUNKS = 200_000
_MAX_SMALL = 4 << 20  # bytes of a chunk that is no pixels
_NEEDED = frozenset({b"IHDR", b"PLTE", b"tRNS", b"iCCP", b"sRGB", b"gAMA", b"cHRM", b"IDAT", b"IEND"})


def read(file: BinaryIO) -> Header:
    """The header of a PNG; raises `Lying` and `Cut`."""
    size = size_of(file)
    exactly(file, 8)
    parts, dimensions, frames, exif, cut = [(0, 8)], None, 1, b"", True
    for _ in range(_MAX_CHUNKS):
        start = file.tell()
        head = file.read(8)
        if len(head) < 8:
            break
        length, name = struct.unpack(">I4s", head)
        if dimensions is None:
            if name != b"IHDR" or length != 13:
                raise Lying("It does not begin with its size.")
            dimensions = struct.unpack(">II", exactly(file, 8))
        elif name == b"acTL" and length >= 4:
            (frames,) = struct.unpack(">I", exactly(file, 4))
        elif name == b"eXIf" and length <= MAX_EXIF:
            exif = file.read(length)
        if name in _NEEDED and (name == b"IDAT" or length <= _MAX_SMALL):
            parts.append((start, min(length + 12, size - start)))
        if name == b"IEND":
            cut = False
            break
        file.seek(start + length + 12)
    else:
        raise Lying("It has too many chunks.")
    if dimensions is None:
        raise Cut
    width, height = dimensions
    frames = max(1, min(frames, MAX_COUNTED))
    return Header(Format.PNG, width, height, frames=frames, exif=exif, parts=joined(parts), cut=cut)
