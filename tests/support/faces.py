"""The API for tests: the real app over a real ledger and store, called in this process or served on a real socket."""

import asyncio
import atexit
import functools
import hashlib
import shutil
import socket
import tempfile
import threading
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import httpx
from sqlalchemy import select
from support.waiting import wait_until

from api.app import create_app
from api.owners import Owners
from api.server import Server
from config.settings import ApiSettings, Settings, UploadSettings
from jobs.model import Artifact, Job, Status, StepKey
from jobs.outcomes import Failed, Succeeded
from ledger import Dispatch, Ledger
from ledger.schema import blobs
from search.asking import Asking
from search.breaker import Line
from search.memory import MemoryEngine
from search.port import Engine
from storage import open_store
from storage.port import ObjectStore
from wiring.asking import InLedger

T = TypeVar("T")
XML = (
    b"<INVENTORY><ITEM><ITEMTYPE>P</ITEMTYPE><ITEMID>3001</ITEMID><COLOR>5</COLOR><MINQTY>2</MINQTY></ITEM></INVENTORY>"
)
PDF = b"%PDF-1.7\n"


@functools.cache
def _migrated() -> Path:
    """An empty ledger of the present schema, made once: Alembic takes a tenth of a second each time."""
    folder = tempfile.TemporaryDirectory(prefix="hl-ledger-")
    atexit.register(folder.cleanup)
    made = Ledger(f"sqlite:///{folder.name}/ledger.sqlite3")
    made.migrate()
    made.close()
    return Path(folder.name, "ledger.sqlite3")


class Wakes:
    """A waker that keeps what it was told to send."""

    def __init__(self) -> None:
        self.woken: list[Dispatch] = []

    def wake(self, dispatches: Sequence[Dispatch], /) -> None:
        self.woken += dispatches


