"""Whether a model will do for a purpose, and which findings stand in its way."""

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from models.findings import Code


class Purpose(StrEnum):
    """What people want of a model."""

    PRINTABLE = "printable"  # a slicer gets closed bodies with walls that hold
    AR_READY = "ar_ready"  # a phone shows it at once, from every side
    RENDERABLE = "renderable"  # a renderer has something to draw


@dataclass(frozen=True, slots=True, kw_only=True)
class Budgets:
    """What a phone can be asked to show; None: any amount. The first values are what AR viewers commonly advise."""

    triangles: int | None = 100_000
    texture_pixels: int | None = 4 * 2048 * 2048  # color, normal, roughness and light, of one material
    file_bytes: int | None = 10_000_000


_STANDS_IN_WAY = {
    Purpose.PRINTABLE: (
        Code.NO_SURFACE,
        Code.NOT_WATERTIGHT,
        Code.NON_MANIFOLD,
        Code.WINDING,
        Code.INVERTED,
        Code.DUPLICATE_FACES,
        Code.SELF_INTERSECTIONS,
        Code.THIN_WALLS,
    ),
    Purpose.AR_READY: (
        Code.NO_SURFACE,
        Code.OVER_BUDGET,
        Code.WINDING,
        Code.INVERTED,
        Code.UV_MISSING,
    ),
    Purpose.RENDERABLE: (Code.NO_SURFACE,),
}


def verdicts(found: Collection[Code], *, unchecked: Collection[Code]) -> dict[str, Any]:
    """By purpose: `ok`, None where a check that decides was not made, and the codes that stand in its way."""
    answers: dict[str, Any] = {}
    for purpose, codes in _STANDS_IN_WAY.items():
        reasons = [code.value for code in codes if code in found]
        open_questions = [code.value for code in codes if code in unchecked]
        ok = False if reasons else None if open_questions else True
        answers[purpose.value] = {"ok": ok, "reasons": reasons, "not_checked": open_questions}
    return answers
