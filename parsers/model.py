"""Reads 3D models and measures them: triangles, bodies, whether each is closed. Native code: only in a sandbox."""

import io
import logging
import math
import struct
import warnings
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from parsers.gltf_preflight import check_gltf_text
from parsers.model_3mf import load_3mf
from parsers.model_dae import load_dae
from parsers.model_facts import Facts, facts_of, plain_facts, set_facts
from parsers.model_faults import MAX_TRIANGLES, empty, not_finite, too_many, unreadable
from parsers.model_folder import Folder, unzip
from parsers.model_normal import Model, Part, instances, moved, to_normal
from parsers.model_obj import check_obj
from parsers.model_preflight import check, is_binary_stl
from parsers.model_step import read_step

__all__ = ["KINDS", "Model", "Part", "Shape", "instances", "load", "measure", "normal", "report"]

# `model-zip` is an archive with one glTF or OBJ and the files that it needs.
KINDS = ("glb", "gltf", "stl", "obj", "ply", "off", "3mf", "dae", "step", "model-zip")

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
    """The model as a trimesh Scene in its own unit, with its `Facts`; kinds are those of `KINDS`.

    Raises `UnreadableFile` (`model.unreadable`, `.empty`, `.not_finite`, `.truncated`, `.malformed`, `.version`,
    `zip.damaged`) and `InputError` (`model.external`, `.compressed`, `.missing_files`, `.main_file`, `limit.triangles`,
    `.pixels`, `.size`, `xml.entity`, `zip.*`).
    """
    # The loader logs what it stumbles over, which is content of uploads: that goes nowhere.
    log = logging.getLogger("trimesh")
    log.handlers, log.propagate = [logging.NullHandler()], False
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            scene, facts = _read(path, kind)
            triangles = sum(_checked(scene.geometry[name]) for name, _ in instances(scene))
        except _LOADER_ERRORS:
            raise unreadable(kind) from None
    if not triangles:
        raise unreadable(kind) if facts.triangles else empty()
    if triangles > MAX_TRIANGLES:
        raise too_many(triangles)
    if triangles < facts.triangles:  # the loader skips what it finds broken, and goes on
        raise unreadable(kind)
    set_facts(scene, facts)
    return scene


def normal(model: Any, kind: str) -> Model:
    """The normal form of a file or of a loaded scene: triangles in the world, in meters. Raises as `load`."""
    return to_normal(load(model, kind) if isinstance(model, Path) else model, kind)


def _read(path: Path, kind: str) -> tuple[Any, Facts]:
    """The scene, checked before its loader sees it but not behind it, and what the file states of itself."""
    if kind == "3mf":
        return load_3mf(path)
    if kind == "step":
        glb, facts = read_step(path)
        return _loaded(io.BytesIO(glb), "glb", Folder()), facts
    if kind == "model-zip":
        upload = unzip(path)
        look = check_gltf_text if upload.kind == "gltf" else check_obj
        checked = look(upload.content, upload.folder)
        file = io.BytesIO(upload.content)
        return _loaded(file, upload.kind, upload.folder), plain_facts(upload.kind, checked)
    facts = check(path, kind)
    if kind == "dae":
        return load_dae(path), facts
    file_type = "stl_ascii" if kind == "stl" and not is_binary_stl(path) else kind
    with path.open("rb") as opened:
        return _loaded(opened, file_type, Folder()), facts


def _loaded(file: BinaryIO, file_type: str, folder: Folder) -> Any:
    """What trimesh makes of it; beside the folder, nothing is ever opened."""
    import trimesh

    return trimesh.load_scene(file, file_type=file_type, resolver=folder, process=False)


def _checked(mesh: Any) -> int:
    """How many triangles it has; `ValueError` where they are no triangles of points in space."""
    import numpy as np

    vertices, faces = mesh.vertices, mesh.faces
    if len(faces) == 0:
        return 0
    if vertices.ndim != 2 or vertices.shape[1] != 3 or faces.ndim != 2 or faces.shape[1] != 3:
        raise ValueError
    if not 0 <= faces.min() <= faces.max() < len(vertices):
        raise ValueError
    if not np.isfinite(vertices).all():
        raise not_finite()
    if not vertices.any():  # what is left where a loader could not decode a compressed block
        raise ValueError
    return len(faces)


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
    facts = facts_of(scene, kind)
    return {
        "format": facts.format,
        "reader": facts.reader,
        "units": facts.numbers,
        "up": facts.up,
        "shown_up": facts.shown_up,
        "missing_files": list(facts.missing),
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
        world = moved(mesh.vertices, transform)
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
        vertices.append(moved(mesh.vertices, transform))
        faces.append(mesh.faces + before)
        before += len(mesh.vertices)
    return np.concatenate(vertices), np.concatenate(faces)


def _scales(transform: Any) -> tuple[float, float]:
    """What a transform does to areas (exact where it scales evenly) and to volumes."""
    import numpy as np

    cubic = abs(float(np.linalg.det(transform[:3, :3])))
    return cubic ** (2 / 3), cubic


def _finite(number: float) -> float | None:
    return number if math.isfinite(number) else None
