"""House: the whole platform as real processes, on the embedded default or on RabbitMQ and PostgreSQL.

    house.start("parsing", "indexing")    # API and these pools; without names: all pools
    house.submit("list.xml", body)        # -> the job as JSON
    house.wait_ended(job_id)
    house.pools["parsing"].kill()         # SIGKILL of that worker alone; .restart() brings it back
    house.api.kill(signal.SIGTERM)        # see support/children.py for what a Child can do

Leases and rhythms are short (RHYTHM), so that rescue takes seconds. `close()` ends every process and removes the data.
"""

import json
import os
import secrets
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Literal, Protocol

import httpx
from support.children import ROOT, Child
from support.servers import LOOPBACK, RedisServer, free_port
from support.services import Found, fresh_database
from support.waiting import wait_until

from broker.app import BrokerOptions, dead_letter_queue, make_app, topology
from jobs.queues import QUEUES
from ledger import Ledger

Backend = Literal["embedded", "real"]
RHYTHM = {
    "HEAVYLIFT_WORKER_LEASE": "3",
    "HEAVYLIFT_WORKER_HEARTBEAT": "0.5",
    "HEAVYLIFT_WORKER_CANCEL_POLL": "0.2",
    "HEAVYLIFT_WORKER_DISPATCH_EVERY": "0.3",
    "HEAVYLIFT_WORKER_GRACE": "5",
    "HEAVYLIFT_WORKER_LOST_AFTER": "4",
    "HEAVYLIFT_WORKER_BACKOFF_BASE": "0.2",
    "HEAVYLIFT_API_SHUTDOWN_GRACE": "5",
    "HEAVYLIFT_UPLOAD_DISK_FLOOR": "1048576",
    "HEAVYLIFT_NODE_INSTALL": "0",  # a platform of each test is no place to install packages into
}
READY_MARK = "worker.ready"
# Bytes of a parts list that keeps a parser busy for a second or more. With over 100,000 rows its lots alone are indexed, a
# thousand; of fewer rows each one is, and for 70,000 PostgreSQL needs half a minute.
LARGE = 24_000_000
START_LIMIT = 90.0  # seconds; the machine may be busy
ENDED = frozenset({"succeeded", "failed", "cancelled"})


class HasServices(Protocol):
    """Whoever knows where broker and database are."""

    def broker(self) -> Found:
        """A RabbitMQ."""

    def database(self) -> Found:
        """A PostgreSQL."""


