"""Which of the two sets of tables in PostgreSQL is asked and written, and what becomes of the other.

`search_a_*` and `search_b_*` are alike. `search_state` says which is in force, and which is being filled by a rebuild: then
every write goes to both. Writers hold `search_state` shared, a swap holds it alone, so that no write lands behind one. A
rebuild holds a lock of its session for as long as it lives.
"""

# ruff: noqa: S608 - statements are put together from our own words alone; all values are bound

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from ledger.database import Database
from ledger.errors import LedgerUnavailable
from search.port import EngineError, IndexLocked, OtherFormat

if TYPE_CHECKING:
    from sqlalchemy import Connection

FORMAT = 1  # of our rows; a release that changes lexemes or analysis raises it
PATIENCE = 1.0  # seconds for one question
TABLES = ("jobs", "entries", "words", "names", "owners")
_PATIENCE_OF_SWEEPS, _PAUSE = 10.0, 0.02  # seconds; questions end within `PATIENCE`
_FILLING = 0x48535246  # PostgreSQL advisory lock: one rebuild at a time; with the state's own number as the second half
_REBUILD = "`heavylift search rebuild` makes a new one from the ledger."
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """What `search_state` says."""

    slot: str  # `a` or `b`
    generation: int  # grows with each swap
    filling: str | None  # the other one, while a rebuild fills it
    filling_generation: int | None

    @property
    def written(self) -> tuple[str, ...]:
        """Sets that a write goes to."""
        return (self.slot, self.filling) if self.filling else (self.slot,)


class _StillRead(Exception):
    """Tables that are to be emptied are still looked at."""


class Asking:
    """One question's transaction: statements on one set of tables, until the time is up."""

    def __init__(self, connection: "Connection", slot: str, generation: str) -> None:
        self._connection = connection
        self._ends = time.monotonic() + PATIENCE
        self._known: dict[Any, Any] = {}
        self.slot, self.generation = slot, generation

    def run(self, statement: str, **values: Any) -> Any:
        """`statement` says `{jobs}`, `{entries}`, ... for the tables. Raises `EngineError` where the time is up."""
        if time.monotonic() > self._ends:
            raise EngineError(f"The search index has not answered within {PATIENCE:.0f} s")
        return execute(self._connection, self.slot, statement, values)

    def once(self, ask: Callable[["Connection"], _T]) -> _T:
        """What `ask` says, looked up once in this question."""
        if ask not in self._known:
            self._known[ask] = ask(self._connection)
        found: _T = self._known[ask]
        return found


def execute(connection: "Connection", slot: str, statement: str, values: Any = None) -> Any:
    """A statement on one set of tables and its result; `values` as SQLAlchemy takes them."""
    from sqlalchemy import text

    return connection.execute(text(named(statement, slot)), values or {})


def named(statement: str, slot: str) -> str:
    """The statement with the names of one set of tables."""
    for table in TABLES:
        statement = statement.replace(f"{{{table}}}", f"search_{slot}_{table}")
    return statement


def asked(database: Database, ask: Callable[[Asking], _T], *, pinned: str | None = None) -> _T:
    """An answer from what was committed last. Asks again where a swap came in between: the old tables may be empty now."""
    with speaking("The search index can't answer"):
        while True:
            with database.reading() as connection:
                state = _state(connection, settings=_SETTINGS, any_format=pinned is not None)
                found = ask(Asking(connection, pinned or state.slot, name(state.slot, state.generation)))
                if pinned or _state(connection).generation == state.generation:
                    return found


def locked(connection: "Connection", *, any_format: bool = False) -> State:
    """Keep swaps off until the end of this transaction; returns where to write. Raises `OtherFormat`."""
    from sqlalchemy import text

    connection.execute(text("LOCK TABLE search_state IN ROW SHARE MODE"))
    return _state(connection, any_format=any_format)


def filled_alone(database: Database) -> tuple["Connection", str, int]:
    """Begin a rebuild: the set beside the one in force, emptied, its generation, and the connection that holds its lock.

    Raises `IndexLocked` where another rebuild is under way.
    """
    from sqlalchemy import text

    holding = database.engine.connect().execution_options(isolation_level="AUTOCOMMIT")
    claimed = holding.execute(text(f"SELECT pg_try_advisory_lock({_FILLING}, CAST({_NUMBER} AS int))")).scalar()
    if not claimed:
        holding.close()
        raise IndexLocked("The search index is being rebuilt already: wait for that, or stop it.")
    try:
        slot, generation = _when_nobody_reads(database, _begin)
    except BaseException:
        let_go(holding)
        raise
    return holding, slot, generation


def let_go(holding: "Connection") -> None:
    """Release a rebuild's lock; where that can't be said any more, the lock went with its session."""
    from sqlalchemy import text
    from sqlalchemy.exc import SQLAlchemyError

    try:
        holding.execute(text("SELECT pg_advisory_unlock_all()"))
    except SQLAlchemyError:
        holding.invalidate()
    holding.close()


