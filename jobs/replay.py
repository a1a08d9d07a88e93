"""Replays a job's event log through the rules: the statuses, attempts and fences that the log implies. Pure.

Each event that decided something is applied again by the very rule that wrote it. What follows from a decision by
itself (a job starts, completes or fails with its steps) is not taken from the log but compared with it, so that an
event too many or too few shows.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import zip_longest
from typing import Any

from jobs.errors import Actor, Fault
from jobs.lifecycle import Advance, Event, WrongState, advance, give_up, queue_ready, with_step
from jobs.model import Job, Status, StepKey
from jobs.outcomes import RetryLater, Succeeded
from jobs.policy import RetryPolicy
from jobs.verbs import cancel, claimed, expire, retry
from jobs.verbs import replay as run_again

SUBMITTED = "job.submitted"
CONSEQUENCES = frozenset({"file-processing.started", "file-processing.completed", "file-processing.failed"})
_POLICY = RetryPolicy(base=0.0)  # unused: the log says what was tried again


@dataclass(frozen=True, slots=True, kw_only=True)
class Logged:
    """One row of the event log."""

    id: int
    type: str
    step: str | None
    data: Mapping[str, Any]
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Replayed:
    """What a log implies."""

    job: Job  # of it, status and steps count, and of these status, attempt and fence
    complete: bool  # whether the log reaches back to the submit; if not, nothing else is to be trusted
    illegal: tuple[str, ...]  # what the rules do not allow, one sentence each


def replay(job: Job, log: Sequence[Logged]) -> Replayed:
    """Fold `log`, in the order of its ids, over the plan of `job`; nothing else of `job` counts.

    Events of unknown types are passed over: a newer release may log more.
    """
    if not any(event.type == SUBMITTED for event in log):
        return Replayed(job=job, complete=False, illegal=())
    folded, expected, illegal = _planned(job, log[0].at), [SUBMITTED], []
    for position, event in enumerate(log):
        try:
            decided = _decided(folded, event, first=position == 0)
        except (WrongState, KeyError) as error:
            illegal.append(f"{_name(event)} can't follow: {error.args[0] if error.args else 'no such step'}")
            continue
        folded = decided.job
        expected += [one.type for one in decided.events]
        illegal += _miscounted(folded, event)
    return Replayed(job=folded, complete=True, illegal=tuple(illegal or _astray(log, expected)))


def _planned(job: Job, now: datetime) -> Job:
    """The job as it was submitted."""
    steps = tuple(
        step.evolve(
            status=Status.WAITING, attempt=0, fence=0, dispatch=0, budget=step.attempts, escalations=0, fault=None
        )
        for step in job.steps
    )
    return queue_ready(job.evolve(status=Status.QUEUED, steps=steps, fault=None, warnings=(), summary={}), now)


def _decided(job: Job, event: Logged, *, first: bool) -> Advance:
    """What the rules make of an event; those without a rule change nothing."""
    if event.type == SUBMITTED:
        if not first:
            raise WrongState("a job is submitted once, before all else")
        return Advance(job=job)
    if event.type == "file-processing.failed" and event.data.get("code") != "job.deadline":
        return Advance(job=job)
    rule = _RULES.get(event.type)
    return Advance(job=job) if rule is None else rule(job, event)


def _started(job: Job, event: Logged) -> Advance:
    return claimed(job, _key(event), now=event.at, worker="", lease=0)


def _succeeded(job: Job, event: Logged) -> Advance:
    return advance(job, _key(event), Succeeded(), now=event.at, policy=_POLICY)


def _released(job: Job, event: Logged) -> Advance:
    return advance(job, _key(event), RetryLater(fault=_fault(event)), now=event.at, policy=_POLICY)


def _retrying(job: Job, event: Logged) -> Advance:
    step = job.step(_key(event))
    if step.status is not Status.RUNNING:
        raise WrongState(f"step {step.name} is {step.status}, not running")
    again = step.evolve(status=Status.QUEUED, dispatch=step.dispatch + 1)
    return Advance(job=with_step(job, again), events=(Event(type=event.type),))


def _returned(job: Job, event: Logged) -> Advance:
    step = job.step(_key(event))
    if step.status is not Status.QUEUED:
        raise WrongState(f"step {step.name} is {step.status}, not queued")
    return Advance(job=job, events=(Event(type=event.type),))


def _failed(job: Job, event: Logged) -> Advance:
    step = job.step(_key(event))
    if step.status not in {Status.RUNNING, Status.QUEUED}:  # queued: its message could not be delivered
        raise WrongState(f"step {step.name} is {step.status}, neither running nor queued")
    return give_up(job, step, _fault(event), event.at)


def _expired(job: Job, event: Logged) -> Advance:
    if job.status.ended:
        raise WrongState(f"the job has {job.status} already")
    return expire(job, now=event.at)


def _deleted(job: Job, event: Logged) -> Advance:  # noqa: ARG001 - a rule's arguments
    raise WrongState("the job is still there")


_RULES: Mapping[str, Callable[[Job, Logged], Advance]] = {
    "step.started": _started,
    "step.succeeded": _succeeded,
    "step.released": _released,
    "step.retrying": _retrying,
    "step.returned": _returned,
    "step.failed": _failed,
    "file-processing.failed": _expired,  # where it names the deadline
    "job.cancelled": lambda job, event: cancel(job, now=event.at),
    "job.retried": lambda job, event: retry(job, now=event.at),
    "job.replayed": lambda job, event: run_again(job, _key(event), now=event.at),
    "job.deleted": _deleted,
}


def _key(event: Logged) -> StepKey:
    return StepKey(event.step or "", event.data.get("part", 0))


def _fault(event: Logged) -> Fault:
    try:
        return Fault.from_json(event.data["fault"])
    except (KeyError, TypeError, ValueError):
        return Fault(code="step.error", message="", actor=Actor.PLATFORM)


def _miscounted(job: Job, event: Logged) -> list[str]:
    """Where an event tells another attempt or fence than the log up to it."""
    if event.type not in _RULES or event.step is None or event.type == "job.replayed":
        return []
    step = job.step(_key(event))
    counted = {"attempt": step.attempt, "fence": step.fence}
    return [
        f"{_name(event)} says {name} {event.data[name]}, but the log up to it makes {n}"
        for name, n in counted.items()
        if event.data.get(name, n) != n
    ]


def _astray(log: Sequence[Logged], expected: Sequence[str]) -> list[str]:
    """The first place where the log holds other events than the rules write."""
    known = {*_RULES, *CONSEQUENCES, *expected}
    for event, wanted in zip_longest((event for event in log if event.type in known), expected):
        if event is None:
            return [f"the log ends where {wanted} is to follow"]
        if wanted != event.type:
            return [f"{_name(event)} stands where {'nothing' if wanted is None else wanted} is to follow"]
    return []


def _name(event: Logged) -> str:
    of = f" of step {event.step}" if event.step else ""
    return f"event {event.id}, {event.type}{of},"
