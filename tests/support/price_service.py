"""A price service on loopback that misbehaves as it is told, and a line without sockets that answers from a script."""

import contextlib
import json
import socketserver
import threading
import time
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler
from typing import Any

from catalog.prices.calls import Reply, Unanswered

Act = Callable[[BaseHTTPRequestHandler], None]


class PriceService:
    """Takes the next act for each request; the last one stays."""

    def __init__(self, *acts: Act) -> None:
        self.acts = list(acts)
        self.seen: list[tuple[str, dict[str, str]]] = []
        self.most_at_once = 0
        self._now = 0
        self._lock = threading.Lock()
        service = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                with service.counted():
                    act = service.next_act(self.path, dict(self.headers))
                    with contextlib.suppress(OSError):
                        act(self)

            def log_message(self, *_: object) -> None:
                return None

        self._server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.port: int = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @contextlib.contextmanager
    def counted(self):
        with self._lock:
            self._now += 1
            self.most_at_once = max(self.most_at_once, self._now)
        yield
        with self._lock:
            self._now -= 1

    def next_act(self, path: str, headers: dict[str, str]) -> Act:
        with self._lock:
            self.seen.append((path, headers))
            return self.acts.pop(0) if len(self.acts) > 1 else self.acts[0]

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def says(body: object, status: int = 200, **headers: str) -> Act:
    """An answer; bytes as they are, else as JSON."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()

    def act(request: BaseHTTPRequestHandler) -> None:
        request.send_response(status)
        for name, text in ({"Content-Length": str(len(content))} | headers).items():
            request.send_header(name.replace("_", "-"), text)
        request.end_headers()
        request.wfile.write(content)

    return act


def slow(act: Act) -> Act:
    """The same a moment later, so that calls overlap."""

    def later(request: BaseHTTPRequestHandler) -> None:
        time.sleep(0.03)
        act(request)

    return later


def drips(request: BaseHTTPRequestHandler) -> None:
    """One byte of the head at a time, each well within any limit for one read."""
    for byte in b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200:
        request.wfile.write(bytes([byte]))
        request.wfile.flush()
        time.sleep(0.05)


def drips_its_body(request: BaseHTTPRequestHandler) -> None:
    """The head at once, then a body that never ends."""
    request.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
    for _ in range(200):
        request.wfile.write(b" ")
        request.wfile.flush()
        time.sleep(0.05)


def hangs(request: BaseHTTPRequestHandler) -> None:
    """Nothing at all, for longer than anybody waits."""
    time.sleep(3.0)
    request.close_connection = True


def drops(request: BaseHTTPRequestHandler) -> None:
    """The connection ends before the answer."""
    request.close_connection = True
    request.connection.close()


def breaks_off(request: BaseHTTPRequestHandler) -> None:
    """The connection ends within the body."""
    request.wfile.write(b'HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{"price": ')
    request.close_connection = True


def floods(request: BaseHTTPRequestHandler) -> None:
    """A body without a length and without an end."""
    request.wfile.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")
    for _ in range(1000):
        request.wfile.write(b" " * 65536)
    request.close_connection = True


def gibberish(request: BaseHTTPRequestHandler) -> None:
    """Something that is no HTTP."""
    request.wfile.write(b"SSH-2.0-nothing\r\n")
    request.close_connection = True


class ScriptedLine:
    """A `Line` that answers from a script: replies, or reasons to raise; the last one stays."""

    def __init__(self, *answers: Reply | Unanswered) -> None:
        self.answers = list(answers)
        self.seen: list[tuple[str, Mapping[str, str]]] = []
        self.limits: list[tuple[float, int]] = []  # seconds and bytes of each call
        self._lock = threading.Lock()

    def get(self, url: str, *, headers: Mapping[str, str], timeout: float, most: int) -> Reply:
        with self._lock:
            self.limits.append((timeout, most))
            self.seen.append((url, headers))
            answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Unanswered):
            raise answer
        return answer


class Hands:
    """A clock that moves only when it is told to, or slept on."""

    def __init__(self) -> None:
        self.seconds = 1000.0
        self.slept: list[float] = []
        self._lock = threading.Lock()

    def __call__(self) -> float:
        return self.seconds

    def sleep(self, seconds: float) -> None:
        with self._lock:
            self.slept.append(seconds)
            self.seconds += seconds


def reply(body: object = b"", status: int = 200, **headers: str) -> Reply:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Reply(status, {name.replace("_", "-"): text for name, text in headers.items()}, content)


def guide(price: str = "0.2500", *, code: int = 200, currency: str = "EUR", **more: Any) -> dict[str, Any]:
    """An answer in the shape of BrickLink's price guide."""
    data = {"item": {"no": "3001", "type": "PART"}, "new_or_used": "N", "currency_code": currency}
    data |= {"min_price": "0.0100", "max_price": "9.0000", "avg_price": "1.0000", "qty_avg_price": price}
    data |= {"unit_quantity": 3, "total_quantity": 57, "price_detail": []} | more
    return {"meta": {"description": "OK", "message": "OK", "code": code}, "data": data if code == 200 else {}}
