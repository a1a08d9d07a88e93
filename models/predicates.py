"""The exact part of the crossing kernels: where points lie, and whether two triangles meet; -1, 0, 1 as far as float64 is sure.

Compilers may fuse multiplications and additions: that only makes the errors smaller than the bounds that stand here.
"""
# ruff: noqa: PLR0911, PLR1714, SIM110 - Warp's subset of Python has no sets, no any(), and wants early returns
# mypy: disable-error-code="valid-type,no-any-return,untyped-decorator"
# The line above: annotations here are Warp's types, made at run time; Warp itself checks them when it compiles.

from typing import Any

import warp

wp: Any = warp  # Warp's own annotations describe Python's side of it, not kernels

MISS, HIT, UNSURE = 0, 1, 2
# Relative rounding errors of the determinants below. J. R. Shewchuk, Adaptive Precision Floating-Point Arithmetic and
# Fast Robust Geometric Predicates, 1997: (7 + 56e)e for orient3d and (3 + 16e)e for orient2d with e = 2**-53; doubled.
_ERROR_3D = wp.constant(wp.float64(1.6e-15))
_ERROR_2D = wp.constant(wp.float64(7.0e-16))
_UNDERFLOW = wp.constant(wp.float64(1e-280))  # coordinates are scaled to about 1; products below this lose digits


@wp.func
def _side(a: wp.vec3d, b: wp.vec3d, c: wp.vec3d, d: wp.vec3d) -> int:
    """On which side of the plane a, b, c the point d lies: 1 or -1, or 0 where rounding could have decided."""
    ad = a - d
    bd = b - d
    cd = c - d
    x1 = bd[1] * cd[2]
    x2 = bd[2] * cd[1]
    y1 = bd[2] * cd[0]
    y2 = bd[0] * cd[2]
    z1 = bd[0] * cd[1]
    z2 = bd[1] * cd[0]
    found = ad[0] * (x1 - x2) + ad[1] * (y1 - y2) + ad[2] * (z1 - z2)
    size = (
        wp.abs(ad[0]) * (wp.abs(x1) + wp.abs(x2))
        + wp.abs(ad[1]) * (wp.abs(y1) + wp.abs(y2))
        + wp.abs(ad[2]) * (wp.abs(z1) + wp.abs(z2))
    )
    doubt = _ERROR_3D * size + _UNDERFLOW
    if found > doubt:
        return 1
    if found < -doubt:
        return -1
    return 0


@wp.func
def _turn(p: wp.vec3d, q: wp.vec3d, r: wp.vec3d, axis: int) -> int:
    """Whether p, q, r turn left (1) or right (-1) as seen along an axis; 0 where rounding could have decided."""
    u = (axis + 1) % 3
    v = (axis + 2) % 3
    left = (p[u] - r[u]) * (q[v] - r[v])
    right = (p[v] - r[v]) * (q[u] - r[u])
    doubt = _ERROR_2D * (wp.abs(left) + wp.abs(right)) + _UNDERFLOW
    if left - right > doubt:
        return 1
    if left - right < -doubt:
        return -1
    return 0


@wp.func
def _edge_meets(sp: int, sq: int, p: wp.vec3d, q: wp.vec3d, a: wp.vec3d, b: wp.vec3d, c: wp.vec3d) -> int:
    """Whether the segment p, q meets the triangle, given the sides of its plane on which p and q lie."""
    if sp * sq > 0:
        return MISS
    s1 = _side(p, q, a, b)
    s2 = _side(p, q, b, c)
    if s1 * s2 < 0:
        return MISS
    s3 = _side(p, q, c, a)
    if s1 * s3 < 0 or s2 * s3 < 0:
        return MISS
    if sp * sq < 0 and s1 * s2 > 0 and s1 * s3 > 0:
        return HIT
    return UNSURE


@wp.func
def _edge_parts(p: wp.vec3d, q: wp.vec3d, r: wp.vec3d, b0: wp.vec3d, b1: wp.vec3d, b2: wp.vec3d, axis: int) -> bool:
    """Whether the edge p, q surely parts its own triangle (r is the third corner) from another, seen along an axis."""
    own = _turn(p, q, r, axis)
    if own == 0:
        return False
    return _turn(p, q, b0, axis) == -own and _turn(p, q, b1, axis) == -own and _turn(p, q, b2, axis) == -own


@wp.func
def _parted(a0: wp.vec3d, a1: wp.vec3d, a2: wp.vec3d, b0: wp.vec3d, b1: wp.vec3d, b2: wp.vec3d) -> bool:
    """Whether the shadows of two triangles along one of the axes surely lie apart: then so do the triangles."""
    for axis in range(3):
        if _edge_parts(a0, a1, a2, b0, b1, b2, axis) or _edge_parts(a1, a2, a0, b0, b1, b2, axis):
            return True
        if _edge_parts(a2, a0, a1, b0, b1, b2, axis) or _edge_parts(b0, b1, b2, a0, a1, a2, axis):
            return True
        if _edge_parts(b1, b2, b0, a0, a1, a2, axis) or _edge_parts(b2, b0, b1, a0, a1, a2, axis):
            return True
    return False


@wp.func
def triangles_meet(a0: wp.vec3d, a1: wp.vec3d, a2: wp.vec3d, b0: wp.vec3d, b1: wp.vec3d, b2: wp.vec3d) -> int:
    """Whether two closed triangles have a common point: one of the six edges meets the other triangle."""
    s0 = _side(a0, a1, a2, b0)
    s1 = _side(a0, a1, a2, b1)
    s2 = _side(a0, a1, a2, b2)
    if s0 != 0 and s0 == s1 and s1 == s2:
        return MISS
    t0 = _side(b0, b1, b2, a0)
    t1 = _side(b0, b1, b2, a1)
    t2 = _side(b0, b1, b2, a2)
    if t0 != 0 and t0 == t1 and t1 == t2:
        return MISS
    e0 = _edge_meets(s0, s1, b0, b1, a0, a1, a2)
    e1 = _edge_meets(s1, s2, b1, b2, a0, a1, a2)
    e2 = _edge_meets(s2, s0, b2, b0, a0, a1, a2)
    if e0 == HIT or e1 == HIT or e2 == HIT:
        return HIT
    f0 = _edge_meets(t0, t1, a0, a1, b0, b1, b2)
    f1 = _edge_meets(t1, t2, a1, a2, b0, b1, b2)
    f2 = _edge_meets(t2, t0, a2, a0, b0, b1, b2)
    if f0 == HIT or f1 == HIT or f2 == HIT:
        return HIT
    if e0 + e1 + e2 + f0 + f1 + f2 == MISS:
        return MISS
    if _parted(a0, a1, a2, b0, b1, b2):
        return MISS
    return UNSURE


@wp.func
def lowest(a: wp.vec3d, b: wp.vec3d, c: wp.vec3d) -> wp.vec3d:
    """The low corner of a triangle's box."""
    return wp.min(wp.min(a, b), c)


@wp.func
def highest(a: wp.vec3d, b: wp.vec3d, c: wp.vec3d) -> wp.vec3d:
    """The high corner of a triangle's box."""
    return wp.max(wp.max(a, b), c)


@wp.func
def boxes_apart(low: wp.vec3d, high: wp.vec3d, other_low: wp.vec3d, other_high: wp.vec3d) -> bool:
    """Whether two boxes have no common point."""
    for axis in range(3):
        if low[axis] > other_high[axis] or other_low[axis] > high[axis]:
            return True
    return False
