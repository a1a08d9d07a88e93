"""Rows to values and back: the only place that knows how a Job lies in the tables."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import BindParameter, Connection, RowMapping, bindparam, select

from jobs.errors import Fault
from jobs.model import Artifact, FileFacts, Job, Memory, Notice, Status, StepRun
from ledger.schema import artifacts, jobs, step_runs

_IDS: BindParameter[Any] = bindparam("ids", expanding=True)
_STEPS = (
    select(step_runs)
    .where(step_runs.c.job_id.in_(_IDS))
    .order_by(step_runs.c.job_id, step_runs.c.position, step_runs.c.part)
)
_ARTIFACTS = select(artifacts).where(artifacts.c.job_id.in_(_IDS)).order_by(artifacts.c.job_id, artifacts.c.name)
_FILE_FIELDS = ("name", "size", "sha256", "media_type", "kind")


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One try of a step run, as it was kept."""

    step: str
    part: int
    number: int  # the attempt that it counted as
    fence: int  # of its claim; unique within the step run
    worker: str
    memory: int  # bytes: the class granted
    outcome: str | None  # succeeded, failed, released, lost, cancelled, fenced; None while it runs
    fault: Fault | None
    signal: int | None  # that ended it
    peak_memory: int | None  # bytes
    seconds: float | None
    cpu_seconds: float | None
    started_at: datetime
    finished_at: datetime | None


def attempt_from(row: RowMapping) -> Attempt:
    """An Attempt from its row."""
    fields = {name: row[name] for name in Attempt.__slots__}
    return Attempt(**fields | {"fault": Fault.from_json(row["fault"]) if row["fault"] else None})


def step_values(step: StepRun) -> dict[str, Any]:
    """The columns of a step run that may change."""
    return {
        "status": step.status.value,
        "memory": int(step.memory),
        "attempt": step.attempt,
        "budget": step.budget,
        "escalations": step.escalations,
        "dispatch": step.dispatch,
        "fence": step.fence,
        "not_before": step.not_before,
        "lease_until": step.lease_until,
        "worker": step.worker,
        "progress": step.progress,
        "message": step.message,
        "returns": step.returns,
        "fault": step.fault.to_json() if step.fault else None,
        "queued_at": step.queued_at,
        "started_at": step.started_at,
        "finished_at": step.finished_at,
    }


def new_step_values(job_id: str, step: StepRun, *, position: int) -> dict[str, Any]:
    """All columns of a step run."""
    planned = {
        "job_id": job_id,
        "name": step.name,
        "part": step.part,
        "position": position,
        "queue": step.queue,
        "needs": list(step.needs),
        "required": step.required,
        "timeout": step.timeout,
        "attempts": step.attempts,
    }
    return planned | step_values(step)


def job_values(job: Job) -> dict[str, Any]:
    """The columns of a job that decisions may change."""
    return {
        "status": job.status.value,
        "summary": dict(job.summary),
        "warnings": [asdict(notice) for notice in job.warnings],
        "fault": job.fault.to_json() if job.fault else None,
        "deadline": job.deadline,
        "expires_at": job.expires_at,
        "version": job.version,
        "started_at": job.started_at,
        "finished_at": job.finished_at,
    }


def new_job_values(job: Job) -> dict[str, Any]:
    """All columns of a job."""
    submitted = {
        "id": job.id,
        "owner": job.owner,
        "pipeline": job.pipeline,
        "pipeline_version": job.pipeline_version,
        "file": {name: getattr(job.file, name) for name in _FILE_FIELDS},
        "file_key": job.file.key,
        "options": dict(job.options),
        "metadata": dict(job.metadata),
        "tags": list(job.tags),
        "priority": job.priority,
        "correlation_id": job.correlation_id,
        "batch_id": job.batch_id,
        "parent_job_id": job.parent_job_id,
        "created_at": job.created_at,
        "unindexed_since": job.created_at,
    }
    return submitted | job_values(job)


def load_steps(tx: Connection, ids: Sequence[str]) -> dict[str, list[StepRun]]:
    """Step runs by job id, in the order of their plans."""
    found: dict[str, list[StepRun]] = {job_id: [] for job_id in ids}
    for row in tx.execute(_STEPS, {"ids": ids}).mappings():
        found[row["job_id"]].append(step_from(row))
    return found


def load_artifacts(tx: Connection, ids: Sequence[str]) -> dict[str, list[Artifact]]:
    """Artifacts by job id, by name."""
    found: dict[str, list[Artifact]] = {job_id: [] for job_id in ids}
    for row in tx.execute(_ARTIFACTS, {"ids": ids}).mappings():
        found[row["job_id"]].append(artifact_from(row))
    return found


def whole(tx: Connection, rows: Iterable[RowMapping], *, with_artifacts: bool = True) -> list[Job]:
    """Jobs with their steps and artifacts, in the order of `rows`; three queries for any number."""
    found = list(rows)
    ids = [row["id"] for row in found]
    if not ids:
        return []
    steps = load_steps(tx, ids)
    kept = load_artifacts(tx, ids) if with_artifacts else {}
    return [job_from(row, steps=steps[row["id"]], artifacts=kept.get(row["id"], ())) for row in found]


def select_jobs(*extra: Any) -> Any:
    """The query that `whole` takes rows of."""
    return select(jobs, *extra)


def step_from(row: RowMapping) -> StepRun:
    """A StepRun from its row."""
    return StepRun(
        name=row["name"],
        part=row["part"],
        queue=row["queue"],
        needs=tuple(row["needs"]),
        required=row["required"],
        timeout=row["timeout"],
        memory=Memory(row["memory"]),
        attempts=row["attempts"],
        status=Status(row["status"]),
        attempt=row["attempt"],
        budget=row["budget"],
        escalations=row["escalations"],
        dispatch=row["dispatch"],
        fence=row["fence"],
        not_before=row["not_before"],
        lease_until=row["lease_until"],
        worker=row["worker"],
        progress=row["progress"],
        message=row["message"],
        returns=row["returns"],
        fault=Fault.from_json(row["fault"]) if row["fault"] else None,
        queued_at=row["queued_at"],
        started_at=row["started_at"],
        finished_at=row["finished_at"],
    )


def artifact_from(row: RowMapping) -> Artifact:
    """An Artifact from its row."""
    return Artifact(**{name: row[name] for name in ("name", "sha256", "size", "media_type", "step", "key")})


def job_from(row: RowMapping, *, steps: Sequence[StepRun], artifacts: Sequence[Artifact]) -> Job:
    """A Job from its row and those that belong to it."""
    return Job(
        id=row["id"],
        owner=row["owner"],
        pipeline=row["pipeline"],
        pipeline_version=row["pipeline_version"],
        status=Status(row["status"]),
        file=FileFacts(**row["file"], key=row["file_key"]),
        options=row["options"],
        metadata=row["metadata"],
        tags=tuple(row["tags"]),
        priority=row["priority"],
        correlation_id=row["correlation_id"],
        batch_id=row["batch_id"],
        parent_job_id=row["parent_job_id"],
        deadline=row["deadline"],
        expires_at=row["expires_at"],
        version=row["version"],
        steps=tuple(steps),
        summary=row["summary"],
        warnings=tuple(Notice(**notice) for notice in row["warnings"]),
        fault=Fault.from_json(row["fault"]) if row["fault"] else None,
        artifacts=tuple(artifacts),
        created_at=row["created_at"],
        started_at=row["started_at"],
        finished_at=row["finished_at"],
    )
