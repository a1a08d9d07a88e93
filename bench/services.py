"""RabbitMQ and PostgreSQL for measurements: borrowed under names of our own, left as they were found."""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import psycopg
from kombu import Connection
from psycopg import sql

from bench import Unmeasurable
from broker.app import BrokerOptions, dead_letter_queue, make_app, topology

BROKER = "HEAVYLIFT_TEST_BROKER_URL", "amqp://guest:guest@127.0.0.1:5672//"
DATABASE = "HEAVYLIFT_TEST_DATABASE_URL", "postgresql://postgres@127.0.0.1:5432/postgres"


@dataclass(frozen=True, slots=True, kw_only=True)
class Borrowed:
    """Where they are, and the names that are ours there."""

    broker_url: str
    database_url: str  # as libpq reads it
    prefix: str  # of queues and exchanges
    db_schema: str

    @property
    def ledger_url(self) -> str:
        """The database, as our settings name it."""
        return self.database_url

    @property
    def settings(self) -> dict[str, str]:
        """What makes the platform use them."""
        return {
            "HEAVYLIFT_BROKER_URL": self.broker_url,
            "HEAVYLIFT_BROKER_PREFIX": self.prefix,
            "HEAVYLIFT_LEDGER_URL": self.ledger_url,
            "HEAVYLIFT_LEDGER_DB_SCHEMA": self.db_schema,
        }


@contextmanager
def borrowed() -> Iterator[Borrowed]:
    """Both, or `Unmeasurable` with the reason; queues and schema are removed afterwards."""
    name = f"hlbench_{secrets.token_hex(4)}"
    found = Borrowed(
        broker_url=os.environ.get(*BROKER), database_url=_plain(os.environ.get(*DATABASE)), prefix=name, db_schema=name
    )
    _require(found)
    try:
        yield found
    finally:
        _remove_lines(found)
        with psycopg.connect(found.database_url, autocommit=True) as database:
            database.execute(sql.SQL("DROP SCHEMA IF EXISTS {} CASCADE").format(sql.Identifier(found.db_schema)))


@contextmanager
def borrowed_database() -> Iterator[tuple[str, str]]:
    """PostgreSQL's URL and a schema of our own there, or `Unmeasurable` with the reason; it is removed afterwards."""
    url, schema = _plain(os.environ.get(*DATABASE)), f"hlbench_{secrets.token_hex(4)}"
    _require_database(url)
    try:
        yield url, schema
    finally:
        with psycopg.connect(url, autocommit=True) as database:
            database.execute(sql.SQL("DROP SCHEMA IF EXISTS {} CASCADE").format(sql.Identifier(schema)))


def _plain(url: str) -> str:
    return url.replace("postgresql+psycopg://", "postgresql://")


def _require(found: Borrowed) -> None:
    _require_database(found.database_url)
    try:
        with Connection(found.broker_url, connect_timeout=3) as connection:
            connection.ensure_connection(max_retries=1, timeout=5)
    except Exception as error:
        raise Unmeasurable(f"no RabbitMQ: {type(error).__name__}; name one in {BROKER[0]}") from error


def _require_database(url: str) -> None:
    try:
        psycopg.connect(url, connect_timeout=3).close()
    except psycopg.OperationalError as error:
        raise Unmeasurable(f"no PostgreSQL: {str(error).splitlines()[0]}; name one in {DATABASE[0]}") from error


def _remove_lines(found: Borrowed) -> None:
    options = BrokerOptions(url=found.broker_url, prefix=found.prefix)
    app: Any = make_app(options)
    lines = (*topology(options), dead_letter_queue(options))
    exchanges = {line.exchange.name for line in lines} | {bare_queue(found)}
    exchanges |= {app.control.mailbox.exchange.name, app.control.mailbox.reply_exchange.name}
    with app.connection_for_write(connect_timeout=5) as connection, connection.channel() as channel:
        for line in (*(line.name for line in lines), bare_queue(found)):
            channel.queue_delete(line)
        for exchange in exchanges:
            if found.prefix in exchange:
                with suppress(*connection.channel_errors):
                    channel.exchange_delete(exchange)


def bare_queue(found: Borrowed) -> str:
    """The queue, and exchange, of the bare baseline."""
    return f"{found.prefix}.bare"
