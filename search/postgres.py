"""The search index in the ledger's PostgreSQL, for many machines: any number of writers and readers.

tsvectors of our own tokens under GIN, BM25 from counts that each write keeps right, typos by `pg_trgm` over the words that
there are. Differences to the other engines are told in docs/search.md.
"""

# ruff: noqa: S608 - statements are put together from our own words alone; all values are bound

import math
import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ledger.database import Database
from search import postgres_writing
from search.port import Asked, Change, EngineError, Found, Hit, Stats, Suggestion
from search.postgres_finding import entries_of, find, hit
from search.postgres_rows import owner_lexeme, quoted
from search.postgres_state import TABLES, Asking, asked, filled_alone, let_go, locked, name, speaking
from search.postgres_words import known, suggested, trigrams
from search.questions import Page, answer

if TYPE_CHECKING:
    from sqlalchemy import Connection

TELLING = 25  # words of a job that look-alikes are sought by
_CANDIDATES = 3_000  # jobs that are compared


class PostgresEngine:
    """The engine `postgresql`. Open it by `opened` or `fresh`."""

    def __init__(
        self, database: Database, *, slot: str | None = None, generation: str = "", holding: "Connection | None" = None
    ) -> None:
        """`slot`: the tables of a generation that is not in force; `holding`: keeps its lock."""
        self._database, self._slot, self._generation, self._holding = database, slot, generation, holding
        self._writing = threading.Lock()

    @property
    def generation(self) -> str:
        """The name of what is asked and written now."""
        if self._slot is not None:
            return self._generation
        with speaking("The search index can't answer"):
            return asked(self._database, lambda asking: asking.generation)

    def write(self, changes: Sequence[Change]) -> None:
        """Commit all changes, in their order; either all of them count or none."""

        def work(connection: "Connection") -> None:
            state = locked(connection, any_format=self._slot is not None)
            postgres_writing.lock(connection, changes)
            for slot in (self._slot,) if self._slot else state.written:
                postgres_writing.write(connection, slot, changes)

        if changes:
            with self._writing, speaking("The search index can't be written"):
                self._database.writing(work)

    def find(self, asked_for: Asked) -> Found:
        """The best places for a question, of its owner's alone."""
        return answer(asked_for, lambda page: self._once(asked_for, page))

    def suggest(self, owner: str, text: str, *, limit: int = 10) -> list[Suggestion]:
        """Names, part ids, part names and tags of the owner's with a word that begins with `text`."""
        if not known(owner):
            return []
        return asked(self._database, lambda asking: suggested(asking, owner, text, limit=limit), pinned=self._slot)

    def similar(self, owner: str, job_id: str, *, limit: int = 10) -> list[Hit]:
        """Other jobs of the owner whose texts have most of this job's telling words."""
        if not (known(owner) and known(job_id)):
            return []
        return asked(self._database, lambda asking: _alike(asking, owner, job_id, limit), pinned=self._slot)

    def versions(self, *, after: str = "", limit: int = 1000) -> list[tuple[str, int, int]]:
        """Jobs in the index by id, from behind `after`: id, version, number of its places."""
        query = "SELECT job_id, version, places FROM {jobs} WHERE job_id > :after ORDER BY job_id LIMIT :limit"
        found = asked(
            self._database, lambda asking: asking.run(query, after=after, limit=limit).tuples().all(), pinned=self._slot
        )
        return [(job, version, places) for job, version, places in found]

    def stats(self) -> Stats:
        """How large it is; without `pg_trgm` its name says so."""
        return asked(self._database, _measured, pinned=self._slot)

    def abandon(self) -> None:
        """The server rolls back what the end of the process cuts off."""

    def close(self) -> None:
        """Let go of connections, and of the lock of a generation that was being filled."""
        holding, self._holding = self._holding, None
        if holding is not None:
            let_go(holding)
        self._database.close()

    def _once(self, asked_for: Asked, page: Page) -> Found:
        if not known(asked_for.owner):
            return Found(hits=(), total=0, facets={one: {} for one in asked_for.facets})
        return asked(self._database, lambda asking: find(asking, asked_for, page), pinned=self._slot)


