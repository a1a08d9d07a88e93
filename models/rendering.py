"""Pictures of a 3D model: one rendering, scaled to every size; frames that show nothing are never called pictures."""

import ctypes
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from models.framing import ANGLE, Camera, Standing, View, fitted, read_glb, standing, write_glb
from models.paint import painted
from pictures.looks import blurhash
from pictures.scaling import Shape, scaled
from pictures.writing import write

if TYPE_CHECKING:
    from PIL.Image import Image

SIDES = (1024, 400, 200)  # pixels
STUDIO = View(azimuth=-35.0, elevation=25.0)  # a little from above, as goods are photographed
_ASIDE = View(azimuth=55.0, elevation=40.0)  # for a sheet that stands edge-on before the first
LEAST_SEEN = 0.0002  # share of a frame that has to show the model: about 200 of a million pixels
_DIFFERS = 6  # of 255: how far from white paper a pixel has to be to be seen
# Lit by lamps alone: image-based light looks a little better, but takes seconds to prepare in every new process.
# Without ambient occlusion: at 1024 pixels it takes four times as long as all the rest.
OPTIONS: dict[str, Any] = {
    "render.effect.antialiasing.mode": "fxaa",
    "render.effect.tone_mapping": True,
    "render.hdri.ambient": False,
    "render.background.color": [1.0, 1.0, 1.0],
    "render.light.intensity": 4.0,
    "ui.axis": False,
    "render.grid.enable": False,
}


class NoRenderer(Exception):
    """This machine can't draw; the message says what is missing, as a sentence."""


class Rendered(NamedTuple):
    """What came of one model."""

    paths: tuple[Path, ...]  # of the pictures, largest first; none where it is `blank`
    blurhash: str | None
    seen: float  # share of the frame that shows the model
    blank: bool  # nothing, next to nothing, or one color alone


class Studio:
    """One model before one camera: as many frames as are wanted from one loading."""

    def __init__(self, model: Standing, folder: Path, *, side: int) -> None:
        """`side`: of its square frames, in pixels; the engine reads a file in `folder`. Raises `NoRenderer`."""
        self._engine = _engine()
        self._engine.options.update(OPTIONS)
        self._engine.window.size = side, side
        path = folder / "studio.glb"
        write_glb(painted(model.glb), path)
        self._engine.scene.add(path)

    def frame(self, camera: Camera) -> "Image":
        """What that camera sees, RGB, on white paper."""
        from PIL import Image

        seen = self._engine.window.camera
        seen.view_angle, seen.view_up = ANGLE, (0.0, 1.0, 0.0)
        seen.focal_point, seen.position = camera.focus, camera.position
        found = self._engine.window.render_to_image()
        mode = "RGBA" if found.channel_count == 4 else "RGB"
        picture = Image.frombytes(mode, (found.width, found.height), found.content).convert("RGB")
        return picture.transpose(Image.Transpose.FLIP_TOP_BOTTOM)  # its rows come from below


def render(
    glb: Path, folder: Path, *, sides: Sequence[int] = SIDES, views: Sequence[View] = (STUDIO, _ASIDE)
) -> Rendered:
    """Draw a plain GLB of our own making to `thumbnail-1024.webp`, `thumbnail-400.webp`, ... in `folder`.

    Its Y axis is up, and the whole of it fills the picture whatever its size and shape. The first of `views` that is
    not blank is taken. Raises `NoRenderer`.
    """
    model = standing(read_glb(glb))
    if model is None:
        return Rendered((), None, 0.0, blank=True)
    studio, most = Studio(model, folder, side=max(sides)), 0.0
    for view in views:
        frame = studio.frame(fitted(model.cloud, view))
        seen, blank = judged(frame)
        if not blank:
            return Rendered(tuple(_written(frame, folder, sides=sides)), blurhash(frame), seen, blank=False)
        most = max(most, seen)
    return Rendered((), None, most, blank=True)


def judged(frame: "Image") -> tuple[float, bool]:
    """The share of an RGB frame that can be told from white paper, and whether it is as good as blank.

    That is so where too little can be told, or where the whole frame has one color: a camera inside a wall sees that.
    """
    from PIL import ImageChops

    red, green, blue = frame.split()
    darkest = ImageChops.darker(ImageChops.darker(red, green), blue)
    seen = sum(darkest.histogram()[: 256 - _DIFFERS]) / (frame.width * frame.height)
    flat = all(_spread(band) <= 1 for band in (red, green, blue))
    return seen, flat or seen < LEAST_SEEN


def _spread(band: "Image") -> int:
    """From the darkest to the lightest pixel."""
    levels = [level for level, count in enumerate(band.histogram()) if count]
    return levels[-1] - levels[0]


def _written(picture: "Image", folder: Path, *, sides: Sequence[int]) -> Iterator[Path]:
    for side in sorted(sides, reverse=True):
        picture = scaled(picture, side, shape=Shape.FIT)  # each from the next larger one
        path = folder / f"thumbnail-{side}.webp"
        write(picture, path)
        yield path


def _engine() -> Any:
    """An engine that draws without a display: by OSMesa, else by EGL."""
    try:
        import f3d
    except ModuleNotFoundError:
        raise NoRenderer("No renderer here: the f3d package has no build for this kind of machine.") from None
    except ImportError:  # its own libssl is newer than many a system's, and can't come second
        message = "The renderer f3d can not be loaded into this process; import it before anything that uses TLS."
        raise NoRenderer(message) from None
    f3d.Log.set_verbose_level(f3d.Log.QUIET)
    try:
        return f3d.Engine.create_osmesa()
    except RuntimeError:
        if _egl():
            try:
                return f3d.Engine.create_egl()
            except RuntimeError:
                pass
    raise NoRenderer("No software renderer here: install it with `apt-get install libosmesa6`.")


def _egl() -> bool:
    """Whether EGL has a driver; asked without one, it takes the process down."""
    return _loads("libEGL.so.1") and (_loads("libEGL_mesa.so.0") or _loads("libEGL_nvidia.so.0"))


def _loads(library: str) -> bool:
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True
