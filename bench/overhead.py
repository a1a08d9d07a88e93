"""Overhead: jobs per second through HTTP, ledger, broker and one sandboxed no-op, over bare Celery no-ops."""

import json
import subprocess
import sys
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
from sqlalchemy import func, select

from bench import Unmeasurable
from bench.bare_celery import TALLY, open_tally
from bench.load import Load, Outcome, Running, prepare
from bench.platform import Platform, environment, separate
from bench.processes import GONE, cpu_by_name, cpu_of
from bench.result import Report, Target
from bench.services import Borrowed, bare_queue, borrowed
from bench.stats import Spread, median
from ledger import Ledger
from ledger.schema import attempts, jobs, step_runs

RATIO = Target(limit=0.10, at_least=True, of="ratio")
SIZE = 400  # bytes of the file that each job uploads
PATIENCE = 120.0  # seconds until all jobs must have ended
NEIGHBOURS = ("beam.smp", "postgres")  # servers that work for both sides


def arguments(parser: ArgumentParser) -> None:
    """Options of this bench."""
    parser.add_argument("--jobs", type=int, default=300, help="per round")
    parser.add_argument("--tasks", type=int, default=2000, help="of bare Celery, per round")
    parser.add_argument("--clients", type=int, default=8, help="that submit at once")
    parser.add_argument("--publishers", type=int, default=4, help="threads that publish bare tasks")
    parser.add_argument("--concurrency", type=int, default=8, help="threads of both workers' pools")
    parser.add_argument("--rounds", type=int, default=3, help="of each, taking turns")


def measure(report: Report, chosen: Namespace) -> None:
    """Bare, ours, bare, ours...; both workers stay up, only one is busy at a time."""
    bare, ours = _Side(), _Side()
    with ExitStack() as stack:
        found = stack.enter_context(borrowed())
        settings = found.settings | {"HEAVYLIFT_WORKER_CONCURRENCY": str(chosen.concurrency)}
        platform = stack.enter_context(separate("api", "worker parsing", settings=settings, timed=True))
        ledger = Ledger(found.ledger_url, db_schema=found.db_schema, pool_size=2)
        stack.callback(ledger.close)
        options = _bare_options(found, platform.folder, chosen)
        _start_bare_worker(platform, options)
        _through(platform, ledger, count=chosen.clients * 2, clients=chosen.clients)  # warm-up
        for _ in range(chosen.rounds):
            with bare.counting(platform):
                rate, generator = _bare(options)
            bare.add(rate, generator, count=chosen.tasks)
            with ours.counting(platform):
                rate, outcome = _through(platform, ledger, count=chosen.jobs, clients=chosen.clients)
            ours.add(rate, outcome.cpu, count=chosen.jobs)
            report.say(
                f"  bare {bare.rates[-1]:5.0f} tasks/s, ours {rate:5.1f} jobs/s, submit ms {Spread.of(outcome.ms)}"
            )
        report.add("jobs", median(ours.rates), unit="1/s", baseline=median(bare.rates), target=RATIO, n=chosen.rounds)
        report.add("cpu-per-job", ours.cpu, unit="ms", baseline=bare.cpu, n=ours.count)
        ours.tell(report, "processor milliseconds per job:")
        bare.tell(report, "processor milliseconds per bare task:")
        _tell_ledger(report, ledger)
        platform.stop()
        _tell_watched(report, platform.folder)


@dataclass(slots=True)
class _Side:
    """What one of the two did in all its rounds."""

    rates: list[float] = field(default_factory=list)  # per second, one for each round
    spent: dict[str, float] = field(default_factory=dict)  # processor seconds by process
    count: int = 0  # jobs or tasks

    @contextmanager
    def counting(self, platform: Platform) -> Iterator[None]:
        """Add up what processes spend inside the block."""
        before = _cpu(platform)
        yield
        for name, seconds in _cpu(platform).items():
            self.spent[name] = self.spent.get(name, 0.0) + seconds - before.get(name, 0.0)

    def add(self, rate: float, generator: float, *, count: int) -> None:
        """Note one round, and the seconds of processor that its load generator took."""
        self.rates.append(rate)
        self.count += count
        self.spent["load generator"] = self.spent.get("load generator", 0.0) + generator

    @property
    def cpu(self) -> float:
        """Processor milliseconds for one job or task."""
        return 1000 * sum(self.spent.values()) / self.count

    def tell(self, report: Report, title: str) -> None:
        """Where they went, by process."""
        report.say(f"  {title}")
        for name, seconds in sorted(self.spent.items(), key=lambda one: -one[1]):
            if seconds / self.count > 1e-5:
                report.say(f"    {name:24} {1000 * seconds / self.count:7.2f}")


