"""Where a camera has to stand so that a whole model fills its picture: read from the GLB itself, no engine needed."""

import json
import struct
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

ANGLE = 30.0  # degrees from the lower to the upper edge of the picture, of every camera here
MARGIN = 0.06  # of half a side that stays empty at every edge
_MOST_POINTS = 2_000_000  # vertices that are looked at; of a mesh that has more some, of further ones their boxes
_MOST_NODES = 200_000
_HEAD, _CHUNK = struct.Struct("<4sII"), struct.Struct("<I4s")
_FLOAT, _JSON, _BIN = 5126, b"JSON", b"BIN\0"
_TINY = 1e-30  # the size of what has none
_NEAR = 1e-3  # a camera's least distance from a model of size 1
_ROUNDS = 40  # few are needed, but by strong perspective
_EVEN = 1e-4  # of half a picture's side: what is nearer to the middle is in the middle


class View(NamedTuple):
    """From where a model is seen: degrees around its Y axis from +Z towards +X, and degrees above the horizon."""

    azimuth: float
    elevation: float


class Camera(NamedTuple):
    """Where a camera stands and what it looks at, in the model's own coordinates."""

    position: tuple[float, float, float]
    focus: tuple[float, float, float]


class Glb(NamedTuple):
    """A GLB in its two parts."""

    doc: dict[str, Any]
    binary: bytes


def read_glb(path: Path) -> Glb:
    """A GLB that we wrote ourselves (one JSON chunk, one binary chunk); `ValueError` where it is none."""
    content = path.read_bytes()
    at, found = _HEAD.size, {_BIN: b""}
    while at + _CHUNK.size <= len(content):
        length, kind = _CHUNK.unpack_from(content, at)
        at += _CHUNK.size
        found[kind] = content[at : at + length]
        at += length
    if content[:4] != b"glTF" or _JSON not in found:
        raise ValueError("not a GLB")
    return Glb(json.loads(found[_JSON]), found[_BIN])


def write_glb(glb: Glb, path: Path) -> None:
    """The inverse of `read_glb`."""
    text = json.dumps(glb.doc, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 4)
    size = _HEAD.size + 2 * _CHUNK.size + len(text) + len(glb.binary)
    with path.open("wb") as file:
        file.write(_HEAD.pack(b"glTF", 2, size) + _CHUNK.pack(len(text), _JSON) + text)
        file.write(_CHUNK.pack(len(glb.binary), _BIN))
        file.write(glb.binary)


def points(glb: Glb) -> "NDArray[Any]":
    """All vertices that stand in the scene, (n, 3) in its own coordinates; of very large scenes corners of boxes."""
    import numpy as np

    found, seen = [], 0
    for mesh, transform in _placed(glb.doc):
        for primitive in glb.doc["meshes"][mesh]["primitives"]:
            local = _positions(glb, primitive["attributes"]["POSITION"], most=_MOST_POINTS - seen)
            seen += len(local)
            found.append(local @ transform[:3, :3].T + transform[:3, 3])
    return np.concatenate(found) if found else np.zeros((0, 3))


class Standing(NamedTuple):
    """A scene whose middle is the origin and whose longest side is 1, so that no scale is special to the engine: its
    near plane, shadows and tolerances are in absolute units.
    """

    glb: Glb
    cloud: "NDArray[Any]"  # its vertices, (n, 3)
    middle: "NDArray[Any]"  # where the origin is in the scene as it was
    share: float  # what every length was multiplied by


def standing(glb: Glb) -> Standing | None:
    """The scene brought to standard size and place; None where it has no vertices."""
    cloud = points(glb)
    if not len(cloud):
        return None
    low, high = cloud.min(axis=0), cloud.max(axis=0)
    middle, share = (low + high) / 2, 1.0 / max(float((high - low).max()), _TINY)
    matrix = [share, 0, 0, 0, 0, share, 0, 0, 0, 0, share, 0, *(-middle * share).tolist(), 1]
    doc = dict(glb.doc)
    nodes = list(doc.get("nodes", ()))
    roots = doc["scenes"][doc.get("scene", 0)]["nodes"]
    doc |= {"nodes": [*nodes, {"matrix": matrix, "children": roots}], "scenes": [{"nodes": [len(nodes)]}], "scene": 0}
    return Standing(Glb(doc, glb.binary), (cloud - middle) * share, middle, share)


def fitted(cloud: "NDArray[Any]", view: View) -> Camera:
    """The nearest camera in that direction from which all of `cloud` is inside the picture, its margin kept.

    A point at right x and depth z is inside where |x - c| <= t (d - z), t the tangent of half the angle: the largest
    x + t z and -x + t z of all points give the middle c and the least distance d; the same for up. One of both axes is
    the tighter; along the other the model is moved until it has as much paper above as below.
    """
    right, up, back = axes(view)
    slope, depth = _slope(), cloud @ back
    along = [cloud @ right, cloud @ up]
    spread = [float((slope * depth + one).max() + (slope * depth - one).max()) for one in along]
    distance = max(max(spread) / (2 * slope), float(depth.max()) + _NEAR)
    across, above = (_middle(one, distance - depth) for one in along)
    focus = right * across + up * above
    return Camera(_three(focus + back * distance), _three(focus))


