"""Do triangles meet? With fractions, by cutting: slow, and by another way than the code under test."""

from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import combinations

Vector = tuple[Fraction, Fraction, Fraction]
HalfSpace = tuple[Vector, Fraction]  # all x with normal . x >= offset


def triangles_meet(one: Sequence[Sequence[float]], other: Sequence[Sequence[float]]) -> bool:
    """Whether two closed triangles have a common point: what is left of one when the half-spaces of the other cut it."""
    left, solid = ([tuple(map(Fraction, point)) for point in corners] for corners in (one, other))
    for normal, offset in half_spaces(solid):
        left = cut(left, normal=normal, offset=offset)
    return bool(left)


def crossing_pairs(vertices: Sequence[Sequence[float]], faces: Sequence[Sequence[int]]) -> set[tuple[int, int]]:
    """All pairs of faces that share no place of a vertex and have a common point."""
    corners = [[tuple(float(value) + 0.0 for value in vertices[at]) for at in face] for face in faces]
    return {
        (i, j)
        for i, j in combinations(range(len(corners)), 2)
        if not set(corners[i]) & set(corners[j]) and triangles_meet(corners[i], corners[j])
    }


def minus(a: Vector, b: Vector) -> Vector:
    return a[0] - b[0], a[1] - b[1], a[2] - b[2]


def dot(a: Vector, b: Vector) -> Fraction:
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]


def cross(a: Vector, b: Vector) -> Vector:
    return a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]


def both(normal: Vector, point: Vector) -> Iterator[HalfSpace]:
    """A plane through a point, as two half-spaces."""
    yield normal, dot(normal, point)
    yield (-normal[0], -normal[1], -normal[2]), -dot(normal, point)


def half_spaces(corners: Sequence[Vector]) -> Iterator[HalfSpace]:
    """The half-spaces whose common part is the triangle; it may be as thin as a segment or a point."""
    a, b, c = corners
    normal = cross(minus(b, a), minus(c, a))
    if any(normal):
        yield from both(normal, a)
        for p, q in ((a, b), (b, c), (c, a)):
            inward = cross(normal, minus(q, p))
            yield inward, dot(inward, p)
        return
    p, q = max(combinations(corners, 2), key=lambda pair: dot(minus(*pair), minus(*pair)))
    along = minus(q, p)
    for axis in ((1, 0, 0), (0, 1, 0), (0, 0, 1)):
        yield from both(cross(along, axis) if any(along) else axis, p)
    yield along, dot(along, p)
    yield (-along[0], -along[1], -along[2]), -dot(along, q)


def cut(polygon: Sequence[Vector], *, normal: Vector, offset: Fraction) -> list[Vector]:
    """The part of a convex polygon within a half-space, its border included (Sutherland and Hodgman, 1974)."""
    left = []
    for k, point in enumerate(polygon):
        before = polygon[k - 1]
        here, there = dot(normal, point) - offset, dot(normal, before) - offset
        if here * there < 0:
            share = there / (there - here)
            left.append(tuple(b + share * (p - b) for b, p in zip(before, point, strict=True)))
        if here >= 0:
            left.append(point)
    return left
