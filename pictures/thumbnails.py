"""All thumbnails of one upload: every size, shape and form that was asked for, from as few decodings as can be."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from pictures.colors import Warn, quiet
from pictures.moving import moves, scaled_frames
from pictures.opening import opened
from pictures.reading import pictures, upright_size
from pictures.scaling import Shape, scaled
from pictures.watermark import Watermark, drawn
from pictures.writing import Form, Moving, write, write_moving

if TYPE_CHECKING:
    from PIL.Image import Image


class Wanted(NamedTuple):
    """What is to be made."""

    sizes: tuple[int, ...]  # sides of squares, in pixels
    shapes: tuple[Shape, ...]
    forms: tuple[Form, ...] = (Form.WEBP,)
    mark: Watermark | None = None


class Made(NamedTuple):
    """One thumbnail, written."""

    path: Path
    form: Form


def thumbnails(path: Path, folder: Path, *, wanted: Wanted, warn: Warn = quiet) -> Iterator[Made]:
    """Writes the thumbnails of the picture at `path` to `folder`: `fit-200.webp`, `cover-400.avif`, ...

    Animated GIFs and WebPs stay animated as WebP; as AVIF they are their first frame. Raises as `opening.opened` does;
    warns of `image.profile`, `image.frames` and `image.truncated`.
    """
    with opened(path) as found:
        side, moving, whole = max(wanted.sizes), moves(found), upright_size(found)
        still = tuple(form for form in wanted.forms if not (moving and form is Form.WEBP))
        if still:
            large = pictures(found, side, shapes=frozenset(wanted.shapes), warn=warn)
            for shape in wanted.shapes:
                asked = wanted._replace(forms=still)
                yield from _stills(large[shape], folder, shape=shape, wanted=asked, whole=whole)
        if moving and Form.WEBP in wanted.forms:
            for shape in wanted.shapes:
                frames = scaled_frames(found, side, shape=shape, warn=warn)
                yield from _animations(frames, folder, shape=shape, wanted=wanted, whole=whole)
                warn = quiet  # the next shape would say the same


def _stills(large: "Image", folder: Path, *, shape: Shape, wanted: Wanted, whole: tuple[int, int]) -> Iterator[Made]:
    for size in sorted(wanted.sizes, reverse=True):
        large = scaled(large, size, shape=shape, whole=whole)  # each from the next larger one
        small = drawn(large, wanted.mark) if wanted.mark else large
        for form in wanted.forms:
            made = Made(folder / f"{shape}-{size}.{form}", form)
            write(small, made.path, form=form)
            yield made


def _animations(large: Moving, folder: Path, *, shape: Shape, wanted: Wanted, whole: tuple[int, int]) -> Iterator[Made]:
    for size in sorted(wanted.sizes, reverse=True):
        frames = [scaled(frame, size, shape=shape, whole=whole) for frame in large.frames]
        large = large._replace(frames=frames)
        marked = [drawn(frame, wanted.mark) for frame in large.frames] if wanted.mark else large.frames
        made = Made(folder / f"{shape}-{size}.{Form.WEBP}", Form.WEBP)
        write_moving(large._replace(frames=marked), made.path)
        yield made
