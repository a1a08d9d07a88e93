"""The geometry kernels: one source that NVIDIA Warp compiles for the GPU and for the CPU.

They are written in Warp's subset of Python. Decisions are made in float64 and only where they are sure; what rounding
leaves open is handed back as unsure, and `models/exact.py` decides it with integers. So both devices agree, although
compilers may fuse multiplications and additions.
"""
# ruff: noqa: PLR0911, PLR0917, UP018, RUF046 - int() makes a variable that a kernel may change; the launch passes by position
# mypy: disable-error-code="valid-type,no-any-return,untyped-decorator"
# The line above: annotations here are Warp's types, made at run time; Warp itself checks them when it compiles.

from typing import Any, NamedTuple

import numpy as np
import warp

from models.devices import start
from models.predicates import HIT, UNSURE, boxes_apart, highest, lowest, triangles_meet

wp: Any = warp  # Warp's own annotations describe Python's side of it, not kernels

_TEST = wp.constant(15)  # what a pair of triangles costs beyond its boxes; a box is 1
_STEPS = wp.constant(8)  # surfaces that a ray may enter before it leaves the solid
_NEAR = wp.constant(wp.float32(2e-6))  # of half the model's size: how far a ray goes past a surface before it looks on


@wp.func
def _share(corners: wp.array(dtype=wp.int32), i: int, j: int) -> bool:
    """Whether two faces have a vertex in common."""
    for k in range(3):
        corner = corners[3 * i + k]
        if corner == corners[3 * j] or corner == corners[3 * j + 1] or corner == corners[3 * j + 2]:
            return True
    return False


@wp.kernel(enable_backward=False)
def crossings_of(
    mesh: wp.uint64,
    points: wp.array(dtype=wp.vec3d),
    corners: wp.array(dtype=wp.int32),
    center: wp.vec3d,
    zoom: wp.float64,
    pad: wp.float32,
    most: wp.int32,
    faces: wp.array(dtype=wp.int32),
    starts: wp.array(dtype=wp.int32),
    sure: wp.array(dtype=wp.int32),
    unsure: wp.array(dtype=wp.int32),
    spent: wp.array(dtype=wp.int32),
    crossed: wp.array(dtype=wp.int32),
    pairs: wp.array(dtype=wp.vec2i),
) -> None:
    """Try each of `faces` against all faces of higher index whose boxes touch its own.

    Counts sure and unsure pairs per face, marks the faces of sure pairs in `crossed`, and writes unsure pairs to
    `pairs` from `starts` on while there is room. A face stops after `most` units of work:
    a box looked at is one, so that faces that share a vertex count as well, and a pair of triangles is 16.
    """
    thread = wp.tid()
    i = faces[thread]
    a0 = points[corners[3 * i]]
    a1 = points[corners[3 * i + 1]]
    a2 = points[corners[3 * i + 2]]
    low = lowest(a0, a1, a2)
    high = highest(a0, a1, a2)
    margin = wp.vec3f(pad, pad, pad)
    query = wp.mesh_query_aabb(
        mesh, wp.vec3f((low - center) * zoom) - margin, wp.vec3f((high - center) * zoom) + margin
    )
    hits = int(0)
    doubts = int(0)
    work = int(0)
    j = int(0)
    while wp.mesh_query_next(query, j):
        work += 1
        if work > most:
            break
        if j > i and not _share(corners, i, j):
            b0 = points[corners[3 * j]]
            b1 = points[corners[3 * j + 1]]
            b2 = points[corners[3 * j + 2]]
            if not boxes_apart(low, high, lowest(b0, b1, b2), highest(b0, b1, b2)):
                work += _TEST
                found = triangles_meet(a0, a1, a2, b0, b1, b2)
                if found == HIT:
                    hits += 1
                    crossed[i] = 1
                    crossed[j] = 1
                if found == UNSURE:
                    slot = starts[thread] + doubts
                    if slot < pairs.shape[0]:
                        pairs[slot] = wp.vec2i(i, j)
                    doubts += 1
    sure[thread] = hits
    unsure[thread] = doubts
    spent[thread] = work


@wp.func
def _normal(points: wp.array(dtype=wp.vec3d), corners: wp.array(dtype=wp.int32), i: int) -> wp.vec3d:
    a = points[corners[3 * i]]
    return wp.cross(points[corners[3 * i + 1]] - a, points[corners[3 * i + 2]] - a)


@wp.kernel(enable_backward=False)
def walls_of(
    mesh: wp.uint64,
    points: wp.array(dtype=wp.vec3d),
    corners: wp.array(dtype=wp.int32),
    turn: wp.float64,
    faces: wp.array(dtype=wp.int32),
    found: wp.array(dtype=wp.float64),
) -> None:
    """The way from the center of each of `faces` through the solid to where it is left; -1 where it never is.

    Warp's ray is float32 and finds the face; the distance to that face's plane is computed in float64. `turn` is -1
    for a surface that is inside out. Faces that the ray enters on its way (a body inside a body) do not end it.
    """
    thread = wp.tid()
    i = faces[thread]
    third = wp.float64(1.0) / wp.float64(3.0)
    start = (points[corners[3 * i]] + points[corners[3 * i + 1]] + points[corners[3 * i + 2]]) * third
    way = wp.normalize(_normal(points, corners, i)) * (-turn)
    origin = wp.vec3f(start)
    direction = wp.vec3f(way)
    gone = _NEAR
    result = wp.float64(-1.0)
    for _step in range(_STEPS):
        hit = wp.mesh_query_ray(mesh, origin + direction * gone, direction, 8.0)
        if not hit.result:
            break
        normal = _normal(points, corners, hit.face) * turn
        steep = wp.dot(normal, way)
        if hit.face != i and steep > wp.float64(0.0):
            at = wp.float64(gone + hit.t)
            if steep > wp.float64(1e-3) * wp.length(normal):
                at = wp.dot(normal, points[corners[3 * hit.face]] - start) / steep
            result = wp.max(at, wp.float64(0.0))
            break
        gone = gone + hit.t + _NEAR
    found[thread] = result


