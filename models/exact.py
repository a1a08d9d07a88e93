"""How do two triangles lie to each other? Decided with integers, for the pairs that floating point leaves open."""

from collections.abc import Sequence
from enum import Enum
from fractions import Fraction
from typing import NamedTuple


class _V(NamedTuple):
    """A point or a direction with integer coordinates."""

    x: int
    y: int
    z: int


Corners = Sequence[Sequence[float]]


class Relation(Enum):
    """How two closed triangles lie to each other; those without area are segments or points."""

    APART = "apart"  # no common point
    TOUCHING = "touching"  # common points, but neither goes through the other
    CROSSING = "crossing"  # their insides meet in a line, or in one plane with the same side up; a segment pierces one


def relation(one: Corners, other: Corners) -> Relation:
    """Exact for all finite coordinates: every double is an integer times a power of two.

    Faces that lie in one plane cross where both solids are on the same side of it, so that they fill the same room; a
    face that stands on another, or lies on it face to face, touches.
    """
    points = _whole([*one, *other])
    a, b = points[:3], points[3:]
    if not any(_edge_meets(p, q, triangle=b) for p, q in _edges(a)) and not any(
        _edge_meets(p, q, triangle=a) for p, q in _edges(b)
    ):
        return Relation.APART
    return Relation.CROSSING if _go_through(a, b) else Relation.TOUCHING


def _go_through(a: Sequence[_V], b: Sequence[_V]) -> bool:
    up, other_up = _normal(a), _normal(b)
    above = [_dot(up, _less(p, a[0])) for p in b]
    other_above = [_dot(other_up, _less(p, b[0])) for p in a]
    if not any(up) or not any(other_up):
        return any(_pierces(p, q, triangle=b) for p, q in _edges(a)) or any(
            _pierces(p, q, triangle=a) for p, q in _edges(b)
        )
    if not any(above):
        return _dot(up, other_up) > 0 and _overlap(a, b, up=up) and _overlap(b, a, up=other_up)
    if not (min(above) < 0 < max(above) and min(other_above) < 0 < max(other_above)):
        return False
    along = _cross(up, other_up)
    low, high = _stretch(a, other_above, along=along)
    other_low, other_high = _stretch(b, above, along=along)
    return max(low, other_low) < min(high, other_high)


def _pierces(p: _V, q: _V, *, triangle: Sequence[_V]) -> bool:
    """Whether the segment goes through the inside of a triangle, from one side to the other."""
    up = _normal(triangle)
    if _dot(up, _less(p, triangle[0])) * _dot(up, _less(q, triangle[0])) >= 0:
        return False
    turns = [_volume(p, q, r, s) for r, s in _edges(triangle)]
    return all(turn > 0 for turn in turns) or all(turn < 0 for turn in turns)


def _normal(corners: Sequence[_V]) -> _V:
    a, b, c = corners
    return _cross(_less(b, a), _less(c, a))


def _stretch(corners: Sequence[_V], above: Sequence[int], *, along: _V) -> tuple[Fraction, Fraction]:
    """From where to where, along a line in a plane, a triangle is cut by the plane that its corners are `above`."""
    found = [Fraction(_dot(along, p)) for p, height in zip(corners, above, strict=True) if height == 0]
    for (p, q), (low, high) in zip(_edges(corners), _pairs(above), strict=True):
        if low * high < 0:
            found.append(Fraction(_dot(along, p) * high - _dot(along, q) * low, high - low))
    return min(found), max(found)


def _pairs(values: Sequence[int]) -> tuple[tuple[int, int], ...]:
    a, b, c = values
    return (a, b), (b, c), (c, a)


def _overlap(a: Sequence[_V], b: Sequence[_V], *, up: _V) -> bool:
    """Whether no edge of `a` parts it from `b`, which lies in its plane."""
    return all(any(_dot(_cross(_less(s, r), _less(p, r)), up) > 0 for p in b) for r, s in _edges(a))


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
    a = triangle[0]
    normal = _normal(triangle)
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
