"""Waiting for what operators asked for: queues in which nothing runs any more, a reconciliation that has ended."""

import time
from collections.abc import Callable, Sequence

from cli.exits import Exit
from cli.results import run_lines
from cli.screen import emit, emit_json, say
from cli.server import server
from client import Client, Queue, Run

_TELL_EVERY = 5.0  # seconds between two words on how far a run is
_LOOK_EVERY = 0.5  # seconds
# A claim that was on its way when the queue was paused may show a moment later: empty is empty at two looks.
_LOOKS = 2


def drain(client: Client, names: Sequence[str], *, timeout: float) -> list[Queue]:
    """Pause queues and wait until nothing of them runs; returns those in which nothing does, at most `timeout` s later.

    All stay paused.
    """
    wanted = dict.fromkeys(names)
    for name in wanted:
        client.pause(name)
    until = time.monotonic() + timeout
    told: dict[str, int] = {}
    empty = dict.fromkeys(wanted, 0)  # looks in a row that found nothing running
    while True:
        found = {queue.name: queue for queue in client.queues() if queue.name in wanted}
        for name, queue in found.items():
            empty[name] = empty[name] + 1 if queue.running == 0 else 0
            if told.get(name) != queue.running:
                told[name] = queue.running
                say(f"{name}: {_running(queue.running)}")
        drained = [found[name] for name in wanted if empty[name] >= _LOOKS]
        if len(drained) == len(wanted):
            return drained
        if time.monotonic() >= until:
            left = " ".join(name for name in wanted if empty[name] < _LOOKS)
            say(f"heavylift: not drained within {timeout:g} s: {left}", "red")
            return drained
        time.sleep(_LOOK_EVERY)


def await_run(client: Client, run: Run, *, timeout: float) -> Run:
    """Follow a reconciliation until it has ended, or `timeout` s have passed, and tell what it found."""
    until = time.monotonic() + timeout
    told, quiet_until = ("", 0), 0.0
    while not run.ended:
        now = time.monotonic()
        if run.state != told[0] or (run.checked != told[1] and now >= quiet_until):
            told, quiet_until = (run.state, run.checked), now + _TELL_EVERY
            say(f"{run.name}: {run.state}{f', {run.checked} so far' if run.checked else ''}")
        if time.monotonic() >= until:
            say(f"heavylift: {run.name} has not ended within {timeout:g} s; it goes on as {run.id}", "red")
            return run
        time.sleep(_LOOK_EVERY)
        run = client.reconciliation(run.id)
    for line in run_lines(run):
        say(line)
    return run


def _running(steps: int) -> str:
    if not steps:
        return "nothing runs"
    return "1 step still runs" if steps == 1 else f"{steps} steps still run"


def told_run(ask: Callable[[Client], Run], *, wait: bool, timeout: float, json: bool) -> Exit:
    """Ask for a run, print its id or itself, and say how the command ends; `wait`: once the run has."""
    with server() as client:
        run = ask(client)
        if not json:
            emit(run.id)
        if wait:
            run = await_run(client, run, timeout=timeout)
    if json:
        emit_json(run.raw)
    return Exit.FAILED if wait and run.state != "done" else Exit.WELL
