"""How large a workbook may be, and what was found in it before anything was read: errors, formulas without results."""

from dataclasses import dataclass, field
from typing import NoReturn

from jobs.errors import InputError

MAX_AREA = 8_000_000  # cells of the smallest rectangle around all that a sheet states; each takes 32 bytes at once
MAX_AREA_AT_ONCE = 4_000_000  # of all sheets of an old workbook together: its reader lays them out at once, and copies
MAX_AREA_IN_ALL = 32_000_000  # of all sheets of a new one, which are laid out one after the other
MAX_CELLS = 2_500_000  # cells of a sheet that state something
MAX_SHEETS = 256
MAX_CELL = 32_767  # characters of one cell, as spreadsheet programs have it
MAX_TEXT = 256_000_000  # characters of all text cells of a sheet together
MAX_SHARED = 1_000_000  # texts that cells share; a reader needs 60 bytes for the shortest
MAX_MERGES = 1_000_000  # times that the parts of a sheet speak of merged cells
MAX_MANIFEST = 16 * 1024 * 1024  # bytes of each part of a workbook that says where its sheets are and how they look
MAX_XLS = (
    64 * 1024 * 1024
)  # bytes of an old workbook, which is read at once; a new one with as much in it is far smaller
MAX_FAULTS = 10_000  # failed formulas that are named; the rest are read as empty cells

FAULTS = {
    0x00: "#NULL!", 0x07: "#DIV/0!", 0x0F: "#VALUE!", 0x17: "#REF!", 0x1D: "#NAME?", 0x24: "#NUM!", 0x2A: "#N/A",
}  # fmt: skip

Faults = dict[tuple[int, int], str]  # (row, column), both from 0 -> `#REF!`


@dataclass(slots=True, kw_only=True)
class Look:
    """What a first look at the bytes of a workbook tells, which readers of its cells leave out."""

    faults: dict[int, Faults] = field(default_factory=dict)  # by index of the sheet
    not_calculated: bool = False  # formulas without a stored result


def check_area(rows: int, columns: int) -> None:
    """Raises `InputError` (`limit.cells`) where a sheet with so many rows and columns is too large."""
    if rows * columns > MAX_AREA:
        _refuse(f"A sheet reaches to row {rows}, column {columns}: more than {MAX_AREA} cells")


def check_areas(cells: int, *, most: int) -> None:
    """The same for all sheets of a workbook together."""
    if cells > most:
        _refuse(f"The sheets of the workbook reach over more than {most} cells altogether")


def check_cells(count: int) -> None:
    """The same for the cells that state something."""
    if count > MAX_CELLS:
        _refuse(f"A sheet has more than {MAX_CELLS} cells")


def check_text(characters: int) -> None:
    """The same for their text."""
    if characters > MAX_TEXT:
        _refuse("The text in a sheet's cells is too long altogether")


def check_cell(characters: int) -> None:
    """The same for the text of one cell; some markup may stand around it."""
    if characters > MAX_CELL:
        _refuse(f"A cell holds more than {MAX_CELL} characters")


def check_sheets(count: int) -> None:
    """Raises `InputError` (`limit.sheets`) where a workbook has too many."""
    if count > MAX_SHEETS:
        raise InputError("limit.sheets", f"The workbook has more than {MAX_SHEETS} sheets.")


def check_shared(count: int) -> None:
    """The same as `check_cells` for the texts that cells share."""
    if count > MAX_SHARED:
        _refuse(f"The workbook has more than {MAX_SHARED} different texts")


def check_merges(count: int) -> None:
    """The same for merged cells."""
    if count > MAX_MERGES:
        _refuse("A sheet has too many merged cells")


def check_manifest(size: int) -> None:
    """The same for the bytes of a part that says where sheets are and how they look."""
    if size > MAX_MANIFEST:
        _refuse("The workbook's list of sheets, names or styles is too long")


def check_xls(size: int) -> None:
    """The same for the bytes of an old workbook."""
    if size > MAX_XLS:
        _refuse(f"Old workbooks (.xls) are read up to {MAX_XLS // 1024 // 1024} MiB")


def _refuse(what: str) -> NoReturn:
    raise InputError("limit.cells", f"{what}.", hint="Save the sheet with the list as CSV and send that.")
