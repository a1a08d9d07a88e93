"""Every way in which a step can go wrong becomes its own stable code, and a neighbor in the same sandbox ends well."""

import logging
import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.sandbox_runs import Bench, MiB, printed_pids

from jobs.errors import Actor, ConfigurationError
from workers.sandbox import Result


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    found = Bench(tmp_path_factory.mktemp("sandbox"))
    yield found
    found.sandbox.close()


def _is_well(result: Result) -> bool:
    return result.fault is None and [o.name for o in result.outputs] == ["result.txt", "again.txt"]


CRASHES: list[tuple[str, str, dict[str, Any]]] = [
    ("segfault", "step.crashed", {}),
    ("abort", "step.crashed", {}),
    ("forbidden_machine_call", "step.crashed", {}),
    ("memory_in_python", "step.memory", {"memory": 64 * MiB}),
    ("memory_in_numpy", "step.memory", {}),
    ("memory_in_native", "step.memory", {"memory": 64 * MiB}),
    ("spin", "step.cpu_limit", {"cpu_seconds": 1}),
    ("spin_deaf_to_the_limit", "step.cpu_limit", {"cpu_seconds": 1}),
    ("hang_in_native", "step.timeout", {"timeout": 0.5}),
    ("hang_in_regex", "step.timeout", {"timeout": 0.5}),
    ("exit_0", "step.exited", {}),
    ("exit_3", "step.exited", {}),
    ("exit_politely", "step.exited", {}),
    ("flood_of_frames", "step.output_limit", {}),
    ("huge_summary", "step.output_limit", {}),
    ("no_json_summary", "step.output_limit", {}),
    ("too_large_file", "step.output_limit", {}),
    ("too_much_together", "step.output_limit", {}),
    ("too_many_files", "step.output_limit", {"options": {"files": 21}}),
    ("fill_disk", "step.output_limit", {"max_output": 32 * MiB}),
    ("broken_frame", "step.output_invalid", {}),
    ("save_symlink", "step.output_invalid", {"options": {"secret": "/etc/passwd"}}),
    ("save_through_linked_folder", "step.output_invalid", {"options": {"secret": "/etc/passwd"}}),
    ("save_hard_link", "step.output_invalid", {}),
    ("save_fifo", "step.output_invalid", {}),
    ("save_folder", "step.output_invalid", {}),
    ("save_outside", "step.output_invalid", {}),
    ("save_above", "step.output_invalid", {}),
    ("save_missing", "step.output_invalid", {}),
    ("unexpected", "step.error", {}),
    ("not_here", "step.error", {}),
    ("no_such_function", "step.unknown", {}),
    ("disk_full", "step.disk_full", {}),
]


@pytest.mark.parametrize(("step", "code", "limits"), CRASHES, ids=[c[0] for c in CRASHES])
def test_fault__has_its_code_and_the_neighbor_ends_well(
    bench: Bench, step: str, code: str, limits: dict[str, Any]
) -> None:
    """Whatever a step does, it gets its own code, nothing of it is handed over, and its neighbor does not notice."""
    result, neighbor = bench.run_beside(step, **limits)

    assert result.fault is not None
    assert (result.fault.code, result.fault.actor, result.fault.step) == (code, Actor.PLATFORM, step)
    assert result.fault.message.endswith(".")
    assert result.fault.hint
    assert result.outputs == ()
    assert result.summary == {}
    assert not result.cancelled
    assert _is_well(neighbor)


def test_success__brings_everything_that_the_step_said(bench: Bench) -> None:
    """A good step's files, summary, warnings, counts, progress and cost all arrive."""
    heard: list[tuple[float, str]] = []
    result = bench.run("good", options={"depth": 2}, on_progress=lambda *word: heard.append(word))

    assert result.fault is None
    assert [output.path.read_text() for output in result.outputs] == ["HELLO", "HELLO"]
    assert all(output.path.parent.name == "collected" and output.size == 5 for output in result.outputs)
    assert result.summary == {"length": 5, "name": "list.xml", "kind": "text", "options": {"depth": 2}}
    assert [(w.code, w.step) for w in result.warnings] == [("odd", "good")]
    assert result.counts == {"rows": 4}
    assert heard == [(0.25, "reading"), (1.0, "done")]
    assert result.usage.exit_code == 0
    assert result.usage.signal is None
    assert 0 < result.usage.seconds < 10
    assert result.usage.peak_memory > MiB


