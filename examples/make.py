"""Makes the three sample files of this folder, byte for byte the same each time: `python examples/make.py [FOLDER]`."""  # noqa: INP001 - a script, in no package

import json
import math
import struct
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

_PARTS = [
    ("3001", "Brick 2 x 4"),
    ("3002", "Brick 2 x 3"),
    ("3003", "Brick 2 x 2"),
    ("3004", "Brick 1 x 2"),
    ("3005", "Brick 1 x 1"),
    ("3010", "Brick 1 x 4"),
    ("3020", "Plate 2 x 4"),
    ("3021", "Plate 2 x 3"),
    ("3022", "Plate 2 x 2"),
    ("3023", "Plate 1 x 2"),
    ("3039", "Slope 45 2 x 2"),
    ("3068b", "Tile 2 x 2"),
    ("3069b", "Tile 1 x 2"),
    ("3710", "Plate 1 x 4"),
]
_COLORS = (1, 5, 7, 11)  # BrickLink's white, red, blue, black
# Rows that are wrong, each in a way of its own, and where they stand.
_WRONG = {
    9: ("P", "3001", "5", "four", ""),  # quantity in words
    17: ("P", "", "7", "2", ""),  # no part
    23: ("P", "3004", "red", "6", ""),  # color by name
    31: ("Q", "3005", "11", "1", ""),  # no such item type
    38: ("P", "3010", "1", "-4", ""),  # negative
    44: ("P", "3020", "5", "0", ""),  # zero: kept, with a warning
    52: ("P", "3023", "7", "12.0", ""),  # a spreadsheet's idea of twelve
    57: ("P", "3039", "1", "3", "cheap"),  # price in words: kept, with a warning
}


def wanted_list() -> bytes:
    """A BrickLink wanted list of 60 rows, a few of them wrong."""
    lines = ["<INVENTORY>"]
    for row in range(1, 61):
        part, name = _PARTS[row % len(_PARTS)]
        good = ("P", part, str(_COLORS[row % len(_COLORS)]), str(1 + row * 7 % 12), f"0.{10 + row % 40}")
        item_type, part, color, qty, price = _WRONG.get(row, good)
        remarks = f"{name}, bag {1 + row // 20}" + (" &amp; spare" if row % 15 == 0 else "")
        fields = {"ITEMTYPE": item_type, "ITEMID": part, "COLOR": color, "MAXPRICE": price, "MINQTY": qty}
        fields |= {"CONDITION": "N" if row % 3 else "X", "REMARKS": remarks}
        lines.append("  <ITEM>")
        lines += [f"    <{field}>{text}</{field}>" for field, text in fields.items() if text or field == "ITEMID"]
        lines.append("  </ITEM>")
    return "\n".join([*lines, "</INVENTORY>", ""]).encode()


_STEPS = (
    ("Building instructions: a small wall", ["You need six bricks 2 x 4 and two bricks 2 x 2.", "Part 3001, red."]),
    ("Step 1: the first row", ["Put two bricks 2 x 4 side by side.", "Leave no gap between them."]),
    (
        "Step 2: the second row",
        ["Begin with a brick 2 x 2, part 3003.", "So the joints do not meet: a wall that holds."],
    ),
)
_UNIT = 30  # points of one stud in the drawings


def instructions() -> bytes:
    """A PDF of three pages (A5), each a title, two sentences and a drawing of bricks."""
    count = len(_STEPS)
    kids = " ".join(f"{4 + 2 * page} 0 R" for page in range(count))
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Kids [{kids}] /Count {count} >>".encode(),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
    ]
    for number, (title, sentences) in enumerate(_STEPS):
        content = _page(title, sentences, rows=number + 1)
        page = "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 420 595] /Resources << /Font << /F1 3 0 R >> >> "
        objects.append(f"{page}/Contents {5 + 2 * number} 0 R >>".encode())
        objects.append(b"<< /Length %d >>\nstream\n%s\nendstream" % (len(content), content))
    return _pdf(objects)


def _page(title: str, sentences: list[str], *, rows: int) -> bytes:
    drawn = [f"BT /F1 18 Tf 40 530 Td ({title}) Tj ET"]
    drawn += [f"BT /F1 12 Tf 40 {500 - 18 * number} Td ({line}) Tj ET" for number, line in enumerate(sentences)]
    for row in range(rows):
        bottom, shift = 120 + row * 40, row % 2
        widths = [2, 4, 4] if shift else [4, 4, 2]
        left = 60
        for width in widths:
            drawn += _brick(left, bottom, studs=width, shade=0.75 + 0.08 * row)
            left += width * _UNIT
    return "\n".join(drawn).encode()


def _brick(left: int, bottom: int, *, studs: int, shade: float) -> Iterator[str]:
    yield f"{shade:.2f} 0.12 0.10 rg 0.25 0 0 RG 1.5 w"
    for stud in range(studs):
        yield f"{left + stud * _UNIT + 8} {bottom + 36} 14 6 re B"
    yield f"{left} {bottom} {studs * _UNIT} 36 re B"


def _pdf(objects: list[bytes]) -> bytes:
    out, offsets = b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n", []
    for number, body in enumerate(objects, 1):
        offsets.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    trailer = b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, len(out))
    return out + b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1) + table + trailer


