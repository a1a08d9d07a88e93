"""Accepted rows as a Parquet file: written in batches, what rows share handed to Arrow once per batch."""

from collections.abc import Callable, Mapping, Sequence
from itertools import repeat
from operator import itemgetter
from pathlib import Path
from typing import Any, NamedTuple

from jobs.issues import Rows
from lists.meanings import Meaning

_BATCH = 20_000  # rows of one Parquet row group: bounds memory
_NONE: Mapping[str, Any] = {}
_SHAPES = 1000  # that records have: remembered

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


class _Shape(NamedTuple):
    """Which columns a record has."""

    names: tuple[str, ...]  # in the order of its cells
    placed: Callable[[Mapping[str, Any]], tuple[Any, ...]]  # cells behind the first two, from a record's fields
    extra: tuple[str, ...]  # fields without a column


class RecordsTable:
    """A Parquet file written in batches; what rows share is handed to Arrow once per batch."""

    def __init__(self, path: Path) -> None:
        import orjson

        from lists.arrow import pa, parquet

        self._pa, self._loads = pa, orjson.loads
        types = {name: pa.int64() for name in _WHOLE} | {name: pa.string() for name in _TEXT}
        types |= {name: pa.bool_() for name in _FLAGS} | {"confidence": pa.float32(), "extra": pa.string()}
        self._names = tuple(types)
        self._shapes: dict[tuple[str, ...], _Shape] = {}  # by the names of a record's fields
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
        self._own: list[Mapping[str, Any]] = []  # fields that each row has for itself
        self._places: list[int] = []  # of each row: where its cells are
        self._different: dict[Meaning, int] = {}  # where its cells are
        self._cells: list[tuple[Any, ...]] = []

    def cells(self, fields: Mapping[str, Any]) -> tuple[Any, ...]:
        """A record's fields by column: which columns they are stands in front.

        Fields without a column of their own are together in `extra`.
        """
        shape = self._shapes.get(tuple(fields)) or self._shape(fields)
        match = fields["match"]
        found = (shape, match["by"], match["confidence"], *shape.placed(fields))
        return (*found, _json({name: fields[name] for name in shape.extra})) if shape.extra else found

    def _shape(self, fields: Mapping[str, Any]) -> "_Shape":
        """The columns of records with these fields; most of a list's have the same."""
        if len(self._shapes) >= _SHAPES:
            self._shapes.clear()
        extra = tuple(name for name in fields if name not in self._placed)
        placed = [name for name in self._names if name in fields]
        names = ("match_by", "confidence", *placed, *(["extra"] if extra else []))
        made = _Shape(names, itemgetter(*placed), extra)
        return self._shapes.setdefault(tuple(fields), made)

    def add(
        self,
        row: int,
        line: int | None,
        qty: int,
        meaning: Meaning,
        *,
        own: Mapping[str, Any] | None,
        codes: list[str] | None,
    ) -> None:
        self._rows.append(row)
        self._lines.append(line)
        self._qty.append(qty)
        self._codes.append(codes)
        self._own.append(own or _NONE)
        self._place([meaning])

    def add_many(self, rows: Rows, meanings: list[Meaning]) -> None:
        count = len(meanings)
        self._rows += range(rows.row, rows.row + count)
        self._lines += rows.lines[:count]
        self._qty += rows.qty
        self._codes += repeat(None, count)
        self._own += rows.own or repeat(_NONE, count)
        self._place(meanings)

    def _place(self, meanings: list[Meaning]) -> None:
        different = self._different
        for meaning in set(meanings).difference(different):
            different[meaning] = len(self._cells)
            self._cells.append(self._cells_of(meaning))
        self._places += map(different.__getitem__, meanings)
        if len(self._places) >= _BATCH:
            self._flush()

    def _cells_of(self, meaning: Meaning) -> tuple[Any, ...]:
        """Those from before there was a table come as JSON."""
        written = meaning.written
        if isinstance(written, bytes):
            written = meaning.written = self.cells(self._loads(b"{%b}" % written))
        return written

    def close(self, *, flush: bool) -> None:
        if flush and self._places:
            self._flush()
        self._writer.close()

    def _flush(self) -> None:
        pa, schema, places = self._pa, self._schema, self._pa.array(self._places, self._pa.int32())
        numbers = zip((self._rows, self._lines, self._qty, self._codes), schema, strict=False)
        arrays = [pa.array(cells, field.type) for cells, field in numbers]
        stated, shared = set[str]().union(*self._own), _columns(self._cells)
        for field in list(schema)[len(arrays) :]:
            cells = shared.get(field.name)
            if field.name in stated:
                arrays.append(pa.array(self._said(field.name, cells), field.type))
            elif cells is None:
                arrays.append(pa.nulls(len(places), field.type))
            else:
                arrays.append(pa.array(cells, field.type).take(places))
        self._writer.write_table(pa.Table.from_arrays(arrays, schema=schema))
        self._begin()

    def _said(self, name: str, cells: Sequence[Any] | None) -> list[Any]:
        """A column that some rows have for themselves."""
        if cells is None:
            return [own.get(name) for own in self._own]
        return [own.get(name, cells[place]) for own, place in zip(self._own, self._places, strict=True)]


def _columns(rows: list[tuple[Any, ...]]) -> dict[str, Sequence[Any]]:
    """The cells of each column, from rows that begin with which columns they have; a column that no row has is left out."""
    shapes = {id(row[0]): row[0].names for row in rows}
    if len(shapes) == 1:  # as in nearly every list
        (names,) = shapes.values()
        return dict(zip(names, list(zip(*rows, strict=True))[1:], strict=True))
    found: dict[str, list[Any]] = {name: [None] * len(rows) for name in set[str]().union(*shapes.values())}
    for number, (shape, *cells) in enumerate(rows):
        for name, cell in zip(shape.names, cells, strict=True):
            found[name][number] = cell
    return dict(found)


def _json(fields: Mapping[str, Any]) -> str:
    import orjson

    return orjson.dumps(fields).decode()
