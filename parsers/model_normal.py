"""The one form that every 3D format is brought into: triangles in the world, in meters, with what the file said of itself."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

from parsers.model_facts import Axis, Facts, facts_of
from parsers.model_faults import not_finite

# Attributes of trimesh's materials that may hold a picture.
_TEXTURES = (
    "baseColorTexture",
    "metallicRoughnessTexture",
    "normalTexture",
    "occlusionTexture",
    "emissiveTexture",
    "image",
)


class Part(NamedTuple):
    """One mesh where it stands in the world: each instance of a geometry is a part of its own."""

    vertices: Any  # (n, 3) float64, meters; as the file has them, not merged
    faces: Any  # (m, 3) int64, rows of `vertices`
    uv: Any  # (n, 2) float64; None where the part has none
    material: str | None  # its name
    textures: tuple[tuple[int, int], ...]  # width and height of its pictures, in pixels


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """A model in normal form."""

    format: str  # the sniffer's word for the file with the triangles
    reader: str  # the library that read it
    unit: str | None  # as the file says: `m`, `mm`, `in`; None: it says none
    scale: float  # meters that one unit of the file was taken for; 1 where no unit is stated
    up: Axis | None  # the axis that points up, as the format or the file says; coordinates are not turned
    parts: tuple[Part, ...]
    missing: tuple[str, ...]  # files that it names and that were not sent
    undecoded: int = 0  # pictures in a form that is not decoded here

    @property
    def unit_stated(self) -> bool:
        """Whether meters are meters: without a unit, coordinates are the file's bare numbers."""
        return self.unit is not None


def to_normal(scene: Any, kind: str) -> Model:
    """The normal form of a loaded scene; raises `UnreadableFile` (`model.not_finite`)."""
    import numpy as np

    facts: Facts = facts_of(scene, kind)
    parts = []
    with np.errstate(all="ignore"):
        for name, transform in instances(scene):
            mesh = scene.geometry[name]
            if len(mesh.faces) == 0:
                continue
            vertices = moved(np.asarray(mesh.vertices, dtype=np.float64), transform) * facts.scale
            if not np.isfinite(vertices).all():
                raise not_finite()
            faces = np.asarray(mesh.faces, dtype=np.int64)
            if np.linalg.det(transform[:3, :3]) < 0:  # a mirror turns the surface inside out: turn it back
                faces = faces[:, ::-1]
            parts.append(Part(vertices, faces, *_surface(mesh.visual, len(vertices))))
    return Model(
        format=facts.format,
        reader=facts.reader,
        unit=facts.unit,
        scale=facts.scale,
        up=facts.up,
        parts=tuple(parts),
        missing=facts.missing,
        undecoded=facts.undecoded,
    )


def instances(scene: Any) -> Iterator[tuple[str, Any]]:
    """Each mesh that stands in the scene: the name of its geometry, and its 4x4 transform into the world."""
    for node in scene.graph.nodes_geometry:
        transform, name = scene.graph[node]
        if hasattr(scene.geometry[name], "faces"):
            yield name, transform


def moved(vertices: Any, transform: Any) -> Any:
    """Points under a 4x4 matrix."""
    return vertices @ transform[:3, :3].T + transform[:3, 3]


def _surface(visual: Any, vertices: int) -> tuple[Any, str | None, tuple[tuple[int, int], ...]]:
    """UV coordinates, name of the material, sizes of its pictures; no picture is decoded for that."""
    import numpy as np

    if visual.kind != "texture":
        return None, None, ()
    uv = None
    if visual.uv is not None:
        found = np.asarray(visual.uv, dtype=np.float64)
        uv = found[:, :2] if found.ndim == 2 and found.shape[1] >= 2 and len(found) == vertices else None
    material = visual.material
    pictures = [getattr(material, name, None) for name in _TEXTURES]
    sizes = tuple((int(picture.width), int(picture.height)) for picture in pictures if picture is not None)
    name = getattr(material, "name", None)
    return uv, name if isinstance(name, str) and name else None, sizes
