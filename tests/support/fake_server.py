"""A small HTTP server over a Unix socket that answers from a script: real HTTP, real broken connections."""

import contextlib
import json
import socketserver
import threading
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import httpx

from client import Client

Answer = tuple[int, dict[str, str], bytes] | None  # None: the line breaks


class FakeServer:
    """Answers from a script: each call takes the next answer of its method and path; the last one stays."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.seen: list[tuple[str, str, dict[str, str], bytes]] = []
        self._script: dict[str, list[Answer]] = {}
        fake = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do(self) -> None:
                fake.answer(self)

            do_GET = do_POST = do_PUT = do_DELETE = do  # noqa: N815 - the names that http.server looks for

            def log_message(self, *_: object) -> None:
                return None

            def address_string(self) -> str:
                return "unix"

        self._server = socketserver.ThreadingUnixStreamServer(str(path), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    def on(self, call: str, *answers: Answer) -> None:
        """Script what `GET /path` gets."""
        self._script[call] = [*answers]

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        body = request.rfile.read(int(request.headers.get("Content-Length") or 0))
        path = request.path.partition("?")[0]
        self.seen.append((f"{request.command} {path}", request.path, dict(request.headers), body))
        answers = self._script[f"{request.command} {path}"]
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        if answer is None:
            request.close_connection = True
            request.connection.close()
            return
        status, headers, content = answer
        request.send_response(status)
        for name, value in ({"Content-Length": str(len(content))} | headers).items():
            request.send_header(name, value)
        request.end_headers()
        with contextlib.suppress(OSError):
            request.wfile.write(content)
        if int(headers.get("Content-Length", len(content))) != len(content):
            request.close_connection = True  # said more than it sent: the line breaks in the middle

    def calls(self, call: str) -> list[tuple[str, str, dict[str, str], bytes]]:
        return [one for one in self.seen if one[0] == call]

    def client(self) -> Client:
        """A client of this server; close it."""
        return Client("http://heavylift.test", line=httpx.HTTPTransport(uds=str(self.path)))

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def told(value: object, status: int = 200, **headers: str) -> Answer:
    shown = {"Content-Type": "application/json"} | {name.replace("_", "-"): text for name, text in headers.items()}
    return status, shown, json.dumps(value).encode()
