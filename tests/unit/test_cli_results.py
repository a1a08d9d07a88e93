"""How jobs are shown to people."""

import io
import json
from pathlib import Path
from typing import Any

import pytest

from cli import results, screen
from cli.plain_view import PlainView
from cli.submitting import Request
from client import Job
from client.transfer import safe_name


def job(status: str = "succeeded", **more: Any) -> Job:
    step = {"name": "parse", "queue": "parsing", "status": status, "attempt": 1, "progress": 0.5}
    found = {"id": "j1", "status": status, "pipeline": "parts-list", "file": {"name": "w.xml", "size": 2048}}
    return Job.read(found | {"steps": [step]} | more)


def shown(found: Job) -> str:
    lines: list[str] = []
    results.outline(found, lambda text, _style: lines.append(text))
    results.outcome(found, lambda text, _style: lines.append(text))
    return "\n".join(lines)


def test_outcome__a_failed_job_says_who_must_act_on_what():
    """Message, code, step and hint of the error are all there."""
    error = {
        "code": "xml.syntax",
        "message": "Line 3 is cut off.",
        "step": "parse",
        "actor": "submitter",
        "hint": "Mend it.",
    }
    text = shown(job("failed", error=error))
    for part in ("w.xml  failed", "Line 3 is cut off. (xml.syntax, step parse)", "Mend it."):
        assert part in text


def test_outcome__summary_warnings_and_artifacts():
    """Facts read as words, sizes as sizes."""
    facts = {"lots": 1200, "watertight": True}
    artifacts = [{"name": "records.jsonl", "size": 1500, "sha256": "", "media_type": "x", "url": ""}]
    warnings = [{"code": "render.no_osmesa", "message": "No picture.", "step": "render"}]
    text = shown(job(summary=facts, artifacts=artifacts, warnings=warnings))
    assert "lots 1,200, watertight yes" in text
    assert "records.jsonl  1.5 kB" in text
    assert "No picture. (render.no_osmesa)" in text


def test_issues__the_first_few_and_how_many_more(tmp_path: Path):
    """Wrong rows are named by row and line; a long list ends in a count."""
    file = tmp_path / "issues.jsonl"
    rows = [{"row": n, "line": n + 1, "code": "qty.not_integer", "message": "Not a number."} for n in range(1, 9)]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    lines: list[str] = []
    results.issues(file, lambda text, _style: lines.append(text))
    assert lines[0] == "  issue     row 1, line 2: Not a number. (qty.not_integer)"
    assert len(lines) == results.FIRST_ISSUES + 1
    assert "3 more" in lines[-1]


def test_plain_view__one_line_per_change(capsys: pytest.CaptureFixture[str]):
    """A version that changes nothing that matters is not told again."""
    with PlainView([job("running")]) as view:
        for status in ("running", "running", "succeeded"):
            view.show(job(status))
    said = capsys.readouterr()
    assert said.out == ""
    assert len(said.err.splitlines()) == 4


@pytest.mark.parametrize(
    ("name", "expected"),
    [("pages/1.webp", "pages/1.webp"), ("../../etc/passwd", "etc/passwd"), ("/abs", "abs"), ("..", "artifact")],
)
def test_safe_name__stays_below_its_folder(name: str, expected: str):
    """Whatever an artifact is called, it is saved below the folder that was asked for."""
    assert safe_name(name) == Path(expected)


def test_request__options_read_as_json_where_they_can():
    """`3` and `true` are values, `abc` is text, and the first `=` divides."""
    request = Request(
        pipeline=None, options=["a=3", "b=true", "c=abc", "d=x=y"], tags=(), metadata=None, batch_id=None, json=False
    )
    assert request.arguments()["options"] == {"a": 3, "b": True, "c": "abc", "d": "x=y"}


def test_styled__a_file_name_cannot_move_the_cursor():
    """Control characters of an uploader's file name do not reach the terminal."""
    assert screen.styled("a\x1b[2Jb\rc", "", io.StringIO()) == "a?[2Jb?c"
