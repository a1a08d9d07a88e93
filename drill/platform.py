"""The private platform of a drill: real processes on free ports in a temporary folder, each to be killed at will."""

import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path

import httpx

from broker import BrokerOptions
from drill.children import ROOT, Child
from drill.disk import PrivateDisk, open_disk
from drill.keeper import Keeper, Service
from drill.servers import LOOPBACK, PostgresServer, RabbitServer, RedisServer, free_port
from drill.spans import Spans
from jobs.queues import QUEUES
from ledger import Ledger
from ledger.database import Database
from search.port import Engine
from storage.local import LocalStore
from storage.port import ObjectStore

MiB = 1024 * 1024
PRODUCTION = 20.0  # seconds of lease from which on everything else keeps its default too
PREFIX = "hldrill"
READY_MARK = "worker.ready"
START_LIMIT = 120.0  # seconds; the machine may be busy


class NotStarted(Exception):
    """A process of the private platform did not come up; the message carries the end of its log."""


def rhythm(lease: float) -> dict[str, str]:
    """Settings for claims of `lease` seconds: the defaults from 20 s on, else everything shortened along with it.

    A deaf worker notices sooner than by default in either case: that takes minutes, in which a drill learns nothing.
    """
    held = {"HEAVYLIFT_WORKER_LEASE": f"{lease:g}"}
    if lease >= PRODUCTION:
        return held | {"HEAVYLIFT_WORKER_HEARTBEAT": f"{lease / 4:g}", "HEAVYLIFT_WORKER_DEAF_AFTER": "20"}
    return held | {
        "HEAVYLIFT_WORKER_HEARTBEAT": f"{lease / 6:g}",
        "HEAVYLIFT_WORKER_CANCEL_POLL": "0.2",
        "HEAVYLIFT_WORKER_DISPATCH_EVERY": "0.3",
        "HEAVYLIFT_WORKER_GRACE": "5",
        "HEAVYLIFT_WORKER_LOST_AFTER": "4",
        "HEAVYLIFT_WORKER_BACKOFF_BASE": "0.2",
        "HEAVYLIFT_WORKER_DEAF_AFTER": "6",
        "HEAVYLIFT_API_SHUTDOWN_GRACE": "5",
    }


