"""A Job: one request to run a pipeline on a file, with its step runs and artifacts, as frozen values."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import IntEnum, StrEnum
from typing import Any, NamedTuple, Self

from jobs.errors import Fault

UPLOAD = "upload"  # the name under which a step opens the submitted file
MiB = 1024 * 1024


class Status(StrEnum):
    """Where a job or a step run stands; `TRANSITIONS` in jobs/lifecycle.py says what may follow."""

    WAITING = "waiting"  # for steps that it needs
    QUEUED = "queued"  # may be claimed by a worker
    RUNNING = "running"  # claimed
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def ended(self) -> bool:
        """Whether nothing more happens by itself."""
        return self in {Status.SUCCEEDED, Status.FAILED, Status.CANCELLED}


class Memory(IntEnum):
    """Memory classes: what a step may use beyond its warm template, in bytes."""

    SMALL = 512 * MiB
    MEDIUM = 1024 * MiB
    LARGE = 2048 * MiB
    HUGE = 4096 * MiB

    def larger(self) -> "Memory | None":
        """The next class up; None above the largest."""
        return next((size for size in Memory if size > self), None)


MAX_PARTS = 64  # of one step


class Part(NamedTuple):
    """Which slice of its step a run is."""

    number: int  # from 0
    of: int


WHOLE = Part(0, 1)


class StepKey(NamedTuple):
    """Names a step run within its job."""

    name: str
    part: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class FileFacts:
    """The submitted file."""

    name: str  # as the uploader called it; never used as a path
    size: int  # bytes
    sha256: str  # hex digest
    media_type: str
    kind: str  # what the sniffer saw: `bricklink-xml`
    key: str  # the object's key in the store


@dataclass(frozen=True, slots=True, kw_only=True)
class Artifact:
    """Immutable stored bytes that a step made."""

    name: str  # unique within the job
    sha256: str
    size: int
    media_type: str
    step: str  # the step that saved it
    key: str  # the object's key in the store


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """A warning shown on a job that goes on all the same."""

    code: str
    message: str
    step: str | None = None
    part: int = 0  # of the step that says it


@dataclass(frozen=True, slots=True, kw_only=True)
class StepRun:
    """A step within a job, with the plan that it was queued under: an old plan stays runnable after a deploy."""

    name: str
    part: int = 0  # which slice, where a step is split; 0 otherwise
    queue: str
    needs: tuple[str, ...]  # names of steps that must have succeeded
    required: bool  # whether its failure fails the job
    timeout: float  # seconds of execution, queue wait not counted
    memory: Memory
    attempts: int  # how many tries the plan grants
    status: Status
    attempt: int = 0  # tries begun so far, over all budgets
    budget: int  # the last attempt number that may be tried
    escalations: int = 0  # how often it went up one memory class
    dispatch: int = 0  # number of the valid message; older ones find nothing to claim
    fence: int = 0  # grows with every claim; a write with an old one is refused
    not_before: datetime | None = None  # earliest claim, after a backoff
    lease_until: datetime | None = None
    worker: str | None = None
    progress: float = 0.0  # 0..1
    message: str = ""  # what it is doing, for a person
    fault: Fault | None = None  # of the last attempt
    returns: int = 0  # how often its message came back undelivered since it was queued
    queued_at: datetime | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None

    @property
    def key(self) -> StepKey:
        """Its name within the job."""
        return StepKey(self.name, self.part)

    @property
    def alone(self) -> bool:
        """Whether no other step may run beside it on its host: it died by memory or a crash before."""
        return self.escalations > 0

    def evolve(self, **changes: Any) -> Self:
        """A new value with `changes` applied."""
        return replace(self, **changes)


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One request to run a pipeline on a file."""

    id: str  # UUIDv7
    owner: str
    pipeline: str
    pipeline_version: int
    status: Status
    file: FileFacts
    options: Mapping[str, Any]
    metadata: Mapping[str, Any]  # the caller's own, echoed
    tags: tuple[str, ...]
    priority: int  # 0 (last) to 9 (first)
    correlation_id: str
    batch_id: str | None = None
    parent_job_id: str | None = None
    deadline: datetime | None = None
    expires_at: datetime | None = None  # when retention deletes it
    version: int = 1  # bumped by every change; the ETag
    steps: tuple[StepRun, ...]
    summary: Mapping[str, Any]  # facts from its steps
    warnings: tuple[Notice, ...] = ()
    fault: Fault | None = None
    artifacts: tuple[Artifact, ...] = ()
    created_at: datetime
    started_at: datetime | None = None
    finished_at: datetime | None = None

    @property
    def progress(self) -> float:
        """0..1, the mean over its step runs; 1 once it has ended."""
        if self.status.ended or not self.steps:
            return 1.0
        done = sum(1.0 if step.status.ended else step.progress for step in self.steps)
        return round(done / len(self.steps), 4)

    def step(self, key: StepKey) -> StepRun:
        """The step run of that key; `KeyError` where the plan has none."""
        for step in self.steps:
            if step.key == key:
                return step
        raise KeyError(key)

    def part(self, key: StepKey) -> Part:
        """Which slice of how many the step run of that key is."""
        return Part(key.part, sum(step.name == key.name for step in self.steps))

    def evolve(self, **changes: Any) -> Self:
        """A new value with `changes` applied."""
        return replace(self, **changes)
