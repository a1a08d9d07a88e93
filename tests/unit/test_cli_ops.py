"""What operators type and read: dead letters, queues, reconciliation, and why a job waits."""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.command_line import heavylift, heavylift_here
from support.fake_server import FakeServer, told

from cli import results
from cli.draining import await_run, drain
from cli.plain_view import PlainView
from client import Attempt, Job, Letter, Run

NOBODY = {"HEAVYLIFT_URL": "http://127.0.0.1:1"}
RUN = {"id": "r1", "name": "store", "checked": 9, "repaired": 1, "left_alone": 2, "notes": ["object x is missing"]}
TRY = {"step": "parse", "number": 2, "outcome": "failed", "signal": 11, "peak_memory": 7_000_000, "memory": 536_870_912}


@pytest.fixture
def server() -> Iterator[FakeServer]:
    with tempfile.TemporaryDirectory(prefix="hl-") as folder:
        fake = FakeServer(Path(folder) / "s")
        yield fake
        fake.close()


def queued(reason: str, detail: str, *, error: str | None = None) -> Job:
    """A job whose first step stands in line."""
    wait = {"reason": reason, "queue": "parsing", "place": 1, "detail": detail}
    fault = {"code": "step.lost", "message": error, "actor": "nobody"} if error else None
    step = {"name": "parse", "queue": "parsing", "status": "queued", "waiting_for": wait, "error": fault}
    return Job.read({"id": "j1", "status": "queued", "file": {"name": "w.xml"}, "steps": [step]})


