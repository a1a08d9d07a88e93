"""Writes FBX files, binary and as text, of scenes that a test lays out: nodes, axes, units, polygons, materials, UVs.

The layout of the binary form is the one that code.blender.org/2013/08/fbx-binary-file-format-specification describes.
"""

import struct
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from support import model_files as files

MAGIC = b"Kaydara FBX Binary  \0\x1a\0"
_FORMATS = {"d": "d", "i": "i", "f": "f", "l": "q", "b": "?"}


@dataclass(frozen=True, kw_only=True)
class Array:
    """A property that is an array; `claim` is the count that is written in place of the true one."""

    code: str  # d i f l b
    values: Sequence[float]
    claim: int | None = None
    packed: bool = False  # with zlib
    content: bytes | None = None  # in place of the values

    def binary(self) -> bytes:
        """The property's bytes."""
        body = self.content
        if body is None:
            body = struct.pack(f"<{len(self.values)}{_FORMATS[self.code]}", *self.values)
            body = zlib.compress(body) if self.packed else body
        count = len(self.values) if self.claim is None else self.claim
        return self.code.encode() + struct.pack("<III", count, self.packed, len(body)) + body


class Id(int):
    """An object's number, which takes 64 bits."""


@dataclass(frozen=True, kw_only=True)
class Node:
    """A record: its properties, and the records in it."""

    name: str
    properties: tuple[Any, ...] = ()
    nodes: tuple["Node", ...] = ()


def node(name: str, *properties: Any, nodes: Sequence[Node] = ()) -> Node:
    """A record."""
    return Node(name=name, properties=properties, nodes=tuple(nodes))


def _property(value: Any) -> bytes:
    if isinstance(value, Array):
        return value.binary()
    if isinstance(value, float):
        return b"D" + struct.pack("<d", value)
    if isinstance(value, Id):
        return b"L" + struct.pack("<q", value)
    if isinstance(value, int):
        return b"I" + struct.pack("<i", value)
    raw = value if isinstance(value, bytes) else "\0\1".join(reversed(value.split("::"))).encode()
    return (b"R" if isinstance(value, bytes) else b"S") + struct.pack("<I", len(raw)) + raw


def _record(found: Node, at: int, *, wide: bool) -> bytes:
    """The record's bytes where it begins at `at`: ends are counted from the file's begin."""
    head = "<QQQB" if wide else "<IIIB"
    name = found.name.encode()
    properties = b"".join(map(_property, found.properties))
    inner = b""
    start = at + struct.calcsize(head) + len(name) + len(properties)
    for one in found.nodes:
        inner += _record(one, start + len(inner), wide=wide)
    if found.nodes:
        inner += bytes(struct.calcsize(head))
    return (
        struct.pack(head, start + len(inner), len(found.properties), len(properties), len(name))
        + name
        + properties
        + inner
    )


def binary(nodes: Sequence[Node], *, version: int = 7400) -> bytes:
    """A binary FBX file of these records."""
    out = MAGIC + struct.pack("<I", version)
    wide = version >= 7500
    for one in nodes:
        out += _record(one, len(out), wide=wide)
    out += bytes(25 if wide else 13) + bytes(16)  # the end of the records, and an id that nobody looks at
    out += bytes(-len(out) % 16) + bytes(4) + struct.pack("<I", version) + bytes(120)
    return out + bytes.fromhex("f85a8c6ade f5d97eece90ce3758f29 0b".replace(" ", ""))


def _text_of(value: Any) -> str:
    if isinstance(value, str):
        return f'"{value}"'
    return f'"{value.decode("latin-1")}"' if isinstance(value, bytes) else repr(value)


def _lines(found: Node, depth: int) -> Iterator[str]:
    tabs = "\t" * depth
    (first,) = found.properties[:1] or ("",)
    if isinstance(first, Array):
        count = len(first.values) if first.claim is None else first.claim
        yield f"{tabs}{found.name}: *{count} {{"
        yield f"{tabs}\ta: " + ",".join(map(repr, first.values))
        yield f"{tabs}}}"
        return
    yield f"{tabs}{found.name}: " + ", ".join(map(_text_of, found.properties)) + (" {" if found.nodes else "")
    for one in found.nodes:
        yield from _lines(one, depth + 1)
    if found.nodes:
        yield f"{tabs}}}"


