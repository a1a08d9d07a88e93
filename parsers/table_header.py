"""Finds the header of a table among its first rows, as its words or the caller say."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from jobs.errors import InputError
from parsers.numbers import is_number
from parsers.table_aliases import Meaning, meaning
from parsers.table_cells import quantity
from parsers.table_columns import MAX_COLUMNS, Columns, columns_of, settled
from parsers.wishes import Wishes

LOOKED_AT = 30  # rows with something in them that may stand up to the header
_SHOWN = 12  # cells of a row that a message quotes
_SHOWN_LENGTH = 30  # characters of each

# What a mapping may name, with the words that people use for it.
FIELDS = {
    "raw_id": ("raw_id", None), "part": ("raw_id", None), "part_num": ("raw_id", None), "mpn": ("raw_id", "mpn"),
    "element_id": ("element_id", "element"), "element": ("element_id", "element"),
    "raw_color": ("color", None), "color": ("color", None), "color_name": ("color_name", None),
    "qty": ("qty", None), "quantity": ("qty", None), "qty_filled": ("qty_filled", None),
    "reference": ("reference", None), "name": ("name", None), "description": ("description", None),
    "remarks": ("remarks", None), "category": ("category", None), "manufacturer": ("manufacturer", None),
    "condition": ("condition", None), "unit_price": ("unit_price", None), "price": ("unit_price", None),
    "max_price": ("max_price", None), "currency": ("currency", None), "spare": ("spare", None),
    "alternate": ("alternate", None), "counterpart": ("counterpart", None), "match_id": ("match_id", None),
    "item_type": ("item_type", None), "lot_id": ("lot_id", None), "weight": ("weight", None),
}  # fmt: skip

Row = tuple[int, list[str]]  # number of the line, cells


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A header, and where the rows below it begin."""

    columns: Columns
    after: int  # index, among the rows that were looked at, of the first below it
    score: int
    cells: int = 0  # of its row: more of them make a delimiter likelier, where nothing else does


def checked(wishes: Wishes) -> Wishes:
    """The wishes, checked, with columns that were given as digits, as forms do, turned into numbers."""
    check_mapping(wishes)
    columns = {name: _numbered_column(wanted) for name, wanted in wishes.columns.items()}
    return replace(wishes, columns=columns) if columns != wishes.columns else wishes


def check_mapping(wishes: Wishes) -> None:
    """Raises `InputError`: `columns.field` where a mapping names a field that no record has, `columns.unknown`."""
    for name, wanted in wishes.columns.items():
        if name not in FIELDS:
            hint = f"Fields that can be mapped: {', '.join(FIELDS)}."
            raise InputError("columns.field", f"No record has a field {name!r}.", hint=hint)
        if isinstance(wanted, int) and not 1 <= wanted <= MAX_COLUMNS:
            message = f"Column {wanted} of {name!r} can not be: columns are counted from 1 to {MAX_COLUMNS}."
            raise InputError("columns.unknown", message)


def find_header(rows: Sequence[Row], wishes: Wishes) -> Found | None:
    """The best header among the first rows; None where there is none, or the caller said so."""
    if wishes.header_row == 0:
        return _mapped([], None, wishes, after=0) if wishes.columns else None
    best: Found | None = None
    seen = 0
    for at, (line, cells) in enumerate(rows):
        if wishes.header_row is not None and line != wishes.header_row:
            continue
        if not any(cell.strip() for cell in cells):
            continue
        seen += 1
        if seen > LOOKED_AT:
            break
        found = _candidate(cells, line, wishes, after=at + 1)
        if found and (best is None or found.score > best.score):
            best = found
    if best is None and wishes.columns and all(isinstance(wanted, int) for wanted in wishes.columns.values()):
        return _numbered(rows, wishes)
    return best


def unknown_columns(rows: Sequence[Row], wishes: Wishes) -> InputError:
    """Says which of the caller's columns are not there, and which are."""
    texts = [(line, cells) for line, cells in rows if any(cell.strip() for cell in cells)][:LOOKED_AT]
    if wishes.header_row:
        texts = [(line, cells) for line, cells in texts if line == wishes.header_row]
    named = [str(name) for name in wishes.columns.values() if isinstance(name, str)]

    def likeness(row: Row) -> tuple[int, int]:
        known = columns_of(row[1], row[0])
        present = {_bare(cell) for cell in row[1]}
        return sum(_bare(name) in present for name in named), known.score if known else 0

    line, cells = max(texts, key=likeness, default=(None, []))
    present = {_bare(cell) for cell in cells}
    missing = ", ".join(repr(name) for name in named if _bare(name) not in present) or "those that were asked for"
    message = f"The list has no column {missing}."
    hint = f"Its headers are: {shown(cells)}." if cells else "The file has no such line."
    return InputError("columns.unknown", message, hint=hint, line=line)


