"""Fingerprints of files: written with the success of the step that took them, asked for copies and look-alikes."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, delete, insert, select, union_all

from jobs.likeness import BANDS, Family, Fingerprint, Probe, alike, bands, distance, probes
from jobs.model import Job
from ledger.database import Database, db_now
from ledger.errors import JobNotFound
from ledger.reference import fingerprints
from ledger.schema import jobs

# Rows that are read of one probe, the nearest first. Only where more of an owner's files stand there (thousands that look
# alike), some look-alikes are not seen.
MAX_READ = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Lookalike:
    """Another job of the same owner."""

    job_id: str
    file_name: str
    sha256: str  # of its upload
    created_at: datetime
    distance: float  # of its family; 0 for one content
    same: bool  # the content is the same, whatever the file's format


class Fingerprints:
    """The verbs on fingerprints; part of `Ledger`."""

    database: Database

    def fingerprints(self, job_id: str, *, owner: str) -> tuple[Fingerprint, ...]:
        """What is known of the job's file, so far. Raises `JobNotFound`."""
        mine = select(jobs.c.id).where(jobs.c.id == job_id, jobs.c.owner == owner)
        query = select(fingerprints).where(fingerprints.c.job_id == job_id).order_by(fingerprints.c.family)
        with self.database.reading() as tx:
            if tx.execute(mine).first() is None:
                raise JobNotFound(job_id)
            rows = tx.execute(query).mappings().all()
        return tuple(Fingerprint(family=Family(row["family"]), exact=row["exact"], near=row["near"]) for row in rows)

    def same(
        self, job_id: str, print_: Fingerprint, *, owner: str, limit: int, earlier: bool = False
    ) -> list[Lookalike]:
        """Other jobs of the owner whose file has the same content, the newest first; `earlier`: only jobs before it."""
        query = _mine(owner, print_.family).where(fingerprints.c.exact == print_.exact, *_others(job_id, earlier))
        with self.database.reading() as tx:
            ids = tx.execute(query.order_by(fingerprints.c.job_id.desc()).limit(limit)).scalars()
            return _told(tx, [(one, 0.0) for one in ids], same=True)

    def near(
        self, job_id: str, print_: Fingerprint, *, owner: str, limit: int, earlier: bool = False
    ) -> list[Lookalike]:
        """Other jobs of the owner whose file looks alike and is not the same, the nearest first."""
        tried = (_stretch(probe, owner=owner, family=print_.family) for probe in probes(print_))
        found: dict[str, float] = {}
        with self.database.reading() as tx:
            for other, exact, near in tx.execute(union_all(*tried)):
                if exact == print_.exact or other == job_id or other in found or (earlier and other > job_id):
                    continue
                apart = distance(print_.family, print_.near, near)
                if alike(print_.family, apart):
                    found[other] = apart
            nearest = sorted(found.items(), key=lambda one: (one[1], _newest_first(one[0])))[:limit]
            return _told(tx, nearest, same=False)


def keep_fingerprints(tx: Connection, job: Job, taken: Iterable[Fingerprint]) -> None:
    """Write them in place of what was known of the job in their families."""
    for one in taken:
        of_job = (fingerprints.c.job_id == job.id, fingerprints.c.family == one.family.value)
        tx.execute(delete(fingerprints).where(*of_job))
        stands = dict(zip((f"band_{number}" for number in range(BANDS)), bands(one), strict=False))
        row = {"job_id": job.id, "family": one.family.value, "owner": job.owner, "exact": one.exact, "near": one.near}
        tx.execute(insert(fingerprints).values(**row, **stands, made_at=db_now()))


def _mine(owner: str, family: Family) -> Select[Any]:
    return select(fingerprints.c.job_id).where(fingerprints.c.owner == owner, fingerprints.c.family == family.value)


def _others(job_id: str, earlier: bool) -> tuple[Any, ...]:  # noqa: FBT001 - the caller's word, handed on
    """Ids rise with time."""
    return ((fingerprints.c.job_id < job_id) if earlier else (fingerprints.c.job_id != job_id),)


def _stretch(probe: Probe, *, owner: str, family: Family) -> Select[Any]:
    """The rows of one probe, in its order, as an index gives them."""
    band = fingerprints.c[f"band_{probe.band}"]
    rising = probe.first <= probe.last
    low, high = sorted((probe.first, probe.last))
    within = band == low if low == high else band.between(low, high)
    query = select(fingerprints.c.job_id, fingerprints.c.exact, fingerprints.c.near)
    query = query.where(fingerprints.c.owner == owner, fingerprints.c.family == family.value, within)
    if low != high:
        query = query.order_by(band if rising else band.desc())
    return select(query.limit(MAX_READ).subquery())


def _newest_first(job_id: str) -> tuple[int, ...]:
    return tuple(-ord(letter) for letter in job_id)


def _told(tx: Connection, found: list[tuple[str, float]], *, same: bool) -> list[Lookalike]:
    """Jobs with their distances, in that order."""
    query = select(jobs.c.id, jobs.c.file, jobs.c.created_at).where(jobs.c.id.in_([one for one, _ in found]))
    known = {row.id: row for row in tx.execute(query)} if found else {}
    return [
        Lookalike(
            job_id=one,
            file_name=known[one].file["name"],
            sha256=known[one].file["sha256"],
            created_at=known[one].created_at,
            distance=apart,
            same=same,
        )
        for one, apart in found
        if one in known
    ]
