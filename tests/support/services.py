"""Where the tests' RabbitMQ and PostgreSQL come from; whoever starts or makes something here also removes it.

Looked for in this order, each time with a reason that can be shown:

1. `HEAVYLIFT_TEST_BROKER_URL`, `HEAVYLIFT_TEST_DATABASE_URL`: used as they are; one that does not answer is an error.
2. The standard ports on loopback: RabbitMQ as guest/guest, in a virtual host made for this run where rabbitmqctl may
   do so; PostgreSQL as `postgres` without a password, else with the credentials of the PG* variables or of the socket.
3. A private instance of an installed server (support/servers.py).
4. For `./heavylift test` as root on a Debian-like machine: installed by apt, then as 3. `HEAVYLIFT_TEST_INSTALL=0`
   forbids it.

Else `Unavailable`: tests that need the service are skipped, and the run says so in its last lines.
"""

import os
import secrets
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import quote, urlsplit, urlunsplit

import psycopg
from psycopg import sql
from support.servers import LOOPBACK, MissingBinary, PostgresServer, RabbitServer, broker_answers, database_answers

BROKER_VARIABLE = "HEAVYLIFT_TEST_BROKER_URL"
DATABASE_VARIABLE = "HEAVYLIFT_TEST_DATABASE_URL"
ABSENT_VARIABLE = "HEAVYLIFT_TEST_ABSENT_"  # + BROKER or DATABASE: the reason, found once by `./heavylift test`
STANDARD_BROKER = f"amqp://guest:guest@{LOOPBACK}:5672//"
STANDARD_DATABASES = (f"postgresql://postgres@{LOOPBACK}:5432/postgres", "postgresql:///postgres", "postgresql://")
PACKAGES = {
    "broker": ("rabbitmq-server",),
    "database": ("postgresql",),
    "osmesa": ("libosmesa6",),
    "tesseract": ("tesseract-ocr", "tesseract-ocr-eng", "tesseract-ocr-osd"),
}
_INSTALL_LIMIT = 600.0  # seconds


class Unavailable(Exception):
    """A service is not here and cannot be had; the message says what was tried."""


class Misconfigured(Exception):
    """A service was named by a variable, but does not answer there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A service that answers."""

    url: str  # broker: to work in; database: one in which databases may be made
    origin: str  # where it was found, for people
    of_one_test: bool = False  # it ends with the test, so nothing in it needs to be tidied up


class Services:
    """The services of one run. `close()` ends and removes what it started or made, and nothing else."""

    def __init__(self, *, install: bool = False) -> None:
        self._install = install and os.environ.get("HEAVYLIFT_TEST_INSTALL", "1") != "0"
        self._closers: list[Callable[[], None]] = []
        self._found: dict[str, Found | Unavailable] = {}

    def broker(self) -> Found:
        """A RabbitMQ; raises `Unavailable`."""
        return self._once("broker", BROKER_VARIABLE, broker_answers, self._standard_broker, RabbitServer)

    def database(self) -> Found:
        """A PostgreSQL; raises `Unavailable`."""
        return self._once("database", DATABASE_VARIABLE, database_answers, _standard_database, PostgresServer)

    def close(self) -> None:
        """Undo, last made first; one failure keeps nothing else from being undone."""
        failures: list[Exception] = []
        while self._closers:
            try:
                self._closers.pop()()
            except (OSError, subprocess.SubprocessError, AssertionError) as error:
                failures.append(error)
        if failures:
            raise ExceptionGroup("some test services could not be removed", failures)

    def _once(
        self,
        kind: str,
        variable: str,
        answers: Callable[[str], bool],
        standard: Callable[[], Found | None],
        private: type[RabbitServer | PostgresServer],
    ) -> Found:
        if kind not in self._found:
            try:
                self._found[kind] = (
                    _named(variable, kind, answers) or standard() or self._private(kind, private, standard)
                )
            except Unavailable as error:
                self._found[kind] = error
        found = self._found[kind]
        if isinstance(found, Unavailable):
            raise found
        return found

    def _standard_broker(self) -> Found | None:
        if not broker_answers(STANDARD_BROKER):
            return None
        host = f"{LOOPBACK}:5672"
        vhost = f"heavylift-test-{secrets.token_hex(4)}"
        if not _ctl("add_vhost", vhost):
            return Found(url=STANDARD_BROKER, origin=f"answers on {host}")
        url = f"amqp://guest:guest@{host}/{vhost}"
        # rabbitmqctl may speak to another node than the one that answers on the port.
        if _ctl("set_permissions", "-p", vhost, "guest", ".*", ".*", ".*") and broker_answers(url):
            self._closers.append(lambda: _ctl("delete_vhost", vhost) and None)
            return Found(url=url, origin=f"answers on {host}; virtual host {vhost} made for this run")
        _ctl("delete_vhost", vhost)
        return Found(url=STANDARD_BROKER, origin=f"answers on {host}")

    def _private(
        self, kind: str, server: type[RabbitServer | PostgresServer], standard: Callable[[], Found | None]
    ) -> Found:
        origin = "a private instance of the installed server"
        try:
            made = server()
        except MissingBinary as missing:
            tried = f"nothing answers on the standard port; {missing}"
            if not self._install:
                raise Unavailable(tried) from None
            if problem := install(kind):
                raise Unavailable(f"{tried}; {problem}") from None
            origin = f"installed by apt ({', '.join(PACKAGES[kind])}), run privately"
            if found := standard():  # the package may have started its own
                return found
            made = server()
        self._closers.append(made.close)
        try:
            made.start()
        except AssertionError as error:
            raise Unavailable(f"the installed server does not start: {error}") from None
        return Found(url=made.url, origin=origin)


