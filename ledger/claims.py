"""Claims: the exclusive, fenced, leased right to finish a step run."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, bindparam, exists, insert, select, update

from jobs.errors import Actor, Fault
from jobs.lifecycle import Advance, advance
from jobs.model import Artifact, Job, Status, StepKey, StepRun
from jobs.outcomes import Failed, Outcome, RetryLater, Succeeded
from jobs.policy import RetryPolicy
from jobs.verbs import claimed
from ledger.apply import Dispatch, apply, locked, notify
from ledger.blobs import PENDING, Written, settle_blobs
from ledger.children import enter_children
from ledger.database import Database, db_now
from ledger.errors import JobNotFound
from ledger.fingerprints import keep_fingerprints
from ledger.hints import remember
from ledger.pulse import leases_count_now
from ledger.rows import load_artifacts
from ledger.schema import artifacts, attempts, blobs, jobs, queue_controls, step_runs


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """What a worker holds while it runs a step."""

    job: Job  # as it was when claimed, with the artifacts so far
    step: StepRun
    worker: str

    @property
    def held(self) -> "Held":
        """Its name for heartbeats."""
        return Held(self.job.id, self.step.name, self.step.part, self.step.fence)


@dataclass(frozen=True, slots=True)
class Held:
    """Names a claim: a step run and the fence it was claimed under."""

    job_id: str
    step: str
    part: int
    fence: int

    @property
    def key(self) -> StepKey:
        """The step run within its job."""
        return StepKey(self.step, self.part)


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a running step is."""

    held: Held
    done: float  # 0..1
    message: str


class Claims:
    """The verbs claim, heartbeat and finish; part of `Ledger`."""

    database: Database
    policy: RetryPolicy

    def claim(self, job_id: str, key: StepKey, *, dispatch: int, worker: str, lease: float) -> Claim | None:
        """Take the step run for `lease` seconds, or None where a message is stale, early, doubled or paused."""

        def work(tx: Connection) -> Claim | None:
            try:
                job, now = locked(tx, job_id)
                step = job.step(key)
            except (JobNotFound, KeyError):
                return None
            early = step.not_before is not None and step.not_before > now
            if step.status is not Status.QUEUED or step.dispatch != dispatch or early or job.status.ended:
                return None
            if tx.execute(_IS_PAUSED, {"queue": step.queue}).scalar_one():
                return None
            taken = claimed(job, key, now=now, worker=worker, lease=lease)
            after, _ = apply(tx, job, taken, now=now)
            step = after.step(key)
            tx.execute(_BEGIN_ATTEMPT, _begun(job_id, step, worker))
            may_have_some = any(one.status is Status.SUCCEEDED for one in job.steps)
            kept = tuple(load_artifacts(tx, [job_id])[job_id]) if may_have_some else ()
            return Claim(job=after.evolve(artifacts=kept), step=step, worker=worker)

        return self.database.writing(work)

    def held_by(self, worker: str) -> set[Held]:
        """The claims that the ledger still grants to `worker`; what is missing was cancelled or taken away."""
        query = select(step_runs.c.job_id, step_runs.c.name, step_runs.c.part, step_runs.c.fence).where(
            step_runs.c.worker == worker, step_runs.c.status == Status.RUNNING.value
        )
        with self.database.reading() as tx:
            return {Held(*row) for row in tx.execute(query)}

    def heartbeat(self, held: Sequence[Held], *, lease: float) -> None:
        """Renew leases; a claim that was taken away is not revived."""
        if not held:
            return
        rows = [_where_values(one) for one in held]
        query = update(step_runs).where(*_HELD).values(lease_until=db_now(lease))
        self.database.writing(lambda tx: tx.execute(query, rows))

    def report(self, progress: Progress) -> None:
        """Show how far a running step is; ignored once the claim is gone."""

        def work(tx: Connection) -> None:
            tx.execute(update(jobs).where(jobs.c.id == progress.held.job_id).values(version=jobs.c.version + 1))
            values = {"progress": progress.done, "message": progress.message[:500]}
            tx.execute(update(step_runs).where(*_HELD).values(values), _where_values(progress.held))
            notify(tx, progress.held.job_id)

        self.database.writing(work)

    def finish(self, held: Held, outcome: Outcome) -> tuple[bool, tuple[Dispatch, ...]]:
        """Commit how a claimed attempt ended, with its artifacts and what follows.

        Returns whether the fence still held (False: the claim was taken away, nothing was changed) and the messages
        to send.
        """

        def work(tx: Connection) -> tuple[bool, tuple[Dispatch, ...]]:
            try:
                job, now = locked(tx, held.job_id)
                step = job.step(held.key)
            except (JobNotFound, KeyError):
                return False, ()
            if step.status is not Status.RUNNING or step.fence != held.fence:
                _close_attempt(tx, held, outcome, name="cancelled" if step.status.ended else "fenced")
                _give_up_blobs(tx, outcome)
                return False, ()
            ended = _refuse_overwriting(tx, held, outcome)
            _close_attempt(tx, held, ended, name=_outcome_name(ended))
            children: tuple[Dispatch, ...] = ()
            if isinstance(ended, Succeeded):
                keys = _keep(tx, held.job_id, ended.artifacts)
                children = enter_children(tx, job, ended, keys=keys, now=now)
                keep_fingerprints(tx, job, ended.fingerprints)
                if step.escalations:
                    remember(tx, job, step)
            decided = advance(job, held.key, ended, now=now, policy=self.policy)
            _, dispatches = apply(tx, job, decided, now=now)
            return True, (*dispatches, *children)

        # Not durable: what a power cut takes from here is run again, since the claim is still there then.
        return self.database.writing(work)

    def take_away(self, held: Held, fault: Fault) -> tuple[Dispatch, ...]:
        """End an attempt whose worker went silent, if its lease is still over; the fence keeps that worker out.

        Nothing is taken while the ledger itself has only just come back: see `pulse`.
        """

        def work(tx: Connection) -> tuple[Dispatch, ...]:
            try:
                job, now = locked(tx, held.job_id)
                step = job.step(held.key)
            except (JobNotFound, KeyError):
                return ()
            renewed = step.lease_until is not None and step.lease_until > now
            if step.status is not Status.RUNNING or step.fence != held.fence or renewed or not leases_count_now(tx):
                return ()
            outcome = Failed(fault=fault)
            _close_attempt(tx, held, outcome, name="lost")
            decided: Advance = advance(job, held.key, outcome, now=now, policy=self.policy)
            return apply(tx, job, decided, now=now)[1]

        return self.database.writing(work)


