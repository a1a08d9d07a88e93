"""Meshes of our making with everything that is true of each: closed, open, turned, crossing, thin, doubled."""

import math
from typing import Any, NamedTuple

import numpy as np


class Labelled(NamedTuple):
    """One mesh and its exact facts; vertices at one place are one vertex, collapsed faces have no part in topology."""

    vertices: Any  # (n, 3) float64, in meters
    faces: Any  # (m, 3) int64
    triangles: int
    bodies: int  # pieces that share no vertex
    watertight: bool  # each edge has exactly two faces
    boundary_edges: int  # with one face
    non_manifold_edges: int  # with three faces or more
    degenerate: int  # faces without area
    duplicates: int  # faces that have the same corners as an earlier one
    inverted: int  # bodies turned inside out; a cavity is none
    winding_consistent: bool  # over edges of two faces
    genus: int | None  # of all bodies together; None unless each is closed, consistent and manifold
    volume: float | None  # signed; None unless each body is closed and consistent
    area: float
    self_intersecting: bool  # faces cross that share no vertex
    non_manifold_vertices: int = 0  # where surfaces touch in that point alone
    thinnest: float | None = None  # meters through the thinnest wall, where that is plain


def cube(divisions: int = 1, *, size: float = 1.0, at: tuple[float, float, float] = (0, 0, 0)) -> tuple[Any, Any]:
    """A closed cube of 12 * divisions**2 triangles; its lowest corner stands at `at`."""
    return box(divisions, sides=(size, size, size), at=at)


def box(divisions: int, *, sides: tuple[float, float, float], at: tuple[float, float, float]) -> tuple[Any, Any]:
    """A closed box."""
    n, found, faces = divisions, {}, []

    def corner(spot: tuple[int, int, int]) -> int:
        return found.setdefault(spot, len(found))

    for axis in range(3):
        for side in (0, n):
            for i in range(n):
                for j in range(n):
                    square = []
                    for u, v in ((i, j), (i + 1, j), (i + 1, j + 1), (i, j + 1)):
                        spot = [0, 0, 0]
                        spot[axis], spot[(axis + 1) % 3], spot[(axis + 2) % 3] = side, u, v
                        square.append(corner(tuple(spot)))
                    a, b, c, d = square if side else square[::-1]
                    faces += [(a, b, c), (a, c, d)]
    vertices = np.array(list(found), dtype=np.float64) / n * np.array(sides) + np.array(at, dtype=np.float64)
    return vertices, np.array(faces, dtype=np.int64)


def sphere(rings: int = 10, sides: int = 14, *, bump: float = 0.0) -> tuple[Any, Any]:
    """A closed ball of radius about 1 with 2 * sides * (rings - 1) triangles."""
    polar = np.arange(1, rings) * math.pi / rings
    round_ = np.arange(sides) * 2 * math.pi / sides
    p, r = (part.ravel() for part in np.meshgrid(polar, round_, indexing="ij"))
    radius = 1 + bump * np.sin(5 * p) * np.cos(4 * r)
    points = np.stack([np.sin(p) * np.cos(r), np.sin(p) * np.sin(r), np.cos(p)], axis=1) * radius[:, None]
    vertices = np.concatenate([points, [[0, 0, 1], [0, 0, -1]]])
    north, south = len(points), len(points) + 1
    faces = []
    for j in range(sides):
        k = (j + 1) % sides
        faces.append((north, j, k))
        for i in range(rings - 2):
            a, b, c, d = i * sides + j, (i + 1) * sides + j, (i + 1) * sides + k, i * sides + k
            faces += [(a, b, c), (a, c, d)]
        last = (rings - 2) * sides
        faces.append((south, last + k, last + j))
    return vertices, np.array(faces, dtype=np.int64)


def torus(rings: int = 24, sides: int = 12, *, bump: float = 0.1) -> tuple[Any, Any]:
    """A closed bumpy ring of 2 * rings * sides triangles, made fast: `torus(1000, 500)` has a million."""
    u, v = (
        part.ravel()
        for part in np.meshgrid(
            np.arange(rings) * 2 * math.pi / rings, np.arange(sides) * 2 * math.pi / sides, indexing="ij"
        )
    )
    tube = 0.3 * (1 + bump * np.sin(7 * u) * np.cos(3 * v))
    reach = 1 + tube * np.cos(v)
    vertices = np.stack([reach * np.cos(u), reach * np.sin(u), tube * np.sin(v)], axis=1)
    i, j = (part.ravel() for part in np.meshgrid(np.arange(rings), np.arange(sides), indexing="ij"))
    k, m = (i + 1) % rings, (j + 1) % sides
    a, b, c, d = i * sides + j, k * sides + j, k * sides + m, i * sides + m
    faces = np.stack([np.stack([a, b, c], axis=1), np.stack([a, c, d], axis=1)], axis=1).reshape(-1, 3)
    return vertices, faces.astype(np.int64)


