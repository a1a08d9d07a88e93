"""What a parser yields: `Record` for a good row, `Issue` for each thing wrong, `Fact` for what the file says of itself."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NamedTuple


class Severity(StrEnum):
    """How much an issue matters."""

    ERROR = "error"  # the row is rejected
    WARNING = "warning"  # the row is kept, but somebody should look
    INFO = "info"  # the row is kept; a default or a repair was applied


@dataclass(frozen=True, slots=True, kw_only=True)
class Issue:
    """One thing wrong with one row; every bad row of a file is reported in one go."""

    row: int | None  # 1-based item of the list; None for the file as a whole
    line: int | None  # 1-based line of the file
    column: str | None  # name of the field, as the file spells it
    code: str  # stable: `qty.not_integer`
    severity: Severity
    message: str  # one sentence for a person
    value: str | None = None  # what the file says
    expected: str | None = None  # what it should say
    suggestions: tuple[str, ...] = ()  # up to three likely corrections

    def to_json(self) -> dict[str, Any]:
        """One line of `issues.jsonl`."""
        return {
            "row": self.row,
            "line": self.line,
            "column": self.column,
            "code": self.code,
            "severity": self.severity.value,
            "message": self.message,
            "value": self.value,
            "expected": self.expected,
            "suggestions": list(self.suggestions),
        }


class Record(NamedTuple):
    """One good row of a list, or one unit (a page) of a document. A tuple: lists have millions of them."""

    row: int  # 1-based item
    line: int | None  # 1-based line of the file
    fields: dict[str, Any]

    def to_json(self) -> dict[str, Any]:
        """One line of `records.jsonl`."""
        return {"row": self.row, "line": self.line, **self.fields}


class Stated:
    """What a row states besides its quantity; equal rows share the object. Whoever reads it may note what it means."""

    __slots__ = ("cells", "fields", "meaning")

    def __init__(self, cells: tuple[str, ...], fields: dict[str, Any]) -> None:
        self.cells = cells  # in the words of the file
        self.fields: dict[str, Any] | None = fields  # a record's; whoever takes them sets None
        self.meaning: Any = None


class Rows(NamedTuple):
    """Good rows in bulk, as a list of millions has them: they stand one behind the other."""

    row: int  # 1-based item, of the first
    lines: Sequence[int]  # 1-based line of the file, of each; there may be more lines than rows
    qty: list[int]  # of each
    stated: list[Stated]  # of each
    read: Callable[
        [tuple[str, ...]], dict[str, Any]
    ]  # a record's fields, all but the quantity and `own`, from a row's cells
    own: list[dict[str, Any]] | None = None  # fields of each that have no say in what the row means: remarks, say

    def records(self) -> Iterator[Record]:
        """The same one by one."""
        for at, (qty, stated, line) in enumerate(zip(self.qty, self.stated, self.lines, strict=False)):
            more = self.own[at] if self.own else {}
            fields = stated.fields or self.read(stated.cells)
            yield Record(self.row + at, line, fields | more | {"qty": qty})


class Fact(NamedTuple):
    """Something that a file states about itself as a whole: its currency, how many pieces it claims to hold."""

    name: str
    value: Any  # JSON