def _through(platform: Platform, ledger: Ledger, *, count: int, clients: int) -> tuple[float, Outcome]:
    """Jobs per second, from the first submit to the last end."""
    rest = prepare(platform.folder, SIZE)
    path = "/v1/jobs?pipeline=noop&filename=list.xml"
    load = Load(port=platform.port, path=path, clients=clients, each=max(1, count // clients), rest=rest, nice=0)
    outcome = Running(load).result()
    if outcome.failed:
        raise Unmeasurable(f"{len(outcome.failed)} submits failed: {outcome.failed[0]}")
    until = time.monotonic() + PATIENCE
    while (left := _unfinished(ledger)) and time.monotonic() < until:
        time.sleep(0.02)
    if left:
        raise Unmeasurable(f"{left} jobs did not end within {PATIENCE:g} s\n{platform.tails()}")
    with ledger.database.reading() as tx:
        last = tx.execute(select(func.max(jobs.c.finished_at))).scalar_one()
        wrong = tx.execute(select(func.count()).where(jobs.c.status != "succeeded")).scalar_one()
    if wrong:
        raise Unmeasurable(f"{wrong} jobs did not succeed\n{platform.tails()}")
    seconds: float = last.timestamp() - outcome.began_at
    return outcome.ended / seconds, outcome


def _unfinished(ledger: Ledger) -> int:
    with ledger.database.reading() as tx:
        return int(tx.execute(select(func.count()).where(jobs.c.status.in_(("queued", "running")))).scalar_one())


def _bare_options(found: Borrowed, folder: Path, chosen: Namespace) -> dict[str, Any]:
    return {
        "url": found.broker_url,
        "queue": bare_queue(found),
        "concurrency": chosen.concurrency,
        "count": chosen.tasks,
        "publishers": chosen.publishers,
        "tally": str(folder / "tally"),
    }


def _start_bare_worker(platform: Platform, options: dict[str, Any]) -> None:
    """Started beside the platform, ended with it; ready once it has run a first task."""
    tally = open_tally(Path(options["tally"]))
    arguments = ("-P", "-m", "bench.bare_celery", json.dumps(options), "worker")
    platform.start("bare", arguments, env=environment(platform, {}))
    _publish(options | {"count": options["publishers"]})
    platform.wait(lambda: TALLY.unpack_from(tally)[0] >= options["publishers"], what="the bare worker")


def _bare(options: Mapping[str, Any]) -> tuple[float, float]:
    """Tasks per second, from the first publish to the last run, and processor seconds of the publisher."""
    tally = open_tally(Path(options["tally"]))
    before, count = TALLY.unpack_from(tally)[0], options["count"] // options["publishers"] * options["publishers"]
    published = _publish(options)
    until = time.monotonic() + PATIENCE
    while (ran := TALLY.unpack_from(tally)[0] - before) < count and time.monotonic() < until:
        time.sleep(0.005)
    if ran < count:
        raise Unmeasurable(f"bare Celery ran only {ran} of {count} tasks")
    last: float = TALLY.unpack_from(tally)[1]
    return count / (last - published["began"]), published["cpu"]


def _publish(options: Mapping[str, Any]) -> dict[str, float]:
    command = [sys.executable, "-m", "bench.bare_celery", json.dumps(options), "publish"]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, timeout=PATIENCE)
    found: dict[str, float] = json.loads(done.stdout)
    return found


def _cpu(platform: Platform) -> dict[str, float]:
    """Processor seconds by process, the borrowed servers' included (and so whatever else they do meanwhile)."""
    spent = cpu_by_name(platform.processes())
    for process in psutil.process_iter(["name"]):
        name = process.info["name"]
        if name in NEIGHBOURS:
            with suppress(*GONE):
                spent[name] = spent.get(name, 0.0) + cpu_of(process)
    return spent


def _tell_ledger(report: Report, ledger: Ledger) -> None:
    """How long jobs stood where, by the times in the ledger."""
    with ledger.database.reading() as tx:
        steps = tx.execute(select(step_runs.c.queued_at, step_runs.c.started_at, step_runs.c.finished_at)).all()
        inside = [row[0] for row in tx.execute(select(attempts.c.seconds)) if row[0]]
    report.say("  by the ledger's times (ms):")
    waits = [1000 * (started - queued).total_seconds() for queued, started, _ in steps]
    runs = [1000 * (finished - started).total_seconds() for _, started, finished in steps]
    report.say(f"    queued to claimed          {Spread.of(waits)}")
    report.say(f"    claimed to finished        {Spread.of(runs)}")
    report.say(f"    of that in the sandbox     {Spread.of([1000 * seconds for seconds in inside])}")


def _tell_watched(report: Report, folder: Path) -> None:
    """What the stopwatches in API and worker saw."""
    report.say("  stopwatches, mean milliseconds per call (wall, processor), calls that call others count for both:")
    for file in sorted(folder.glob("timed-*.json")):
        for name, (calls, wall, own) in sorted(json.loads(file.read_text()).items(), key=lambda one: -one[1][1]):
            place = file.stem.removeprefix("timed-")
            report.say(
                f"    {place:16} {name:26} {int(calls):6} calls {1000 * wall / calls:8.2f} {1000 * own / calls:8.2f}"
            )
