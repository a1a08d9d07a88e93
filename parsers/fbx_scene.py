"""What a reader of FBX found, whichever it was, and the scene that is made of it: one mesh for each material of each node."""

import io
from collections.abc import Iterator
from typing import Any, NamedTuple

from parsers.model_facts import Axis, Facts, unit_word
from parsers.model_faults import malformed, not_finite
from parsers.picture_size import HEAD, check_picture

# What the pictures of a material are to trimesh, in the order in which readers list them.
SLOTS = ("baseColorTexture", "metallicRoughnessTexture", "normalTexture", "occlusionTexture", "emissiveTexture")
NO_MATERIAL = -1
_NAME = 300  # characters of a name that are kept
_CORNERS = 3


class FbxMesh(NamedTuple):
    """The triangles of one node, in the world."""

    name: str  # of the node
    points: Any  # (n, 3) float64, in the file's unit, Y up where the file states its axes
    corners: Any  # (m, 3) integers, rows of `points`
    uv: Any  # (k, 2) float64; None where the node has none
    uv_corners: Any  # (m, 3) integers, rows of `uv`, below zero where a corner has none; None with `uv`
    materials: Any  # (m,) integers, `NO_MATERIAL` where a triangle has none


class FbxPicture(NamedTuple):
    """A picture that a material names."""

    file: str  # as the file names it
    content: bytes  # empty where it is not in the file


class FbxMaterial(NamedTuple):
    """A material."""

    name: str
    color: tuple[float, ...] | None  # red, green and blue, 0 to 1
    pictures: tuple[FbxPicture | None, ...]  # in the order of `SLOTS`


class FbxFound(NamedTuple):
    """All of a file that is looked at."""

    reader: str  # library and version
    meters: float | None  # of one unit; None where the file does not say
    axes: bool  # the file says what its axes are
    meshes: list[FbxMesh]
    materials: list[FbxMaterial]


def to_scene(found: FbxFound) -> tuple[Any, Facts]:
    """A trimesh Scene in the file's unit, and what the file states of itself.

    Raises `UnreadableFile` (`model.malformed`, `.not_finite`) and `InputError` (`limit.pixels`).
    """
    trimesh = _trimesh()
    scene = trimesh.Scene(base_frame="world")
    looks = [_look(material) for material in found.materials]
    triangles = 0
    for mesh, material in _pieces(found.meshes):
        key = f"mesh{len(scene.geometry)}"
        geometry = _geometry(mesh, looks[material] if 0 <= material < len(looks) else None)
        geometry.metadata["node"] = mesh.name[:_NAME]
        scene.geometry[key] = geometry
        scene.graph.update(frame_from="world", frame_to=f"node-{key}", geometry=key)
        triangles += len(mesh.corners)
    return scene, Facts(
        format="fbx",
        reader=found.reader,
        unit=None if found.meters is None else unit_word(found.meters),
        scale=found.meters or 1.0,
        up=Axis.Y if found.axes else None,
        missing=_missing(found.materials),
        triangles=triangles,
    )


def _pieces(meshes: list[FbxMesh]) -> Iterator[tuple[FbxMesh, int]]:
    """Each mesh, or its triangles of each material apart."""
    import numpy as np

    for mesh in meshes:
        if not np.isfinite(mesh.points).all():
            raise not_finite()
        used = np.unique(mesh.materials)
        for material in used:
            if len(used) == 1:
                yield mesh, int(material)
                continue
            mine = mesh.materials == material
            uv_corners = None if mesh.uv_corners is None else mesh.uv_corners[mine]
            yield mesh._replace(corners=mesh.corners[mine], uv_corners=uv_corners), int(material)


def _geometry(mesh: FbxMesh, material: Any) -> Any:
    """A mesh of the points that its triangles use; where the layout of its picture is cut, points stand there twice."""
    import numpy as np

    trimesh = _trimesh()
    corners = np.asarray(mesh.corners, dtype=np.int64).reshape(-1)
    uv = _whole_uv(mesh)
    if uv is None:
        used, faces = _numbered(corners, len(mesh.points))
        points, found = mesh.points[used], None
    else:
        uv_corners = np.asarray(mesh.uv_corners, dtype=np.int64).reshape(-1)
        of_point = np.zeros(len(mesh.points), dtype=np.int64)
        of_point[corners] = uv_corners
        if (of_point[corners] == uv_corners).all():  # each point lies at one place of the picture
            used, faces = _numbered(corners, len(mesh.points))
            points, found = mesh.points[used], uv[of_point[used]]
        else:
            wide = len(uv)
            used, faces = np.unique(corners * wide + uv_corners, return_inverse=True)
            points, found = mesh.points[used // wide], uv[used % wide]
    made = trimesh.Trimesh(vertices=points, faces=faces.reshape(-1, _CORNERS), process=False)
    if material is not None or found is not None:
        look = material if material is not None else trimesh.visual.material.PBRMaterial()
        made.visual = trimesh.visual.TextureVisuals(uv=found, material=look)
    return made


def _numbered(corners: Any, points: int) -> tuple[Any, Any]:
    """Those of so many points that corners use, in order, and the corners as rows of these."""
    import numpy as np

    used = np.zeros(points, dtype=bool)
    used[corners] = True
    return np.flatnonzero(used), (np.cumsum(used) - 1)[corners]


def _whole_uv(mesh: FbxMesh) -> Any:
    """The UV coordinates, where each corner has a finite one; None: the mesh counts as without."""
    import numpy as np

    if mesh.uv is None or not len(mesh.uv) or (mesh.uv_corners < 0).any() or not np.isfinite(mesh.uv).all():
        return None
    if mesh.uv_corners.max(initial=0) >= len(mesh.uv):
        raise malformed("A corner of the FBX names a UV coordinate that is not there.")
    return mesh.uv


def _look(material: FbxMaterial) -> Any:
    """The material as trimesh has it; pictures are opened, not decoded."""
    import math

    values: dict[str, Any] = {}
    for slot, picture in zip(SLOTS, material.pictures, strict=False):
        if picture and picture.content and (image := _opened(picture.content)) is not None:
            values[slot] = image
    if material.color is not None and all(map(math.isfinite, material.color)):
        values["baseColorFactor"] = [*(min(max(part, 0.0), 1.0) for part in material.color), 1.0]
    return _trimesh().visual.material.PBRMaterial(name=material.name[:_NAME], **values)


def _opened(content: bytes) -> Any:
    from PIL import Image

    check_picture(content[:HEAD])
    try:
        return Image.open(io.BytesIO(content))
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return None


def _missing(materials: list[FbxMaterial]) -> tuple[str, ...]:
    """Names of the pictures that are not in the file, without the folders of its author."""
    pictures = [picture for material in materials for picture in material.pictures if picture and not picture.content]
    names = [picture.file.replace("\\", "/").rpartition("/")[2][:_NAME] for picture in pictures]
    return tuple(dict.fromkeys(name for name in names if name))


def _trimesh() -> Any:
    """The library as `Any`: half of what it exports has no types."""
    import trimesh

    return trimesh