@wp.func
def _closest_on(p: wp.vec3d, a: wp.vec3d, b: wp.vec3d, c: wp.vec3d) -> wp.vec3d:
    """The point of a triangle closest to p (Ericson, Real-Time Collision Detection, 5.1.5)."""
    zero = wp.float64(0.0)
    ab = b - a
    ac = c - a
    d1 = wp.dot(ab, p - a)
    d2 = wp.dot(ac, p - a)
    if d1 <= zero and d2 <= zero:
        return a
    d3 = wp.dot(ab, p - b)
    d4 = wp.dot(ac, p - b)
    if d3 >= zero and d4 <= d3:
        return b
    vc = d1 * d4 - d3 * d2
    if vc <= zero and d1 >= zero and d3 <= zero:
        return a + ab * (d1 / (d1 - d3))
    d5 = wp.dot(ab, p - c)
    d6 = wp.dot(ac, p - c)
    if d6 >= zero and d5 <= d6:
        return c
    vb = d5 * d2 - d1 * d6
    if vb <= zero and d2 >= zero and d6 <= zero:
        return a + ac * (d2 / (d2 - d6))
    va = d3 * d6 - d5 * d4
    if va <= zero and d4 - d3 >= zero and d5 - d6 >= zero:
        return b + (c - b) * ((d4 - d3) / ((d4 - d3) + (d5 - d6)))
    return a + ab * (vb / (va + vb + vc)) + ac * (vc / (va + vb + vc))


@wp.kernel(enable_backward=False)
def closest_to(
    mesh: wp.uint64,
    points: wp.array(dtype=wp.vec3d),
    corners: wp.array(dtype=wp.int32),
    queries: wp.array(dtype=wp.vec3d),
    reach: wp.float32,
    faces: wp.array(dtype=wp.int32),
    places: wp.array(dtype=wp.vec3d),
) -> None:
    """The closest face by float32, and the closest point on it by float64; face -1 where none is within reach."""
    thread = wp.tid()
    query = queries[thread]
    hit = wp.mesh_query_point_no_sign(mesh, wp.vec3f(query), reach)
    faces[thread] = -1
    if hit.result:
        a = points[corners[3 * hit.face]]
        faces[thread] = hit.face
        places[thread] = _closest_on(query, a, points[corners[3 * hit.face + 1]], points[corners[3 * hit.face + 2]])


class Frame(NamedTuple):
    """Where a model stands and how large it is, so that float32 sees it around zero."""

    center: Any  # (3,) float64
    half: float  # half of the longest side of its box, in the model's unit; 1.0 for a single point

    def inside(self, points: Any) -> Any:
        """Points moved and scaled so that the model fills [-1, 1]."""
        return (points - self.center) / self.half


def frame(vertices: Any) -> Frame:
    """The frame of a model. Raises `ValueError` where a coordinate is not finite."""
    low, high = vertices.min(axis=0), vertices.max(axis=0)
    if not (np.isfinite(low).all() and np.isfinite(high).all()):
        raise ValueError("coordinates must be finite")
    return Frame(center=low / 2 + high / 2, half=float((high / 2 - low / 2).max()) or 1.0)


def tree(points: Any, faces: Any, *, device: str) -> Any:
    """Warp's search tree over the faces; `points` are float64 within a frame and become float32. Keep it alive."""
    start()
    return wp.Mesh(
        points=wp.array(points.astype(np.float32), dtype=wp.vec3, device=device),
        indices=wp.array(faces.astype(np.int32).reshape(-1), dtype=wp.int32, device=device),
    )


class Closest(NamedTuple):
    """The nearest points of a surface, one row per query."""

    points: Any  # (n, 3) float64, in the model's unit
    faces: Any  # (n,) int64
    distances: Any  # (n,) float64, in the model's unit


def closest(queries: Any, vertices: Any, *, faces: Any, device: str) -> Closest:
    """The nearest point of the surface for each query.

    The face is found in float32: where two faces are equally near within about 1e-6 of the model's size, either may be
    named, and the distance is wrong by no more than that. Faces without area are not looked at.
    """
    around = frame(np.concatenate((vertices, queries)))
    points = around.inside(vertices)
    mesh = tree(points, faces, device=device)
    asked = wp.array(around.inside(queries), dtype=wp.vec3d, device=device)
    named = wp.zeros(len(queries), dtype=wp.int32, device=device)
    places = wp.zeros(len(queries), dtype=wp.vec3d, device=device)
    corners = wp.array(faces.astype(np.int32).reshape(-1), dtype=wp.int32, device=device)
    inputs = [mesh.id, wp.array(points, dtype=wp.vec3d, device=device), corners, asked, 8.0, named, places]
    wp.launch(closest_to, dim=len(queries), inputs=inputs, device=device)
    found = places.numpy() * around.half + around.center
    return Closest(found, named.numpy().astype(np.int64), np.linalg.norm(found - queries, axis=1))
