"""What a picture looks like, in few bytes: blurhash, dominant colors, average color, and a hash that survives scaling."""

import hashlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from PIL.Image import Image

SIDE = 128  # pixels of the longer side that these are computed from
_BLUR = 32  # pixels of the longer side for the blurhash
_HASH = 8  # rows and columns of differences
_COLORS = 5
_SEEN = 128  # alpha from which a pixel counts


def looks(picture: "Image") -> dict[str, Any]:
    """Of an RGB or RGBA picture, as JSON: `blurhash`, `dominant_colors` (hex and share, most first), `average_color`,
    `perceptual_hash`, `has_alpha`. The same pixels give the same answer everywhere.
    """
    from PIL.Image import Resampling

    small = picture.copy()
    small.thumbnail((SIDE, SIDE), Resampling.BOX)
    flat = on_white(small)
    return {
        "has_alpha": small.mode == "RGBA",
        "blurhash": blurhash(flat),
        "average_color": _average(flat),
        "dominant_colors": dominant_colors(small),
        "perceptual_hash": perceptual_hash(flat),
    }


def on_white(picture: "Image") -> "Image":
    """RGB; what is transparent shows white paper."""
    from PIL import Image

    if picture.mode != "RGBA":
        return picture.convert("RGB")
    paper = Image.new("RGBA", picture.size, (255, 255, 255, 255))
    return Image.alpha_composite(paper, picture).convert("RGB")


def blurhash(picture: "Image") -> str:
    """The picture as a blurhash (Wolt's algorithm) of 4 x 3 waves, 3 x 4 where it is upright."""
    from blurhash_rs import blurhash_encode
    from PIL.Image import Resampling

    small = picture.copy()
    small.thumbnail((_BLUR, _BLUR), Resampling.BOX)
    across, down = (4, 3) if small.width >= small.height else (3, 4)
    return blurhash_encode(small, across, down)


def perceptual_hash(picture: "Image") -> str:
    """A dHash of 64 bits as 16 hex digits: on a gray copy of 9 x 8 pixels, a bit is 1 where a pixel is lighter than its
    right neighbour; rows from the top, the highest bit first. Pictures that look alike differ in few bits (seven at most).
    """
    from PIL.Image import Resampling

    gray = picture.convert("L").resize((_HASH + 1, _HASH), Resampling.BOX).tobytes()
    bits = 0
    for row in range(_HASH):
        for column in range(_HASH):
            at = row * (_HASH + 1) + column
            bits = bits << 1 | (gray[at] > gray[at + 1])
    return f"{bits:016x}"


def picture_hash(small: "Image", *, size: tuple[int, int]) -> str:
    """A SHA-256 in hex that copies of one picture share, whatever lossless format and metadata they have.

    Of its `size` and its pixels as `SIDE` shows them: a change that no average of some hundred pixels tells is not told.
    """
    head = f"{small.mode} {size[0]}x{size[1]} {small.width}x{small.height} "
    return hashlib.sha256(head.encode() + small.tobytes()).hexdigest()


def dominant_colors(picture: "Image") -> list[dict[str, Any]]:
    """Up to five colors with their share of the visible pixels, most first: median cut, colors of one look merged."""
    from PIL import Image

    visible = picture.convert("RGBA")
    pixels = visible.tobytes()
    alpha = pixels[3::4]
    kept = bytearray()
    for at, seen in enumerate(alpha):
        if seen >= _SEEN:
            kept += pixels[at * 4 : at * 4 + 3]
    count = len(kept) // 3
    if not count:
        return []
    row = Image.frombytes("RGB", (count, 1), bytes(kept))
    cut = row.quantize(_COLORS, Image.Quantize.MEDIANCUT, kmeans=0, dither=Image.Dither.NONE)
    palette = cut.getpalette() or []
    found: dict[str, int] = {}
    colors: Any = cut.getcolors() or []
    for number, index in colors:
        name = _hex(palette[index * 3 : index * 3 + 3])
        found[name] = found.get(name, 0) + number
    ordered = sorted(found.items(), key=lambda item: (-item[1], item[0]))
    return [{"color": name, "share": round(number / count, 4)} for name, number in ordered]


def _average(picture: "Image") -> str:
    from PIL import ImageStat

    return _hex([round(value) for value in ImageStat.Stat(picture).mean])


def _hex(parts: list[int]) -> str:
    return "#" + "".join(f"{part:02x}" for part in parts)
