"""Status under load: how fast `GET /v1/jobs/{id}` answers while many clients upload, and whether all uploads end."""

import signal
import sqlite3
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import psutil

from bench import Unmeasurable
from bench.files import MB, MiB, parts_list
from bench.load import Load, Outcome, Running, prepare
from bench.platform import Platform, embedded
from bench.processes import GONE, cpu_of, name_of, peak_rss, tree
from bench.result import Report, Target
from bench.stats import Spread
from bench.upload import require_disk

P95 = Target(limit=25)  # milliseconds
OVER_IDLE = Target(limit=4, of="ratio")
NONE = Target(limit=0)
ALL = Target(limit=1, at_least=True)
GAP = 0.01  # seconds between two looks
RAMP = 1.0  # seconds until all clients are at it
SLOW_CLIENTS, SLOW_SECONDS = 5, 20.0


def arguments(parser: ArgumentParser) -> None:
    """Options of this bench."""
    parser.add_argument("--seconds", type=float, default=12.0, help="of each look")
    parser.add_argument("--clients", type=int, default=100)
    parser.add_argument("--bytes", type=int, default=10 * MB, help="of each upload")
    parser.add_argument("--full", action="store_true", help="the 20 large uploads have 1 GiB each instead of 128 MiB")


def measure(report: Report, chosen: Namespace) -> None:
    """Idle, then 100 clients with the pools asleep, then 20 large uploads; then 100 clients with the pools awake."""
    large = (1024 if chosen.full else 128) * MiB
    with embedded() as platform:
        require_disk(platform.folder, 25 * large)
        job_id = _one_job(platform)
        load = _load(platform, chosen)
        with _asleep(platform):
            idle = Spread.of(_look(platform, job_id, lambda since: since > chosen.seconds / 2))
            report.say(f"  idle, pools asleep: {idle}")
            seen = _beside(report, platform, load, job_id=job_id, variant="failed")
            report.add("p95", seen.p95, unit="ms", baseline=idle.p95, target=P95, n=seen.n)
            report.add("p95-over-idle", seen.p95, unit="ms", baseline=idle.p95, target=OVER_IDLE, n=seen.n)
            _large(report, platform, size=large)
        report.add("api-peak-rss", peak_rss(platform.process("api").pid), unit="MB", n=1)
    # Another one, which has no work left over from above.
    with embedded() as platform:
        job_id = _one_job(platform)
        seen = _beside(report, platform, _load(platform, chosen), job_id=job_id, variant="failed-pools-running")
        report.add("p95-pools-running", seen.p95, unit="ms", baseline=idle.p95, n=seen.n)


def _load(platform: Platform, chosen: Namespace) -> Load:
    return Load(
        port=platform.port,
        clients=chosen.clients,
        seconds=chosen.seconds + RAMP,
        rest=prepare(platform.folder, chosen.bytes),
    )


def _one_job(platform: Platform) -> str:
    """A job that has succeeded, to be looked at."""
    with platform.wire() as wire:
        body = [parts_list(MB // 10)]
        answer = wire.request("POST", "/v1/jobs?filename=list.xml", headers={"Prefer": "wait=60"}, body=body)
    if answer.status != 200:
        raise Unmeasurable(f"a job did not succeed: {answer.status} {answer.body[:500]!r}\n{platform.tails()}")
    return str(answer.json()["id"])


def _look(platform: Platform, job_id: str, enough: Callable[[float], bool]) -> list[float]:
    """Milliseconds of each status request, one after the other on one connection, until it is enough."""
    found, began = [], time.perf_counter()
    with platform.wire() as wire:
        while not enough(time.perf_counter() - began):
            asked = time.perf_counter()
            answer = wire.get(f"/v1/jobs/{job_id}")
            found.append((time.perf_counter() - asked) * 1000)
            if answer.status != 200:
                raise Unmeasurable(f"status answered {answer.status} {answer.body[:300]!r}")
            time.sleep(GAP)
    return found


def _beside(report: Report, platform: Platform, load: Load, *, job_id: str, variant: str) -> Spread:
    """Look while `load` runs; says what the uploads did, and under `variant` how many failed."""
    with _running(platform, load) as running:
        api = platform.process("api")
        before, began = cpu_of(api), time.monotonic()
        time.sleep(RAMP)
        seconds = (load.seconds or 0) - RAMP
        spread = Spread.of(_look(platform, job_id, lambda since: since > seconds or running.ended))
        share = 100 * (cpu_of(api) - before) / (time.monotonic() - began)
        outcome = running.result()
    report.say(f"  {load.clients} clients: status {spread}; API {share:.0f} % of one core; {outcome}")
    _failed(report, variant, outcome)
    return spread


def _large(report: Report, platform: Platform, *, size: int) -> None:
    """20 clients with one large file each, beside a few that trickle."""
    load = Load(
        port=platform.port,
        clients=20,
        each=1,
        rest=prepare(platform.folder, size),
        slow_clients=SLOW_CLIENTS,
        slow_bytes=MB,
        slow_seconds=SLOW_SECONDS,
    )
    with _running(platform, load) as running:
        outcome = running.result()
    spread = Spread.of(outcome.ms or (0.0,))
    report.say(f"  20 clients of {size // MiB} MiB: upload ms {spread}")
    report.say(
        f"  {outcome.slow_ended} of {SLOW_CLIENTS} that took {SLOW_SECONDS:g} s for 1 MB ended; {outcome.failed}"
    )
    ended = (outcome.ended + outcome.slow_ended) / (load.clients + load.slow_clients)
    report.add("large-and-slow-ended", ended, unit="of all", n=load.clients + load.slow_clients, target=ALL)


def _failed(report: Report, variant: str, outcome: Outcome) -> None:
    report.add(variant, len(outcome.failed), unit="uploads", n=outcome.ended + len(outcome.failed), target=NONE)
    for reason in sorted(set(outcome.failed))[:3]:
        report.say(f"    {reason}")


@contextmanager
def _running(platform: Platform, load: Load) -> Iterator[Running]:
    running = Running(load)
    try:
        yield running
    finally:
        running.kill()
        platform.empty_store()


@contextmanager
def _asleep(platform: Platform) -> Iterator[None]:
    """Stop the pools and beat, so that the API has the machine to itself."""
    pools = [
        below
        for process in platform.processes()
        if name_of(process).startswith(("worker", "beat"))
        for below in tree(process.pid)
    ]
    until = time.monotonic() + 10
    _signal(pools, signal.SIGSTOP)
    while not _writable(platform):  # one of them was stopped inside a transaction
        _signal(pools, signal.SIGCONT)
        if time.monotonic() > until:
            raise Unmeasurable("the pools always hold the ledger")
        time.sleep(0.1)
        _signal(pools, signal.SIGSTOP)
    try:
        yield
    finally:
        _signal(pools, signal.SIGCONT)


def _writable(platform: Platform) -> bool:
    ledger = sqlite3.connect(platform.data_dir / "ledger.sqlite3", timeout=0.5, isolation_level=None)
    try:
        ledger.execute("BEGIN IMMEDIATE")
        ledger.execute("ROLLBACK")
    except sqlite3.OperationalError:
        return False
    finally:
        ledger.close()
    return True


def _signal(processes: list[psutil.Process], number: signal.Signals) -> None:
    for process in processes:
        with suppress(*GONE):
            process.send_signal(number)
