"""A blocking HTTP client that costs next to nothing: prepared bytes, files sent by the kernel, small answers."""

import json
import os
import socket
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

TIMEOUT = 120.0  # seconds of silence


@dataclass(frozen=True, slots=True, kw_only=True)
class FileSlice:
    """Bytes that the kernel takes from an open file."""

    fd: int
    offset: int = 0
    length: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came back."""

    status: int
    body: bytes

    def json(self) -> Any:
        """The body, read as JSON."""
        return json.loads(self.body)


class Wire:
    """One keep-alive connection to 127.0.0.1, made again where the server closed it."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._socket: socket.socket | None = None
        self._rest = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def get(self, path: str, *, headers: Mapping[str, str] | None = None) -> Answer:
        """A GET."""
        return self.request("GET", path, headers=headers)

    def request(
        self,
        method: str,
        path: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: Iterable[bytes | FileSlice] = (),
    ) -> Answer:
        """Send a request and read its answer; raises `OSError` where the connection breaks."""
        pieces = list(body)
        length = sum(piece.length if isinstance(piece, FileSlice) else len(piece) for piece in pieces)
        said = {"Host": f"127.0.0.1:{self._port}", **(headers or {})}
        if method == "POST":
            said["Content-Length"] = str(length)
        lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in said.items()), "", ""]
        self.send("\r\n".join(lines).encode())
        for piece in pieces:
            self.send(piece)
        return self.answer()

    def send(self, piece: bytes | FileSlice) -> None:
        """Send raw bytes."""
        line = self._connected()
        if isinstance(piece, bytes):
            line.sendall(piece)
            return
        at, end = piece.offset, piece.offset + piece.length
        while at < end:
            sent = os.sendfile(line.fileno(), piece.fd, at, end - at)
            if not sent:
                raise ConnectionError("the file is shorter than was said")
            at += sent

    def answer(self) -> Answer:
        """Read one answer; only those with a Content-Length are understood."""
        head, rest = self._head()
        first, *fields = head.decode("latin-1").split("\r\n")
        status = int(first.split(" ", 2)[1])
        said = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in fields)}
        length = 0 if status in {204, 304} else int(said["content-length"])
        while len(rest) < length:
            rest += self._received()
        self._rest = rest[length:]
        if said.get("connection", "").lower() == "close":
            self.close()
        return Answer(status=status, body=rest[:length])

    def close(self) -> None:
        """Hang up."""
        if self._socket is not None:
            self._socket.close()
        self._socket, self._rest = None, b""

    def _connected(self) -> socket.socket:
        if self._socket is None:
            self._socket = socket.create_connection(("127.0.0.1", self._port), timeout=TIMEOUT)
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            # Blocking for good, so that sendfile waits in the kernel; the kernel's own timeouts guard it.
            self._socket.settimeout(None)
            for option in (socket.SO_RCVTIMEO, socket.SO_SNDTIMEO):
                self._socket.setsockopt(socket.SOL_SOCKET, option, _timeval(TIMEOUT))
        return self._socket

    def _head(self) -> tuple[bytes, bytes]:
        found = self._rest
        while b"\r\n\r\n" not in found:
            found += self._received()
        head, _, rest = found.partition(b"\r\n\r\n")
        return head, rest

    def _received(self) -> bytes:
        found = self._connected().recv(65536)
        if not found:
            self.close()
            raise ConnectionError("the server hung up")
        return found


def _timeval(seconds: float) -> bytes:
    whole = int(seconds)
    return whole.to_bytes(8, "little") + int((seconds - whole) * 1e6).to_bytes(8, "little")
