"""Why a step run does not go on yet: the reason in a word, and what belongs to it."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

# What a claimed step run says of itself (`StepRun.message`) until its host has room for it.
WAITS_FOR_MEMORY = "waiting for memory on its host"


class WaitsFor(StrEnum):
    """What has to come before a step run goes on."""

    STEPS = "steps"  # that it needs
    RETRY = "retry"  # a time, after a failed attempt
    PAUSED = "paused"  # somebody resumes its queue
    BROKER = "broker"  # its message could not be sent yet
    WORKER = "worker"  # no worker of its pool lives
    TURN = "turn"  # those before it in line
    MEMORY = "memory"  # it is claimed, and its host has no room for it yet


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """What one step run waits for."""

    reason: WaitsFor
    steps: tuple[str, ...] = ()  # that have to succeed first
    retry_at: datetime | None = None
    queue: str | None = None  # the line it stands in
    place: int | None = None  # in that line, from 1
