"""What is read where it stands, without a thread and without waiting, where the ledger is a file of ours."""

import sqlite3
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from ledger.database import Database

_VERSION = "SELECT version FROM jobs WHERE id = ?"


class Glance:
    """A job's version, for the event loop alone. A server on a network has nothing to glance at: it is asked in threads."""

    def __init__(self, database: Database) -> None:
        self._path = database.url.database if database.is_sqlite else None
        self._line: sqlite3.Connection | None = None

    def version(self, job_id: str) -> int | None:
        """The job's version; None where there is none, or where one would have to wait for it."""
        if not self._path:
            return None
        try:
            if self._line is None:
                self._line = _opened(self._path)
            row = self._line.execute(_VERSION, (job_id,)).fetchone()
        except sqlite3.Error:  # whoever asks in a thread learns why
            self.close()
            return None
        return int(row[0]) if row else None

    def close(self) -> None:
        """Give the connection back; the next look opens another one."""
        if self._line is not None:
            _let_go(self._line)
        self._line = None


class Glances:
    """The rows of a short query, for any thread: a tenth of what a transaction of SQLAlchemy's costs around one.

    None where there is nothing to glance at, or where one would have to wait: then the ledger is asked in the usual way.
    """

    def __init__(self, database: Database) -> None:
        self._path = database.url.database if database.is_sqlite else None
        self._idle: list[sqlite3.Connection] = []  # whoever takes one out has it for itself

    def rows(self, query: str, values: Sequence[str] = ()) -> list[Any] | None:
        """All of them, as committed last."""
        line = self._taken()
        if line is None:
            return None
        try:
            found = line.execute(query, values).fetchall()
        except sqlite3.Error:  # whoever asks in the usual way learns why
            _let_go(line)
            return None
        self._idle.append(line)
        return found

    def close(self) -> None:
        """Give the connections back; the next look opens another one."""
        while self._idle:
            _let_go(self._idle.pop())

    def _taken(self) -> sqlite3.Connection | None:
        if not self._path:
            return None
        try:
            return self._idle.pop()
        except IndexError:  # all are taken
            with suppress(sqlite3.Error):
                return _opened(self._path, any_thread=True)
        return None


class Changes:
    """Whether anybody has committed anything, for one thread that would else look for it in vain again and again.

    A hundredth of what a transaction costs. A server on a network has nothing to tell: it may have changed.
    """

    def __init__(self, database: Database) -> None:
        self._path = database.url.database if database.is_sqlite else None
        self._line: sqlite3.Connection | None = None
        self._seen: int | None = None

    def any(self) -> bool:
        """Whether there may have been a commit since the last call, by whatever process."""
        if not self._path:
            return True
        try:
            if self._line is None:
                self._line = _opened(self._path)
            (version,) = self._line.execute("PRAGMA data_version").fetchone()
        except sqlite3.Error:  # whoever looks learns why
            self.close()
            return True
        before, self._seen = self._seen, version
        return bool(version != before)

    def close(self) -> None:
        """Give the connection back; the next look opens another one."""
        if self._line is not None:
            _let_go(self._line)
        self._line, self._seen = None, None


def _opened(path: str, *, any_thread: bool = False) -> sqlite3.Connection:
    """To read from, and never to wait for."""
    where = f"{Path(path).absolute().as_uri()}?mode=ro"
    return sqlite3.connect(where, uri=True, timeout=0, isolation_level=None, check_same_thread=not any_thread)


def _let_go(line: sqlite3.Connection) -> None:
    with suppress(sqlite3.Error):
        line.close()
