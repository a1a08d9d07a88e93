"""What a model is dressed in: texture coordinates and pictures, and what is wrong with them."""

from collections.abc import Sequence
from typing import Any

from models.findings import MAX_PLACES, Code, Finding, worst
from models.uv import TESTS, Layout, layout
from parsers.model_normal import Part

_OVERLAP = 0.01  # share of a layout that may lie over itself: edges of islands that meet between two samples
_MAX_LAYOUTS = 200  # that are looked at


def dress(parts: Sequence[Part]) -> tuple[dict[str, Any], list[Finding]]:
    """The facts `uv` and `textures`, and the findings about them."""
    total = sum(len(part.faces) for part in parts)
    laid = [part for part in parts if part.uv is not None]
    bare = [part for part in parts if part.uv is None and part.textures]
    looked = _layouts(laid, total)
    hits, covered = (sum(getattr(found, name) for _, found in looked) for name in ("hits", "covered"))
    facts = {
        "uv": {
            "share": sum(len(part.faces) for part in laid) / total if total else 0.0,  # of triangles in a layout
            "overlap": round(1 - covered / hits, 4)
            if hits
            else None,  # share of the laid out area that lies over other
            "outside": any(found.outside for _, found in looked),  # coordinates leave the square of the texture
        },
        "textures": _pictures(parts),
    }
    flat = [part for part, found in looked if not found.area]
    overlaps = [
        (part, found.places) for part, found in looked if found.hits and 1 - found.covered / found.hits > _OVERLAP
    ]
    return facts, _findings(bare=bare, flat=flat, overlaps=overlaps)


def _layouts(parts: list[Part], total: int) -> list[tuple[Part, Layout]]:
    """The layouts of the largest parts; instances of one geometry share one, and parts share the work by their size."""
    known: dict[tuple[int, int], Layout] = {}
    found = []
    for part in sorted(parts, key=lambda each: -len(each.faces)):
        key = id(part.uv), id(part.faces)
        if key not in known:
            if len(known) == _MAX_LAYOUTS:
                break
            tests = max(TESTS * len(part.faces) // total, TESTS // _MAX_LAYOUTS)
            known[key] = layout(part.uv, part.faces, tests=tests)
        found.append((part, known[key]))
    return found


def _findings(*, bare: list[Part], flat: list[Part], overlaps: list[tuple[Part, Any]]) -> list[Finding]:
    import numpy as np

    found = []
    for code, parts in ((Code.UV_MISSING, bare), (Code.UV_FLAT, flat)):
        count = sum(len(part.faces) for part in parts)
        if count:
            points = np.concatenate([_middles(part, slice(0, 1)) for part in parts if len(part.faces)])
            found.append(Finding(code=code, count=count, places=worst(points, np.zeros(len(points)))))
    if overlaps:
        points = np.concatenate([_middles(part, faces) for part, faces in overlaps[:MAX_PLACES]])
        places = worst(points, np.zeros(len(points)))
        found.append(Finding(code=Code.UV_OVERLAP, count=len(overlaps), places=places))
    return found


def _middles(part: Part, chosen: Any) -> Any:
    return part.vertices[part.faces[chosen]].mean(axis=1)


def _pictures(parts: Sequence[Part]) -> dict[str, Any]:
    """The pictures of each material once, however many parts wear it."""
    worn = {(part.material, part.textures) for part in parts}
    sizes = sorted((size for _, sizes in worn for size in sizes), key=lambda size: -size[0] * size[1])
    return {
        "count": len(sizes),
        "pixels": sum(width * height for width, height in sizes),
        "largest": list(sizes[0]) if sizes else None,
    }
