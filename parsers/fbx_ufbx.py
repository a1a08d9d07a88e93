"""Reads FBX through ufbx, by way of our shim: a few structures, laid out as those in `ufbx_shim.c`, are copied into arrays."""

import ctypes
import logging
import mmap
from collections.abc import Callable
from enum import IntEnum
from functools import cache
from pathlib import Path
from typing import Any

from jobs.errors import InputError, UnreadableFile
from parsers.fbx_scene import FbxFound, FbxMaterial, FbxMesh, FbxPicture
from parsers.model_faults import MAX_TRIANGLES, malformed, too_many, unreadable

MAX_MEMORY = 768 * 1024 * 1024  # bytes that ufbx may take for its work, and as much for its result
MAX_POINTS = 3 * MAX_TRIANGLES  # over all nodes
MAX_NODES = 100_000  # that have a mesh
MAX_WORK = 4_000_000_000  # squares of corners of faces; some six seconds for the worst of faces
_LAYOUT = 2  # of the structures below
_SLOTS = 5  # pictures of a material
_LOG = logging.getLogger(__name__)


class Trouble(IntEnum):
    """What went wrong, as the shim counts it."""

    WELL = 0
    BROKEN = 1
    TRUNCATED = 2
    MEMORY = 3
    VERSION = 4
    DEEP = 5
    TRIANGLES = 6
    POINTS = 7
    INDEX = 8
    NODES = 9
    CORNERS = 10


_FAULTS: dict[Trouble, Callable[[], InputError]] = {
    Trouble.BROKEN: lambda: unreadable("fbx"),
    Trouble.TRUNCATED: lambda: malformed("The FBX file is cut off."),
    Trouble.MEMORY: lambda: InputError(
        "limit.size",
        "The FBX file unpacks to more memory than one model is given.",
        hint="Reduce it, or send it as GLB.",
    ),
    Trouble.VERSION: lambda: UnreadableFile("model.version", "The FBX is of a version that is not read here."),
    Trouble.DEEP: lambda: malformed("The model's nodes lie too deep."),
    Trouble.TRIANGLES: lambda: too_many(MAX_TRIANGLES + 1),
    Trouble.POINTS: lambda: malformed("The FBX places more points than its triangles could need."),
    Trouble.INDEX: lambda: malformed("A triangle of the FBX has a corner that is not there."),
    Trouble.CORNERS: lambda: InputError(
        "limit.size",
        "The FBX has faces of more corners than are cut into triangles.",
        hint="Triangulate the model first.",
    ),
    Trouble.NODES: lambda: malformed("The FBX places more objects than any real model has."),
}


class _Limits(ctypes.Structure):
    _fields_ = [(name, ctypes.c_uint64) for name in ("memory", "triangles", "points", "nodes", "work")]


class _Mesh(ctypes.Structure):
    _fields_ = [
        ("name", ctypes.c_char_p),
        *((name, ctypes.c_uint64) for name in ("num_points", "num_triangles", "num_uvs")),
        ("points", ctypes.POINTER(ctypes.c_double)),
        ("corners", ctypes.POINTER(ctypes.c_uint32)),
        ("uvs", ctypes.POINTER(ctypes.c_double)),
        ("uv_corners", ctypes.POINTER(ctypes.c_uint32)),
        ("materials", ctypes.POINTER(ctypes.c_uint32)),
    ]


class _Picture(ctypes.Structure):
    _fields_ = [("file", ctypes.c_char_p), ("content", ctypes.c_void_p), ("size", ctypes.c_uint64)]


class _Material(ctypes.Structure):
    _fields_ = [
        ("name", ctypes.c_char_p),
        ("color", ctypes.c_double * 3),
        ("has_color", ctypes.c_uint32),
        ("pictures", _Picture * _SLOTS),
    ]


class _Model(ctypes.Structure):
    _fields_ = [
        *((name, ctypes.c_uint32) for name in ("trouble", "version", "reader", "ascii", "unit_stated", "axes_stated")),
        ("unit_meters", ctypes.c_double),
        ("num_meshes", ctypes.c_uint64),
        ("num_materials", ctypes.c_uint64),
        ("meshes", ctypes.POINTER(_Mesh)),
        ("materials", ctypes.POINTER(_Material)),
        ("text", ctypes.c_char * 512),
    ]


