"""Where output goes: ids and JSON lines to stdout, words about progress to stderr."""

import json
import os
import sys
from collections.abc import Mapping
from typing import Any

STYLES = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33"}
STATUS_STYLES = {"succeeded": "green", "failed": "red", "cancelled": "yellow", "held up": "yellow"}


def say(text: str, style: str = "") -> None:
    """One line for a person, on stderr."""
    sys.stderr.write(styled(text, style, sys.stderr) + "\n")
    sys.stderr.flush()


def clean(text: str) -> str:
    """`text` without characters that steer a terminal: names and messages come from uploaders."""
    return "".join(char if char.isprintable() or char in "\n\t" else "?" for char in text)


def styled(text: str, style: str, stream: Any) -> str:
    """`text`, cleaned, with a terminal style, where the stream is a terminal that shows any."""
    text = clean(text)
    if not style or os.environ.get("NO_COLOR") or not stream.isatty():
        return text
    return f"\x1b[{STYLES[style]}m{text}\x1b[0m"


def emit(text: str) -> None:
    """One line of result, on stdout; flushed, so that a reader in a pipe sees it now."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def emit_json(value: Mapping[str, Any]) -> None:
    """One JSON line, on stdout."""
    emit(json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=str))


def size_of(count: float) -> str:
    """Bytes for a person: `1.2 MB`."""
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000 or unit == "GB":
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1000
    raise AssertionError("the loop ends at GB")
