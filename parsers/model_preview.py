"""Writes a plain GLB of a loaded model: what renderers and viewers get to see instead of uploaded bytes."""

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

from parsers.model_colors import ON_SCREEN, linear
from parsers.model_facts import Axis, facts_of
from parsers.model_normal import instances

MAX_TEXTURE = 64_000_000  # pixels; larger ones are left out
TEXTURE_SIDE = 1024  # pixels; enough for any thumbnail
_PLAIN = (180, 186, 194, 255)  # linear, of what states no color: a light, cool gray
_UNSTATED = (102, 102, 102, 255)  # what the loader gives to a material that it knows no color of
# Turns about an axis after which what pointed up points along Y, as in every glTF.
_TURNS = {Axis.X: (1, (0, 0, 1)), Axis.Y: (0, (0, 0, 1)), Axis.Z: (-1, (1, 0, 0))}


def write_preview(scene: Any, kind: str, path: Path) -> None:
    """Write geometry, colors and small textures of `scene` to `path`; names, extras and extensions stay behind.

    It is in meters where the file states a unit, and stands upright. Colors become linear, as a glTF has them.
    """
    import numpy as np

    trimesh = _trimesh()
    facts = facts_of(scene, kind)
    quarters, axis = _TURNS[facts.shown_up]
    upright = trimesh.transformations.rotation_matrix(quarters * np.pi / 2, axis)
    upright[:3, :3] *= facts.scale
    clean = trimesh.Scene(base_frame="world")
    meshes: dict[str, Any] = {}
    light = linear if facts.format in ON_SCREEN else _as_it_is
    pictures: dict[int, Any] = {}  # made small, by the picture's identity: many meshes may share one
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        for number, (name, transform) in enumerate(instances(scene)):
            mesh = meshes.get(name)
            if mesh is None:
                mesh = meshes[name] = _clean(scene.geometry[name], pictures, light)
                clean.geometry[f"mesh{len(meshes)}"] = mesh
                mesh.metadata["key"] = f"mesh{len(meshes)}"
            key = mesh.metadata["key"]
            clean.graph.update(frame_from="world", frame_to=f"node{number}", matrix=upright @ transform, geometry=key)
        path.write_bytes(clean.export(file_type="glb", include_normals=False))


def _clean(mesh: Any, pictures: dict[int, Any], light: Callable[[Any], Any]) -> Any:
    trimesh = _trimesh()
    found = trimesh.Trimesh(vertices=mesh.vertices, faces=mesh.faces, process=False)
    visual = mesh.visual
    if visual.kind == "texture":
        found.visual = _textured(visual, pictures, light)
    elif visual.kind in {"vertex", "face"}:
        found.visual = trimesh.visual.ColorVisuals(found, vertex_colors=light(visual.vertex_colors))
    else:
        found.visual = trimesh.visual.TextureVisuals(material=_material(_PLAIN))
    return found


def _as_it_is(colors: Any) -> Any:
    return colors


def _textured(visual: Any, pictures: dict[int, Any], light: Callable[[Any], Any]) -> Any:
    """The material's color and, where it is small enough to be decoded safely, its picture."""
    trimesh = _trimesh()
    material = visual.material
    picture = getattr(material, "baseColorTexture", None) or getattr(material, "image", None)
    if id(picture) not in pictures:
        pictures[id(picture)] = _small_image(picture)
    image = pictures[id(picture)]
    color = getattr(material, "baseColorFactor", None)
    if color is None:
        color = (255, 255, 255, 255) if image is not None else material.main_color
    unstated = image is None and tuple(color) == _UNSTATED and not hasattr(material, "baseColorFactor")
    return trimesh.visual.TextureVisuals(uv=visual.uv, material=_material(_PLAIN if unstated else light(color), image))


def _material(color: Any, image: Any = None) -> Any:
    """Not metallic, whatever the model says: metal without surroundings to mirror is black."""
    return _trimesh().visual.material.PBRMaterial(
        baseColorFactor=color, baseColorTexture=image, metallicFactor=0.0, roughnessFactor=0.6, doubleSided=True
    )


def _trimesh() -> Any:
    """The library as `Any`: half of what it exports has no types."""
    import trimesh

    return trimesh


def _small_image(image: Any) -> Any:
    if image is None or image.width * image.height > MAX_TEXTURE:
        return None
    try:
        small = image.convert("RGBA" if "A" in image.getbands() or image.mode == "P" else "RGB")
    except (OSError, ValueError, SyntaxError):  # what Pillow raises on a broken picture
        return None
    small.thumbnail((TEXTURE_SIDE, TEXTURE_SIDE))
    return small
