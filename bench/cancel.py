"""Cancel: from the request to the death of the running child, half of them in a native call that holds the interpreter."""

import json
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from urllib.parse import quote

from sqlalchemy import func, select

from bench import Unmeasurable
from bench.platform import Platform, embedded
from bench.result import Report, Target
from bench.stats import Spread
from bench.wire import Wire
from ledger import Ledger
from ledger.schema import attempts, step_runs

P95 = Target(limit=2.0)  # seconds
AT_ONCE = 10  # running jobs
LASTS = 60.0  # seconds that each would run
PATIENCE = 60.0


def arguments(parser: ArgumentParser) -> None:
    """Options of this bench."""
    parser.add_argument("-n", type=int, default=50, help="how many running jobs are cancelled")


def measure(report: Report, chosen: Namespace) -> None:
    """Rounds of jobs that run at once; all of a round are cancelled one after the other, then waited for."""
    settings = {"HEAVYLIFT_WORKER_CONCURRENCY": str(AT_ONCE), "HEAVYLIFT_SANDBOX_MEMORY_BUDGET": str(1 << 40)}
    answered: list[float] = []
    died: list[float] = []
    with embedded(settings) as platform, platform.wire() as wire:
        ledger = Ledger(platform.ledger_url)
        try:
            while len(died) < chosen.n:
                asked = _cancel_round(platform, wire, ledger, count=min(AT_ONCE, chosen.n - len(died)), into=answered)
                died += _deaths(platform, ledger, asked)
        finally:
            ledger.close()
    report.say(f"  answer to the cancel (ms): {Spread.of([1000 * one for one in answered])}")
    spread = Spread.of(died)
    report.add("killed-p50", spread.p50, unit="s", n=spread.n)
    report.add("killed-p95", spread.p95, unit="s", target=P95, n=spread.n)
    report.add("killed-max", spread.most, unit="s", n=spread.n)


def _cancel_round(platform: Platform, wire: Wire, ledger: Ledger, *, count: int, into: list[float]) -> dict[str, float]:
    """Start `count` jobs, every second one native, and cancel them; when each was asked to end, by job id."""
    ids = [_submit(wire, native=number % 2 == 0) for number in range(count)]
    _wait(platform, lambda: _running(ledger, ids) == count, what="all jobs to run")
    time.sleep(1.0)  # the last ones are in their call by now
    asked: dict[str, float] = {}
    for job_id in ids:
        asked[job_id] = time.time()
        answer = wire.request("POST", f"/v1/jobs/{job_id}/cancel")
        into.append(time.time() - asked[job_id])
        if answer.status != 202 or answer.json()["status"] != "cancelled":
            raise Unmeasurable(f"a cancel was refused: {answer.status} {answer.body[:500]!r}")
    return asked


def _submit(wire: Wire, *, native: bool) -> str:
    options = quote(json.dumps({"seconds": LASTS, "native": native}))
    answer = wire.request("POST", f"/v1/jobs?pipeline=noop&filename=nothing&options={options}", body=[b"nothing"])
    if answer.status != 202:
        raise Unmeasurable(f"a submit was refused: {answer.status} {answer.body[:500]!r}")
    return str(answer.json()["id"])


def _deaths(platform: Platform, ledger: Ledger, asked: dict[str, float]) -> list[float]:
    """Seconds from each request to the end of its attempt, which its worker writes once the child is dead."""
    ended = select(attempts.c.job_id, attempts.c.finished_at, attempts.c.outcome).where(
        attempts.c.job_id.in_(asked), attempts.c.finished_at.is_not(None)
    )

    def all_ended() -> bool:
        with ledger.database.reading() as tx:
            return len(tx.execute(ended).all()) == len(asked)

    _wait(platform, all_ended, what="all children to be dead")
    with ledger.database.reading() as tx:
        rows = tx.execute(ended).all()
    wrong = [outcome for _, _, outcome in rows if outcome != "cancelled"]
    if wrong:
        raise Unmeasurable(f"attempts ended as {wrong} instead of cancelled")
    return [finished.timestamp() - asked[job_id] for job_id, finished, _ in rows]


def _running(ledger: Ledger, ids: list[str]) -> int:
    query = select(func.count()).where(step_runs.c.job_id.in_(ids), step_runs.c.status == "running")
    with ledger.database.reading() as tx:
        return int(tx.execute(query).scalar_one())


def _wait(platform: Platform, is_so: Callable[[], bool], *, what: str) -> None:
    until = time.monotonic() + PATIENCE
    while not is_so():
        if time.monotonic() > until:
            raise Unmeasurable(f"waited {PATIENCE:g} s for {what}\n{platform.tails()}")
        time.sleep(0.02)