class House:
    """One platform with its own data folder, ledger, broker lines and port."""

    def __init__(self, backend: Backend, *, services: HasServices, settings: Mapping[str, str] | None = None) -> None:
        self.backend = backend
        self._closing = ExitStack()
        self.folder = Path(tempfile.mkdtemp(prefix="hl-house-"))
        self._closing.callback(shutil.rmtree, self.folder, ignore_errors=True)
        self.data_dir = self.folder / "data"
        self.data_dir.mkdir(mode=0o700)
        self.port = free_port()
        self.base_url = f"http://{LOOPBACK}:{self.port}"
        self.prefix = f"hltest{secrets.token_hex(4)}"
        self.redis: RedisServer | None = None
        try:
            self.env = self._environment(services) | dict(settings or {})
        except BaseException:
            self._closing.close()
            raise
        self.api = self.child("api", "api", is_ready=self._api_answers)
        self.beat = self.child("beat", "beat")
        self.pools = {name: self.worker(name) for name in QUEUES}
        self.client = httpx.Client(base_url=self.base_url, timeout=30.0)
        self._closing.callback(self.client.close)

    def start(self, *pools: str, beat: bool = False) -> "House":
        """Migrate, then start the API, the named pools (all where none is named), `beat` too; wait until all are ready.

        Most tests need no beat, and each process costs a second or two of a small machine.
        """
        self.migrate()
        started = [self.api, *(self.pools[name] for name in (pools or QUEUES))]
        if beat:
            self.beat.start()
        for child in started:
            child.start()
        for child in started:
            child.wait_ready(within=START_LIMIT)
        return self

    def migrate(self) -> None:
        """Make the ledger's tables, as `heavylift migrate` does, which is a process of its own in test_supervisor.py."""
        ledger = Ledger(self.env.get("HEAVYLIFT_LEDGER_URL") or f"sqlite:///{self.data_dir / 'ledger.sqlite3'}")
        ledger.migrate()
        ledger.close()

    def child(self, name: str, *arguments: str, is_ready: Any = None, **env: str) -> Child:
        """A further process of the platform, not started yet; it ends with the house."""
        argv = [sys.executable, "-P", "-m", "cli", *arguments]
        log = self.folder / "logs" / f"{name}.log"
        made = Child(name, argv, env=self.env | env, log=log, cwd=ROOT, is_ready=is_ready)
        self._closing.callback(made.stop)
        return made

    def worker(self, pool: str, *, name: str | None = None, **env: str) -> Child:
        """A worker for `pool`, not started yet; give a `name` to have a second one beside `pools[pool]`."""
        made = self.child(name or f"worker-{pool}", "worker", pool, **env)
        made.ready_when(lambda: READY_MARK in made.logs())
        return made

    def submit_idle(self, *, seconds: float = 60.0, native: bool = False) -> dict[str, Any]:
        """A job whose step, on the parsing queue, does nothing for so long, and costs nothing; the job as JSON."""
        options = json.dumps({"seconds": seconds, "native": native})
        return self.submit("idle", os.urandom(8), pipeline="noop", options=options)

    def submit(self, file_name: str, body: bytes, **parameters: str) -> dict[str, Any]:
        """Upload as a raw body; the job as JSON. Asserts the 202."""
        answer = self.client.post("/v1/jobs", params={"filename": file_name, **parameters}, content=body)
        assert answer.status_code == 202, f"{answer.status_code}: {answer.text}\n{self.tails()}"
        return dict(answer.json())

    def job(self, job_id: str) -> dict[str, Any]:
        """The job as JSON."""
        answer = self.client.get(f"/v1/jobs/{job_id}")
        assert answer.status_code == 200, f"{answer.status_code}: {answer.text}"
        return dict(answer.json())

    def wait_status(self, job_id: str, *statuses: str, within: float = 60.0) -> dict[str, Any]:
        """Wait until the job stands in one of `statuses`; the job. A timeout shows the job and all logs' ends."""
        try:
            wait_until(
                lambda: self.job(job_id)["status"] in statuses,
                within=within,
                what=f"{job_id} to be {statuses}",
                every=0.05,
            )
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.job(job_id)}\n{self.tails()}") from None
        return self.job(job_id)

    def wait_ended(self, job_id: str, *, within: float = 60.0) -> dict[str, Any]:
        """Wait until the job has ended, well or not; the job."""
        return self.wait_status(job_id, *ENDED, within=within)

    def artifact(self, job_id: str, name: str) -> bytes:
        """The bytes of one artifact."""
        answer = self.client.get(f"/v1/jobs/{job_id}/artifacts/{name}", follow_redirects=True)
        assert answer.status_code == 200, f"{answer.status_code}: {answer.text}"
        return answer.content

    def tails(self, lines: int = 30) -> str:
        """The ends of all logs, for errors."""
        return "\n".join(self._tails(lines))

    def close(self) -> None:
        """End everything that was started, last first, and remove the data."""
        # All are asked at once; then each stop() finds its child gone or waits for it.
        for child in (self.api, self.beat, *self.pools.values()):
            child.ask_to_end()
        self._closing.close()

    def _tails(self, lines: int) -> Iterator[str]:
        for log in sorted((self.folder / "logs").glob("*.log")):
            text = log.read_text(errors="replace").splitlines()[-lines:]
            yield "\n".join([f"--- {log.name} ---", *text])

    def _api_answers(self) -> bool:
        try:
            return httpx.get(f"{self.base_url}/health", timeout=2.0).status_code == 200
        except httpx.TransportError:
            return False

    def _environment(self, services: HasServices) -> dict[str, str]:
        ours = {
            "HEAVYLIFT_DATA_DIR": str(self.data_dir),
            "HEAVYLIFT_API_PORT": str(self.port),
            "HEAVYLIFT_BROKER_PREFIX": self.prefix,
            "PYTHONPATH": os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH")))),
            "PYTHONUNBUFFERED": "1",
        }
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("HEAVYLIFT_")}
        return inherited | RHYTHM | ours | (self._real(services) if self.backend == "real" else self._embedded())

    def _real(self, services: HasServices) -> dict[str, str]:
        broker, database = services.broker(), services.database()
        ledger_url = self._closing.enter_context(fresh_database(database.url))
        if not broker.of_one_test:
            self._closing.callback(delete_lines, broker.url, self.prefix)
        return {"HEAVYLIFT_BROKER_URL": broker.url, "HEAVYLIFT_LEDGER_URL": ledger_url}

    def _embedded(self) -> dict[str, str]:
        self.redis = RedisServer(self.data_dir / "run")
        self._closing.callback(self.redis.close)
        self.redis.start()
        return {"HEAVYLIFT_BROKER_URL": self.redis.url}


def delete_lines(url: str, prefix: str) -> None:
    """Delete every line and exchange of ours that carries `prefix` from a RabbitMQ."""
    options = BrokerOptions(url=url, prefix=prefix)
    app = make_app(options)
    lines = (*topology(options), dead_letter_queue(options))
    exchanges = {line.exchange.name for line in lines}
    exchanges |= {app.control.mailbox.exchange.name, app.control.mailbox.reply_exchange.name, app.conf.event_exchange}
    with app.connection_for_write(connect_timeout=5) as connection, connection.channel() as channel:
        for line in lines:
            channel.queue_delete(line.name)
        for name in exchanges:
            if prefix in name:
                channel.exchange_delete(name)
