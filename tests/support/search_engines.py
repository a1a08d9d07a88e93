"""Search engines of all kinds, empty, and short ways to fill and to ask them. An engine joins the suite by its opener."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from jobs.context import Place
from ledger import Ledger
from ledger.database import Database
from search.memory import MemoryEngine
from search.port import Asked, Engine, Filters, Found, JobFacts, Put, Sort
from search.postgres import opened
from search.postgres_state import empty
from search.query import parse
from search.tantivy_engine import writing

START = datetime(2026, 1, 1, tzinfo=UTC)
ME, OTHER = "me", "other"

Opener = Callable[[pytest.FixtureRequest, Path], AbstractContextManager[Engine]]


@contextmanager
def memory(_request: pytest.FixtureRequest, _folder: Path) -> Iterator[Engine]:
    yield MemoryEngine()


@contextmanager
def tantivy(_request: pytest.FixtureRequest, folder: Path) -> Iterator[Engine]:
    with closing(writing(folder)) as engine:
        yield engine


@contextmanager
def postgresql(request: pytest.FixtureRequest, _folder: Path) -> Iterator[Engine]:
    """In tables that all tests of a module share, emptied before each."""
    url, schema = request.getfixturevalue("postgres_ledger_url"), "search_contract"
    if url not in _MIGRATED:
        migrated(url, schema)
        _MIGRATED.add(url)
    database = Database(url, db_schema=schema, pool_size=4)
    database.writing(lambda connection: [empty(connection, slot) for slot in ("a", "b")])
    with closing(opened(database)) as engine:
        yield engine


def migrated(url: str, schema: str) -> None:
    """Make the tables."""
    ledger = Ledger(url, db_schema=schema)
    ledger.migrate()
    ledger.close()


_MIGRATED: set[str] = set()  # databases
OPENERS: dict[str, Opener] = {
    "memory": memory,
    "postgresql": postgresql,
    "tantivy": tantivy,
}  # name -> opens an empty engine of this test alone, and closes it


def job_id(number: int) -> str:
    """Ids that grow with their number."""
    return f"{number:08x}-0000-7000-8000-{number:012x}"


def facts(number: int, **more) -> JobFacts:
    """A job made so many minutes after `START`."""
    values = {
        "owner": ME,
        "version": 1,
        "name": f"file-{number}.xml",
        "kind": "bricklink-xml",
        "pipeline": "parts-list",
    }
    values |= {"status": "succeeded", "sha256": f"{number:064x}", "created_at": START + timedelta(minutes=number)}
    return JobFacts(**(values | {"job_id": job_id(number)} | more))


def row(number: int, title: str, text: str = "", **more) -> Place:
    return Place(artifact="records.jsonl", place=f"row {number}", title=title, text=text, **more)


def put(number: int, *places: Place, **more) -> Put:
    return Put(job=facts(number, **more), places=places)


def ask(engine: Engine, q: str = "", *, owner: str = ME, sort: str = "relevance", filters=None, **more) -> Found:
    """An answer; `filters` as a dict of `Filters`' fields."""
    asked = Asked(owner=owner, query=parse(q), filters=Filters(**(filters or {})), sort=Sort(sort), **more)
    return engine.find(asked)


def places(found: Found) -> list[tuple[int, str]]:
    """Job number and place of each hit, in order."""
    return [(int(hit.job_id[:8], 16), hit.place) for hit in found.hits]


def jobs(found: Found) -> list[int]:
    """The job numbers of the hits, in order."""
    return [number for number, _place in places(found)]
