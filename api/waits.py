"""What a step waits for, as JSON: a word for programs and a sentence for people."""

from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from jobs.model import StepRun
from jobs.waiting import Waiting, WaitsFor, sentence


class WaitingFor(BaseModel):
    """What a step waits for; everything but `steps` changes without a new ETag."""

    model_config = ConfigDict(extra="forbid")

    reason: WaitsFor | None = Field(
        description="The first thing that has to come. Null where it stands in line and nobody looked why: "
        "in lists, and in answers to submits and verbs."
    )
    steps: list[str] = Field(description="Steps that have to succeed first.")
    retry_at: datetime | None = Field(description="Not before this time.")
    queue: str | None = Field(description="The line it stands in.")
    place: int | None = Field(description="Its place in that line, from 1. Null where `reason` was not looked for.")
    detail: str = Field(examples=["No worker of pool parsing is alive."], description="The same for a person.")


def waiting_json(step: StepRun, waiting: Waiting | None) -> dict[str, Any] | None:
    """What `step` waits for as the API shows it."""
    if waiting is None:
        return None
    return {
        "reason": waiting.reason,
        "steps": waiting.steps,
        "retry_at": waiting.retry_at,
        "queue": waiting.queue,
        "place": waiting.place,
        "detail": sentence(step, waiting),
    }
