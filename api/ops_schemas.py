"""The JSON that ops see: dead letters, attempts, queues, reconciliations; written here, and as models for OpenAPI."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from api.schemas import FaultBody, FileBody, fault_json, file_json
from jobs.model import FileFacts
from jobs.queues import QUEUES
from jobs.reconcilers import Reconciler
from ledger import Attempt, Letter, Line, Run


class _Out(BaseModel):
    model_config = ConfigDict(extra="forbid")


class LetterBody(_Out):
    """A step run, or a message, that the platform gave up on."""

    id: str
    kind: Literal["step", "message"]
    state: Literal["open", "replayed", "discarded"]
    job_id: str | None = Field(description="Null for a message.")
    step: str | None
    part: int | None
    attempt: int | None = Field(description="Tries begun when it was given up.")
    error: FaultBody | None
    created_at: datetime
    closed_at: datetime | None


class LetterDetail(LetterBody):
    """A dead letter with all that is known of it."""

    file: FileBody | None = Field(description="What the step read; null where the job was deleted, or never was.")
    evidence: dict[str, Any] = Field(description="Every attempt with its own error and use; or the message's bytes.")


class LetterPage(_Out):
    """Dead letters, newest first."""

    items: list[LetterBody]
    next_cursor: str | None


class ReplayedBody(_Out):
    """What a replay of many did."""

    replayed: list[str] = Field(description="Ids of letters whose steps run again.")
    refused: dict[str, str] = Field(description="Why others do not, by id.")
    left: int = Field(description="Letters that were asked for and not looked at: one call takes only so many.")


class AttemptBody(_Out):
    """One try of a step run."""

    step: str
    part: int
    number: int = Field(description="The attempt that it counted as; one that was given back is not counted.")
    outcome: str | None = Field(
        description="succeeded, failed, released, lost, cancelled, fenced; null while it runs.", examples=["failed"]
    )
    error: FaultBody | None
    signal: int | None = Field(description="That ended its process.")
    peak_memory: int | None = Field(description="Bytes.")
    memory: int = Field(description="Bytes: the memory class that it was granted.")
    seconds: float | None
    cpu_seconds: float | None
    worker: str
    started_at: datetime
    finished_at: datetime | None


class AttemptPage(_Out):
    """All attempts of a job, in the order in which they began."""

    items: list[AttemptBody]
    next_cursor: str | None


class QueueBody(_Out):
    """One queue."""

    name: str
    purpose: str
    paused: bool
    paused_at: datetime | None
    queued: int = Field(description="Steps.")
    running: int = Field(description="Steps.")
    workers: int = Field(description="That are alive.")
    oldest_queued_at: datetime | None = Field(description="Since when the first of those that may run now waits.")


class QueuePage(_Out):
    """All queues."""

    items: list[QueueBody]
    next_cursor: str | None


class RunBody(_Out):
    """One run of a reconciler."""

    id: str
    name: str = Field(description="Of the reconciler; see /v1/reconcilers.")
    state: Literal["requested", "running", "done", "failed"]
    checked: int
    repaired: int
    left_alone: int = Field(description="Differences that only a person can settle.")
    notes: list[str] = Field(description="What was repaired or left alone, and why.")
    started_at: datetime
    finished_at: datetime | None


class RunPage(_Out):
    """Runs of reconcilers, newest first."""

    items: list[RunBody]
    next_cursor: str | None


class ReconcilerBody(_Out):
    """Something that compares two sides and mends what differs."""

    name: str
    purpose: str
    every: float = Field(description="Seconds between two runs by the clock.")


class ReconcilerPage(_Out):
    """All reconcilers."""

    items: list[ReconcilerBody]
    next_cursor: str | None


class IndexBody(_Out):
    """How the search index is."""

    engine: str = Field(examples=["tantivy"])
    documents: int | None = Field(description="Places, and one more for each job; null where the index can't be read.")
    jobs: int | None
    size: int | None = Field(description="Bytes; null where there is no way to tell.")
    committed_at: datetime | None = Field(description="When it was last changed, where that is known.")
    waiting: int = Field(description="Jobs that changed and that the index has yet to hear of.")
    gone: int = Field(description="Deleted jobs that it has yet to forget.")
    lag: float = Field(description="Seconds since the oldest of these changes; 0 where there are none.")
    error: str | None = Field(description="Why the index can't be read; queries are answered from the ledger then.")
    rebuild: RunBody | None = Field(description="The last rebuild.")


def letter_json(letter: Letter) -> dict[str, Any]:
    """A letter as lists show it."""
    return {
        "id": letter.id,
        "kind": letter.kind,
        "state": letter.state,
        "job_id": letter.job_id,
        "step": letter.step,
        "part": letter.part,
        "attempt": letter.attempt,
        "error": fault_json(letter.fault),
        "created_at": letter.created_at,
        "closed_at": letter.closed_at,
    }


def letter_detail_json(letter: Letter, *, file: FileFacts | None) -> dict[str, Any]:
    """A letter with its evidence and the input that it is about."""
    evidence: Mapping[str, Any] = letter.evidence
    return letter_json(letter) | {"file": file_json(file) if file else None, "evidence": evidence}


def attempt_json(attempt: Attempt) -> dict[str, Any]:
    """An attempt as the API shows it; its fence stays inside."""
    shown = {name: getattr(attempt, name) for name in AttemptBody.model_fields if name != "error"}
    return shown | {"error": fault_json(attempt.fault)}


def queue_json(line: Line) -> dict[str, Any]:
    """A queue as the API shows it."""
    shown = {name: getattr(line, name) for name in QueueBody.model_fields if name != "purpose"}
    return shown | {"purpose": QUEUES[line.name].purpose}


def run_json(run: Run) -> dict[str, Any]:
    """A run as the API shows it."""
    return {name: getattr(run, name) for name in RunBody.model_fields}


def reconciler_json(reconciler: Reconciler) -> dict[str, Any]:
    """A reconciler as the API shows it."""
    return {"name": reconciler.name, "purpose": reconciler.purpose, "every": reconciler.every}
