"""Fixtures for all suites: services, ledgers, lines, data folders. Where services come from: support/services.py.

Nothing here touches what it did not make: databases, virtual hosts, lines and folders are new and removed afterwards.
"""

import os
import secrets
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar

import pytest
from support.house import delete_lines
from support.servers import MissingBinary, PostgresServer, RabbitServer, RedisServer
from support.services import Services, Unavailable, fresh_database

Server = TypeVar("Server", RabbitServer, PostgresServer, RedisServer)

pytest_plugins = ["support.reasons", "support.disks"]


@pytest.fixture(scope="session")
def services() -> Iterator[Services]:
    """The services of this run, found or started on first use."""
    found = Services()
    yield found
    found.close()


@pytest.fixture(scope="session")
def rabbit_url(services: Services) -> str:
    """A RabbitMQ for this run. Use it with `broker_prefix`; it is shared, so never stop it (see `own_rabbit`)."""
    try:
        return services.broker().url
    except Unavailable as absent:
        pytest.skip(f"no RabbitMQ: {absent}")


@pytest.fixture(scope="session")
def postgres_url(services: Services) -> str:
    """A PostgreSQL in which databases may be made; work in `postgres_ledger_url` instead."""
    try:
        return services.database().url
    except Unavailable as absent:
        pytest.skip(f"no PostgreSQL: {absent}")


@pytest.fixture
def broker_prefix(request: pytest.FixtureRequest) -> Iterator[str]:
    """A name that no other test's lines and exchanges carry; where `rabbit_url` is used, they are deleted at the end."""
    prefix = f"hltest{secrets.token_hex(4)}"
    yield prefix
    if "rabbit_url" in request.fixturenames:
        delete_lines(request.getfixturevalue("rabbit_url"), prefix)


@pytest.fixture(scope="module")
def postgres_ledger_url(postgres_url: str) -> Iterator[str]:
    """A PostgreSQL database of this test module, empty at first."""
    with fresh_database(postgres_url) as url:
        yield url


@pytest.fixture(scope="module")
def sqlite_ledger_url(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A SQLite file of this test module, not there yet."""
    return f"sqlite:///{tmp_path_factory.mktemp('ledger') / 'ledger.sqlite3'}"


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def ledger_url(request: pytest.FixtureRequest) -> str:
    """Both kinds of ledger in turn, one database of each per test module."""
    fixture = "sqlite_ledger_url" if request.param == "sqlite" else "postgres_ledger_url"
    return str(request.getfixturevalue(fixture))


@pytest.fixture
def fresh_postgres_url(postgres_url: str) -> Iterator[str]:
    """A PostgreSQL database of this test alone."""
    with fresh_database(postgres_url) as url:
        yield url


@pytest.fixture(scope="session")
def spare_rabbit() -> Iterator[RabbitServer]:
    """A second RabbitMQ of this run, not started yet, for one test after another to do with as it likes."""
    try:
        server = RabbitServer()
    except MissingBinary as missing:
        pytest.skip(str(missing))
    yield server
    server.close()


@pytest.fixture
def own_rabbit(spare_rabbit: RabbitServer) -> Iterator[RabbitServer]:
    """A RabbitMQ that nobody else uses meanwhile, to stop, kill, wipe and start again at will; it may know old lines."""
    if spare_rabbit.child is None or not spare_rabbit.child.running:
        spare_rabbit.start()
    yield spare_rabbit
    spare_rabbit.thaw()


@pytest.fixture
def own_postgres() -> Iterator[PostgresServer]:
    """A PostgreSQL of this test alone, to stop, kill and start again at will."""
    yield from _own(PostgresServer)


@pytest.fixture
def redis_server() -> Iterator[RedisServer]:
    """The embedded default's Redis, of this test alone; `redis_server.url` is for `HEAVYLIFT_BROKER_URL`."""
    yield from _own(RedisServer)


@pytest.fixture
def redis_broker(redis_server: RedisServer) -> str:
    """The URL of a Redis of this test alone."""
    return redis_server.url


@pytest.fixture
def data_dir() -> Iterator[Path]:
    """An empty data folder with a name short enough for Unix sockets below it."""
    with tempfile.TemporaryDirectory(prefix="hl-data-", ignore_cleanup_errors=True) as folder:
        yield Path(folder)


@pytest.fixture(autouse=True)
def no_inherited_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Settings of the person who runs the tests do not reach them."""
    for name in os.environ:
        if name.startswith("HEAVYLIFT_") and not name.startswith("HEAVYLIFT_TEST_"):
            monkeypatch.delenv(name)


def _own(kind: type[Server]) -> Iterator[Server]:
    try:
        server = kind()
    except MissingBinary as missing:
        pytest.skip(str(missing))
    try:
        yield server.start()
    finally:
        server.close()
