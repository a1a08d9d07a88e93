"""What a picture's file says of itself before any pixel is decoded: format, size, frames, and where its EXIF lies."""

from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, NamedTuple

from pictures.formats import Format

Parts = tuple[tuple[int, int], ...]  # (offset, bytes) of a file, in order
MAX_EXIF = 1 << 20  # bytes
MAX_COUNTED = 10_000  # frames or pages; more are not counted


class Lying(Exception):
    """The header contradicts itself or its format; the message says how. Becomes `image.unreadable`."""


class Cut(Exception):
    """The file ends inside its header. Becomes `image.truncated`."""


class Header(NamedTuple):
    """What is known of a picture before its decoder sees it."""

    format: Format
    width: int  # as stored, before any orientation; 0: only the decoder can tell
    height: int
    frames: int = 1  # or pages; at most MAX_COUNTED
    fraction: bool = False  # it can be decoded at a half, quarter or eighth of its size
    buffered: bool = False  # its decoder keeps the whole of it before it gives any pixel: a progressive JPEG
    scans: int = 1  # of such a JPEG
    runs: bool = False  # a BMP of run lengths
    exif: bytes = b""  # the TIFF structure that EXIF is; of a TIFF its file
    parts: Parts | None = None  # what its decoder may see; None: the whole file
    cut: bool = False  # the file is shorter than it should be

    @property
    def pixels(self) -> int:
        """Of one frame."""
        return self.width * self.height


def read_header(path: Path) -> Header:
    """The header of the picture at `path`; raises `Lying`, `Cut`, and `OSError` where the file can't be read."""
    with path.open("rb") as file:
        found = format_of(file.read(32))
        if found is None:
            raise Lying("Its first bytes are of no picture that is read here.")
        file.seek(0)
        return _readers()[found](file)


def format_of(head: bytes) -> Format | None:
    """The format of the file that begins with `head` (32 bytes are enough); None: none that is read here."""
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return Format.WEBP
    if head[4:8] == b"ftyp":
        return Format.AVIF
    return next((known for magic, known in _MAGIC if head.startswith(magic)), None)


_MAGIC = (
    (b"\xff\xd8\xff", Format.JPEG),
    (b"\x89PNG\r\n\x1a\n", Format.PNG),
    (b"GIF87a", Format.GIF),
    (b"GIF89a", Format.GIF),
    (b"II*\0", Format.TIFF),
    (b"MM\0*", Format.TIFF),
    (b"II+\0", Format.TIFF),  # BigTIFF
    (b"MM\0+", Format.TIFF),
    (b"BM", Format.BMP),
)


def _readers() -> dict[Format, Callable[[BinaryIO], Header]]:
    from pictures import headers_boxed, headers_jpeg, headers_plain, headers_png, headers_tiff

    return {
        Format.JPEG: headers_jpeg.read,
        Format.PNG: headers_png.read,
        Format.WEBP: headers_boxed.webp,
        Format.AVIF: headers_boxed.avif,
        Format.GIF: headers_plain.gif,
        Format.BMP: headers_plain.bmp,
        Format.TIFF: headers_tiff.read,
    }


def exactly(file: BinaryIO, count: int) -> bytes:
    """The next `count` bytes; raises `Cut` where there are fewer."""
    found = file.read(count)
    if len(found) < count:
        raise Cut
    return found


def size_of(file: BinaryIO) -> int:
    """Bytes of the file; the position stays."""
    here = file.tell()
    end = file.seek(0, 2)
    file.seek(here)
    return end


def joined(parts: list[tuple[int, int]]) -> Parts:
    """The same parts with neighbours made one."""
    found: list[tuple[int, int]] = []
    for offset, length in parts:
        if found and sum(found[-1]) == offset:
            found[-1] = (found[-1][0], found[-1][1] + length)
        else:
            found.append((offset, length))
    return tuple(found)
