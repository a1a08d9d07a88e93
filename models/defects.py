"""Findings out of measured meshes: what is wrong, how often, and the places that a person should look at first."""

from collections.abc import Callable
from typing import Any, NamedTuple

from models.findings import MAX_PLACES, Code, Finding, worst
from models.results import Crossings, Point, Thickness
from models.surface import Surface
from models.topology import Topology, components


class Mesh(NamedTuple):
    """One mesh, hung together and measured."""

    topology: Topology
    surface: Surface


class _Spots(NamedTuple):
    """Where one thing is wrong."""

    number: int  # of times
    points: Any  # (n, 3), one or more of them
    weights: Any  # (n,), how bad each is


def holes(mesh: Topology) -> tuple[int, Any, Any]:
    """How many holes there are, and the two arrays: a place on the rim of each, the length of each rim."""
    import numpy as np

    rim = mesh.edges.faces == 1
    low, high = mesh.edges.low[rim], mesh.edges.high[rim]
    places, ends = np.unique(np.concatenate([low, high]), return_inverse=True)
    count, piece = components(ends[: len(low)], ends[len(low) :], nodes=len(places))
    length = np.linalg.norm(mesh.points[low] - mesh.points[high], axis=1)
    rims = np.bincount(piece[ends[: len(low)]], weights=length, minlength=count)
    some = np.empty(count, dtype=np.int64)
    some[piece] = places
    return count, mesh.points[some], rims


def findings_of(mesh: Mesh, *, crossings: Crossings | None, thickness: Thickness | None) -> list[Finding]:
    """What is wrong with the geometry."""
    found = []
    for code, look in _LOOKS.items():
        spots = look(mesh)
        if spots.number:
            found.append(Finding(code=code, count=spots.number, places=worst(spots.points, spots.weights)))
    if crossings and crossings.faces:
        found.append(_given(Code.SELF_INTERSECTIONS, crossings.faces, crossings.places))
    if crossings and crossings.touching.faces:
        found.append(_given(Code.TOUCHING, crossings.touching.faces, crossings.touching.places))
    if thickness and thickness.thin:
        found.append(_given(Code.THIN_WALLS, thickness.thin, thickness.places))
    if mesh.surface.flat.all():
        found.append(Finding(code=Code.NO_SURFACE, count=len(mesh.surface.flat)))
    return found


def _given(code: Code, count: int, places: list[Point]) -> Finding:
    return Finding(code=code, count=count, places=tuple(places[:MAX_PLACES]))


def _edges(mesh: Topology, chosen: Any) -> _Spots:
    """Those edges, by their middles, the longest first."""
    import numpy as np

    low, high = mesh.points[mesh.edges.low[chosen]], mesh.points[mesh.edges.high[chosen]]
    return _Spots(len(low), (low + high) / 2, np.linalg.norm(low - high, axis=1))


def _faces(mesh: Mesh, chosen: Any) -> _Spots:
    """Those faces, by their middles, the longest first."""
    middles = mesh.topology.points[mesh.topology.corners[chosen]].mean(axis=1)
    return _Spots(len(middles), middles, mesh.surface.longest[chosen])


def _open_edges(mesh: Mesh) -> _Spots:
    _, places, rims = holes(mesh.topology)
    return _Spots(int((mesh.topology.edges.faces == 1).sum()), places, rims)


def _non_manifold(mesh: Mesh) -> _Spots:
    import numpy as np

    hung = mesh.topology
    edges = _edges(hung, hung.edges.faces > 2)
    points = hung.points[hung.touching]
    count = edges.number + len(points)
    return _Spots(count, np.concatenate([edges.points, points]), np.append(edges.weights, np.zeros(len(points))))


def _inverted(mesh: Mesh) -> _Spots:
    import numpy as np

    chosen = np.flatnonzero(mesh.surface.inverted)
    place = np.empty(max(mesh.topology.bodies, 1), dtype=np.int64)
    owned = mesh.topology.body >= 0
    place[mesh.topology.body[owned]] = np.flatnonzero(owned)
    return _Spots(len(chosen), mesh.topology.points[place[chosen]], np.abs(mesh.surface.volume[chosen]))


_LOOKS: dict[Code, Callable[[Mesh], _Spots]] = {
    Code.NOT_WATERTIGHT: _open_edges,
    Code.NON_MANIFOLD: _non_manifold,
    Code.WINDING: lambda mesh: _edges(mesh.topology, mesh.topology.turned),
    Code.INVERTED: _inverted,
    Code.DEGENERATE: lambda mesh: _faces(mesh, mesh.surface.flat),
    Code.DUPLICATE_FACES: lambda mesh: _faces(mesh, mesh.surface.repeated),
}


def bodies(made: Surface, *, limit: int) -> list[dict[str, Any]]:
    """The bodies of the most triangles as JSON facts, the largest first."""
    import numpy as np

    found = []
    for at in np.argsort(-made.triangles, kind="stable")[:limit].tolist():
        sound = bool(made.closed[at] and made.consistent[at])
        found.append(
            {
                "triangles": int(made.triangles[at]),
                "vertices": int(made.vertices[at]),
                "watertight": bool(made.closed[at]),
                "winding_consistent": bool(made.consistent[at]),
                "inverted": bool(made.inverted[at]),
                "euler": int(made.euler[at]),
                "genus": 1 - int(made.euler[at]) // 2 if made.manifold[at] else None,
                "volume": float(made.volume[at]) if sound else None,
            }
        )
    return found
