"""Pixel sizes of pictures from their headers alone: PNG, JPEG and WebP, without a decoder.

PNG (RFC 2083, section 4.1.1), JPEG (ITU T.81, annex B.2.2), WebP (developers.google.com/speed/webp/docs/riff_container).
"""

import struct

from jobs.errors import InputError

HEAD = 256 * 1024  # bytes that hold the size of nearly every JPEG, behind its camera's notes
MAX_PIXELS = 100_000_000  # of one texture
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}  # JPEG markers that begin a frame
_BARE = frozenset({0x01, *range(0xD0, 0xD9)})  # JPEG markers without a length


def picture_size(head: bytes) -> tuple[int, int] | None:
    """Width and height in pixels of the picture that begins with `head`; None where the header does not show them."""
    if head[:8] == b"\x89PNG\r\n\x1a\n" and head[12:16] == b"IHDR" and len(head) >= 24:
        width, height = struct.unpack_from(">II", head, 16)
        return int(width), int(height)
    if head[:2] == b"\xff\xd8":
        return _jpeg_size(head)
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP" and len(head) >= 30:
        return _webp_size(head)
    return None


def check_picture(head: bytes) -> None:
    """Raise `InputError` (`limit.pixels`) where the picture would unpack to more than `MAX_PIXELS`."""
    size = picture_size(head)
    if size and size[0] * size[1] > MAX_PIXELS:
        message = f"A texture has {size[0]} x {size[1]} pixels; at most {MAX_PIXELS} pixels are decoded."
        raise InputError("limit.pixels", message, hint="Make the texture smaller.")


def _jpeg_size(head: bytes) -> tuple[int, int] | None:
    at = 2
    while at + 9 <= len(head) and head[at] == 0xFF:
        marker = head[at + 1]
        if marker in _FRAMES:
            height, width = struct.unpack_from(">HH", head, at + 5)
            return int(width), int(height)
        at += 1 if marker == 0xFF else 2
        if marker != 0xFF and marker not in _BARE:
            at += struct.unpack_from(">H", head, at)[0]
    return None


def _webp_size(head: bytes) -> tuple[int, int] | None:
    form = head[12:16]
    if form == b"VP8X":
        return 1 + int.from_bytes(head[24:27], "little"), 1 + int.from_bytes(head[27:30], "little")
    if form == b"VP8L":
        bits = int.from_bytes(head[21:25], "little")
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    if form == b"VP8 ":
        width, height = struct.unpack_from("<HH", head, 26)
        return width & 0x3FFF, height & 0x3FFF
    return None
