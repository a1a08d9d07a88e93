"""The geometry report of a model: what it is, what is wrong with it and where, and what it will do for."""

import math
from collections.abc import Sequence
from dataclasses import asdict
from itertools import islice
from typing import Any

from jobs.errors import UnreadableFile
from models.defects import Mesh, bodies, findings_of, holes
from models.dress import dress
from models.findings import Code, Finding
from models.parts import Part
from models.results import Crossings, Thickness
from models.surface import surface
from models.topology import topology
from models.verdicts import Budgets, verdicts

MAX_BODIES = 100  # bodies that are described one by one
MAX_PARTS = 100  # parts that are
_EXPORT = "Open it in a 3D program and export it again."
_FAR = 1e100  # meters; beyond, volumes leave what a float can hold


def report(
    parts: Sequence[Part],
    *,
    budgets: Budgets,
    file_bytes: int | None = None,
    crossings: Crossings | None = None,
    thickness: Thickness | None = None,
) -> dict[str, Any]:
    """The report as JSON facts; lengths in meters.

    A part that is closed is measured as it is. Those that are not are measured as one mesh, since exporters split a
    body where its material changes. `crossings` and `thickness` are None where nobody looked.
    Raises `UnreadableFile` (`model.not_finite`).
    """
    low_high = _bounds(parts)
    meshes = _meshes(parts)
    facts = _facts(meshes, low_high)
    clothes, clothing = dress(parts)
    spent = _spent(budgets, triangles=facts["triangles"], pixels=clothes["textures"]["pixels"], file_bytes=file_bytes)
    found = [*findings_of(meshes, crossings=crossings, thickness=thickness), *clothing]
    over = sum(one["ok"] is False for one in spent.values())
    if over:
        found.append(Finding(code=Code.OVER_BUDGET, count=over))
    return {
        **facts,
        **clothes,
        "self_intersections": None if crossings is None else crossings.faces,
        "crossings": None if crossings is None else asdict(crossings),
        "thickness": None if thickness is None else asdict(thickness),
        "each_body": list(islice(bodies(meshes), MAX_BODIES)),
        "parts": [
            {
                "name": part.name,
                "triangles": len(part.faces),
                "materials": list(part.materials),
                "uv": part.uv is not None,
            }
            for part in parts[:MAX_PARTS]
        ],
        "part_count": len(parts),
        "budgets": spent,
        "findings": [finding.to_json() for finding in found],
        "verdicts": verdicts(
            {finding.code for finding in found},
            unchecked=_unchecked(spent, crossings=crossings, thickness=thickness),
        ),
    }


def _bounds(parts: Sequence[Part]) -> tuple[list[float], list[float]] | None:
    """The corners of the box around all faces; None without faces."""
    import numpy as np

    corners = []
    for part in parts:
        if len(part.faces):
            if not (np.abs(part.vertices) < _FAR).all():  # not a number is not less either
                raise UnreadableFile("model.not_finite", "Some vertices do not lie at finite places.", hint=_EXPORT)
            used = np.zeros(len(part.vertices), dtype=bool)
            used[part.faces.ravel()] = True
            points = part.vertices if used.all() else part.vertices[used]
            corners += [points.min(axis=0), points.max(axis=0)]
    return (np.min(corners, axis=0).tolist(), np.max(corners, axis=0).tolist()) if corners else None


def _meshes(parts: Sequence[Part]) -> list[Mesh]:
    """Each closed part as a mesh of its own; all others as one."""
    import numpy as np

    closed, rest = [], []
    last = None
    for part in parts:
        if len(part.faces):
            last = measured(part.vertices, part.faces)
            if last.surface.closed.all() and last.topology.bodies:
                closed.append(last)
            else:
                rest.append(part)
                if len(rest) == 1:
                    lone = last
    if len(rest) == 1:
        return [*closed, lone]
    if rest:
        before = np.cumsum([0, *(len(part.vertices) for part in rest[:-1])])
        faces = np.concatenate([part.faces + shift for part, shift in zip(rest, before, strict=True)])
        closed.append(measured(np.concatenate([part.vertices for part in rest]), faces))
    return closed


def measured(vertices: Any, faces: Any) -> Mesh:
    """One mesh, hung together and measured."""
    hung = topology(vertices, faces)
    return Mesh(hung, surface(hung))


def _facts(meshes: list[Mesh], low_high: tuple[list[float], list[float]] | None) -> dict[str, Any]:
    hung, made = [mesh.topology for mesh in meshes], [mesh.surface for mesh in meshes]
    boundary = sum(int((one.edges.faces == 1).sum()) for one in hung)
    non_manifold = sum(int((one.edges.faces > 2).sum()) for one in hung)
    count = sum(one.bodies for one in hung)
    sound = count > 0 and all((one.closed & one.consistent).all() for one in made)
    manifold = count > 0 and all(one.manifold.all() for one in made)
    inverted = sum(int(one.inverted.sum()) for one in made)
    euler = sum(int(one.euler.sum()) for one in made)
    low, high = low_high or (None, None)
    return {
        "triangles": sum(len(one.corners) for one in hung),
        "vertices": sum(len(one.points) for one in hung),
        "bodies": count,
        "watertight": count > 0 and boundary + non_manifold == 0,
        "boundary_edges": boundary,
        "holes": sum(holes(one)[0] for one in hung),
        "non_manifold_edges": non_manifold,
        "non_manifold_vertices": sum(len(one.touching) for one in hung),
        "winding_consistent": not any(len(one.turned) for one in hung),
        "inverted": inverted > 0,
        "inverted_bodies": inverted,
        "degenerate_faces": sum(int(one.flat.sum()) for one in made),
        "duplicate_faces": sum(len(one.repeated) for one in made),
        "euler": euler,
        "genus": count - euler // 2 if manifold else None,
        "volume": math.fsum(float(one.volume.sum()) for one in made) if sound else None,
        "area": math.fsum(one.area for one in made),
        "bounds": [low, high] if low else None,
        "extents": [upper - lower for lower, upper in zip(low, high, strict=True)] if low and high else None,
    }


def _spent(budgets: Budgets, *, triangles: int, pixels: int, file_bytes: int | None) -> dict[str, dict[str, Any]]:
    """By budget: what there is, what may be, and whether it fits; None where it is not known."""
    found = {}
    for name, actual in (("triangles", triangles), ("texture_pixels", pixels), ("file_bytes", file_bytes)):
        limit = getattr(budgets, name)
        ok = True if limit is None else None if actual is None else actual <= limit
        found[name] = {"actual": actual, "limit": limit, "ok": ok}
    return found


def _unchecked(
    spent: dict[str, dict[str, Any]], *, crossings: Crossings | None, thickness: Thickness | None
) -> set[Code]:
    """The checks that were not made, or not to the end."""
    found = set()
    if crossings is None or not crossings.complete:
        found.add(Code.SELF_INTERSECTIONS)
    if thickness is None:
        found.add(Code.THIN_WALLS)
    if any(one["ok"] is None for one in spent.values()):
        found.add(Code.OVER_BUDGET)
    return found