Point = tuple[float, float, float]
Triangle = tuple[Point, Point, Point]
_PITCH, _HEIGHT, _GAP = 0.008, 0.0096, 0.0001  # meters: stud to stud, height, half the play between bricks
_STUD_RADIUS, _STUD_HEIGHT, _SIDES = 0.0024, 0.0018, 48


def brick() -> bytes:
    """A red brick of 2 x 4 studs as GLB, in meters, Y up: nine closed bodies."""
    long, wide = 2 * _PITCH - _GAP, _PITCH - _GAP
    bodies = [list(_box((-long, 0.0, -wide), (long, _HEIGHT, wide)))]
    for column in range(4):
        for row in range(2):
            center = ((column - 1.5) * _PITCH, _HEIGHT, (row - 0.5) * _PITCH)
            bodies.append(list(_cylinder(center)))
    return _glb([triangle for body in bodies for triangle in body])


def _box(low: Point, high: Point) -> Iterator[Triangle]:
    """Twelve triangles, seen from outside against the clock."""
    corner: Callable[[int], Point] = lambda bits: (  # noqa: E731 - a name for eight corners
        (high if bits & 1 else low)[0],
        (high if bits & 2 else low)[1],
        (high if bits & 4 else low)[2],
    )
    for a, b, c, d in ((0, 2, 3, 1), (4, 5, 7, 6), (0, 1, 5, 4), (2, 6, 7, 3), (0, 4, 6, 2), (1, 3, 7, 5)):
        yield corner(a), corner(b), corner(c)
        yield corner(a), corner(c), corner(d)


def _cylinder(center: Point) -> Iterator[Triangle]:
    """A closed stud that stands on `center`."""
    x, y, z = center
    top = y + _STUD_HEIGHT
    rim = [(math.cos(turn), math.sin(turn)) for turn in (2 * math.pi * n / _SIDES for n in range(_SIDES))]
    points = [(x + _STUD_RADIUS * cos, z + _STUD_RADIUS * sin) for cos, sin in rim]
    for (ax, az), (bx, bz) in zip(points, points[1:] + points[:1], strict=True):
        yield (x, top, z), (bx, top, bz), (ax, top, az)
        yield (x, y, z), (ax, y, az), (bx, y, bz)
        yield (ax, y, az), (ax, top, az), (bx, top, bz)
        yield (ax, y, az), (bx, top, bz), (bx, y, bz)


def _glb(triangles: list[Triangle]) -> bytes:
    """Positions and flat normals, no shared vertices: the edges stay sharp."""
    points = [point for triangle in triangles for point in triangle]
    normals = [normal for triangle in triangles for normal in (_normal(triangle),) * 3]
    binary = b"".join(struct.pack("<3f", *point) for point in [*points, *normals])
    half = len(points) * 12
    rounded = [struct.unpack("<3f", struct.pack("<3f", *point)) for point in points]
    accessor = {"componentType": 5126, "count": len(points), "type": "VEC3"}
    low, high = ([pick(axis) for axis in zip(*rounded, strict=True)] for pick in (min, max))
    doc = {
        "asset": {"version": "2.0", "generator": "Heavylift examples/make.py"},
        "scene": 0,
        "scenes": [{"nodes": [0]}],
        "nodes": [{"name": "brick 2 x 4", "mesh": 0}],
        "meshes": [{"primitives": [{"attributes": {"POSITION": 0, "NORMAL": 1}, "material": 0}]}],
        "materials": [
            {
                "name": "red",
                "pbrMetallicRoughness": {
                    "baseColorFactor": [0.58, 0.012, 0.012, 1.0],
                    "metallicFactor": 0.0,
                    "roughnessFactor": 0.35,
                },
            }
        ],
        "accessors": [accessor | {"bufferView": 0, "min": low, "max": high}, accessor | {"bufferView": 1}],
        "bufferViews": [
            {"buffer": 0, "byteOffset": 0, "byteLength": half, "target": 34962},
            {"buffer": 0, "byteOffset": half, "byteLength": half, "target": 34962},
        ],
        "buffers": [{"byteLength": len(binary)}],
    }
    text = json.dumps(doc, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 4)
    length = 12 + 8 + len(text) + 8 + len(binary)
    header = struct.pack("<4sII", b"glTF", 2, length) + struct.pack("<I4s", len(text), b"JSON")
    return header + text + struct.pack("<I4s", len(binary), b"BIN\0") + binary


def _normal(triangle: Triangle) -> Point:
    (ax, ay, az), (bx, by, bz), (cx, cy, cz) = triangle
    ux, uy, uz, vx, vy, vz = bx - ax, by - ay, bz - az, cx - ax, cy - ay, cz - az
    nx, ny, nz = uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx
    # Rounded, so that the last bit of a sine, which differs between machines, never shows.
    length = math.sqrt(nx * nx + ny * ny + nz * nz)
    return round(nx / length, 6), round(ny / length, 6), round(nz / length, 6)


FILES: dict[str, Callable[[], bytes]] = {
    "wanted-list.xml": wanted_list,
    "instructions.pdf": instructions,
    "brick.glb": brick,
}


def main() -> None:
    """Write every file into the folder named on the command line, or into this one."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent
    for name, make in FILES.items():
        (folder / name).write_bytes(make())


if __name__ == "__main__":
    main()
