"""Polygons of a USD mesh as triangles with one look and one place in a texture for each vertex. In the process apart."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

from parsers.model_faults import MAX_TRIANGLES, malformed, not_finite, too_many

_NONE = -1  # the look of faces that wear none


class Faces(NamedTuple):
    """Triangles of one look."""

    vertices: Any  # (n, 3) float64
    faces: Any  # (m, 3) int64
    uv: Any  # (n, 2) float64, or None
    look: int | None


class Polygons(NamedTuple):
    """A mesh as the file has it."""

    points: Any  # (n, 3) float64
    counts: Any  # (f,) corners of each face
    corners: Any  # (c,) numbers of points, face by face
    dropped: Any  # (f,) bool: faces that are holes, or no faces
    turned: bool  # faces run with the clock, seen from outside

    def spread(self, values: Any, interpolation: str, *, width: int) -> Any:
        """A primvar's values (flattened) by corner, (c, width); None where they do not fit the mesh."""
        import numpy as np

        found = np.array(values, dtype=np.float64).reshape(-1, width) if values is not None and len(values) else None
        if found is None or not np.isfinite(found).all():
            return None
        wanted: dict[str, tuple[int, Callable[[], Any]]] = {
            "constant": (1, lambda: np.zeros(len(self.corners), dtype=np.int64)),
            "uniform": (len(self.counts), lambda: np.repeat(np.arange(len(self.counts)), self.counts)),
            "vertex": (len(self.points), lambda: self.corners),
            "varying": (len(self.points), lambda: self.corners),
            "faceVarying": (len(self.corners), lambda: np.arange(len(self.corners))),
        }
        size, numbers = wanted.get(interpolation, (-1, lambda: None))
        return found[numbers()] if len(found) == size else None


def polygons(prim: Any, time: Any) -> Polygons | None:
    """The polygons of a mesh or a shape; None where it has none.

    Raises `UnreadableFile` (`model.malformed`, `model.not_finite`) and `InputError` (`limit.triangles`).
    """
    import numpy as np
    from pxr import UsdGeom

    mesh = UsdGeom.Mesh(prim)
    if not mesh:
        return _shape(prim, time)
    given = [attribute.Get(time) for attribute in _lists(mesh)]
    if any(one is None or not len(one) for one in given[:3]):
        return None
    points, counts, corners = np.array(given[0], np.float64), np.array(given[1], np.int64), np.array(given[2], np.int64)
    if counts.min() < 0 or counts.sum() != len(corners) or not 0 <= corners.min() <= corners.max() < len(points):
        raise malformed("A face of the USD has a corner that is not there.")
    if int(np.maximum(counts - 2, 0).sum()) > MAX_TRIANGLES:
        raise too_many(int((counts - 2).sum()))
    if not np.isfinite(points).all():
        raise not_finite()
    dropped = counts < 3
    holes = np.array(given[3] if given[3] is not None else (), np.int64)
    dropped[holes[(holes >= 0) & (holes < len(counts))]] = True
    turned = mesh.GetOrientationAttr().Get(time) == UsdGeom.Tokens.leftHanded
    return Polygons(points, counts, corners, dropped, turned=bool(turned))


def _lists(mesh: Any) -> tuple[Any, ...]:
    return (
        mesh.GetPointsAttr(),
        mesh.GetFaceVertexCountsAttr(),
        mesh.GetFaceVertexIndicesAttr(),
        mesh.GetHoleIndicesAttr(),
    )


def _shape(prim: Any, time: Any) -> Polygons | None:
    """A shape that is given by its sizes, as triangles."""
    import numpy as np
    import trimesh

    def size(name: str) -> float:
        return abs(float(prim.GetAttribute(name).Get(time)))

    kind = str(prim.GetTypeName())
    make: Any = trimesh.creation
    if kind == "Cube":
        found = make.box(extents=[size("size")] * 3)
    elif kind == "Sphere":
        found = make.icosphere(subdivisions=3, radius=size("radius"))
    elif kind == "Cone":
        found = make.cone(radius=size("radius"), height=size("height"))
        found.apply_translation([0, 0, -size("height") / 2])
    else:
        made = make.cylinder if kind == "Cylinder" else make.capsule
        found = made(radius=size("radius"), height=size("height"))
        found.apply_translation(-found.bounds.mean(axis=0))
    points, axis = np.asarray(found.vertices, np.float64), prim.GetAttribute("axis").Get(time)
    turn = {"X": [2, 0, 1], "Y": [1, 2, 0]}.get(
        str(axis) if axis else "Z"
    )  # from Z, in cycles, so that nothing mirrors
    points = points[:, turn] if turn else points
    if not np.isfinite(points).all():
        raise not_finite()
    faces = np.asarray(found.faces, np.int64)
    counts = np.full(len(faces), 3)
    return Polygons(points, counts, faces.ravel(), np.zeros(len(faces), dtype=bool), turned=False)


def cut(
    mesh: Polygons,
    whole: int | None,
    subsets: Sequence[tuple[int, Any]],
    *,
    uv_of: Callable[[int | None], Any],
) -> Iterator[Faces]:
    """The mesh where its look changes: `subsets` are looks of faces by number, `whole` is that of all others."""
    import numpy as np

    looks = np.full(len(mesh.counts), _NONE if whole is None else whole)
    for look, chosen in subsets:
        faces = np.array(chosen, np.int64)
        looks[faces[(faces >= 0) & (faces < len(looks))]] = look
    triangles, owners = _fans(mesh)
    for look in np.unique(looks[owners]).tolist():
        name = None if look == _NONE else look
        yield _piece(mesh, triangles[looks[owners] == look], uv=uv_of(name), look=name)


def _fans(mesh: Polygons) -> tuple[Any, Any]:
    """Triangles as numbers of corners, each polygon fanned out from its first, and the face that each comes from."""
    import numpy as np

    many = np.where(mesh.dropped, 0, mesh.counts - 2)
    owners = np.repeat(np.arange(len(many)), many)
    starts = np.cumsum(mesh.counts) - mesh.counts
    nth = np.arange(len(owners)) - np.repeat(np.cumsum(many) - many, many)
    first = starts[owners]
    found = np.stack([first, first + nth + 1, first + nth + 2], axis=1)
    return (found[:, ::-1] if mesh.turned else found), owners


def _piece(mesh: Polygons, triangles: Any, *, uv: Any, look: int | None) -> Faces:
    """A point of the file becomes a vertex, or one for each place in the texture that it has."""
    import numpy as np

    corners = mesh.corners[triangles]
    if uv is None:
        used, faces = np.unique(corners, return_inverse=True)
        return Faces(mesh.points[used], faces.reshape(-1, 3), None, look)
    rows = np.concatenate([corners.reshape(-1, 1), uv[triangles].reshape(-1, 2).view(np.int64)], axis=1)
    used, faces = np.unique(rows, axis=0, return_inverse=True)
    places = np.ascontiguousarray(used[:, 1:]).view(np.float64)
    return Faces(mesh.points[used[:, 0]], faces.reshape(-1, 3), places, look)
