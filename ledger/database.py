"""The engine: SQLite or PostgreSQL behind one way to read and one way to write."""

import os
import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, Float, create_engine, event, literal, make_url, text
from sqlalchemy.exc import DBAPIError, DisconnectionError, IntegrityError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from ledger.errors import LedgerUnavailable
from ledger.folding import teach
from ledger.types import Utc

T = TypeVar("T")
_RETRIES = 5  # of a transaction that lost against another one
_LOST_AGAINST_ANOTHER = frozenset({"40001", "40P01"})  # serialization failure, deadlock (PostgreSQL)
BUSY_SECONDS = 20.0
_FRESH_SECONDS = 1.0  # a connection idle for longer is asked whether it lives before it is used


# libpq's words. A server that vanished without a word is given up within 20 s: the kernel alone would wait for minutes,
# and threads that hang in it renew no lease when another one has taken its place.
PATIENCE: dict[str, Any] = {
    "connect_timeout": 3,  # seconds
    "tcp_user_timeout": 10_000,  # milliseconds
    "keepalives_idle": 10,
    "keepalives_interval": 3,
    "keepalives_count": 3,
}


class db_now(FunctionElement[Any]):  # noqa: N801 - reads as the SQL function that it is
    """The database's clock plus `seconds`: workers' own clocks may differ."""

    type = Utc()
    inherit_cache = True  # the seconds are a bound parameter, so statements are compiled once
    name = "db_now"

    def __init__(self, seconds: float = 0.0) -> None:
        super().__init__(literal(float(seconds), Float))


class db_as_of(db_now):  # noqa: N801 - reads as the SQL function that it is
    """The same for comparisons: when the statement began, which does not change under it, so that an index may be used."""

    inherit_cache = True
    name = "db_as_of"


@compiles(db_as_of, "postgresql")
def _postgres_as_of(element: db_as_of, compiler: SQLCompiler, **named: Any) -> str:
    seconds = compiler.process(element.clauses, **named)
    return f"(statement_timestamp() + make_interval(secs => CAST({seconds} AS double precision)))"


@compiles(db_now, "postgresql")
def _postgres_now(element: db_now, compiler: SQLCompiler, **named: Any) -> str:
    seconds = compiler.process(element.clauses, **named)
    return f"(clock_timestamp() + make_interval(secs => CAST({seconds} AS double precision)))"


@compiles(db_now, "sqlite")
@compiles(db_as_of, "sqlite")
def _sqlite_now(element: db_now, compiler: SQLCompiler, **named: Any) -> str:
    # The form in which SQLAlchemy stores datetimes (six decimals), so that text comparison is time comparison.
    seconds = compiler.process(element.clauses, **named)
    return f"(strftime('%Y-%m-%d %H:%M:%f', 'now', printf('%+.3f seconds', {seconds})) || '000')"