def text(nodes: Sequence[Node], *, version: int = 7400) -> bytes:
    """An FBX file as text of these records."""
    head = f"; FBX {version // 1000}.{version // 100 % 10}.0 project file\n; ----\n\n"
    return (head + "\n".join(line for one in nodes for line in _lines(one, 0)) + "\n").encode()


@dataclass(frozen=True, kw_only=True)
class Shape:
    """A mesh: its polygons are rows of its points."""

    points: Sequence[Sequence[float]]
    faces: Sequence[Sequence[int]]
    uv: Sequence[tuple[float, float]] = ()  # one of each point
    cut: Sequence[tuple[float, float]] = ()  # one of each corner instead
    paints: Sequence[int] = ()  # which material each polygon has, of its model's


@dataclass(frozen=True, kw_only=True)
class Placed:
    """A model that stands in the scene; without a shape it is a group."""

    shape: int | None = None  # which of the scene's
    parent: int | None = None  # which of the placed ones
    name: str = "thing"
    move: Sequence[float] = ()
    turn: Sequence[float] = ()  # degrees about x, y and z
    scale: Sequence[float] = ()
    inner: Sequence[float] = ()  # moves the geometry alone
    paints: Sequence[int] = ()  # which of the scene's materials


@dataclass(frozen=True, kw_only=True)
class Paint:
    """A material, and perhaps a picture."""

    name: str
    color: Sequence[float] = (0.5, 0.25, 0.125)
    file: str = ""
    content: bytes = b""  # the picture itself, where it is embedded


@dataclass(frozen=True, kw_only=True)
class Scene:
    """What a file holds."""

    shapes: Sequence[Shape]
    placed: Sequence[Placed] = field(default=(Placed(shape=0),))
    paints: Sequence[Paint] = ()
    unit: float | None = 100.0  # centimeters of one unit; None: the file does not say
    up: str | None = "Y"  # None: the file does not say
    packed: bool = True

    def nodes(self, *, version: int = 7400) -> list[Node]:
        """The records of the file."""
        header = node("FBXHeaderExtension", nodes=[node("FBXHeaderVersion", 1003), node("FBXVersion", version)])
        settings = node("GlobalSettings", nodes=[node("Version", 1000), _settings(self.unit, self.up)])
        objects = node("Objects", nodes=list(self._objects()))
        links = [node("C", *link) for link in self._links()]
        return [header, settings, objects, node("Connections", nodes=links)]

    def binary(self, *, version: int = 7400) -> bytes:
        """As a binary file."""
        return binary(self.nodes(version=version), version=version)

    def text(self) -> bytes:
        """As text."""
        return text(self.nodes())

    def _objects(self) -> Iterator[Node]:
        for index, shape in enumerate(self.shapes):
            yield _geometry(Id(1000 + index), shape, packed=self.packed)
        for index, placed in enumerate(self.placed):
            yield _model(Id(2000 + index), placed)
        for index, paint in enumerate(self.paints):
            color = node("P", "DiffuseColor", "Color", "", "A", *map(float, paint.color))
            own = [node("Version", 102), node("ShadingModel", "lambert"), node("Properties70", nodes=[color])]
            yield node("Material", Id(3000 + index), f"Material::{paint.name}", "", nodes=own)
            if paint.file:
                names = [node("FileName", paint.file), node("RelativeFilename", paint.file)]
                yield node("Texture", Id(4000 + index), f"Texture::{paint.name}", "", nodes=names)
                held = [node("Content", paint.content)] if paint.content else []
                yield node("Video", Id(5000 + index), f"Video::{paint.name}", "Clip", nodes=[*names, *held])

    def _links(self) -> Iterator[tuple[Any, ...]]:
        for index, placed in enumerate(self.placed):
            yield "OO", Id(2000 + index), Id(0 if placed.parent is None else 2000 + placed.parent)
            if placed.shape is not None:
                yield "OO", Id(1000 + placed.shape), Id(2000 + index)
            for paint in placed.paints:
                yield "OO", Id(3000 + paint), Id(2000 + index)
        for index, paint in enumerate(self.paints):
            if paint.file:
                yield "OP", Id(4000 + index), Id(3000 + index), "DiffuseColor"
                yield "OO", Id(5000 + index), Id(4000 + index)


