"""What a parser yields: `Record` for a good row, `Issue` for each thing wrong, `Fact` for what the file says of itself."""

from collections.abc import Iterator
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


class Rows(NamedTuple):
    """Good rows in bulk, as a list of millions has them: they stand one behind the other, on lines of their own."""

    row: int  # 1-based item, of the first
    line: int  # 1-based line of the file, of the first
    qty: list[int]  # of each
    stated: list[dict[str, Any]]  # what else each row states; equal rows share an object, which nobody may change

    def records(self) -> Iterator[Record]:
        """The same one by one."""
        rows = zip(self.stated, self.qty, strict=True)
        for number, (stated, qty) in enumerate(rows):
            yield Record(self.row + number, self.line + number, stated | {"qty": qty})


class Fact(NamedTuple):
    """Something that a file states about itself as a whole: its currency, how many pieces it claims to hold."""

    name: str
    value: Any  # JSON
