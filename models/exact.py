"""Do two triangles have a common point? Decided with integers, for the pairs that floating point leaves open."""

from collections.abc import Sequence
from typing import NamedTuple


class _V(NamedTuple):
    """A point or a direction with integer coordinates."""

    x: int
    y: int
    z: int


Corners = Sequence[Sequence[float]]


def meet(one: Corners, other: Corners) -> bool:
    """Whether two closed triangles have a common point, touching included; triangles without area are segments or points.

    Exact for all finite coordinates: every double is an integer times a power of two.
    """
    points = _whole([*one, *other])
    a, b = points[:3], points[3:]
    return any(_edge_meets(p, q, triangle=b) for p, q in _edges(a)) or any(
        _edge_meets(p, q, triangle=a) for p, q in _edges(b)
    )


def _whole(points: Sequence[Sequence[float]]) -> list[_V]:
    """Points scaled by one power of two, so that all coordinates are whole."""
    ratios = [[float(value).as_integer_ratio() for value in point] for point in points]
    scale = max(below for point in ratios for _, below in point)
    return [_V(*(above * (scale // below) for above, below in point)) for point in ratios]


def _edges(corners: Sequence[_V]) -> tuple[tuple[_V, _V], ...]:
    a, b, c = corners
    return (a, b), (b, c), (c, a)


def _less(a: _V, b: _V) -> _V:
    return _V(a.x - b.x, a.y - b.y, a.z - b.z)


def _cross(a: _V, b: _V) -> _V:
    return _V(a.y * b.z - a.z * b.y, a.z * b.x - a.x * b.z, a.x * b.y - a.y * b.x)


def _dot(a: _V, b: _V) -> int:
    return a.x * b.x + a.y * b.y + a.z * b.z


def _volume(a: _V, b: _V, c: _V, d: _V) -> int:
    """Six times the signed volume of a tetrahedron."""
    return _dot(_cross(_less(b, a), _less(c, a)), _less(d, a))


def _edge_meets(p: _V, q: _V, *, triangle: Sequence[_V]) -> bool:
    a, b, c = triangle
    normal = _cross(_less(b, a), _less(c, a))
    if not any(normal):
        return any(_segments_meet(p, q, r, s) for r, s in _edges(triangle))
    above, below = _dot(normal, _less(p, a)), _dot(normal, _less(q, a))
    if above == 0 and below == 0:
        return _flat_meets(p, q, triangle=triangle, normal=normal)
    if (above > 0) == (below > 0) and above and below:
        return False
    turns = [_volume(p, q, r, s) for r, s in _edges(triangle)]
    return all(turn >= 0 for turn in turns) or all(turn <= 0 for turn in turns)


def _flat_meets(p: _V, q: _V, *, triangle: Sequence[_V], normal: _V) -> bool:
    """The same in the triangle's own plane: p lies within it, or the segment meets one of its edges."""
    turns = [_dot(_cross(_less(s, r), _less(p, r)), normal) for r, s in _edges(triangle)]
    return all(turn >= 0 for turn in turns) or any(_segments_meet(p, q, r, s) for r, s in _edges(triangle))


def _segments_meet(p: _V, q: _V, r: _V, s: _V) -> bool:
    """Whether two closed segments, either of which may be a point, have a common point."""
    along, other, gap = _less(q, p), _less(s, r), _less(r, p)
    across = _cross(along, other)
    if any(across):  # two lines that are not parallel: in one plane, and each parameter within its segment
        if _dot(across, gap):
            return False
        square = _dot(across, across)
        return 0 <= _dot(_cross(gap, other), across) <= square and 0 <= _dot(_cross(gap, along), across) <= square
    line = along if any(along) else other
    if any(_cross(line, gap)):
        return False
    first = sorted((_dot(line, p), _dot(line, q)))
    second = sorted((_dot(line, r), _dot(line, s)))
    if not any(line):
        return p == r
    return first[0] <= second[1] and second[0] <= first[1]