class Database:
    """One engine of this process, made on first use and never carried across a fork."""

    def __init__(self, url: str, *, db_schema: str | None = None, pool_size: int = 10) -> None:
        parsed = make_url(url)
        if parsed.drivername in {"postgres", "postgresql"}:
            parsed = parsed.set(drivername="postgresql+psycopg")
        self.url = parsed
        self.db_schema = db_schema
        self.is_sqlite = parsed.get_backend_name() == "sqlite"
        self._pool_size = pool_size
        self._engine: Engine | None = None
        self._pid = 0

    @property
    def engine(self) -> Engine:
        """The engine of this process."""
        if self._engine is None or self._pid != os.getpid():
            self._engine = self._sqlite() if self.is_sqlite else self._postgres()
            self._pid = os.getpid()
        return self._engine

    def close(self) -> None:
        """Give all connections back."""
        if self._engine is not None and self._pid == os.getpid():
            self._engine.dispose()
        self._engine = None

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A connection with a consistent view; nothing is written."""
        with unavailable_mapped(), self.engine.begin() as connection:
            yield connection

    def writing(self, work: Callable[[Connection], T], *, durable: bool = False) -> T:
        """Run `work` in one transaction, again from the start where it lost against another one.

        `durable` waits for the disk on SQLite as well; PostgreSQL always does.
        """
        engine = self.engine.execution_options(writes=True, durable=durable)
        for attempt in range(_RETRIES):
            try:
                with unavailable_mapped(), engine.begin() as connection:
                    return work(connection)
            except (IntegrityError, _Again) as error:
                if attempt == _RETRIES - 1:
                    raise LedgerUnavailable("the database is too contended") from error
                time.sleep(0.005 * 2**attempt * (0.5 + random.random()))
        raise AssertionError("the loop returns or raises")

    def _sqlite(self) -> Engine:
        path = self.url.database
        if path and path != ":memory:":
            Path(path).parent.mkdir(parents=True, exist_ok=True)
        engine = create_engine(
            self.url,
            pool_size=self._pool_size,
            max_overflow=self._pool_size,
            connect_args={"timeout": BUSY_SECONDS},
        )
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
        return engine

    def _postgres(self) -> Engine:
        options = f"-c search_path={self.db_schema}" if self.db_schema else ""
        engine = create_engine(
            self.url,
            pool_size=self._pool_size,
            max_overflow=self._pool_size,
            pool_timeout=5,
            pool_use_lifo=True,
            connect_args=PATIENCE | {"options": options, "application_name": "heavylift"},
        )
        event.listen(engine, "checkin", _note_use)
        event.listen(engine, "checkout", _ask_when_stale)
        return engine

    def ping(self) -> None:
        """Raise `LedgerUnavailable` unless the database answers."""
        with self.reading() as connection:
            connection.execute(text("SELECT 1"))


class _Again(Exception):
    """The transaction lost against another one and may run again."""


@contextmanager
def unavailable_mapped() -> Iterator[None]:
    """Turn the driver's ways to say "away" into `LedgerUnavailable`."""
    try:
        yield
    except IntegrityError:
        raise
    except (OperationalError, PoolTimeout) as error:
        if getattr(getattr(error, "orig", None), "sqlstate", None) in _LOST_AGAINST_ANOTHER:
            raise _Again from error
        raise LedgerUnavailable(_reason(error)) from error
    except DBAPIError as error:
        if error.connection_invalidated:
            raise LedgerUnavailable(_reason(error)) from error
        raise


def _reason(error: Exception) -> str:
    """The first line of the driver's message: addresses at most, never a password."""
    lines = str(getattr(error, "orig", error)).strip().splitlines() or ["no answer"]
    return lines[0][:200]


def _note_use(_dbapi_connection: Any, record: Any) -> None:
    record.info["used_at"] = time.monotonic()


def _ask_when_stale(dbapi_connection: Any, record: Any, _proxy: Any) -> None:
    """Replace a pooled connection that died while it lay idle; one that was used just now need not be asked."""
    used_at = record.info.get("used_at")
    if used_at is None or time.monotonic() - used_at < _FRESH_SECONDS:
        return
    try:
        dbapi_connection.execute("SELECT 1")
        dbapi_connection.rollback()
    except dbapi_connection.Error as error:
        raise DisconnectionError from error  # the pool makes a new one and asks again


def _prepare_sqlite(dbapi_connection: Any, _record: Any) -> None:
    dbapi_connection.isolation_level = None  # we say BEGIN ourselves
    teach(dbapi_connection)
    cursor = dbapi_connection.cursor()
    for pragma in ("journal_mode=WAL", "foreign_keys=ON", "synchronous=NORMAL", "temp_store=MEMORY"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    options = connection.get_execution_options()
    if options.get("writes"):
        # synchronous cannot change inside a transaction; a FULL commit also syncs the NORMAL ones before it.
        connection.exec_driver_sql(f"PRAGMA synchronous={'FULL' if options.get('durable') else 'NORMAL'}")
        connection.exec_driver_sql("BEGIN IMMEDIATE")
    else:
        connection.exec_driver_sql("BEGIN")
