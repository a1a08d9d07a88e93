"""The noop pipeline in a real sandbox: each thing that it can be asked to do wrong ends with its own code."""

import threading
import time
from pathlib import Path
from typing import Any

import pytest

from workers.sandbox import Call, Result, Sandbox


@pytest.fixture(scope="module")
def sandbox():
    made = Sandbox(name="noop", preload=("pipelines.noop",))
    yield made
    made.close()


def run(sandbox: Sandbox, folder: Path, *, stop: threading.Event | None = None, **options: Any) -> Result:
    (folder / "in").mkdir()
    call = Call(
        target="pipelines.noop:nothing",
        step="nothing",
        scratch=folder,
        inputs={},
        options=options,
        file_name="x",
        kind="x",
        timeout=30.0,
        memory=512 << 20,
        max_output=1 << 20,
        max_outputs=1,
    )
    return sandbox.run(call, on_progress=lambda _share, _message: None, stop=stop or threading.Event())


@pytest.mark.parametrize(
    ("how", "code"),
    [("crash", "step.crashed"), ("memory", "step.memory"), ("error", "step.error"), ("transient", "noop.away")],
)
def test_noop__does_wrong_what_it_is_asked_for(sandbox, tmp_path, how, code):
    """Each misbehaviour is the fault that its name says."""
    assert run(sandbox, tmp_path, misbehave=how).fault.code == code


def test_noop__of_an_older_plan_does_nothing(sandbox, tmp_path):
    """Options that a release before did not know are completed."""
    assert run(sandbox, tmp_path).fault is None


def test_noop__native_time_can_be_stopped(sandbox, tmp_path):
    """A step that holds the interpreter in native code is killed like any other."""
    stop = threading.Event()
    threading.Timer(0.5, stop.set).start()
    began = time.monotonic()
    assert run(sandbox, tmp_path, stop=stop, seconds=25.0, native=True).cancelled
    assert time.monotonic() - began < 15
