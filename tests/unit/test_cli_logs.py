"""Children's logs: written as JSON lines of bounded size, read back merged by time."""

import json
import os
import subprocess
import threading
from pathlib import Path

import pytest

from cli import log_reader
from cli.child_logs import Pump, RotatingLog
from cli.exits import CommandError


def entry(second: int, event: str, **facts: object) -> str:
    return json.dumps({"timestamp": f"2026-01-01T00:00:{second:02}.000000Z", "event": event, **facts})


def test_rotating_log__never_grows_past_its_size(tmp_path: Path):
    """Full files move up one number; the oldest is dropped; no line is torn."""
    log = RotatingLog(tmp_path / "api.log", max_bytes=100, kept=3)
    for number in range(40):
        log.write(f"line {number:04}".encode())
    log.close()
    files = [tmp_path / name for name in ("api.log.2", "api.log.1", "api.log")]
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(path.name for path in files)
    assert all(path.stat().st_size <= 101 for path in files)
    kept = [line for path in files for line in path.read_text().splitlines()]
    assert kept == [f"line {number:04}" for number in range(40 - len(kept), 40)]


def test_pump__plain_words_become_json_lines(tmp_path: Path):
    """JSON lines stay as they are; a traceback's lines are wrapped; the last words are kept."""
    ended = threading.Event()
    pump = Pump(tmp_path, ended.set)
    script = "echo '{\"event\":\"ready\"}'; echo 'Traceback: \"x\"'; printf 'no newline at the end'"
    with subprocess.Popen(["/bin/sh", "-c", script], stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        pump.add("api", child.stdout)
        assert ended.wait(10)
    assert pump.last_words("api")[-2:] == ('Traceback: "x"', "no newline at the end")
    pump.close()
    lines = [json.loads(line) for line in (tmp_path / "api.log").read_text().splitlines()]
    assert [line["event"] for line in lines] == ["ready", 'Traceback: "x"', "no newline at the end"]
    assert lines[1]["logger"] == "api"
    assert lines[1]["timestamp"].endswith("Z")


def test_pump__a_child_that_never_ends_its_line_fills_no_memory(tmp_path: Path):
    """A line without end is cut into pieces as it comes."""
    ended = threading.Event()
    pump = Pump(tmp_path, ended.set)
    with subprocess.Popen(["/bin/sh", "-c", "head -c 1000000 /dev/zero | tr '\\0' x"], stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        pump.add("api", child.stdout)
        assert ended.wait(10)
    pump.close()
    lines = (tmp_path / "api.log").read_text().splitlines()
    assert len(lines) > 5
    assert sum(json.loads(line)["event"].count("x") for line in lines) == 1_000_000


def test_logs__are_merged_by_time(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    """Lines of all children, rotated files included, come in the order in which things happened."""
    (tmp_path / "api.log.1").write_text(entry(1, "a") + "\n")
    (tmp_path / "api.log").write_text("\n".join([entry(3, "c"), "without a time", entry(5, "e")]) + "\n")
    (tmp_path / "beat.log").write_text("\n".join([entry(2, "b"), entry(4, "d")]) + "\n")
    log_reader.show(tmp_path, [], follow=False, job=None, lines=0)
    said = capsys.readouterr().out.splitlines()
    assert [json.loads(line)["event"] if line.startswith("{") else line for line in said] == [
        "a", "b", "c", "without a time", "d", "e",
    ]  # fmt: skip


def test_logs__of_one_job_and_the_last_lines(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    """`--job` keeps the lines that name it, `--lines` the last of those."""
    lines = [entry(n, "step", job_id="j1" if n % 2 else "j2", n=n) for n in range(10)]
    (tmp_path / "api.log").write_text("\n".join(lines) + "\n")
    log_reader.show(tmp_path, ["api"], follow=False, job="j1", lines=2)
    assert [json.loads(line)["n"] for line in capsys.readouterr().out.splitlines()] == [7, 9]


def test_logs__a_wrong_name_lists_the_right_ones(tmp_path: Path):
    """A name without a log is answered by those that have one."""
    (tmp_path / "api.log").write_text("")
    with pytest.raises(CommandError) as caught:
        log_reader.show(tmp_path, ["apy"], follow=False, job=None, lines=0)
    assert caught.value.hint == "logs: api"


def test_tail__follows_across_a_rotation(tmp_path: Path):
    """What is written after a rotation is seen, and so is what came just before it."""
    path = tmp_path / "api.log"
    path.write_text(entry(0, "before") + "\n")
    tail = log_reader.Tail(path)
    with path.open("a") as file:
        file.write(entry(1, "one") + "\n")
    os.replace(path, tmp_path / "api.log.1")  # noqa: PTH105 - what the writer does
    path.write_text(entry(2, "two") + "\n")
    assert [json.loads(found.text)["event"] for found in tail.fresh()] == ["one", "two"]
    assert tail.fresh() == []


def test_brief__tells_what_happened_and_why():
    """A JSON line becomes its event and the end of its traceback; other text stays."""
    trace = "Traceback (most recent call last):\n  File x\nValueError: no such thing"
    assert (
        log_reader.brief(entry(1, "service.crashed", exception=trace)) == "service.crashed  ValueError: no such thing"
    )
    assert log_reader.brief("plain") == "plain"
