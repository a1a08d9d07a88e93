"""Reads lists out of Excel workbooks, new (.xlsx) and old (.xls): every sheet that shows one."""

import datetime as dt
import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jobs.errors import InputError, UnreadableFile
from jobs.issues import Fact, Issue, Record
from parsers.biff import encrypted, with_true_sizes
from parsers.cfb import MAGIC, Container, contained
from parsers.codes import issue
from parsers.encoding import Watch
from parsers.sheet_limits import MAX_AREA_IN_ALL, Faults, Look, check_areas, check_sheets, check_xls
from parsers.table_columns import MAX_COLUMNS
from parsers.table_header import checked
from parsers.table_rows import Place, Tally, rows_of
from parsers.wishes import PLAIN, Wishes
from parsers.xlsx_scan import look_at

MAX_MERGED = 100_000  # cells that merged ones stand for
_EVERY = 4096  # rows between two words on how far it is
_EXACT = 10**15  # spreadsheets keep 15 digits of a number
_NOT_HERE = frozenset({"table.no_header", "format.empty", "columns.unknown"})  # on this sheet; another may have a list


@dataclass(frozen=True, slots=True, kw_only=True)
class _Book:
    """An opened workbook."""

    sheets: Any  # calamine's workbook
    look: Look
    kind: str  # xlsx or xls


def parse(path: Path, *, watch: Watch | None = None, wishes: Wishes = PLAIN) -> Iterator[Record | Issue | Fact]:
    """The rows of every sheet with a list, each good one as a `Record`, each thing wrong as an `Issue`.

    Raises `UnreadableFile` (`xlsx.broken`, `xls.broken`, `workbook.encrypted`, `table.no_header`, `format.empty`) and
    `InputError` (`limit.cells`, `limit.sheets`, `sheet.unknown`, `columns.*`, `zip.*`).
    """
    wishes = checked(wishes)
    size = path.stat().st_size
    book = _opened(path)
    try:
        yield from _Reading(book, wishes, watch, size=size).lists()
    finally:
        book.sheets.close()
    if watch:
        watch(size, size)


class _Reading:
    """One workbook being read."""

    def __init__(self, book: _Book, wishes: Wishes, watch: Watch | None, *, size: int) -> None:
        self._book, self._wishes, self._watch, self._size = book, wishes, watch, size
        self._tally = Tally()
        self._first: InputError | None = None  # why the first sheet that has cells shows no list
        self._read: list[str] = []  # names of sheets that were read
        self._skipped: list[str] = []  # names of those that show no list
        self._area = 0  # cells of all sheets that were laid out so far

    def lists(self) -> Iterator[Record | Issue | Fact]:
        """All that is on the sheets, then what the workbook claims as a whole."""
        chosen, hidden = self._chosen()
        for name in hidden:
            yield issue("sheet.hidden", name, row=None, line=None)
        if self._book.look.not_calculated:
            yield issue("workbook.not_calculated", row=None, line=None)
        # Columns are only told from what stands in them where no sheet has a header.
        for guess in (False, True) if self._wishes.sheet is None and len(chosen) > 1 else (True,):
            for number, index in enumerate(chosen):
                yield from self._sheet(index, guess=guess, done=number / len(chosen), several=len(chosen) > 1)
            if self._read:
                break
            self._skipped = []
        if not self._tally.rows:
            raise self._first or UnreadableFile("format.empty", "The workbook holds no rows.")
        for name in self._skipped:
            yield issue("sheet.skipped", name, row=None, line=None)
        if len(self._read) > 1:
            yield issue("sheet.several", ", ".join(self._read), row=None, line=None)
        if (total := self._tally.total()) is not None:
            yield Fact("declared_pieces", total)

    def _chosen(self) -> tuple[list[int], list[str]]:
        """Indexes of the sheets to read, and the names of those that are hidden."""
        known = [
            (at, sheet) for at, sheet in enumerate(self._book.sheets.sheets_metadata) if _is(sheet.typ, "WorkSheet")
        ]
        check_sheets(len(known))
        wanted = self._wishes.sheet
        if wanted is None:
            hidden = [sheet.name for _, sheet in known if not _is(sheet.visible, "Visible")]
            return [at for at, sheet in known if _is(sheet.visible, "Visible")], hidden
        names = {sheet.name.casefold().strip(): at for at, sheet in reversed(known)}
        at = names.get(str(wanted).casefold().strip())
        if at is None and str(wanted).isdecimal() and 1 <= int(str(wanted)[:6]) <= len(known):
            at = known[int(wanted) - 1][0]
        if at is None:
            hint = f"Its sheets are: {', '.join(sheet.name[:40] for _, sheet in known[:20])}."
            raise InputError("sheet.unknown", f"The workbook has no sheet {str(wanted)[:40]!r}.", hint=hint)
        return [at], []

    def _sheet(self, index: int, *, guess: bool, done: float, several: bool) -> Iterator[Record | Issue | Fact]:
        """One sheet's list; an issue where it has none and others may."""
        with _guarded(self._book.kind):
            sheet = self._book.sheets.get_sheet_by_index(index)
        if sheet.start is None:
            return  # nothing stands on it
        self._area += sheet.height * sheet.width
        check_areas(self._area, most=MAX_AREA_IN_ALL)
        share = 1 / max(1, len(self._book.sheets.sheet_names))
        place = Place(
            sheet=sheet.name,
            prefix=f"{sheet.name}!" if several else "",
            typed=True,
            guess=guess,
            merged=_merged(sheet),
        )
        rows = self._rows(sheet, self._book.look.faults.get(index, {}), done=done, share=share)
        found = rows_of(rows, wishes=self._wishes, place=place, tally=self._tally)
        try:
            first = next(found, None)
        except InputError as error:
            if not several or error.fault.code not in _NOT_HERE:
                raise
            self._first = self._first or error
            self._skipped.append(sheet.name)
            return
        self._read.append(sheet.name)
        yield Fact("sheet", sheet.name)
        if first is not None:
            yield first
        yield from found

    def _rows(self, sheet: Any, faults: Faults, *, done: float, share: float) -> Iterator[tuple[int, list[str]]]:
        """The sheet's rows as texts, with the numbers that they have on it."""
        margin = [""] * sheet.start[1]
        height = max(1, sheet.total_height)
        faulty = {row for row, _ in faults}
        known: dict[float, str] = {}
        for number, cells in enumerate(_safe_rows(sheet, self._book.kind), 1):
            texts = [cell if cell.__class__ is str else _text(cell, known) for cell in cells[:MAX_COLUMNS]]
            if margin:
                texts = margin + texts
            if faulty and number - 1 in faulty:
                texts = [faults.get((number - 1, at), text) for at, text in enumerate(texts)]
            yield number, texts
            if self._watch and number % _EVERY == 0:
                self._watch(int(self._size * min(1.0, done + share * number / height)), self._size)


