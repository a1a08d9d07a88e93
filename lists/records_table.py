"""Accepted rows as a Parquet file: written in batches, what many rows share handed to Arrow once."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import repeat
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from jobs.issues import Rows
from lists.meanings import Meaning

if TYPE_CHECKING:
    from pyarrow import Array, RecordBatch

_BATCH = 16_000  # rows of one Parquet row group: bounds memory
_STOCK = 6_000  # meanings whose cells are kept, some 3 MB; then it starts anew
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
    """A Parquet file written in batches by a thread aside; what rows share stays with Arrow for the batches to come."""

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
        self._aside = ThreadPoolExecutor(1, thread_name_prefix="records")
        self._written: Future[None] = Future()  # the batch before
        self._written.set_result(None)
        self._different: dict[Meaning, int] = {}  # where in the stock its cells are
        self._stock = self._table({})  # the cells of different meanings; the thread aside alone uses it
        self._begin()

    def _begin(self) -> None:
        self._rows: list[int] = []
        self._lines: list[int | None] = []
        self._qty: list[int] = []
        self._codes: list[list[str] | None] = []
        self._own: list[Mapping[str, Any]] = []  # fields that each row has for itself
        self._places: list[int] = []  # of each row: where in the stock its cells are
        self._cells: list[tuple[Any, ...]] = []  # that the stock does not have yet

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
            different[meaning] = len(different)
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
        try:
            if flush and self._places:
                self._flush()
        finally:
            self._aside.shutdown()
            self._writer.close()
        self._begin()
        self._different, self._stock = {}, self._table({})  # room for what is written next
        if flush:
            self._written.result()

    def _flush(self) -> None:
        """Hand a batch to the thread aside: Arrow gathers, encodes and compresses without the interpreter's lock."""
        pa, schema = self._pa, self._schema
        numbers = zip((self._rows, self._lines, self._qty, self._codes), schema, strict=False)
        batch = _Batch(
            numbers=[pa.array(cells, field.type) for cells, field in numbers],
            places=pa.array(self._places, pa.int32()),
            own=self._own,
            cells=self._table(_columns(self._cells)),
        )
        self._written.result()  # one batch at a time: bounds memory
        self._written = self._aside.submit(self._write, batch, anew=len(self._different) > _STOCK)
        if len(self._different) > _STOCK:
            self._different = {}
        self._begin()

    def _write(self, batch: "_Batch", *, anew: bool) -> None:
        """Write a batch; `anew`: the next one starts with an empty stock.

        Few calls, each for all columns: after each of them the thread waits its turn for the interpreter.
        """
        pa, count = self._pa, len(batch.places)
        names = list(dict.fromkeys([*self._stock.schema.names, *batch.cells.schema.names]))
        self._stock = pa.concat_batches([self._with(self._stock, names), self._with(batch.cells, names)])
        taken = dict(zip(names, self._stock.take(batch.places).columns, strict=True))
        stated = set[str]().union(*batch.own)
        arrays = batch.numbers
        for field in list(self._schema)[len(arrays) :]:
            found = taken[field.name] if field.name in taken else pa.nulls(count, field.type)
            if field.name in stated:
                found = pa.array(_said(field.name, batch.own, found), field.type)
            arrays.append(found)
        self._writer.write_table(pa.Table.from_arrays(arrays, schema=self._schema))
        if anew:
            self._stock = self._table({})

    def _table(self, columns: Mapping[str, Sequence[Any]]) -> "RecordBatch":
        arrays = [self._pa.array(cells, self._schema.field(name).type) for name, cells in columns.items()]
        return self._pa.RecordBatch.from_arrays(arrays, names=list(columns))

    def _with(self, batch: "RecordBatch", names: list[str]) -> "RecordBatch":
        """The same with these columns; those that it lacks are empty."""
        if batch.schema.names == names:
            return batch
        has = set(batch.schema.names)
        nulls, field = self._pa.nulls, self._schema.field
        arrays = [batch.column(name) if name in has else nulls(batch.num_rows, field(name).type) for name in names]
        return self._pa.RecordBatch.from_arrays(arrays, names=names)


class _Batch(NamedTuple):
    """Rows of one row group."""

    numbers: "list[Array]"  # columns that each row has for itself
    places: "Array"  # of each row: where in the stock its other cells are
    own: list[Mapping[str, Any]]  # fields that each row has for itself
    cells: "RecordBatch"  # what the stock gets; columns that none of them has are left out


def _said(name: str, own: list[Mapping[str, Any]], shared: "Array") -> list[Any]:
    """A column that some rows have for themselves."""
    if shared.null_count == len(shared):
        return [said.get(name) for said in own]
    return [said.get(name, cell) for said, cell in zip(own, shared.to_pylist(), strict=True)]


def _columns(rows: list[tuple[Any, ...]]) -> dict[str, Sequence[Any]]:
    """The cells of each column, from rows that begin with which columns they have; a column that no row has is left out."""
    if not rows:
        return {}
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
