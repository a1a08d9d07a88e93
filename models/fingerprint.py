"""Fingerprints of 3D models: one that is equal for re-exports of a model, one that is near for look-alikes."""

import hashlib
from typing import TYPE_CHECKING, Any, NamedTuple

from jobs.likeness import AXES, SHARES
from models.topology import merged

if TYPE_CHECKING:
    from numpy.typing import NDArray

VERSION = 1  # part of both fingerprints; those of different versions never match
# Numbers of a form are told apart to about 1 of 100,000: what 32-bit floats lose (1 of 10,000,000) rarely changes one,
# while a vertex moved by its edge's length changes some of them in meshes of up to about 100,000 triangles.
_STEPS = 95_492.9658  # for each 1.0; no plain fraction, so that plain numbers lie on no border
_OFFSET = 0.381966
_ROUNDS = 3  # how many edges far a vertex knows its neighbors
_BINS, _REACH = SHARES, 2.4  # of distances; the largest of them, where the root mean square from the middle is 1
_POINTS, _SHIFTS = 8192, 32  # points on the surface, and how many others each is measured against
_EVEN = 1e-12  # of an area of 1; rounding to 32-bit floats leaves a hundredth of it
_FLAT = 1e-12  # of the size squared: what has less surface has none
_VOID = f"{VERSION:02x}" + "00" * (SHARES + AXES)


class Fingerprint(NamedTuple):
    """Both, ready for a report."""

    exact: str
    shape: str

    @property
    def is_void(self) -> bool:
        """There is no surface: nothing is like it."""
        return self.shape == _VOID

    def to_json(self) -> dict[str, str]:
        """For `report.json` and the summary: `geometry_hash` and `shape`."""
        return {"geometry_hash": self.exact, "shape": self.shape}


def fingerprint(vertices: Any, faces: Any, *, distinct: bool = False) -> Fingerprint:
    """Both fingerprints of a mesh; `distinct`: its vertices are merged already, as `topology.topology` does."""
    points, corners = (vertices, faces) if distinct else merged(vertices, faces)[:2]
    corners = _with_area(corners)
    surface = _surface(points, corners)
    return Fingerprint(_exact(surface, corners, count=len(points)), _shape(surface))


def exact(vertices: Any, faces: Any) -> str:
    """A SHA-256 in hex that re-exports of one model share.

    It is the same whatever the file's format, the order of vertices and faces, vertices that stand there twice, faces
    without area, and whatever formats change by themselves: the unit, which axis is up, where the origin is, and the
    last digits of numbers. It differs where triangles, how they hang together, their sizes or proportions differ, and
    for mirror images. Not the coordinates are hashed (of thousands, rounding always carries some over a border) but
    counts, how the neighborhoods of vertices look, and a dozen integrals over the surface, each relative to the
    surface's size and in steps of about 1/100,000.
    """
    return fingerprint(vertices, faces).exact


def shape(vertices: Any, faces: Any) -> str:
    """A description in hex that hardly changes when a model is moved, turned, scaled, mirrored or cut into other triangles.

    How the distances between pairs of points of the surface are spread (Osada and others, "Shape Distributions", 2002:
    D2), as running shares, and the proportions of the principal axes; a byte each. Compare by `jobs.likeness.shapes_apart`.
    """
    return fingerprint(vertices, faces).shape


class _Surface(NamedTuple):
    """Triangles with a surface, around the surface's middle, in a size that makes its area 1."""

    corners: tuple["NDArray[Any]", "NDArray[Any]", "NDArray[Any]"]  # each (m, 3)
    areas: "NDArray[Any]"
    second: "NDArray[Any]"  # (3, 3): the mean of x x^T over the surface


def _with_area(corners: "NDArray[Any]") -> "NDArray[Any]":
    """The triangles of three places."""
    a, b, c = corners[:, 0], corners[:, 1], corners[:, 2]
    whole = (a != b) & (b != c) & (c != a)
    return corners if whole.all() else corners[whole]


def _surface(points: "NDArray[Any]", corners: "NDArray[Any]") -> _Surface | None:
    """None where there is no surface."""
    import numpy as np

    if not len(corners):
        return None
    low, high = points.min(axis=0), points.max(axis=0)
    size = float((high - low).max())
    if not size > 0:
        return None
    points = (points - (low + high) / 2) / size
    a, b, c = (points[corners[:, at]] for at in range(3))
    normals = _cross(b - a, c - a)
    areas = np.sqrt(np.einsum("fi,fi->f", normals, normals)) / 2
    whole = float(areas.sum())
    if whole < _FLAT:
        return None
    shares = areas / whole
    middle = shares @ (a + b + c) / 3
    a, b, c = ((corner - middle) / np.sqrt(whole) for corner in (a, b, c))
    # Over a triangle, the mean of x x^T is (the sum of its corners' + that of their sum) / 12.
    second = sum((part * shares[:, None]).T @ part for part in (a, b, c, a + b + c)) / 12
    return _Surface((a, b, c), shares, np.asarray(second))


def _cross(one: "NDArray[Any]", other: "NDArray[Any]") -> Any:
    """The cross product, in a third of numpy's time."""
    import numpy as np

    (x, y, z), (u, v, w) = one.T, other.T
    return np.stack([y * w - z * v, z * u - x * w, x * v - y * u], axis=1)


