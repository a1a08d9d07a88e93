"""Small pictures from large ones: fitted into a square or covering it, never enlarged, at a flat cost of memory."""

from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from PIL.Image import Image

_GAP = 2.0  # a picture is first reduced by whole numbers to twice what is wanted, which costs little and can't be seen
_STRIP = 4_000_000  # pixels that are converted and reduced at a time


class Shape(StrEnum):
    """How a picture meets its square."""

    FIT = "fit"  # all of it is seen; the longer side has the square's length
    COVER = "cover"  # its middle fills the square


class Box(NamedTuple):
    """A part of a picture, in pixels."""

    left: int
    top: int
    right: int
    bottom: int


def final_size(size: tuple[int, int], side: int, *, shape: Shape) -> tuple[int, int]:
    """Width and height of a picture of `size` in a square of `side`; at least one pixel, and never enlarged."""
    width, height = size
    if shape is Shape.COVER:
        shorter = min(side, width, height)
        return shorter, shorter
    share = min(1.0, side / max(width, height))
    return max(1, round(width * share)), max(1, round(height * share))


def scaled(picture: "Image", side: int, *, shape: Shape, whole: tuple[int, int] | None = None) -> "Image":
    """`picture` in a square of `side` pixels; a new one, the old one stays.

    `whole`: width and height of what it was made from, where it is a smaller copy already, since those are exact.
    """
    from PIL.Image import Resampling

    size = final_size(whole or picture.size, side, shape=shape)
    box = seen(picture.size, shape)
    if size == (box.right - box.left, box.bottom - box.top):
        return picture.crop(box)
    return picture.resize(size, Resampling.LANCZOS, box=box, reducing_gap=3.0)


def seen(size: tuple[int, int], shape: Shape) -> Box:
    """What of a picture of that size is seen: all of it, or the square in its middle."""
    width, height = size
    if shape is Shape.FIT:
        return Box(0, 0, width, height)
    side = min(width, height)
    left, top = (width - side) // 2, (height - side) // 2
    return Box(left, top, left + side, top + side)


def draft_size(size: tuple[int, int], side: int, *, shapes: frozenset[Shape]) -> tuple[int, int]:
    """Least width and height that a decoder of fractions should give, so that every shape can be made of it well."""
    width, height = size
    shares = []
    for shape in shapes:
        box, final = seen(size, shape), final_size(size, side, shape=shape)
        shares.append(max(final[0] / (box.right - box.left), final[1] / (box.bottom - box.top)))
    share = max(shares) * _GAP
    return max(1, int(width * share)), max(1, int(height * share))


def reduced(picture: "Image", side: int, *, shape: Shape) -> "Image":
    """What is seen of a picture in plain mode (see `colors.plain`), at least twice as large as `scaled` makes it.

    What has to be converted goes through in strips: a whole second copy of a large picture would not fit.
    """
    from PIL import Image

    from pictures.colors import plain, prepared

    picture = prepared(picture)
    box, final = seen(picture.size, shape), final_size(picture.size, side, shape=shape)
    wide, high = box.right - box.left, box.bottom - box.top
    factor = int(min(wide / (final[0] * _GAP), high / (final[1] * _GAP)))  # one for both: the shape stays
    if factor <= 1:
        return plain(picture.crop(box) if shape is Shape.COVER else picture)
    if picture.mode in ("L", "RGB", "CMYK") and "transparency" not in picture.info:
        return picture.reduce(factor, box)  # in one go: nothing is copied on the way
    rows = max(1, _STRIP // (wide * factor)) * factor
    made: Image.Image | None = None
    for top in range(box.top, box.bottom, rows):
        strip = plain(picture.crop((box.left, top, box.right, min(top + rows, box.bottom))))
        strip = strip.reduce(factor)
        if made is None:
            made = Image.new(strip.mode, (-(-wide // factor), -(-high // factor)))
        made.paste(strip, (0, (top - box.top) // factor))
    assert made is not None
    return made
