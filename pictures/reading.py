"""From an opened picture to upright sRGB pixels, as many as are wanted: draft, decode, reduce, manage, scale, turn."""

from typing import TYPE_CHECKING

from pictures.colors import Warn, as_srgb, quiet, without_idle_alpha
from pictures.formats import Format
from pictures.opening import Opened, decoding
from pictures.scaling import Shape, draft_size, reduced, scaled

if TYPE_CHECKING:
    from PIL.Image import Image


def pictures(found: Opened, side: int, *, shapes: frozenset[Shape], warn: Warn = quiet) -> "dict[Shape, Image]":
    """The picture in a square of `side` pixels, in each shape, decoded once: RGB or RGBA, upright.

    Raises as `opening.opened` does; warns of `image.profile`.
    """
    picture = found.picture
    with decoding(found.header):
        whole = picture.size
        if found.header.fraction:
            picture.draft(None, draft_size(whole, side, shapes=shapes))
        picture.load()
        turn = found.exif.orientation()
        if found.header.format is Format.TIFF:  # Pillow turns it itself
            whole, turn = picture.size, 1
        return {shape: _picture(picture, side, shape=shape, whole=whole, turn=turn, warn=warn) for shape in shapes}


def _picture(picture: "Image", side: int, *, shape: Shape, whole: tuple[int, int], turn: int, warn: Warn) -> "Image":
    profile = picture.info.get("icc_profile")
    small = as_srgb(reduced(picture, side, shape=shape), profile, warn=warn)
    small = scaled(without_idle_alpha(small), side, shape=shape, whole=whole)
    small = upright(small, turn)
    small.info = {}  # nothing that the file said goes on into what is written
    return small


def upright_size(found: Opened) -> tuple[int, int]:
    """Width and height of the picture as it is to be seen."""
    header = found.header
    # A draft changes the first one's size in Pillow, and Pillow turns the second one itself.
    stored = header.format in {Format.JPEG, Format.TIFF}
    width, height = (header.width, header.height) if stored else found.picture.size
    return (height, width) if found.exif.orientation() >= 5 else (width, height)


def upright(picture: "Image", orientation: int) -> "Image":
    """The picture as it is to be seen; `orientation` as EXIF numbers it: 1 is upright."""
    from PIL.Image import Transpose

    turn = {
        2: Transpose.FLIP_LEFT_RIGHT,
        3: Transpose.ROTATE_180,
        4: Transpose.FLIP_TOP_BOTTOM,
        5: Transpose.TRANSPOSE,
        6: Transpose.ROTATE_270,
        7: Transpose.TRANSVERSE,
        8: Transpose.ROTATE_90,
    }.get(orientation)
    return picture if turn is None else picture.transpose(turn)
