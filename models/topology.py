"""How the triangles of a mesh hang together: vertices at one place are one, edges, bodies, holes, touching points."""

from collections.abc import Sequence
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
    sizes: Any  # of each part the longest side of its box; 1 for a point
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

    points, corners, part, extents = merged(vertices, faces, sizes=sizes)
    solid = (corners[:, 0] != corners[:, 1]) & (corners[:, 1] != corners[:, 2]) & (corners[:, 2] != corners[:, 0])
    kept = corners if solid.all() else corners[solid]
    edges, turned, touching = _edges(kept, len(points))
    bodies, body = _bodies(edges, places=len(points))
    return Topology(
        points=points,
        corners=corners,
        solid=solid,
        part=part,
        sizes=extents,
        edges=edges,
        turned=np.flatnonzero(turned),
        body=body,
        bodies=bodies,
        touching=touching,
    )


def merged(vertices: Any, faces: Any, *, sizes: Sequence[int] = ()) -> tuple[Any, Any, Any, Any]:
    """The distinct places that faces use, the faces in numbers of these, the part of each place, sizes of parts.

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
    low, extents = _boxes(vertices, part, parts=max(len(sizes), 1))
    if not len(vertices):
        return vertices, faces, part, extents
    tolerance = 10.0 ** (np.floor(np.log10(extents)) - _RELATIVE)
    columns, beside = [part], np.zeros(len(vertices))
    for axis in range(3):  # one by one: there may be millions of them
        spot = (vertices[:, axis] - low[part, axis]) / tolerance[part]
        cell = np.rint(spot)
        beside = np.maximum(beside, np.abs(spot - cell))
        columns.append(cell.astype(np.int64))
    first, place = _distinct(columns)
    near = np.flatnonzero(beside[first] > 0.5 - _BORDER)
    some = first[near]
    spots = (vertices[some] - low[part[some]]) / tolerance[part[some], None]
    # The part is one more dimension, so that places of two parts are never near.
    first, place = _across_borders(np.column_stack([spots, part[some]]), near, first=first, place=place)
    if len(first) == len(vertices):
        return vertices, faces, part, extents
    return vertices[first], place[faces], part[first], extents


def _boxes(vertices: Any, part: Any, *, parts: int) -> tuple[Any, Any]:
    """Of each part the lowest corner of its box, and the longest side; 1 for a point."""
    import numpy as np

    low, size = np.zeros((parts, 3)), np.zeros(parts)
    if len(vertices):
        starts = np.concatenate([[0], np.flatnonzero(np.diff(part)) + 1])
        low[part[starts]] = np.minimum.reduceat(vertices, starts)
        size[part[starts]] = (np.maximum.reduceat(vertices, starts) - low[part[starts]]).max(axis=1)
    size[size == 0] = 1.0
    return low, size


def _distinct(columns: list[Any]) -> tuple[Any, Any]:
    """The first of each kind among rows of integers, in their order, and the number of the kind of each row."""
    import numpy as np

    mixed = np.zeros(len(columns[0]), dtype=np.uint64)
    for column, odd in zip(columns, _HASH, strict=True):
        mixed = (mixed ^ column.astype(np.uint64)) * np.uint64(odd)
        mixed ^= mixed >> np.uint64(32)
    order = np.argsort(mixed)
    mixed = mixed[order]
    differ = _differ(columns, order)
    if (differ & (mixed[1:] == mixed[:-1])).any():  # two kinds of one hash: only a file made for it has that
        order = np.lexsort(columns)
        differ = _differ(columns, order)
    if differ.all():
        return np.arange(len(order)), np.arange(len(order))
    starts = np.concatenate([[0], np.flatnonzero(differ) + 1])
    found = np.minimum.reduceat(order, starts)
    by_place = np.argsort(found)
    number = np.empty(len(found), dtype=np.int64)
    number[by_place] = np.arange(len(found))
    kind = np.empty(len(order), dtype=np.int64)
    kind[order] = np.repeat(number, np.diff(np.append(starts, len(order))))
    return found[by_place], kind


def _differ(columns: list[Any], order: Any) -> Any:
    """Which rows, in that order, are not as the one before."""
    import numpy as np

    found = np.zeros(max(len(order) - 1, 0), dtype=bool)
    for column in columns:
        ordered = column[order]
        found |= ordered[1:] != ordered[:-1]
    return found


def _across_borders(spots: Any, near: Any, *, first: Any, place: Any) -> tuple[Any, Any]:
    """Unite kinds whose rows lie side by side at a border of two cells, where rounding tears them apart.

    `near` numbers the kinds that lie at one, `spots` are their places.
    """
    import numpy as np

    if len(near) < 2:
        return first, place
    from scipy.spatial import cKDTree

    pairs = cKDTree(spots).query_pairs(2 * _BORDER, output_type="ndarray")
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
    graph = coo_matrix(
        (ones, (left.astype(np.int32, copy=False), right.astype(np.int32, copy=False))), shape=(nodes, nodes)
    )
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
    del start, end, key, upward_sorted  # what follows needs the room
    return Edges(low, high, count), turned, _touching(faces, upward, order=order, same=same, places=places)


def _touching(faces: Any, upward: Any, *, order: Any, same: Any, places: int) -> Any:
    """Places whose faces make more than one fan: walking from face to face over edges does not reach them all."""
    import numpy as np

    left, right = (_ends(side[same].astype(np.int32), upward) for side in (order[:-1], order[1:]))
    fans, fan = components(left, right, nodes=len(upward))
    place = np.empty(fans, dtype=np.int64)
    place[fan] = faces.ravel()
    return np.flatnonzero(np.bincount(place, minlength=places) > 1)


def _ends(half: Any, upward: Any) -> Any:
    """The corners at the ends of half edges, numbered as these are: all of the lower places, then of the higher."""
    import numpy as np

    onward = np.where(half % 3 == 2, half - 2, half + 1)  # a half edge starts at its own corner, and ends at the next
    return np.concatenate([np.where(upward[half], half, onward), np.where(upward[half], onward, half)])


def _bodies(edges: Edges, *, places: int) -> tuple[int, Any]:
    """How many bodies have a solid face, and the body of each place; a place of collapsed faces alone has -1."""
    import numpy as np

    pieces, piece = components(edges.low, edges.high, nodes=places)
    real = np.zeros(pieces, dtype=bool)
    real[piece[edges.low]] = True
    number = np.where(real, np.cumsum(real) - 1, -1)
    return int(real.sum()), number[piece]
