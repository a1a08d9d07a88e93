"""What callers and ops ask: one job, lists, artifacts, attempts, counts."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Select, column, func, select
from sqlalchemy.dialects.postgresql import JSONB

from jobs.model import Artifact, Job, Status
from ledger.database import Database, db_as_of
from ledger.errors import ArtifactNotFound, JobNotFound
from ledger.lines import ALIVE_SECONDS
from ledger.rows import Attempt, artifact_from, attempt_from, select_jobs, whole
from ledger.schema import artifacts, attempts, dead_letters, jobs, outbox, step_runs, workers


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """The state of the whole ledger in numbers."""

    jobs: dict[str, int]  # by status
    queued: dict[str, int]  # step runs by queue
    running: dict[str, int]  # step runs by queue
    unsent: int  # outbox rows that are due
    dead_letters: int  # open ones
    workers: dict[str, int]  # alive, by pool
    sandbox: dict[str, str]  # what the pools' sandboxes can do, by pool
    gpus: dict[str, int]  # workers alive that were let on GPUs, by how these fare: `ready`, `resting`, `absent`


@dataclass(frozen=True, slots=True, kw_only=True)
class JobFilter:
    """Which jobs a list shows."""

    status: Status | None = None
    pipeline: str | None = None
    batch_id: str | None = None
    parent_job_id: str | None = None
    tag: str | None = None


class Queries:
    """Reads; part of `Ledger`."""

    database: Database

    def get(self, job_id: str, *, owner: str) -> Job:
        """One job with its steps and artifacts. Raises `JobNotFound`."""
        with self.database.reading() as tx:
            query = select_jobs().where(jobs.c.id == job_id, jobs.c.owner == owner)
            found = whole(tx, tx.execute(query).mappings().all())
        if not found:
            raise JobNotFound(job_id)
        return found[0]

    def find(self, job_id: str) -> Job | None:
        """One job whoever owns it, for the platform's own work; None where it is gone."""
        with self.database.reading() as tx:
            found = whole(tx, tx.execute(select_jobs().where(jobs.c.id == job_id)).mappings().all())
        return found[0] if found else None

    def ended_well(self, *, after: str, queue: str, limit: int) -> list[str]:
        """Ids, in order, of jobs that succeeded, as did their step in `queue`."""
        ran = select(step_runs.c.job_id).where(
            step_runs.c.job_id == jobs.c.id,
            step_runs.c.queue == queue,
            step_runs.c.status == Status.SUCCEEDED.value,
        )
        query = select(jobs.c.id).where(jobs.c.id > after, jobs.c.status == Status.SUCCEEDED.value, ran.exists())
        with self.database.reading() as tx:
            return list(tx.execute(query.order_by(jobs.c.id).limit(limit)).scalars())

    def version(self, job_id: str, *, owner: str) -> tuple[int, Status]:
        """Only the job's version and status: what a waiting client compares. Raises `JobNotFound`."""
        query = select(jobs.c.version, jobs.c.status).where(jobs.c.id == job_id, jobs.c.owner == owner)
        with self.database.reading() as tx:
            row = tx.execute(query).first()
        if row is None:
            raise JobNotFound(job_id)
        return row[0], Status(row[1])

    def versions(self, ids: Sequence[str]) -> dict[str, tuple[int, Status]]:
        """Version and status of many jobs at once; deleted ones are missing."""
        query = select(jobs.c.id, jobs.c.version, jobs.c.status).where(jobs.c.id.in_(ids))
        with self.database.reading() as tx:
            return {row[0]: (row[1], Status(row[2])) for row in tx.execute(query)}

    def list_jobs(
        self,
        owner: str,
        *,
        filter: JobFilter,  # noqa: A002 - the field's word
        limit: int = 50,
        cursor: str | None = None,
    ) -> tuple[list[Job], str | None]:
        """Newest first; `cursor` is the last id of the page before. Returns the jobs and the next cursor."""
        query = self._filtered(select_jobs(), filter).where(jobs.c.owner == owner)
        if cursor is not None:
            query = query.where(jobs.c.id < cursor)
        with self.database.reading() as tx:
            rows = tx.execute(query.order_by(jobs.c.id.desc()).limit(limit + 1)).mappings().all()
            page = whole(tx, rows[:limit])
        return page, page[-1].id if len(rows) > limit else None

    def artifact(self, job_id: str, name: str, *, owner: str) -> Artifact:
        """One artifact. Raises `JobNotFound`, `ArtifactNotFound`."""
        with self.database.reading() as tx:
            if tx.execute(select(jobs.c.id).where(jobs.c.id == job_id, jobs.c.owner == owner)).first() is None:
                raise JobNotFound(job_id)
            query = select(artifacts).where(artifacts.c.job_id == job_id, artifacts.c.name == name)
            row = tx.execute(query).mappings().first()
        if row is None:
            raise ArtifactNotFound(name)
        return artifact_from(row)

    def attempts(self, job_id: str, *, owner: str) -> list[Attempt]:
        """The last thousand attempts of a job's step runs, in the order in which they began. Raises `JobNotFound`."""
        mine = select(jobs.c.id).where(jobs.c.id == job_id, jobs.c.owner == owner)
        mine_all = select(attempts).where(attempts.c.job_id == job_id)
        query = mine_all.order_by(attempts.c.started_at.desc(), attempts.c.fence.desc()).limit(1000)
        with self.database.reading() as tx:
            if tx.execute(mine).first() is None:
                raise JobNotFound(job_id)
            return [attempt_from(row) for row in tx.execute(query).mappings()][::-1]

    def counts(self) -> Counts:
        """How much of everything there is."""
        by_queue = select(step_runs.c.status, step_runs.c.queue, func.count()).where(
            step_runs.c.status.in_((Status.QUEUED.value, Status.RUNNING.value))
        )
        alive = select(workers.c.pool, func.count(), func.min(workers.c.sandbox)).where(
            workers.c.seen_at > db_as_of(-ALIVE_SECONDS)
        )
        on_gpus = select(workers.c.gpu, func.count()).where(
            workers.c.seen_at > db_as_of(-ALIVE_SECONDS), workers.c.gpu != ""
        )
        unsent = select(func.count()).select_from(outbox).where(outbox.c.due_at <= db_as_of())
        letters = select(func.count()).select_from(dead_letters).where(dead_letters.c.state == "open")
        with self.database.reading() as tx:
            steps = tx.execute(by_queue.group_by(step_runs.c.status, step_runs.c.queue)).all()
            pools = tx.execute(alive.group_by(workers.c.pool)).all()
            statuses = tx.execute(select(jobs.c.status, func.count()).group_by(jobs.c.status)).all()
            return Counts(
                jobs={row[0]: row[1] for row in statuses},
                queued={queue: n for status, queue, n in steps if status == Status.QUEUED.value},
                running={queue: n for status, queue, n in steps if status == Status.RUNNING.value},
                unsent=tx.execute(unsent).scalar_one(),
                dead_letters=tx.execute(letters).scalar_one(),
                workers={pool: n for pool, n, _ in pools},
                sandbox={pool: sandbox for pool, _, sandbox in pools},
                gpus={row[0]: row[1] for row in tx.execute(on_gpus.group_by(workers.c.gpu)).all()},
            )

    def _filtered(self, query: Select[tuple[object, ...]], wanted: JobFilter) -> Select[tuple[object, ...]]:
        if wanted.status is not None:
            query = query.where(jobs.c.status == wanted.status.value)
        if wanted.pipeline is not None:
            query = query.where(jobs.c.pipeline == wanted.pipeline)
        if wanted.batch_id is not None:
            query = query.where(jobs.c.batch_id == wanted.batch_id)
        if wanted.parent_job_id is not None:
            query = query.where(jobs.c.parent_job_id == wanted.parent_job_id)
        if wanted.tag is not None:
            query = query.where(tagged(self.database, wanted.tag))
        return query


def tagged(database: Database, tag: str) -> ColumnElement[bool]:
    """Whether a job has this tag."""
    if database.is_sqlite:
        each = func.json_each(jobs.c.tags).table_valued("value", joins_implicitly=True)
        return select(column("value")).select_from(each).where(each.c.value == tag).exists()
    return jobs.c.tags.cast(JSONB).contains([tag])
