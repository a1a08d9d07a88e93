"""Recovery: how soon work goes on after a worker was killed, and after the broker is back, with production's leases."""

import json
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from datetime import datetime

import httpx
from sqlalchemy import select

from bench import Unmeasurable
from bench.result import Report, Target
from bench.stats import Spread
from drill.platform import PRODUCTION, NotStarted, Platform
from drill.servers import MissingBinary
from ledger import Ledger
from ledger.schema import attempts

WORKER, BROKER = Target(limit=25.0), Target(limit=5.0)  # seconds, p95
LASTS = 60.0  # seconds that a step runs which loses its worker
ROOM = 256 << 20  # bytes of the private store
PATIENCE = 90.0
AWAY = 3.0  # seconds that the broker stays away


def arguments(parser: ArgumentParser) -> None:
    """Options of this bench."""
    parser.add_argument("--real", action="store_true", help="on a private RabbitMQ and PostgreSQL")
    parser.add_argument("--kills", type=int, default=6, help="how often the worker is killed; it runs two steps then")
    parser.add_argument("--outages", type=int, default=4, help="how often the broker is killed")
    parser.add_argument("--jobs", type=int, default=20, help="submitted during each outage")
    parser.add_argument("--lease", type=float, default=PRODUCTION, help="seconds; the default is production's")


def measure(report: Report, chosen: Namespace) -> None:
    """A private platform; its worker is killed again and again, then its broker."""
    try:
        platform = Platform(real=chosen.real, lease=chosen.lease, room=ROOM)
    except MissingBinary as missing:
        raise Unmeasurable(str(missing)) from missing
    try:
        platform.start()
        ledger = platform.open_ledger()
        try:
            with httpx.Client(base_url=platform.base_url, timeout=30.0) as client:
                bench = _Bench(platform, ledger, client)
                killed = [one for _ in range(chosen.kills) for one in bench.kill_worker()]
                outages = [one for _ in range(chosen.outages) for one in bench.kill_broker(chosen.jobs)]
        finally:
            ledger.close()
    except NotStarted as error:
        raise Unmeasurable(str(error)) from error
    finally:
        platform.close()
    where = "real" if chosen.real else "embedded"
    for name, samples, target in (("kill-worker", killed, WORKER), ("broker-back", outages, BROKER)):
        spread = Spread.of(samples)
        report.say(f"  {name} on {where}, seconds until claimed (again): {spread}")
        report.add(f"{name}-p95-{where}", spread.p95, unit="s", target=target, n=spread.n)


class _Bench:
    """One platform and how it is hurt."""

    def __init__(self, platform: Platform, ledger: Ledger, client: httpx.Client) -> None:
        self._platform = platform
        self._ledger = ledger
        self._client = client

    def kill_worker(self) -> list[float]:
        """Seconds from the kill of a worker that runs two steps until each is claimed again."""
        (worker,) = self._platform.keeper.workers("parsing")
        ids = [self._submit(LASTS) for _ in range(2)]
        self._wait(lambda: len(self._claims(ids, number=1)) == len(ids), what="both steps to run")
        at = time.time()
        self._platform.keeper.kill(worker)
        self._wait(lambda: len(self._claims(ids, number=2)) == len(ids), what="both to be claimed again")
        again = self._claims(ids, number=2)
        for job_id in ids:
            self._client.post(f"/v1/jobs/{job_id}/cancel").raise_for_status()
        return [started.timestamp() - at for started in again.values()]

    def kill_broker(self, count: int) -> list[float]:
        """Seconds from the broker's return until each job is claimed that came while it was away."""
        self._platform.broker.kill()
        ids = [self._submit(0.0) for _ in range(count)]
        time.sleep(AWAY)
        self._platform.broker.start()  # returns once it answers
        at = time.time()
        self._wait(lambda: len(self._claims(ids, number=1)) == count, what="all jobs to be claimed")
        return [max(0.0, started.timestamp() - at) for started in self._claims(ids, number=1).values()]

    def _submit(self, seconds: float) -> str:
        options = json.dumps({"seconds": seconds})
        parameters = {"pipeline": "noop", "filename": "nothing", "options": options}
        answer = self._client.post("/v1/jobs", params=parameters, content=b"nothing")
        if answer.status_code != 202:
            raise Unmeasurable(f"a submit was refused: {answer.status_code} {answer.text[:500]}")
        return str(answer.json()["id"])

    def _claims(self, ids: list[str], *, number: int) -> dict[str, datetime]:
        """When the attempt of that number began, by job id."""
        query = select(attempts.c.job_id, attempts.c.started_at).where(
            attempts.c.job_id.in_(ids), attempts.c.number == number
        )
        with self._ledger.database.reading() as tx:
            return dict(tx.execute(query).tuples().all())

    def _wait(self, is_so: Callable[[], bool], *, what: str) -> None:
        until = time.monotonic() + PATIENCE
        while not is_so():
            self._platform.tend()
            if time.monotonic() > until:
                raise Unmeasurable(f"waited {PATIENCE:g} s for {what}\n{self._platform.tails()}")
            time.sleep(0.05)
