"""What can be wrong with a model's geometry: stable codes, how bad each is, and what to do about it."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from jobs.issues import Severity
from models.results import Point

MAX_PLACES = 20  # points that a finding shows


class Code(StrEnum):
    """Every finding that a geometry report can hold."""

    NOT_WATERTIGHT = "model.not_watertight"  # counts edges at holes
    NON_MANIFOLD = "model.non_manifold"  # counts edges of three faces or more, and points where surfaces only touch
    WINDING = "model.winding"  # counts edges whose two faces disagree
    INVERTED = "model.inverted"  # counts bodies
    DEGENERATE = "model.degenerate"  # counts faces
    DUPLICATE_FACES = "model.duplicate_faces"  # counts faces beyond the first of each place
    SELF_INTERSECTIONS = "model.self_intersections"  # counts faces
    TOUCHING = "model.touching"  # counts faces that touch others and cross none
    THIN_WALLS = "model.thin_walls"  # counts measured points
    NO_SURFACE = "model.no_surface"  # no face has any area
    UV_MISSING = "model.uv_missing"  # counts triangles with a texture, but without coordinates in it
    UV_FLAT = "model.uv_flat"  # counts triangles of layouts without area
    UV_OVERLAP = "model.uv_overlap"  # counts parts
    OVER_BUDGET = "model.over_budget"  # counts budgets
    TEXTURE_NOT_DECODED = "model.texture_not_decoded"  # counts pictures
    CONFORMANCE = "model.conformance"  # counts errors against the format's specification


_SEVERE = {Code.NO_SURFACE}
_ONLY_SAID = {Code.UV_OVERLAP, Code.UV_FLAT, Code.DEGENERATE, Code.TEXTURE_NOT_DECODED, Code.TOUCHING}

# What is wrong, and what to do.
WORDS: dict[Code, tuple[str, str]] = {
    Code.NOT_WATERTIGHT: (
        "The surface has holes or open rims.",
        "Close the holes: fill the open edges, or remove loose sheets.",
    ),
    Code.NON_MANIFOLD: (
        "More than two faces meet in an edge, or surfaces touch in a single point.",
        "Split the bodies that meet there, or delete the faces inside.",
    ),
    Code.WINDING: (
        "Neighboring faces disagree about which side is outside.",
        "Make the normals of all faces point outwards.",
    ),
    Code.INVERTED: ("Bodies are turned inside out.", "Turn the normals of these bodies around."),
    Code.DEGENERATE: (
        "Faces have no area.",
        "Harmless to most programs; else merge vertices that lie together and delete these faces.",
    ),
    Code.DUPLICATE_FACES: ("Faces stand in one place more than once.", "Delete the copies of these faces."),
    Code.SELF_INTERSECTIONS: (
        "The surface goes through itself.",
        "Unite the bodies that cross into one, or move them apart.",
    ),
    Code.TOUCHING: (
        "Faces rest on others, or lie on them, without sharing a corner.",
        "Fine for slicers, which unite bodies that stand on each other; else unite these bodies into one.",
    ),
    Code.THIN_WALLS: ("Walls are too thin to print.", "Make these walls thicker, or print at a larger scale."),
    Code.NO_SURFACE: (
        "The model has no face with an area.",
        "Export the model again: all of its faces are lines or points.",
    ),
    Code.UV_MISSING: (
        "Parts have a texture, but no coordinates in it.",
        "Unwrap these parts, or remove their textures.",
    ),
    Code.UV_FLAT: (
        "Texture coordinates enclose no area.",
        "Fine for textures that are a palette of colors; else unwrap these parts again.",
    ),
    Code.UV_OVERLAP: (
        "Parts of a texture layout lie over each other.",
        "Fine for tiled or mirrored textures; unwrap again before baking light.",
    ),
    Code.OVER_BUDGET: (
        "The model is larger than a phone shows at once.",
        "Reduce triangles, or make the textures smaller, before showing it in AR.",
    ),
    Code.TEXTURE_NOT_DECODED: (
        "Pictures are in the form KTX2, which is not decoded here.",
        "Nothing is wrong with them: they are missing in our pictures of the model and in its texture budget.",
    ),
    Code.CONFORMANCE: (
        "The file breaks rules of its format.",
        "Export it again with an up-to-date program: other readers may refuse it. `conformance` lists the rules.",
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One kind of thing wrong with a model, however often it is there."""

    code: Code
    count: int  # of what, its code says
    places: tuple[Point, ...] = ()  # the worst, at most `MAX_PLACES`

    @property
    def severity(self) -> Severity:
        """Errors leave nothing to show; warnings make some purpose fail; the rest is only said."""
        if self.code in _SEVERE:
            return Severity.ERROR
        return Severity.INFO if self.code in _ONLY_SAID else Severity.WARNING

    def to_json(self) -> dict[str, Any]:
        """One entry of `findings`."""
        message, advice = WORDS[self.code]
        return {
            "code": self.code.value,
            "severity": self.severity.value,
            "message": message,
            "count": self.count,
            "places": [list(place) for place in self.places],
            "advice": advice,
        }


def worst(points: Any, weights: Any) -> tuple[Point, ...]:
    """Of points (n, 3), those of the greatest weight, greatest first, as a finding shows them."""
    import numpy as np

    if len(points) > MAX_PLACES:
        kept = np.argpartition(-weights, MAX_PLACES)[:MAX_PLACES]
        points, weights = points[kept], weights[kept]
    return tuple((float(x), float(y), float(z)) for x, y, z in points[np.argsort(-weights, kind="stable")])
