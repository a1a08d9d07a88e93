"""What the surface of a mesh encloses: area, volume and genus of each body, faces without area or that stand twice."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from models.topology import Topology

_AT_ONCE = 1 << 18  # faces measured at a time, so that memory stays flat
# Share of its part's size that a face is high, at most, when it is flat: three corners on a line that were rounded to
# 32-bit floats lie off it by up to a fourth of that.
_FLAT = 1e-6
# Work spent on telling cavities from bodies turned inside out, in faces looked at; beyond, the sum of volumes decides.
_MAX_LOOKS = 20_000_000
_MAX_HOLLOWS = 256
_LOOK = 2_000  # what asking about one more body costs, in faces


@dataclass(frozen=True, slots=True, kw_only=True)
class Surface:
    """Measures of a mesh, of each face (m,) or each body (k,)."""

    area: float  # of all faces
    longest: Any  # longest edge of each face
    flat: Any  # faces without area, but for what rounding gave them
    repeated: Any  # numbers of faces that have the same corners as an earlier one
    triangles: Any  # solid faces of each body
    vertices: Any  # of each body
    closed: Any  # bodies in which each edge has exactly two faces
    consistent: Any  # bodies whose faces agree about what is outside
    manifold: Any  # closed, consistent, and no place where it only touches itself
    euler: Any  # vertices - edges + faces of each body
    volume: Any  # signed, of each body; 0 unless closed and consistent. Below 0: its faces look inwards
    inverted: Any  # bodies whose faces look the wrong way; a cavity's look inwards rightly


def surface(mesh: Topology) -> Surface:
    """Measure a mesh that was hung together."""
    import numpy as np

    edges, bodies = mesh.edges, mesh.bodies
    solid = mesh.corners[mesh.solid]
    owner = mesh.body[solid[:, 0]]  # the body of each solid face
    of_edge = mesh.body[edges.low]
    closed = np.ones(bodies, dtype=bool)
    closed[of_edge[edges.faces != 2]] = False
    consistent = np.ones(bodies, dtype=bool)
    consistent[of_edge[mesh.turned]] = False
    manifold = closed & consistent
    manifold[mesh.body[mesh.touching]] = False
    triangles, vertices = _tally(owner, bodies), _tally(mesh.body[mesh.body >= 0], bodies)
    area, longest, flat = _faces(mesh)
    volume = _volumes(mesh, solid, owner=owner)
    volume[~(closed & consistent)] = 0.0
    return Surface(
        area=area,
        longest=longest,
        flat=flat,
        repeated=_repeated(mesh),
        triangles=triangles,
        vertices=vertices,
        closed=closed,
        consistent=consistent,
        manifold=manifold,
        euler=vertices - _tally(of_edge, bodies) + triangles,
        volume=volume,
        inverted=_inside_out(mesh, solid, owner=owner, volume=volume),
    )


def _tally(numbers: Any, length: int) -> Any:
    import numpy as np

    return np.bincount(numbers, minlength=length)


def _chunks(length: int) -> Iterator[slice]:
    for start in range(0, length, _AT_ONCE):
        yield slice(start, start + _AT_ONCE)


def _cross(a: Any, b: Any) -> tuple[Any, Any, Any]:
    """Cross products of rows; several times faster than `numpy.cross`."""
    return (
        a[:, 1] * b[:, 2] - a[:, 2] * b[:, 1],
        a[:, 2] * b[:, 0] - a[:, 0] * b[:, 2],
        a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0],
    )


def _faces(mesh: Topology) -> tuple[float, Any, Any]:
    """The area of all faces, the longest edge of each, and which have none worth the name."""
    import numpy as np

    sums: list[float] = []
    longest = np.empty(len(mesh.corners))
    flat = np.empty(len(mesh.corners), dtype=bool)
    for part in _chunks(len(mesh.corners)):
        a, b, c = (mesh.points[mesh.corners[part, i]] for i in range(3))
        ab, ac, bc = b - a, c - a, c - b
        x, y, z = _cross(ab, ac)
        double = np.sqrt(x * x + y * y + z * z)
        length = np.sqrt(np.max([np.einsum("ij,ij->i", side, side) for side in (ab, ac, bc)], axis=0))
        sums.append(float(double.sum()) / 2)
        longest[part] = length
        lowest = _FLAT * mesh.sizes[mesh.part[mesh.corners[part, 0]]]
        flat[part] = double <= lowest * length  # the height over the longest edge
    return math.fsum(sums), longest, flat


def _volumes(mesh: Topology, solid: Any, *, owner: Any) -> Any:
    """Signed volume of each body, as if closed: tetrahedra from one of its places, so that no digit is lost far out."""
    import numpy as np

    found = np.zeros(mesh.bodies)
    if not mesh.bodies:
        return found
    origin = np.empty(mesh.bodies, dtype=np.int64)
    origin[owner] = solid[:, 0]
    for part in _chunks(len(solid)):
        home = mesh.points[origin[owner[part]]]
        a, b, c = (mesh.points[solid[part, i]] - home for i in range(3))
        x, y, z = _cross(b, c)
        six = a[:, 0] * x + a[:, 1] * y + a[:, 2] * z
        found += np.bincount(owner[part], weights=six, minlength=mesh.bodies)
    return found / 6


def _repeated(mesh: Topology) -> Any:
    """Numbers of the solid faces that have the same three corners, in any order, as one before."""
    import numpy as np

    numbers = np.flatnonzero(mesh.solid)
    if len(numbers) < 2:
        return numbers[:0]
    faces = mesh.corners[numbers]
    a, b, c = faces.T
    low, high = np.minimum(np.minimum(a, b), c), np.maximum(np.maximum(a, b), c)
    # Two numbers name the three corners but for the middle one: few faces without a twin are left to look at.
    key = low * len(mesh.points) + high
    order = np.argsort(key)
    ordered = key[order]
    same = ordered[1:] == ordered[:-1]
    alike = order[np.concatenate([[False], same]) | np.concatenate([same, [False]])]
    if not len(alike):
        return numbers[:0]
    alike.sort()
    middle = (a + b + c)[alike] - low[alike] - high[alike]
    by = np.lexsort((middle, key[alike]))  # stable: of equal faces the earlier first
    key_by, middle_by = key[alike][by], middle[by]
    again = (key_by[1:] == key_by[:-1]) & (middle_by[1:] == middle_by[:-1])
    return np.sort(numbers[alike[by[1:][again]]])


def _inside_out(mesh: Topology, solid: Any, *, owner: Any, volume: Any) -> Any:
    """Which bodies look the wrong way: inwards, and they are no cavity, which lies within an odd number of others."""
    import numpy as np

    wrong = np.zeros(mesh.bodies, dtype=bool)
    inwards = np.flatnonzero(volume < 0)
    if not len(inwards):
        return wrong
    if mesh.bodies == 1:
        wrong[0] = True
        return wrong
    inwards = inwards[np.argsort(volume[inwards], kind="stable")]  # the largest first
    order = np.argsort(owner, kind="stable")
    starts = np.searchsorted(owner[order], np.arange(mesh.bodies + 1))
    corners = mesh.points[solid[order]]
    low = np.minimum.reduceat(corners.min(axis=1), starts[:-1])
    high = np.maximum.reduceat(corners.max(axis=1), starts[:-1])
    looks = 0
    for done, body in enumerate(inwards.tolist()):
        around = (volume != 0) & (low <= low[body]).all(axis=1) & (high >= high[body]).all(axis=1)
        around[body] = False
        depth = 0
        for other in np.flatnonzero(around).tolist():
            looks += _LOOK + int(starts[other + 1] - starts[other])
            if looks > _MAX_LOOKS:
                break
            depth += _encloses(corners[starts[other] : starts[other + 1]], corners[starts[body], 0])
        if looks > _MAX_LOOKS or done >= _MAX_HOLLOWS:
            wrong[inwards[done:]] = volume.sum() < 0
            break
        wrong[body] = depth % 2 == 0
    return wrong


def _encloses(triangles: Any, point: Any) -> bool:
    """Whether a closed surface (m, 3, 3) winds around a point: solid angles by van Oosterom and Strackee, 1983."""
    import numpy as np

    around = 0.0
    for part in _chunks(len(triangles)):
        a, b, c = (triangles[part, i] - point for i in range(3))
        x, y, z = _cross(b, c)
        i, j, k = (np.sqrt(np.einsum("ij,ij->i", side, side)) for side in (a, b, c))
        ab, bc, ca = (np.einsum("ij,ij->i", one, two) for one, two in ((a, b), (b, c), (c, a)))
        above = a[:, 0] * x + a[:, 1] * y + a[:, 2] * z
        around += float(np.arctan2(above, i * j * k + ab * k + bc * i + ca * j).sum())
    return math.isfinite(around) and round(around / (2 * math.pi)) != 0
