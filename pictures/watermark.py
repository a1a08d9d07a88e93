"""A line of text over a picture, in the font that comes with Pillow."""

from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from PIL.Image import Image


class Placement(StrEnum):
    """Where the text stands."""

    CENTER = "center"
    TOP_LEFT = "top-left"
    TOP_RIGHT = "top-right"
    BOTTOM_LEFT = "bottom-left"
    BOTTOM_RIGHT = "bottom-right"


class Watermark(NamedTuple):
    """What is written over a picture."""

    text: str
    placement: Placement
    opacity: float  # 0 (not to be seen) to 1


_HEIGHT = 0.08  # of the letters, as a share of the picture's height
_WIDEST = 0.9  # of the text, as a share of the picture's width
_MARGIN = 0.03
_SMALLEST = 6  # pixels


def drawn(picture: "Image", mark: Watermark) -> "Image":
    """A copy of an RGB or RGBA picture with the text on it, white with a dark edge, as large as fits."""
    from PIL import Image, ImageDraw, ImageFont

    width, height = picture.size
    layer = Image.new("RGBA", picture.size, (0, 0, 0, 0))
    draw = ImageDraw.Draw(layer)
    size = max(_SMALLEST, height * _HEIGHT)
    edge = max(1, round(size / 16))
    wide = draw.textlength(mark.text, font=ImageFont.load_default(size))
    if wide > width * _WIDEST:
        size = max(_SMALLEST, size * width * _WIDEST / wide)
    font = ImageFont.load_default(size)
    left, top, right, bottom = draw.textbbox((0, 0), mark.text, font=font, stroke_width=edge)
    x, y = _corner(mark.placement, (width, height), (right - left, bottom - top))
    shade = round(255 * mark.opacity)
    place = (x - left, y - top)
    draw.text(place, mark.text, font=font, fill=(255, 255, 255, shade), stroke_width=edge, stroke_fill=(0, 0, 0, shade))
    made = Image.alpha_composite(picture.convert("RGBA"), layer)
    return made if picture.mode == "RGBA" else made.convert("RGB")


def _corner(placement: Placement, whole: tuple[int, int], text: tuple[float, float]) -> tuple[float, float]:
    """Where the text's upper left corner stands."""
    width, height = whole
    margin = min(whole) * _MARGIN
    if placement is Placement.CENTER:
        return (width - text[0]) / 2, (height - text[1]) / 2
    left = placement in {Placement.TOP_LEFT, Placement.BOTTOM_LEFT}
    top = placement in {Placement.TOP_LEFT, Placement.TOP_RIGHT}
    return margin if left else width - text[0] - margin, margin if top else height - text[1] - margin
