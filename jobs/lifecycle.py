"""The rules: which status may follow which, and what an outcome changes. Pure; the ledger applies it.

What callers and workers decide (claim, cancel, retry, expire) is in jobs/verbs.py.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from jobs.errors import Actor, Fault
from jobs.model import MAX_PARTS, Job, Notice, Status, StepKey, StepRun
from jobs.outcomes import Failed, Outcome, RetryLater, Succeeded
from jobs.policy import ESCALATED_CODES, RetryPolicy, is_final

W, Q, R, S, F, C = Status  # the order in which Status declares them

TRANSITIONS: Mapping[Status, frozenset[Status]] = {
    W: frozenset({Q, C}),
    Q: frozenset({R, S, F, C}),  # ended without a claim: a deadline passed, or no message could be delivered
    R: frozenset({Q, S, F, C}),  # queued again: retry, lost worker, shutdown
    S: frozenset({Q}),  # a job whose optional step is replayed
    F: frozenset({W, Q}),  # somebody asked for a retry
    C: frozenset({W, Q}),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that happened, for the durable log."""

    type: str
    step: str | None = None
    data: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Advance:
    """What a decision changes: the new job, and what has to be told to others."""

    job: Job
    events: tuple[Event, ...] = ()
    dead_letters: tuple[StepKey, ...] = ()  # step runs that the platform gave up on


class WrongState(Exception):
    """The verb does not fit the status; the API answers 409."""


def advance(job: Job, key: StepKey, outcome: Outcome, *, now: datetime, policy: RetryPolicy) -> Advance:
    """What becomes of `job` when the running step run `key` ends with `outcome`."""
    step = job.step(key)
    if step.status is not R:
        raise WrongState(f"step {key.name} is {step.status}, not running")
    match outcome:
        case Succeeded():
            ended = step.evolve(status=S, progress=1.0, message="", fault=None, finished_at=now, **UNCLAIMED)
            said = tuple(replace(notice, part=key.part) for notice in outcome.warnings)
            warnings = (*(w for w in job.warnings if (w.step, w.part) != key), *said)
            job = job.evolve(summary={**job.summary, **outcome.summary}, warnings=warnings)
            job, events = _split(with_step(job, ended), outcome.splits)
            return _settle(job, now, (step_event("step.succeeded", ended), *events))
        case RetryLater():
            again = _requeued(step, now, outcome.delay).evolve(
                attempt=step.attempt - 1, fault=outcome.fault, worker=None
            )
            return Advance(job=with_step(job, again), events=(step_event("step.released", again),))
        case Failed():
            return _failed(job, step, outcome, now, policy)


def _split(job: Job, splits: Mapping[str, int]) -> tuple[Job, tuple[Event, ...]]:
    """Steps that wait become as many runs as there are parts; what needs one of them needs all its parts.

    A step that does not wait any more, or is split already, stays as it is: it was laid out by an earlier success.
    """
    events: list[Event] = []
    steps: list[StepRun] = []
    for step in job.steps:
        parts = min(splits.get(step.name, 1), MAX_PARTS)
        whole = step.status is W and job.part(step.key).of == 1
        if not whole or parts <= 1:
            steps.append(step)
            continue
        steps += [step.evolve(part=number) for number in range(parts)]
        events.append(Event(type="step.split", step=step.name, data={"parts": parts}))
    return job.evolve(steps=tuple(steps)), tuple(events)


UNCLAIMED: dict[str, Any] = {"lease_until": None, "not_before": None}


def _failed(job: Job, step: StepRun, outcome: Failed, now: datetime, policy: RetryPolicy) -> Advance:
    fault = replace(outcome.fault, step=step.name)
    if not is_final(fault) and step.attempt < step.budget:
        delay = policy.delay(step.attempt) if outcome.delay is None else outcome.delay
        if fault.code not in ESCALATED_CODES:
            again = _requeued(step, now, delay).evolve(fault=fault)
            return Advance(job=with_step(job, again), events=(step_event("step.retrying", again),))
        if step.escalations == 0:
            # Once more with more memory; `StepRun.alone` keeps others off, so that it can't be their doing.
            larger = step.memory.larger() or step.memory
            again = _requeued(step, now, delay).evolve(fault=fault, memory=larger, escalations=1)
            return Advance(job=with_step(job, again), events=(step_event("step.retrying", again),))
    return give_up(job, step, fault, now)


