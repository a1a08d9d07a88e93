"""The records of an old Excel workbook (BIFF5 and BIFF8), looked at before a reader of cells gets them.

Written from Microsoft's published specification [MS-XLS]. Readers reserve memory for what a workbook declares; here
it is declared anew from what really stands in it.
"""

import struct
from collections.abc import Iterator

from jobs.errors import UnreadableFile
from parsers.sheet_limits import (
    FAULTS,
    MAX_AREA_AT_ONCE,
    MAX_FAULTS,
    Look,
    check_area,
    check_areas,
    check_cells,
    check_sheets,
    check_text,
)

_BOF, _EOF, _BOUND, _PASSWORD, _DIMENSIONS, _SHARED, _CONTINUE = 0x809, 0x0A, 0x85, 0x2F, 0x200, 0xFC, 0x3C
_CELLS = frozenset({0x203, 0x204, 0x205, 0x06, 0x27E, 0xFD, 0xD6, 0xBD})  # records that state a value
_FAULT, _FORMULA, _TEXT, _NUMBERS = 0x205, 0x06, 0xFD, 0xBD
_LONG = 14  # bytes of a declared size whose rows are four bytes each, since BIFF8; ten before
_MOST = 0xFFFF


class _Sheet:
    """What the records of one sheet add up to."""

    def __init__(self) -> None:
        self.rows = self.columns = self.cells = self.characters = 0
        self.dimensions: list[tuple[int, int]] = []  # where they are declared: offset and length of the record

    def count(self, row: int, last_column: int, cells: int) -> None:
        self.rows = max(self.rows, row + 1)
        self.columns = max(self.columns, last_column + 1)
        self.cells += cells


def with_true_sizes(stream: bytes) -> tuple[bytes, Look]:
    """The workbook's stream with honest declarations, and what a first look tells.

    Raises `UnreadableFile` (`xls.broken`, `workbook.encrypted`) and `InputError` (`limit.cells`, `limit.sheets`).
    """
    look = Look()
    out = bytearray(stream)
    offsets = _sheet_offsets(stream)
    sheets = {at: index for index, at in reversed(list(enumerate(offsets)))}
    lengths = _shared_lengths(stream)
    begun: dict[int, _Sheet] = {}  # where records of a sheet, or of anything like one, really begin
    sheet, index, is_open = _Sheet(), -1, False
    for kind, at, size in _records(stream):
        if kind == _BOF:
            # One that begins within another is measured with it: readers go on as if it did not.
            sheet, index = (sheet, sheets.get(at - 4, index)) if is_open else (_Sheet(), sheets.get(at - 4, -1))
            is_open, begun[at - 4] = True, sheet
        elif kind == _PASSWORD:
            raise encrypted()
        elif kind == _DIMENSIONS:
            sheet.dimensions.append((at, size))
        elif kind == _SHARED and size >= 8:
            struct.pack_into("<I", out, at + 4, min(len(lengths), struct.unpack_from("<I", stream, at + 4)[0]))
        elif kind in _CELLS and size >= 6:
            _count(stream, kind, at, size=size, sheet=sheet, lengths=lengths)
            if index >= 0:
                _note(stream, kind, at, size=size, look=look, index=index)
        elif kind == _EOF:
            is_open = False
            _declare(out, sheet)
    _declare(out, sheet)
    if not begun.keys() >= sheets.keys():
        raise _broken("a sheet does not begin where it should")
    check_areas(sum(begun[at].rows * begun[at].columns for at in offsets), most=MAX_AREA_AT_ONCE)
    return bytes(out), look


def encrypted() -> UnreadableFile:
    """What is said of a workbook that a password protects."""
    hint = "Open it, remove the password (File, Info, Protect Workbook), save it and send it again."
    return UnreadableFile("workbook.encrypted", "The workbook is encrypted with a password.", hint=hint)


def _broken(why: str) -> UnreadableFile:
    hint = "The file may be cut off; save or download it again, best as .xlsx."
    return UnreadableFile("xls.broken", f"The workbook is damaged: {why}.", hint=hint)


