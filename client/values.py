"""What the server answers, as frozen values; `raw` keeps the JSON object that each was read from."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

ENDED = frozenset({"succeeded", "failed", "cancelled"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """Why a step or a job failed."""

    code: str  # stable: `xml.syntax`
    message: str
    actor: str  # who must act: submitter, platform, nobody
    step: str | None
    hint: str | None

    @classmethod
    def read(cls, found: Mapping[str, Any] | None) -> Self | None:
        """From a job's or a step's `error` member."""
        if not found:
            return None
        known = {name: found.get(name) for name in ("step", "hint")}
        return cls(
            code=str(found.get("code", "")),
            message=str(found.get("message", "")),
            actor=str(found.get("actor", "")),
            **known,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Warned:
    """A warning on a job that went on all the same."""

    code: str
    message: str
    step: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """What a step waits for."""

    reason: str | None  # steps, retry, paused, broker, worker, turn, memory; None where nobody looked
    queue: str | None  # the line it stands in
    place: int | None  # in that line, from 1
    retry_at: str | None
    detail: str  # the same for a person

    @classmethod
    def read(cls, found: Mapping[str, Any] | None) -> Self | None:
        """From a step's `waiting_for` member."""
        if not found:
            return None
        known = {name: found.get(name) for name in ("reason", "queue", "place", "retry_at")}
        return cls(**known, detail=str(found.get("detail") or ""))


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step of a job."""

    name: str
    part: int
    queue: str
    status: str
    attempt: int
    progress: float  # 0..1
    message: str
    waiting_for: Waiting | None
    error: Fault | None

    @property
    def label(self) -> str:
        """Its name, with the part where the step is split."""
        return f"{self.name}[{self.part}]" if self.part else self.name

    @property
    def held_up(self) -> bool:
        """Whether something other than the usual course of things keeps it from going on."""
        return self.waiting_for is not None and self.waiting_for.reason not in {None, "steps", "turn"}

    @classmethod
    def read(cls, found: Mapping[str, Any]) -> Self:
        """From one member of a job's `steps`."""
        return cls(
            name=found["name"],
            part=found.get("part") or 0,
            queue=found.get("queue") or "",
            status=found["status"],
            attempt=found.get("attempt") or 0,
            progress=found.get("progress") or 0.0,
            message=found.get("message") or "",
            waiting_for=Waiting.read(found.get("waiting_for")),
            error=Fault.read(found.get("error")),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Artifact:
    """Stored bytes that a step made."""

    name: str
    media_type: str
    size: int  # bytes
    sha256: str  # hex digest
    url: str

    @classmethod
    def read(cls, found: Mapping[str, Any]) -> Self:
        """From one member of a job's `artifacts`."""
        return cls(
            name=found["name"],
            media_type=found.get("media_type") or "application/octet-stream",
            size=int(found.get("size") or 0),
            sha256=found.get("sha256") or "",
            url=found.get("url") or "",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One job, as of `version`."""

    id: str
    pipeline: str
    status: str  # waiting, queued, running, succeeded, failed, cancelled
    progress: float  # 0..1
    file_name: str
    file_size: int  # bytes
    steps: tuple[Step, ...]
    summary: Mapping[str, Any]
    warnings: tuple[Warned, ...]
    error: Fault | None
    artifacts: tuple[Artifact, ...]
    version: int  # grows with every change
    created_at: str
    started_at: str | None
    finished_at: str | None
    raw: Mapping[str, Any]  # the JSON object as it came

    @property
    def ended(self) -> bool:
        """Whether nothing more happens by itself."""
        return self.status in ENDED

    @classmethod
    def read(cls, found: Mapping[str, Any]) -> Self:
        """From the JSON object that the API answers."""
        file = found.get("file") or {}
        return cls(
            id=found["id"],
            pipeline=found.get("pipeline") or "",
            status=found["status"],
            progress=found.get("progress") or 0.0,
            file_name=file.get("name") or "",
            file_size=int(file.get("size") or 0),
            steps=tuple(Step.read(step) for step in found.get("steps") or ()),
            summary=found.get("summary") or {},
            warnings=tuple(
                Warned(code=w.get("code", ""), message=w.get("message", ""), step=w.get("step"))
                for w in found.get("warnings") or ()
            ),
            error=Fault.read(found.get("error")),
            artifacts=tuple(Artifact.read(one) for one in found.get("artifacts") or ()),
            version=int(found.get("version") or 0),
            created_at=found.get("created_at") or "",
            started_at=found.get("started_at"),
            finished_at=found.get("finished_at"),
            raw=found,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Similar:
    """A job whose file is like another's."""

    job_id: str
    file_name: str
    why: str  # same_geometry, same_picture, shape, picture, text
    distance: float  # 0 for the same
    same_file: bool  # the uploads are equal, byte by byte
    raw: Mapping[str, Any]

    @classmethod
    def read(cls, found: Mapping[str, Any]) -> Self:
        """From the JSON object that the API answers."""
        return cls(
            job_id=found["job_id"],
            file_name=found.get("file_name") or "",
            why=found.get("why") or "",
            distance=found.get("distance") or 0.0,
            same_file=bool(found.get("same_file")),
            raw=found,
        )
