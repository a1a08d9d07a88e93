"""Reads a job with all that belongs to it in one snapshot, so that a platform that goes on makes no false alarm."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import BindParameter, Connection, Select, bindparam, func, select, text

from ledger import Ledger
from ledger.database import db_as_of, db_now
from ledger.lines import ALIVE_SECONDS
from ledger.schema import artifacts, attempts, blobs, events, jobs, step_runs, workers

BATCH = 200  # jobs in memory at a time
Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """What all checks of one audit have in common."""

    workers: Mapping[str, int]  # threads of living workers by pool; none: all are stopped
    oldest_event: datetime | None  # the log reaches back to here
    lost_after: float  # seconds that a queued step run, a lease or a deadline may be overdue


@dataclass(frozen=True, slots=True, kw_only=True)
class Dossier:
    """A job and all that belongs to it at one moment, as raw rows: a wrong status must not keep us from reading."""

    now: datetime  # the database's clock
    job: Row  # its columns, and those of its file's blob as `blob_*`
    steps: tuple[Row, ...]  # in the order of the plan
    attempts: tuple[Row, ...]  # by step, part and fence
    events: tuple[Row, ...]  # by id
    artifacts: tuple[Row, ...]  # their columns, and those of their blobs as `blob_*`

    @property
    def id(self) -> str:
        """The job's."""
        return str(self.job["id"])

    def name(self, step: Row) -> str:
        """How findings call a step run of this job."""
        return step_run_name(self.id, step["name"], step["part"])


def step_run_name(job_id: str, step: str, part: int) -> str:
    """How findings call a step run."""
    return f"{job_id}/{step}.{part}" if part else f"{job_id}/{step}"


@contextmanager
def snapshot(ledger: Ledger) -> Iterator[Connection]:
    """A connection that sees one moment, however many statements it runs."""
    with ledger.database.reading() as tx:
        if not ledger.database.is_sqlite:  # whose readers see one moment anyway
            tx.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"))
        yield tx


def look_around(ledger: Ledger, *, lost_after: float) -> Scene:
    """Who works on this ledger now, and how far its log reaches back."""
    alive = select(workers.c.pool, func.sum(workers.c.concurrency)).where(workers.c.seen_at > db_as_of(-ALIVE_SECONDS))
    with ledger.database.reading() as tx:
        pools = {pool: int(threads) for pool, threads in tx.execute(alive.group_by(workers.c.pool))}
        return Scene(
            workers=pools, oldest_event=tx.execute(select(func.min(events.c.at))).scalar_one(), lost_after=lost_after
        )


def dossiers(ledger: Ledger) -> Iterator[list[Dossier]]:
    """All jobs by id, in batches, each batch in a snapshot of its own; those that come meanwhile may be missed."""
    last = ""
    while True:
        with snapshot(ledger) as tx:
            batch = _load(tx, _JOBS.where(jobs.c.id > last).order_by(jobs.c.id).limit(BATCH))
        if not batch:
            return
        yield batch
        last = batch[-1].id


def dossiers_of(ledger: Ledger, ids: Sequence[str]) -> list[Dossier]:
    """The jobs of these ids that are still there."""
    with snapshot(ledger) as tx:
        return _load(tx, _JOBS.where(jobs.c.id.in_(ids)))


_IDS: BindParameter[Any] = bindparam("ids", expanding=True)
_BLOB = (blobs.c.state.label("blob_state"), blobs.c.sha256.label("blob_sha256"), blobs.c.size.label("blob_size"))
_JOBS = select(jobs, *_BLOB, db_now().label("now")).outerjoin(blobs, blobs.c.key == jobs.c.file_key)
_STEPS = select(step_runs).where(step_runs.c.job_id.in_(_IDS)).order_by(step_runs.c.job_id, step_runs.c.position)
_ATTEMPTS = select(attempts).where(attempts.c.job_id.in_(_IDS)).order_by(attempts.c.started_at, attempts.c.fence)
_EVENTS = select(events).where(events.c.job_id.in_(_IDS)).order_by(events.c.id)
_ARTIFACTS = (
    select(artifacts, *_BLOB)
    .outerjoin(blobs, blobs.c.key == artifacts.c.key)
    .where(artifacts.c.job_id.in_(_IDS))
    .order_by(artifacts.c.job_id, artifacts.c.name)
)


def _load(tx: Connection, query: Select[Any]) -> list[Dossier]:
    found = [dict(row) for row in tx.execute(query).mappings()]
    if not found:
        return []
    ids = [row["id"] for row in found]
    tables = [_by_job(tx, table, ids) for table in (_STEPS, _ATTEMPTS, _EVENTS, _ARTIFACTS)]
    return [
        Dossier(
            now=row["now"],
            job=row,
            steps=tables[0][row["id"]],
            attempts=tables[1][row["id"]],
            events=tables[2][row["id"]],
            artifacts=tables[3][row["id"]],
        )
        for row in found
    ]


def _by_job(tx: Connection, query: Select[Any], ids: Sequence[str]) -> Mapping[str, tuple[Row, ...]]:
    rows: dict[str, list[Row]] = defaultdict(list)
    for row in tx.execute(query, {"ids": ids}).mappings():
        rows[row["job_id"]].append(dict(row))
    return defaultdict(tuple, {job_id: tuple(found) for job_id, found in rows.items()})
