"""Hostile FBX files: each an honest one bent in one way, with the codes that it may be refused with."""

import math
import struct
import zlib
from collections.abc import Callable, Sequence
from dataclasses import replace

from support import fbx_files as fbx
from support import model_files as files

WEDGE = fbx.wedge(packed=False)
BINARY, TEXT = WEDGE.binary(), WEDGE.text()
HEADER = 27  # bytes before the first record
_MiB = 1 << 20


def bent(records: Sequence[fbx.Node], path: str, bend: Callable[[fbx.Node], fbx.Node]) -> list[fbx.Node]:
    """The records with the first of that path (`Objects/Geometry/Vertices`) bent."""
    name, _, rest = path.partition("/")
    out, done = [], False
    for one in records:
        if one.name == name and not done:
            done = True
            out.append(replace(one, nodes=tuple(bent(one.nodes, rest, bend))) if rest else bend(one))
        else:
            out.append(one)
    assert done, path
    return out


def arrayed(name: str, **changes: object) -> list[fbx.Node]:
    """The wedge whose array of that name in its geometry is another one."""

    def bend(found: fbx.Node) -> fbx.Node:
        return replace(found, properties=(replace(found.properties[0], **changes),))

    return bent(WEDGE.nodes(), f"Objects/Geometry/{name}", bend)


def patched(at: int, raw: bytes) -> bytes:
    """The wedge with these bytes in it."""
    return BINARY[:at] + raw + BINARY[at + len(raw) :]


def deep(levels: int) -> list[fbx.Node]:
    """Records in records."""
    found = fbx.node("a", 1)
    for _ in range(levels):
        found = fbx.node("a", nodes=[found])
    return [*WEDGE.nodes(), found]


def linked(*links: tuple[int, int]) -> list[fbx.Node]:
    """Two models and a mesh, with these links beside those of an honest file."""
    scene = replace(WEDGE, placed=[fbx.Placed(shape=0), fbx.Placed(parent=0)])
    more = [fbx.node("C", "OO", fbx.Id(child), fbx.Id(parent)) for child, parent in links]
    return bent(scene.nodes(), "Connections", lambda found: replace(found, nodes=(*found.nodes, *more)))


def twins() -> list[fbx.Node]:
    """Each object twice, under one number."""
    return bent(WEDGE.nodes(), "Objects", lambda found: replace(found, nodes=found.nodes * 2))


def star(corners: int) -> fbx.Scene:
    """One face of very many corners, none of them convex for long."""
    turn = 2 * math.pi / corners
    points = [((1 + at % 2) * math.cos(at * turn), (1 + at % 2) * math.sin(at * turn), 0.0) for at in range(corners)]
    return fbx.Scene(shapes=[fbx.Shape(points=points, faces=[range(corners)])])


def numbered(points: Sequence[float], *, where: int, what: float) -> list[float]:
    """The numbers, one of them another."""
    return [*points[:where], what, *points[where + 1 :]]


FLAT = [float(part) for point in files.POINTS for part in point]
MALFORMED, CUT = {"model.malformed"}, {"model.truncated"}
BROKEN = {"model.malformed", "model.unreadable"}

CASES: dict[str, tuple[bytes, set[str]]] = {
    "nothing": (b"", {"model.empty"}),
    "magic alone": (BINARY[:24], CUT),
    "cut in a record": (BINARY[: len(BINARY) // 2], CUT),
    "cut in a head": (BINARY[: HEADER + 5], CUT),
    "text cut": (TEXT[:-20], MALFORMED),
    "text cut in a word": (TEXT[: TEXT.index(b'"Model::') + 4], MALFORMED),
    "text of braces": (TEXT + b"}", MALFORMED),
    "text of zeros": (TEXT[:200] + bytes(500), MALFORMED),
    "text without version": (b"; FBX project\nFBXHeaderExtension:  {\n}\n", MALFORMED),
    "text deep": (TEXT + b"a: {" * 200 + b"}" * 200, MALFORMED),
    "text count": (TEXT.replace(b"*18 {", b"*4000000000 {"), MALFORMED),
    "other": (b"no model at all", MALFORMED),
    "version to come": (WEDGE.binary(version=9000), {"model.version"}),
    "version of old": (patched(23, struct.pack("<I", 1000)), {"model.version"}),
    "big-endian": (patched(22, b"\1"), {"model.version"}),
    "end behind the file": (patched(HEADER, b"\xff\xff\xff\x7f"), CUT),
    "end within": (patched(HEADER, struct.pack("<I", HEADER + 10)), MALFORMED),
    "properties too long": (patched(HEADER + 8, struct.pack("<I", 60)), MALFORMED),
    "properties too many": (patched(HEADER + 4, struct.pack("<I", 1 << 31)), MALFORMED),
    "deep": (fbx.binary(deep(60)), MALFORMED),
    "count": (fbx.binary(arrayed("Vertices", claim=1 << 31)), MALFORMED),
    "count packed": (fbx.binary(arrayed("Vertices", claim=1 << 31, packed=True)), MALFORMED),
    "count less": (fbx.binary(arrayed("PolygonVertexIndex", claim=3, packed=True)), BROKEN),
    "bomb": (
        fbx.binary(arrayed("Vertices", claim=9 * _MiB, packed=True, content=zlib.compress(bytes(72 * _MiB), level=9))),
        {"limit.size"},
    ),
    "bomb in a small array": (
        fbx.binary(arrayed("Vertices", packed=True, content=zlib.compress(bytes(72 * _MiB), level=1))),
        BROKEN,
    ),
    "no zlib": (fbx.binary(arrayed("Vertices", packed=True, content=b"\x78\x9c" + b"x" * 90)), BROKEN),
    "array of no type": (BINARY.replace(b"d\x12\0\0\0", b"x\x12\0\0\0"), MALFORMED),
    "corner that is not there": (
        fbx.binary(arrayed("PolygonVertexIndex", values=[0, 1, -100, 0, 99, -3])),
        BROKEN,
    ),
    "nan": (
        fbx.binary(arrayed("Vertices", values=numbered(FLAT, where=0, what=math.nan))),
        {"model.not_finite", "model.unreadable"},
    ),
    "inf": (fbx.binary(arrayed("Vertices", values=numbered(FLAT, where=4, what=math.inf))), {"model.not_finite"}),
    "no points": (fbx.binary(arrayed("Vertices", values=[])), {"model.empty", "model.malformed", "model.unreadable"}),
    "no objects": (fbx.binary(WEDGE.nodes()[:2]), {"model.empty", "model.unreadable"}),
    "unit of zero": (replace(WEDGE, unit=0.0).binary(), MALFORMED),
    "unit below zero": (replace(WEDGE, unit=-1.0).binary(), MALFORMED),
    "unit without end": (replace(WEDGE, unit=math.inf).binary(), MALFORMED),
}

# What looks like an attack, and may be read as well as refused, in bounded time.
ODD: dict[str, bytes] = {
    "a node within itself": fbx.binary(linked((2000, 2000))),
    "nodes within each other": fbx.binary(linked((2000, 2001))),
    "a mesh in a mesh": fbx.binary(linked((1000, 1000))),
    "a link to nothing": fbx.binary(linked((77, 2000), (2000, 78))),
    "twins": fbx.binary(twins()),
    "count more": fbx.binary(arrayed("PolygonVertexIndex", claim=30, packed=True)),
    "a face of many corners": star(20_000).binary(),
    "no end": BINARY[: BINARY.rindex(bytes(13 + 16))],
}
