"""Writers of a search index that are killed: their processes, and what they had acknowledged."""

import os
import subprocess
import sys
import time
from pathlib import Path

from support.children import ROOT

_SCRIPT = Path(__file__).with_name("search_writer.py")


def started(where: str | Path, first: int) -> subprocess.Popen[str]:
    """A process that writes batches from number `first` on, without end, and says each once it is committed."""
    env = os.environ | {"PYTHONPATH": os.pathsep.join(str(ROOT / part) for part in (".", "tests", "tests/support"))}
    return subprocess.Popen(
        [sys.executable, str(_SCRIPT), str(where), str(first)], env=env, stdout=subprocess.PIPE, text=True
    )


def acknowledged(child: subprocess.Popen[str], *, after: float) -> list[int]:
    """What the child said until it was killed, so many seconds after its first commit."""
    assert child.stdout is not None
    assert child.stdout.readline() == "open\n"
    told = [int(child.stdout.readline())]
    time.sleep(after)
    child.kill()
    told += [int(line) for line in child.stdout.read().splitlines() if line.strip()]
    child.wait()
    return told
