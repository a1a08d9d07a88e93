"""Writes USD as text, and USDZ as its specification wants it: entries not packed, their bytes at multiples of 64."""

import importlib.util
import struct
import zlib
from collections.abc import Mapping, Sequence

from support import model_files as files

ABSENT = (
    None
    if importlib.util.find_spec("pxr")
    else "usd-core is not installed: HEAVYLIFT_EXTRAS=usd ./heavylift test brings it"
)
_ALIGNED = 64


def usda(body: str, *, up: str | None = "Z", meters: float | None = 1.0, head: str = "") -> bytes:
    """A layer of this body, whose default prim is `R`."""
    stated = f'    upAxis = "{up}"\n' if up else ""
    stated += f"    metersPerUnit = {meters}\n" if meters is not None else ""
    return f'#usda 1.0\n(\n    defaultPrim = "R"\n{stated}{head})\n\n{body}\n'.encode()


def mesh(
    points: files.Points = files.POINTS,
    faces: Sequence[Sequence[int]] = files.FACES,
    *,
    name: str = "M",
    more: str = "",
) -> str:
    """A mesh as a prim."""
    corners = ", ".join(str(corner) for face in faces for corner in face)
    return (
        f'def Mesh "{name}"\n{{\n    int[] faceVertexCounts = [{", ".join(str(len(face)) for face in faces)}]\n'
        f"    int[] faceVertexIndices = [{corners}]\n"
        f"    point3f[] points = [{', '.join(f'({x}, {y}, {z})' for x, y, z in points)}]\n"
        f'    uniform token subdivisionScheme = "none"\n{more}}}\n'
    )


def root(inside: str, *, more: str = "") -> str:
    """The prim `R` with these in it."""
    return f'def Xform "R"\n{{\n{more}{inside}}}\n'


def usd(points: files.Points = files.POINTS, faces: files.Faces = files.FACES) -> bytes:
    """The mesh in centimeters, moved and scaled by a transform above it."""
    shrunk = [(x * 50, y * 50, z * 50) for x, y, z in points]
    op = "    double3 xformOp:scale = (2, 2, 2)\n" + '    uniform token[] xformOpOrder = ["xformOp:scale"]\n'
    return usda(root(mesh(shrunk, faces), more=op), meters=0.01)


def usdz(entries: Mapping[str, bytes]) -> bytes:
    """A package of these files, the first of which is its scene."""
    out, directory = b"", b""
    for name, content in entries.items():
        coded = name.encode()
        pad = -(len(out) + 30 + len(coded) + 4) % _ALIGNED
        extra = struct.pack("<HH", 0x1986, pad) + bytes(pad)
        about = struct.pack(
            "<HHHHHIIIHH", 10, 0, 0, 0, 0x21, zlib.crc32(content), *[len(content)] * 2, len(coded), len(extra)
        )
        directory += b"PK\1\2\x14\0" + about[:-2] + struct.pack("<HHHHII", 0, 0, 0, 0, 0, len(out)) + coded
        out += b"PK\3\4" + about + coded + extra + content
    end = struct.pack("<HHHHIIH", 0, 0, len(entries), len(entries), len(directory), len(out), 0)
    return out + directory + b"PK\5\6" + end


def wedge_usdz(points: files.Points = files.POINTS, faces: files.Faces = files.FACES) -> bytes:
    """The mesh in a layer that the scene refers to, in a package."""
    scene = usda('def Xform "R" (\n    prepend references = @parts/wedge.usda@\n)\n{\n}\n', meters=0.01)
    return usdz({"scene.usda": scene, "parts/wedge.usda": usd(points, faces)})
