"""What a model file states of itself beside its triangles: format, unit, up axis, and who read it."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NamedTuple

_KEY = "heavylift"  # of a scene's metadata; no loader writes it


class Axis(StrEnum):
    """Which way is up."""

    X = "X"
    Y = "Y"
    Z = "Z"


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What is known of a scene that its meshes do not hold."""

    format: str  # the sniffer's word for the file with the triangles
    reader: str  # the library that read it: `trimesh`, `cascadio`, `heavylift`
    unit: str | None = None  # `m`, `mm`, ... as the file says; None: it says none
    scale: float = 1.0  # meters for each unit of the scene's coordinates; 1 where no unit is stated
    up: Axis | None = None  # as the format or the file says; None: neither does
    missing: tuple[str, ...] = ()  # files that it names and that are not here: pictures, material libraries
    undecoded: int = 0  # pictures in a form that is not decoded here: KTX2
    triangles: int = 0  # at least so many are in it, as far as the check before the loader could count

    @property
    def shown_up(self) -> Axis:
        """The axis that pictures take as up: the stated one, or what programs that write this format mostly mean."""
        return self.up or (Axis.Z if self.format in _Z_UP else Axis.Y)


_UNITS = {
    1.0: "m",
    0.1: "dm",
    0.01: "cm",
    0.001: "mm",
    0.0254: "in",
    0.3048: "ft",
    0.9144: "yd",
    1000.0: "km",
    1e-6: "um",
}


def unit_word(meters: float) -> str:
    """What a unit of so many meters is called."""
    return _UNITS.get(meters, f"{meters:g} m")


# They come from CAD, printing and scanning, where Z points up.
_Z_UP = frozenset({"stl", "ply", "off", "step", "3mf"})
_STATED: dict[str, tuple[str, Axis]] = {"glb": ("m", Axis.Y), "gltf": ("m", Axis.Y)}


class Beside(NamedTuple):
    """What the check of a file finds out about its pictures and material libraries."""

    missing: tuple[str, ...] = ()
    undecoded: int = 0


def plain_facts(kind: str, beside: Beside | None = None) -> Facts:
    """Facts of a format that trimesh reads and that has the same unit and axis in every file, or none at all."""
    unit, up = _STATED.get(kind, (None, None))
    missing, undecoded = beside or Beside()
    return Facts(format=kind, reader="trimesh", unit=unit, up=up, missing=missing, undecoded=undecoded)


def set_facts(scene: Any, facts: Facts) -> None:
    """Write `facts` on a trimesh scene."""
    scene.metadata[_KEY] = facts


def facts_of(scene: Any, kind: str) -> Facts:
    """What is known of a scene; of one that was made by hand, what its kind says."""
    found = scene.metadata.get(_KEY)
    return found if isinstance(found, Facts) else plain_facts(kind)
