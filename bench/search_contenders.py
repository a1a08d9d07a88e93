"""The engines that are measured side by side: ours by their port, and SQLite's FTS5 as a bare baseline."""

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from bench.search_fts5 import Fts5
from bench.search_labels import Where
from bench.search_questions import OWNER, Question
from search.port import Engine, EngineError, Put

BATCH = 1_000  # documents of one commit, as the writer of a platform makes them


class Contender(Protocol):
    """An index that is filled and asked."""

    name: str
    lacks: Sequence[str]  # classes of questions that it has no answer for

    def write(self, changes: Sequence[Put]) -> None:
        """Commit all changes."""

    def settle(self) -> None:
        """End what goes on in the background."""

    def size(self) -> int | None:
        """Bytes on disk, where there is a way to tell."""

    def ask(self, question: Question) -> list[Where]:
        """The places of the first page."""

    def close(self) -> None:
        """Let go of it."""


class OfPort:
    """One of our engines."""

    lacks: Sequence[str] = ()

    def __init__(self, name: str, engine: Engine) -> None:
        self.name, self.engine = name, engine

    def write(self, changes: Sequence[Put]) -> None:
        """Commit all changes."""
        self.engine.write(changes)

    def settle(self) -> None:
        """Nothing to do: it is asked as it was left by its commits."""

    def size(self) -> int | None:
        """Bytes on disk."""
        return self.engine.stats().size

    def ask(self, question: Question) -> list[Where]:
        """The places of the first page; of suggestions their texts."""
        if question.of == "suggest":
            return [(one.field, one.text) for one in self.engine.suggest(OWNER, question.q)]
        return [(hit.job_id, hit.place) for hit in self.engine.find(question.asked()).hits]

    def close(self) -> None:
        """Let go of it."""
        self.engine.close()


class Tantivy(OfPort):
    """The embedded engine, in a folder."""

    def __init__(self, folder: Path) -> None:
        from search.tantivy_engine import writing

        super().__init__("tantivy", writing(folder))
        self._folder = folder

    def settle(self) -> None:
        """Wait for merges; it is asked by a reader then, as the API asks it."""
        from search.tantivy_engine import reading

        self.engine.close()
        self.engine = reading(self._folder)


class Postgres(OfPort):
    """The engine of many machines, in a schema of its own."""

    def __init__(self, engine: Engine, *, url: str, schema: str) -> None:
        super().__init__("postgresql", engine)
        self._url, self._schema = url, schema

    def settle(self) -> None:
        """Count and clean up what was written, as its autovacuum does within minutes."""
        import psycopg
        from psycopg import sql

        with psycopg.connect(self._url, autocommit=True) as database:
            tables = "SELECT tablename FROM pg_tables WHERE schemaname = %s AND tablename LIKE 'search%%'"
            for (table,) in database.execute(tables, (self._schema,)).fetchall():
                database.execute(sql.SQL("VACUUM (ANALYZE) {}").format(sql.Identifier(self._schema, table)))


class Bare(Fts5):
    """FTS5."""

    def ask(self, question: Question) -> list[Where]:
        """The places of the first page."""
        return self.find(question.asked())


def filled(contender: Contender, changes: Iterable[Put]) -> tuple[float, int]:
    """Seconds that it took to write all changes and to settle, and how many documents that were."""
    seconds, documents = 0.0, 0
    for batch in batches(changes):
        documents += sum(1 + len(change.places or ()) for change in batch)
        began = time.perf_counter()
        contender.write(batch)
        seconds += time.perf_counter() - began
    began = time.perf_counter()
    contender.settle()
    return seconds + time.perf_counter() - began, documents


def batches(changes: Iterable[Put]) -> Iterator[list[Put]]:
    """Changes by the commit that they are in."""
    batch, documents = list[Put](), 0
    for change in changes:
        size = 1 + len(change.places or ())
        if batch and documents + size > BATCH:
            yield batch
            batch, documents = [], 0
        batch.append(change)
        documents += size
    if batch:
        yield batch


@dataclass(frozen=True, slots=True)
class Answered:
    """How long each question took, answered or not, and how many the engine gave up, its own time being up."""

    milliseconds: list[float]
    given_up: int


def asked(contender: Contender, questions: Sequence[Question]) -> Answered:
    """Ask each question, after a few that nobody counts."""
    for question in questions[:3]:
        answer(contender, question)
    given_up, times = 0, []
    for question in questions:
        began = time.perf_counter()
        given_up += answer(contender, question) is None
        times.append((time.perf_counter() - began) * 1000)
    return Answered(times, given_up)


def answer(contender: Contender, question: Question) -> list[Where] | None:
    """The places of the first page; None where the engine gives the question up, as it does to protect its neighbors."""
    try:
        return contender.ask(question)
    except EngineError:
        return None
