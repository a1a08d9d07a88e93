"""The API process: checks what must hold before it starts, then serves until told to end."""

import contextlib
import ctypes
import ipaddress
import signal
import socket
import sys
import time
from types import FrameType
from typing import TYPE_CHECKING, Any

import structlog
import uvicorn

from api.app import create_app
from api.state import Face
from config.settings import ApiSettings, Settings
from jobs.errors import ConfigurationError
from wiring import open_ledger, open_objects, open_publisher
from wiring.asking import open_asking
from wiring.search import open_for_asking

if TYPE_CHECKING:
    from fastapi import FastAPI

BACKLOG = 2048
KEEP_ALIVE = 75  # seconds; longer than the usual idle time of proxies and clients, which would else meet a closing line
USAGE = 2  # exit code
_M_ARENA_MAX = -8  # malloc.h
_TURN = (
    0.0005  # seconds that a thread may keep others from Python; a tenth of the usual, which is a long time to a request
)

log = structlog.get_logger("api")


def serve(settings: Settings) -> int:
    """Serve until SIGTERM or SIGINT; returns the exit code: 2, with one clear line, where it cannot start."""
    try:
        require_safe(settings.api)
        listener = listen(settings.api)
    except ConfigurationError as error:
        print(f"heavylift api: {error}", file=sys.stderr)
        return USAGE
    _keep_malloc_small()
    sys.setswitchinterval(_TURN)
    ledger = open_ledger(settings)
    publisher = open_publisher(settings, ledger)
    search = open_asking(open_for_asking(settings), ledger)
    app = create_app(ledger=ledger, store=open_objects(settings), publisher=publisher, search=search, settings=settings)
    server = Server(app, settings.api)
    for number in (
        signal.SIGTERM,
        signal.SIGINT,
    ):  # also while it starts; uvicorn repeats them at its end, to no effect
        signal.signal(number, server.handle_exit)
    try:
        server.run(sockets=[listener])
    finally:
        search.close()
        publisher.close()
        ledger.close()
    return 0 if server.started else 1


def require_safe(api: ApiSettings) -> None:
    """Refuse to show an API without authentication to a network, unless somebody says that it is private."""
    if not api.trust_network and not _is_loopback(api.host):
        raise ConfigurationError(
            f"refusing to listen on {api.host}: there is no authentication yet, so anybody who reaches it could submit, "
            "read and delete. Use --host 127.0.0.1 behind a proxy that authenticates, or set "
            "HEAVYLIFT_API_TRUST_NETWORK=1 where the network is private."
        )


def listen(api: ApiSettings) -> socket.socket:
    """A bound socket; `ConfigurationError` where the address is taken or not ours."""
    family = socket.AF_INET6 if ":" in api.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((api.host, api.port))
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        reason = error.strerror or str(error)
        raise ConfigurationError(f"cannot listen on {api.host}:{api.port}: {reason}; choose another --port") from error
    listener.set_inheritable(True)
    return listener


class Server(uvicorn.Server):
    """uvicorn, which ends in steps: not ready, no new connections, waiting clients let go, running uploads ended."""

    def __init__(self, app: "FastAPI", api: ApiSettings) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                http=_protocol(),
                loop="auto",  # uvloop where there is one
                ws="none",
                lifespan="on",
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=False,
                backlog=BACKLOG,
                timeout_keep_alive=KEEP_ALIVE,
                timeout_graceful_shutdown=max(1, int(api.shutdown_grace - api.drain_seconds)),
                h11_max_incomplete_event_size=64 * 1024,
            )
        )
        self._state = app.state
        self._face: Face = app.state.face
        self._drain = api.drain_seconds
        self._closes_at = 0.0  # monotonic
        self._draining = False

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets=sockets)
        if self.started:
            addresses = [":".join(map(str, one.getsockname()[:2])) for one in sockets or []]
            log.info("api.listening", addresses=addresses)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Not ready from here on; asked a second time, it drains no longer."""
        self._closes_at = 0.0 if self.should_exit else time.monotonic() + self._drain
        self._state.ending = True
        self._part_with_clients()
        super().handle_exit(sig, frame)

    async def on_tick(self, counter: int) -> bool:
        """Whether to end now."""
        if not await super().on_tick(counter):
            return False
        if not self._draining:
            self._draining = True
            log.info("api.draining", seconds=self._drain)
        return time.monotonic() >= self._closes_at

    def _part_with_clients(self) -> None:
        """Every answer ends its connection from now on, so that kept ones are not cut when the listener closes."""
        close = (b"connection", b"close")
        self.config.encoded_headers = [*self.config.encoded_headers, close]
        self.server_state.default_headers = [*self.server_state.default_headers, close]

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        log.info("api.ending", uploads=self._face.intake.active, waiting=self._face.hub.clients)
        self._face.hub.release()
        await super().shutdown(sockets=sockets)


def _keep_malloc_small() -> None:
    """Two arenas for all threads: glibc would keep one for each, with what a burst of uploads left in it."""
    with contextlib.suppress(AttributeError, OSError):  # another C library
        ctypes.CDLL(None).mallopt(_M_ARENA_MAX, 2)


def _protocol() -> Any:
    try:
        from api.protocol import BoundedHttp
    except ImportError:  # no httptools here: uvicorn's own choice, which has bounds
        return "h11"
    return BoundedHttp


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
