"""Takes in one model part of a 3MF package while its XML streams by; no tree is ever built."""

import math
from array import array
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from parsers.model_3mf_looks import Looks, Worn, worn, worn_by_all
from parsers.model_faults import MAX_TRIANGLES, malformed, not_finite, too_many
from parsers.xml_events import by_name, stream

MAX_OBJECTS = 100_000  # objects, components and items of one part
_MAX_VERTICES = 3 * MAX_TRIANGLES
_XYZ, _V123 = ["x", "y", "z"], ["v1", "v2", "v3"]


class Placed(NamedTuple):
    """An object that stands in another one, or in the build."""

    objectid: str
    path: str | None  # of another model part (production extension)
    matrix: tuple[float, ...]  # twelve numbers, or none


@dataclass(slots=True)
class Mesh:
    """Triangles as numbers in a row."""

    vertices: "array[float]" = field(default_factory=lambda: array("d"))
    faces: "array[int]" = field(default_factory=lambda: array("q"))
    default: Worn | None = None  # of triangles that say nothing of their own
    groups: dict[str, int] = field(default_factory=dict)  # numbers of the groups that are worn, by id
    # Of each triangle that says something of its own: its number, its group's, and its corners' properties.
    worn: "array[int]" = field(default_factory=lambda: array("i"))


@dataclass(slots=True)
class Object:
    """A mesh, or objects put together."""

    mesh: Mesh | None = None
    components: list[Placed] = field(default_factory=list)


class PartReader:
    """What one part holds."""

    def __init__(self) -> None:
        self.unit = "millimeter"  # the default of the specification
        self.objects: dict[str, Object] = {}
        self.items: list[Placed] = []
        self.triangles = 0
        self.looks = Looks()
        self._object: Object | None = None
        self._mesh: Mesh | None = None
        self._default: Worn | None = None  # of the object that is being read
        self._vertices = self._counted = 0
        self._started = False

    def read(self, chunks: Iterable[bytes]) -> None:
        """Take in the part's bytes.

        Raises `UnreadableFile` (`model.malformed`, `.not_finite`) and `InputError` (`xml.entity`, `limit.triangles`).
        """
        stream(chunks, start=self._start, end=self._end)

    def _start(self, name: str, attributes: list[str]) -> None:
        try:
            if name == "vertex":
                self._vertex(attributes)
            elif name == "triangle":
                self._triangle(attributes)
            else:
                self._other(name, by_name(attributes))
        except (KeyError, ValueError, OverflowError):
            raise malformed("The 3MF has an element without its attributes.") from None

    def _end(self, name: str) -> None:
        if name == "mesh":
            self._mesh = None
        elif name == "object":
            self._object = None

    def _vertex(self, found: list[str]) -> None:
        if self._mesh is None:
            return
        x, y, z = found[1::2] if found[::2] == _XYZ else _values(found, _XYZ)
        point = float(x), float(y), float(z)
        if not math.isfinite(point[0] + point[1] + point[2]):
            raise not_finite()
        self._mesh.vertices.extend(point)
        self._vertices += 1
        if self._vertices > _MAX_VERTICES:
            raise too_many(MAX_TRIANGLES + 1)

    def _triangle(self, found: list[str]) -> None:
        if self._mesh is None:
            return
        first, second, third = found[1:6:2] if found[:6:2] == _V123 else _values(found, _V123)
        self._mesh.faces.extend((int(first), int(second), int(third)))
        if len(found) > 6 and (own := worn(by_name(found), self._mesh.default)) is not None:
            group = self._mesh.groups.setdefault(own.group, len(self._mesh.groups))
            self._mesh.worn.extend((len(self._mesh.faces) // 3 - 1, group, *own.corners))
        self.triangles += 1
        if self.triangles > MAX_TRIANGLES:
            raise too_many(self.triangles)

    def _other(self, name: str, attributes: Mapping[str, str]) -> None:
        if not self._started:
            self._started = True
            if name != "model":
                raise malformed("The model part of the 3MF package is no model.")
            self.unit = attributes.get("unit", self.unit)
        elif name == "object":
            self._count()
            self._object = self.objects.setdefault(attributes["id"], Object())
            self._default = worn_by_all(attributes)
        elif name == "mesh" and self._object is not None:
            self._mesh = self._object.mesh = Mesh(default=self._default)
            if self._default is not None:
                self._mesh.groups[self._default.group] = 0
        elif name == "component" and self._object is not None:
            self._count()
            self._object.components.append(_placed(attributes))
        elif name == "item":
            self._count()
            self.items.append(_placed(attributes))
        else:
            self.looks.start(name, attributes)

    def _count(self) -> None:
        self._counted += 1
        if self._counted > MAX_OBJECTS:
            raise malformed("The 3MF has more objects than any real model.")


def _values(found: list[str], names: list[str]) -> list[str]:
    """The values of these attributes, in whatever order they stand; `KeyError` where one is not there."""
    attributes = by_name(found)
    return [attributes[name] for name in names]


def _placed(attributes: Mapping[str, str]) -> Placed:
    path = next((value for key, value in attributes.items() if key.endswith("}path")), None)
    matrix = tuple(map(float, attributes.get("transform", "").split()))
    if matrix and (len(matrix) != 12 or not all(map(math.isfinite, matrix))):
        raise malformed("A transform of the 3MF is not twelve numbers.")
    return Placed(attributes["objectid"], path, matrix)
