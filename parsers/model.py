"""Reads 3D models of every format that is taken, into one normal form. Native code: only in a sandbox."""

import io
import logging
import struct
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

from parsers.gltf_preflight import check_gltf_text
from parsers.gltf_unpack import Finder, Packed, packed_file, packed_text, unpack
from parsers.model_3mf import load_3mf
from parsers.model_dae import load_dae
from parsers.model_facts import Facts, plain_facts, set_facts
from parsers.model_faults import MAX_TRIANGLES, empty, not_finite, too_many, unreadable
from parsers.model_fbx import load_fbx
from parsers.model_folder import Folder, unzip
from parsers.model_normal import Model, Part, instances, to_normal
from parsers.model_obj import check_obj
from parsers.model_preflight import check, is_binary_stl
from parsers.model_step import read_step
from parsers.model_usd import load_usd, load_usdz

__all__ = ["KINDS", "Model", "Part", "instances", "load", "normal"]

# `model-zip` is an archive with one glTF or OBJ and the files that it needs.
KINDS = ("glb", "gltf", "stl", "obj", "ply", "off", "3mf", "dae", "step", "fbx", "usd", "usdz", "model-zip")

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


def load(path: Path, kind: str, *, tools: Finder | None = None) -> Any:
    """The model as a trimesh Scene in its own unit, with its `Facts`; kinds are those of `KINDS`.

    `tools` says what unpacks a compressed glTF; None: nothing does.

    Raises `UnreadableFile` (`model.unreadable`, `.empty`, `.not_finite`, `.truncated`, `.malformed`, `.version`,
    `zip.damaged`) and `InputError` (`model.external`, `.missing_files`, `.main_file`, `limit.triangles`,
    `.pixels`, `.size`, `.unpacked`, `xml.entity`, `zip.*`, `model.reader_missing`); `model.needs_node` as either, where Node is just being set up.
    """
    # The loader logs what it stumbles over, which is content of uploads: that goes nowhere.
    log = logging.getLogger("trimesh")
    log.handlers, log.propagate = [logging.NullHandler()], False
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            scene, facts = _read(path, kind, tools)
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


def _read(path: Path, kind: str, tools: Finder | None) -> tuple[Any, Facts]:
    """The scene, checked before its loader sees it but not behind it, and what the file states of itself."""
    if kind in _READERS:
        return _READERS[kind](path)
    if kind == "model-zip":
        return _read_zip(path, tools)
    packed = packed_file(path, kind) if kind in {"glb", "gltf"} else None
    if packed and (found := _unpacked(packed, path, kind, tools)):
        return found
    facts = check(path, kind)
    file_type = "stl_ascii" if kind == "stl" and not is_binary_stl(path) else kind
    with path.open("rb") as opened:
        return _loaded(opened, file_type, Folder()), facts


def _read_zip(path: Path, tools: Finder | None) -> tuple[Any, Facts]:
    upload = unzip(path)
    packed = packed_text(upload.content, upload.folder) if upload.kind == "gltf" else None
    if packed and (found := _unpacked(packed, path, "model-zip", tools)):
        return found
    look = check_gltf_text if upload.kind == "gltf" else check_obj
    checked = look(upload.content, upload.folder)
    return _loaded(io.BytesIO(upload.content), upload.kind, upload.folder), plain_facts(upload.kind, checked)


def _read_dae(path: Path) -> tuple[Any, Facts]:
    facts = check(path, "dae")
    return load_dae(path), facts


def _read_step(path: Path) -> tuple[Any, Facts]:
    glb, facts = read_step(path)
    return _loaded(io.BytesIO(glb), "glb", Folder()), facts


def _unpacked(packed: Packed, path: Path, kind: str, tools: Finder | None) -> tuple[Any, Facts] | None:
    """The scene of a glTF without its compression; what comes out of that is looked at like any other file."""
    with tempfile.TemporaryDirectory(prefix="gltf-") as place:
        found = unpack(packed, path, kind, find=tools, place=Path(place))
        if found is None:
            return None
        check(found.path, "glb")
        with found.path.open("rb") as opened:
            return _loaded(opened, "glb", Folder()), found.facts


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


_READERS: dict[str, Callable[[Path], tuple[Any, Facts]]] = {
    "3mf": load_3mf,
    "dae": _read_dae,
    "fbx": load_fbx,
    "step": _read_step,
    "usd": load_usd,
    "usdz": load_usdz,
}