def sheet(divisions: int = 4) -> tuple[Any, Any]:
    """A flat open square of 2 * divisions**2 triangles."""
    n = divisions + 1
    vertices = np.array([(i, j, 0) for i in range(n) for j in range(n)], dtype=np.float64) / divisions
    faces = []
    for i in range(divisions):
        for j in range(divisions):
            a, b, c, d = i * n + j, (i + 1) * n + j, (i + 1) * n + j + 1, i * n + j + 1
            faces += [(a, b, c), (a, c, d)]
    return vertices, np.array(faces, dtype=np.int64)


def mobius(segments: int = 16) -> tuple[Any, Any]:
    """A band with one side: no winding of it is consistent."""
    rows = []
    for i in range(segments):
        turn = 2 * math.pi * i / segments
        for across in (-0.2, 0.2):
            reach = 1 + across * math.cos(turn / 2)
            rows.append((reach * math.cos(turn), reach * math.sin(turn), across * math.sin(turn / 2)))
    faces = []
    for i in range(segments):
        a, b = 2 * i, 2 * i + 1
        c, d = (2 * i + 2, 2 * i + 3) if i < segments - 1 else (1, 0)
        faces += [(a, c, b), (b, c, d)]
    return np.array(rows), np.array(faces, dtype=np.int64)


def joined(*meshes: tuple[Any, Any]) -> tuple[Any, Any]:
    """Several meshes as one, side by side in the arrays."""
    vertices, faces, before = [], [], 0
    for points, corners in meshes:
        vertices.append(points)
        faces.append(corners + before)
        before += len(points)
    return np.concatenate(vertices), np.concatenate(faces)


def turned(mesh: tuple[Any, Any]) -> tuple[Any, Any]:
    """The same inside out."""
    return mesh[0], mesh[1][:, ::-1].copy()


def moved(mesh: tuple[Any, Any], by: tuple[float, float, float], *, scale: float = 1.0) -> tuple[Any, Any]:
    """The same elsewhere, in another size."""
    return mesh[0] * scale + np.array(by), mesh[1]


def volume_of(mesh: tuple[Any, Any]) -> float:
    """Signed volume, by sums that lose no digit."""
    return math.fsum(float(np.dot(a, np.cross(b, c))) for a, b, c in mesh[0][mesh[1]]) / 6


def area_of(mesh: tuple[Any, Any]) -> float:
    """Area, by sums that lose no digit."""
    return math.fsum(float(np.linalg.norm(np.cross(b - a, c - a))) for a, b, c in mesh[0][mesh[1]]) / 2


def label(mesh: tuple[Any, Any], **facts: Any) -> Labelled:
    """A mesh with its facts; those not given are those of one clean closed body."""
    closed = facts.get("watertight", True) and facts.get("winding_consistent", True)
    clean: dict[str, Any] = {
        "triangles": len(mesh[1]),
        "bodies": 1,
        "watertight": True,
        "boundary_edges": 0,
        "non_manifold_edges": 0,
        "degenerate": 0,
        "duplicates": 0,
        "inverted": 0,
        "winding_consistent": True,
        "genus": 0 if closed else None,
        "volume": volume_of(mesh) if closed else None,
        "area": area_of(mesh),
        "self_intersecting": False,
    }
    return Labelled(*mesh, **(clean | facts))


def meshes() -> dict[str, Labelled]:
    """Every labelled mesh, by name; the arrays are new in each call."""
    return {**_closed(), **_open(), **_broken(), **_crossing()}


