"""Headers of GIFs (CompuServe, GIF89a) and of Windows bitmaps (BITMAPINFOHEADER and OS/2's)."""

import struct
from typing import BinaryIO

from pictures.formats import Format
from pictures.headers import MAX_COUNTED, Cut, Header, Lying, exactly, size_of

_IMAGE, _EXTENSION, _TRAILER = 0x2C, 0x21, 0x3B
_MAX_BLOCKS = 100_000  # of a GIF: frames and extensions
_TABLE = 0x80  # flag: a table of colors follows
_RUNS = frozenset({1, 2})  # biCompression: RLE8, RLE4
_OS2 = 12  # bytes of its header


def gif(file: BinaryIO) -> Header:
    """The header of a GIF, its frames counted; raises `Lying` and `Cut`."""
    _, width, height, flags, _, _ = struct.unpack("<6sHHBBB", exactly(file, 13))
    frames, cut = 0, False
    try:
        _skip_table(file, flags)
        for _ in range(_MAX_BLOCKS):
            kind = exactly(file, 1)[0]
            if kind == _IMAGE:
                left, top, wide, high, flags = struct.unpack("<HHHHB", exactly(file, 9))
                if not frames:  # decoders enlarge the canvas by a first frame that is too large for it
                    width, height = max(width, left + wide), max(height, top + high)
                _skip_table(file, flags)
                exactly(file, 1)
                _skip_blocks(file)
                frames += 1
            elif kind == _EXTENSION:
                exactly(file, 1)
                _skip_blocks(file)
            if kind == _TRAILER or frames >= MAX_COUNTED:
                break
    except Cut:
        cut = True
    return Header(Format.GIF, width, height, frames=max(1, frames), cut=cut)


def _skip_table(file: BinaryIO, flags: int) -> None:
    if flags & _TABLE:
        exactly(file, 3 << (flags % 8 + 1))


def _skip_blocks(file: BinaryIO) -> None:
    while length := exactly(file, 1)[0]:
        exactly(file, length)


def bmp(file: BinaryIO) -> Header:
    """The header of a bitmap; raises `Lying` and `Cut`."""
    size = size_of(file)
    exactly(file, 10)
    start, length = struct.unpack("<II", exactly(file, 8))
    bits, coding = 0, 0
    if length == _OS2:
        width, height, _, bits = struct.unpack("<HHHH", exactly(file, 8))
    elif length >= 16:
        width, height, _, bits = struct.unpack("<iiHH", exactly(file, 12))
        coding = struct.unpack("<I", exactly(file, 4))[0] if length >= 20 else 0
    else:
        raise Lying("Its header has no known length.")
    width, height, runs = abs(width), abs(height), coding in _RUNS
    expected = 0 if runs else (width * bits + 31) // 32 * 4 * height
    return Header(Format.BMP, width, height, runs=runs, cut=start + expected > size)