@pytest.mark.parametrize(
    ("step", "code", "actor", "delay"),
    [
        ("unreadable", "xml.syntax", Actor.SUBMITTER, None),
        ("bad_input", "model.empty", Actor.SUBMITTER, None),
        ("passing", "store.away", Actor.NOBODY, 7.5),
        ("platform_fault", "thumb.no_osmesa", Actor.PLATFORM, None),
    ],
)
def test_own_fault__arrives_as_the_step_raised_it(
    bench: Bench, step: str, code: str, actor: Actor, delay: float | None
) -> None:
    """An error that the step raised on purpose keeps its code, actor and delay."""
    result = bench.run(step)

    assert result.fault is not None
    assert (result.fault.code, result.fault.actor, result.delay) == (code, actor, delay)
    assert "\x00" not in result.fault.message
    if step == "unreadable":
        assert result.fault.place == {"line": 3, "column": 7}
        assert result.fault.hint == "Mend it."
    if step == "bad_input":
        assert [w.code for w in result.warnings] == ["odd"]


def test_unexpected_error__tells_users_its_type_only(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    """A library's message may hold file content: users see the type, operators find the rest in the log."""
    result = bench.run("unexpected")

    assert result.fault is not None
    assert "ValueError" in result.fault.message
    assert "secret" not in f"{result.fault}"
    assert "the content of a secret file" in caplog.text


def test_crash__leaves_a_python_stack_in_the_log(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    """Operators see where in the step native code crashed."""
    bench.run("segfault")

    assert "in segfault" in caplog.text


def test_limits__are_named_in_numbers(bench: Bench) -> None:
    """Who reads the message learns which limit was hit."""
    assert "0.5 seconds" in _message(bench.run("sleep", timeout=0.5))
    assert "64 MiB" in _message(bench.run("memory_in_python", memory=64 * MiB))
    assert "1 seconds of processor time" in _message(bench.run("spin", cpu_seconds=0.5))


def _message(result: Result) -> str:
    assert result.fault is not None
    return result.fault.message


def test_flood_of_output__is_drained_without_harm(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    """A step may print megabytes: it neither blocks nor fills anything, and only the end is kept."""
    caplog.set_level(logging.WARNING)
    assert bench.run("chatter", options={"kilobytes": 4096, "then": "end"}).fault is None
    assert bench.run("chatter", options={"kilobytes": 4096, "then": "exit"}).fault is not None

    assert "the last line" in caplog.text
    assert len(caplog.text) < 3 * 4096


def test_progress_storm__is_thinned(bench: Bench) -> None:
    """A step that reports each of 200,000 rows costs some twenty words a second."""
    heard: list[tuple[float, str]] = []
    result = bench.run("progress_storm", on_progress=lambda *word: heard.append(word))

    assert result.fault is None
    assert heard[-1] == (1.0, "end")
    assert len(heard) <= 3 + 25 * result.usage.seconds


def test_many_warnings__are_cut_and_counted(bench: Bench) -> None:
    """Warnings beyond a thousand are counted in a last one."""
    result = bench.run("many_warnings")

    assert len(result.warnings) == 1001
    assert result.warnings[-1].message == "4001 further warnings are not shown."


def test_forged_report__is_not_believed(bench: Bench) -> None:
    """Code that took the child over gains nothing by speaking in its name."""
    for body in (
        '{"end":true}',
        "[1]",
        "[" * 100_000,
        (
            '{"saved":[{"name":"x","path":"../in/upload","media_type":"text/plain"}],"summary":{},"warnings":[],'
            '"counts":{},"splits":{},"submissions":[],"fingerprints":[],"fault":null,"delay":null,"trouble":null,"detail":""}'
        ),
        '{"progress":"much"}',
    ):
        result = bench.run("forged_report", options={"body": body})
        assert result.fault is not None
        assert result.fault.code == "step.output_invalid", body


def test_killed_from_outside__is_tried_again(bench: Bench) -> None:
    """A child that somebody kills is nobody's fault."""

    def kill(_share: float, message: str) -> None:
        os.kill(printed_pids(message)[0], signal.SIGKILL)

    result = bench.run("killed_from_outside", on_progress=kill)

    assert result.fault is not None
    assert (result.fault.code, result.fault.actor) == ("step.lost", Actor.NOBODY)
    assert result.usage.signal == 9


def test_scratch__is_left_with_nothing_of_an_earlier_attempt(bench: Bench) -> None:
    """A second run in the same scratch folder starts with empty ones."""
    call = bench.call("good")
    (call.scratch / "out" / "folder").mkdir(parents=True)
    (call.scratch / "out" / "folder" / "stale").write_text("x")

    result = bench.sandbox.run(call, on_progress=lambda *_: None, stop=threading.Event())

    assert result.fault is None
    assert not list(call.scratch.rglob("stale"))


def test_scratch_below_code__is_refused(tmp_path: Path) -> None:
    """Data in a folder that every child may read is a set-up error, and says so."""
    bench = Bench(tmp_path, read_only=[tmp_path])
    try:
        with pytest.raises(ConfigurationError, match="move the data folder"):
            bench.run("nothing")
    finally:
        bench.sandbox.close()