def opened(database: Database) -> PostgresEngine:
    """For writing and asking. `database`: of this engine's own, so that questions keep no step from its ledger."""
    if database.is_sqlite:
        raise EngineError("The search engine `postgresql` needs a ledger in PostgreSQL")
    return PostgresEngine(database)


def fresh(database: Database) -> PostgresEngine:
    """An empty generation beside the one in force, to be filled, closed, and put in force by its `generation`.

    From now on other machines' writes go to both. Raises `IndexLocked` where another rebuild is under way.
    """
    with speaking("The search index can't be rebuilt"):
        holding, slot, generation = filled_alone(database)
    return PostgresEngine(database, slot=slot, generation=name(slot, generation), holding=holding)


def _alike(asking: Asking, owner: str, job_id: str, limit: int) -> list[Hit]:
    query = """
        SELECT j.job, o.jobs, ARRAY(
            SELECT ROW(w.word, w.jobs) FROM {words} w
            WHERE w.owner = :owner AND w.jobs > 1 AND w.word = ANY(tsvector_to_array(j.gist)) ORDER BY w.jobs, w.word
            LIMIT :telling
        ) AS words FROM {jobs} j JOIN {owners} o ON o.owner = j.owner WHERE j.job_id = :job_id AND j.owner = :owner"""
    found = asking.run(query, owner=owner, job_id=job_id, telling=TELLING).first()
    words = [(str(word), int(jobs)) for word, jobs in found.words] if found else []
    if not found or not words:
        return []
    return _sharing(asking, owner, found.job, found.jobs, words, limit)


def _sharing(
    asking: Asking, owner: str, job: int, jobs: int, words: Sequence[tuple[str, int]], limit: int
) -> list[Hit]:
    """Jobs that share words, the rarest of which say which jobs are compared."""
    rare, candidates = [words[0][0]], words[0][1]
    for word, holders in words[1:]:
        candidates += holders
        if candidates > _CANDIDATES:
            break
        rare.append(word)
    query = """
        WITH near AS MATERIALIZED (
            SELECT j.job, j.gist, j.created FROM {jobs} j
            WHERE j.gist @@ CAST(:query AS tsquery) AND j.owner = :owner AND j.job <> :job LIMIT :most
        )
        SELECT near.job, (
            SELECT sum(worth) FROM unnest(CAST(:words AS text[]), CAST(:worths AS float8[])) AS telling (word, worth)
            WHERE near.gist @@ CAST(telling.word AS tsquery)
        ) AS score FROM near ORDER BY score DESC, created DESC, job LIMIT :limit"""
    any_word = " | ".join(map(quoted, rare))
    values = {
        "query": f"({any_word}) & {quoted(owner_lexeme(owner))}",
        "words": [quoted(word) for word, _holders in words],
        "worths": [math.log(jobs / holders) if jobs > holders else 1e-6 for _word, holders in words],
    }
    best = asking.run(query, **values, owner=owner, job=job, limit=limit, most=_CANDIDATES).all()
    rows = entries_of(asking, owner, [(row.job, 0) for row in best])
    return [hit(rows[row.job, 0], row.score) for row in best if (row.job, 0) in rows]


def _measured(asking: Asking) -> Stats:
    sizes = " + ".join(f"pg_total_relation_size('{{{table}}}')" for table in TABLES)
    query = f"""
        SELECT coalesce(sum(jobs), 0) AS jobs, coalesce(sum(entries), 0) AS entries, max(written_at) AS written_at,
            {sizes} AS size FROM {{owners}}"""
    row = asking.run(query).one()
    engine = "postgresql" if asking.once(trigrams) else "postgresql without pg_trgm"
    return Stats(
        engine=engine, documents=int(row.entries), jobs=int(row.jobs), size=row.size, committed_at=row.written_at
    )
