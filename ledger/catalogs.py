"""Which catalog is in force: one version is active, the last few are kept, each the artifact of the job that made it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, RowMapping, delete, exists, insert, select, update

from jobs.lifecycle import Event, WrongState
from jobs.model import Status
from ledger.apply import locked, log
from ledger.database import Database, db_now
from ledger.reference import catalog_versions
from ledger.schema import artifacts, jobs

CATALOG = "catalog.sqlite"  # the artifact that is a version
ACTIVE, RETIRED = "active", "retired"
KEPT = 3  # versions; older ones, and their jobs, are left to retention


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogVersion:
    """One compiled catalog that was in force once, or is."""

    job_id: str  # that imported it; also the version's name
    state: str  # active, retired
    counts: Mapping[str, int]  # rows by table
    notes: Mapping[str, Any]  # what its import said: source, checks, validators of what was fetched
    activated_at: datetime
    key: str  # the object's key in the store
    sha256: str
    size: int  # bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class LatestJob:
    """The newest job of a pipeline, whoever owns it."""

    job_id: str
    status: Status
    age: float  # seconds since it was submitted, by the database's clock


class Catalogs:
    """The verbs on catalog versions; part of `Ledger`."""

    database: Database

    def active_catalog(self) -> CatalogVersion | None:
        """The version in force; None where nothing was imported yet."""
        with self.database.reading() as tx:
            row = tx.execute(_VERSIONS.where(catalog_versions.c.state == ACTIVE)).mappings().first()
        return _version(row) if row else None

    def catalog_versions(self) -> list[CatalogVersion]:
        """All kept versions, the newest first."""
        with self.database.reading() as tx:
            rows = tx.execute(_VERSIONS.order_by(catalog_versions.c.activated_at.desc())).mappings()
            return [_version(row) for row in rows]

    def activate_catalog(self, job_id: str, *, counts: Mapping[str, int], notes: Mapping[str, Any]) -> bool:
        """Put the catalog that a running job has compiled in force; whether it is now.

        One transaction: readers see the old version or the new one. Once per job: a step that runs again after a
        crash changes nothing, and does not push out a version that came after it. Raises `JobNotFound`, and
        `WrongState` where the job was cancelled meanwhile or has compiled nothing.
        """

        def work(tx: Connection) -> bool:
            job, now = locked(tx, job_id)
            state = tx.execute(select(catalog_versions.c.state).where(catalog_versions.c.job_id == job_id)).scalar()
            if state is not None:
                return bool(state == ACTIVE)
            if job.status.ended:
                raise WrongState(f"the job is {job.status}")
            compiled = exists().where(artifacts.c.job_id == job_id, artifacts.c.name == CATALOG)
            if not tx.execute(select(compiled)).scalar_one():
                raise WrongState("the job has compiled no catalog")
            # Of two at once the one that comes second finds the first one active, and runs again.
            tx.execute(update(catalog_versions).where(catalog_versions.c.state == ACTIVE).values(state=RETIRED))
            values = {"job_id": job_id, "state": ACTIVE, "counts": dict(counts), "notes": dict(notes)}
            tx.execute(insert(catalog_versions).values(**values, created_at=now, activated_at=db_now()))
            _drop_old(tx)
            log(tx, job, (Event(type="catalog.activated", data={"counts": dict(counts)}),), now=now)
            return True

        return self.database.writing(work, durable=True)

    def latest_job(self, pipeline: str) -> LatestJob | None:
        """The newest job of that pipeline, whoever owns it; None where there is none."""
        query = select(jobs.c.id, jobs.c.status, jobs.c.created_at, db_now().label("now"))
        query = query.where(jobs.c.pipeline == pipeline).order_by(jobs.c.id.desc()).limit(1)
        with self.database.reading() as tx:
            row = tx.execute(query).mappings().first()
        if row is None:
            return None
        age = (row["now"] - row["created_at"]).total_seconds()
        return LatestJob(job_id=row["id"], status=Status(row["status"]), age=age)


_VERSIONS = select(
    *(catalog_versions.c[name] for name in ("job_id", "state", "counts", "notes", "activated_at")),
    *(artifacts.c[name] for name in ("key", "sha256", "size")),
).join(artifacts, (artifacts.c.job_id == catalog_versions.c.job_id) & (artifacts.c.name == CATALOG))


def holds_catalog(tx: Connection, job_id: str) -> bool:
    """Whether the job's catalog is active or kept, so that the job has to stay."""
    return tx.execute(select(catalog_versions.c.job_id).where(catalog_versions.c.job_id == job_id)).first() is not None


def _drop_old(tx: Connection) -> None:
    newest = select(catalog_versions.c.job_id).order_by(
        catalog_versions.c.activated_at.desc(), catalog_versions.c.job_id.desc()
    )
    kept = list(tx.execute(newest.limit(KEPT)).scalars())
    tx.execute(
        delete(catalog_versions).where(catalog_versions.c.job_id.not_in(kept), catalog_versions.c.state == RETIRED)
    )


def _version(row: RowMapping) -> CatalogVersion:
    return CatalogVersion(**{name: row[name] for name in CatalogVersion.__slots__})
