"""Reads 3D models and measures them: triangles, bodies, whether each is closed. Native code: only in a sandbox."""

import logging
import math
import struct
import warnings
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jobs.errors import UnreadableFile
from parsers.model_preflight import MAX_TRIANGLES, check, is_binary_stl, not_finite, too_many

UNITS = {"glb": "m", "gltf": "m"}  # only glTF states one
KINDS = ("glb", "gltf", "stl", "obj", "ply", "off")

# Whatever a loader raises on a broken file; its words are never shown, since they may quote other files.
_LOADER_ERRORS = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    BufferError,
    EOFError,
    ImportError,
    LookupError,
    NameError,
    OSError,
    RuntimeError,
    TypeError,
    ValueError,
    struct.error,
)
_RELATIVE = 7  # digits of a model's size in which two vertices must agree to be one; what 32-bit floats hold


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """What one geometry of a scene is, however often it stands there."""

    triangles: int
    vertices: int  # distinct positions
    watertight: bool
    winding: bool  # neighboring triangles agree on what is outside
    bodies: int  # connected pieces
    area: float
    volume: float  # signed; below zero: turned inside out. 0 unless watertight


def load(path: Path, kind: str) -> Any:
    """The model as a trimesh Scene; kinds are those of `KINDS`.

    Raises `UnreadableFile` (`model.unreadable`, `.empty`, `.not_finite`, `.truncated`, `.malformed`, `.version`) and
    `InputError` (`model.external`, `model.compressed`, `limit.triangles`).
    """
    check(path, kind)
    import trimesh

    # The loader logs what it stumbles over, which is content of uploads: that goes nowhere.
    log = logging.getLogger("trimesh")
    log.handlers, log.propagate = [logging.NullHandler()], False
    file_type = "stl_ascii" if kind == "stl" and not is_binary_stl(path) else kind
    with warnings.catch_warnings(), path.open("rb") as file:
        warnings.simplefilter("ignore")
        try:
            # An empty resolver: nothing beside the file is ever opened. (None would mean: the file's own folder.)
            scene = trimesh.load_scene(file, file_type=file_type, resolver={}, process=False)
            triangles = sum(_checked(scene.geometry[name]) for name, _ in instances(scene))
        except _LOADER_ERRORS:
            hint = "Open it in a 3D program and export it again."
            raise UnreadableFile(
                "model.unreadable", f"The file can not be read as {kind.upper()}.", hint=hint
            ) from None
    if not triangles:
        raise UnreadableFile("model.empty", "The model has no triangles.")
    if triangles > MAX_TRIANGLES:
        raise too_many(triangles)
    return scene


def _checked(mesh: Any) -> int:
    """How many triangles it has; `ValueError` where they are no triangles of points in space."""
    vertices, faces = mesh.vertices, mesh.faces
    if len(faces) == 0:
        return 0
    if vertices.ndim != 2 or vertices.shape[1] != 3 or faces.ndim != 2 or faces.shape[1] != 3:
        raise ValueError
    if not 0 <= faces.min() <= faces.max() < len(vertices):
        raise ValueError
    return len(faces)


def instances(scene: Any) -> Iterator[tuple[str, Any]]:
    """Each mesh that stands in the scene: the name of its geometry, and its 4x4 transform into the world."""
    for node in scene.graph.nodes_geometry:
        transform, name = scene.graph[node]
        if hasattr(scene.geometry[name], "faces"):
            yield name, transform


def report(scene: Any, kind: str) -> dict[str, Any]:
    """The geometry report of a loaded scene, as JSON facts; raises `UnreadableFile` (`model.not_finite`)."""
    import numpy as np

    placed = list(instances(scene))
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        low, high = _bounds(scene, placed)
        counts = Counter(name for name, _ in placed)
        shapes = {name: measure(scene.geometry[name].vertices, scene.geometry[name].faces) for name in counts}
        if not all(shape.watertight for shape in shapes.values()) and len(placed) > 1:
            # A body may be split over geometries, one for each material: look at the whole.
            whole = measure(*_joined(scene, placed))
            parts = [(whole, 1.0, 1.0)]
        else:
            parts = [(shapes[name], *_scales(transform)) for name, transform in placed]
    volume = sum(shape.volume * cubic for shape, _, cubic in parts)
    watertight = all(shape.watertight for shape, _, _ in parts)
    return {
        "format": kind,
        "units": UNITS.get(kind),
        "triangles": sum(len(scene.geometry[name].faces) for name, _ in placed),
        "vertices": sum(shape.vertices for shape, _, _ in parts),
        "geometries": len(counts),
        "instances": len(placed),
        "watertight": watertight,
        "winding_consistent": all(shape.winding for shape, _, _ in parts),
        "bodies": sum(shape.bodies for shape, _, _ in parts),
        "inverted": watertight and volume < 0,
        "bounds": [low, high],
        "extents": [upper - lower for lower, upper in zip(low, high, strict=True)],
        "area": _finite(sum(shape.area * square for shape, square, _ in parts)),
        "volume": _finite(abs(volume)) if watertight else None,
    }


def measure(vertices: Any, faces: Any) -> Shape:
    """Topology of one mesh; vertices at one place are one vertex, or nothing would ever be closed."""
    import numpy as np
    import trimesh

    mesh = trimesh.Trimesh(vertices=np.asarray(vertices), faces=np.asarray(faces), process=False)
    size = float(np.ptp(mesh.vertices, axis=0).max())
    digits = _RELATIVE - math.floor(math.log10(size)) if size > 0 else _RELATIVE
    mesh.merge_vertices(digits_vertex=max(-8, min(digits, 15)))
    watertight = bool(mesh.is_watertight)
    return Shape(
        triangles=len(mesh.faces),
        vertices=len(mesh.vertices),
        watertight=watertight,
        winding=bool(mesh.is_winding_consistent),
        bodies=int(mesh.body_count),
        area=float(mesh.area),
        volume=float(mesh.volume) if watertight else 0.0,
    )


def _bounds(scene: Any, placed: list[tuple[str, Any]]) -> tuple[list[float], list[float]]:
    """The corners of the world box; loaders hide numbers that are not finite, so every one is looked at."""
    import numpy as np

    corners = []
    for name, transform in placed:
        mesh = scene.geometry[name]
        if not len(mesh.faces):
            continue
        world = _moved(mesh.vertices, transform)
        if not np.isfinite(world).all():
            raise not_finite()
        corners += [world.min(axis=0), world.max(axis=0)]
    found = np.array(corners)
    return found.min(axis=0).tolist(), found.max(axis=0).tolist()


def _joined(scene: Any, placed: list[tuple[str, Any]]) -> tuple[Any, Any]:
    """All instances as one mesh in the world."""
    import numpy as np

    vertices, faces, before = [], [], 0
    for name, transform in placed:
        mesh = scene.geometry[name]
        vertices.append(_moved(mesh.vertices, transform))
        faces.append(mesh.faces + before)
        before += len(mesh.vertices)
    return np.concatenate(vertices), np.concatenate(faces)


def _moved(vertices: Any, transform: Any) -> Any:
    return vertices @ transform[:3, :3].T + transform[:3, 3]


def _scales(transform: Any) -> tuple[float, float]:
    """What a transform does to areas (exact where it scales evenly) and to volumes."""
    import numpy as np

    cubic = abs(float(np.linalg.det(transform[:3, :3])))
    return cubic ** (2 / 3), cubic


def _finite(number: float) -> float | None:
    return number if math.isfinite(number) else None
