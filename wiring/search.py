"""The search index, as every process shares it: which engine, and what it is told of a job."""

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from config.settings import Settings
from ledger import JobCard, Ledger
from ledger.database import Database
from search.port import Engine, EngineError, JobFacts
from search.query import NUMBERS

if TYPE_CHECKING:
    from search.postgres import PostgresEngine
    from search.tantivy_engine import TantivyEngine

_CONNECTIONS = 4  # of one process to an index in PostgreSQL; as many again for a moment


def engine_name(settings: Settings) -> str:
    """Which engine settings choose: `tantivy` or `postgresql`."""
    if settings.search.engine != "auto":
        return settings.search.engine
    return "tantivy" if settings.ledger_url.startswith("sqlite") else "postgresql"


def is_shared(settings: Settings) -> bool:
    """Whether several processes may write to the index at once."""
    return engine_name(settings) == "postgresql"


def open_for_asking(settings: Settings) -> Engine:
    """The engine that settings choose, to be asked; an index that nobody has made yet is empty."""
    if is_shared(settings):
        from search.postgres import opened

        return opened(_database(settings))
    from search.tantivy_engine import reading  # not before a process needs it

    return reading(settings.search_path)


def open_for_writing(settings: Settings) -> Engine:
    """The same, to be changed, which one process at a time may do with tantivy. Raises `EngineError`, `IndexLocked`."""
    if is_shared(settings):
        return open_for_asking(settings)
    from search.tantivy_engine import writing

    return writing(settings.search_path)


def generations(settings: Settings) -> "FolderGenerations | TableGenerations":
    """Where a fresh index can be built beside the one in force."""
    if is_shared(settings):
        return TableGenerations(_database(settings))
    return FolderGenerations(settings.search_path)


def _database(settings: Settings) -> Database:
    """Connections of the index's own, so that questions keep nobody from the ledger."""
    return Database(settings.ledger_url, db_schema=settings.ledger.db_schema, pool_size=_CONNECTIONS)


class TableGenerations:
    """See `workers.reconcile.rebuild.Generations`: two sets of tables in PostgreSQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def begin(self) -> "PostgresEngine":
        """An empty index beside the one in force. Raises `IndexLocked` where another worker builds one."""
        from search.postgres import fresh

        return fresh(self._database)

    def adopt(self, built: "PostgresEngine") -> None:
        """From now on everybody asks and writes `built`; the index before it goes."""
        from search.postgres_state import put_in_force, sweep

        name = built.generation
        put_in_force(self._database, name)
        built.close()
        sweep(self._database)

    def give_up(self, built: "PostgresEngine") -> None:
        """Throw away what will not come into force."""
        from search.postgres_state import sweep

        built.close()
        sweep(self._database)


class FolderGenerations:
    """See `workers.reconcile.rebuild.Generations`: tantivy's folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def begin(self) -> "TantivyEngine":
        """An empty index beside the one in force; what an earlier one left behind goes."""
        from search.tantivy_engine import fresh
        from search.tantivy_folder import sweep

        with suppress(EngineError):  # nobody can tell which one is in force: all the more it is time for another
            sweep(self._folder)
        return fresh(self._folder)

    def adopt(self, built: "TantivyEngine") -> None:
        """From now on everybody asks and writes `built`; the index before it goes."""
        from search.tantivy_folder import put_in_force, sweep

        name = built.generation
        built.close()
        put_in_force(self._folder, name)
        sweep(self._folder)

    def give_up(self, built: "TantivyEngine") -> None:
        """Throw away what will not come into force."""
        from search.tantivy_folder import sweep

        built.close()
        sweep(self._folder)


def facts_of(card: JobCard) -> JobFacts:
    """What an index is told of a job as a whole."""
    known: dict[str, Any] = {"size": card.size} | {name: card.summary.get(name) for name in NUMBERS if name != "size"}
    numbers = {name: float(value) for name, value in known.items() if _is_number(value)}
    return JobFacts(
        job_id=card.id,
        owner=card.owner,
        version=card.version,
        name=card.name,
        kind=card.kind,
        pipeline=card.pipeline,
        status=card.status,
        sha256=card.sha256,
        created_at=card.created_at,
        finished_at=card.finished_at,
        tags=card.tags,
        numbers=MappingProxyType(numbers),
    )


def facts_in(ledger: Ledger, job_ids: Sequence[str]) -> dict[str, JobFacts]:
    """The same of these jobs as they are now, by id; deleted ones are missing."""
    return {job_id: facts_of(card) for job_id, card in ledger.cards(job_ids).items()}


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
