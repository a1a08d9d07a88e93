"""Why a step run does not go on yet: the reason in a word, what belongs to it, and a sentence for a person."""

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from jobs.model import MiB, Status, StepRun

# What a claimed step run says of itself (`StepRun.message`) until its host has room for it.
WAITS_FOR_MEMORY = "waiting for memory on its host"
WAITS_FOR_GPU = "waiting for memory on a GPU of its host"


class WaitsFor(StrEnum):
    """What has to come before a step run goes on."""

    STEPS = "steps"  # that it needs
    RETRY = "retry"  # a time, after a failed attempt
    PAUSED = "paused"  # somebody resumes its queue
    BROKER = "broker"  # its message could not be sent yet
    WORKER = "worker"  # no worker of its pool lives
    TURN = "turn"  # those before it in line
    MEMORY = "memory"  # it is claimed, and its host has no room for it yet
    GPU = "gpu"  # it is claimed, and its host's GPU has no room for it yet


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """What one step run waits for."""

    reason: WaitsFor | None  # None: it stands in line, and nobody looked what the line waits for
    steps: tuple[str, ...] = ()  # that have to succeed first
    retry_at: datetime | None = None
    queue: str | None = None  # the line it stands in
    place: int | None = None  # in that line, from 1
    since: datetime | None = None  # when its queue was paused


def told_by_row(step: StepRun) -> Waiting | None:
    """What a step run waits for as far as its row alone tells; None where it does not wait."""
    if step.status is Status.WAITING:
        return Waiting(reason=WaitsFor.STEPS, steps=step.needs)
    if step.status is Status.RUNNING and step.message == WAITS_FOR_MEMORY:
        return Waiting(reason=WaitsFor.MEMORY, queue=step.queue)
    if step.status is Status.RUNNING and step.message == WAITS_FOR_GPU:
        return Waiting(reason=WaitsFor.GPU, queue=step.queue)
    if step.status is not Status.QUEUED:
        return None
    reason = None if step.not_before is None else WaitsFor.RETRY
    return Waiting(reason=reason, retry_at=step.not_before, queue=step.queue)


def sentence(step: StepRun, waiting: Waiting) -> str:
    """The same for a person; times in UTC."""
    queue = waiting.queue
    match waiting.reason:
        case WaitsFor.STEPS:
            said = f"It needs {_listed(waiting.steps)} first."
        case WaitsFor.RETRY:
            said = f"It is tried again at {_clock(waiting.retry_at)}."
        case WaitsFor.PAUSED:
            said = f"The queue {queue} is paused since {_clock(waiting.since)}."
        case WaitsFor.BROKER:
            said = "The broker does not take messages now; it is sent as soon as it does."
        case WaitsFor.WORKER:
            said = f"No worker of pool {queue} is alive."
        case WaitsFor.MEMORY:
            said = _no_room(step)
        case WaitsFor.GPU:
            said = "The GPU of its host has no room yet for the memory that it claims there."
        case WaitsFor.TURN:
            said = f"{_ahead((waiting.place or 1) - 1)} in the queue {queue}."
        case None:
            said = f"It stands in the queue {queue}."
    return said


def _no_room(step: StepRun) -> str:
    if step.alone:
        return "It is to run alone on its host, and waits until nothing else runs there."
    return f"Its host has no room yet for the {int(step.memory) // MiB} MiB that it may use."


def _ahead(steps: int) -> str:
    if not steps:
        return "It is the next"
    return f"{steps} {'stands' if steps == 1 else 'stand'} before it"


def _listed(names: tuple[str, ...]) -> str:
    *most, last = names
    return f"{', '.join(most)} and {last}" if most else last


def _clock(moment: datetime | None) -> str:
    return "a time not known" if moment is None else f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