@pytest.mark.parametrize(
    "command",
    [
        "dead-letters list",
        "dead-letters show l1",
        "dead-letters replay l1",
        "dead-letters discard l1",
        "queues list",
        "queues pause parsing",
        "queues resume parsing",
        "queues drain parsing",
        "reconcile run store",
        "reconcile list",
        "reconcile show r1",
        "reconcile names",
        "status j1 --attempts",
        "similar j1",
    ],
)
@pytest.mark.usefixtures("socket_enabled")  # for a port that nobody listens on
def test_server__nobody_there(command: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    """No server is exit code 3 and what to do, whatever was asked for."""
    code = heavylift_here(monkeypatch, *command.split(), **NOBODY)
    out, err = capsys.readouterr()
    assert (code, out) == (3, "")
    assert "heavylift up" in err


@pytest.mark.parametrize("wrong", ["", "l1 --all", "--code step.crashed --all"])
def test_replay__names_letters_in_one_way(wrong: str):
    """Nothing named, or two ways at once, is exit code 2, with no server needed: nothing is replayed by mistake."""
    ended = heavylift("dead-letters", "replay", *wrong.split(), **NOBODY)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert "--all" in ended.stderr


def test_letter__says_input_error_and_each_attempt():
    """A letter names file, error, hint, and what each try used."""
    error = {"code": "step.crashed", "message": "It crashed.", "actor": "platform", "hint": "Look."}
    found = {"id": "l1", "job_id": "j1", "step": "parse", "error": error, "file": {"name": "w.xml"}}
    tried = TRY | {"seconds": 1.25, "worker": "w", "fault": error}
    text = "\n".join(results.letter_lines(Letter.read(found | {"evidence": {"attempts": [tried]}})))
    for part in ("step parse of job j1  open", "w.xml", "It crashed. (step.crashed)", "Look.", "attempt 2", "SIGSEGV"):
        assert part in text
    assert "1.2 s, 7.0 MB at most, 536.9 MB granted, signal 11 (SIGSEGV), on w" in text


def test_letter__of_a_message():
    """A message that nobody could read says its queue and why it came back."""
    evidence = {"queue": "parsing", "reason": "rejected", "size": 3}
    text = "\n".join(results.letter_lines(Letter.read({"id": "l1", "kind": "message", "evidence": evidence})))
    assert "a message of queue parsing" in text
    assert "rejected, 3 bytes" in text


def test_attempts__that_run_or_were_lost():
    """What is not known is left out: no outcome while it runs, no memory where the worker died."""
    lines = list(results.attempt_lines([Attempt.read({"step": "parse", "number": 1, "worker": "w", "memory": 5})]))
    assert lines == ["  attempt 1   parse        running    on w"]


def test_outline__says_why_a_step_waits():
    """What holds a step up stands beside it, after the error of its last attempt."""
    lines: list[str] = []
    results.outline(
        queued("retry", "It is tried again at noon.", error="It was lost."), lambda text, _: lines.append(text)
    )
    assert lines[-1].endswith("It was lost. It is tried again at noon.")


def test_plain_view__says_what_holds_a_step_up(capsys: pytest.CaptureFixture[str]):
    """A paused queue or a missing worker is one line; taking its turn is none."""
    with PlainView([queued("turn", "2 stand before it.")]) as view:
        view.show(queued("turn", "2 stand before it."))
        assert capsys.readouterr().err == ""
        for _ in range(2):
            view.show(queued("worker", "No worker of pool parsing is alive."))
        view.show(queued("paused", "The queue parsing is paused."))
    said = capsys.readouterr().err.splitlines()
    assert [line.partition("queued: ")[2] for line in said] == [
        "No worker of pool parsing is alive.",
        "The queue parsing is paused.",
    ]


def lines_of(**running: int) -> Any:
    return told({"items": [{"name": name, "paused": True, "running": n} for name, n in running.items()]})


def test_drain__pauses_and_waits_until_nothing_runs(server: FakeServer, capsys: pytest.CaptureFixture[str]):
    """All queues are paused before the first look; a queue is drained once two looks found it empty."""
    for name in ("parsing", "indexing"):
        server.on(f"POST /v1/queues/{name}/pause", told({"name": name, "paused": True}))
    server.on(
        "GET /v1/queues",
        lines_of(parsing=2, indexing=0, thumbnails=5),
        lines_of(parsing=0, indexing=0, thumbnails=5),
        lines_of(parsing=1, indexing=0, thumbnails=5),  # a claim that was on its way
        lines_of(parsing=0, indexing=0, thumbnails=5),
    )
    with server.client() as client:
        drained = drain(client, ["parsing", "indexing"], timeout=30)
    assert [queue.name for queue in drained] == ["parsing", "indexing"]
    assert [call for call, *_ in server.seen[:3]] == [
        "POST /v1/queues/parsing/pause",
        "POST /v1/queues/indexing/pause",
        "GET /v1/queues",
    ]
    assert len(server.calls("GET /v1/queues")) == 5
    said = capsys.readouterr()
    assert said.out == ""
    assert [line for line in said.err.splitlines() if line.startswith("parsing")] == [
        "parsing: 2 steps still run",
        "parsing: nothing runs",
        "parsing: 1 step still runs",
        "parsing: nothing runs",
    ]


def test_drain__gives_up_in_time(server: FakeServer, capsys: pytest.CaptureFixture[str]):
    """What still runs after the time given is named, and does not count as drained."""
    server.on("POST /v1/queues/parsing/pause", told({"name": "parsing", "paused": True}))
    server.on("GET /v1/queues", lines_of(parsing=1))
    with server.client() as client:
        assert drain(client, ["parsing"], timeout=0.2) == []
    assert "not drained within 0.2 s: parsing" in capsys.readouterr().err


def test_await_run__tells_what_it_found(server: FakeServer, capsys: pytest.CaptureFixture[str]):
    """States, numbers and notes go to stderr; the run is returned as it ended."""
    server.on("GET /v1/reconciliations/r1", told(RUN | {"state": "running"}), told(RUN | {"state": "done"}))
    with server.client() as client:
        run = await_run(client, Run.read(RUN | {"state": "requested"}), timeout=30)
    assert run.state == "done"
    said = capsys.readouterr()
    assert (said.out, said.err.splitlines()) == (
        "",
        [
            "store: requested, 9 so far",
            "store: running, 9 so far",
            "store: done, checked 9, repaired 1, left alone 2",
            "  object x is missing",
        ],
    )


def test_await_run__gives_up_in_time(server: FakeServer, capsys: pytest.CaptureFixture[str]):
    """A run that does not end in time goes on, and its id is said."""
    server.on("GET /v1/reconciliations/r1", told(RUN | {"state": "running"}))
    with server.client() as client:
        assert not await_run(client, Run.read(RUN | {"state": "requested"}), timeout=0.2).ended
    assert "goes on as r1" in capsys.readouterr().err
