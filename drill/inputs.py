"""What a drill submits: small files for every pipeline, each with content of its own, some broken, a few large ones.

Everything follows from the drill's seed and the file's number, so that a drill can be repeated. `bait` makes files that
keep one pool busy for about a second: a fault that wants to interrupt a step waits for one of these.
"""

import json
import random
import struct
from collections.abc import Callable
from dataclasses import dataclass

Point = tuple[float, float, float]
_POINTS: tuple[Point, ...] = ((0.0, 0.0, 0.0), (1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))
_FACES = ((0, 2, 1), (0, 1, 3), (0, 3, 2), (1, 2, 3))  # seen from outside against the clock
_CANCELLED = 0.04  # share of jobs that are cancelled as soon as they are accepted
_BAD_ROWS, _GOOD_ROWS, _SQUARES, _PAGES = 36_000, 8_000, 150, 24  # of bait: about a second each on a modest core


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One file to be submitted, and what has to become of it."""

    number: int  # within the drill; the job carries it as metadata
    name: str
    body: bytes
    pipeline: str | None = None  # None: told from the bytes
    broken: bool = False  # has to fail, with the submitter to act
    cancel: bool = False  # is cancelled once it is accepted
    priority: int = 4


def sample(number: int, *, seed: int) -> Sample:
    """The `number`th file of the drill with this seed."""
    rng = random.Random(f"heavylift-drill:{seed}:{number}")
    name, make, pipeline = rng.choices(_MAKERS, weights=_WEIGHTS)[0]
    body = make(rng, number)
    return Sample(
        number=number,
        name=name.format(number),
        body=body,
        pipeline=pipeline,
        broken=make in _BROKEN,
        cancel=rng.random() < _CANCELLED,
        priority=rng.choice((0, 4, 4, 4, 9)),
    )


def plain(number: int) -> Sample:
    """A job that costs next to nothing, to see whether parsing goes on."""
    return Sample(number=number, name=f"plain-{number}.txt", body=b"drill %d" % number, pipeline="noop", priority=9)


def bait(number: int, pool: str) -> Sample:
    """A file whose steps keep `pool` busy for about a second; other pools than the four of steps get a plain job."""
    rng = random.Random(number)
    make = {"parsing": _bad_list, "indexing": _long_list, "validation": _large_model, "thumbnails": _long_document}
    if pool not in make:
        return plain(number)
    suffix = {"validation": "stl", "thumbnails": "pdf"}.get(pool, "xml")
    return Sample(number=number, name=f"bait-{number}.{suffix}", body=make[pool](rng, number), priority=9)


def _parts_list(rng: random.Random, number: int) -> bytes:
    rows = [_item(rng.randrange(3000, 99000), str(rng.randrange(1, 40))) for _ in range(rng.randrange(5, 40))]
    return _list(number, rows)


def _list(number: int, rows: list[str]) -> bytes:
    return f"<!-- drill {number} -->\n<INVENTORY>\n{''.join(rows)}</INVENTORY>\n".encode()


def _item(part: int, qty: str) -> str:
    fields = f"<ITEMTYPE>P</ITEMTYPE><ITEMID>{part}</ITEMID><COLOR>{part % 60 + 1}</COLOR><MINQTY>{qty}</MINQTY>"
    return f"<ITEM>{fields}</ITEM>\n"


def _bad_list(rng: random.Random, number: int) -> bytes:
    """Every row is wrong, so that reading takes long and nothing is left to index."""
    first = rng.randrange(3000, 9000)
    return _list(number, [_item(first + row, "many") for row in range(_BAD_ROWS)])


def _long_list(rng: random.Random, number: int) -> bytes:
    first = rng.randrange(3000, 9000)
    return _list(number, [_item(first + row, "2") for row in range(_GOOD_ROWS)])


def _csv(rng: random.Random, number: int) -> bytes:
    rows = (f"{rng.randrange(3000, 99000)},{rng.randrange(0, 30)},{rng.randrange(1, 60)}\n" for _ in range(20))
    return f"Part,Color,Quantity\n{number},1,1\n{''.join(rows)}".encode()


def _document(rng: random.Random, number: int) -> bytes:
    return _pdf(number, pages=rng.randrange(1, 3))


def _long_document(_rng: random.Random, number: int) -> bytes:
    return _pdf(number, pages=_PAGES)


def _pdf(number: int, *, pages: int) -> bytes:
    """A PDF whose pages each say where they belong."""
    kids = " ".join(f"{4 + 2 * page} 0 R" for page in range(pages))
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Kids [{kids}] /Count {pages} >>".encode(),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    for page in range(pages):
        text = f"BT /F1 18 Tf 40 530 Td (Drill {number}, page {page + 1}) Tj ET".encode()
        head = "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 420 595] /Resources << /Font << /F1 3 0 R >> >> "
        objects.append(f"{head}/Contents {5 + 2 * page} 0 R >>".encode())
        objects.append(b"<< /Length %d >>\nstream\n%s\nendstream" % (len(text), text))
    out, offsets = b"%PDF-1.4\n", []
    for place, body in enumerate(objects, 1):
        offsets.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (place, body)
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    trailer = b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, len(out))
    return out + b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1) + table + trailer


def _corners(rng: random.Random) -> list[Point]:
    """A tetrahedron of a size of its own."""
    scale = 1.0 + rng.random()
    return [(x * scale, y * scale, z * scale) for x, y, z in _POINTS]


def _stl(rng: random.Random, number: int) -> bytes:
    corners = _corners(rng)
    return _facets(number, [(corners[a], corners[b], corners[c]) for a, b, c in _FACES])


def _facets(number: int, triangles: list[tuple[Point, Point, Point]]) -> bytes:
    body = b"".join(struct.pack("<12fH", 0, 0, 0, *a, *b, *c, 0) for a, b, c in triangles)
    return (b"drill %d" % number).ljust(80) + struct.pack("<I", len(triangles)) + body


def _large_model(rng: random.Random, number: int) -> bytes:
    """A hilly ground of many squares."""
    phase = rng.randrange(1, 97)
    at: Callable[[int, int], Point] = lambda x, y: (float(x), float(y), (x * phase + y * 13) % 7 * 0.1)  # noqa: E731 - a name for four corners
    triangles = []
    for x in range(_SQUARES):
        for y in range(_SQUARES):
            a, b, c, d = at(x, y), at(x + 1, y), at(x + 1, y + 1), at(x, y + 1)
            triangles += [(a, b, c), (a, c, d)]
    return _facets(number, triangles)


def _glb(rng: random.Random, number: int) -> bytes:
    corners = _corners(rng)
    binary = b"".join(struct.pack("<3f", *corner) for corner in corners)
    binary += b"".join(struct.pack("<3H", *face) for face in _FACES)
    most = corners[1][0]
    doc = {
        "asset": {"version": "2.0", "generator": f"Heavylift drill {number}"},
        "scene": 0,
        "scenes": [{"nodes": [0]}],
        "nodes": [{"mesh": 0}],
        "meshes": [{"primitives": [{"attributes": {"POSITION": 0}, "indices": 1}]}],
        "accessors": [
            {"bufferView": 0, "componentType": 5126, "count": 4, "type": "VEC3", "min": [0, 0, 0], "max": [most] * 3},
            {"bufferView": 1, "componentType": 5123, "count": 12, "type": "SCALAR"},
        ],
        "bufferViews": [
            {"buffer": 0, "byteOffset": 0, "byteLength": 48},
            {"buffer": 0, "byteOffset": 48, "byteLength": 24},
        ],
        "buffers": [{"byteLength": 72}],
    }
    text = json.dumps(doc).encode()
    text += b" " * (-len(text) % 4)
    chunks = struct.pack("<I4s", len(text), b"JSON") + text + struct.pack("<I4s", len(binary), b"BIN\0") + binary
    return struct.pack("<4sII", b"glTF", 2, 12 + len(chunks)) + chunks


def _nothing(_rng: random.Random, number: int) -> bytes:
    return b"drill %d" % number


def _broken_list(rng: random.Random, number: int) -> bytes:
    """Breaks off in the middle of its head, so that not one row can be read."""
    return b"<!-- drill %d -->\n<INVENTORY %d" % (number, rng.randrange(10))


def _broken_pdf(rng: random.Random, number: int) -> bytes:
    return b"%PDF-1.4\n" + b"drill %d " % number + rng.randbytes(200).hex().encode()


def _broken_glb(rng: random.Random, number: int) -> bytes:
    return _glb(rng, number)[:-60]


_Maker = Callable[[random.Random, int], bytes]
_BROKEN: frozenset[_Maker] = frozenset({_broken_list, _broken_pdf, _broken_glb})
# Few models: to draw one takes seconds, and so would a drill.
_MIX: tuple[tuple[float, str, _Maker, str | None], ...] = (
    (34, "list-{}.xml", _parts_list, None),
    (22, "list-{}.csv", _csv, None),
    (16, "document-{}.pdf", _document, None),
    (3, "model-{}.glb", _glb, None),
    (3, "model-{}.stl", _stl, None),
    (16, "nothing-{}.txt", _nothing, "noop"),
    (2, "broken-{}.xml", _broken_list, None),
    (2, "broken-{}.pdf", _broken_pdf, None),
    (2, "broken-{}.glb", _broken_glb, None),
)
_WEIGHTS = [row[0] for row in _MIX]
_MAKERS = [row[1:] for row in _MIX]
