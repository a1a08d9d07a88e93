"""A process starts anew in place: what it keeps, and what it leaves behind."""

import json
import os
import signal
import subprocess
import sys

import pytest
from support.children import ROOT

PROGRAM = """
import ctypes, json, os, sys, threading
from workers.anew import Anew, Past

def tie():
    number = ctypes.c_int(0)
    ctypes.CDLL(None).prctl(2, ctypes.byref(number), 0, 0, 0)
    return number.value

if not Past.read().starts:
    ctypes.CDLL(None).prctl(1, 9, 0, 0, 0)  # as cli/tether.py does
print(json.dumps({"pid": os.getpid(), "argv": sys.argv[1:], "tie": tie(), "starts": Past.read().starts,
                  "last": Past.read().last, "open": sorted(map(int, os.listdir("/proc/self/fd"))),
                  "threads": len(os.listdir("/proc/self/task"))}), flush=True)
if Past.read().starts < 2:
    anew = Anew()
    left_open = open("/dev/null")
    if sys.argv[1] == "main":
        anew.start()
    threading.Thread(target=anew.start).start()
    threading.Event().wait()
"""


@pytest.mark.skipif(sys.platform != "linux", reason="ties to parents and /proc are Linux's")
@pytest.mark.parametrize("thread", ["main", "another"])
def test_start__keeps_process_arguments_and_tie(thread):
    """The fresh image has the same process id, arguments, tie to its parent and inherited files, and no others."""
    reading, writing = os.pipe()
    done = subprocess.run(
        [sys.executable, "-P", "-c", PROGRAM, thread, "an argument"],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
        pass_fds=(writing,),
    )
    os.close(reading)
    os.close(writing)
    first, *later = [json.loads(line) for line in done.stdout.splitlines()]
    assert [image["starts"] for image in later] == [1, 2]
    for image in later:
        for kept in ("pid", "argv", "open", "threads"):
            assert image[kept] == first[kept], kept
        assert image["tie"] == signal.SIGKILL
    assert writing in first["open"]
    assert later[0]["last"] < later[1]["last"]
