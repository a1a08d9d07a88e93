"""Do the files that a step made say what its summary says? Whatever was in the list, they have to be whole."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from lists.issues_file import JSONL as ISSUES
from lists.issues_file import KEPT
from lists.records_file import JSONL as RECORDS
from parsers.codes import CODES
from workers.sandbox import Output

_MOST = 8 * 1024 * 1024  # bytes of a file that is looked at


def complaint(outputs: Iterable[Output], summary: Mapping[str, Any]) -> str:
    """The first thing that does not fit; empty where all is well."""
    files = {output.name: output for output in outputs if output.size <= _MOST}
    try:
        if RECORDS in files:
            rows = _lines(files[RECORDS])
            if len(rows) != summary["lots"]:
                return f"{RECORDS} has {len(rows)} rows, the summary {summary['lots']}"
            if any(not isinstance(row["qty"], int) or row["qty"] < 0 for row in rows):
                return f"{RECORDS} holds a quantity that is none"
        if ISSUES in files:
            found = _lines(files[ISSUES])
            told = sum(summary["issues"].values())
            if len(found) != min(told, KEPT):
                return f"{ISSUES} has {len(found)} issues, the summary {told}"
            if strange := {one["code"] for one in found} - CODES.keys():
                return f"{ISSUES} has a code that nobody knows: {min(strange)}"
    except (ValueError, KeyError, TypeError) as error:
        return f"an artifact can not be read: {type(error).__name__} {error}"
    return ""


def _lines(output: Output) -> list[dict[str, Any]]:
    # Split at line feeds alone: JSON strings may hold other line ends as they are.
    return [json.loads(line) for line in output.path.read_bytes().split(b"\n") if line]