_INSERT_ARTIFACT = insert(artifacts).values(created_at=db_now())
_IS_PAUSED = select(exists().where(queue_controls.c.queue == bindparam("queue"), queue_controls.c.paused))
_BEGIN_ATTEMPT = insert(attempts)
_CLOSE_ATTEMPT = (
    update(attempts)
    .where(
        attempts.c.job_id == bindparam("_job_id"),
        attempts.c.step == bindparam("_name"),
        attempts.c.part == bindparam("_part"),
        attempts.c.fence == bindparam("_fence"),
        attempts.c.outcome.is_(None),
    )
    .values(finished_at=db_now())
)

_HELD = (
    step_runs.c.job_id == bindparam("_job_id"),
    step_runs.c.name == bindparam("_name"),
    step_runs.c.part == bindparam("_part"),
    step_runs.c.fence == bindparam("_fence"),
    step_runs.c.status == Status.RUNNING.value,
)


def _where_values(held: Held) -> dict[str, Any]:
    return {"_job_id": held.job_id, "_name": held.step, "_part": held.part, "_fence": held.fence}


def _begun(job_id: str, step: StepRun, worker: str) -> dict[str, Any]:
    return {
        "job_id": job_id,
        "step": step.name,
        "part": step.part,
        "fence": step.fence,
        "number": step.attempt,
        "worker": worker,
        "memory": int(step.memory),
        "started_at": step.started_at,
    }


def _outcome_name(outcome: Outcome) -> str:
    match outcome:
        case Succeeded():
            return "succeeded"
        case RetryLater():
            return "released"
        case Failed():
            return "failed"


def _close_attempt(tx: Connection, held: Held, outcome: Outcome, *, name: str) -> None:
    """Write what the attempt cost and how it ended, whether or not the fence held."""
    usage = outcome.usage
    tx.execute(
        _CLOSE_ATTEMPT,
        _where_values(held)
        | {
            "outcome": name,
            "fault": None if isinstance(outcome, Succeeded) else outcome.fault.to_json(),
            "signal": usage.signal,
            "peak_memory": usage.peak_memory,
            "seconds": usage.seconds,
            "cpu_seconds": usage.cpu_seconds,
        },
    )


def _refuse_overwriting(tx: Connection, held: Held, outcome: Outcome) -> Outcome:
    """No step overwrites another's artifact: that is a defect of the pipeline, said as a fault."""
    if not isinstance(outcome, Succeeded) or not outcome.artifacts:
        return outcome
    names = [artifact.name for artifact in outcome.artifacts]
    query = select(artifacts.c.name).where(artifacts.c.job_id == held.job_id, artifacts.c.name.in_(names))
    taken = sorted(tx.execute(query).scalars())
    if not taken and len(set(names)) == len(names):
        return outcome
    fault = Fault(
        code="step.artifact_exists",
        message=f"The step saved an artifact whose name was taken: {', '.join(taken) or 'one name twice'}.",
        actor=Actor.PLATFORM,
        step=held.step,
        hint="This is a defect of the pipeline; report it to those who run the platform.",
    )
    return Failed(fault=fault, usage=outcome.usage)


def _give_up_blobs(tx: Connection, outcome: Outcome) -> None:
    """What an attempt stored that does not count any more goes to the collector at once."""
    if isinstance(outcome, Succeeded) and outcome.artifacts:
        keys = [artifact.key for artifact in outcome.artifacts]
        mine = update(blobs).where(blobs.c.key.in_(keys), blobs.c.state == PENDING)
        tx.execute(mine.values(lease_until=db_now(-1)))


def _keep(tx: Connection, job_id: str, saved: Sequence[Artifact]) -> dict[str, str]:
    """Make a step's outputs the job's artifacts; equal content refers to the bytes that are there, whose keys return."""
    keys = settle_blobs(tx, [Written(artifact.key, artifact.sha256, artifact.size) for artifact in saved])
    rows = [
        {
            "job_id": job_id,
            "name": artifact.name,
            "step": artifact.step,
            "key": key,
            "sha256": artifact.sha256,
            "size": artifact.size,
            "media_type": artifact.media_type,
        }
        for artifact, key in zip(saved, keys, strict=True)
    ]
    if rows:
        tx.execute(_INSERT_ARTIFACT, rows)
    return {artifact.name: key for artifact, key in zip(saved, keys, strict=True)}