def _shape(surface: _Surface | None) -> str:
    import numpy as np

    if surface is None:
        return _VOID
    points = _samples(surface) / np.sqrt(np.trace(surface.second))
    found = np.zeros(_BINS)
    for number in range(1, _SHIFTS + 1):
        others = np.roll(points, number * (_POINTS // (2 * _SHIFTS)) + number, axis=0)
        far = np.linalg.norm(points - others, axis=1) / _REACH
        found += np.bincount(np.minimum(far * _BINS, _BINS - 1).astype(int), minlength=_BINS)
    shares = np.cumsum(found) / found.sum()
    axes = np.sqrt(np.clip(np.linalg.eigvalsh(surface.second)[::-1], 0, None))
    told = np.concatenate([shares, axes[1:] / axes[0]])
    return f"{VERSION:02x}" + bytes(np.rint(told * 255).astype(np.uint8)).hex()


def _samples(surface: _Surface) -> "NDArray[Any]":
    """Points spread evenly over the surface, the same ones every time; an R2 sequence places them in triangles."""
    import numpy as np

    order = np.argsort(-surface.areas, kind="stable")
    reach = np.cumsum(surface.areas[order])
    step = np.arange(_POINTS)
    which = np.searchsorted(reach, (step + 0.5) / _POINTS * reach[-1]).clip(max=len(order) - 1)
    a, b, c = (corner[order[which]] for corner in surface.corners)
    root = np.sqrt((0.5 + step * 0.7548776662466927) % 1)[:, None]
    along = ((0.5 + step * 0.5698402909980532) % 1)[:, None]
    points = (1 - root) * a + root * (1 - along) * b + root * along * c
    mixed: NDArray[Any] = points[np.argsort(_mixed(step.astype(np.uint64)))]
    return mixed  # so that neighbors in the array are none in space


def _exact(surface: _Surface | None, corners: "NDArray[Any]", *, count: int) -> str:
    """`corners`: numbers of `count` distinct places."""
    import numpy as np

    told = [VERSION, len(corners)]
    if surface is not None:
        told += [int((np.bincount(corners.ravel(), minlength=count) > 0).sum()), _neighborhoods(corners, count)]
        told += np.floor(np.array(_integrals(surface)) * _STEPS + _OFFSET).astype(int).tolist()
    return hashlib.sha256(" ".join(map(str, told)).encode()).hexdigest()


def _integrals(surface: _Surface) -> list[float]:
    """Numbers of the form that no turn changes, all of an area of 1."""
    import numpy as np

    (a, b, c), areas, second = surface
    volume = float(np.einsum("fi,fi->", a, _cross(b, c))) / 6
    middles = (a + b + c) / 3
    squares = np.einsum("fi,fi->f", middles, middles)
    skew = (areas * squares) @ middles  # a vector that turns with the model
    around = sum(np.sqrt(np.einsum("fi,fi->f", edge, edge)) for edge in (b - a, c - b, a - c))
    return [
        volume,
        float(np.trace(second)),
        float(np.trace(second @ second)) ** 0.5,
        float(np.cbrt(np.linalg.det(second))),
        float(np.linalg.norm(skew)),
        float(areas @ squares**2),
        float(areas @ around),
        float(np.mean(around)),
        float((areas**2).sum()),
        _hand(middles, areas, weights=areas * squares),
    ]


def _hand(points: "NDArray[Any]", areas: "NDArray[Any]", *, weights: "NDArray[Any]") -> float:
    """1 or -1, which of the two a model and its mirror image is; 0 where both are one.

    The full contraction of the third moments and two kinds of second moments with the tensor that changes its sign in
    a mirror; moments of one kind alone never tell.
    """
    import numpy as np

    cubes = np.stack([((areas * axis)[:, None] * points).T @ points for axis in points.T])
    plain, outer = ((part[:, None] * points).T @ points for part in (areas, weights))
    turned = np.einsum("iab,ja,kb->ijk", cubes, plain, outer)
    told = sum(turned[i, j, k] - turned[i, k, j] for i, j, k in ((0, 1, 2), (1, 2, 0), (2, 0, 1)))
    return float(np.sign(told)) if abs(told) > _EVEN else 0.0


def _neighborhoods(corners: "NDArray[Any]", count: int) -> int:
    """How triangles hang together, as a number: colors refined by neighbors (Weisfeiler and Leman), added up."""
    import numpy as np

    colors = np.bincount(corners.ravel(), minlength=count).astype(np.uint64)
    for _ in range(_ROUNDS):
        mixed = _mixed(colors)[corners]
        around = _mixed(mixed.sum(axis=1, dtype=np.uint64)[:, None] - mixed)
        total = np.zeros(count, dtype=np.uint64)
        np.add.at(total, corners.ravel(), around.ravel())
        colors = _mixed(colors) + total
    return int(_mixed(colors).sum(dtype=np.uint64))


def _mixed(numbers: "NDArray[Any]") -> "NDArray[Any]":
    """Whole numbers of 64 bits, scattered (the finalizer of SplitMix64)."""
    import numpy as np

    found = numbers + np.uint64(0x9E3779B97F4A7C15)
    found = (found ^ (found >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    found = (found ^ (found >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    result: NDArray[Any] = found ^ (found >> np.uint64(31))
    return result