def _opened(path: Path) -> _Book:
    """The workbook, looked at and found to be within limits."""
    import python_calamine

    with path.open("rb") as file:
        start = file.read(8)
    if not start:
        raise UnreadableFile("format.empty", "The file is empty.")
    if start == MAGIC:
        check_xls(path.stat().st_size)
        container = Container(path.read_bytes())
        if any(stream.name == "EncryptedPackage" for stream in container.streams):
            raise encrypted()
        stream = container.read(("Workbook", "WORKBOOK", "Book", "BOOK"))
        if stream is None:
            raise UnreadableFile("xls.broken", "The file is no Excel workbook.", hint="Save it as .xlsx or CSV.")
        clean, look = with_true_sizes(stream)
        with _guarded("xls"):
            sheets = python_calamine.load_workbook(io.BytesIO(contained("Workbook", clean)))
        return _Book(sheets=sheets, look=look, kind="xls")
    look = look_at(path)
    with _guarded("xlsx"):
        return _Book(sheets=python_calamine.load_workbook(path), look=look, kind="xlsx")


@contextmanager
def _guarded(kind: str) -> Iterator[None]:
    """Damage that the reader of cells meets is said in our words."""
    from python_calamine import CalamineError, PasswordError

    try:
        yield
    except PasswordError:
        raise encrypted() from None
    except (CalamineError, OSError, ValueError, OverflowError) as error:
        raise _broken(kind, str(error)) from None
    except BaseException as panic:
        if type(panic).__name__ == "PanicException":  # Rust gave up; it is no Exception, and no module exports it
            raise _broken(kind, "its reader gave up") from None
        raise


def _safe_rows(sheet: Any, kind: str) -> Iterator[list[Any]]:
    """From the sheet's first row on, blank ones too; from its first column that has something in it."""
    with _guarded(kind):
        yield from sheet.iter_rows()


def _broken(kind: str, reason: str) -> UnreadableFile:
    hint = "The file may be cut off; save or download it again."
    return UnreadableFile(f"{kind}.broken", f"The workbook can not be read: {reason[:120]}.", hint=hint)


def _text(cell: object, known: dict[float, str]) -> str:
    """A cell as text: whole numbers without decimals, dates in ISO's form."""
    if isinstance(cell, float):
        if (text := known.get(cell)) is None:
            text = _number(cell)
            if len(known) < MAX_COLUMNS:
                known[cell] = text
        return text
    if isinstance(cell, bool):
        return "TRUE" if cell else "FALSE"
    if isinstance(cell, dt.date | dt.time):
        return cell.isoformat(*([" "] if isinstance(cell, dt.datetime) else []))
    return str(cell)


def _number(value: float) -> str:
    """Exact, as far as a spreadsheet keeps it; never in a form that reads as thousands."""
    if value != value or value in {float("inf"), float("-inf")}:  # noqa: PLR0124 - the test for "not a number"
        return ""
    if value == int(value):
        return str(int(value)) if abs(value) < _EXACT else f"{value:.14E}"
    text = repr(value) if 1e-4 <= abs(value) < _EXACT else f"{value:.15f}".rstrip("0")
    fraction = text.partition(".")[2]
    return f"{text}0" if len(fraction) == 3 else text


def _is(value: object, name: str) -> bool:
    """Whether an enumeration of the reader has that name; its members can not be compared across versions."""
    return str(value).rpartition(".")[2] == name


def _merged(sheet: Any) -> dict[int, frozenset[int]]:
    """Row, from 1 -> columns, from 0, that a cell above is merged with: its value holds for each of the rows.

    Cells merged over several columns are titles, and are left as they are.
    """
    covered: dict[int, set[int]] = {}
    count = 0
    for (top, left), (bottom, right) in sheet.merged_cell_ranges or ():
        if left == right:
            count += bottom - top
            if count > MAX_MERGED:
                return {}
            for row in range(top + 1, bottom + 1):
                covered.setdefault(row + 1, set()).add(left)
    return {row: frozenset(columns) for row, columns in covered.items()}