def shown(cells: Sequence[str]) -> str:
    """Cells as a message quotes them."""
    filled = [cell.strip() for cell in cells if cell.strip()]
    texts = [f"{cell[:_SHOWN_LENGTH]}…" if len(cell) > _SHOWN_LENGTH else cell for cell in filled[:_SHOWN]]
    return " | ".join(texts) + (" | …" if len(filled) > _SHOWN else "")


def _candidate(cells: Sequence[str], line: int, wishes: Wishes, *, after: int) -> Found | None:
    if any(isinstance(wanted, str) for wanted in wishes.columns.values()) or (wishes.columns and wishes.header_row):
        return _mapped(cells, line, wishes, after=after)
    columns = columns_of(cells, line)
    if columns is None and wishes.header_row is not None:
        known = {at: found for at, cell in enumerate(cells[:MAX_COLUMNS]) if (found := meaning(cell))}
        columns = settled([cell.strip() for cell in cells[:MAX_COLUMNS]], known, line=line, forced=True)
    if columns is None:
        return None
    if wishes.columns:
        return _mapped(cells, line, wishes, after=after)
    return Found(columns=columns, after=after, score=columns.score)


def _mapped(cells: Sequence[str], line: int | None, wishes: Wishes, *, after: int) -> Found | None:
    """The row as the header of the caller's mapping; what the mapping leaves out is told from the words."""
    names: dict[str, int] = {}
    for at, cell in enumerate(cells[:MAX_COLUMNS]):
        names.setdefault(_bare(cell), at)
    found = {at: known for at, cell in enumerate(cells[:MAX_COLUMNS]) if (known := meaning(cell))}
    wanted: dict[int, Meaning] = {}
    for name, column in wishes.columns.items():
        at = column - 1 if isinstance(column, int) else names.get(_bare(column), -1)
        if at < 0:
            return None
        field, space = FIELDS[name]
        said = found.get(at)
        if said and said.field == field:
            space = said.space or space
        currency = said.currency if said else None
        # Element numbers stand beside a part column too; everything else has one column.
        wanted[at] = Meaning(field, 1000, space, currency)
    taken = {known.field for known in wanted.values()}
    if taken & {"raw_id", "element_id"}:
        taken |= {"raw_id"}
    found = {at: known for at, known in found.items() if known.field not in taken} | wanted
    header = [cell.strip().lstrip("\ufeff") for cell in cells[:MAX_COLUMNS]]
    columns = settled(header, found, line=line, forced=True)
    return Found(columns=columns, after=after, score=1000, cells=len(cells)) if columns else None


def _numbered(rows: Sequence[Row], wishes: Wishes) -> Found | None:
    """Columns given by number alone: the first row with something in them is a header where its quantity is none."""
    last = max(column for column in wishes.columns.values() if isinstance(column, int))
    qty = next((column for name, column in wishes.columns.items() if FIELDS[name][0] == "qty"), None)
    for at, (line, cells) in enumerate(rows):
        if len(cells) < last or not any(cell.strip() for cell in cells):
            continue
        text = cells[qty - 1].strip() if isinstance(qty, int) and qty <= len(cells) else ""
        words = bool(text) and quantity(text)[0] is None and not any(char.isdigit() for char in text)
        found = _mapped(cells if words else [], line if words else None, wishes, after=at + 1 if words else at)
        return replace(found, cells=len(cells)) if found else None
    return None


def _numbered_column(wanted: str | int) -> str | int:
    if (
        isinstance(wanted, str)
        and is_number(text := wanted.strip())
        and len(text) < 5
        and 1 <= int(text) <= MAX_COLUMNS
    ):
        return int(text)
    return wanted


def _bare(name: str) -> str:
    """A header's name as mappings compare it: case and spaces do not matter."""
    return "".join(name.casefold().split())
