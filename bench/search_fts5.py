"""SQLite's FTS5 as a few lines make an index of it: what a search without an engine of its own would be."""

import sqlite3
from collections.abc import Sequence
from pathlib import Path

from bench.search_labels import Where
from search.analysis import folded
from search.entries import JOB_PLACE
from search.port import Asked, Put, Sort
from search.query import Clause, Range, Words
from search.tantivy_schema import microseconds

_TABLES = """
CREATE TABLE job (id INTEGER PRIMARY KEY, job_id TEXT, kind TEXT, pipeline TEXT, name TEXT, created INTEGER,
  pieces REAL, triangles REAL);
CREATE TABLE tag (tag TEXT, job INTEGER, PRIMARY KEY (tag, job)) WITHOUT ROWID;
CREATE INDEX tag_of ON tag (job);
CREATE TABLE place (id INTEGER PRIMARY KEY, job INTEGER, place TEXT, color TEXT);
CREATE TABLE part (part TEXT, place INTEGER, PRIMARY KEY (part, place)) WITHOUT ROWID;
CREATE VIRTUAL TABLE words USING fts5 (title, text, name UNINDEXED, tokenize = 'unicode61 remove_diacritics 2', prefix = '2 3');
"""
_FACETS = {"kind": "job.kind", "color": "place.color", "tag": "tag.tag"}
_SORTS = {
    Sort.RELEVANCE: "bm25(words, 3.0, 1.0)",
    Sort.NEWEST: "job.created DESC",
    Sort.OLDEST: "job.created",
    Sort.NAME: "job.name",
}
_FROM = "FROM words JOIN place ON place.id = words.rowid JOIN job ON job.id = place.job"


class Fts5:
    """Words, phrases, prefixes, filters, facets and BM25; it knows no typos and no suggestions."""

    name = "fts5"
    lacks: Sequence[str] = ("typo", "suggest")

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self._path = folder / "fts5.sqlite3"
        self._db = sqlite3.connect(self._path, isolation_level=None)
        self._db.executescript(f"PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; {_TABLES}")
        self._jobs = self._places = 0

    def write(self, changes: Sequence[Put]) -> None:
        """One commit. Jobs are only ever added."""
        self._db.execute("BEGIN")
        for change in changes:
            self._add(change)
        self._db.execute("COMMIT")

    def settle(self) -> None:
        """Merge everything into one piece, as one does after a load."""
        self._db.execute("INSERT INTO words(words) VALUES ('optimize')")
        self._db.execute("ANALYZE")
        self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def size(self) -> int:
        """Bytes on disk."""
        return sum(path.stat().st_size for path in self._path.parent.iterdir())

    def find(self, asked: Asked) -> list[Where]:
        """The first page with snippets and, as our answers have, how many there are in all and the facets."""
        where, values, matching = _narrowed(asked)
        source = _FROM if matching else _FROM.replace("words JOIN place ON place.id = words.rowid", "place")
        rank = _SORTS[asked.sort] if matching else _SORTS[Sort.NEWEST if asked.sort is Sort.RELEVANCE else asked.sort]
        shown = "snippet(words, 1, '[', ']', '...', 20)" if matching else "''"
        page = f"SELECT job.job_id, place.place, {shown} {source} WHERE {where} ORDER BY {rank} LIMIT ?"
        hits = self._db.execute(page, (*values, asked.limit)).fetchall()
        self._db.execute(f"SELECT count(*) {source} WHERE {where}", values).fetchone()
        for facet in asked.facets:
            more = " JOIN tag ON tag.job = job.id" if facet == "tag" else ""
            column = _FACETS[facet]
            counted = (
                f"SELECT {column}, count(DISTINCT job.id) AS n {source}{more} WHERE {where} GROUP BY 1 ORDER BY n DESC"
            )
            self._db.execute(f"{counted} LIMIT 100", values).fetchall()
        return [(job, place) for job, place, _snippet in hits]

    def close(self) -> None:
        """Let go of the file."""
        self._db.close()

    def _add(self, change: Put) -> None:
        facts, self._jobs = change.job, self._jobs + 1
        numbers = facts.numbers.get("pieces"), facts.numbers.get("triangles")
        created = microseconds(facts.created_at)
        values = (self._jobs, facts.job_id, facts.kind, facts.pipeline, folded(facts.name), created, *numbers)
        self._db.execute("INSERT INTO job VALUES (?, ?, ?, ?, ?, ?, ?, ?)", values)
        self._db.executemany("INSERT INTO tag VALUES (?, ?)", [(folded(tag), self._jobs) for tag in facts.tags])
        itself = (JOB_PLACE, facts.name, f"{facts.kind} {' '.join(facts.tags)} {facts.job_id}", None, ())
        rows = [
            (one.place, " ".join((one.title, one.name or "")), one.text, one.color, one.parts)
            for one in change.places or ()
        ]
        for place, title, text, color, parts in (*rows, itself):
            self._places += 1
            self._db.execute("INSERT INTO place VALUES (?, ?, ?, ?)", (self._places, self._jobs, place, color))
            self._db.execute(
                "INSERT INTO words (rowid, title, text, name) VALUES (?, ?, ?, ?)",
                (self._places, title, text, facts.name),
            )
            self._db.executemany(
                "INSERT OR IGNORE INTO part VALUES (?, ?)", [(folded(part), self._places) for part in parts]
            )


def _narrowed(asked: Asked) -> tuple[str, list[object], bool]:
    """A WHERE, its values, and whether words are looked for."""
    filters, where, values = asked.filters, list[str](), list[object]()
    words = [_words(clause) for clause in asked.query.must if isinstance(clause, Words)]
    if words:
        where.append("words MATCH ?")
        values.append(" AND ".join(words))
    for column, wanted in (("job.kind", filters.kinds), ("job.pipeline", filters.pipelines)):
        where += [f"{column} IN ({', '.join('?' * len(wanted))})"] if wanted else []
        values += wanted
    for color in filters.colors:
        where.append("place.color = ?")
        values.append(color)
    for part in filters.parts:
        where.append("place.id IN (SELECT place FROM part WHERE part = ?)")
        values.append(folded(part))
    for tag in filters.tags:
        where.append("job.id IN (SELECT job FROM tag WHERE tag = ?)")
        values.append(folded(tag))
    for name, bounds in filters.ranges.items():
        for sign, bound in zip((">=", "<="), bounds, strict=True):
            where += [f"job.{name} {sign} ?"] if bound is not None else []
            values += [bound] if bound is not None else []
    for sign, moment in ((">=", filters.created_from), ("<", filters.created_to)):
        where += [f"job.created {sign} ?"] if moment is not None else []
        values += [microseconds(moment)] if moment is not None else []
    if not words and not filters.parts and not filters.colors:
        where.append(f"place.place = '{JOB_PLACE}'")
    return " AND ".join(where), values, bool(words)


def _words(clause: Clause) -> str:
    assert not isinstance(clause, Range)
    text = f'"{" ".join(clause.tokens)}"{"*" if clause.prefix else ""}'
    return f"title : {text}" if clause.field in {"name", "part"} else text
