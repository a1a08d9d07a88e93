"""A forked child with a time and a memory of its own: however it ends, this process goes on."""

import os
import signal
import time

import pytest

from parsers.bounded import Gone, bounded

ROOM = 1 << 28


def spin():
    while True:
        pass


def test_bounded__gives_what_the_call_returns():
    """Bytes of any length come back."""
    assert bounded(lambda: b"x" * 3_000_000, seconds=20, memory=ROOM) == b"x" * 3_000_000
    assert bounded(lambda: b"", seconds=20, memory=ROOM) == b""


@pytest.mark.parametrize(
    ("call", "why"),
    [
        (lambda: bytes(4 * ROOM), "it failed, as happens without memory"),
        (lambda: time.sleep(600), "it came to no end in its time"),
        (spin, "it came to no end in its time"),
        (lambda: bytes([999]), "it failed, as happens without memory"),
        (lambda: os.kill(os.getpid(), signal.SIGSEGV), "it was ended by signal 11"),
        (lambda: os.kill(os.getpid(), signal.SIGKILL), "it was ended by signal 9"),
    ],
    ids=["memory", "sleep", "spin", "raise", "crash", "kill"],
)
def test_bounded__every_other_end_has_a_reason(call, why):
    """Too much memory or time, an exception and a signal are told apart, and leave no child behind."""
    with pytest.raises(Gone, match=why):
        bounded(call, seconds=1, memory=ROOM)
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)


def test_bounded__says_nothing(capfd):
    """What the child prints goes nowhere."""
    bounded(lambda: os.write(1, b"secret") and b"", seconds=20, memory=ROOM)
    assert capfd.readouterr() == ("", "")
