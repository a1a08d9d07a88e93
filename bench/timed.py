"""Runs one of our services with a stopwatch on a few functions: `python -m bench.timed OUT.json api`.

At its end it writes calls, wall seconds and processor seconds of each to OUT.json. A stopwatch costs about a
microsecond per call; functions that call each other are counted in both.
"""

import atexit
import functools
import importlib
import json
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

WATCHED = (
    "ledger.submit:Submits.submit",
    "ledger.blobs:Blobs.reserve_blob",
    "ledger.blobs:Blobs.reserve_blobs",
    "ledger.claims:Claims.claim",
    "ledger.claims:Claims.finish",
    "ledger.sweeps:Sweeps.sent",
    "ledger.lines:Lines.waiting",
    "storage.local:_Writer.commit",
    "storage.local:LocalWriter.commit",
    "storage.local:LocalStore.put_file",
    "broker.publisher:Publisher._publish",
    "api.uploads:Upload._begin",
    "api.uploads:Upload._end",
    "api.answers:job_response",
    "workers.executor:Executor.execute",
    "workers.runner:Runner.run",
    "workers.sandbox.sandbox:Sandbox.run",
)
_spent: dict[str, list[float]] = defaultdict(lambda: [0, 0.0, 0.0])  # calls, wall, processor
_lock = threading.Lock()


def watch(name: str) -> None:
    """Put a stopwatch on `module:Class.method`; what this release does not have is left out."""
    module_name, _, path = name.partition(":")
    try:
        holder: Any = importlib.import_module(module_name)
        *outer, last = path.split(".")
        for part in outer:
            holder = getattr(holder, part)
        setattr(holder, last, _watched(getattr(holder, last), path))
    except (ImportError, AttributeError):
        return


def _watched(function: Callable[..., Any], name: str) -> Callable[..., Any]:
    @functools.wraps(function)
    def measured(*args: Any, **kwargs: Any) -> Any:
        wall, own = time.perf_counter(), time.thread_time()
        try:
            return function(*args, **kwargs)
        finally:
            with _lock:
                spent = _spent[name]
                spent[0] += 1
                spent[1] += time.perf_counter() - wall
                spent[2] += time.thread_time() - own

    return measured


def write(path: Path) -> None:
    """Write what was seen."""
    with _lock:
        path.write_text(json.dumps(_spent))


def main() -> None:
    """Become the service."""
    out = Path(sys.argv[1])
    if sys.argv[2] == "worker":
        import workers.main  # noqa: F401 - so that everything it uses is there to be watched
    else:
        import api.server  # noqa: F401 - the same
    for name in WATCHED:
        watch(name)
    atexit.register(write, out)
    sys.argv = ["heavylift", *sys.argv[2:]]
    from cli.app import main as command_line

    command_line()


if __name__ == "__main__":
    main()
