"""Looks at how a texture is laid over a mesh: is there a layout, has it any area, does it cover itself."""

import math
from typing import Any, NamedTuple

_GRID = 1024  # samples along a side of the box around the layout, at most
_MAX_TESTS = 2_000_000  # of a sample against a triangle; a layout that takes more gets a coarser grid
_AT_ONCE = 1 << 19  # tests held in memory at a time
# Where in its cell a sample lies: off every fraction that layouts like, so that it seldom falls onto an edge.
_OFF = (0.4142135, 0.7320508)


class Layout(NamedTuple):
    """What is true of one texture layout."""

    area: float  # of all triangles in the layout, where 1 is the whole texture
    outside: bool  # it leaves the square of the texture, as tiled textures do
    hits: int  # samples that lie in a triangle, counted once for each triangle
    covered: int  # samples that lie in any
    places: Any  # numbers of some faces that lie over an earlier one


def layout(uv: Any, faces: Any) -> Layout:
    """Measure a layout: `uv` (n, 2) for each vertex, `faces` (m, 3) in numbers of these vertices."""
    import numpy as np

    uv, faces = np.asarray(uv, dtype=np.float64), np.asarray(faces)
    none = Layout(0.0, outside=False, hits=0, covered=0, places=np.empty(0, dtype=np.int64))
    if not len(faces) or not np.isfinite(uv).all():
        return none
    low, high = uv.min(axis=0), uv.max(axis=0)
    corners = [uv[faces[:, i]] for i in range(3)]
    (ax, ay), (bx, by), (cx, cy) = ((each - low).T for each in corners)
    area = float(np.abs((bx - ax) * (cy - ay) - (cx - ax) * (by - ay)).sum()) / 2
    size = np.maximum(high - low, 1e-300)
    if not math.isfinite(area) or area <= 1e-12 * float(np.prod(size)):
        return none
    side = _side(corners, size)
    hits, covered, places = _sampled(corners, faces, low=low, step=size / side, side=side)
    outside = bool((low < -1e-6).any() or (high > 1 + 1e-6).any())
    return Layout(area, outside=outside, hits=hits, covered=covered, places=places)


def _side(corners: list[Any], size: Any) -> int:
    """Samples along a side of the grid, so many that the tests stay in their bounds."""
    import numpy as np

    reach = (np.maximum.reduce(corners) - np.minimum.reduce(corners)) / size
    side = _GRID
    while side > 1 and float(np.prod(reach * side + 1, axis=1).sum()) > _MAX_TESTS + len(reach):
        side //= 2
    return side


def _sampled(corners: list[Any], faces: Any, *, low: Any, step: Any, side: int) -> tuple[int, int, Any]:
    """How many samples the triangles hit, how many are hit at all, and some faces that hit one which was hit before."""
    import numpy as np

    off = np.array(_OFF)
    first = np.clip(np.ceil((np.minimum.reduce(corners) - low) / step - off), 0, side).astype(np.int64)
    last = np.clip(np.floor((np.maximum.reduce(corners) - low) / step - off), -1, side - 1).astype(np.int64)
    wide, tall = np.maximum(last - first + 1, 0).T
    tests = np.cumsum(wide * tall)
    seen = np.zeros(side * side, dtype=bool)
    hits, over, start = 0, [], 0
    while start < len(faces):
        done = int(tests[start - 1]) if start else 0
        stop = max(int(np.searchsorted(tests, done + _AT_ONCE, side="right")), start + 1)
        face = np.repeat(np.arange(start, stop), (wide * tall)[start:stop])
        at = np.arange(len(face)) - np.repeat(
            tests[start:stop] - (wide * tall)[start:stop] - done, (wide * tall)[start:stop]
        )
        cell = first[face] + np.stack([at % wide[face], at // wide[face]], axis=1)
        inside = _inside(low + (cell + off) * step, corners, faces=faces, face=face)
        spot, face = (cell[:, 1] * side + cell[:, 0])[inside], face[inside]
        hits += len(spot)
        order = np.argsort(spot, kind="stable")
        again = np.zeros(len(spot), dtype=bool)
        again[order[1:]] = spot[order[1:]] == spot[order[:-1]]
        over.append(np.unique(face[again | seen[spot]])[:20])
        seen[spot] = True
        start = stop
    return hits, int(seen.sum()), np.concatenate(over)[:20]


def _inside(samples: Any, corners: list[Any], *, faces: Any, face: Any) -> Any:
    """Which samples lie in their triangle; on either side of an edge two triangles reckon with the same numbers."""
    import numpy as np

    left = np.ones(len(face), dtype=bool)
    right = np.ones(len(face), dtype=bool)
    for i, j in ((0, 1), (1, 2), (2, 0)):
        ends = faces[face]
        swapped = ends[:, i] > ends[:, j]
        a, b = corners[i][face], corners[j][face]
        start, end = np.where(swapped[:, None], b, a), np.where(swapped[:, None], a, b)
        x, y = (end - start).T
        above = x * (samples[:, 1] - start[:, 1]) - y * (samples[:, 0] - start[:, 0]) > 0
        above ^= swapped
        left &= above
        right &= ~above
    return left | right
