"""The merged list in forms that other programs read: Rebrickable CSV, BrickLink XML, Parquet, JSON lines.

Ids come from the catalog; a lot that could not be resolved is written with the file's own id, so that nothing is lost.
Each form is a context manager that takes the lots chunk by chunk, as `lists.lot_rows` makes them.
"""

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import IO, Any, NamedTuple, Protocol, Self

from lists.issues_file import FORMULA
from lists.lot_rows import COLUMNS

REBRICKABLE, BRICKLINK, LOTS, LOTS_PARQUET = "rebrickable.csv", "bricklink.xml", "lots.jsonl", "lots.parquet"
UNKNOWN_COLOR = -1  # Rebrickable's own number for it
_BUFFER = 1024 * 1024  # bytes
Rows = Sequence[Mapping[str, Any]]


class Carried(NamedTuple):
    """How much of a list a form could carry."""

    lots: int
    left_out: int  # lots that the form has no words for


class Form(Protocol):
    """One file that the list is written to."""

    name: str
    carried: Carried

    def __enter__(self) -> Self: ...

    def __exit__(self, *error: object) -> None: ...

    def add(self, rows: Rows) -> None:
        """Write these lots."""


class _Text:
    """A text file with a beginning and an end."""

    def __init__(self, path: Path, *, begin: str, end: str) -> None:
        self.name = path.name
        self.carried = Carried(0, 0)
        self._path, self._begin, self._end = path, begin, end

    def __enter__(self) -> Self:
        self._out: IO[str] = self._path.open("w", _BUFFER, encoding="utf-8", newline="")
        self._out.write(self._begin)
        return self

    def __exit__(self, *error: object) -> None:
        self._out.write(self._end)
        self._out.close()

    def _write(self, lines: list[str], *, of: int) -> None:
        self._out.write("".join(lines))
        lots, left_out = self.carried
        self.carried = Carried(lots + len(lines), left_out + of - len(lines))


class RebrickableCsv(_Text):
    """A Rebrickable parts list: `Part,Color,Quantity,Is Spare`; it knows parts only, and no prices."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder / REBRICKABLE, begin="Part,Color,Quantity,Is Spare\n", end="")

    def add(self, rows: Rows) -> None:
        lines = []
        for row in rows:
            part = row["part_num"] or row["raw_id"]
            pieces, spares = row["qty"], row["spares"]
            if not part or row["item_type"] != "P" or (pieces < 1 and spares < 1) or part[0] in FORMULA:
                continue
            color = row["color_id"]
            part = part if part.isalnum() else _quoted(part)
            lines.append(f"{part},{UNKNOWN_COLOR if color is None else color},{pieces or spares},{not pieces}\n")
        self._write(lines, of=len(rows))


class BrickLinkXml(_Text):
    """A BrickLink wanted list; it can not say what is spare, so spares are in it only where `spares` asks for them."""

    def __init__(self, folder: Path, *, spares: bool) -> None:
        super().__init__(folder / BRICKLINK, begin="<INVENTORY>\n", end="</INVENTORY>\n")
        self._spares = spares

    def add(self, rows: Rows) -> None:
        lines = []
        for row in rows:
            part, color, pieces = row["bricklink_id"], row["bricklink_color"], row["qty"]
            pieces = pieces or (row["spares"] if self._spares else 0)
            if part is None or pieces < 1:
                continue
            part = part if part.isalnum() else _clean(part)
            colored = "" if color is None or color < 0 else f"<COLOR>{color}</COLOR>"
            more = f"<CONDITION>{row['condition']}</CONDITION>" if row["condition"] else ""
            if row["unit_price"]:
                more += f"<MAXPRICE>{row['unit_price']}</MAXPRICE>"
            lines.append(
                f"<ITEM><ITEMTYPE>{row['item_type']}</ITEMTYPE><ITEMID>{part}</ITEMID>{colored}"
                f"<MINQTY>{pieces}</MINQTY>{more}</ITEM>\n"
            )
        self._write(lines, of=len(rows))


class LotLines:
    """`lots.jsonl`: for programs, and for the steps that come after."""

    def __init__(self, folder: Path) -> None:
        self.name = LOTS
        self.carried = Carried(0, 0)
        self._path = folder / LOTS

    def __enter__(self) -> Self:
        self._out: IO[bytes] = self._path.open("wb", _BUFFER)
        return self

    def __exit__(self, *error: object) -> None:
        self._out.close()

    def add(self, rows: Rows) -> None:
        import orjson

        for row in rows:  # each written at once: many kept together would cost ten times as much in fresh memory
            self._out.write(orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE))
        self.carried = Carried(self.carried.lots + len(rows), 0)


class LotTable:
    """`lots.parquet`: the same for data frames."""

    def __init__(self, folder: Path) -> None:
        self.name = LOTS_PARQUET
        self.carried = Carried(0, 0)
        self._path = folder / LOTS_PARQUET

    def __enter__(self) -> Self:
        from lists.arrow import pa, parquet

        self._pa = pa
        self._schema = pa.schema([(name, pa.int64() if whole else pa.string()) for name, whole in COLUMNS])
        self._writer = parquet.ParquetWriter(self._path, self._schema, compression="zstd")
        return self

    def __exit__(self, *error: object) -> None:
        self._writer.close()

    def add(self, rows: Rows) -> None:
        columns = zip(*[row.values() for row in rows], strict=True)  # each has all of COLUMNS, in their order
        arrays = [self._pa.array(cells, field.type) for cells, field in zip(columns, self._schema, strict=True)]
        self._writer.write_table(self._pa.Table.from_arrays(arrays, schema=self._schema))
        self.carried = Carried(self.carried.lots + len(rows), 0)


def forms(folder: Path, *, spares: bool) -> Iterable[Form]:
    """Every form, below `folder`."""
    return (RebrickableCsv(folder), BrickLinkXml(folder, spares=spares), LotLines(folder), LotTable(folder))


def _quoted(text: str) -> str:
    """A CSV cell."""
    return '"' + text.replace('"', '""') + '"' if any(mark in text for mark in ',"\r\n') else text


def _clean(text: str) -> str:
    """Text for XML: escaped, and without the control characters that XML 1.0 has no words for."""
    return escape("".join(c for c in text if c >= " " or c in "\t\n") if not text.isprintable() else text, quote=False)
