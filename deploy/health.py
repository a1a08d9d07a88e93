#!/usr/bin/env python3
"""A container's health: `health.py api | flower | worker POOL | beat` ends with 0 where that process does its work.

Each asks for what can go wrong while the process lives on: an HTTP face that no longer answers, a worker that went deaf
after a reconnect, a clock that stands still.
"""

import http.client
import socket
import sys
import time
from pathlib import Path

from config.settings import Settings
from jobs.queues import queue_named

ANSWER_LIMIT = 4.0  # seconds
STANDS_STILL = 600.0  # seconds; beat shows each tick, every half minute at least, but waits for a broker that is away
USAGE = 2


def main(arguments: list[str]) -> int:
    """The exit code for `arguments`; says why where it is not 0."""
    match arguments:
        case ["api"]:
            complaint = answers(8000, "/health")
        case ["flower"]:
            complaint = answers(5555, "/healthcheck")
        case ["worker", pool]:
            complaint = listens(queue_named(pool).name)
        case ["beat"]:
            complaint = ticks(Settings.load().data_dir / "run" / "beat" / "ticked")
        case _:
            complaint = __doc__
    if complaint:
        print(complaint, file=sys.stderr)
    return 0 if complaint is None else USAGE if complaint is __doc__ else 1


def answers(port: int, path: str) -> str | None:
    """What is wrong with an HTTP face on this host; None where it answers 200."""
    line = http.client.HTTPConnection("127.0.0.1", port, timeout=ANSWER_LIMIT)
    try:
        line.request("GET", path)
        status = line.getresponse().status
    except (OSError, http.client.HTTPException) as error:
        return f"nothing answers on port {port}: {error}"
    finally:
        line.close()
    return None if status == http.client.OK else f"{path} answers {status}"


def listens(pool: str) -> str | None:
    """What is wrong with this host's worker of `pool`; None where it answers a ping that travels over the broker."""
    from broker.app import make_app
    from wiring import broker_options

    app = make_app(broker_options(Settings.load()))
    replies = app.control.ping(timeout=ANSWER_LIMIT) or []
    names = {name for reply in replies for name in reply}
    ours = {name for name in names if name.startswith(f"{pool}-") and name.endswith(f"@{socket.gethostname()}")}
    return None if ours else f"no worker of pool {pool} answers here; others: {', '.join(sorted(names)) or 'none'}"


def ticks(sign: Path) -> str | None:
    """What is wrong with beat; None where it touched `sign` lately."""
    try:
        age = time.time() - sign.stat().st_mtime
    except OSError as error:
        return f"beat has not ticked yet: {error}"
    return None if age < STANDS_STILL else f"beat has not ticked for {age:.0f} s"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