class Platform:
    """API, one worker per pool, beat, and what they stand on. Everything is started from the thread that made it."""

    def __init__(self, *, real: bool, lease: float, room: int) -> None:
        """`room` is how many bytes store, scratch and ledger may take. Raises `MissingBinary` before anything was started."""
        self.lease = lease
        self.keeper = Keeper()
        self.api_away = Spans()  # when the API was away by our doing
        self.disk_full = Spans()
        self._closing = ExitStack()
        self.folder = Path(tempfile.mkdtemp(prefix="hl-drill-"))
        self._keep = False
        self._api_starts = 0  # when it was last taken away
        self._closing.callback(self._remove)
        try:
            self._prepare(real=real, room=room)
        except BaseException:
            self._closing.close()
            raise

    def start(self) -> None:
        """Start everything and wait until it is ready; `NotStarted` where that fails."""
        try:
            for server in (self.broker, self.database):
                if server is not None:
                    server.start()
            code = self._child("migrate", "migrate").start().wait_exit(within=START_LIMIT)
            if code != 0:
                raise NotStarted(f"migrate ended with {code}\n{self.tails()}")
            for service in self.keeper.services.values():
                service.start()
            for service in self.keeper.services.values():
                if service.name != "beat":
                    service.child.wait_ready(within=START_LIMIT)
        except AssertionError as error:  # how children and servers say that they did not come up
            raise NotStarted(f"{error}") from error

    def worker(self, pool: str, *, name: str | None = None) -> Service:
        """A worker that the keeper looks after, not started yet; give a `name` to a second one of its pool."""
        name = name or f"worker-{pool}"
        child = self._child(name, "worker", pool)
        child.ready_when(lambda: READY_MARK in child.logs())
        return self.keeper.add(Service(name=name, child=child, pool=pool))

    def beat(self, name: str = "beat") -> Service:
        """A clock that the keeper looks after, not started yet."""
        return self.keeper.add(Service(name=name, child=self._child(name, "beat")))

    @property
    def api(self) -> Service:
        """The API."""
        return self.keeper.services["api"]

    def tend(self) -> None:
        """What has to happen over and over: restarts, and noting when the API is back."""
        self.keeper.tend()
        # One that was asked to end still answers for a while: only its next start can end the span.
        is_new = self.api.starts > self._api_starts and self.api.child.running
        if self.api_away.is_open and is_new and self.api_answers():
            self.api_away.close()

    def api_answers(self) -> bool:
        """Whether the API says that it lives."""
        try:
            return httpx.get(f"{self.base_url}/health", timeout=1.0).status_code == 200
        except httpx.TransportError:
            return False

    def kill_api(self) -> None:
        """SIGKILL of the API; what breaks until it is back is our doing."""
        self._lose_api()
        self.keeper.kill(self.api)

    def restart(self, service: Service, until: Callable[..., bool], *, within: float) -> float:
        """Ask a process to end, start it again, wait until it is ready; the seconds that its end took."""
        if service is self.api:
            self._lose_api()
        began = time.monotonic()
        self.keeper.ask_to_end(service)
        if not until(lambda: not service.child.running, within=within):
            self.keeper.kill(service)
        took = time.monotonic() - began
        service.start()
        if service.pool is not None:
            until(lambda: READY_MARK in service.child.logs(), within=START_LIMIT)
        elif service is self.api:
            until(lambda: not self.api_away.is_open, within=START_LIMIT)
        return took

    def retire(self, service: Service) -> None:
        """End a further worker or clock for good."""
        self.keeper.ask_to_end(service)
        self.keeper.remove(service)

    def _lose_api(self) -> None:
        self._api_starts = self.api.starts
        self.api_away.open()

    def quiet(self) -> None:
        """End all processes that are ours and leave broker and database, so that nothing moves any more."""
        services = list(self.keeper.services.values())
        for service in services:
            self.keeper.ask_to_end(service)
        for service in services:
            service.child.stop(grace=45.0)

    def tails(self, lines: int = 15) -> str:
        """The ends of all logs."""
        logs = sorted((self.folder / "logs").glob("*.log"))
        found = ((log.name, log.read_text(errors="replace").splitlines()[-lines:]) for log in logs)
        return "\n".join(line for name, tail in found for line in [f"--- {name}", *tail])

    def keep(self) -> None:
        """Leave the folder where it is when all ends: what was on the disk, logs, those of broker and database."""
        if self._keep:
            return
        self._keep = True
        if isinstance(self.disk, PrivateDisk):
            shutil.copytree(self.disk.folder, self.folder / "kept")  # its mount ends with us
        for server in (self.broker, self.database):
            if server is not None and server.log.exists():
                shutil.copy(server.log, self.folder / "logs")

    def close(self) -> None:
        """End everything, last started first, and remove the folder unless it is kept."""
        for service in self.keeper.services.values():
            self.keeper.ask_to_end(service)
        self._closing.close()

    def _prepare(self, *, real: bool, room: int) -> None:
        self.broker: RabbitServer | RedisServer = RabbitServer() if real else RedisServer(self.folder / "run")
        self._closing.callback(self.broker.close)
        self.database = PostgresServer() if real else None
        if self.database is not None:
            self._closing.callback(self.database.close)
        self.disk = open_disk(self.folder / "disk", size=room)
        self._closing.callback(self.disk.close)
        self.port = free_port()
        self.base_url = f"http://{LOOPBACK}:{self.port}"
        self.ledger_url = self.database.url if self.database else f"sqlite:///{self.ledger_file}"
        self.data_dir.mkdir(mode=0o700)
        self._env = self._environment()
        self.keeper.add(Service(name="api", child=self._child("api", "api", is_ready=self.api_answers)))
        for pool in QUEUES:
            self.worker(pool)
        self.beat()

    @property
    def ledger_file(self) -> Path | None:
        """SQLite's file; None on PostgreSQL."""
        return None if self.database else self.data_dir / "ledger.sqlite3"

    @property
    def data_dir(self) -> Path:
        """The data folder: on the disk that may be filled, as on a machine that has but one."""
        return self.disk.folder / "data"

    @property
    def store_path(self) -> Path:
        """The local store's folder."""
        return self.disk.folder / "store"

    @property
    def index_path(self) -> Path:
        """The folder of the search index."""
        return self.disk.folder / "search"

    @property
    def options(self) -> BrokerOptions:
        """Where the lines are."""
        return BrokerOptions(url=self.broker.url, prefix=PREFIX)

    def open_ledger(self) -> Ledger:
        """A ledger of our own on the platform's tables, and to be closed."""
        return Ledger(self.ledger_url, pool_size=2)

    def open_index(self) -> Engine:
        """The platform's search index, for questions."""
        if self.database is not None:
            from search.postgres import opened

            return opened(Database(self.ledger_url, pool_size=1))
        from search.tantivy_engine import reading

        return reading(self.index_path)

    def open_store(self) -> ObjectStore:
        """The platform's store."""
        return LocalStore(self.store_path)

    def _child(self, name: str, *arguments: str, is_ready: Callable[[], object] | None = None) -> Child:
        argv = [sys.executable, "-P", "-m", "cli", *arguments]
        log = self.folder / "logs" / f"{name}.log"
        made = Child(name, argv, env=self._env, log=log, cwd=ROOT, is_ready=is_ready)
        self._closing.callback(made.stop)
        return made

    def _environment(self) -> Mapping[str, str]:
        """What this machine sets for Heavylift does not count."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("HEAVYLIFT_")}
        ours = {
            "HEAVYLIFT_DATA_DIR": str(self.data_dir),
            "HEAVYLIFT_API_PORT": str(self.port),
            "HEAVYLIFT_SEARCH_FOLDER": str(self.index_path),
            "HEAVYLIFT_BROKER_URL": self.broker.url,
            "HEAVYLIFT_BROKER_PREFIX": PREFIX,
            "HEAVYLIFT_LEDGER_URL": self.ledger_url,
            "HEAVYLIFT_STORE_PATH": str(self.store_path),
            "HEAVYLIFT_UPLOAD_DISK_FLOOR": str(self.disk.floor),
            "HEAVYLIFT_NODE_INSTALL": "0",  # what a drill needs is here before it begins
            "PYTHONPATH": os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH")))),
            "PYTHONUNBUFFERED": "1",
        }
        return kept | rhythm(self.lease) | ours

    def _remove(self) -> None:
        if not self._keep:
            shutil.rmtree(self.folder, ignore_errors=True)
