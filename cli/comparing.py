"""`heavylift compare`: two lists up, and what differs between them for a person or a program."""

import json
import tempfile
from pathlib import Path
from typing import Any

from cli.exits import Exit
from cli.follow import follow
from cli.results import all_well, outcome, outline
from cli.screen import clean, emit, emit_json, say
from cli.server import server
from client import Job

DIFF = "diff.jsonl"
_WORDS = {"added": "+", "removed": "-", "quantity": "~", "mould": "m", "color": "c"}


def run(left: Path | str, right: Path | str, *, options: dict[str, Any], wait: bool, as_json: bool) -> Exit:
    """Compare on the server; the exit code says whether the job succeeded."""
    with server() as client:
        job = client.compare(left, right, options=options)
        if not as_json:
            emit(job.id)
        elif not wait:
            emit_json(job.raw)
        if not wait:
            return Exit.WELL
        (job,) = follow(client, [job])
        if not all_well([job]):
            outline(job, say)
            outcome(job, say)
            return Exit.FAILED
        with tempfile.TemporaryDirectory() as folder:
            path = client.download(job.id, DIFF, to=Path(folder) / DIFF)
            for line in path.read_text(encoding="utf-8").splitlines():
                emit(line) if as_json else _show(json.loads(line))
        _sum_up(job)
    return Exit.WELL


def _show(found: dict[str, Any]) -> None:
    """`~ 3001 in 4: 3 -> 5 (+2)`."""
    part = found["part_num"] + ("" if found["color_id"] is None else f" in {found['color_id']}")
    before = found["left_part_num"], found["left_color_id"]
    if found["change"] in {"mould", "color"}:
        part = f"{before[0]} in {before[1]} -> {part}"
    name = f"  {found['name']}" if found["name"] else ""
    counts = f"{found['left_qty']} -> {found['right_qty']} ({found['delta']:+d})"
    emit(clean(f"{_WORDS[found['change']]} {part}: {counts}{name}"))


def _sum_up(job: Job) -> None:
    changes = job.summary.get("changes") or {}
    say(", ".join(f"{count} {name}" for name, count in changes.items()) or "the lists are equal")
