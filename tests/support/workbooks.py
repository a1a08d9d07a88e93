"""Workbooks for tests, made here: honest ones with openpyxl and xlwt, and parts written by hand where those are too polite."""

import io
import struct
import zipfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

Rows = Iterable[Sequence[Any]]

NAMESPACE = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_TYPES = "http://schemas.openxmlformats.org/package/2006/content-types"
_RELATIONS = "http://schemas.openxmlformats.org/package/2006/relationships"
_PACKAGE = "application/vnd.openxmlformats-package"
_SHEETS = "application/vnd.openxmlformats-officedocument.spreadsheetml"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"


def xlsx(path: Path, sheets: Mapping[str, Rows], *, change: Callable[[Any], None] | None = None) -> Path:
    """A workbook with these sheets; `change` may alter openpyxl's workbook before it is saved."""
    import openpyxl

    book = openpyxl.Workbook()
    book.remove(book.active)
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(list(row))
    if change:
        change(book)
    book.save(path)
    return path


def xls(path: Path, sheets: Mapping[str, Rows], *, change: Callable[[Any], None] | None = None) -> Path:
    """The same as an old workbook; dates get a date's format."""
    import datetime as dt

    import xlwt

    book = xlwt.Workbook()
    dated = xlwt.easyxf(num_format_str="YYYY-MM-DD")
    for name, rows in sheets.items():
        sheet = book.add_sheet(name)
        for at, row in enumerate(rows):
            for column, value in enumerate(row):
                if isinstance(value, dt.date):
                    sheet.write(at, column, value, dated)
                elif value is not None:
                    sheet.write(at, column, value)
    if change:
        change(book)
    book.save(str(path))
    return path


def raw_xlsx(
    path: Path, cells: str | bytes, *, shared: str | bytes = "", dimension: str = "", more: Mapping[str, bytes] = {}
) -> Path:
    """A workbook of one sheet whose rows are that XML, whatever it is."""
    head = f'<worksheet xmlns="{NAMESPACE}">{dimension}<sheetData>'.encode()
    sheet = head + _bytes(cells) + b"</sheetData></worksheet>"
    parts = {
        "[Content_Types].xml": (
            f'<Types xmlns="{_TYPES}"><Default Extension="rels" ContentType="{_PACKAGE}.relationships+xml"/>'
            f'<Override PartName="/xl/workbook.xml" ContentType="{_SHEETS}.sheet.main+xml"/>'
            f'<Override PartName="/xl/worksheets/sheet1.xml" ContentType="{_SHEETS}.worksheet+xml"/></Types>'
        ).encode(),
        "_rels/.rels": _relation("officeDocument", "xl/workbook.xml"),
        "xl/workbook.xml": (
            f'<workbook xmlns="{NAMESPACE}" xmlns:r="{_OFFICE}">'
            '<sheets><sheet name="List" sheetId="1" r:id="rId1"/></sheets></workbook>'
        ).encode(),
        "xl/_rels/workbook.xml.rels": _relation("worksheet", "worksheets/sheet1.xml"),
        "xl/worksheets/sheet1.xml": sheet,
        **more,
    }
    if shared:
        parts["xl/sharedStrings.xml"] = f'<sst xmlns="{NAMESPACE}">'.encode() + _bytes(shared) + b"</sst>"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return path


def text_cell(place: str, text: str) -> str:
    """The XML of a cell with a text of its own."""
    return f'<c r="{place}" t="inlineStr"><is><t>{text}</t></is></c>'


def header_row(*names: str) -> str:
    """The XML of a first row with these texts."""
    return "<row r='1'>" + "".join(text_cell(f"{chr(65 + at)}1", name) for at, name in enumerate(names)) + "</row>"


def record(kind: int, content: bytes) -> bytes:
    """One record of an old workbook."""
    return struct.pack("<HH", kind, len(content)) + content


def zipped(raw: bytes, *, compress: bool = True) -> bytes:
    """A ZIP with one entry."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED if compress else zipfile.ZIP_STORED) as archive:
        archive.writestr("x", raw)
    return out.getvalue()


def _relation(kind: str, target: str) -> bytes:
    return (
        f'<Relationships xmlns="{_RELATIONS}"><Relationship Id="rId1" Type="{_OFFICE}/{kind}" Target="{target}"/>'
        "</Relationships>"
    ).encode()


def _bytes(text: str | bytes) -> bytes:
    return text.encode() if isinstance(text, str) else text