def put_in_force(database: Database, generation: str) -> None:
    """Put what a rebuild has filled in force: for readers from their next question on, for writers from their next write."""
    from sqlalchemy import text

    def swap(connection: "Connection") -> None:
        connection.execute(text("LOCK TABLE search_state IN EXCLUSIVE MODE"))
        state = _state(connection, any_format=True)
        if state.filling is None or generation != name(state.filling, state.filling_generation or 0):
            raise EngineError(f"The generation {generation} is not one that is being filled")
        connection.execute(
            text(
                "UPDATE search_state SET slot = filling, generation = filling_generation, format = :format, "
                "filling = NULL, filling_generation = NULL"
            ),
            {"format": FORMAT},
        )

    with speaking("The search index can't be swapped"):
        database.writing(swap)


def sweep(database: Database) -> list[str]:
    """Empty the set that is not in force, where no rebuild fills it; returns the names of what is gone."""
    from sqlalchemy import text

    def work(connection: "Connection") -> list[str]:
        if not connection.execute(
            text(f"SELECT pg_try_advisory_xact_lock({_FILLING}, CAST({_NUMBER} AS int))")
        ).scalar():
            return []
        connection.execute(text("LOCK TABLE search_state IN EXCLUSIVE MODE"))
        spare = _other(_state(connection, any_format=True).slot)
        connection.execute(text("UPDATE search_state SET filling = NULL, filling_generation = NULL"))
        if execute(connection, spare, "SELECT 1 FROM {owners} LIMIT 1").first() is None:
            return []
        empty(connection, spare)
        return [spare]

    with speaking("The search index can't be swept"):
        return _when_nobody_reads(database, work)


def empty(connection: "Connection", slot: str) -> None:
    """Take all rows out of one set. Raises `_StillRead` where a question that began before a swap is at it.

    Nobody is made to wait: whoever waited for one of these tables and held another would do so for ever.
    """
    from sqlalchemy.exc import OperationalError

    tables = ", ".join(f"{{{table}}}" for table in TABLES)
    try:
        with connection.begin_nested():
            execute(connection, slot, f"LOCK TABLE {tables} IN ACCESS EXCLUSIVE MODE NOWAIT")
    except OperationalError as problem:
        raise _StillRead(slot) from problem
    execute(connection, slot, f"TRUNCATE {tables} RESTART IDENTITY")


def name(slot: str, generation: int) -> str:
    """How a generation is called: `b-3`."""
    return f"{slot}-{generation}"


@contextmanager
def speaking(what: str) -> Iterator[None]:
    """Let nothing out but `EngineError`, and `ValueError` for what can't be kept as it is."""
    from sqlalchemy.exc import DBAPIError, SQLAlchemyError

    try:
        yield
    except LedgerUnavailable as problem:
        raise EngineError(f"{what}: {problem}") from problem
    except SQLAlchemyError as problem:
        told = f"{what}: {_first_line(problem)}"
        if isinstance(problem, DBAPIError) and str(getattr(problem.orig, "sqlstate", "")).startswith(_TOO_MUCH):
            raise ValueError(told) from problem
        raise EngineError(told) from problem


_TOO_MUCH = ("22", "54")  # SQLSTATE: data that can't be kept, a limit of the program's
_NUMBER = "CAST(CAST(CAST('search_state' AS regclass) AS oid) AS bigint) % 2147483647"
_SETTINGS: Mapping[str, str] = {
    "statement_timeout": str(round(PATIENCE * 1000)),
    "jit": "off",  # compiling takes longer than our questions
    "max_parallel_workers_per_gather": "0",  # so does starting helpers; and questions come many at a time
    "enable_seqscan": "off",
    "plan_cache_mode": "force_custom_plan",
}


def _when_nobody_reads(database: Database, work: Callable[["Connection"], _T]) -> _T:
    for _ in range(round(_PATIENCE_OF_SWEEPS / _PAUSE)):
        try:
            return database.writing(work)
        except _StillRead:
            time.sleep(_PAUSE)
    raise EngineError("The tables beside the search index are still read")


def _begin(connection: "Connection") -> tuple[str, int]:
    from sqlalchemy import text

    connection.execute(text("LOCK TABLE search_state IN EXCLUSIVE MODE"))
    state = _state(connection, any_format=True)
    slot, generation = _other(state.slot), max(state.generation, state.filling_generation or 0) + 1
    empty(connection, slot)
    connection.execute(
        text("UPDATE search_state SET filling = :slot, filling_generation = :generation"),
        {"slot": slot, "generation": generation},
    )
    return slot, generation


def _other(slot: str) -> str:
    return "b" if slot == "a" else "a"


def _state(connection: "Connection", *, settings: Mapping[str, str] | None = None, any_format: bool = False) -> State:
    from sqlalchemy import text

    calls = "".join(f", set_config('{key}', '{value}', true)" for key, value in (settings or {}).items())
    query = f"SELECT slot, generation, filling, filling_generation, format{calls} FROM search_state"
    slot, generation, filling, filling_generation, found, *_set = connection.execute(text(query)).one()
    if found != FORMAT and not any_format:
        raise OtherFormat(f"The search index has format {found}, not {FORMAT}. {_REBUILD}")
    return State(slot=slot, generation=generation, filling=filling, filling_generation=filling_generation)


def _first_line(problem: Exception) -> str:
    lines = str(getattr(problem, "orig", problem)).strip().splitlines() or ["no answer"]
    return lines[0][:200]
