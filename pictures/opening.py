"""Opens uploaded pictures for a decoder: size and shape checked before any pixel, and every failure has a name."""

import importlib
import io
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, NamedTuple, cast

from jobs.errors import HeavyliftError, InputError, UnreadableFile
from pictures.exif import Exif
from pictures.formats import DECODERS, MAX_PIXELS_PROGRESSIVE, MAX_PIXELS_RUNS, MAX_SCANS, MAX_SIDE, Format
from pictures.headers import Cut, Header, Lying, read_header
from pictures.spliced import Spliced

if TYPE_CHECKING:
    from PIL.ImageFile import ImageFile

_VIEWER = "Open it in a viewer and save it again."
_SMALLER = "Send a smaller copy."


class Opened(NamedTuple):
    """A picture whose pixels were not decoded yet; of use until it is closed."""

    picture: "ImageFile"
    header: Header
    exif: Exif


@contextmanager
def opened(path: Path, *, max_pixels: int | None = None) -> Iterator[Opened]:
    """The picture at `path`, its first frame, closed at the end. `max_pixels` lowers the limit of its format.

    Raises `InputError` (`image.too_large`) and `UnreadableFile` (`image.truncated`, `image.unreadable`). Whoever makes
    Pillow decode more of it does so inside `decoding`.
    """
    header = checked_header(path, max_pixels=max_pixels)
    limit = _limit(header, max_pixels)
    with ExitStack() as stack:
        stack.enter_context(_pillow(limit))
        file = stack.enter_context(path.open("rb"))
        with decoding(header):
            picture = _open(file, header)
        stack.callback(picture.close)
        width, height = picture.size
        _check(header._replace(width=width, height=height), limit)
        again = stack.enter_context(path.open("rb"))  # the decoder minds its own place in the file
        yield Opened(picture, header, _exif(header, picture, again))


def checked_header(path: Path, *, max_pixels: int | None = None) -> Header:
    """What the file says of itself, where it is within the limits; raises as `opened` does. Nothing is decoded."""
    try:
        header = read_header(path)
    except Cut:
        raise _truncated() from None
    except Lying as error:
        raise _unreadable(str(error)) from None
    bytes_ = path.stat().st_size
    most = DECODERS[header.format].max_bytes
    if bytes_ > most:
        message = f"The picture's file has {bytes_:,} bytes; a {header.format} may have {most:,}."
        raise InputError("image.too_large", message, hint=_SMALLER)
    if header.scans > MAX_SCANS:
        message = f"The JPEG is built up in {header.scans:,} scans; at most {MAX_SCANS} are decoded."
        raise InputError("image.too_large", message, hint=_VIEWER)
    if header.pixels or header.format is not Format.AVIF:
        _check(header, _limit(header, max_pixels))
    return header


@contextmanager
def decoding(header: Header) -> Iterator[None]:
    """Whatever Pillow raises inside becomes an error with a name; raises as `opened` does.

    Its decoders raise nearly every kind of exception for files that are damaged or lie, and out of memory they are only
    where a file asks for more than its header said: the limits of `formats` leave room for the rest.
    """
    from PIL import Image

    try:
        yield
    except HeavyliftError:
        raise
    except (MemoryError, Image.DecompressionBombWarning, Image.DecompressionBombError):
        message = "Something inside the picture is larger than a picture may be."
        raise InputError("image.too_large", message, hint=_SMALLER) from None
    except Exception as error:
        if header.cut or "truncated" in str(error).lower():
            raise _truncated() from error
        raise _unreadable(f"Its {header.format} decoder gives up.") from error


def _limit(header: Header, asked: int | None) -> int:
    most = DECODERS[header.format].max_pixels
    if header.buffered:
        most = MAX_PIXELS_PROGRESSIVE
    elif header.runs:
        most = MAX_PIXELS_RUNS
    return most if asked is None else min(most, asked)


def _check(header: Header, limit: int) -> None:
    if not header.pixels:
        raise _unreadable("It says that it has no pixels.")
    if header.pixels > limit or max(header.width, header.height) > MAX_SIDE:
        message = (
            f"The picture has {header.width:,} x {header.height:,} pixels; "
            f"one like it may have {limit / 1e6:g} million, and {MAX_SIDE:,} on a side."
        )
        raise InputError("image.too_large", message, hint=_SMALLER)


@contextmanager
def _pillow(limit: int) -> Iterator[None]:
    """Pillow with our limit of pixels, beyond which it raises; its other warnings say nothing to anybody."""
    from PIL import Image

    before = Image.MAX_IMAGE_PIXELS
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        Image.MAX_IMAGE_PIXELS = limit
        try:
            yield
        finally:
            Image.MAX_IMAGE_PIXELS = before


def _open(file: BinaryIO, header: Header) -> "ImageFile":
    from PIL import Image

    decoder = DECODERS[header.format]
    plugin = importlib.import_module(f"PIL.{decoder.module}")
    if header.format is Format.AVIF:
        vars(plugin)["DEFAULT_MAX_THREADS"] = 1  # each thread would take address space of its own
    file.seek(0)
    seen = file
    if header.parts is not None:
        seen = cast("BinaryIO", io.BufferedReader(Spliced(file, header.parts), 1 << 16))
    return Image.open(seen, formats=[decoder.name])


def _exif(header: Header, picture: "ImageFile", again: BinaryIO) -> Exif:
    """From the header; a TIFF is its own EXIF, and only its decoder finds an AVIF's."""
    if header.format is Format.TIFF:
        return Exif(again)
    raw = picture.info.get("exif", b"") if header.format is Format.AVIF else header.exif
    return Exif(raw.removeprefix(b"Exif\0\0"))


def _truncated() -> UnreadableFile:
    return UnreadableFile("image.truncated", "The picture is cut off: its file ends too early.", hint="Send it again.")


def _unreadable(why: str) -> UnreadableFile:
    return UnreadableFile("image.unreadable", f"The picture is damaged. {why}", hint=_VIEWER)
