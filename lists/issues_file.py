"""What is wrong with a list, as files: the first thousand in full for programs and people, all of them counted."""

import csv
from collections import Counter
from pathlib import Path
from typing import IO, Any, Self

from jobs.errors import InputError
from jobs.issues import Issue
from parsers.codes import CODES

KEPT = 1000  # issues written in full
MAX_ERRORS = 1_000_000  # of a list; whatever has more is none, and would take hours to say so
JSONL, CSV = "issues.jsonl", "issues.csv"
_COLUMNS = ("row", "line", "column", "code", "severity", "message", "value", "expected", "suggestions")
_HINT = "Look at the first rows, and say how they are to be read (delimiter, columns, encoding)."
FORMULA = ("=", "+", "-", "@", "\t", "\r")  # a cell that begins with one of these is run by spreadsheets


def guarded(text: str | None) -> str | None:
    """`text` so that no spreadsheet runs it as a formula: an apostrophe before what looks like one."""
    return f"'{text}" if text and text.startswith(FORMULA) else text


class IssuesFile:
    """Writes `issues.jsonl` and `issues.csv` below a folder; a context manager."""

    def __init__(self, folder: Path) -> None:
        self.jsonl, self.csv = folder / JSONL, folder / CSV
        self.codes: Counter[str] = Counter()
        self.severities: Counter[str] = Counter()
        self.total = 0
        self._lines: IO[bytes]
        self._table: IO[str]

    def __enter__(self) -> Self:
        self._lines = self.jsonl.open("wb")
        # With a byte-order mark: Excel takes a CSV without one for Windows-1252.
        self._table = self.csv.open("w", encoding="utf-8-sig", newline="")
        self._rows = csv.writer(self._table)
        self._rows.writerow(_COLUMNS)
        return self

    def __exit__(self, *_error: object) -> None:
        self._lines.close()
        self._table.close()

    def add(self, issue: Issue) -> None:
        """Count it, and write it while there is room. Raises `InputError` (`limit.errors`) where there are too many."""
        self.codes[issue.code] += 1
        self.severities[issue.severity.value] += 1
        self.total += 1
        if self.total > KEPT:
            if self.severities["error"] > MAX_ERRORS:
                first = self.codes.most_common(1)[0][0]
                raise InputError(
                    "limit.errors", f"More than {MAX_ERRORS} things are wrong, mostly {first}.", hint=_HINT
                )
            return
        import orjson

        found = issue.to_json()
        self._lines.write(orjson.dumps(found, option=orjson.OPT_APPEND_NEWLINE))
        found["suggestions"] = " | ".join(issue.suggestions)
        self._rows.writerow([_cell(found[name]) for name in _COLUMNS])

    @property
    def room(self) -> int:
        """How many more are written in full."""
        return max(0, KEPT - self.total)

    def count(self, code: str, more: int) -> None:
        """Count what there is no room for; none of it an error."""
        if more:
            self.codes[code] += more
            self.severities[CODES[code].severity.value] += more
            self.total += more

    def facts(self) -> dict[str, Any]:
        """For the summary: how many of what."""
        found: dict[str, Any] = {
            "issues": {severity: self.severities[severity] for severity in ("error", "warning", "info")},
            "issue_codes": dict(sorted(self.codes.items())),
        }
        return found | ({"issues_not_listed": self.total - KEPT} if self.total > KEPT else {})


def _cell(value: Any) -> Any:
    return guarded(value) if isinstance(value, str) else value
