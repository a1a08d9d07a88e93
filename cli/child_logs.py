"""Children's output: one thread reads every pipe, writes size-rotated JSON lines and keeps each child's last words."""

import json
import os
import selectors
import threading
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

MAX_BYTES = 10 * 1024 * 1024  # of one log file
KEPT = 3  # files of one child: NAME.log, NAME.log.1, NAME.log.2
TAIL = 12  # last lines that are shown when a child dies
MAX_LINE = 64 * 1024  # bytes; longer lines are cut into several


class RotatingLog:
    """A log file that never grows past `max_bytes`; older ones are kept beside it."""

    def __init__(self, path: Path, *, max_bytes: int = MAX_BYTES, kept: int = KEPT) -> None:
        self._path = path
        self._max_bytes = max_bytes
        self._kept = kept
        self._file = path.open("ab", buffering=0)
        self._size = path.stat().st_size

    def write(self, line: bytes) -> None:
        """Append one line, without its newline."""
        if self._size and self._size + len(line) > self._max_bytes:
            self._rotate()
        self._file.write(line + b"\n")
        self._size += len(line) + 1

    def _rotate(self) -> None:
        self._file.close()
        names = [self._path, *(self._path.with_name(f"{self._path.name}.{n}") for n in range(1, self._kept))]
        for newer, older in zip(reversed(names[:-1]), reversed(names[1:]), strict=True):
            if newer.exists():
                newer.replace(older)
        self._file = self._path.open("ab", buffering=0)
        self._size = 0

    def close(self) -> None:
        self._file.close()


class _Stream:
    """What one child has said so far."""

    def __init__(self, name: str, pipe: IO[bytes], log: RotatingLog) -> None:
        self.name = name
        self.pipe = pipe
        self.log = log
        self.rest = b""
        self.tail: deque[str] = deque(maxlen=TAIL)
        self.closed = threading.Event()

    def take(self, found: bytes) -> None:
        """Split what was read into lines; each becomes a JSON line of the log."""
        *lines, self.rest = (self.rest + found).split(b"\n")
        if len(self.rest) > MAX_LINE:
            lines, self.rest = [*lines, self.rest], b""
        for line in lines:
            text = line.decode(errors="replace").rstrip()
            if text:
                self.tail.append(text)
                self.log.write(text.encode() if text.startswith("{") else self._wrapped(text))

    def _wrapped(self, text: str) -> bytes:
        """Plain text (a traceback, another program's log) as a JSON line like the others."""
        now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        entry = {"timestamp": now, "level": "info", "logger": self.name, "event": text}
        return json.dumps(entry, ensure_ascii=False).encode()


class Pump:
    """The one thread that reads all pipes; calls `on_end` when a child closes its own."""

    def __init__(self, folder: Path, on_end: Callable[[], None]) -> None:
        self._folder = folder
        self._on_end = on_end
        self._selector = selectors.DefaultSelector()
        self._streams: dict[str, _Stream] = {}
        self._wake_read, self._wake_write = os.pipe()
        self._selector.register(self._wake_read, selectors.EVENT_READ, None)
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="log-pump", daemon=True)
        self._thread.start()

    def add(self, name: str, pipe: IO[bytes]) -> None:
        """Read `pipe` into `NAME.log` from now on."""
        os.set_blocking(pipe.fileno(), False)
        stream = _Stream(name, pipe, RotatingLog(self._folder / f"{name}.log"))
        self._streams[name] = stream
        self._selector.register(pipe, selectors.EVENT_READ, stream)
        os.write(self._wake_write, b"+")

    def last_words(self, name: str, *, patience: float = 1.0) -> tuple[str, ...]:
        """The last lines that this child has written; waits `patience` s for its pipe to close, so that none is missed."""
        stream = self._streams[name]
        stream.closed.wait(patience)
        return tuple(stream.tail)

    def close(self) -> None:
        """Read what is left, then end the thread."""
        self._stopping = True
        os.write(self._wake_write, b".")
        self._thread.join(timeout=5.0)
        for end in (self._wake_read, self._wake_write):
            os.close(end)
        self._selector.close()

    def _run(self) -> None:
        while True:
            ready = self._selector.select(timeout=0 if self._stopping else None)
            streams = [key.data for key, _ in ready if key.data is not None]
            if len(streams) < len(ready):
                os.read(self._wake_read, 4096)
            for stream in streams:
                self._read(stream)
            if self._stopping and not streams:
                break
        for stream in self._streams.values():
            stream.log.close()

    def _read(self, stream: _Stream) -> None:
        try:
            found = os.read(stream.pipe.fileno(), MAX_LINE)
        except BlockingIOError:
            return
        if found:
            stream.take(found)
            return
        stream.take(b"\n")
        self._selector.unregister(stream.pipe)
        stream.pipe.close()
        stream.closed.set()
        self._on_end()
