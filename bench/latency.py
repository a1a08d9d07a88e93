"""Latency: from submit to succeeded for a list of 1 MB, one at a time, and where that time goes."""

import time
from argparse import ArgumentParser, Namespace
from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

from sqlalchemy import select

from bench import Unmeasurable
from bench.files import MB, parts_list
from bench.platform import Platform, embedded
from bench.result import Report, Target
from bench.stats import Spread, median
from bench.wire import Wire
from jobs.model import Job
from ledger import Ledger
from ledger.schema import attempts
from parsers import bricklink_xml

P50, P95 = Target(limit=150), Target(limit=300)  # milliseconds
WARM_UP = 3  # requests that nobody counts: templates start, caches fill
PAUSE = 0.2  # seconds between requests, once nothing is left to do for the one before
PATIENCE = 30.0  # seconds that this may take


def arguments(parser: ArgumentParser) -> None:
    """Options of this bench."""
    parser.add_argument("-n", type=int, default=40, help="how many requests are counted")
    parser.add_argument("--bytes", type=int, default=MB, help="size of the list")


def measure(report: Report, chosen: Namespace) -> None:
    """Submit, wait for the end in the same request, parse the same file bare, and so on."""
    through: list[float] = []
    bare: list[float] = []
    parts: dict[str, list[float]] = defaultdict(list)
    with embedded() as platform, platform.wire() as wire:
        ledger = Ledger(platform.ledger_url)
        try:
            for number in range(WARM_UP + chosen.n):
                file = parts_list(chosen.bytes)
                _wait_until_idle(ledger)
                seconds, told = _one(platform, wire, ledger, file=file)
                alone = _parse(platform.folder / "bare.xml", file)
                if number >= WARM_UP:
                    through.append(seconds * 1000)
                    bare.append(alone * 1000)
                    for name, value in told.items():
                        parts[name].append(value)
        finally:
            ledger.close()
    report.say("  where the time goes (ms):")
    for name, values in parts.items():
        report.say(f"    {name:44} {Spread.of(values)}")
    report.say(f"    {'bare parse in one process':44} {Spread.of(bare)}")
    spread = Spread.of(through)
    report.add("p50", spread.p50, unit="ms", baseline=median(bare), target=P50, n=spread.n)
    report.add("p95", spread.p95, unit="ms", baseline=Spread.of(bare).p95, target=P95, n=spread.n)


def _wait_until_idle(ledger: Ledger) -> None:
    """Jobs end before the search index has their rows; until it has, processors are not idle."""
    until = time.monotonic() + PATIENCE
    while ledger.unindexed(limit=1):
        if time.monotonic() > until:
            raise Unmeasurable(f"the search index is still at work after {PATIENCE:g} s")
        time.sleep(PAUSE / 4)
    time.sleep(PAUSE)


def _one(platform: Platform, wire: Wire, ledger: Ledger, *, file: bytes) -> tuple[float, Mapping[str, float]]:
    """Seconds from the first byte sent to the answer that says succeeded, and milliseconds by part."""
    began, at = time.perf_counter(), time.time()
    answer = wire.request("POST", "/v1/jobs?filename=list.xml", headers={"Prefer": "wait=30"}, body=[file])
    seconds, ended = time.perf_counter() - began, time.time()
    body = answer.json()
    if answer.status != 200 or body["status"] != "succeeded":
        raise Unmeasurable(f"a job did not succeed: {answer.status} {answer.body[:1000]!r}\n{platform.tails()}")
    return seconds, breakdown(ledger, body["id"], sent=at, answered=ended)


def breakdown(ledger: Ledger, job_id: str, *, sent: float, answered: float) -> dict[str, float]:
    """Milliseconds of each part of a job's life, told by the times in the ledger (in whole milliseconds there)."""
    job = ledger.get(job_id, owner="local")
    with ledger.database.reading() as tx:
        rows = tx.execute(select(attempts.c.step, attempts.c.seconds).where(attempts.c.job_id == job_id)).all()
    inside = {row[0]: row[1] or 0.0 for row in rows}
    found = {"upload, hash, sync, submit": _ms(job.created_at) - sent * 1000}
    for step in job.steps:
        assert step.queued_at
        assert step.started_at
        assert step.finished_at
        found[f"{step.name}: queue wait (publish, deliver, claim)"] = _ms(step.started_at) - _ms(step.queued_at)
        took = _ms(step.finished_at) - _ms(step.started_at)
        found[f"{step.name}: the step itself"] = inside[step.name] * 1000
        found[f"{step.name}: bring inputs, keep outputs, finish"] = took - inside[step.name] * 1000
    found["notice, answer"] = answered * 1000 - _ended(job)
    return found


def _ended(job: Job) -> float:
    assert job.finished_at
    return _ms(job.finished_at)


def _ms(at: datetime) -> float:
    return at.timestamp() * 1000


def _parse(path: Path, file: bytes) -> float:
    """Seconds that the parser alone needs, in this process, with nothing kept."""
    path.write_bytes(file)
    began = time.perf_counter()
    for _ in bricklink_xml.parse(path):
        pass
    return time.perf_counter() - began
