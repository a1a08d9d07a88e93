"""Later views of a 3D model: turning once around as an animation, and with the places of its findings marked."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from models.framing import Glb, Standing, View, around, fitted, read_glb, standing
from models.rendering import STUDIO, Studio, judged
from pictures.writing import Moving, write, write_moving

if TYPE_CHECKING:
    from PIL.Image import Image

FRAMES = (24, 12, 8)  # of one turn: as many as there is time for
SIDE = 400  # pixels of an animation's frame
FINDINGS_SIDE = 1024  # pixels
SECONDS = 60.0  # that all frames together may take
MAX_MARKS = 200
_TURN = 3_600  # milliseconds of one turn
_RADIUS = 0.014  # of a mark, where the model's longest side is 1
_GRAY, _CLEAR = (0.45, 0.48, 0.52), 0.4  # the ghost: its color, and how much of what is behind it it covers
_RED = (0.9, 0.02, 0.02)
_RINGS, _AROUND = 6, 10  # of the ball that is a mark


class Turned(NamedTuple):
    """What came of turning one model."""

    path: Path | None  # None: `blank`, or there was no time for even the fewest frames
    frames: int
    blank: bool


def turntable(glb: Path, folder: Path, *, side: int = SIDE, seconds: float = SECONDS) -> Turned:
    """Turn a plain GLB of our own making once around its Y axis: `turntable.webp` in `folder`, an animated WebP.

    The second frame's time decides whether it gets 24 frames, fewer, or none. Raises `rendering.NoRenderer`.
    """
    model = standing(read_glb(glb))
    if model is None:
        return Turned(None, 0, blank=True)
    start = time.monotonic()
    studio = Studio(model, folder, side=side)
    cameras = around(model.cloud, _views(FRAMES[0]))
    first = studio.frame(cameras[0])
    if time.monotonic() - start > seconds:
        return Turned(None, 1, blank=judged(first)[1])
    began = time.monotonic()
    studio.frame(cameras[1])
    each, left = time.monotonic() - began, seconds - (time.monotonic() - start)
    count = next((count for count in FRAMES if each * count <= left), 0)
    pictures: list[Image] = []
    for camera in cameras[:: FRAMES[0] // count] if count else ():
        if time.monotonic() - start > seconds:  # they became slower on the way
            return Turned(None, len(pictures), blank=False)
        pictures.append(studio.frame(camera))
    if not pictures or all(judged(picture)[1] for picture in pictures):
        return Turned(None, len(pictures), blank=bool(pictures))
    path = folder / "turntable.webp"
    write_moving(Moving(pictures, [_TURN // count] * count, loops=0), path)
    return Turned(path, count, blank=False)


def findings(glb: Path, folder: Path, *, places: Sequence[tuple[float, float, float]]) -> Path | None:
    """Draw a plain GLB of our own making as a ghost, with a red ball at each of `places`: `findings.webp` in `folder`.

    `places` are in the GLB's own coordinates; the first `MAX_MARKS` are marked, those that are no numbers left out.
    None where nothing is left to mark or to see. Raises `rendering.NoRenderer`.
    """
    import numpy as np

    model = standing(read_glb(glb))
    spots = np.array(places[:MAX_MARKS], dtype=float).reshape(-1, 3)
    spots = spots[np.isfinite(spots).all(axis=1)]
    if model is None or not len(spots):
        return None
    marked = _marked(model, spots)
    frame = Studio(marked, folder, side=FINDINGS_SIDE).frame(fitted(marked.cloud, STUDIO))
    if judged(frame)[1]:
        return None
    path = folder / "findings.webp"
    write(frame, path)
    return path


def _views(count: int) -> list[View]:
    return [View(STUDIO.azimuth + 360.0 * number / count, STUDIO.elevation) for number in range(count)]


def _marked(model: Standing, spots: Any) -> Standing:
    """The scene as a ghost, with a ball at each of `spots` (n, 3), which are in coordinates of before it was moved."""
    import numpy as np

    spots = np.clip((spots - model.middle) * model.share, -1.0, 1.0)  # far outside would shrink all the rest
    points, corners = _ball()
    doc, binary = dict(model.glb.doc), model.glb.binary
    binary += b"\0" * (-len(binary) % 4)
    views, accessors = list(doc.get("bufferViews", ())), list(doc.get("accessors", ()))
    parts = (points.astype("<f4").tobytes(), corners.astype("<u2").tobytes())
    for part in parts:
        views.append({"buffer": 0, "byteOffset": len(binary), "byteLength": len(part)})
        binary += part + b"\0" * (-len(part) % 4)
    low, high = points.min(axis=0).tolist(), points.max(axis=0).tolist()
    first = len(accessors)
    floats = {"bufferView": len(views) - 2, "componentType": 5126, "count": len(points), "type": "VEC3"}
    numbers = {"bufferView": len(views) - 1, "componentType": 5123, "count": corners.size, "type": "SCALAR"}
    accessors += [floats | {"min": low, "max": high}, numbers]
    ball = {"attributes": {"POSITION": first}, "indices": first + 1, "material": 1}
    meshes = [{"primitives": [_bare(part) for part in mesh["primitives"]]} for mesh in doc["meshes"]]
    meshes.append({"primitives": [ball]})
    materials = [_material((*_GRAY, _CLEAR)), _material((*_RED, 1.0))]
    nodes = list(doc["nodes"])
    balls = range(len(nodes), len(nodes) + len(spots))
    nodes += [{"mesh": len(meshes) - 1, "translation": spot.tolist()} for spot in spots]
    doc |= {"bufferViews": views, "accessors": accessors, "materials": materials, "meshes": meshes, "nodes": nodes}
    doc |= {"buffers": [{"byteLength": len(binary)}], "scenes": [{"nodes": [*doc["scenes"][0]["nodes"], *balls]}]}
    edges = [spots - _RADIUS, spots + _RADIUS]
    return model._replace(glb=Glb(doc, binary), cloud=np.concatenate([model.cloud, *edges]))


def _bare(primitive: dict[str, Any]) -> dict[str, Any]:
    """The same triangles without colors, textures and normals, in the first material."""
    kept = {key: primitive[key] for key in ("indices", "mode") if key in primitive}
    return kept | {"attributes": {"POSITION": primitive["attributes"]["POSITION"]}, "material": 0}


def _material(color: tuple[float, float, float, float]) -> dict[str, Any]:
    """A dull one, seen from both sides; what is clear lets marks inside it and behind it be seen."""
    look = {"baseColorFactor": color, "metallicFactor": 0.0, "roughnessFactor": 1.0}
    return {"pbrMetallicRoughness": look, "doubleSided": True, "alphaMode": "OPAQUE" if color[3] == 1.0 else "BLEND"}


def _ball() -> tuple[Any, Any]:
    """A ball's points (n, 3) and triangles (m, 3)."""
    import numpy as np

    down, turn = np.meshgrid(np.linspace(0, np.pi, _RINGS + 1), np.arange(_AROUND) * 2 * np.pi / _AROUND, indexing="ij")
    ball = np.stack([np.sin(down) * np.cos(turn), np.cos(down), np.sin(down) * np.sin(turn)], axis=-1).reshape(-1, 3)
    ring, spoke = np.meshgrid(np.arange(_RINGS), np.arange(_AROUND), indexing="ij")
    here, beside = ring * _AROUND + spoke, ring * _AROUND + (spoke + 1) % _AROUND
    one = np.stack([here, beside, here + _AROUND], axis=-1).reshape(-1, 3)
    other = np.stack([beside, beside + _AROUND, here + _AROUND], axis=-1).reshape(-1, 3)
    return ball * _RADIUS, np.concatenate([one, other])