def _settings(unit: float | None, up: str | None) -> Node:
    rows = []
    if up:
        axes = {"X": (0, 1, 2), "Y": (1, 2, 0), "Z": (2, 1, 0)}[up]
        signs = {"X": (1, 1, 1), "Y": (1, 1, 1), "Z": (1, -1, 1)}[up]
        for name, axis, sign in zip(("UpAxis", "FrontAxis", "CoordAxis"), axes, signs, strict=True):
            rows.append(node("P", name, "int", "Integer", "", axis))
            rows.append(node("P", f"{name}Sign", "int", "Integer", "", sign))
    if unit is not None:
        rows.append(node("P", "UnitScaleFactor", "double", "Number", "", float(unit)))
    return node("Properties70", nodes=rows)


def _geometry(number: int, shape: Shape, *, packed: bool) -> Node:
    ends = [corner if at + 1 < len(face) else -1 - corner for face in shape.faces for at, corner in enumerate(face)]
    flat = [float(part) for point in shape.points for part in point]
    rows = [
        node("Vertices", Array(code="d", values=flat, packed=packed)),
        node("PolygonVertexIndex", Array(code="i", values=ends, packed=packed)),
        node("GeometryVersion", 124),
    ]
    layer = [node("Version", 100)]
    if shape.uv or shape.cut:
        numbers = [float(part) for pair in shape.uv or shape.cut for part in pair]
        corners = [corner for face in shape.faces for corner in face] if shape.uv else list(range(len(shape.cut)))
        held = [
            node("UV", Array(code="d", values=numbers, packed=packed)),
            node("UVIndex", Array(code="i", values=corners, packed=packed)),
        ]
        rows.append(_layered("LayerElementUV", "ByPolygonVertex", "IndexToDirect", held))
        layer.append(_in_layer("LayerElementUV"))
    if shape.paints:
        held = [node("Materials", Array(code="i", values=list(shape.paints)))]
        rows.append(_layered("LayerElementMaterial", "ByPolygon", "IndexToDirect", held))
        layer.append(_in_layer("LayerElementMaterial"))
    rows.append(node("Layer", 0, nodes=layer))
    return node("Geometry", number, "Geometry::shape", "Mesh", nodes=rows)


def _layered(name: str, mapping: str, reference: str, held: Sequence[Node]) -> Node:
    own = [node("Version", 101), node("Name", ""), node("MappingInformationType", mapping)]
    return node(name, 0, nodes=[*own, node("ReferenceInformationType", reference), *held])


def _in_layer(name: str) -> Node:
    return node("LayerElement", nodes=[node("Type", name), node("TypedIndex", 0)])


def _model(number: int, placed: Placed) -> Node:
    rows = [
        node("P", name, kind, "", "A", *map(float, numbers))
        for name, kind, numbers in (
            ("Lcl Translation", "Lcl Translation", placed.move),
            ("Lcl Rotation", "Lcl Rotation", placed.turn),
            ("Lcl Scaling", "Lcl Scaling", placed.scale),
            ("GeometricTranslation", "Vector3D", placed.inner),
        )
        if numbers
    ]
    kind = "Null" if placed.shape is None else "Mesh"
    own = [node("Version", 232), *([node("Properties70", nodes=rows)] if rows else [])]
    return node("Model", number, f"Model::{placed.name}", kind, nodes=own)


def wedge(
    points: files.Points = files.POINTS,
    faces: Sequence[Sequence[int]] = files.FACES,
    *,
    scale: float = 1.0,
    **changes: Any,
) -> Scene:
    """A scene of one mesh, given in meters, each unit of the file being `1 / scale` meters."""
    shape = Shape(points=[[part * scale for part in point] for point in points], faces=faces)
    return Scene(**({"shapes": [shape], "unit": 100.0 / scale} | changes))


def turned(points: files.Points = files.POINTS) -> list[tuple[float, float, float]]:
    """The points as a file with Z up has them."""
    return [(x, -z, y) for x, y, z in points]
