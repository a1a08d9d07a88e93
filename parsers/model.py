"""Reads 3D models of every format that is taken, into one normal form. Native code: only in a sandbox."""

import io
import logging
import struct
import warnings
from pathlib import Path
from typing import Any, BinaryIO

from parsers.gltf_preflight import check_gltf_text
from parsers.model_3mf import load_3mf
from parsers.model_dae import load_dae
from parsers.model_facts import Facts, plain_facts, set_facts
from parsers.model_faults import MAX_TRIANGLES, empty, not_finite, too_many, unreadable
from parsers.model_folder import Folder, unzip
from parsers.model_normal import Model, Part, instances, to_normal
from parsers.model_obj import check_obj
from parsers.model_preflight import check, is_binary_stl
from parsers.model_step import read_step

__all__ = ["KINDS", "Model", "Part", "instances", "load", "normal"]

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
