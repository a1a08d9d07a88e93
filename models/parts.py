"""A model as the geometry report takes it: meshes as they stand in the world, with what they are dressed in."""

from dataclasses import dataclass
from typing import Any, NamedTuple


class Texture(NamedTuple):
    """A picture that a material shows."""

    name: str  # one name, one picture: parts may share it
    width: int  # in pixels
    height: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One mesh in its place; whoever mirrored it there turned its faces too."""

    name: str
    vertices: Any  # (n, 3) float64, in meters
    faces: Any  # (m, 3) int64, numbers of vertices
    uv: Any = None  # (n, 2), where in the texture each vertex lies
    materials: tuple[str, ...] = ()
    textures: tuple[Texture, ...] = ()
