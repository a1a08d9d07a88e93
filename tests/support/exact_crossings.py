"""Do triangles meet? With fractions, by cutting: slow, and by another way than the code under test."""

from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from itertools import combinations

Vector = tuple[Fraction, Fraction, Fraction]
HalfSpace = tuple[Vector, Fraction]  # all x with normal . x >= offset


def triangles_meet(one: Sequence[Sequence[float]], other: Sequence[Sequence[float]]) -> bool:
    """Whether two closed triangles have a common point: what is left of one when the half-spaces of the other cut it."""
    return bool(common(*map(exactly, (one, other))))


def triangles_cross(one: Sequence[Sequence[float]], other: Sequence[Sequence[float]]) -> bool:
    """Whether the middle of what they have in common is inside both; in one plane, where they have the same side up.

    One without area goes through another where it has points on both of its sides.
    """
    a, b = map(exactly, (one, other))
    shared = common(a, b)
    solid = [corners for corners in (a, b) if any(normal_of(corners))]
    if not shared or not solid:
        return False
    if len(solid) == 1:
        heights = [dot(normal_of(solid[0]), minus(point, solid[0][0])) for point in (b if solid[0] is a else a)]
        if not min(heights) < 0 < max(heights):
            return False
    elif not any(cross(normal_of(a), normal_of(b))) and dot(normal_of(a), normal_of(b)) < 0:
        return False
    middle = tuple(sum(values) / len(shared) for values in zip(*shared, strict=True))
    return all(
        dot(cross(normal_of(corners), minus(q, p)), minus(middle, p)) > 0
        for corners in solid
        for p, q in zip(corners, (*corners[1:], corners[0]), strict=True)
    )


def exactly(corners: Sequence[Sequence[float]]) -> list[Vector]:
    return [tuple(map(Fraction, point)) for point in corners]


def common(one: list[Vector], other: list[Vector]) -> list[Vector]:
    """The corners of what two triangles have in common."""
    left = one
    for normal, offset in half_spaces(other):
        left = cut(left, normal=normal, offset=offset)
    return left


def normal_of(corners: Sequence[Vector]) -> Vector:
    a, b, c = corners
    return cross(minus(b, a), minus(c, a))


def met_pairs(
    vertices: Sequence[Sequence[float]],
    faces: Sequence[Sequence[int]],
    *,
    how: Callable[[Sequence[Sequence[float]], Sequence[Sequence[float]]], bool] = triangles_meet,
) -> set[tuple[int, int]]:
    """All pairs of faces that share no place of a vertex and meet so."""
    corners = [[tuple(float(value) + 0.0 for value in vertices[at]) for at in face] for face in faces]
    return {
        (i, j)
        for i, j in combinations(range(len(corners)), 2)
        if not set(corners[i]) & set(corners[j]) and how(corners[i], corners[j])
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
    normal = normal_of(corners)
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
