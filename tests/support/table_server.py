"""A loopback server of catalog tables that misbehaves as it is told."""

import contextlib
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

Answer = Callable[[BaseHTTPRequestHandler], None]


class TableServer:
    """Serves `files` below /tables with ETags; `on` puts another answer in the place of one path."""

    def __init__(self, files: dict[str, bytes]) -> None:
        self.files = files
        self.seen: list[tuple[str, dict[str, str]]] = []
        self.closing = threading.Event()
        self._answers: dict[str, Answer] = {}
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                outer.seen.append((self.path, dict(self.headers)))
                with contextlib.suppress(OSError):
                    outer._answers.get(self.path, outer.serve)(self)

            def log_message(self, *_: object) -> None:
                return None

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()

    @property
    def root(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    @property
    def source(self) -> str:
        return f"{self.root}/tables"

    def on(self, path: str, answer: Answer) -> None:
        self._answers[path] = answer

    def asked(self, path: str) -> list[dict[str, str]]:
        """The headers of each request for that path."""
        return [headers for seen, headers in self.seen if seen == path]

    def serve(self, request: BaseHTTPRequestHandler) -> None:
        folder, _, name = request.path.partition("?")[0].rpartition("/")
        content = self.files.get(name) if folder == "/tables" else None
        if content is None:
            send(request, 404)
            return
        etag = f'"{hash(content)}"'
        if request.headers.get("If-None-Match") == etag:
            send(request, 304, ETag=etag)
            return
        send(request, 200, content, ETag=etag)

    def close(self) -> None:
        self.closing.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(10)


def send(request: BaseHTTPRequestHandler, status: int, content: bytes = b"", **headers: str) -> None:
    """A whole answer."""
    request.send_response(status)
    said = {name.replace("_", "-"): text for name, text in headers.items()}
    for name, text in ({"Content-Length": str(len(content))} | said).items():
        request.send_header(name, text)
    request.end_headers()
    request.wfile.write(content)


def failing(status: int, **headers: str) -> Answer:
    return lambda request: send(request, status, **headers)


def leading_to(url: str) -> Answer:
    return lambda request: send(request, 302, Location=url)


def cut_short(request: BaseHTTPRequestHandler) -> None:
    """Promises more than it sends, and hangs up."""
    send(request, 200, b"abc", Content_Length="1000")
    request.close_connection = True


def breaking(request: BaseHTTPRequestHandler) -> None:
    """Hangs up without a word."""
    request.close_connection = True
    request.connection.close()


def endless(request: BaseHTTPRequestHandler) -> None:
    """Sends more and more, without saying how much it will be."""
    request.send_response(200)
    request.send_header("Connection", "close")
    request.end_headers()
    request.close_connection = True
    while True:
        request.wfile.write(b"x" * 65536)


def dripping(server: TableServer) -> tuple[Answer, Answer, Answer]:
    """Says nothing; sends a byte of a header, or of a body, now and then."""

    def silent(_request: BaseHTTPRequestHandler) -> None:
        server.closing.wait(30)

    def head(request: BaseHTTPRequestHandler) -> None:
        request.wfile.write(b"HTTP/1.1 200 OK\r\nX-Long: ")
        drip(request)

    def body(request: BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.send_header("Content-Length", "1000000")
        request.end_headers()
        drip(request)

    def drip(request: BaseHTTPRequestHandler) -> None:
        while not server.closing.is_set():
            request.wfile.write(b"a")
            request.wfile.flush()
            time.sleep(0.05)

    return silent, head, body
