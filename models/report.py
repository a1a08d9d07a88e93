"""The geometry report of a model: what it is, what is wrong with it and where, and what it will do for."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from models.conformance import Conformance
from models.defects import Mesh, bodies, findings_of, holes
from models.dress import dress
from models.findings import Code, Finding
from models.results import Crossings, Thickness
from models.surface import surface
from models.topology import topology
from models.verdicts import Budgets, verdicts
from parsers.model_faults import not_finite
from parsers.model_normal import Part

MAX_BODIES = 100  # bodies that are described one by one
MAX_PARTS = 100  # parts that are
_FAR = 1e70  # meters; beyond, volumes leave what a float can hold


def report(
    parts: Sequence[Part],
    *,
    budgets: Budgets,
    file_bytes: int | None = None,
    crossings: Crossings | None = None,
    thickness: Thickness | None = None,
    conformance: Conformance | None = None,
    undecoded: int = 0,
) -> dict[str, Any]:
    """The report as JSON facts; lengths in meters.

    A part that is closed is measured as it is. Those that are not are measured as one mesh, since exporters split a
    body where its material changes. `crossings`, `thickness` and `conformance` are None where nobody looked.
    `undecoded` counts pictures that could not be.
    Raises `UnreadableFile` (`model.not_finite`).
    """
    parts = [part for part in parts if len(part.faces)]
    mesh = _measured(parts)
    facts = _facts(mesh)
    clothes, clothing = dress(parts)
    spent = _spent(budgets, triangles=facts["triangles"], pixels=clothes["textures"]["pixels"], file_bytes=file_bytes)
    found = [*findings_of(mesh, crossings=crossings, thickness=thickness), *clothing]
    over = sum(one["ok"] is False for one in spent.values())
    if over:
        found.append(Finding(code=Code.OVER_BUDGET, count=over))
    found += [Finding(code=Code.TEXTURE_NOT_DECODED, count=undecoded)] if undecoded else []
    found += conformance.findings if conformance else ()
    return {
        **facts,
        **clothes,
        "self_intersections": None if crossings is None else crossings.faces,
        "crossings": None if crossings is None else asdict(crossings),
        "thickness": None if thickness is None else asdict(thickness),
        "each_body": bodies(mesh.surface, limit=MAX_BODIES),
        "parts": [
            {"triangles": len(part.faces), "material": part.material, "uv": part.uv is not None}
            for part in parts[:MAX_PARTS]
        ],
        "part_count": len(parts),
        "budgets": spent,
        "conformance": conformance.to_json() if conformance else None,
        "findings": [finding.to_json() for finding in found],
        "verdicts": verdicts(
            {finding.code for finding in found},
            unchecked=_unchecked(spent, crossings=crossings, thickness=thickness),
        ),
    }


def _measured(parts: Sequence[Part]) -> Mesh:
    """Each closed part by itself, and all others as one."""
    import numpy as np

    if not all((np.abs(part.vertices) < _FAR).all() for part in parts):  # what is no number is not less either
        raise not_finite()
    mesh = _hung(parts, [len(part.vertices) for part in parts])
    if len(parts) == 1:
        return mesh
    hung = mesh.topology
    closed = np.ones(len(parts), dtype=bool)
    solid = np.flatnonzero(hung.body >= 0)
    closed[hung.part[solid[~mesh.surface.closed[hung.body[solid]]]]] = False
    whole = [part for part, is_closed in zip(parts, closed.tolist(), strict=True) if is_closed]
    loose = [part for part, is_closed in zip(parts, closed.tolist(), strict=True) if not is_closed]
    if len(loose) < 2:
        return mesh
    sizes = [len(part.vertices) for part in whole]
    return _hung([*whole, *loose], [*sizes, sum(len(part.vertices) for part in loose)])


def joined(parts: Sequence[Part]) -> tuple[Any, Any]:
    """All parts as one mesh: vertices and faces, as the kernels take them."""
    import numpy as np

    if len(parts) == 1:
        return parts[0].vertices, parts[0].faces
    before = np.cumsum([0, *(len(part.vertices) for part in parts)])
    vertices = [np.empty((0, 3)), *(part.vertices for part in parts)]
    faces = [np.empty((0, 3), dtype=np.int64), *(part.faces + at for part, at in zip(parts, before, strict=False))]
    return np.concatenate(vertices), np.concatenate(faces)


def _hung(parts: Sequence[Part], sizes: list[int]) -> Mesh:
    """The parts as one mesh in which vertices of two `sizes` are never one."""
    hung = topology(*joined(parts), sizes=sizes)
    return Mesh(hung, surface(hung))


def _facts(mesh: Mesh) -> dict[str, Any]:
    hung, made = mesh
    boundary, non_manifold = int((hung.edges.faces == 1).sum()), int((hung.edges.faces > 2).sum())
    sound = hung.bodies > 0 and bool((made.closed & made.consistent).all())
    manifold = hung.bodies > 0 and bool(made.manifold.all())
    inverted, euler = int(made.inverted.sum()), int(made.euler.sum())
    box = (hung.points.min(axis=0), hung.points.max(axis=0)) if len(hung.points) else None
    return {
        "triangles": len(hung.corners),
        "vertices": len(hung.points),
        "bodies": hung.bodies,
        "watertight": hung.bodies > 0 and boundary + non_manifold == 0,
        "boundary_edges": boundary,
        "holes": holes(hung)[0],
        "non_manifold_edges": non_manifold,
        "non_manifold_vertices": len(hung.touching),
        "winding_consistent": not len(hung.turned),
        "inverted": inverted > 0,
        "inverted_bodies": inverted,
        "degenerate_faces": int(made.flat.sum()),
        "duplicate_faces": len(made.repeated),
        "euler": euler,
        "genus": hung.bodies - euler // 2 if manifold else None,
        "volume": float(made.volume.sum()) if sound else None,
        "area": made.area,
        "bounds": [corner.tolist() for corner in box] if box else None,
        "extents": (box[1] - box[0]).tolist() if box else None,
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
