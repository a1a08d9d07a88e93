"""Excel workbooks written by hand, new and old: no more in them than a reader of cells needs."""

import struct
from collections.abc import Callable, Sequence

from fuzz.zips import zipped
from parsers.cfb import contained

Cells = Sequence[Sequence[str | float]]
MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
SHEET, BOOK, SHARED = "xl/worksheets/sheet1.xml", "xl/workbook.xml", "xl/sharedStrings.xml"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_BOF, _EOF, _BOUND, _SST, _LABEL, _NUMBER, _DIMENSIONS = 0x809, 0x0A, 0x85, 0xFC, 0xFD, 0x203, 0x200


def xlsx(cells: Cells, change: Callable[[bytes], bytes]) -> bytes:
    """A workbook of one sheet, whose XML may be changed; texts are shared where they are longer than a word."""
    shared: dict[str, int] = {}
    rows = "".join(
        f'<row r="{number}">' + "".join(_cell(value, number, at, shared) for at, value in enumerate(row)) + "</row>"
        for number, row in enumerate(cells, 1)
    )
    sheet = (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<worksheet xmlns="{MAIN}"><sheetData>{rows}</sheetData></worksheet>'
    )
    texts = "".join(f"<si><t>{_escaped(text)}</t></si>" for text in shared)
    return zipped(
        [
            ("[Content_Types].xml", _types().encode()),
            ("_rels/.rels", _relations("officeDocument", BOOK).encode()),
            (BOOK, _book().encode()),
            ("xl/_rels/workbook.xml.rels", _relations("worksheet", "worksheets/sheet1.xml").encode()),
            (SHARED, f'<sst xmlns="{MAIN}" count="{len(shared)}">{texts}</sst>'.encode()),
            (SHEET, change(sheet.encode())),
        ]
    )


def _cell(value: str | float, row: int, at: int, shared: dict[str, int]) -> str:
    place = f"{chr(65 + at)}{row}"
    if isinstance(value, float):
        return f'<c r="{place}"><v>{value:g}</v></c>'
    if " " in value:
        return f'<c r="{place}" t="s"><v>{shared.setdefault(value, len(shared))}</v></c>'
    return f'<c r="{place}" t="inlineStr"><is><t>{_escaped(value)}</t></is></c>'


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;")


def _types() -> str:
    office = "application/vnd.openxmlformats-officedocument.spreadsheetml"
    parts = {BOOK: "sheet.main", SHEET: "worksheet", SHARED: "sharedStrings"}
    kinds = "".join(f'<Override PartName="/{part}" ContentType="{office}.{kind}+xml"/>' for part, kind in parts.items())
    rels = '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    return f'<Types xmlns="{_PACKAGE}/content-types">{rels}{kinds}</Types>'


def _relations(kind: str, target: str) -> str:
    one = f'<Relationship Id="rId1" Type="{_OFFICE}/{kind}" Target="{target}"/>'
    texts = f'<Relationship Id="rId2" Type="{_OFFICE}/sharedStrings" Target="sharedStrings.xml"/>'
    return (
        f'<Relationships xmlns="{_PACKAGE}/relationships">{one}{texts if kind == "worksheet" else ""}</Relationships>'
    )


def _book() -> str:
    sheets = '<sheets><sheet name="List" sheetId="1" r:id="rId1"/></sheets>'
    return f'<workbook xmlns="{MAIN}" xmlns:r="{_OFFICE}">{sheets}</workbook>'


def xls(cells: Cells, change: Callable[[bytes], bytes]) -> bytes:
    """An old workbook (BIFF8) of one sheet, whose records may be changed."""
    return contained("Workbook", change(records(cells)))


def records(cells: Cells) -> bytes:
    """The records of such a workbook."""
    texts = list(dict.fromkeys(value for row in cells for value in row if isinstance(value, str)))
    shared = struct.pack("<II", len(texts), len(texts)) + b"".join(map(_shared, texts))
    bound_size = 4 + 8 + len("List")
    head, tail = record(_BOF, struct.pack("<HHHHII", 0x600, 5, 0, 0, 0, 6)), record(_SST, shared) + record(_EOF, b"")
    at = len(head) + bound_size + len(tail)
    bound = record(_BOUND, struct.pack("<IHBB", at, 0, 4, 0) + b"List")
    sheet = record(_BOF, struct.pack("<HHHHII", 0x600, 0x10, 0, 0, 0, 6))
    sheet += record(_DIMENSIONS, struct.pack("<IIHHH", 0, len(cells), 0, max(map(len, cells)), 0))
    for number, row in enumerate(cells):
        for column, value in enumerate(row):
            place = struct.pack("<HHH", number, column, 0)
            if isinstance(value, float):
                sheet += record(_NUMBER, place + struct.pack("<d", value))
            else:
                sheet += record(_LABEL, place + struct.pack("<I", texts.index(value)))
    return head + bound + tail + sheet + record(_EOF, b"")


def record(kind: int, content: bytes) -> bytes:
    """One record."""
    return struct.pack("<HH", kind, len(content)) + content


def _shared(text: str) -> bytes:
    return struct.pack("<HB", len(text), 1) + text.encode("utf-16-le")
