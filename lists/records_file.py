"""Accepted rows as a file: JSON lines, or Parquet alone where there are more than a hundred thousand."""

from itertools import repeat
from pathlib import Path
from typing import IO, Any, Self

from lists.meanings import Meaning, Written

JSONL, PARQUET = "records.jsonl", "records.parquet"
MAX_LINES = 100_000  # rows that JSON lines are still a sensible form for
_BATCH = 20_000  # rows of one Parquet row group: bounds memory
_BUFFER = 1024 * 1024  # bytes

# Column -> Arrow type; what a parser states beyond these goes into `extra` as JSON.
_TEXT = [
    "item_type",
    "part_num",
    "raw_id",
    "id_space",
    "color_space",
    "name",
    "part_name",
    "color",
    "color_name",
    "element_id",
    "match_id",
    "condition",
    "unit_price",
    "currency",
    "max_price",
    "remarks",
    "description",
    "lot_id",
    "category",
    "sheet",
    "reference",
    "manufacturer",
    "weight",
    "wanted_list_id",
    "match_by",
]
_WHOLE = ("raw_color", "color_id", "qty_filled")
_FLAGS = ("spare", "alternate", "counterpart", "notify")


class RecordsFile:
    """Writes rows below a folder and changes its form where they become too many; a context manager."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.rows = 0
        self._lines: IO[bytes]
        self._parquet: _Parquet | None = None

    @property
    def path(self) -> Path:
        """The file, once closed."""
        return self._folder / (PARQUET if self._parquet else JSONL)

    def __enter__(self) -> Self:
        import orjson

        self._dumps, self._loads = orjson.dumps, orjson.loads
        self._lines = (self._folder / JSONL).open("wb", _BUFFER)
        return self

    def __exit__(self, kind: object, *_error: object) -> None:
        self._lines.close()
        if self._parquet:
            self._parquet.close(flush=kind is None)

    def form(self, fields: dict[str, Any]) -> Written:
        """How a record's fields are written from now on: JSON without braces, else cells by column."""
        return self._parquet.cells(fields) if self._parquet else self._dumps(fields)[1:-1]

    def add(self, row: int, line: int | None, qty: int, meaning: Meaning, codes: list[str] | None = None) -> None:
        """One accepted row; `codes` are those of its issues."""
        self.rows += 1
        if self._parquet is None and self.rows > MAX_LINES:
            self._parquet = self._in_other_form()
        if self._parquet is not None:
            self._parquet.add(row, line, qty, self._cells(meaning), codes)
            return
        assert isinstance(meaning.written, bytes)
        more = b',"issues":' + self._dumps(codes) if codes else b""
        number = b"null" if line is None else b"%d" % line
        self._lines.write(b'{"row":%d,"line":%b,"qty":%d,%b%b}\n' % (row, number, qty, meaning.written, more))

    def add_many(self, row: int, line: int, qty: list[int], meanings: list[Meaning]) -> None:
        """Accepted rows that stand one behind the other and have no issues; `row` and `line` are the first one's."""
        if self._parquet is None:
            for number, (one, meaning) in enumerate(zip(qty, meanings, strict=True)):
                self.add(row + number, line + number, one, meaning)
        else:
            self.rows += len(qty)
            self._parquet.add_many(row, line, qty, list(map(self._cells, meanings)))

    def _cells(self, meaning: Meaning) -> tuple[Any, ...]:
        """The meaning by column; those from before the change of form come as JSON."""
        written = meaning.written
        if isinstance(written, bytes):
            assert self._parquet is not None
            written = meaning.written = self._parquet.cells(self._loads(b"{%b}" % written))
        return written

    def _in_other_form(self) -> "_Parquet":
        """What was written so far, as Parquet."""
        self._lines.close()
        parquet, lines = _Parquet(self._folder / PARQUET), self._folder / JSONL
        with lines.open("rb") as written:
            for line in written:
                found = self._loads(line)
                numbers = (found.pop("row"), found.pop("line"), found.pop("qty"))
                codes = found.pop("issues", None)
                parquet.add(*numbers, parquet.cells(found), codes)
        lines.unlink()
        return parquet


class _Parquet:
    """A Parquet file written in batches; what rows share is handed to Arrow once per batch."""

    def __init__(self, path: Path) -> None:
        from lists.arrow import pa, parquet

        self._pa = pa
        types = {name: pa.int64() for name in _WHOLE} | {name: pa.string() for name in _TEXT}
        types |= {name: pa.bool_() for name in _FLAGS} | {"confidence": pa.float32(), "extra": pa.string()}
        self._names = tuple(types)
        self._placed = frozenset([*types, "match"])  # fields that have columns
        own = {"row": pa.int64(), "line": pa.int64(), "qty": pa.int64(), "issues": pa.list_(pa.string())}
        self._schema = pa.schema(own | types)
        self._writer = parquet.ParquetWriter(path, self._schema, compression="zstd")
        self._begin()

    def _begin(self) -> None:
        self._rows: list[int] = []
        self._lines: list[int | None] = []
        self._qty: list[int] = []
        self._codes: list[list[str] | None] = []
        self._places: list[int] = []  # of each row: where its cells are
        self._different: dict[int, int] = {}  # id of cells -> their place; the cells themselves live as long
        self._cells: list[tuple[Any, ...]] = []

    def cells(self, fields: dict[str, Any]) -> tuple[Any, ...]:
        """A record's fields by column; those without a column of their own together in `extra`."""
        match = fields["match"]
        found = {**fields, "match_by": match["by"], "confidence": match["confidence"]}
        if rest := {name: value for name, value in fields.items() if name not in self._placed}:
            import orjson

            found["extra"] = orjson.dumps(rest).decode()
        return tuple(map(found.get, self._names))

    def add(self, row: int, line: int | None, qty: int, cells: tuple[Any, ...], codes: list[str] | None) -> None:
        self._rows.append(row)
        self._lines.append(line)
        self._qty.append(qty)
        self._codes.append(codes)
        self._place([cells])

    def add_many(self, row: int, line: int, qty: list[int], cells: list[tuple[Any, ...]]) -> None:
        count = len(qty)
        self._rows += range(row, row + count)
        self._lines += range(line, line + count)
        self._qty += qty
        self._codes += repeat(None, count)
        self._place(cells)

    def _place(self, cells: list[tuple[Any, ...]]) -> None:
        different, places = self._different, self._places
        for one in cells:
            place = different.get(id(one))
            if place is None:
                place = different[id(one)] = len(self._cells)
                self._cells.append(one)
            places.append(place)
        if len(places) >= _BATCH:
            self._flush()

    def close(self, *, flush: bool) -> None:
        if flush and self._places:
            self._flush()
        self._writer.close()

    def _flush(self) -> None:
        pa, schema = self._pa, self._schema
        places = pa.array(self._places, pa.int32())
        own = zip((self._rows, self._lines, self._qty, self._codes), schema, strict=False)
        arrays = [pa.array(cells, field.type) for cells, field in own]
        shared = zip(zip(*self._cells, strict=True), list(schema)[len(arrays) :], strict=True)
        arrays += [pa.array(cells, field.type).take(places) for cells, field in shared]
        self._writer.write_table(pa.Table.from_arrays(arrays, schema=schema))
        self._begin()
