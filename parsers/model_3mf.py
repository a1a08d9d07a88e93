"""Reads 3MF: unit, meshes, looks, components and build items of a package, streamed within limits, cycles refused.

The format is that of the 3MF core specification 1.3, the production extension 1.1 and the materials extension 1.2.1
(github.com/3MFConsortium).
"""

from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple

from parsers.model_3mf_pieces import pieces
from parsers.model_3mf_xml import Mesh, PartReader
from parsers.model_facts import Axis, Facts
from parsers.model_faults import MAX_TRIANGLES, empty, malformed, too_many
from parsers.package_pictures import Pictures
from parsers.xml_rows import SAFE
from parsers.zip_guard import MODELS, Entry, GuardedZip, open_zip

MAX_PARTS = 1000  # model parts of one package
MAX_VISITS = 50_000  # objects that the build places, each as often as it stands there
MAX_DEPTH = 64  # components within components
_ROOT = "3D/3dmodel.model"  # where nearly every package has its model
_RELS, _MAX_RELS = "_rels/.rels", 1024 * 1024
_START = "http://schemas.microsoft.com/3dmanufacturing/2013/01/3dmodel"  # the relation that names the model
# Units of the specification's table 3.4: our word, meters. What says none is in millimeters.
UNITS = {
    "micron": ("um", 1e-6),
    "millimeter": ("mm", 1e-3),
    "centimeter": ("cm", 1e-2),
    "inch": ("in", 0.0254),
    "foot": ("ft", 0.3048),
    "meter": ("m", 1.0),
}

Key = tuple[str, str]  # part and id of an object


class _Package(NamedTuple):
    """A package's model parts, as read so far."""

    archive: GuardedZip
    parts: dict[str, PartReader]

    def part(self, name: str) -> PartReader:
        """The part called `name`, read at its first use."""
        key = name.lstrip("/").lower()
        found = self.parts.get(key)
        if found is None:
            entry = self.archive.find(key)
            if entry is None or len(self.parts) >= MAX_PARTS:
                raise malformed("A part of the 3MF package is missing.")
            found = self.parts[key] = _read_part(self.archive, entry)
            if (triangles := sum(part.triangles for part in self.parts.values())) > MAX_TRIANGLES:
                raise too_many(triangles)
        return found


def load_3mf(path: Path) -> tuple[Any, Facts]:
    """The package as a trimesh Scene in its own unit, and what it states of itself.

    Raises what `open_zip` and its `read` raise, `UnreadableFile` (`model.malformed`, `.empty`, `.not_finite`) and
    `InputError` (`xml.entity`, `limit.triangles`).
    """
    import numpy as np

    trimesh = _trimesh()
    with open_zip(path, limits=MODELS) as archive:
        package = _Package(archive, {})
        root = _root_name(archive)
        main = package.part(root)
        if main.unit not in UNITS:
            raise malformed("The 3MF names a unit that the format does not have.")
        scene = trimesh.Scene(base_frame="world")
        pictures = Pictures(archive)
        numbers = count()
        names: dict[Key, list[str]] = {}
        for key, mesh, matrix in _placed(package, root.lower()):
            if key not in names:
                cut = pieces(mesh, package.part(key[0]).looks, pictures.get)
                names[key] = [f"mesh{len(scene.geometry) + at}" for at in range(len(cut))]
                scene.geometry.update(zip(names[key], cut, strict=True))
            world = np.array(matrix, dtype=np.float64)
            for name in names[key]:
                if (number := next(numbers)) >= MAX_VISITS:
                    raise malformed("The 3MF has more looks than any real model.")
                scene.graph.update(frame_from="world", frame_to=f"item{number}", matrix=world, geometry=name)
    unit, scale = UNITS[main.unit]
    missing = tuple(pictures.missing)
    return scene, Facts(format="3mf", reader="heavylift", unit=unit, scale=scale, up=Axis.Z, missing=missing)


def _trimesh() -> Any:
    """The library as `Any`: half of what it exports has no types."""
    import trimesh

    return trimesh


def _root_name(archive: GuardedZip) -> str:
    """The part that the package begins with: the one that its relations name."""
    from lxml import etree

    entry = archive.find(_RELS)
    if entry is not None:
        try:
            text = archive.read(entry, most=_MAX_RELS)
            tree = etree.fromstring(text, etree.XMLParser(**SAFE))
        except etree.XMLSyntaxError:
            raise malformed("The relations of the 3MF package can not be read.") from None
        for item in tree:
            if item.get("Type") == _START and (target := item.get("Target")):
                return str(target).lstrip("/")
    return _ROOT


def _read_part(archive: GuardedZip, entry: Entry) -> PartReader:
    found = PartReader()
    found.read(archive.chunks(entry))
    return found


def _placed(package: _Package, root: str) -> Iterator[tuple[Key, Mesh, Any]]:
    """Each mesh that the build places, with its transform into the world; components are followed downwards."""
    visits = triangles = 0
    pending: list[tuple[str, str, Any, tuple[Key, ...]]]
    pending = [
        (item.objectid, (item.path or root).lstrip("/").lower(), _matrix(item.matrix), ())
        for item in reversed(package.part(root).items)
    ]
    while pending:
        objectid, part, matrix, above = pending.pop()
        key = (part, objectid)
        visits += 1
        if visits > MAX_VISITS:
            raise malformed("The 3MF places more objects than any real model has.")
        if key in above or len(above) >= MAX_DEPTH:
            raise malformed("Components of the 3MF contain each other, or lie too deep.")
        found = package.part(part).objects.get(objectid)
        if found is None:
            raise malformed("The 3MF places an object that is not there.")
        if found.mesh is not None and found.mesh.faces:
            triangles += len(found.mesh.faces) // 3
            if triangles > MAX_TRIANGLES:
                raise too_many(triangles)
            yield key, found.mesh, matrix
        pending += [
            (one.objectid, (one.path or part).lstrip("/").lower(), matrix @ _matrix(one.matrix), (*above, key))
            for one in reversed(found.components)
        ]
    if not triangles:
        raise empty()


def _matrix(numbers: tuple[float, ...]) -> Any:
    """The 4x4 matrix of a transform; 3MF writes it for rows of coordinates, by rows, without the last column."""
    import numpy as np

    found = np.eye(4)
    if numbers:
        found[:3, :] = np.array(numbers, dtype=np.float64).reshape(4, 3).T
    return found
