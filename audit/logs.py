"""The check that a job's rows say what its event log says: the log is replayed through the rules."""

from collections.abc import Iterator
from typing import Any, cast

from sqlalchemy import RowMapping

from audit.reading import Dossier, Row, Scene
from audit.report import Check, Finding
from jobs.model import Job, Status
from jobs.replay import SUBMITTED, Logged
from jobs.replay import replay as fold
from ledger.rows import job_from, step_from


def is_kept(dossier: Dossier, scene: Scene) -> bool:
    """Whether the job's log reaches back to its submit, or should: retention drops old events, begin first."""
    told = any(event["type"] == SUBMITTED for event in dossier.events)
    return told or (scene.oldest_event is not None and dossier.job["created_at"] > scene.oldest_event)


def replay(dossier: Dossier, scene: Scene) -> Iterator[Finding]:
    """The log is legal, and gives each status, attempt and fence that the rows have."""
    if not is_kept(dossier, scene):
        return
    try:
        replayed = fold(_planned(dossier), [_logged(event) for event in dossier.events])
    except (KeyError, TypeError, ValueError) as error:
        yield _finding(dossier, [f"its rows can't be read: {type(error).__name__}: {error}"])
        return
    if not replayed.complete:
        yield _finding(dossier, ["the event of its submit is gone, though the log reaches further back"])
        return
    wrong = replayed.illegal or tuple(_differences(dossier, replayed.job))
    if wrong:
        yield _finding(dossier, wrong)


def _finding(dossier: Dossier, wrong: list[str] | tuple[str, ...]) -> Finding:
    return Finding(check=Check.REPLAY, subject=dossier.id, detail="; ".join(wrong))


def _planned(dossier: Dossier) -> Job:
    """The job with its plan; statuses and faults, which may be anything, are left out."""
    blank: dict[str, Any] = {"status": Status.WAITING.value, "fault": None, "warnings": []}
    steps = tuple(step_from(_row(step, blank)) for step in dossier.steps)
    return job_from(_row(dossier.job, blank), steps=steps, artifacts=())


def _row(row: Row, changes: dict[str, Any]) -> RowMapping:
    return cast("RowMapping", {**row, **changes})  # a mapping by name is all that is asked for


def _logged(row: Row) -> Logged:
    return Logged(id=row["id"], type=row["type"], step=row["step"], data=row["data"], at=row["at"])


def _differences(dossier: Dossier, job: Job) -> Iterator[str]:
    if dossier.job["status"] != job.status:
        yield f"the row says {dossier.job['status']}, its log {job.status}"
    for row, step in zip(dossier.steps, job.steps, strict=True):
        pairs = {
            "": (row["status"], step.status.value),
            "attempt ": (row["attempt"], step.attempt),
            "fence ": (row["fence"], step.fence),
        }
        for word, (there, logged) in pairs.items():
            if there != logged:
                yield f"the row of step {row['name']} says {word}{there}, the log {word}{logged}"
