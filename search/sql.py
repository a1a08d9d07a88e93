"""Search on a plain SQL table: words in any order, case-folded, ranked by where and how often they stand."""

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, case, delete, func, select

from jobs.context import Place
from ledger.database import Database
from ledger.schema import jobs, search_places

MAX_WORDS = 12  # of a query; more are ignored
MAX_BODY = 20_000  # characters of one place that are searched
SNIPPET = 160  # characters


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """One place that matched."""

    job_id: str
    artifact: str | None
    place: str  # `page 3`, `row 17`
    title: str
    snippet: str  # text around the first word found
    score: float  # higher is better; comparable within one answer only


def fold(text: str) -> str:
    """The form that is compared: compatibility-normalised and case-folded."""
    return text.lower() if text.isascii() else unicodedata.normalize("NFKC", text).casefold()


class SqlSearch:
    """Queries and writes; every query is limited to one owner inside the engine."""

    def __init__(self, database: Database) -> None:
        self._database = database
        style = "?" if database.is_sqlite else "%s"
        self._insert = f"INSERT INTO {search_places.name} ({', '.join(_COLUMNS)}) VALUES ({', '.join([style] * 7)})"  # noqa: S608 - our own names

    def query(self, owner: str, q: str, *, limit: int = 20, offset: int = 0) -> tuple[list[Hit], int | None]:
        """Places that hold every word of `q`, best first, and the next offset. No words: no hits."""
        words = fold(q).split()[:MAX_WORDS]
        if not words:
            return [], None
        holds = [search_places.c.folded.contains(word, autoescape=True) for word in words]
        score = _score(words)
        query = (
            select(search_places, score.label("score"))
            .join(jobs, jobs.c.id == search_places.c.job_id)
            .where(search_places.c.owner == owner, *holds)
            .order_by(score.desc(), search_places.c.job_id.desc(), search_places.c.id)
        )
        with self._database.reading() as tx:
            rows = tx.execute(query.limit(limit + 1).offset(offset)).mappings().all()
        hits = [_hit(dict(row), words) for row in rows[:limit]]
        return hits, offset + limit if len(rows) > limit else None

    def replace(self, owner: str, job_id: str, places: Iterable[Place]) -> int:
        """Make `places` findable instead of what was there for the job; returns how many."""

        def work(tx: Connection) -> int:
            tx.execute(delete(search_places).where(search_places.c.job_id == job_id))
            if tx.execute(select(jobs.c.id).where(jobs.c.id == job_id)).first() is None:
                return 0  # deleted meanwhile
            if rows:
                # Straight to the driver: SQLAlchemy's own handling of parameters takes longer than the insert.
                tx.exec_driver_sql(self._insert, rows)
            return len(rows)

        rows = [_row(owner, job_id, place) for place in places]
        return self._database.writing(work)

    def remove(self, job_id: str) -> None:
        """Forget a job."""
        self._database.writing(lambda tx: tx.execute(delete(search_places).where(search_places.c.job_id == job_id)))

    def known(self, job_ids: Sequence[str]) -> set[str]:
        """Which of these jobs have entries."""
        query = select(search_places.c.job_id).where(search_places.c.job_id.in_(job_ids)).distinct()
        with self._database.reading() as tx:
            return set(tx.execute(query).scalars())

    def strays(self, *, limit: int = 1000) -> list[str]:
        """Jobs that have entries, and that the ledger does not know any more."""
        gone = ~select(jobs.c.id).where(jobs.c.id == search_places.c.job_id).exists()
        query = select(search_places.c.job_id).where(gone).distinct().limit(limit)
        with self._database.reading() as tx:
            return list(tx.execute(query).scalars())


class JobIndex:
    """The port that an indexing step is given: bound to its own job."""

    def __init__(self, search: SqlSearch, *, owner: str, job_id: str, file_name: str) -> None:
        self._search = search
        self._owner = owner
        self._job_id = job_id
        self._file_name = file_name

    def index(self, places: Iterable[Place]) -> int:
        """Make `places` findable instead of what was there for this job; returns how many.

        A job in which nothing can be found (a scan without text) is still found by its file's name.
        """
        found = list(places) or [Place(artifact=None, place="file", title=self._file_name, text="")]
        return self._search.replace(self._owner, self._job_id, found)


def _score(words: list[str]) -> ColumnElement[Any]:
    """Two for a word in the title, and one more where the whole place is short: names above bodies."""
    title = func.lower(search_places.c.title)
    points = [case((title.contains(word, autoescape=True), 2.0), else_=0.0) for word in words]
    total: ColumnElement[Any] = case((func.length(search_places.c.folded) < 200, 1.0), else_=0.0)
    for point in points:
        total = total + point
    return total


_COLUMNS = ("owner", "job_id", "artifact", "place", "title", "body", "folded")


def _row(owner: str, job_id: str, place: Place) -> tuple[str | None, ...]:
    """The columns of `_COLUMNS`."""
    body, title = place.text[:MAX_BODY], place.title
    if "\0" in body or "\0" in title:  # which PostgreSQL's text cannot hold
        body, title = body.replace("\0", ""), title.replace("\0", "")
    return owner, job_id, place.artifact, place.place, title, body, fold(f"{title} {body}")


def _hit(row: dict[str, Any], words: list[str]) -> Hit:
    names = ("job_id", "artifact", "place", "title")
    return Hit(**{name: row[name] for name in names}, snippet=snippet(row["body"], words), score=float(row["score"]))


def snippet(body: str, words: list[str]) -> str:
    """About 160 characters around the first word found."""
    folded = body.casefold()
    found = min((at for at in (folded.find(word) for word in words) if at >= 0), default=0)
    start = max(0, found - SNIPPET // 3)
    cut = " ".join(body[start : start + SNIPPET].split())
    return f"{'…' if start else ''}{cut}{'…' if start + SNIPPET < len(body) else ''}"
