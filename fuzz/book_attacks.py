"""What crafted workbooks try: cells far away, texts that are not there, records and sectors that lie about their length."""

import random
import re
import struct

from fuzz import books
from fuzz.any_bytes import Attack
from fuzz.texts import on_text
from fuzz.zips import unzipped, zipped

_PLACES = (
    "A1",
    "XFD1048576",
    "ZZZ9999999",
    "A0",
    "1A",
    "a1",
    "",
    "A99999999999",
    "AAAAAA1",
    "B2",
    "\u0410" + "1",
    "$A$1",
    "C3:D4",
)
_VALUES = (
    "1e999", "NaN", "-1", "99999999", "1E5", "", "45000.5", "-99999999999", "2958466", "true", "x", "1" * 5000, "0.1", "1e-320", "-0",
    " 5 ", "5\n", "&#10;", "_x0000_", "_x005F_x0041_", "#REF!", "4294967296", "-2147483649",
)  # fmt: skip
_TYPES = ("s", "str", "inlineStr", "b", "e", "n", "d", "x", "")
_PARTS = {
    "merges": '<mergeCells><mergeCell ref="A1:A1048576"/><mergeCell ref="A1:XFD1"/><mergeCell ref="x"/></mergeCells>',
    "dimension": '<dimension ref="A1:XFD1048576"/>',
    "formula": '<row r="9"><c r="A9"><f t="shared" ref="A9:A1048576" si="0">A9+1</f><v>1</v></c><c r="B9"><f>1+</f></c></row>',
    "rows": '<row r="1048576"><c r="A1048576"><v>1</v></c></row>',
    "styles": '<row r="10"><c r="A10" s="4294967295"><v>45000</v></c></row>',
    "sheet": '<sheetData><row r="1"><c r="A1"><v>1</v></c></row></sheetData>',
}
_CELL = re.compile(r'<c r="([A-Z]+\d+)"( t="\w+")?>')
_VALUE = re.compile(r"<v>([^<]*)</v>")
_RECORDS = (0x06, 0x0A, 0x0C, 0x2F, 0x3C, 0x7D, 0x85, 0xBD, 0xBE, 0xD6, 0xE5, 0xFC, 0xFD, 0x1B6, 0x200, 0x203, 0x204, 0x205, 0x207, 0x221, 0x27E, 0x4BC, 0x809, 0xE0, 0x31, 0x41E)  # fmt: skip


def _cells(rng: random.Random, text: str) -> str:
    """Places, types and values of some cells replaced."""

    def cell(found: re.Match[str]) -> str:
        if rng.random() > 0.2:
            return found[0]
        return f'<c r="{rng.choice((found[1], rng.choice(_PLACES)))}" t="{rng.choice(_TYPES)}">'

    text = _CELL.sub(cell, text)
    return _VALUE.sub(lambda found: f"<v>{rng.choice(_VALUES)}</v>" if rng.random() < 0.2 else found[0], text)


def _parts(rng: random.Random, text: str) -> str:
    piece = rng.choice(tuple(_PARTS.values())) * rng.choice((1, 1, 200))
    return (
        text.replace(mark, piece + mark, 1)
        if (mark := rng.choice(("</sheetData>", "<sheetData>", "</worksheet>")))
        else text
    )


def _no_places(_rng: random.Random, text: str) -> str:
    return re.sub(r' r="\w+"', "", text)


def _far_apart(rng: random.Random, text: str) -> str:
    far = rng.choice((("A1048576", "XFD1"), ("A900000", "H2"), ("A2000000", "A3"), ("XFD1048576", "A1")))
    return text.replace(
        "</sheetData>", "".join(f'<row><c r="{place}"><v>1</v></c></row>' for place in far) + "</sheetData>"
    )


def _many_cells(rng: random.Random, text: str) -> str:
    rows, columns = rng.choice(((40_000, 3), (3, 16_384), (300, 300)))
    made = "".join(f'<row r="{row + 500}">' + "<c><v>1</v></c>" * columns + "</row>" for row in range(rows))
    return text.replace("</sheetData>", made + "</sheetData>")