def _named(variable: str, kind: str, answers: Callable[[str], bool]) -> Found | None:
    """The service that a variable names; None where it names none."""
    if reason := os.environ.get(ABSENT_VARIABLE + kind.upper()):
        raise Unavailable(reason)
    url = os.environ.get(variable, "").replace("postgresql+psycopg://", "postgresql://")
    if not url:
        return None
    if not answers(url):
        also = ", or does not let us make databases" if kind == "database" else ""
        raise Misconfigured(f"{variable} names a {kind} that does not answer{also}")
    return Found(url=url, origin=variable)


def _standard_database() -> Found | None:
    for url in STANDARD_DATABASES:
        if database_answers(url):
            return Found(url=url, origin="answers on its standard port or socket")
    return None


def _ctl(*args: str) -> bool:
    """Run the machine's own rabbitmqctl; whether it did what it was asked."""
    program = shutil.which("rabbitmqctl", path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin")
    if program is None:
        return False
    try:
        done = subprocess.run(
            [program, "-q", *args], check=False, stdin=subprocess.DEVNULL, capture_output=True, timeout=30
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


def install(kind: str) -> str | None:
    """Install the packages of `kind` with apt; None where that went well, else why not."""
    packages = PACKAGES[kind]
    named = " ".join(packages)
    if os.environ.get("HEAVYLIFT_TEST_INSTALL", "1") == "0":
        return f"HEAVYLIFT_TEST_INSTALL=0 forbids to install {named}"
    apt = shutil.which("apt-get")
    if apt is None or os.geteuid() != 0:
        return f"cannot install {named}: needs apt-get and root"
    print(f"installing for the tests: apt-get install {named}", file=sys.stderr, flush=True)
    quiet = os.environ | {"DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"}  # 1: packages start no services
    options = ["-o", "Acquire::http::Timeout=20", "-o", "Acquire::Retries=1", "-o", "DPkg::Lock::Timeout=60"]
    wanted = [apt, *options, "install", "-y", "--no-install-recommends", *packages]
    for argv in (wanted, [apt, *options, "update"], wanted):
        try:
            done = subprocess.run(
                argv,
                check=False,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                env=quiet,
                timeout=_INSTALL_LIMIT,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            return f"apt-get install {named} failed: {error}"
        if argv is wanted and done.returncode == 0:
            return None
    last = (done.stderr.strip() or done.stdout.strip()).splitlines()[-1:]
    return f"apt-get install {named} failed: {' '.join(last)}"


@contextmanager
def fresh_database(admin_url: str) -> Iterator[str]:
    """The URL of a new, empty database that is dropped at the end, whoever is still connected to it."""
    name = f"heavylift_test_{secrets.token_hex(6)}"
    with psycopg.connect(admin_url, autocommit=True) as admin:
        admin.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        url = _with_database(admin_url, name, admin.info)
    try:
        yield url
    finally:
        with psycopg.connect(admin_url, autocommit=True) as admin:
            admin.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


def _with_database(admin_url: str, name: str, facts: psycopg.ConnectionInfo) -> str:
    """`admin_url` with another database; spelled out where libpq took host and user from its own sources."""
    parts = urlsplit(admin_url)
    if parts.hostname:
        return urlunsplit(parts._replace(path=f"/{name}"))
    secret = f":{quote(facts.password, safe='')}" if facts.password else ""
    who = f"{quote(facts.user, safe='')}{secret}"
    if facts.host.startswith("/"):
        return f"postgresql://{who}@/{name}?host={facts.host}&port={facts.port}"
    return f"postgresql://{who}@{facts.host}:{facts.port}/{name}"