def give_up(job: Job, step: StepRun, fault: Fault, now: datetime) -> Advance:
    """`step` fails for good: whatever needs it is cancelled; unless the submitter must act, it is a dead letter.

    Other parts of a required step that have not begun are cancelled as well: what they make, nobody would join.
    """
    ended = step.evolve(status=F, message="", fault=fault, finished_at=now, **UNCLAIMED)
    given_up = () if fault.actor is Actor.SUBMITTER else (step.key,)
    job = with_step(job, ended)
    if not step.required:
        notice = Notice(code=fault.code, message=fault.message, step=step.name, part=step.part)
        job = job.evolve(warnings=(*job.warnings, notice))
    else:
        job = _cancel_siblings(job, ended, now)
    settled = _settle(_cancel_dependents(job, ended, now), now, (step_event("step.failed", ended),))
    return replace(settled, dead_letters=given_up)


def _settle(job: Job, now: datetime, events: tuple[Event, ...]) -> Advance:
    """Queue what has become ready; end the job when nothing is left to run."""
    job = queue_ready(job, now)
    if not all(step.status.ended for step in job.steps):
        return Advance(job=job, events=events)
    broken = next((s.fault for s in job.steps if s.status is F and s.required), None)
    if broken is not None:
        job = job.evolve(status=F, fault=broken, finished_at=now)
        return Advance(job=job, events=(*events, Event(type="file-processing.failed", data=broken.to_json())))
    job = job.evolve(status=S, fault=None, finished_at=now)
    return Advance(
        job=job, events=(*events, Event(type="file-processing.completed", data={"summary": dict(job.summary)}))
    )


def queue_ready(job: Job, now: datetime) -> Job:
    """Queue each waiting step run whose needs have all succeeded."""
    unmet = {s.name for s in job.steps if s.status is not S}
    steps = tuple(
        step.evolve(status=Q, queued_at=now, dispatch=step.dispatch + 1)
        if step.status is W and unmet.isdisjoint(step.needs)
        else step
        for step in job.steps
    )
    return job.evolve(steps=steps)


def _requeued(step: StepRun, now: datetime, delay: float) -> StepRun:
    not_before = now + timedelta(seconds=delay) if delay > 0 else None
    return step.evolve(
        status=Q,
        queued_at=now,
        not_before=not_before,
        lease_until=None,
        dispatch=step.dispatch + 1,
        returns=0,
        progress=0.0,
        message="",
    )


def ended_by_cancel(step: StepRun, now: datetime, fault: Fault | None = None) -> StepRun:
    """The step run as it ends when it will not be run any more."""
    return step.evolve(status=C, message="", fault=fault, finished_at=now, **UNCLAIMED)


def _cancel_siblings(job: Job, failed: StepRun, now: datetime) -> Job:
    """Parts of the same step that wait for their turn."""
    fault = Fault(
        code="step.dependency_failed",
        message=f"Another part of step {failed.name} failed.",
        actor=Actor.NOBODY,
        step=failed.name,
    )
    steps = tuple(
        ended_by_cancel(step, now, fault) if step.name == failed.name and step.status in {W, Q} else step
        for step in job.steps
    )
    return job.evolve(steps=steps)


def _cancel_dependents(job: Job, failed: StepRun, now: datetime) -> Job:
    """Whatever needs a failed step, directly or not, can never run."""
    gone = {failed.name}
    steps = list(job.steps)
    for index, step in enumerate(steps):  # plans list a step after those it needs
        if step.status is W and not gone.isdisjoint(step.needs):
            fault = Fault(
                code="step.dependency_failed",
                message=f"Step {step.name} needs {', '.join(sorted(gone.intersection(step.needs)))}, which failed.",
                actor=Actor.NOBODY,
                step=step.name,
            )
            steps[index] = ended_by_cancel(step, now, fault)
            gone.add(step.name)
    return job.evolve(steps=tuple(steps))


def with_step(job: Job, step: StepRun) -> Job:
    """The job with that step run in place of the one with its key."""
    return job.evolve(steps=tuple(step if s.key == step.key else s for s in job.steps))


def step_event(type_: str, step: StepRun) -> Event:
    """Something that happened to a step run."""
    data: dict[str, Any] = {"part": step.part, "attempt": step.attempt, "fence": step.fence}
    return Event(type=type_, step=step.name, data=data | ({"fault": step.fault.to_json()} if step.fault else {}))
