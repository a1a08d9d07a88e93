"""Looks at how a texture is laid over a mesh: is there a layout, has it any area, does it cover itself."""

import math
from typing import Any, NamedTuple

_GRID = 512  # samples along a side of the box around the layout, at most
TESTS = 500_000  # of a sample against a triangle, in a layout that deserves all the work there is
_AT_ONCE = 1 << 17  # tests held in memory at a time
# Where in its cell a sample lies: off every fraction that layouts like, so that it seldom falls onto an edge.
_OFF = (0.4142135, 0.7320508)


class Layout(NamedTuple):
    """What is true of one texture layout."""

    area: float  # of all triangles in the layout, where 1 is the whole texture
    outside: bool  # it leaves the square of the texture, as tiled textures do
    hits: int  # samples that lie in a triangle, counted once for each triangle
    covered: int  # samples that lie in any
    places: Any  # numbers of some faces that lie over an earlier one


def layout(uv: Any, faces: Any, *, tests: int = TESTS) -> Layout:
    """Measure a layout: `uv` (n, 2) for each vertex, `faces` (m, 3) in numbers of these vertices.

    A layout that takes more than `tests` and one for each triangle gets a coarser grid.
    """
    import numpy as np

    uv, faces = np.asarray(uv, dtype=np.float64), np.asarray(faces)
    none = Layout(0.0, outside=False, hits=0, covered=0, places=np.empty(0, dtype=np.int64))
    if not len(faces) or not np.isfinite(uv).all():
        return none
    low, high = uv.min(axis=0), uv.max(axis=0)
    corners = [uv[faces[:, i]] - low for i in range(3)]
    (ax, ay), (bx, by), (cx, cy) = (each.T for each in corners)
    area = float(np.abs((bx - ax) * (cy - ay) - (cx - ax) * (by - ay)).sum()) / 2
    size = np.maximum(high - low, 1e-300)
    if not math.isfinite(area) or area <= 1e-12 * float(np.prod(size)):
        return none
    side = _side(corners, size, tests=tests)
    hits, covered, places = _sampled(corners, step=size / side, side=side)
    outside = bool((low < -1e-6).any() or (high > 1 + 1e-6).any())
    return Layout(area, outside=outside, hits=hits, covered=covered, places=places)


def _side(corners: list[Any], size: Any, *, tests: int) -> int:
    """Samples along a side of the grid, so many that the tests stay in their bounds."""
    import numpy as np

    wide, tall = ((np.maximum.reduce(corners) - np.minimum.reduce(corners)) / size).T
    both, one = float(wide @ tall), float(wide.sum() + tall.sum())
    side = _GRID
    while side > 1 and both * side * side + one * side > tests:  # and one for each triangle
        side //= 2
    return side


def _sampled(corners: list[Any], *, step: Any, side: int) -> tuple[int, int, Any]:
    """How many samples the triangles hit, how many are hit at all, and some faces that hit one which was hit before."""
    import numpy as np

    off = np.array(_OFF)
    first = np.clip(np.ceil(np.minimum.reduce(corners) / step - off), 0, side).astype(np.int64)
    last = np.clip(np.floor(np.maximum.reduce(corners) / step - off), -1, side - 1).astype(np.int64)
    wide, tall = np.maximum(last - first + 1, 0).T
    tests = np.cumsum(wide * tall)
    lines = _lines(corners)
    seen = np.zeros(side * side, dtype=bool)
    hits, over, start = 0, [], 0
    while start < len(lines):
        done = int(tests[start - 1]) if start else 0
        stop = max(int(np.searchsorted(tests, done + _AT_ONCE, side="right")), start + 1)
        face = np.repeat(np.arange(start, stop), (wide * tall)[start:stop])
        at = np.arange(len(face)) - np.repeat(
            tests[start:stop] - (wide * tall)[start:stop] - done, (wide * tall)[start:stop]
        )
        cell = first[face] + np.stack([at % wide[face], at // wide[face]], axis=1)
        x, y = ((cell + off) * step).T[:, :, None]
        line = lines[face]
        value = line[:, :, 0] * x + line[:, :, 1] * y + line[:, :, 2]
        inside = (value > 0).all(axis=1) | (value < 0).all(axis=1)
        spot, face = (cell[:, 1] * side + cell[:, 0])[inside], face[inside]
        hits += len(spot)
        order = np.argsort(spot, kind="stable")
        again = np.zeros(len(spot), dtype=bool)
        again[order[1:]] = spot[order[1:]] == spot[order[:-1]]
        over.append(np.unique(face[again | seen[spot]])[:20])
        seen[spot] = True
        start = stop
    return hits, int(seen.sum()), np.concatenate(over)[:20]


def _lines(corners: list[Any]) -> Any:
    """Of each triangle the lines along its edges, (m, 3, 3): a * x + b * y + c is above 0 on one side, below on the other.

    Two triangles at one edge have the same numbers for it, but for the sign: no sample lies in both.
    """
    import numpy as np

    lines = []
    for i, j in ((0, 1), (1, 2), (2, 0)):
        (ax, ay), (bx, by) = corners[i].T, corners[j].T
        swapped = (ax > bx) | ((ax == bx) & (ay > by))
        ax, ay, bx, by = (np.where(swapped, *pair) for pair in ((bx, ax), (by, ay), (ax, bx), (ay, by)))
        line = np.stack([ay - by, bx - ax, ax * by - ay * bx], axis=1)
        lines.append(np.where(swapped, -1.0, 1.0)[:, None] * line)
    return np.stack(lines, axis=1)
