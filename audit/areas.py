"""Areas: each looks at one kind of subject, and again at what was suspicious."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from sqlalchemy import Select, exists, func, select

from audit import effects, logs, states
from audit.reading import BATCH, Dossier, Scene, dossiers, dossiers_of, look_around
from audit.report import Check, Finding
from ledger import Ledger
from ledger.schema import blobs, events, jobs

JobCheck = Callable[[Dossier, Scene], Iterator[Finding]]

OF_JOBS: dict[Check, JobCheck] = {
    Check.STATE: states.state,
    Check.CLAIM: states.claim,
    Check.REASON: states.reason,
    Check.STUCK: states.stuck,
    Check.REPLAY: logs.replay,
    Check.ATTEMPTS: effects.attempts,
    Check.SUCCESSES: effects.successes,
    Check.ENDINGS: effects.endings,
    Check.ORDER: effects.order,
    Check.REFERENCE: effects.reference,
}


class Area(Protocol):
    """One kind of subject."""

    checked: Counter[str]  # how many subjects each check looked at, and further counts

    def look(self) -> Iterator[Finding]:
        """What seems wrong, in the order of the subjects; never more than a batch of them in memory."""

    def again(self, suspicious: Sequence[Finding]) -> Iterator[Finding]:
        """What of `suspicious` is still wrong, told anew."""


@dataclass(slots=True, kw_only=True)
class Jobs:
    """Every job with all that belongs to it."""

    ledger: Ledger
    scene: Scene
    checked: Counter[str] = field(default_factory=Counter)

    def look(self) -> Iterator[Finding]:
        for batch in dossiers(self.ledger):
            self.checked.update(dict.fromkeys(OF_JOBS, len(batch)))
            untold = sum(not logs.is_kept(dossier, self.scene) for dossier in batch)
            self.checked[Check.REPLAY] -= untold
            self.checked["replay.not_checkable"] += untold
            yield from self._check(batch)

    def again(self, suspicious: Sequence[Finding]) -> Iterator[Finding]:
        self.scene = look_around(self.ledger, lost_after=self.scene.lost_after)  # retention and workers go on
        ids = list(dict.fromkeys(finding.subject.partition("/")[0] for finding in suspicious))
        for start in range(0, len(ids), BATCH):
            yield from self._check(dossiers_of(self.ledger, ids[start : start + BATCH]))

    def _check(self, batch: Sequence[Dossier]) -> Iterator[Finding]:
        for dossier in batch:
            for check in OF_JOBS.values():
                yield from check(dossier, self.scene)


@dataclass(slots=True, kw_only=True)
class Accepted:
    """Every job that the log says was accepted, and that nobody deleted, is there."""

    ledger: Ledger
    checked: Counter[str] = field(default_factory=Counter)

    def look(self) -> Iterator[Finding]:
        last = 0
        accepted = select(events.c.id, events.c.job_id).where(events.c.type == "job.submitted")
        while True:
            with self.ledger.database.reading() as tx:
                rows = tx.execute(accepted.where(events.c.id > last).order_by(events.c.id).limit(BATCH)).all()
                if not rows:
                    return
                self.checked[Check.LOST] += len(rows)
                gone = list(tx.execute(_gone([job_id for _, job_id in rows])).scalars())
            yield from (_lost(job_id) for job_id in gone)
            last = rows[-1][0]

    def again(self, suspicious: Sequence[Finding]) -> Iterator[Finding]:
        with self.ledger.database.reading() as tx:
            gone = list(tx.execute(_gone([finding.subject for finding in suspicious])).scalars())
        yield from (_lost(job_id) for job_id in gone)


def _gone(ids: Sequence[str]) -> Select[str]:
    deleted = events.alias()
    told = exists().where(deleted.c.job_id == events.c.job_id, deleted.c.type == "job.deleted")
    there = exists().where(jobs.c.id == events.c.job_id)
    accepted = select(events.c.job_id).where(events.c.job_id.in_(ids), events.c.type == "job.submitted")
    return accepted.where(~told, ~there).distinct()


def _lost(job_id: str) -> Finding:
    return Finding(
        check=Check.LOST, subject=job_id, detail="the job was accepted, but is not there, and nobody deleted it"
    )


@dataclass(slots=True, kw_only=True)
class Content:
    """No content lives twice."""

    ledger: Ledger
    checked: Counter[str] = field(default_factory=Counter)

    def look(self) -> Iterator[Finding]:
        live = select(blobs.c.sha256, func.count()).where(blobs.c.state == "live").group_by(blobs.c.sha256)
        with self.ledger.database.reading() as tx:
            self.checked[Check.CONTENT] = tx.execute(
                select(func.count()).select_from(blobs).where(blobs.c.state == "live")
            ).scalar_one()
            doubled = tx.execute(live.having(func.count() > 1)).all()
        for sha256, n in doubled:
            yield Finding(check=Check.CONTENT, subject=sha256 or "", detail=f"{n} live blobs have this content")

    def again(self, suspicious: Sequence[Finding]) -> Iterator[Finding]:
        wanted = {finding.subject for finding in suspicious}
        yield from (finding for finding in self.look() if finding.subject in wanted)