def read_ufbx(path: Path, library: Path) -> FbxFound:
    """All meshes of the file in its world.

    Raises `UnreadableFile` (`model.unreadable`, `.malformed`, `.version`), `InputError` (`limit.size`,
    `limit.triangles`) and `OSError` where the library can not be loaded.
    """
    ufbx = _loaded(library)
    limits = _Limits(memory=MAX_MEMORY, triangles=MAX_TRIANGLES, points=MAX_POINTS, nodes=MAX_NODES, work=MAX_WORK)
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        import numpy as np

        view = np.frombuffer(content, dtype=np.uint8)
        answer = ufbx.hl_load(view.ctypes.data, len(view), ctypes.byref(limits))
        del view  # the map can't be closed before
    if not answer:
        raise MemoryError
    try:
        return _found(answer.contents)
    finally:
        ufbx.hl_free(answer)


@cache
def _loaded(library: Path) -> Any:
    """The library; `OSError` where it can't be loaded, or is laid out otherwise."""
    found = ctypes.CDLL(str(library))
    if ctypes.c_uint32.in_dll(found, "hl_layout").value != _LAYOUT:
        raise OSError("the FBX library is of another release")
    found.hl_load.argtypes = [ctypes.c_void_p, ctypes.c_uint64, ctypes.POINTER(_Limits)]
    found.hl_load.restype = ctypes.POINTER(_Model)
    found.hl_free.argtypes = [ctypes.POINTER(_Model)]
    found.hl_free.restype = None
    return found


def _found(model: _Model) -> FbxFound:
    trouble = Trouble(model.trouble)
    if trouble:
        _LOG.info("ufbx: %s: %s", trouble.name, model.text.decode(errors="replace"))  # quotes nothing of the file
        fault = _FAULTS[trouble]
        raise fault()
    version = model.reader
    return FbxFound(
        reader=f"ufbx {version // 1_000_000}.{version // 1000 % 1000}.{version % 1000}",
        meters=round_meters(model.unit_meters) if model.unit_stated else None,
        axes=bool(model.axes_stated),
        meshes=[_mesh(model.meshes[index]) for index in range(model.num_meshes)],
        materials=[_material(model.materials[index]) for index in range(model.num_materials)],
    )


def round_meters(meters: float) -> float:
    """Meters of one unit, without what a factor of a hundred adds to its last digits; raises `model.malformed`."""
    if not 1e-12 < meters < 1e12:  # not a number is neither
        raise malformed("The FBX file's unit is no length.")
    return float(f"{meters:.12g}")


def _mesh(mesh: _Mesh) -> FbxMesh:
    triangles = int(mesh.num_triangles)
    has_uv = bool(mesh.uvs)
    return FbxMesh(
        name=(mesh.name or b"").decode(errors="replace"),
        points=_copied(mesh.points, (int(mesh.num_points), 3)),
        corners=_copied(mesh.corners, (triangles, 3)),
        uv=_copied(mesh.uvs, (int(mesh.num_uvs), 2)) if has_uv else None,
        uv_corners=_copied(mesh.uv_corners, (triangles, 3), signed=True) if has_uv else None,
        materials=_copied(mesh.materials, (triangles,), signed=True),
    )


def _copied(pointer: Any, shape: tuple[int, ...], *, signed: bool = False) -> Any:
    """A copy of an array; signed, what marks nothing (all bits set) becomes -1."""
    import numpy as np

    found = np.ctypeslib.as_array(pointer, shape=shape).copy()
    return found.view(np.int32) if signed else found


def _material(material: _Material) -> FbxMaterial:
    return FbxMaterial(
        name=(material.name or b"").decode(errors="replace"),
        color=tuple(material.color) if material.has_color else None,
        pictures=tuple(_picture(picture) for picture in material.pictures),
    )


def _picture(picture: _Picture) -> FbxPicture | None:
    if not picture.file:
        return None
    content = ctypes.string_at(picture.content, picture.size) if picture.content else b""
    return FbxPicture((picture.file or b"").decode(errors="replace"), content)