def _other_parts(rng: random.Random, body: bytes) -> bytes:
    """The parts around the sheet changed: the list of sheets, the relations between parts, the shared texts."""
    entries = dict(unzipped(body))
    sheet = rng.choice(
        ("../../x", "worksheets/sheet2.xml", "http://127.0.0.1:9/x", "/xl/workbook.xml", "", "sharedStrings.xml")
    )
    changes = {
        "xl/_rels/workbook.xml.rels": [(b"worksheets/sheet1.xml", sheet.encode()), (b"rId1", b"rId9"), (b"Target=", b"x=")],
        books.BOOK: [
            (b'<sheet name="List" sheetId="1" r:id="rId1"/>', b'<sheet name="List" sheetId="1" r:id="rId1"/>' * rng.choice((0, 2, 300))),
            (b"List", "\u202e".encode() * 50), (b"<sheets>", b"<workbookPr date1904='1'/><sheets>"), (b'name="List"', b'name="List" state="hidden"'),
        ],
        books.SHARED: [(b"<t>", b"<r><t>"), (b"<si>", b"<si/>" * 4000), (b"count=", b'uniqueCount="4294967295" count='), (b"</t>", b"x" * 40_000 + b"</t>")],
        "_rels/.rels": [(b"xl/workbook.xml", b"xl/worksheets/sheet1.xml"), (b"officeDocument", b"x")],
        "[Content_Types].xml": [(b"/xl/workbook.xml", b"/x"), (b"worksheet+xml", b"x")],
    }  # fmt: skip
    for name in rng.sample(tuple(changes), rng.choice((1, 1, 2, 5))):
        if name in entries:
            entries[name] = entries[name].replace(*rng.choice(changes[name]))
    return zipped(entries.items()) if entries else body


def _split(stream: bytes) -> list[tuple[int, bytes]]:
    """The records of an old workbook, as far as they go."""
    found, at = [], 0
    while at + 4 <= len(stream):
        kind, size = struct.unpack_from("<HH", stream, at)
        found.append((kind, stream[at + 4 : at + 4 + size]))
        at += 4 + size
    return found


def _joined(records: list[tuple[int, bytes]]) -> bytes:
    return b"".join(books.record(kind, content[:65_535]) for kind, content in records)


def _records(rng: random.Random, body: bytes) -> bytes:
    """Records left out, doubled, swapped, of another kind, with other contents."""
    records = _split(body)
    for _ in range(rng.choice((1, 1, 3, 20)) if records else 0):
        at = rng.randrange(len(records))
        kind, content = records[at]
        where = rng.randint(0, len(content))
        odd = rng.choice((b"\xff", b"\0", b"\xff\xff\xff\xff", b"\x7f", rng.randbytes(4)))
        records[at : at + 1] = rng.choice((
            [], [records[at]] * 2, [records[at]] * 300, [(rng.choice(_RECORDS), content)], [(kind, content[:where])],
            [(kind, content[:where] + odd + content[where + len(odd) :])], [(kind, content + odd * 500)],
            [records[at], (rng.choice(_RECORDS), rng.randbytes(rng.randrange(40)))],
        )) or [(kind, b"")]  # fmt: skip
    return _joined(records)


def _lengths(rng: random.Random, body: bytes) -> bytes:
    """The declared length of one record, or a count within it, is a lie."""
    changed, at = bytearray(body), 0
    for _ in range(rng.randrange(60)):
        if at + 8 > len(body):
            break
        last, at = at, at + 4 + struct.unpack_from("<H", body, at + 2)[0]
        if rng.random() < 0.1:
            struct.pack_into(
                "<H", changed, last + rng.choice((2, 2, 4)), rng.choice((0, 1, 0xFFFF, 0x7FFF, rng.randrange(65_536)))
            )
    return bytes(changed)


def _far_records(rng: random.Random, body: bytes) -> bytes:
    far = [
        (0x203, struct.pack("<HHHd", rng.choice((0, 65_535)), rng.choice((0, 255, 65_535)), 0, 1.0)) for _ in range(3)
    ]
    rest = _split(body)
    return _joined([*rest[:-1], *far, *rest[-1:]])


def _shared_counts(rng: random.Random, body: bytes) -> bytes:
    odd = struct.pack("<II", rng.choice((0, 0xFFFFFFFF, 1 << 20)), rng.choice((0, 1, 0xFFFFFFFF, 1 << 28)))
    return _joined([(kind, odd + content[8:] if kind == 0xFC else content) for kind, content in _split(body)])


def _sectors(rng: random.Random, body: bytes) -> bytes:
    """Numbers in the container's header, its table of sectors and its directory replaced."""
    changed = bytearray(body)
    tail = max(0, len(body) - 1024)
    for _ in range(rng.choice((1, 1, 2, 8)) if len(body) > 1600 else 0):
        at = rng.choice((rng.randrange(24, 84, 2), rng.randrange(76, 512, 4), rng.randrange(tail, len(body) - 4, 4)))
        odd = rng.choice((0, 1, 2, 5, 0xFFFFFFFE, 0xFFFFFFFD, 0xFFFFFFFF, 0xFFFFFFFA, len(body), rng.randrange(200)))
        struct.pack_into("<I", changed, min(at, len(body) - 4), odd)
    return bytes(changed)


SHEETS: tuple[Attack, ...] = tuple(
    map(on_text, (_cells, _cells, _cells, _parts, _parts, _no_places, _far_apart, _many_cells))
)
BOOKS: tuple[Attack, ...] = (_other_parts,)
BIFF: tuple[Attack, ...] = (_records, _records, _records, _lengths, _lengths, _far_records, _shared_counts)
CONTAINERS: tuple[Attack, ...] = (_sectors,)
