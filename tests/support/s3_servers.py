"""S3 servers for tests, from pip packages, and a proxy that breaks single answers on the way."""

import http.client
import os
import shutil
import sys
import tempfile
import threading
import urllib.request
from collections import deque
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.error import HTTPError, URLError

from support.children import Child
from support.servers import LOOPBACK, free_port

ACCESS_KEY, SECRET_KEY = "test-access-key", "test-secret-key-of-forty-characters-long"


class S3Server:
    """A moto or nanio server with a port and a folder of its own; `kill` and `start` keep both."""

    def __init__(self, kind: str) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix=f"hl-{kind}-"))
        self.port = free_port()
        self.url = f"http://{LOOPBACK}:{self.port}"
        nanio = [
            "nanio",
            "serve",
            "--host",
            LOOPBACK,
            "--port",
            str(self.port),
            "--data-dir",
            str(self.folder / "data"),
        ]
        argv = {
            "moto": ["moto.server", "-H", LOOPBACK, "-p", str(self.port)],
            "nanio": [*nanio, "--no-access-log", "--log-level", "warning"],
        }[kind]
        env = dict(os.environ) | {"NANIO_ACCESS_KEY": ACCESS_KEY, "NANIO_SECRET_KEY": SECRET_KEY}
        self.child = Child(
            kind,
            [sys.executable, "-m", *argv],
            env=env,
            log=self.folder / "log",
            cwd=self.folder,
            is_ready=self._answers,
        )

    def start(self) -> "S3Server":
        """Start it and wait until it answers: about a second."""
        self.child.start().wait_ready(within=30)
        return self

    def close(self) -> None:
        """End it and remove its folder."""
        self.child.kill_group()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _answers(self) -> bool:
        try:
            urllib.request.urlopen(self.url, timeout=2).close()
        except HTTPError:
            return True  # it refuses strangers, so it is up
        except (URLError, OSError):
            return False
        return True


@dataclass(frozen=True, kw_only=True)
class Fault:
    """What happens to one request whose first line contains `match`."""

    match: str
    status: int | None = None  # answer so, without asking the server
    code: str = ""  # the S3 error code in that answer
    lose_answer: bool = False  # let the server do it, then hang up without a word
    cut_after: int | None = None  # hang up after so many bytes of the body


class FaultyProxy:
    """Stands before an S3 server and breaks what `faults` says, each fault once, in order."""

    def __init__(self, url: str) -> None:
        self.faults: deque[Fault] = deque()
        self.seen: list[str] = []  # first lines of all requests
        target = url.removeprefix("http://")
        handler = type("Handler", (_ProxyHandler,), {"proxy": self, "target": target})
        self._server = _QuietServer((LOOPBACK, 0), handler)
        self.url = f"http://{LOOPBACK}:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        self._thread.start()

    def fault_for(self, line: str) -> Fault | None:
        """The next fault that waits for this request; it is used up."""
        self.seen.append(line)
        found = next((fault for fault in self.faults if fault.match in line), None)
        if found is not None:
            self.faults.remove(found)
        return found

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class _QuietServer(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """Clients that hang up, as they do when a read broke, are no news; anything else is."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]  # only printed


class _ProxyHandler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    proxy: FaultyProxy
    target: str

    def _serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        fault = self.proxy.fault_for(self.requestline)
        if fault is not None and fault.status is not None:
            self._refuse(fault)
            return
        onward = http.client.HTTPConnection(self.target, timeout=30)
        onward.request(self.command, self.path, body=body, headers=dict(self.headers.items()))
        answer = onward.getresponse()
        content = answer.read()
        onward.close()
        if fault is not None and fault.lose_answer:
            self.close_connection = True
            return
        self.send_response_only(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in {"transfer-encoding", "connection", "content-length"}:
                self.send_header(name, value)
        self.send_header("Content-Length", answer.getheader("Content-Length") or str(len(content)))
        self.end_headers()
        if fault is not None and fault.cut_after is not None:
            self.wfile.write(content[: fault.cut_after])
            self.close_connection = True
            return
        self.wfile.write(content)

    def _refuse(self, fault: Fault) -> None:
        said = f"<?xml version='1.0'?><Error><Code>{fault.code}</Code><Message>injected</Message></Error>".encode()
        said = b"" if self.command == "HEAD" else said
        self.send_response_only(fault.status or 500)
        self.send_header("Content-Type", "application/xml")
        self.send_header("Content-Length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = _serve  # noqa: N815 - the names that http.server looks for

    def log_message(self, *_: object) -> None:
        """Say nothing; tests look at `seen`."""
