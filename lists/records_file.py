"""Accepted rows as a file: JSON lines, or Parquet alone where there are more than a hundred thousand."""

from pathlib import Path
from typing import IO, Any, Self

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
_WHOLE = ("row", "line", "raw_color", "color_id", "qty", "qty_filled")
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

        self._dumps, self._newline = orjson.dumps, orjson.OPT_APPEND_NEWLINE
        self._lines = (self._folder / JSONL).open("wb", _BUFFER)
        return self

    def __exit__(self, kind: object, *_error: object) -> None:
        self._lines.close()
        if self._parquet:
            self._parquet.close(flush=kind is None)

    def add(self, row: dict[str, Any]) -> None:
        """One accepted row, as it is to be read."""
        self.rows += 1
        if self._parquet is None and self.rows > MAX_LINES:
            self._parquet = self._in_other_form()
        if self._parquet is None:
            self._lines.write(self._dumps(row, option=self._newline))
        else:
            self._parquet.add(row)

    def _in_other_form(self) -> "_Parquet":
        """What was written so far, as Parquet."""
        import orjson

        self._lines.close()
        parquet, lines = _Parquet(self._folder / PARQUET), self._folder / JSONL
        with lines.open("rb") as written:
            for line in written:
                parquet.add(orjson.loads(line))
        lines.unlink()
        return parquet


class _Parquet:
    """A Parquet file written in batches."""

    def __init__(self, path: Path) -> None:
        import pyarrow as pa
        from pyarrow import parquet

        self._pa = pa
        types = {name: pa.int64() for name in _WHOLE} | {name: pa.string() for name in _TEXT}
        types |= {name: pa.bool_() for name in _FLAGS}
        types |= {"confidence": pa.float32(), "issues": pa.list_(pa.string()), "extra": pa.string()}
        first = ["row", "line", "part_num", "color_id", "qty", "spare"]
        self._schema = pa.schema([(name, types[name]) for name in [*first, *(n for n in types if n not in first)]])
        self._writer = parquet.ParquetWriter(path, self._schema, compression="zstd")
        self._batch: list[dict[str, Any]] = []

    def add(self, row: dict[str, Any]) -> None:
        self._batch.append(row)
        if len(self._batch) >= _BATCH:
            self._flush()

    def close(self, *, flush: bool) -> None:
        if flush and self._batch:
            self._flush()
        self._writer.close()

    def _flush(self) -> None:
        pa, batch = self._pa, self._batch
        stated = set().union(*batch)
        unknown = stated - set(self._schema.names) - {"match"}
        columns = []
        for field in self._schema:
            if field.name == "extra" and unknown:
                values = [_extra(row, unknown) for row in batch]
            elif field.name in {"match_by", "confidence"}:
                member = "by" if field.name == "match_by" else "confidence"
                values = [row["match"][member] for row in batch]
            elif field.name in stated:
                values = [row.get(field.name) for row in batch]
            else:
                columns.append(pa.nulls(len(batch), field.type))
                continue
            columns.append(pa.array(values, field.type))
        self._writer.write_table(pa.Table.from_arrays(columns, schema=self._schema))
        self._batch = []


def _extra(row: dict[str, Any], names: set[str]) -> str | None:
    import orjson

    found = {name: row[name] for name in sorted(names) if name in row}
    return orjson.dumps(found).decode() if found else None
