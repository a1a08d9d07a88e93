"""Reads FBX through assimp, where there is no ufbx: in a process apart, since it crashes, hangs and talks of what it read.

Beside geometry it hands over names, colors and the first UV coordinates; pictures in the file stay there.
"""

import io
import json
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from parsers.apart import apart
from parsers.fbx_preflight import FbxHead
from parsers.fbx_scene import NO_MATERIAL, SLOTS, FbxFound, FbxMaterial, FbxMesh, FbxPicture
from parsers.fbx_ufbx import MAX_NODES, MAX_POINTS, round_meters
from parsers.model_faults import MAX_TRIANGLES, malformed, too_many, unreadable

READER = "assimp (assimp-py 1.1.0)"  # the version of the library itself it does not tell
SECONDS = 60  # of computing; the largest files take some ten
_DIFFUSE = 1  # its number for pictures of the color
_NO_MATERIAL = "DefaultMaterial"  # what it gives to meshes that have none
_MAX_PICTURE = 300  # characters of a picture's name
_DEPTH = 2000  # nodes in nodes; it makes up to nine of one


def read_assimp(path: Path, head: FbxHead) -> FbxFound:
    """All meshes of the file in its world; unit and axes are those that the check before has read.

    Raises `UnreadableFile` (`model.unreadable`, `.malformed`) and `InputError` (`limit.triangles`).
    """
    meters = None if head.meters is None else round_meters(head.meters)
    with tempfile.TemporaryDirectory(prefix="fbx-") as folder:  # it goes by the ending of a name, and looks around
        link = Path(folder) / "model.fbx"
        link.symlink_to(path.resolve())
        packed = apart(lambda: _packed(str(link)), seconds=SECONDS)
    if packed is None:
        raise unreadable("fbx")
    found = _unpacked(packed, meters=meters, axes=head.axes)
    if head.pictures:  # it names those in the file and those beside it alike
        return found._replace(materials=[material._replace(pictures=()) for material in found.materials])
    return found


def _packed(path: str) -> bytes:
    """All that is wanted of the file as arrays in one NumPy archive; in the process apart."""
    import assimp_py as assimp
    import numpy as np

    nowhere = os.open(os.devnull, os.O_WRONLY)
    for number in (1, 2):
        os.dup2(nowhere, number)
    np.seterr(all="ignore")  # what is not finite is refused later
    scene = assimp.import_file(path, assimp.Process_Triangulate | assimp.Process_SortByPType)
    arrays: dict[str, Any] = {}
    names: list[str] = []
    looks = [_material(material) for material in scene.materials]
    triangles = points = 0
    for name, matrix, mesh in _placed(scene):
        if not _is_whole(mesh):
            raise ValueError
        triangles, points = triangles + mesh.num_faces, points + mesh.num_vertices
        if triangles > MAX_TRIANGLES or points > MAX_POINTS or len(names) >= MAX_NODES:
            return _archive({}, triangles=triangles)
        number = len(names)
        names.append(name)
        vertices = np.asarray(mesh.vertices, dtype=np.float64).reshape(-1, 3)
        corners = np.asarray(mesh.indices, dtype=np.int64).reshape(-1, 3)
        mirrored = np.linalg.det(matrix[:3, :3]) < 0
        arrays[f"points{number}"] = vertices @ matrix[:3, :3].T + matrix[:3, 3]
        arrays[f"corners{number}"] = corners[:, ::-1] if mirrored else corners
        has_look = looks[mesh.material_index][0] != _NO_MATERIAL
        arrays[f"material{number}"] = np.array(mesh.material_index if has_look else NO_MATERIAL)
        if mesh.texcoords and mesh.num_uv_components[0] >= 2:
            uv = np.asarray(mesh.texcoords[0], dtype=np.float64).reshape(mesh.num_vertices, -1)
            arrays[f"uv{number}"] = uv[:, :2]
    return _archive(arrays, triangles=triangles, names=names, materials=looks)


def _is_whole(mesh: Any) -> bool:
    """Whether each polygon was cut into two triangles less than it has corners: it gives up on faces of very many.

    Polygons share no corners here, so that what hangs together was one of them.
    """
    import numpy as np
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    if mesh.num_vertices == 3 * mesh.num_faces:
        return True
    corners = np.asarray(mesh.indices, dtype=np.int64).reshape(-1, 3)
    ends = corners[:, [0, 1]].reshape(-1), corners[:, [1, 2]].reshape(-1)
    links = coo_array((np.ones(len(ends[0]), dtype=bool), ends), shape=(mesh.num_vertices, mesh.num_vertices))
    polygons, _ = connected_components(links, directed=False)
    return bool(mesh.num_vertices - 2 * polygons == mesh.num_faces)


def _placed(scene: Any) -> Iterator[tuple[str, Any, Any]]:
    """Each mesh where it stands: name of its node, 4x4 matrix into the world, the mesh."""
    import numpy as np

    meshes = scene.meshes
    pending = [(scene.root_node, np.eye(4), 0)]
    while pending:
        node, above, depth = pending.pop()
        if depth > _DEPTH:
            raise ValueError
        matrix = above @ np.array(node.transformation, dtype=np.float64)
        for index in node.mesh_indices:
            yield node.name, matrix, meshes[index]
        pending += [(child, matrix, depth + 1) for child in reversed(node.children)]


def _material(found: dict[str, Any]) -> list[Any]:
    """Name, color, names of its pictures of the color."""
    color = found.get("COLOR_DIFFUSE")
    pictures = found.get("TEXTURES", {}).get(_DIFFUSE, [])
    return [str(found.get("NAME", "")), list(color[:3]) if color else None, [str(one) for one in pictures[:1]]]


def _archive(arrays: dict[str, Any], **facts: Any) -> bytes:
    import numpy as np

    out = io.BytesIO()
    text = json.dumps(facts, default=str).encode()
    np.savez(out, facts=np.frombuffer(text, dtype=np.uint8), **arrays)
    return out.getvalue()


def _unpacked(packed: bytes, *, meters: float | None, axes: bool) -> FbxFound:
    import numpy as np

    with np.load(io.BytesIO(packed), allow_pickle=False) as arrays:
        facts = json.loads(arrays["facts"].tobytes())
        if facts["triangles"] > MAX_TRIANGLES:
            raise too_many(facts["triangles"])
        if "names" not in facts:
            raise malformed("The FBX places more points or objects than any real model has.")
        meshes = [_mesh(arrays, number, name) for number, name in enumerate(facts["names"])]
    materials = [
        FbxMaterial(
            name=name, color=tuple(color) if color else None, pictures=tuple(map(_picture, pictures))[: len(SLOTS)]
        )
        for name, color, pictures in facts["materials"]
    ]
    return FbxFound(READER, meters, axes, meshes, materials)


def _mesh(arrays: Any, number: int, name: str) -> FbxMesh:
    import numpy as np

    corners = arrays[f"corners{number}"]
    has_uv = f"uv{number}" in arrays
    return FbxMesh(
        name=name,
        points=arrays[f"points{number}"],
        corners=corners,
        uv=arrays[f"uv{number}"] if has_uv else None,
        uv_corners=corners if has_uv else None,
        materials=np.full(len(corners), int(arrays[f"material{number}"])),
    )


def _picture(name: str) -> FbxPicture | None:
    """A picture that is not here; one in the file (`*0`) is not handed over, and not missing either."""
    return None if name.startswith("*") else FbxPicture(name[-_MAX_PICTURE:], b"")
