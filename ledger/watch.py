"""Watch: one thread that says "something changed" soon after any process commits."""

import contextlib
import sqlite3
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from sqlalchemy import URL

from ledger.apply import CHANNEL
from ledger.database import PATIENCE, Database

if TYPE_CHECKING:
    import psycopg

POLL_SECONDS = 0.005  # how often SQLite's data version is read while somebody waits
_RECONNECT_SECONDS = 1.0


class Watch:
    """Calls `on_change(job_id | None)` from its thread; None means "any job may have changed".

    LISTEN/NOTIFY on PostgreSQL; on SQLite PRAGMA data_version, read only between `resume()` and `pause()`.
    A lost connection is made again, and a change is reported then, since some may have been missed.
    """

    def __init__(self, database: Database, on_change: Callable[[str | None], None]) -> None:
        self._database = database
        self._on_change = on_change
        self._wanted = threading.Event()
        self._closed = threading.Event()
        target = self._poll if database.is_sqlite else self._listen
        self._thread = threading.Thread(target=target, name="ledger-watch", daemon=True)
        self._thread.start()

    def resume(self) -> None:
        """Somebody waits."""
        self._wanted.set()

    def pause(self) -> None:
        """Nobody waits any more."""
        self._wanted.clear()

    def close(self) -> None:
        """End the thread."""
        self._closed.set()
        self._wanted.set()
        self._thread.join(timeout=5)

    def _poll(self) -> None:
        connection: sqlite3.Connection | None = None
        seen = None
        while not self._closed.is_set():
            self._wanted.wait()
            try:
                if connection is None:
                    connection = sqlite3.connect(self._database.url.database or "", check_same_thread=False)
                version = connection.execute("PRAGMA data_version").fetchone()[0]
            except sqlite3.Error:
                connection, version = None, None
                self._closed.wait(_RECONNECT_SECONDS)
            if version != seen:
                seen = version
                self._on_change(None)
            self._closed.wait(POLL_SECONDS)
        if connection is not None:
            connection.close()

    def _listen(self) -> None:
        import psycopg  # not where the ledger is SQLite

        while not self._closed.is_set():
            with contextlib.suppress(psycopg.Error), self._connection() as connection:
                connection.execute(f"LISTEN {CHANNEL}")
                self._on_change(None)
                while not self._closed.is_set():
                    for notification in connection.notifies(timeout=1.0):
                        self._on_change(notification.payload)
                        if self._closed.is_set():
                            break
            self._closed.wait(_RECONNECT_SECONDS)

    def _connection(self) -> "psycopg.Connection[tuple[object, ...]]":
        import psycopg

        plain: URL = self._database.url.set(drivername="postgresql")
        return psycopg.connect(plain.render_as_string(hide_password=False), autocommit=True, **PATIENCE)