def _closed() -> dict[str, Labelled]:
    tetrahedron = np.array([(0.0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1)]), np.array([(0, 2, 1), (0, 1, 3), (0, 3, 2), (1, 2, 3)])  # fmt: skip
    hollow = joined(cube(2), turned(cube(2, size=0.5, at=(0.25, 0.25, 0.25))))
    many = joined(*(cube(at=(2.0 * i, 2.0 * j, 2.0 * k)) for i in range(3) for j in range(3) for k in range(3)))
    touching = joined(cube(2), cube(2, at=(1, 1, 1)))
    return {
        "tetrahedron": label(tetrahedron, volume=1 / 6, area=1.5 + 3**0.5 / 2),
        "cube": label(cube(), volume=1.0, area=6.0, thinnest=1.0),
        "fine_cube": label(cube(5), volume=1.0, area=6.0, thinnest=1.0),
        "sphere": label(sphere(bump=0.05)),
        "torus": label(torus(), genus=1),
        "inverted": label(turned(torus()), genus=1, inverted=1),
        "hollow": label(hollow, bodies=2, volume=0.875, area=7.5, thinnest=0.25),
        "hollow_inverted": label(turned(hollow), bodies=2, volume=-0.875, inverted=1),
        "two_bodies": label(joined(cube(3), moved(torus(), (5, 0, 0))), bodies=2, genus=1),
        "one_of_two_inverted": label(joined(cube(), turned(moved(cube(), (5, 0, 0)))), bodies=2, volume=0, inverted=1),
        "many_bodies": label(many, bodies=27, volume=27.0, area=162.0),
        "thin_plate": label(box(4, sides=(1, 1, 0.0005), at=(0, 0, 0)), volume=0.0005, area=2.002, thinnest=0.0005),
        "non_manifold_vertex": label(touching, genus=None, volume=2.0, area=12.0, non_manifold_vertices=1),
    }


def _open() -> dict[str, Labelled]:
    points, corners = cube(3)
    whole = points, corners
    return {
        "open_cube": label((points, corners[1:]), watertight=False, boundary_edges=3),
        "sheet": label(sheet(), watertight=False, boundary_edges=16, area=1.0),
        "mobius": label(mobius(), watertight=False, boundary_edges=32, winding_consistent=False),
        "open_and_closed": label(
            joined(whole, moved(sheet(), (4, 0, 0))), bodies=2, watertight=False, boundary_edges=16, area=7.0
        ),
        "bow_tie": label(
            (np.array([(0.0, 0, 0), (1, 0, 0), (1, 1, 0), (-1, 0, 0), (-1, -1, 0)]), np.array([(0, 1, 2), (0, 3, 4)])),
            watertight=False,
            boundary_edges=6,
            area=1.0,
            non_manifold_vertices=1,
        ),
    }


def _broken() -> dict[str, Labelled]:
    points, corners = cube(3)
    flipped = corners.copy()
    flipped[7] = flipped[7][::-1]
    fin = np.concatenate([points, [[-1, 0.2, 0.5]]]), np.concatenate([corners, [[*corners[0][:2], len(points)]]])
    edge = joined(cube(), cube(at=(1, 1, 0)))  # they touch in the edge from (1, 1, 0) to (1, 1, 1)
    return {
        "flipped_face": label((points, flipped), winding_consistent=False),
        "fin": label(fin, watertight=False, boundary_edges=2, non_manifold_edges=1),
        "non_manifold_edge": label(edge, watertight=False, non_manifold_edges=1, area=12.0),
        "duplicate_face": label(
            (points, np.concatenate([corners, corners[5:6]])), watertight=False, non_manifold_edges=3, duplicates=1
        ),
        "duplicate_turned": label(
            (points, np.concatenate([corners, np.roll(corners[5:7, ::-1], 1, axis=1)])),
            watertight=False,
            non_manifold_edges=len({frozenset((f[i], f[i - 1])) for f in corners[5:7].tolist() for i in range(3)}),
            duplicates=2,
        ),
        "collapsed_faces": label(
            (points, np.concatenate([corners, [[3, 3, 5], [4, 4, 4]]])), degenerate=2, volume=1.0, area=6.0
        ),
        "sliver": _sliver(),
    }


def _sliver() -> Labelled:
    """A cube in which one face is split at the middle of an edge, and a triangle without area closes the gap."""
    points, corners = cube()
    a, b, c = corners[0].tolist()
    middle = len(points)
    vertices = np.concatenate([points, [(points[a] + points[b]) / 2]])
    faces = np.concatenate([corners[1:], [(a, middle, c), (middle, b, c), (a, b, middle)]])
    return label((vertices, faces), degenerate=1, volume=1.0, area=6.0)


def _crossing() -> dict[str, Labelled]:
    two = joined(cube(2), cube(2, size=0.9, at=(0.35, 0.45, 0.55)))
    points, corners = cube()
    at = int(np.flatnonzero((points == 1).all(axis=1))[0])
    points[at] = (0.6, 0.55, -0.5)  # the top corner is pulled out through the bottom
    pulled = points, corners
    return {
        "two_crossing": label(two, bodies=2, volume=1 + 0.9**3, area=6 * (1 + 0.81), self_intersecting=True),
        "pulled_through": label(pulled, self_intersecting=True, inverted=int(volume_of(pulled) < 0)),
    }
