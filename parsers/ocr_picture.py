"""Makes a scan easy to read: gray, turned and straightened, its paper white and its ink black."""

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import numpy as np
    from PIL.Image import Image

_MOST_SKEW = 5.0  # degrees; more is no slip of the paper
_STEP, _FINE = 0.5, 0.1  # degrees
_SIDE = 800  # pixels of the longer side that are enough to see a slant
_POINTS = 40_000  # dark pixels looked at
_LEAST = 50  # dark pixels, of fewer nothing can be told
_CLEARER = 1.05  # times as clear lines as unturned, else the page stays as it is
_PAPER = 0.3  # of the way from paper to ink that still counts as paper: noise of a scanner ends there
_WHITE = 250  # shade of paper that needs nothing done: the page was never on a scanner
_SHADES = 256


class Upright(NamedTuple):
    """A picture that was turned, with what it takes to find places of it in the picture that it was made from."""

    picture: "Image"
    turn: int  # degrees clockwise: 0, 90, 180, 270
    skew: float  # degrees clockwise, turned further
    base: tuple[int, int]  # width and height before

    def place(self, x: float, y: float) -> tuple[float, float]:
        """Where a point of it lies in the picture before."""
        from math import cos, radians, sin

        angle = radians(self.turn + self.skew)
        # Both pictures turn around their centers; y points down, so that a positive angle is clockwise.
        right, down = x - self.picture.width / 2, y - self.picture.height / 2
        return (
            self.base[0] / 2 + right * cos(angle) + down * sin(angle),
            self.base[1] / 2 - right * sin(angle) + down * cos(angle),
        )


def grey(picture: "Image", *, longest: int) -> tuple["Image", float]:
    """The picture in shades of gray, on white where it is transparent, no side over `longest` pixels; and its scale."""
    from PIL import Image

    scale = min(1.0, longest / max(picture.size))
    if scale < 1:
        size = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
        picture = picture.resize(size, Image.Resampling.BOX, reducing_gap=2.0)
    if picture.has_transparency_data:
        picture = picture.convert("RGBA")
        white = Image.new("RGBA", picture.size, "white")
        picture = Image.alpha_composite(white, picture)
    return picture.convert("L"), scale


def straightened(base: "Image", *, turn: int) -> Upright:
    """A gray picture turned by so many degrees clockwise, then until its lines are level; with full contrast."""
    from PIL import Image

    turns = {90: Image.Transpose.ROTATE_270, 180: Image.Transpose.ROTATE_180, 270: Image.Transpose.ROTATE_90}
    turned = base.transpose(turns[turn]) if turn else base
    skew = slant(turned)
    if skew:
        turned = turned.rotate(-skew, resample=Image.Resampling.BICUBIC, expand=True, fillcolor=255)
    return Upright(contrasted(turned), turn, skew, base.size)


def slant(picture: "Image") -> float:
    """By how many degrees clockwise the picture has to be turned for its lines to be level; 0 where none can be seen.

    Dark pixels are counted along slanted rows: the counts of neighboring rows differ most where rows are lines of text
    (projection profiles; Postl, 1986).
    """
    import numpy as np

    found = _dark(picture)
    if found is None:
        return 0.0
    ys, xs = found

    def clearness(degrees: float) -> float:
        # Turned clockwise by so much, a point moves down by x times the tangent.
        rows = ys + xs * np.tan(np.radians(degrees))
        counts = np.bincount(np.rint(rows - rows.min()).astype(np.intp)).astype(np.float64)
        return float((np.diff(counts) ** 2).sum())

    coarse = max(np.arange(-_MOST_SKEW, _MOST_SKEW + _FINE, _STEP), key=clearness)
    best = round(float(max(np.arange(coarse - _STEP + _FINE, coarse + _STEP, _FINE), key=clearness)), 2)
    return best if clearness(best) > _CLEARER * clearness(0.0) else 0.0


def _dark(picture: "Image") -> "tuple[np.ndarray, np.ndarray] | None":
    """Rows and columns of the dark pixels of a small copy; None where there are too few."""
    import numpy as np
    from PIL import Image

    scale = _SIDE / max(picture.size)
    if scale < 1:
        size = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
        picture = picture.resize(size, Image.Resampling.BILINEAR, reducing_gap=2.0)
    ink = 255.0 - np.asarray(picture, dtype=np.float32)
    ys, xs = np.nonzero(ink > ink.mean() + ink.std())
    if len(ys) < _LEAST:
        return None
    every = np.linspace(0, len(ys) - 1, min(_POINTS, len(ys))).astype(np.intp)
    return ys[every], xs[every]


def contrasted(picture: "Image") -> "Image":
    """A gray picture whose ink becomes black and whose paper white, the noise on both gone; edges keep their shades.

    Ink and paper are told apart where the shades of both vary least (Otsu, 1979).
    """
    import numpy as np

    shades = np.arange(_SHADES)
    counts = np.asarray(picture.histogram(), dtype=np.float64)
    below, weighed = counts.cumsum(), (counts * shades).cumsum()
    above = below[-1] - below
    both = below * above
    apart = np.divide((weighed[-1] * below / below[-1] - weighed) ** 2, both, out=np.zeros(_SHADES), where=both > 0)
    cut = int(apart.argmax())
    if not both[cut]:
        return picture  # one shade only
    ink, paper = weighed[cut] / below[cut], (weighed[-1] - weighed[cut]) / above[cut]
    if paper >= _WHITE:
        return picture
    white = paper - (paper - ink) * _PAPER
    table = np.clip((shades - ink) / (white - ink) * 255, 0, 255)
    return picture.point(table.astype(int).tolist())