class Rooms:
    """What an app stands on, and the moves that workers would make."""

    def __init__(
        self,
        folder: Path,
        *,
        store: ObjectStore | None = None,
        engine: Engine | None = None,
        line: Line | None = None,
        owners: Owners | None = None,
        **upload: Any,
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.settings = Settings(folder)
        self.settings.upload = UploadSettings(**({"disk_floor": 0} | upload))
        self.settings.api = ApiSettings(max_wait=20.0, shutdown_grace=5.0)
        shutil.copy(_migrated(), folder / "ledger.sqlite3")
        self.ledger = Ledger(self.settings.ledger_url)
        self.store = store or open_store(kind="memory")
        self.publisher = Wakes()
        self.engine = engine or MemoryEngine()
        self.search = Asking(self.engine, InLedger(self.ledger), line=line)
        self.app = create_app(
            ledger=self.ledger,
            store=self.store,
            publisher=self.publisher,
            search=self.search,
            settings=self.settings,
            owners=owners,
        )

    def close(self) -> None:
        self.search.close()
        self.ledger.close()

    def stored(self) -> set[str]:
        """Keys of all objects."""
        return {found.key for found in self.store.keys()}  # noqa: SIM118 - a store is no dict

    def blob_states(self) -> list[str]:
        """The state of every blob row."""
        with self.ledger.database.reading() as tx:
            return list(tx.execute(select(blobs.c.state)).scalars())

    def nothing_left(self) -> bool:
        """Whether neither store nor ledger knows of any upload."""
        return not self.stored() and not self.blob_states()

    def run_step(self, job_id: str, name: str, outcome: Succeeded | Failed) -> None:
        """Claim a queued step and end it, as a worker would."""
        job = self.ledger.get(job_id, owner="local")
        key = StepKey(name)
        claim = self.ledger.claim(job_id, key, dispatch=job.step(key).dispatch, worker="w", lease=30)
        assert claim is not None
        assert self.ledger.finish(claim.held, outcome)[0]

    def run_all(self, job_id: str) -> Job:
        """Let every step succeed, in order."""
        while not (job := self.ledger.get(job_id, owner="local")).status.ended:
            step = next(step for step in job.steps if step.status is Status.QUEUED)
            self.run_step(job_id, step.name, Succeeded())
        return job

    def artifact(self, name: str, content: bytes, *, media_type: str, step: str = "parse") -> Artifact:
        """Stored bytes that a step can hand over."""
        key = self.ledger.reserve_blob()
        with self.store.writer(key) as writer:
            writer.write(content)
            writer.commit()
        digest = hashlib.sha256(content).hexdigest()
        return Artifact(name=name, sha256=digest, size=len(content), media_type=media_type, step=step, key=key)


class Caller:
    """Calls an app in this process, without sockets; its lifespan runs meanwhile."""

    def __init__(self, rooms: Rooms) -> None:
        self.rooms = rooms
        self._runner = asyncio.Runner()
        self._lifespan = rooms.app.router.lifespan_context(rooms.app)
        self.run(self._lifespan.__aenter__())
        transport = httpx.ASGITransport(rooms.app, raise_app_exceptions=False)
        self.http = httpx.AsyncClient(transport=transport, base_url="http://test")

    def run(self, work: Awaitable[T]) -> T:
        async def awaited() -> T:
            return await work

        return self._runner.run(awaited())

    def __call__(self, method: str, url: str, **more: Any) -> httpx.Response:
        return self.run(self.http.request(method, url, **more))

    def get(self, url: str, **more: Any) -> httpx.Response:
        return self("GET", url, **more)

    def post(self, url: str, **more: Any) -> httpx.Response:
        return self("POST", url, **more)

    def submit(self, content: bytes = XML, **more: Any) -> dict[str, Any]:
        """A submit that must be accepted; the job."""
        answer = self.post("/v1/jobs", **({"content": content, "params": {"filename": "list.xml"}} | more))
        assert answer.status_code == 202, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def together(self, *work: Callable[[], Awaitable[T]]) -> list[T]:
        """Several calls at once."""

        async def gathered() -> list[T]:
            return list(await asyncio.gather(*(one() for one in work)))

        return self._runner.run(gathered())

    def close(self) -> None:
        self.run(self.http.aclose())
        self.run(self._lifespan.__aexit__(None, None, None))
        self._runner.close()


async def until(look: Callable[[], object]) -> None:
    """Wait on this event loop until `look` is truthy."""
    async with asyncio.timeout(15):
        while not look():  # noqa: ASYNC110 - what is looked at has no event to wait for
            await asyncio.sleep(0.01)


class Served:
    """An app on a real uvicorn server, in a thread of this process."""

    def __init__(self, rooms: Rooms) -> None:
        self.rooms = rooms
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=512)
        self.port: int = self._listener.getsockname()[1]
        self._server = Server(rooms.app, rooms.settings.api)
        self._thread = threading.Thread(target=self._server.run, args=([self._listener],), name="served")
        self._thread.start()
        wait_until(lambda: self._server.started, within=20, what="the server to start")

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def connect(self, *, timeout: float = 20.0) -> socket.socket:
        """A bare connection."""
        return socket.create_connection(("127.0.0.1", self.port), timeout=timeout)

    def begin_shutdown(self) -> None:
        self._server.should_exit = True

    def close(self) -> None:
        self.begin_shutdown()
        self._thread.join(20)
        assert not self._thread.is_alive(), "the server does not end"


def request_head(path: str = "/v1/jobs", **headers: str) -> bytes:
    """A POST's request line and headers; underscores in names become dashes."""
    lines = [
        f"POST {path} HTTP/1.1",
        "Host: test",
        *(f"{name.replace('_', '-')}: {text}" for name, text in headers.items()),
    ]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def read_answer(line: socket.socket) -> tuple[int, bytes]:
    """Status and everything after the head, until the other side closes or the announced length has come."""
    got = b""
    while b"\r\n\r\n" not in got:
        more = line.recv(65536)
        assert more, f"the line closed within the head: {got!r}"
        got += more
    head, _, body = got.partition(b"\r\n\r\n")
    fields = dict(field.lower().split(b": ", 1) for field in head.split(b"\r\n")[1:])
    length = int(fields.get(b"content-length", b"0"))
    while len(body) < length:
        more = line.recv(65536)
        assert more, f"the line closed within the body: {body!r}"
        body += more
    return int(head.split(b" ", 2)[1]), body
