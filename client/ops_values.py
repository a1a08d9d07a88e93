"""What ops ask for, as frozen values: dead letters, attempts, queues, reconciliations; `raw` keeps the JSON object."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from client.values import Fault


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """A step run, or a message, that the platform gave up on."""

    id: str
    kind: str  # step, message
    state: str  # open, replayed, discarded
    job_id: str | None  # none for a message
    step: str | None
    attempt: int  # tries begun when it was given up
    error: Fault | None
    created_at: str
    file_name: str | None  # what the step read; None in lists, and where the job is gone
    attempts: tuple["Attempt", ...]  # none in lists
    raw: Mapping[str, Any]

    @classmethod
    def read(cls, found: Mapping[str, Any]) -> Self:
        """From the JSON object that the API answers, in a list or alone."""
        evidence = found.get("evidence") or {}
        return cls(
            id=found["id"],
            kind=found.get("kind") or "step",
            state=found.get("state") or "open",
            job_id=found.get("job_id"),
            step=found.get("step"),
            attempt=found.get("attempt") or 0,
            error=Fault.read(found.get("error")),
            created_at=found.get("created_at") or "",
            file_name=(found.get("file") or {}).get("name"),
            attempts=tuple(map(Attempt.read, evidence.get("attempts") or ())),
            raw=found,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Replayed:
    """What a replay of many did."""

    replayed: tuple[str, ...]  # ids of letters
    refused: Mapping[str, str]  # why others were not, by id
    left: int  # letters that were asked for and not looked at: one call takes only so many

    @classmethod
    def read(cls, found: Mapping[str, Any]) -> Self:
        """From the JSON object that the API answers."""
        return cls(
            replayed=tuple(found.get("replayed") or ()),
            refused=found.get("refused") or {},
            left=found.get("left") or 0,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One try of a step run."""

    step: str
    part: int
    number: int
    outcome: str | None  # succeeded, failed, released, lost, cancelled, fenced; None while it runs
    error: Fault | None
    signal: int | None  # that ended its process
    peak_memory: int | None  # bytes
    memory: int  # bytes granted
    seconds: float | None
    worker: str
    started_at: str
    raw: Mapping[str, Any]

    @classmethod
    def read(cls, found: Mapping[str, Any]) -> Self:
        """From the JSON object that the API answers, or from a letter's evidence."""
        return cls(
            step=found.get("step") or "",
            part=found.get("part") or 0,
            number=found.get("number") or 0,
            outcome=found.get("outcome"),
            error=Fault.read(found.get("error") or found.get("fault")),
            signal=found.get("signal"),
            peak_memory=found.get("peak_memory"),
            memory=found.get("memory") or 0,
            seconds=found.get("seconds"),
            worker=found.get("worker") or "",
            started_at=found.get("started_at") or "",
            raw=found,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Queue:
    """One queue."""

    name: str
    paused: bool
    paused_at: str | None
    queued: int  # steps
    running: int  # steps
    workers: int  # that are alive
    oldest_queued_at: str | None
    raw: Mapping[str, Any]

    @classmethod
    def read(cls, found: Mapping[str, Any]) -> Self:
        """From the JSON object that the API answers."""
        return cls(
            name=found["name"],
            paused=bool(found.get("paused")),
            paused_at=found.get("paused_at"),
            queued=found.get("queued") or 0,
            running=found.get("running") or 0,
            workers=found.get("workers") or 0,
            oldest_queued_at=found.get("oldest_queued_at"),
            raw=found,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One run of a reconciler."""

    id: str
    name: str  # of the reconciler
    state: str  # requested, running, done, failed
    checked: int
    repaired: int
    left_alone: int
    notes: Sequence[str]
    started_at: str
    finished_at: str | None
    raw: Mapping[str, Any]

    @property
    def ended(self) -> bool:
        """Whether nothing more happens."""
        return self.state in {"done", "failed"}

    @classmethod
    def read(cls, found: Mapping[str, Any]) -> Self:
        """From the JSON object that the API answers."""
        return cls(
            id=found["id"],
            name=found["name"],
            state=found["state"],
            checked=found.get("checked") or 0,
            repaired=found.get("repaired") or 0,
            left_alone=found.get("left_alone") or 0,
            notes=tuple(found.get("notes") or ()),
            started_at=found.get("started_at") or "",
            finished_at=found.get("finished_at"),
            raw=found,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexStatus:
    """How the search index is."""

    engine: str  # `tantivy`
    documents: int | None  # places, and one more for each job; None where it can't be read
    jobs: int | None
    size: int | None  # bytes; None where there is no way to tell
    committed_at: str | None
    waiting: int  # jobs that it has yet to hear of
    gone: int  # deleted jobs that it has yet to forget
    lag: float  # seconds since the oldest of these changes
    error: str | None  # why it can't be read
    rebuild: Run | None  # the last one
    raw: Mapping[str, Any]

    @classmethod
    def read(cls, found: Mapping[str, Any]) -> Self:
        """From the JSON object that the API answers."""
        named = {name: found.get(name) for name in ("documents", "jobs", "size", "committed_at", "error")}
        return cls(
            **named,
            engine=found["engine"],
            waiting=found.get("waiting") or 0,
            gone=found.get("gone") or 0,
            lag=found.get("lag") or 0.0,
            rebuild=Run.read(found["rebuild"]) if found.get("rebuild") else None,
            raw=found,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconciler:
    """Something that compares two sides and mends what differs."""

    name: str
    purpose: str
    every: float  # seconds between two runs by the clock
    raw: Mapping[str, Any]

    @classmethod
    def read(cls, found: Mapping[str, Any]) -> Self:
        """From the JSON object that the API answers."""
        return cls(name=found["name"], purpose=found.get("purpose") or "", every=found.get("every") or 0.0, raw=found)
