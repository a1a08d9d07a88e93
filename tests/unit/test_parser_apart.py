"""A forked child for native calls: its crash is an answer, its end by a limit is this process's own."""

import ctypes
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from parsers.apart import apart

ROOT = Path(__file__).parents[2]


def test_apart__gives_what_the_call_returns():
    """Bytes of any length come back."""
    assert apart(lambda: b"x" * 3_000_000) == b"x" * 3_000_000
    assert apart(lambda: b"") == b""


def test_apart__a_crash_is_no_answer():
    """A child that reads from address zero, or raises, leaves this process as it was."""
    assert apart(lambda: ctypes.string_at(0)) is None
    assert apart(lambda: bytes([999])) is None


def test_apart__a_hang_is_no_answer():
    """A child that computes without end is ended after its seconds."""

    def hang() -> bytes:
        while True:
            pass

    assert apart(hang, seconds=0.2) is None
    assert apart(lambda: b"x", seconds=5) == b"x"


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGABRT])
def test_apart__ends_with_a_child_that_met_a_limit(end):
    """What kills the child for its memory or time counts as the end of the step, so that the platform can tell it."""
    code = f"import os; from parsers.apart import apart; apart(lambda: os.kill(os.getpid(), {int(end)})); print('on')"
    env = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, env=env, check=False)
    assert (done.returncode, done.stdout) == (-end, b"")
