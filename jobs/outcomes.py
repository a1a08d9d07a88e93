"""How an attempt ended: whatever happened (return, exception, signal, limit, silence) becomes one Outcome."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from jobs.errors import Fault
from jobs.likeness import Fingerprint
from jobs.model import Artifact, Notice, StepRun


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What an attempt cost, kept as evidence."""

    seconds: float = 0.0  # wall time of execution
    cpu_seconds: float = 0.0
    peak_memory: int = 0  # bytes resident, template included
    signal: int | None = None  # that ended the child
    exit_code: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChildJob:
    """A job that a step submits on one of its own artifacts; it is committed together with the step's success."""

    id: str  # UUIDv7, made before, so that the parent's summary can name it
    artifact: str  # what the step saved
    pipeline: str
    pipeline_version: int
    steps: tuple[StepRun, ...]  # as planned
    options: Mapping[str, Any]  # validated
    file_name: str  # for people
    kind: str  # in the sniffer's words


@dataclass(frozen=True, slots=True, kw_only=True)
class Succeeded:
    """The step did what it was for."""

    artifacts: tuple[Artifact, ...] = ()
    summary: Mapping[str, Any] = field(default_factory=dict)  # merged into the job's
    warnings: tuple[Notice, ...] = ()
    counts: Mapping[str, int] = field(default_factory=dict)
    splits: Mapping[str, int] = field(default_factory=dict)  # later steps, and in how many parts each is to run
    children: tuple[ChildJob, ...] = ()
    fingerprints: tuple[Fingerprint, ...] = ()  # of the job's file, by which its look-alikes are found
    usage: Usage = field(default_factory=Usage)


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """The attempt failed; whether another follows is for `advance()` to say."""

    fault: Fault
    delay: float | None = None  # seconds until the next try, where the step knows; else backoff
    usage: Usage = field(default_factory=Usage)


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryLater:
    """The attempt did not really happen (shutdown, no room): queued again, no attempt charged."""

    fault: Fault
    delay: float = 0.0  # seconds
    usage: Usage = field(default_factory=Usage)


Outcome = Succeeded | Failed | RetryLater