def _records(stream: bytes) -> Iterator[tuple[int, int, int]]:
    """Kind, offset of the content and its length, of every record."""
    at, end = 0, len(stream)
    while at + 4 <= end:
        kind, size = struct.unpack_from("<HH", stream, at)
        at += 4
        if at + size > end:
            if kind:  # zeros fill the end of the stream
                raise _broken("its last record was cut off")
            return
        yield kind, at, size
        at += size


def _sheet_offsets(stream: bytes) -> list[int]:
    """Where the records of each sheet begin; two may say the same place, and are read twice."""
    found: list[int] = []
    for kind, at, size in _records(stream):
        if kind == _BOUND and size >= 4:
            found.append(struct.unpack_from("<I", stream, at)[0])
            check_sheets(len(found))
    return found


def _count(stream: bytes, kind: int, at: int, *, size: int, sheet: _Sheet, lengths: list[int]) -> None:
    row, column = struct.unpack_from("<HH", stream, at)
    last = column
    if kind == _NUMBERS:
        last = max(column, struct.unpack_from("<H", stream, at + size - 2)[0])
    elif kind == _TEXT and size >= 10:
        (text,) = struct.unpack_from("<I", stream, at + 6)
        sheet.characters += lengths[text] if text < len(lengths) else 0
    sheet.count(row, last, last - column + 1)


def _note(stream: bytes, kind: int, at: int, *, size: int, look: Look, index: int) -> None:
    """Failed formulas. One without a stored result looks like one whose result is empty: that cannot be told here."""
    fault = None
    if kind == _FAULT and size >= 8 and stream[at + 7] == 1:
        fault = FAULTS.get(stream[at + 6])
    elif kind == _FORMULA and stream[at + 12 : at + 14] == b"\xff\xff" and size >= 14 and stream[at + 6] == 2:
        fault = FAULTS.get(stream[at + 8])
    if fault:
        found = look.faults.setdefault(index, {})
        if len(found) < MAX_FAULTS:
            row, column = struct.unpack_from("<HH", stream, at)
            found[row, column] = fault


def _declare(out: bytearray, sheet: _Sheet) -> None:
    """Check what a sheet really holds, and write that where its size is declared."""
    check_area(sheet.rows, sheet.columns)
    check_cells(sheet.cells)
    check_text(sheet.characters)
    for at, size in sheet.dimensions:
        out[at : at + size] = bytes(size)
        if size >= _LONG:
            struct.pack_into("<IIHH", out, at, 0, sheet.rows, 0, min(sheet.columns, _MOST))
        elif size >= 8:
            struct.pack_into("<HHHH", out, at, 0, min(sheet.rows, _MOST), 0, min(sheet.columns, _MOST))
    sheet.dimensions = []


def _shared_lengths(stream: bytes) -> list[int]:
    """Characters of each shared text, as far as they can be told; a text may go on in further records."""
    parts: list[bytes] = []
    for kind, at, size in _records(stream):
        if kind == _SHARED and not parts:
            parts.append(stream[at + 8 : at + size])
        elif kind == _CONTINUE and parts:
            parts.append(stream[at : at + size])
        elif parts:
            break
    return list(_lengths(parts))


def _lengths(parts: list[bytes]) -> Iterator[int]:
    number, at = 0, 0
    while number < len(parts):
        part = parts[number]
        if at + 3 > len(part):
            number, at = number + 1, 0
            continue
        length, flags = struct.unpack_from("<HB", part, at)
        at += 3
        runs = extra = 0
        if flags & 0x8 and at + 2 <= len(part):
            (runs,) = struct.unpack_from("<H", part, at)
            at += 2
        if flags & 0x4 and at + 4 <= len(part):
            (extra,) = struct.unpack_from("<I", part, at)
            at += 4
        yield length
        left, wide = length, 1 + (flags & 0x1)
        while left > (fits := (len(part) - at) // wide) and number + 1 < len(parts):
            left -= max(0, fits)
            number, at = number + 1, 1  # what goes on begins with its width anew
            part = parts[number]
            wide = 1 + (part[0] & 0x1 if part else 0)
        at += left * wide
        skip = 4 * runs + extra
        while number < len(parts) and at + skip > len(parts[number]):
            skip -= max(0, len(parts[number]) - at)
            number, at = number + 1, 0
        at += skip
