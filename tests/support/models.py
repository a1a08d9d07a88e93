"""Small 3D models for tests: a tetrahedron in every format, and a GLB whose JSON a test may bend."""

import copy
import json
import struct
from typing import Any

POINTS = [(0.0, 0.0, 0.0), (1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)]
FACES = [(0, 2, 1), (0, 1, 3), (0, 3, 2), (1, 2, 3)]  # seen from outside against the clock

_BINARY = b"".join(struct.pack("<3f", *point) for point in POINTS)
_BINARY += b"".join(struct.pack("<3H", *face) for face in FACES)
DOC: dict[str, Any] = {
    "asset": {"version": "2.0"},
    "scene": 0,
    "scenes": [{"nodes": [0]}],
    "nodes": [{"mesh": 0}],
    "meshes": [{"primitives": [{"attributes": {"POSITION": 0}, "indices": 1}]}],
    "accessors": [
        {"bufferView": 0, "componentType": 5126, "count": 4, "type": "VEC3", "min": [0, 0, 0], "max": [1, 1, 1]},
        {"bufferView": 1, "componentType": 5123, "count": 12, "type": "SCALAR"},
    ],
    "bufferViews": [
        {"buffer": 0, "byteOffset": 0, "byteLength": 48},
        {"buffer": 0, "byteOffset": 48, "byteLength": 24},
    ],
    "buffers": [{"byteLength": 72}],
}


def glb(doc: dict[str, Any] | bytes | None = None, *, binary: bytes = _BINARY) -> bytes:
    """A GLB of that JSON (None: the tetrahedron)."""
    text = doc if isinstance(doc, bytes) else json.dumps(doc or DOC).encode()
    text += b" " * (-len(text) % 4)
    chunks = struct.pack("<I4s", len(text), b"JSON") + text + struct.pack("<I4s", len(binary), b"BIN\0") + binary
    return struct.pack("<4sII", b"glTF", 2, 12 + len(chunks)) + chunks


def bent(*path: str | int, to: Any, doc: dict[str, Any] | None = None) -> dict[str, Any]:
    """A copy of the tetrahedron's JSON (or `doc`) in which what stands at `path` is `to`."""
    found = copy.deepcopy(doc or DOC)
    at: Any = found
    for key in path[:-1]:
        at = at[key]
    at[path[-1]] = to
    return found


def stl(points: list[tuple[float, float, float]] | None = None) -> bytes:
    """The tetrahedron as binary STL."""
    corners = points or POINTS
    facets = b"".join(
        struct.pack("<12fH", 0, 0, 0, *(part for corner in face for part in corners[corner]), 0) for face in FACES
    )
    return b"\0" * 80 + struct.pack("<I", len(FACES)) + facets


def stl_text() -> bytes:
    """The tetrahedron as ASCII STL."""
    facets = "".join(
        "facet normal 0 0 0\nouter loop\n"
        + "".join("vertex {} {} {}\n".format(*POINTS[corner]) for corner in face)
        + "endloop\nendfacet\n"
        for face in FACES
    )
    return f"solid x\n{facets}endsolid x\n".encode()


def obj(*, extra: str = "") -> bytes:
    """The tetrahedron as OBJ."""
    points = "".join("v {} {} {}\n".format(*point) for point in POINTS)
    return (points + extra + "".join(f"f {a + 1} {b + 1} {c + 1}\n" for a, b, c in FACES)).encode()


def ply(*, points: int = 4) -> bytes:
    """The tetrahedron as ASCII PLY; its header may lie about the number of points."""
    head = f"ply\nformat ascii 1.0\nelement vertex {points}\nproperty float x\nproperty float y\nproperty float z\n"
    head += "element face 4\nproperty list uchar int vertex_indices\nend_header\n"
    body = "".join("{} {} {}\n".format(*point) for point in POINTS) + "".join("3 {} {} {}\n".format(*f) for f in FACES)
    return (head + body).encode()


def off() -> bytes:
    """The tetrahedron as OFF."""
    body = "".join("{} {} {}\n".format(*point) for point in POINTS) + "".join("3 {} {} {}\n".format(*f) for f in FACES)
    return f"OFF\n# a comment\n4 4 0\n{body}".encode()


def gltf() -> bytes:
    """The tetrahedron as JSON glTF with its buffer inside."""
    import base64

    uri = "data:application/octet-stream;base64," + base64.b64encode(_BINARY).decode()
    return json.dumps(bent("buffers", 0, "uri", to=uri)).encode()


EVERY = {"glb": glb, "gltf": gltf, "stl": stl, "obj": obj, "ply": ply, "off": off}
