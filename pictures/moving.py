"""Animations: as many frames of a GIF or WebP as time, memory and patience allow, each scaled as it is decoded."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from jobs.errors import InputError
from pictures.colors import Warn, as_srgb, plain, quiet
from pictures.formats import Format
from pictures.opening import Opened, decoding
from pictures.reading import upright
from pictures.scaling import Shape, scaled
from pictures.writing import Moving

if TYPE_CHECKING:
    from PIL.Image import Image

MAX_FRAMES = 300
MAX_MILLISECONDS = 60_000  # of playing time
MAX_DECODED = 500_000_000  # pixels of all frames together, as they are in the file
_LEAST, _MOST = 20, 10_000  # milliseconds of a frame; browsers slow down what is faster
_USUAL = 100  # milliseconds, where a frame says nothing
_MOVING = frozenset({Format.GIF, Format.WEBP})


def moves(found: Opened) -> bool:
    """Whether the picture is an animation that is kept as one."""
    return found.header.format in _MOVING and found.header.frames > 1


def scaled_frames(found: Opened, side: int, *, shape: Shape, warn: Warn = quiet) -> Moving:
    """The animation in squares of `side` pixels: RGBA frames.

    Frames beyond the limits are left out, and so are those from the first damaged one on: warnings `image.frames` and
    `image.truncated`. Raises as `opening.opened` does where not even the first can be decoded.
    """
    frames: list[Image] = []
    milliseconds: list[int] = []
    room, broken = _frames_allowed(found), False
    try:
        for frame in _frames(found):
            if len(frames) >= room or sum(milliseconds) >= MAX_MILLISECONDS:
                count = f"{len(frames):,} of {found.header.frames:,}"
                warn("image.frames", f"Only the first {count} frames are kept: the animation is too long or too large.")
                break
            with decoding(found.header):
                small = scaled(plain(frame), side, shape=shape)
                small = as_srgb(small, found.picture.info.get("icc_profile"), warn=warn if not frames else quiet)
                small = upright(small, found.exif.orientation())
                small.info = {}
                frames.append(small.convert("RGBA"))
            milliseconds.append(_shown(frame))
        else:
            broken = found.header.cut
    except InputError:
        if not frames:
            raise
        broken = True
    if broken:
        warn("image.truncated", f"The animation is cut off or damaged; its first {len(frames):,} frames are kept.")
    loops = found.picture.info.get("loop", 1)
    return Moving(frames, milliseconds, loops if isinstance(loops, int) and 0 <= loops < 1 << 16 else 0)


def _frames_allowed(found: Opened) -> int:
    width, height = found.picture.size
    return max(1, min(MAX_FRAMES, MAX_DECODED // max(1, width * height)))


def _frames(found: Opened) -> "Iterator[Image]":
    number = 0
    while True:
        with decoding(found.header):
            try:
                found.picture.seek(number)
            except EOFError:
                return
            found.picture.load()
        yield found.picture
        number += 1


def _shown(frame: "Image") -> int:
    found = frame.info.get("duration", _USUAL)
    wanted = int(found) if isinstance(found, int | float) and found > 0 else _USUAL
    return min(max(wanted, _LEAST), _MOST)
