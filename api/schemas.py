"""The JSON that goes out: how each value is written, and the same as models for OpenAPI (a test holds them equal)."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal
from urllib.parse import quote

from pydantic import BaseModel, ConfigDict, Field

from api.waits import WaitingFor, waiting_json
from jobs.errors import Fault
from jobs.model import Artifact, FileFacts, Job, Status, StepKey, StepRun
from jobs.pipeline import Pipeline
from jobs.waiting import Waiting, told_by_row
from pipelines import pipelines


class _Out(BaseModel):
    model_config = ConfigDict(extra="forbid")


class FaultBody(_Out):
    """Why a job or a step failed."""

    code: str = Field(examples=["xml.syntax"])
    message: str
    step: str | None
    actor: Literal["submitter", "platform", "nobody"] = Field(description="Who must act.")
    hint: str | None
    place: dict[str, Any] | None = Field(None, description="Where in the file: row, line, column, page.")


class StepBody(_Out):
    """One step run."""

    name: str
    part: int = Field(description="Which slice, where a step is split; else 0.")
    queue: str
    status: Status
    attempt: int = Field(description="Tries begun so far.")
    progress: float = Field(ge=0, le=1)
    message: str = Field(description="What it is doing.")
    waiting_for: WaitingFor | None
    error: FaultBody | None = Field(description="Of the last attempt.")


class FileBody(_Out):
    """The submitted file."""

    name: str
    size: int
    sha256: str
    media_type: str


class WarningBody(_Out):
    """Something that a person should know about a job that went on all the same."""

    code: str
    message: str
    step: str | None


class ArtifactBody(_Out):
    """One result."""

    name: str
    media_type: str
    size: int
    sha256: str
    url: str = Field(description="Path below this server.")


class JobBody(_Out):
    """A job."""

    id: str
    owner: str
    pipeline: str
    status: Literal["queued", "running", "succeeded", "failed", "cancelled"]
    progress: float = Field(ge=0, le=1)
    file: FileBody
    options: dict[str, Any]
    metadata: dict[str, Any]
    tags: list[str]
    priority: int
    batch_id: str | None
    parent_job_id: str | None
    correlation_id: str
    deadline: datetime | None
    steps: list[StepBody]
    summary: dict[str, Any]
    warnings: list[WarningBody]
    error: FaultBody | None
    artifacts: list[ArtifactBody]
    version: int = Field(description="Grows with every change; the ETag.")
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    expires_at: datetime | None = Field(description="When retention deletes it.")


class ProcessFileBody(JobBody):
    """A job, with its id under the name of the product requirements as well."""

    jobId: str  # noqa: N815 - the requirements' spelling


class JobPage(_Out):
    """Jobs, newest first."""

    items: list[JobBody]
    next_cursor: str | None


class ArtifactPage(_Out):
    """All artifacts of a job."""

    items: list[ArtifactBody]
    next_cursor: str | None


class PlannedStep(_Out):
    """A step of a pipeline."""

    name: str
    queue: str
    needs: list[str]
    required: bool
    timeout: float = Field(description="Seconds of execution; waiting does not count.")
    memory: int = Field(description="Bytes.")
    attempts: int
    when: str | None = Field(description="An option that asks for this step; null: it is always planned.")


class PipelineBody(_Out):
    """What can be run."""

    name: str
    version: int
    title: str
    accepts: list[str] = Field(description="Kinds of files that lead to it.")
    on_request: list[str] = Field(description="Kinds that it takes only where the caller names it.")
    max_bytes: int
    options: dict[str, Any] = Field(description="JSON Schema of its options.")
    steps: list[PlannedStep]


class PipelinePage(_Out):
    """All pipelines."""

    items: list[PipelineBody]
    next_cursor: str | None


class FieldProblem(_Out):
    """What is wrong with one field."""

    field: str
    message: str


class ProblemBody(BaseModel):
    """RFC 9457 problem details with a stable code; more members may follow."""

    model_config = ConfigDict(extra="allow")

    type: str
    title: str
    status: int
    code: str
    detail: str
    instance: str
    correlation_id: str | None
    errors: list[FieldProblem] | None = None


def job_json(job: Job, *, waits: Mapping[StepKey, Waiting] | None = None) -> dict[str, Any]:
    """A job as the API shows it; object keys of the store stay inside.

    Without `waits`, what its steps wait for is told as far as the job itself tells it.
    """
    told = {step.key: told_by_row(step) for step in job.steps} if waits is None else waits
    return {
        "id": job.id,
        "owner": job.owner,
        "pipeline": job.pipeline,
        "status": job.status,
        "progress": job.progress,
        "file": file_json(job.file),
        "options": _shown(job),
        "metadata": job.metadata,
        "tags": job.tags,
        "priority": job.priority,
        "batch_id": job.batch_id,
        "parent_job_id": job.parent_job_id,
        "correlation_id": job.correlation_id,
        "deadline": job.deadline,
        "steps": [step_json(step, waiting=told.get(step.key)) for step in job.steps],
        "summary": job.summary,
        "warnings": [{"code": w.code, "message": w.message, "step": w.step} for w in job.warnings],
        "error": fault_json(job.fault),
        "artifacts": [artifact_json(job.id, artifact) for artifact in job.artifacts],
        "version": job.version,
        "created_at": job.created_at,
        "started_at": job.started_at,
        "finished_at": job.finished_at,
        "expires_at": job.expires_at,
    }


def _shown(job: Job) -> dict[str, Any]:
    """The job's options, secret ones as asterisks; all of a pipeline that is not known any more."""
    pipeline = pipelines().get(job.pipeline)
    hidden = pipeline.secrets if pipeline else frozenset(job.options)
    return {name: "***" if name in hidden and value is not None else value for name, value in job.options.items()}


def step_json(step: StepRun, *, waiting: Waiting | None) -> dict[str, Any]:
    """A step run as the API shows it."""
    return {
        "name": step.name,
        "part": step.part,
        "queue": step.queue,
        "status": step.status,
        "attempt": step.attempt,
        "progress": step.progress,
        "message": step.message,
        "waiting_for": waiting_json(step, waiting),
        "error": fault_json(step.fault),
    }


def file_json(file: FileFacts) -> dict[str, Any]:
    """The submitted file as the API shows it."""
    return {"name": file.name, "size": file.size, "sha256": file.sha256, "media_type": file.media_type}


def artifact_json(job_id: str, artifact: Artifact) -> dict[str, Any]:
    """An artifact as the API shows it."""
    return {
        "name": artifact.name,
        "media_type": artifact.media_type,
        "size": artifact.size,
        "sha256": artifact.sha256,
        "url": f"/v1/jobs/{job_id}/artifacts/{quote(artifact.name)}",
    }


def pipeline_json(pipeline: Pipeline) -> dict[str, Any]:
    """A pipeline as the API shows it."""
    steps = [
        {
            "name": step.name,
            "queue": step.queue.name,
            "needs": step.needs,
            "required": step.required,
            "timeout": step.timeout,
            "memory": int(step.memory),
            "attempts": step.attempts,
            "when": step.when,
        }
        for step in pipeline.steps
    ]
    return {
        "name": pipeline.name,
        "version": pipeline.version,
        "title": pipeline.title,
        "accepts": pipeline.accepts,
        "on_request": pipeline.on_request,
        "max_bytes": pipeline.max_bytes,
        "options": pipeline.options.model_json_schema(),
        "steps": steps,
    }


def fault_json(fault: Fault | None) -> dict[str, Any] | None:
    """A fault as the API shows it."""
    return fault.to_json() if fault else None
