"""Cuts a mesh of a 3MF where its look changes: a piece for each material and texture, one for all single colors."""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from parsers.model_3mf_looks import WHITE, Color, Group, Kind, Looks
from parsers.model_3mf_xml import Mesh
from parsers.model_faults import malformed

MAX_MATERIALS = 32  # of one mesh that become pieces of their own; more are colors of corners
_PLAIN = -1  # group of triangles of which nothing is said

Picture = Callable[[str], Any]  # by path within the package; None: it is not there, or no picture


class _Faces(NamedTuple):
    """The triangles of a mesh and what they wear."""

    vertices: Any  # (n, 3) float64
    faces: Any  # (m, 3) int64
    group: Any  # (m,) number of the group in `Mesh.groups`, or `_PLAIN`
    corners: Any  # (m, 3) number of the property at each corner


def pieces(mesh: Mesh, looks: Looks, picture: Picture) -> list[Any]:
    """The mesh as trimesh meshes that each have one look; raises `UnreadableFile` (`model.malformed`)."""
    import numpy as np

    vertices = np.frombuffer(mesh.vertices, dtype=np.float64).reshape(-1, 3)
    faces = np.frombuffer(mesh.faces, dtype=np.int64).reshape(-1, 3)
    if not 0 <= faces.min() <= faces.max() < len(vertices):
        raise malformed("A triangle of the 3MF has a corner that is not there.")
    group, corners = np.full(len(faces), _PLAIN), np.zeros((len(faces), 3), dtype=np.int64)
    if mesh.default is not None:
        group[:], corners[:] = mesh.groups[mesh.default.group], mesh.default.corners
    said = np.frombuffer(mesh.worn, dtype=np.int32).reshape(-1, 5)
    group[said[:, 0]], corners[said[:, 0]] = said[:, 1], said[:, 2:]
    return list(_cut(_Faces(vertices, faces, group, corners), names=list(mesh.groups), looks=looks, picture=picture))


def _cut(mesh: _Faces, *, names: list[str], looks: Looks, picture: Picture) -> Iterator[Any]:
    import numpy as np

    plain = np.zeros(len(mesh.faces), dtype=bool)
    colors = np.zeros((len(mesh.faces), 3, 4), dtype=np.uint8)
    colored = plain.copy()
    for number in np.unique(mesh.group).tolist():
        chosen = mesh.group == number
        group, corners = _shown(looks, names[number], mesh.corners) if number != _PLAIN else (None, mesh.corners)
        size = 0 if group is None else len(group.uv) // 2 if group.kind is Kind.TEXTURE else len(group.colors)
        known = chosen & (corners < size).all(axis=1)
        plain |= chosen & ~known
        if group is None or not known.any():
            continue
        if group.kind is Kind.TEXTURE:
            path = looks.textures.get(group.texture, "")
            yield _textured(mesh, known, uv=group.uv, corners=corners, path=path, image=picture(path))
        elif group.kind is Kind.BASE and len(used := np.unique(corners[known, 0])) <= MAX_MATERIALS:
            for one in used.tolist():
                look = _material(name=group.names[one], color=group.colors[one])
                yield _piece(mesh, known & (corners[:, 0] == one), look=look)
        else:
            table = np.array(group.colors, dtype=np.uint8)
            spread = np.repeat(corners[:, :1], 3, axis=1) if group.kind is Kind.BASE else corners
            colors[known] = table[spread[known]]
            colored |= known
    if colored.any():
        yield _colored(mesh, colored, colors[colored])
    if plain.any():
        yield _piece(mesh, plain)


def _shown(looks: Looks, name: str, corners: Any) -> tuple[Group | None, Any]:
    """The group that shows, and the corners' properties in it: of layers the topmost texture, else the topmost at all."""
    import numpy as np

    group = looks.groups.get(name)
    if group is None or group.kind is not Kind.LAYERS:
        return group, corners
    layers = [(at, found) for at, one in enumerate(group.layers) if (found := looks.groups.get(one)) is not None]
    layers = [(at, found) for at, found in layers if found.kind is not Kind.LAYERS]
    if not layers or not group.picks:
        return None, corners
    at, shown = max(layers, key=lambda layer: (layer[1].kind is Kind.TEXTURE, layer[0]))
    picks = np.array([pick[at] if at < len(pick) else 0 for pick in group.picks], dtype=np.int64)
    outside = corners >= len(picks)
    return shown, np.where(outside, np.iinfo(np.int64).max, picks[np.where(outside, 0, corners)])


def _piece(mesh: _Faces, chosen: Any, *, look: Any = None) -> Any:
    """These triangles with the vertices that they use; all of them as the file has them."""
    import numpy as np

    vertices, faces = mesh.vertices, mesh.faces
    if not chosen.all():
        used, faces = np.unique(faces[chosen], return_inverse=True)
        vertices, faces = vertices[used], faces.reshape(-1, 3)
    trimesh = _trimesh()
    found = trimesh.Trimesh(vertices=vertices, faces=faces, process=False)
    if look is not None:
        found.visual = trimesh.visual.TextureVisuals(material=look)
    return found


def _textured(mesh: _Faces, chosen: Any, *, uv: Any, corners: Any, path: str, image: Any) -> Any:
    """A vertex of the file becomes one for each place in the texture that it has."""
    import numpy as np

    table = np.frombuffer(uv, dtype=np.float64).reshape(-1, 2)
    pairs, faces = _paired(mesh.faces[chosen], corners[chosen])
    trimesh = _trimesh()
    found = trimesh.Trimesh(vertices=mesh.vertices[pairs[0]], faces=faces, process=False)
    look = _material(name=path.rpartition("/")[2], color=WHITE, image=image)
    finite = np.nan_to_num(table[pairs[1]], posinf=0.0, neginf=0.0)
    found.visual = trimesh.visual.TextureVisuals(uv=finite, material=look)
    return found


def _colored(mesh: _Faces, chosen: Any, colors: Any) -> Any:
    """A vertex of the file becomes one for each color that it has; one color for all is a material."""
    import numpy as np

    packed = colors.reshape(-1, 4).view(np.uint32).reshape(-1, 3)
    if (packed == packed[0, 0]).all():
        return _piece(mesh, chosen, look=_material(name="", color=tuple(colors[0, 0].tolist())))
    pairs, faces = _paired(mesh.faces[chosen], packed.astype(np.int64))
    trimesh = _trimesh()
    found = trimesh.Trimesh(vertices=mesh.vertices[pairs[0]], faces=faces, process=False)
    shades = pairs[1].astype(np.uint32).view(np.uint8).reshape(-1, 4)
    found.visual = trimesh.visual.ColorVisuals(found, vertex_colors=shades)
    return found


def _paired(faces: Any, values: Any) -> tuple[tuple[Any, Any], Any]:
    """The different pairs of a vertex and a value (below 2**32), and the faces in numbers of these pairs."""
    import numpy as np

    keys, numbers = np.unique(faces << 32 | values, return_inverse=True)
    return (keys >> 32, keys & 0xFFFFFFFF), numbers.reshape(-1, 3)


def _material(*, name: str, color: Color, image: Any = None) -> Any:
    return _trimesh().visual.material.PBRMaterial(name=name or None, baseColorFactor=color, baseColorTexture=image)


def _trimesh() -> Any:
    """The library as `Any`: half of what it exports has no types."""
    import trimesh

    return trimesh
