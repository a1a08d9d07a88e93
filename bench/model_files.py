"""Models to measure with: a bumpy ring of as many triangles as are wanted, as arrays and as a GLB."""

import json
import struct
from typing import Any

TALL = (48, 16)  # waves of its surface around and across, so that no two places look the same


def ring(triangles: int) -> tuple[Any, Any]:
    """Vertices (n, 3) and faces (m, 3) of a closed ring, a meter across, whose walls are some centimeters thick."""
    import numpy as np

    side = max(round((triangles / 2) ** 0.5), 8)
    around = np.linspace(0, 2 * np.pi, side, endpoint=False)
    u, v = (part.ravel() for part in np.meshgrid(around, around, indexing="ij"))
    thick = 0.12 * (1 + 0.05 * np.sin(TALL[0] * u) * np.sin(TALL[1] * v) + 0.1 * np.sin(3 * u))
    far = 0.35 + thick * np.cos(v)
    vertices = np.column_stack([far * np.cos(u), far * np.sin(u), thick * np.sin(v)])
    here = np.arange(side * side)
    down, right = (here // side + 1) % side * side + here % side, here // side * side + (here + 1) % side
    across = down // side * side + right % side
    faces = np.concatenate([np.column_stack([here, down, across]), np.column_stack([here, across, right])])
    return np.round(vertices, 6), faces


def glb(vertices: Any, faces: Any) -> bytes:
    """A plain GLB of that mesh: 12 bytes for each vertex and each face."""
    import numpy as np

    points, corners = vertices.astype("<f4"), faces.astype("<u4")
    views = [{"buffer": 0, "byteOffset": 0, "byteLength": points.nbytes}]
    views.append({"buffer": 0, "byteOffset": points.nbytes, "byteLength": corners.nbytes})
    low, high = np.min(points, axis=0).tolist(), np.max(points, axis=0).tolist()
    position = {"bufferView": 0, "componentType": 5126, "count": len(points), "type": "VEC3", "min": low, "max": high}
    index = {"bufferView": 1, "componentType": 5125, "count": corners.size, "type": "SCALAR"}
    doc = {
        "asset": {"version": "2.0"},
        "scene": 0,
        "scenes": [{"nodes": [0]}],
        "nodes": [{"mesh": 0}],
        "meshes": [{"primitives": [{"attributes": {"POSITION": 0}, "indices": 1}]}],
        "accessors": [position, index],
        "bufferViews": views,
        "buffers": [{"byteLength": points.nbytes + corners.nbytes}],
    }
    text = json.dumps(doc).encode()
    text += b" " * (-len(text) % 4)
    binary: bytes = points.tobytes() + corners.tobytes()
    chunks = struct.pack("<I4s", len(text), b"JSON") + text + struct.pack("<I4s", len(binary), b"BIN\0") + binary
    return struct.pack("<4sII", b"glTF", 2, 12 + len(chunks)) + chunks
