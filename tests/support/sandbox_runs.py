"""Bench: runs misbehaving steps in a sandbox, each beside a neighbor that must end well."""

import itertools
import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from workers.sandbox import Call, Result, Sandbox

STEPS = Path(__file__).parent
MiB = 1 << 20


def nothing_said(_share: float, _message: str) -> None:
    """For runs whose progress nobody looks at."""


class Bench:
    """One sandbox and a folder of scratch folders."""

    def __init__(self, folder: Path, **settings: Any) -> None:
        self.folder = folder
        self._numbers = itertools.count()
        self.sandbox = Sandbox(**({"name": "bench", "preload": ["sandbox_steps"], "extra_path": [STEPS]} | settings))

    def call(self, step: str, **changes: Any) -> Call:
        """A call of a function in sandbox_steps, with a scratch folder of its own and small limits."""
        scratch = self.folder / f"attempt-{next(self._numbers)}"
        (scratch / "in").mkdir(parents=True)
        upload = scratch / "in" / "upload"
        upload.write_text("hello")
        asked: dict[str, Any] = {
            "target": f"sandbox_steps:{step}",
            "step": step,
            "scratch": scratch,
            "inputs": {"upload": upload},
            "file_name": "list.xml",
            "kind": "text",
            "timeout": 30.0,
            "memory": 256 * MiB,
            "max_output": 2 * MiB,
            "max_outputs": 20,
        }
        return Call(**(asked | changes))

    def run(
        self,
        step: str,
        *,
        on_progress: Callable[[float, str], None] = nothing_said,
        stop: threading.Event | None = None,
        **changes: Any,
    ) -> Result:
        """Run one step to its end."""
        return self.sandbox.run(self.call(step, **changes), on_progress=on_progress, stop=stop or threading.Event())

    def run_beside(self, step: str, **changes: Any) -> tuple[Result, Result]:
        """Run a step while a neighbor works in the same sandbox; the step's result and the neighbor's."""
        with ThreadPoolExecutor() as pool:
            working = threading.Event()
            neighbor = pool.submit(
                self.run,
                "work_until_told",
                options={"seconds": 0.3},
                on_progress=lambda share, _: working.set() if share < 1 else None,
            )
            assert working.wait(20)
            result = self.run(step, **changes)
            return result, neighbor.result(60)


def alive(pid: int) -> bool:
    """Whether a process exists and is no zombie."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] not in "ZX"


def printed_pids(text: str) -> list[int]:
    """The numbers in a progress message."""
    return [int(word) for word in text.split() if word.isdigit()]


def descendants_of_session(session: int) -> list[int]:
    """Live processes of a session."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and alive(int(entry.name)):
            try:
                if os.getsid(int(entry.name)) == session:
                    found.append(int(entry.name))
            except ProcessLookupError:
                continue
    return found
