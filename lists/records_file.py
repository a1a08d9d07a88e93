"""Accepted rows as a file: JSON lines, or Parquet alone where there are more than a hundred thousand."""

from itertools import repeat
from pathlib import Path
from typing import IO, Any, Self

from lists.meanings import Meaning

JSONL, PARQUET = "records.jsonl", "records.parquet"
MAX_LINES = 100_000  # rows that JSON lines are still a sensible form for
_BATCH = 25_000  # rows of one Parquet row group: bounds memory
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

        self._dumps = orjson.dumps
        self._lines = (self._folder / JSONL).open("wb", _BUFFER)
        return self

    def __exit__(self, kind: object, *_error: object) -> None:
        self._lines.close()
        if self._parquet:
            self._parquet.close(flush=kind is None)

    def add(self, row: int, line: int | None, qty: int, meaning: Meaning, codes: list[str] | None = None) -> None:
        """One accepted row; `codes` are those of its issues."""
        self.rows += 1
        if self._parquet is not None:
            self._parquet.add((row, line, qty, codes), meaning)
            return
        if self.rows > MAX_LINES:
            self._parquet = self._in_other_form()
            self._parquet.add((row, line, qty, codes), meaning)
            return
        text = meaning.json
        if text is None:
            text = meaning.json = self._dumps(meaning.fields)[1:-1]
        more = b',"issues":' + self._dumps(codes) if codes else b""
        number = b"null" if line is None else b"%d" % line
        self._lines.write(b'{"row":%d,"line":%b,"qty":%d,%b%b}\n' % (row, number, qty, text, more))

    def add_many(self, row: int, line: int, qty: list[int], meanings: list[Meaning]) -> None:
        """Accepted rows that stand one behind the other and have no issues; `row` and `line` are the first one's."""
        if self._parquet is None:
            for number, (one, meaning) in enumerate(zip(qty, meanings, strict=True)):
                self.add(row + number, line + number, one, meaning)
        else:
            self.rows += len(qty)
            self._parquet.add_many(row, line, qty, meanings)

    def _in_other_form(self) -> "_Parquet":
        """What was written so far, as Parquet."""
        import orjson

        self._lines.close()
        parquet, lines = _Parquet(self._folder / PARQUET), self._folder / JSONL
        with lines.open("rb") as written:
            for line in written:
                found = orjson.loads(line)
                numbers = (found.pop("row"), found.pop("line"), found.pop("qty"), found.pop("issues", None))
                parquet.write(numbers, parquet.cells(found))
        lines.unlink()
        return parquet


Numbers = tuple[int, int | None, int, list[str] | None]  # row, line, quantity, codes of issues


class _Parquet:
    """A Parquet file written in batches."""

    def __init__(self, path: Path) -> None:
        import pyarrow as pa
        from pyarrow import parquet

        self._pa = pa
        types = {name: pa.int64() for name in _WHOLE} | {name: pa.string() for name in _TEXT}
        types |= {name: pa.bool_() for name in _FLAGS} | {"confidence": pa.float32(), "extra": pa.string()}
        self._names = tuple(types)
        self._placed = frozenset([*types, "match"])  # fields that have columns
        own = {"row": pa.int64(), "line": pa.int64(), "qty": pa.int64(), "issues": pa.list_(pa.string())}
        self._schema = pa.schema(own | types)
        self._writer = parquet.ParquetWriter(path, self._schema, compression="zstd")
        self._numbers: list[Numbers] = []
        self._cells: list[tuple[Any, ...]] = []

    def add(self, numbers: Numbers, meaning: Meaning) -> None:
        self.write(numbers, meaning.cells or self._filled(meaning))

    def add_many(self, row: int, line: int, qty: list[int], meanings: list[Meaning]) -> None:
        count = len(qty)
        self._numbers += zip(range(row, row + count), range(line, line + count), qty, repeat(None, count), strict=True)
        self._cells += [meaning.cells or self._filled(meaning) for meaning in meanings]
        if len(self._cells) >= _BATCH:
            self._flush()

    def _filled(self, meaning: Meaning) -> tuple[Any, ...]:
        cells = meaning.cells = self.cells(meaning.fields)
        return cells

    def write(self, numbers: Numbers, cells: tuple[Any, ...]) -> None:
        """One row: its own numbers, and what it shares with rows of the same meaning."""
        self._numbers.append(numbers)
        self._cells.append(cells)
        if len(self._cells) >= _BATCH:
            self._flush()

    def cells(self, fields: dict[str, Any]) -> tuple[Any, ...]:
        """A record's fields by column; those without a column of their own together in `extra`."""
        match = fields["match"]
        found = {**fields, "match_by": match["by"], "confidence": match["confidence"]}
        if rest := {name: value for name, value in fields.items() if name not in self._placed}:
            import orjson

            found["extra"] = orjson.dumps(rest).decode()
        return tuple(map(found.get, self._names))

    def close(self, *, flush: bool) -> None:
        if flush and self._cells:
            self._flush()
        self._writer.close()

    def _flush(self) -> None:
        columns = [*zip(*self._numbers, strict=True), *zip(*self._cells, strict=True)]
        arrays = [self._pa.array(cells, field.type) for cells, field in zip(columns, self._schema, strict=True)]
        self._writer.write_table(self._pa.Table.from_arrays(arrays, schema=self._schema))
        self._numbers, self._cells = [], []
