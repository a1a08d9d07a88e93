"""The doctor's look at broker and database, where the settings name some."""

import socket
from collections.abc import Iterator
from urllib.parse import urlsplit

from cli.doctor import Finding
from config.settings import Settings
from jobs.errors import HeavyliftError

PORTS = {"amqp": 5672, "amqps": 5671, "pyamqp": 5672, "redis": 6379, "rediss": 6379, "postgresql": 5432}


def broker(settings: Settings) -> Iterator[Finding]:
    """RabbitMQ or another broker of HEAVYLIFT_BROKER_URL; that RabbitMQ is there for tests and real deployments."""
    url = settings.broker.url
    if not url:
        yield _standard(
            "rabbitmq", 5672, cost="tests against the real broker are left out", cure="apt-get install rabbitmq-server"
        )
        return
    yield _configured("broker", url, "HEAVYLIFT_BROKER_URL", cost="jobs are taken in but not begun until it is back")


def ledger(settings: Settings) -> Iterator[Finding]:
    """PostgreSQL of HEAVYLIFT_LEDGER_URL, or the SQLite file; asks the ledger itself, tables and version included."""
    url = settings.ledger.url
    if not url:
        detail = f"SQLite, {settings.data_dir / 'ledger.sqlite3'}"
        yield Finding(name="ledger", state="ok", detail=detail)
        yield _standard(
            "postgresql", 5432, cost="tests against the real database are left out", cure="apt-get install postgresql"
        )
        return
    from ledger import Ledger

    found = Ledger(url, db_schema=settings.ledger.db_schema)
    try:
        found.ping()
    except HeavyliftError as error:
        cost, cure = "nothing runs without it (503)", "start it, or correct HEAVYLIFT_LEDGER_URL"
        yield Finding(
            name="ledger", state="absent", detail=str(error) or type(error).__name__, cost=cost, cure=cure, needed=True
        )
    else:
        yield Finding(name="ledger", state="ok", detail=_place(url))
    finally:
        found.close()


def _standard(name: str, port: int, *, cost: str, cure: str) -> Finding:
    """Whether something answers at its standard port: for the tests, since the settings name none."""
    if _answers("127.0.0.1", port):
        return Finding(
            name=name, state="ok", detail=f"answers on 127.0.0.1:{port}; not used, since no setting names it"
        )
    return Finding(
        name=name, state="absent", detail=f"nothing on 127.0.0.1:{port}; not needed here", cost=cost, cure=cure
    )


def _configured(name: str, url: str, variable: str, *, cost: str) -> Finding:
    parts = urlsplit(url)
    port = parts.port or PORTS.get(parts.scheme.partition("+")[0], 0)
    if _answers(parts.hostname or "127.0.0.1", port) if port else True:
        return Finding(name=name, state="ok", detail=_place(url))
    detail = f"{_place(url)} does not answer"
    return Finding(
        name=name, state="absent", detail=detail, cost=cost, cure=f"start it, or correct {variable}", needed=True
    )


def _place(url: str) -> str:
    """The URL without its password."""
    parts = urlsplit(url)
    host = f"{parts.hostname or ''}{f':{parts.port}' if parts.port else ''}"
    return f"{parts.scheme}://{host}{parts.path}"


def _answers(host: str, port: int) -> bool:
    try:
        socket.create_connection((host, port), timeout=1.0).close()
    except OSError:
        return False
    return True