def _middle(along: "NDArray[Any]", distances: "NDArray[Any]") -> float:
    """The shift from which the picture of points reaches as far to one side as to the other.

    Each round solves it for the two outermost points; where that leads out of what is still possible, it is halved.
    """
    low, high = float(along.min()), float(along.max())
    found = (low + high) / 2
    for _ in range(_ROUNDS):
        seen = (along - found) / distances
        one, other = int(seen.argmax()), int(seen.argmin())
        off = float(seen[one] + seen[other])
        if abs(off) < _EVEN:
            break
        low, high = (found, high) if off > 0 else (low, found)
        near, far = 1 / float(distances[one]), 1 / float(distances[other])
        found = (float(along[one]) * near + float(along[other]) * far) / (near + far)
        if not low < found < high:
            found = (low + high) / 2
    return found


def around(cloud: "NDArray[Any]", views: "Sequence[View]") -> list[Camera]:
    """A camera for each view, all at one distance from the origin, so that a turning model does not jump."""
    distance = _NEAR
    for view in views:
        right, up, back = axes(view)
        depth = cloud @ back
        for axis in (right, up):
            distance = max(distance, float((depth + abs(cloud @ axis) / _slope()).max()))
    return [Camera(_three(axes(view)[2] * distance), (0.0, 0.0, 0.0)) for view in views]


def axes(view: View) -> tuple["NDArray[Any]", "NDArray[Any]", "NDArray[Any]"]:
    """What is right, up, and towards the camera; Y is up in glTF."""
    import numpy as np

    turn, lift = np.radians(view.azimuth), np.radians(view.elevation)
    back = np.array([np.sin(turn) * np.cos(lift), np.sin(lift), np.cos(turn) * np.cos(lift)])
    right = np.array([np.cos(turn), 0.0, -np.sin(turn)])
    return right, np.cross(back, right), back


def _slope() -> float:
    import numpy as np

    return float(np.tan(np.radians(ANGLE / 2))) * (1 - MARGIN)


def _three(found: "NDArray[Any]") -> tuple[float, float, float]:
    x, y, z = found.tolist()
    return x, y, z


def _placed(doc: dict[str, Any]) -> "Iterator[tuple[int, NDArray[Any]]]":
    """Each mesh of the scene and its transform; a node that comes again below itself ends at `_MOST_NODES`."""
    import numpy as np

    nodes = doc.get("nodes", [])
    waiting = [(number, np.eye(4)) for number in doc["scenes"][doc.get("scene", 0)].get("nodes", ())]
    for _ in range(_MOST_NODES):
        if not waiting:
            return
        number, above = waiting.pop()
        node = nodes[number]
        world = above @ _local(node)
        waiting += [(child, world) for child in node.get("children", ())]
        if "mesh" in node:
            yield node["mesh"], world


def _local(node: dict[str, Any]) -> "NDArray[Any]":
    """A node's own transform: a matrix by columns, or translation, rotation (x, y, z, w) and scale."""
    import numpy as np

    if "matrix" in node:
        return np.array(node["matrix"], dtype=float).reshape(4, 4).T
    found = np.eye(4)
    x, y, z, w = node.get("rotation", (0, 0, 0, 1))
    turned = [
        [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
        [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
        [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
    ]
    found[:3, :3] = np.array(turned) * np.array(node.get("scale", (1, 1, 1)), dtype=float)
    found[:3, 3] = node.get("translation", (0, 0, 0))
    return found


def _positions(glb: Glb, number: int, *, most: int) -> "NDArray[Any]":
    """The points of an accessor, about `most` of them with the outermost ones of each axis, so that next to nothing is
    cut off; the corners of its box where `most` is used up or they are not plain floats side by side.
    """
    import numpy as np

    accessor = glb.doc["accessors"][number]
    view = glb.doc["bufferViews"][accessor["bufferView"]] if "bufferView" in accessor else None
    plain = accessor["componentType"] == _FLOAT and view is not None and view.get("byteStride", 12) == 12
    if most <= 0 or not plain or view is None:
        low, high = accessor["min"], accessor["max"]
        return np.array([[(low, high)[at >> axis & 1][axis] for axis in range(3)] for at in range(8)], dtype=float)
    start = view.get("byteOffset", 0) + accessor.get("byteOffset", 0)
    found = np.frombuffer(glb.binary, "<f4", count=accessor["count"] * 3, offset=start).reshape(-1, 3)
    if len(found) > most:
        outermost = np.concatenate([found.argmin(axis=0), found.argmax(axis=0)])
        found = np.concatenate([found[:: -(-len(found) // most)], found[outermost]])
    return found.astype(float)
