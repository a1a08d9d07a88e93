"""`heavylift logs`: the children's log files, merged by time, readable on a terminal."""

import heapq
import json
import os
import sys
import time
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cli.exits import CommandError
from cli.screen import emit, styled

LEVEL_STYLES = {"warning": "yellow", "error": "red", "critical": "red", "debug": "dim"}
TOLD = frozenset({"timestamp", "level", "event", "service", "logger"})  # shown in the line's head
LOOK_EVERY = 0.2  # seconds between looks for new lines


@dataclass(frozen=True, slots=True, order=True)
class Entry:
    """One line of a log."""

    time: str  # ISO 8601; sorts as text
    name: str  # whose log
    text: str  # as it stands in the file


def show(folder: Path, names: Sequence[str], *, follow: bool, job: str | None, lines: int) -> None:
    """Print entries; with `follow` until somebody interrupts. `CommandError` where there are no such logs."""
    known = sorted(path.name.removesuffix(".log") for path in folder.glob("*.log"))
    if not known:
        raise CommandError(
            f"there are no logs in {folder}", hint="`heavylift up` writes them; --data-dir names its folder"
        )
    unknown = [name for name in names if name not in known]
    if unknown:
        raise CommandError(f"there is no log of {', '.join(unknown)}", hint=f"logs: {', '.join(known)}")
    chosen = [*names] or known
    tails = [Tail(folder / f"{name}.log") for name in chosen] if follow else []
    width = max(map(len, chosen))
    entries = heapq.merge(*(_all_of(folder, name) for name in chosen))
    wanted = (entry for entry in entries if job is None or job in entry.text)
    for entry in deque(wanted, maxlen=lines) if lines else wanted:
        emit(_line(entry, width))
    while tails:
        fresh = sorted(entry for tail in tails for entry in tail.fresh())
        for entry in fresh:
            if job is None or job in entry.text:
                emit(_line(entry, width))
        time.sleep(LOOK_EVERY)


def _all_of(folder: Path, name: str) -> Iterator[Entry]:
    """Everything that one child has written, the rotated files first."""
    rotated = sorted(folder.glob(f"{name}.log.[0-9]*"), key=lambda path: int(path.suffix[1:]), reverse=True)
    at = ""
    for path in [*rotated, folder / f"{name}.log"]:
        with path.open(encoding="utf-8", errors="replace") as file:
            for text in file:
                entry = _entry(name, text.rstrip("\n"), at)
                at = entry.time
                yield entry


def _entry(name: str, text: str, before: str) -> Entry:
    """A line without a time of its own gets that of the line before, and never an earlier one: merging needs order."""
    found = _parsed(text).get("timestamp")
    return Entry(max(before, str(found)) if found else before, name, text)


def _parsed(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


class Tail:
    """What is written to one log from now on, across its rotations."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._name = path.name.removesuffix(".log")
        self._file = path.open("rb")
        self._file.seek(0, 2)
        self._rest = b""
        self._at = ""

    def fresh(self) -> list[Entry]:
        """The entries since the last call."""
        found = self._read()
        if self._rotated():
            self._file.close()
            self._file = self._path.open("rb")
            found += self._read()
        return found

    def _read(self) -> list[Entry]:
        *lines, self._rest = (self._rest + self._file.read()).split(b"\n")
        entries = []
        for line in lines:
            entry = _entry(self._name, line.decode(errors="replace"), self._at)
            self._at = entry.time
            entries.append(entry)
        return entries

    def _rotated(self) -> bool:
        try:
            return self._path.stat().st_ino != os.fstat(self._file.fileno()).st_ino
        except FileNotFoundError:
            return False  # between two renames; the next look finds it


def brief(text: str) -> str:
    """A log line for a person who reads it once: what happened, and the last line of a traceback."""
    found = _parsed(text)
    error = str(found.get("exception") or "").strip().rpartition("\n")[2]
    return f"{found['event']}  {error}".rstrip() if "event" in found else text


def _line(entry: Entry, width: int) -> str:
    """For a terminal: time, who, what, then the facts. For a pipe: the JSON line as it is."""
    if not sys.stdout.isatty():
        return entry.text
    found = _parsed(entry.text)
    if not found:
        return f"{'':12} {entry.name:<{width}} {entry.text}"
    facts = " ".join(f"{key}={value}" for key, value in found.items() if key not in TOLD)
    clock = str(found.get("timestamp", ""))[11:23]
    head = f"{clock:<12} {entry.name:<{width}} {found.get('event', '')}"
    return styled(f"{head}  {facts}".rstrip(), LEVEL_STYLES.get(str(found.get("level")), ""), sys.stdout)
