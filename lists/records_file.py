"""Accepted rows as a file: JSON lines, or Parquet alone where there are more than a hundred thousand."""

from collections.abc import Mapping
from itertools import repeat
from pathlib import Path
from typing import IO, Any, NamedTuple, Self, cast

from jobs.issues import Rows
from lists.meanings import Meaning, Written
from lists.records_table import RecordsTable

JSONL, PARQUET = "records.jsonl", "records.parquet"
MAX_LINES = 100_000  # rows that JSON lines are still a sensible form for
_BUFFER = 1024 * 1024  # bytes


class RecordsFile:
    """Writes rows below a folder and changes its form where they become too many; a context manager."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.rows = 0
        self._lines: IO[bytes]
        self._so_far: list[_One | tuple[Rows, list[Meaning]]] | None = []  # None once they became too many
        self._parquet: RecordsTable | None = None

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

    def form(self, fields: dict[str, Any]) -> Written:
        """How a record's fields are written from now on: JSON without braces, else cells by column."""
        return self._parquet.cells(fields) if self._parquet else self._dumps(fields)[1:-1]

    def add(
        self,
        row: int,
        line: int | None,
        qty: int,
        meaning: Meaning,
        *,
        own: Mapping[str, Any] | None = None,
        codes: list[str] | None = None,
    ) -> None:
        """One accepted row; `own` are fields of its own, `codes` those of its issues."""
        self.rows += 1
        if self._so_far is not None and self.rows > MAX_LINES:
            self._in_other_form(self._so_far)
        if self._parquet is not None:
            self._parquet.add(row, line, qty, meaning, own=own, codes=codes)
        elif self._so_far is not None:
            self._so_far.append(_One(row, line, qty, meaning, own, codes))
            self._write(row, line, qty, meaning, own, codes)

    def add_many(self, rows: Rows, meanings: list[Meaning]) -> None:
        """Accepted rows that have no issues."""
        self.rows += len(meanings)
        if self._so_far is not None and self.rows > MAX_LINES:
            self._in_other_form(self._so_far)
        if self._parquet is not None:
            self._parquet.add_many(rows, meanings)
        elif self._so_far is not None:
            self._so_far.append((rows, meanings))
            own = rows.own or repeat(None)
            numbers = enumerate(zip(rows.lines, rows.qty, meanings, own, strict=False), rows.row)
            dumps, lines = self._dumps, list[bytes]()
            for row, (line, qty, meaning, said) in numbers:  # as `_write`, with a call less for each of very many
                more = b"," + dumps(said)[1:-1] if said else b""
                number = b"null" if line is None else b"%d" % line
                written = cast("bytes", meaning.written)  # as `form` has made it
                lines.append(b'{"row":%d,"line":%b,"qty":%d,%b%b}\n' % (row, number, qty, written, more))
            self._lines.write(b"".join(lines))

    def _write(
        self,
        row: int,
        line: int | None,
        qty: int,
        meaning: Meaning,
        own: Mapping[str, Any] | None,
        codes: list[str] | None,
    ) -> None:
        """A line of JSON."""
        more = b"," + self._dumps(own)[1:-1] if own else b""
        if codes:
            more += b',"issues":' + self._dumps(codes)
        assert isinstance(meaning.written, bytes)
        number = b"null" if line is None else b"%d" % line
        self._lines.write(b'{"row":%d,"line":%b,"qty":%d,%b%b}\n' % (row, number, qty, meaning.written, more))

    def _in_other_form(self, so_far: "list[_One | tuple[Rows, list[Meaning]]]") -> None:
        """What was written so far, as Parquet; the same for what comes."""
        self._so_far = None
        self._lines.close()
        (self._folder / JSONL).unlink()
        parquet = self._parquet = RecordsTable(self._folder / PARQUET)
        for each in so_far:
            if isinstance(each, _One):
                row, line, qty, meaning, own, codes = each
                parquet.add(row, line, qty, meaning, own=own, codes=codes)
            else:
                rows, meanings = each
                parquet.add_many(rows, meanings)


class _One(NamedTuple):
    """An accepted row."""

    row: int
    line: int | None
    qty: int
    meaning: Meaning
    own: Mapping[str, Any] | None
    codes: list[str] | None
