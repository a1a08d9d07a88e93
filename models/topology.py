"""How the triangles of a mesh hang together: vertices at one place are one, edges, bodies, holes, touching points."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

# Digits of a model's size in which two vertices must agree to be one: what 32-bit floats hold.
_RELATIVE = 7
# Share of a cell of the grid that a vertex may lie from its border to be looked at again: above the noise of sums in
# 64-bit floats, yet so little that few vertices are.
_BORDER = 0.01
_HASH = (0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9, 0x27D4EB2F165667C5)  # odd numbers without pattern


class Edges(NamedTuple):
    """The distinct edges of a mesh; three arrays of one length."""

    low: Any  # the vertex with the lower number
    high: Any  # the other
    faces: Any  # how many faces have it


@dataclass(frozen=True, slots=True, kw_only=True)
class Topology:
    """One mesh as slicers and renderers see it; collapsed faces have no part in it."""

    points: Any  # (n, 3), the distinct places that have a face
    corners: Any  # (m, 3) places of every face of the mesh, collapsed ones too
    solid: Any  # (m,) which faces have three distinct corners
    part: Any  # (n,) the part of each place
    tolerance: Any  # of each part: places of it nearer than this, in the mesh's unit, are one
    edges: Edges
    turned: Any  # numbers of the edges of two faces that disagree about what is outside
    body: Any  # (n,) number of the body of each place; bodies are pieces that share no place
    bodies: int
    touching: Any  # places in which surfaces touch without sharing an edge there


def topology(vertices: Any, faces: Any, *, sizes: Sequence[int] = ()) -> Topology:
    """Hang a mesh together; `vertices` (n, 3) are finite, `faces` (m, 3) number them.

    A mesh may hold parts that have nothing to do with one another, wherever they lie: `sizes` says how many vertices
    each has, one part after the other.
    """
    import numpy as np

    points, corners, part, tolerance = merged(vertices, faces, sizes=sizes)
    solid = (corners[:, 0] != corners[:, 1]) & (corners[:, 1] != corners[:, 2]) & (corners[:, 2] != corners[:, 0])
    kept = corners if solid.all() else corners[solid]
    edges, turned, touching = _edges(kept, len(points))
    bodies, body = _bodies(edges, places=len(points))
    return Topology(
        points=points,
        corners=corners,
        solid=solid,
        part=part,
        tolerance=tolerance,
        edges=edges,
        turned=np.flatnonzero(turned),
        body=body,
        bodies=bodies,
        touching=touching,
    )


def merged(vertices: Any, faces: Any, *, sizes: Sequence[int] = ()) -> tuple[Any, Any, Any, Any]:
    """The distinct places that faces use, the faces in numbers of these, the part of each place, tolerances of parts.

    Vertices are one where they round to one cell of their part's grid, or lie a hair from a border of two cells.
    """
    import numpy as np

    faces = np.asarray(faces, dtype=np.int64)
    vertices = np.asarray(vertices, dtype=np.float64)
    part = np.repeat(np.arange(max(len(sizes), 1)), sizes or [len(vertices)])
    used = np.zeros(len(vertices), dtype=bool)
    used[faces.ravel()] = True
    if not used.all():
        number = np.cumsum(used) - 1
        vertices, faces, part = vertices[used], number[faces], part[used]
    low, tolerance = _grids(vertices, part, parts=max(len(sizes), 1))
    if not len(vertices):
        return vertices, faces, part, tolerance
    spots = (vertices - low[part]) / tolerance[part, None]
    cells = np.rint(spots)
    rows = np.column_stack([cells.astype(np.int64), part])
    first, place = _distinct(rows)
    beside = np.abs(spots - cells).max(axis=1)
    # The part is one more dimension, so that places of two parts are never near.
    first, place = _across_borders(
        lambda some: np.column_stack([spots[some], part[some]]), beside, first=first, place=place
    )
    if len(first) == len(vertices):
        return vertices, faces, part, tolerance
    return vertices[first], place[faces], part[first], tolerance


def _grids(vertices: Any, part: Any, *, parts: int) -> tuple[Any, Any]:
    """Of each part the lowest corner of its box, and the side of the cells in which vertices are one: a power of ten."""
    import numpy as np

    low, size = np.zeros((parts, 3)), np.zeros(parts)
    if len(vertices):
        starts = np.concatenate([[0], np.flatnonzero(np.diff(part)) + 1])
        low[part[starts]] = np.minimum.reduceat(vertices, starts)
        size[part[starts]] = (np.maximum.reduceat(vertices, starts) - low[part[starts]]).max(axis=1)
    size[size == 0] = 1.0
    return low, 10.0 ** (np.floor(np.log10(size)) - _RELATIVE)


def _distinct(rows: Any) -> tuple[Any, Any]:
    """The first of each kind among rows of four integers, in their order, and the number of the kind of each row."""
    import numpy as np

    mixed = np.zeros(len(rows), dtype=np.uint64)
    for column, odd in zip(rows.T, _HASH, strict=True):
        mixed = (mixed ^ column.astype(np.uint64)) * np.uint64(odd)
        mixed ^= mixed >> np.uint64(32)
    order = np.argsort(mixed)
    mixed, rows_sorted = mixed[order], rows[order]
    differ = (rows_sorted[1:] != rows_sorted[:-1]).any(axis=1)
    if (differ & (mixed[1:] == mixed[:-1])).any():  # two kinds of one hash: only a file made for it has that
        order = np.lexsort(rows.T)
        rows_sorted = rows[order]
        differ = (rows_sorted[1:] != rows_sorted[:-1]).any(axis=1)
    if differ.all():
        return np.arange(len(rows)), np.arange(len(rows))
    starts = np.concatenate([[0], np.flatnonzero(differ) + 1])
    found = np.minimum.reduceat(order, starts)
    by_place = np.argsort(found)
    number = np.empty(len(found), dtype=np.int64)
    number[by_place] = np.arange(len(found))
    kind = np.empty(len(rows), dtype=np.int64)
    kind[order] = np.repeat(number, np.diff(np.append(starts, len(rows))))
    return found[by_place], kind


def _across_borders(spots: Callable[[Any], Any], offsets: Any, *, first: Any, place: Any) -> tuple[Any, Any]:
    """Unite kinds whose rows lie side by side at a border of two cells, where rounding tears them apart."""
    import numpy as np

    near = np.flatnonzero(offsets[first] > 0.5 - _BORDER)
    if len(near) < 2:
        return first, place
    from scipy.spatial import cKDTree

    pairs = cKDTree(spots(first[near])).query_pairs(2 * _BORDER, output_type="ndarray")
    if not len(pairs):
        return first, place
    count, united = components(near[pairs[:, 0]], near[pairs[:, 1]], nodes=len(first))
    leader = np.full(count, len(first))
    np.minimum.at(leader, united, np.arange(len(first)))
    order = np.argsort(leader)
    number = np.empty(count, dtype=np.int64)
    number[order] = np.arange(count)
    return first[leader[order]], number[united][place]


def components(left: Any, right: Any, *, nodes: int) -> tuple[int, Any]:
    """How many pieces a graph has, and the number of the piece of each node; `left[i]` is joined to `right[i]`."""
    import numpy as np

    if not nodes:
        return 0, np.empty(0, dtype=np.int32)
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    ones = np.ones(len(left), dtype=np.int8)
    graph = coo_matrix((ones, (left.astype(np.int32), right.astype(np.int32))), shape=(nodes, nodes))
    count, piece = connected_components(graph, directed=False)
    return int(count), piece


def _edges(faces: Any, places: int) -> tuple[Edges, Any, Any]:
    """The edges, which of them have two faces that disagree, and the places where surfaces only touch."""
    import numpy as np

    start, end = faces.ravel(), faces[:, [1, 2, 0]].ravel()
    upward = start < end
    key = np.where(upward, start * places + end, end * places + start)
    order = np.argsort(key)
    key, upward_sorted = key[order], upward[order]
    same = key[1:] == key[:-1]
    starts = np.flatnonzero(np.concatenate([[True], ~same])) if len(key) else np.empty(0, dtype=np.int64)
    count = np.diff(np.append(starts, len(key)))
    pair = starts[count == 2]
    turned = np.zeros(len(starts), dtype=bool)
    turned[count == 2] = upward_sorted[pair] == upward_sorted[pair + 1]
    low, high = np.divmod(key[starts], max(places, 1))
    return Edges(low, high, count), turned, _touching(faces, upward, order=order, same=same, places=places)


def _touching(faces: Any, upward: Any, *, order: Any, same: Any, places: int) -> Any:
    """Places whose faces make more than one fan: walking from face to face over edges does not reach them all."""
    import numpy as np

    half = np.arange(len(upward), dtype=np.int32)
    onward = half + 1
    onward[2::3] -= 3  # the corner of the same face at which a half edge ends
    one, other = order[:-1][same], order[1:][same]
    low, high = np.where(upward, half, onward), np.where(upward, onward, half)  # corners at the ends of half edges
    left, right = (np.concatenate([low[side], high[side]]) for side in (one, other))
    fans, fan = components(left, right, nodes=len(half))
    place = np.empty(fans, dtype=np.int64)
    place[fan] = faces.ravel()
    return np.flatnonzero(np.bincount(place, minlength=places) > 1)


def _bodies(edges: Edges, *, places: int) -> tuple[int, Any]:
    """How many bodies have a solid face, and the body of each place; a place of collapsed faces alone has -1."""
    import numpy as np

    pieces, piece = components(edges.low, edges.high, nodes=places)
    real = np.zeros(pieces, dtype=bool)
    real[piece[edges.low]] = True
    number = np.where(real, np.cumsum(real) - 1, -1)
    return int(real.sum()), number[piece]
