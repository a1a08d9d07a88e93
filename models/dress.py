"""What a model is dressed in: texture coordinates and pictures, and what is wrong with them."""

from collections.abc import Sequence
from typing import Any

from models.findings import MAX_PLACES, Code, Finding, worst
from models.parts import Part
from models.uv import layout

_OVERLAP = 0.01  # share of a layout that may lie over itself: edges of islands that meet between two samples


def dress(parts: Sequence[Part]) -> tuple[dict[str, Any], list[Finding]]:
    """The facts `uv` and `textures`, and the findings about them."""
    laid = total = hits = covered = 0
    outside, overlaps, flat, bare = False, [], [], []
    for part in parts:
        total += len(part.faces)
        if part.uv is None:
            if part.textures:
                bare.append(part)
            continue
        laid += len(part.faces)
        found = layout(part.uv, part.faces)
        if not found.area:
            flat.append(part)
        hits, covered, outside = hits + found.hits, covered + found.covered, outside or found.outside
        if found.hits and 1 - found.covered / found.hits > _OVERLAP:
            overlaps.append((part, found.places))
    facts = {
        "uv": {
            "share": laid / total if total else 0.0,  # of triangles that have texture coordinates
            "overlap": round(1 - covered / hits, 4)
            if hits
            else None,  # share of the laid out area that lies over other
            "outside": outside,  # coordinates leave the square of the texture
        },
        "textures": _pictures(parts),
    }
    return facts, _findings(bare=bare, flat=flat, overlaps=overlaps)


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
    """Each picture once, however many parts show it."""
    pictures = {texture.name: texture for part in parts for texture in part.textures}
    sizes = sorted(((each.width, each.height) for each in pictures.values()), key=lambda size: -size[0] * size[1])
    return {
        "count": len(sizes),
        "pixels": sum(width * height for width, height in sizes),
        "largest": list(sizes[0]) if sizes else None,
    }
