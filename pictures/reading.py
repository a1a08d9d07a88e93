"""From an opened picture to upright sRGB pixels, not many more than are wanted: draft, decode, reduce, manage, turn."""

from typing import TYPE_CHECKING

from pictures.colors import Warn, as_srgb, quiet, without_idle_alpha
from pictures.formats import Format
from pictures.opening import Opened, decoding
from pictures.scaling import Shape, draft_size, reduced

if TYPE_CHECKING:
    from PIL.Image import Image


def masters(found: Opened, side: int, *, shapes: frozenset[Shape], warn: Warn = quiet) -> "dict[Shape, Image]":
    """The picture, decoded once, for each shape: RGB or RGBA, upright, and large enough for `scaled(..., side)`.

    Raises as `opening.opened` does; warns of `image.profile`.
    """
    picture = found.picture
    with decoding(found.header):
        if found.header.fraction:
            picture.draft(None, draft_size(picture.size, side, shapes=shapes))
        picture.load()
        # Pillow turns a TIFF upright itself.
        orientation = 1 if found.header.format is Format.TIFF else found.exif.orientation()
        return {shape: _master(picture, side, shape, orientation=orientation, warn=warn) for shape in shapes}


def _master(picture: "Image", side: int, shape: Shape, *, orientation: int, warn: Warn) -> "Image":
    small = reduced(picture, side, shape=shape)
    made = without_idle_alpha(as_srgb(small, picture.info.get("icc_profile"), warn=warn))
    made = upright(made, orientation)
    if made is picture:
        made = made.copy()
    made.info = {}  # nothing that the file said goes on into what is written
    return made


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
