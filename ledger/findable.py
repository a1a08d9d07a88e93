"""What a search index is to know of whole jobs, which it has yet to hear of, and what is found without one."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Connection,
    RowMapping,
    Select,
    Text,
    bindparam,
    cast,
    delete,
    exists,
    func,
    literal,
    literal_column,
    or_,
    select,
    update,
)

from jobs.model import Status
from ledger.database import Database, db_now
from ledger.folding import fold
from ledger.glance import Glances
from ledger.queries import tagged
from ledger.schema import jobs, search_gone, step_runs

_CARD = ("id", "owner", "version", "pipeline", "status", "summary", "tags", "created_at", "finished_at")
_CARDS = select(*(jobs.c[name] for name in (*_CARD, "file")))
_CARDS_BY_ID = _CARDS.where(jobs.c.id.in_(bindparam("ids", expanding=True)))
_ANY_WAITS = select(jobs.c.id).where(jobs.c.unindexed_since.is_not(None)).limit(1)
_SHOWN = select(*(jobs.c[name] for name in ("id", "owner", "status", "file"))).where(
    jobs.c.id.in_(bindparam("ids", expanding=True))
)
# The same two for `Glances`: every search asks them.
_ANY_WAITS_HERE = "SELECT 1 FROM jobs WHERE unindexed_since IS NOT NULL LIMIT 1"
_SHOWN_HERE = """
SELECT id, owner, status, json_extract(file, '$.name'), json_extract(file, '$.kind') FROM jobs WHERE id IN ({})
"""
_INDEX_WAITS = select(or_(exists().where(jobs.c.unindexed_since.is_not(None)), exists(search_gone.select())))
_ENDED = tuple(status.value for status in Status if status.ended)


@dataclass(frozen=True, slots=True, kw_only=True)
class JobCard:
    """What is findable of a job as a whole."""

    id: str
    owner: str
    version: int
    pipeline: str
    status: str
    name: str  # of its file
    kind: str
    sha256: str
    size: int  # bytes
    tags: tuple[str, ...]
    summary: Mapping[str, Any]
    created_at: datetime
    finished_at: datetime | None


class Shown(NamedTuple):
    """What a hit of a search shows of its job; in the order of `_SHOWN_HERE`."""

    id: str
    owner: str
    status: str
    name: str  # of its file
    kind: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Indexed:
    """What should be in an index for a job."""

    id: str
    version: int
    ended: bool
    waits: bool  # the index has yet to hear of a change
    steps: tuple[str, ...]  # that succeeded in making it findable


@dataclass(frozen=True, slots=True, kw_only=True)
class Lag:
    """How far a search index is behind."""

    jobs: int  # that changed
    gone: int  # that were deleted
    seconds: float  # since the oldest of these changes, by the database's clock; 0 where there are none


@dataclass(frozen=True, slots=True, kw_only=True)
class CardFilter:
    """Which jobs a search without an index shows: all of these hold; of kinds, pipelines and statuses any."""

    kinds: tuple[str, ...] = ()
    pipelines: tuple[str, ...] = ()
    statuses: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    created_from: datetime | None = None  # inclusive
    created_to: datetime | None = None  # exclusive


ANY_CARD = CardFilter()


class Findables:
    """Part of `Ledger`."""

    database: Database
    glances: Glances

    def index_waits(self) -> bool:
        """Whether the index has yet to hear of anything: one cheap look, since most of the time it has not."""
        with self.database.reading() as tx:
            return bool(tx.execute(_INDEX_WAITS).scalar_one())

    def unindexed(self, *, limit: int = 200) -> list[str]:
        """Jobs that the index has yet to hear of, those that wait longest first."""
        query = select(jobs.c.id).where(jobs.c.unindexed_since.is_not(None)).order_by(jobs.c.unindexed_since)
        with self.database.reading() as tx:
            return list(tx.execute(query.limit(limit)).scalars())

    def gone(self, *, limit: int = 200) -> list[str]:
        """Deleted jobs that the index has yet to forget, in the order in which they were deleted."""
        query = select(search_gone.c.job_id).order_by(search_gone.c.at)
        with self.database.reading() as tx:
            return list(tx.execute(query.limit(limit)).scalars())

    def cards(self, ids: Sequence[str]) -> dict[str, JobCard]:
        """These jobs, by id; deleted ones are missing."""
        with self.database.reading() as tx:
            return {row["id"]: _card(row) for row in tx.execute(_CARDS_BY_ID, {"ids": list(ids)}).mappings()}

    def shown(self, ids: Sequence[str]) -> dict[str, Shown]:
        """What hits show of these jobs, by id; deleted ones are missing."""
        rows = self.glances.rows(_SHOWN_HERE.format(",".join("?" * len(ids))), ids)
        if rows is not None:
            return {row[0]: Shown._make(row) for row in rows}
        with self.database.reading() as tx:
            found = tx.execute(_SHOWN, {"ids": list(ids)}).all()
        return {id_: Shown(id_, owner, status, file["name"], file["kind"]) for id_, owner, status, file in found}

    def indexed(self, versions: Mapping[str, int], *, gone: Sequence[str] = ()) -> None:
        """The index has these jobs as of these versions, and has forgotten those that are gone.

        One that has changed meanwhile still waits.
        """
        same = (jobs.c.id == bindparam("_id"), jobs.c.version == bindparam("_version"))
        heard = update(jobs).where(*same, jobs.c.unindexed_since.is_not(None)).values(unindexed_since=None)
        # In one order for all: two that lock the same rows don't wait for each other.
        rows = [{"_id": job_id, "_version": version} for job_id, version in sorted(versions.items())]

        def work(tx: Connection) -> None:
            if rows:
                tx.execute(heard, rows)
            if gone:
                tx.execute(delete(search_gone).where(search_gone.c.job_id.in_(sorted(gone))))

        if rows or gone:
            self.database.writing(work)

    def unindex(self, ids: Sequence[str] | None = None) -> int:
        """Have the index hear of these jobs again, or of all; returns how many."""
        query = update(jobs).where(jobs.c.unindexed_since.is_(None)).values(unindexed_since=db_now())
        wanted = query if ids is None else query.where(jobs.c.id.in_(ids))
        return self.database.writing(lambda tx: tx.execute(wanted).rowcount)

    def search_lag(self) -> Lag:
        """How far the index is behind."""
        waiting = select(func.count(), func.min(jobs.c.unindexed_since), db_now()).where(
            jobs.c.unindexed_since.is_not(None)
        )
        with self.database.reading() as tx:
            count, since, now = tx.execute(waiting).one()
            gone, gone_since = tx.execute(select(func.count(), func.min(search_gone.c.at))).one()
        oldest = min((at for at in (since, gone_since) if at is not None), default=now)
        return Lag(jobs=count, gone=gone, seconds=max(0.0, (now - oldest).total_seconds()))

    def indexed_page(self, *, after: str = "", limit: int = 1000) -> list[Indexed]:
        """What the index should have, by job id, from behind `after`."""
        waits = jobs.c.unindexed_since.is_not(None).label("waits")
        query = select(jobs.c.id, jobs.c.version, jobs.c.status, waits).where(jobs.c.id > after)
        with self.database.reading() as tx:
            rows = tx.execute(query.order_by(jobs.c.id).limit(limit)).all()
            if not rows:
                return []
            ran = select(step_runs.c.job_id, step_runs.c.name).where(
                step_runs.c.job_id >= rows[0].id,
                step_runs.c.job_id <= rows[-1].id,
                step_runs.c.queue == "indexing",
                step_runs.c.status == Status.SUCCEEDED.value,
            )
            steps: dict[str, list[str]] = {}
            for job_id, name in tx.execute(ran):
                steps.setdefault(job_id, []).append(name)
        return [
            Indexed(
                id=row.id,
                version=row.version,
                ended=row.status in _ENDED,
                waits=bool(row.waits),
                steps=tuple(steps.get(row.id, ())),
            )
            for row in rows
        ]

    def owners_of(self, ids: Sequence[str]) -> dict[str, str]:
        """Whose these jobs are, by id; deleted ones are missing."""
        query = select(jobs.c.id, jobs.c.owner).where(jobs.c.id.in_(ids))
        with self.database.reading() as tx:
            return dict(tx.execute(query).tuples().all())

    def unindexed_like(
        self, owner: str, words: Sequence[str], *, wanted: CardFilter = ANY_CARD, limit: int = 100
    ) -> list[JobCard]:
        """Jobs of the owner that the index has yet to hear of, newest first; see `jobs_like` for the rest.

        Of more than `limit` those that changed last.
        """
        if not self._any_waits():  # as it is most of the time
            return []
        # Not the bare column: SQLite would take the index by owner, and look at every job that the owner has.
        whose = func.coalesce(jobs.c.owner, "") == owner
        waits = jobs.c.unindexed_since
        query = self._like(words, wanted, whose, waits.is_not(None)).order_by(waits.desc())
        return sorted(self._read(query.limit(limit)), key=lambda card: card.id, reverse=True)

    def jobs_like(
        self, owner: str, words: Sequence[str], *, wanted: CardFilter = ANY_CARD, limit: int = 100, after: str = ""
    ) -> list[JobCard]:
        """Jobs of the owner, newest first, from behind the id `after`: an answer where there is no index to ask.

        Each of `words` must be part of a job's file name, its tags or its id, whatever their case and accents.
        It looks through the rows themselves, which takes a while where there are very many.
        """
        query = self._like(words, wanted, jobs.c.owner == owner, *([jobs.c.id < after] if after else []))
        return self._read(query.order_by(jobs.c.id.desc()).limit(limit))

    def _any_waits(self) -> bool:
        rows = self.glances.rows(_ANY_WAITS_HERE)
        if rows is not None:
            return bool(rows)
        with self.database.reading() as tx:
            return tx.execute(_ANY_WAITS).first() is not None

    def _like(self, words: Sequence[str], wanted: CardFilter, *more: ColumnElement[bool]) -> Select[Any]:
        holds = _holds_sqlite if self.database.is_sqlite else _holds_postgres
        said = [part for word in words for part in fold(word).split()]
        tags = [tagged(self.database, tag) for tag in wanted.tags]
        return _CARDS.where(*more, *_conditions(wanted), *tags, *holds(said))

    def _read(self, query: Select[Any]) -> list[JobCard]:
        with self.database.reading() as tx:
            return [_card(row) for row in tx.execute(query).mappings()]


def _conditions(wanted: CardFilter) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if wanted.kinds:
        found.append(jobs.c.file["kind"].as_string().in_(wanted.kinds))
    if wanted.pipelines:
        found.append(jobs.c.pipeline.in_(wanted.pipelines))
    if wanted.statuses:
        found.append(jobs.c.status.in_(wanted.statuses))
    if wanted.created_from is not None:
        found.append(jobs.c.created_at >= wanted.created_from)
    if wanted.created_to is not None:
        found.append(jobs.c.created_at < wanted.created_to)
    return found


def _holds_sqlite(words: Sequence[str]) -> list[ColumnElement[bool]]:
    """By a function of ours (see `ledger/folding.py`): SQLite's own knows no case beyond ASCII."""
    if not words:
        return []
    name, tags = jobs.c.file["name"].as_string(), cast(jobs.c.tags, Text)
    return [func.heavylift_holds(json.dumps(words), name, tags, jobs.c.id) == 1]


def _holds_postgres(words: Sequence[str]) -> list[ColumnElement[bool]]:
    tags = func.replace(cast(jobs.c.tags, Text), '\\"', '"')
    said = func.concat_ws(" ", jobs.c.file["name"].as_string(), tags, jobs.c.id)
    taken_apart = func.normalize(func.lower(said), literal_column("NFKD"))
    text = func.regexp_replace(taken_apart, "[\u0300-\u036f]", "", "g", type_=Text)
    return [func.strpos(text, literal(word)) > 0 for word in words]


def _card(row: RowMapping) -> JobCard:
    file = row["file"]
    facts = {name: file[name] for name in ("name", "kind", "sha256", "size")}
    return JobCard(**{name: row[name] for name in _CARD if name != "tags"}, tags=tuple(row["tags"]), **facts)
