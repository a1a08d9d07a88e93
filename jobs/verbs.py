"""The verbs that callers and workers decide by: claim, cancel, retry, expire. Pure, like jobs/lifecycle.py."""

from datetime import datetime, timedelta

from jobs.errors import Actor, Fault
from jobs.lifecycle import (
    UNCLAIMED,
    Advance,
    Event,
    WrongState,
    ended_by_cancel,
    give_up,
    queue_ready,
    step_event,
    with_step,
)
from jobs.model import Job, Status, StepKey, StepRun

DEADLINE_CODE = "job.deadline"
MAX_RETURNS = 5  # times that a message may come back undelivered before its step run is given up
_GONE = frozenset({Status.FAILED, Status.CANCELLED})


def claimed(job: Job, key: StepKey, *, now: datetime, worker: str, lease: float) -> Advance:
    """The step run `key` is claimed by `worker` for `lease` seconds: the attempt counts from here."""
    step = job.step(key)
    if step.status is not Status.QUEUED or job.status.ended:
        raise WrongState(f"step {key.name} is {step.status}, not queued")
    taken = step.evolve(
        status=Status.RUNNING,
        attempt=step.attempt + 1,
        fence=step.fence + 1,
        worker=worker,
        lease_until=now + timedelta(seconds=lease),
        not_before=None,
        returns=0,
        progress=0.0,
        message="",
        started_at=now,
    )
    job = with_step(job, taken)
    events: tuple[Event, ...] = (step_event("step.started", taken),)
    if job.status is Status.QUEUED:
        job = job.evolve(status=Status.RUNNING, started_at=job.started_at or now)
        events = (Event(type="file-processing.started"), *events)
    return Advance(job=job, events=events)


def cancel(job: Job, *, now: datetime) -> Advance:
    """End a job that has not ended; running children are killed once their worker learns of it."""
    if job.status.ended:
        raise WrongState(f"the job has {job.status} already")
    steps = tuple(s if s.status.ended else ended_by_cancel(s, now) for s in job.steps)
    job = job.evolve(status=Status.CANCELLED, steps=steps, finished_at=now)
    return Advance(job=job, events=(Event(type="job.cancelled"),))


def expire(job: Job, *, now: datetime) -> Advance:
    """End a job whose deadline has passed."""
    fault = Fault(
        code=DEADLINE_CODE,
        message="The job's deadline passed before it ended.",
        actor=Actor.NOBODY,
        hint="Retry it, which lifts the deadline, or submit it again with a later one.",
    )
    steps = tuple(s if s.status.ended else ended_by_cancel(s, now, fault) for s in job.steps)
    job = job.evolve(status=Status.FAILED, steps=steps, fault=fault, finished_at=now)
    return Advance(job=job, events=(Event(type="file-processing.failed", data=fault.to_json()),))


def retry(job: Job, *, now: datetime) -> Advance:
    """Run a failed or cancelled job again: succeeded steps stay, attempts go on counting, budgets are fresh."""
    if job.status not in {Status.FAILED, Status.CANCELLED}:
        raise WrongState(f"the job is {job.status}; only a failed or cancelled one can be retried")
    steps = tuple(s if s.status is Status.SUCCEEDED else _afresh(s) for s in job.steps)
    return Advance(job=queue_ready(_reopened(job, steps, now), now), events=(Event(type="job.retried"),))


def replay(job: Job, key: StepKey, *, now: datetime, delay: float = 0.0) -> Advance:
    """Run a step that the platform gave up on again, and what was cancelled for its sake; the rest stays as it is.

    `delay` (seconds) paces the replay of many. A job that was cancelled, or ended by its deadline, has steps that no
    replay would bring back: retry runs them all.
    """
    failed = job.step(key)
    if failed.status is not Status.FAILED:
        raise WrongState(f"step {key.name} is {failed.status}; only a failed one can be replayed")
    if job.status is Status.CANCELLED:
        raise WrongState("the job was cancelled; retry it instead")
    if job.fault is not None and job.fault.code == DEADLINE_CODE:
        raise WrongState("the job's deadline passed; retry it instead")
    again = _cancelled_for(job, key)
    steps = tuple(_afresh(step) if step.key in again else step for step in job.steps)
    fresh = queue_ready(_reopened(job, steps, now), now)
    if delay > 0:
        later = fresh.step(key).evolve(not_before=now + timedelta(seconds=delay))
        fresh = with_step(fresh, later)
    told = {"part": key.part, "steps": sorted({name for name, _ in again})}
    return Advance(job=fresh, events=(Event(type="job.replayed", step=key.name, data=told),))


def _cancelled_for(job: Job, key: StepKey) -> set[StepKey]:
    """`key`, and what was cancelled since it failed; not what also needs another that is gone: it would wait for ever."""
    again = {key} | {step.key for step in job.steps if step.name == key.name and step.status is Status.CANCELLED}
    for step in job.steps:  # plans list a step after those it needs
        needed = [other for other in job.steps if other.name in step.needs]
        gone = [other for other in needed if other.status in _GONE and other.key not in again]
        if step.status is Status.CANCELLED and not gone:
            again.add(step.key)
    return again


def _afresh(step: StepRun) -> StepRun:
    """Waiting again: attempts go on counting, the budget is fresh."""
    return step.evolve(
        status=Status.WAITING,
        fault=None,
        progress=0.0,
        message="",
        finished_at=None,
        worker=None,
        budget=step.attempt + step.attempts,
        escalations=0,
        returns=0,
        **UNCLAIMED,
    )


def _reopened(job: Job, steps: tuple[StepRun, ...], now: datetime) -> Job:
    """The job with `steps`, some of them afresh, whose warnings are taken back.

    One that had ended goes on, without its fault, and without its deadline where that has passed.
    """
    again = {s.key for s in steps if s.status is Status.WAITING}
    job = job.evolve(steps=steps, warnings=tuple(w for w in job.warnings if (w.step, w.part) not in again))
    if not job.status.ended:
        return job
    return job.evolve(
        status=Status.QUEUED,
        fault=None,
        deadline=job.deadline if job.deadline and job.deadline > now else None,
        finished_at=None,
        started_at=None,
    )


def returned(job: Job, key: StepKey, *, now: datetime, reason: str) -> Advance:
    """The broker gave up on the message of a queued step run; after `MAX_RETURNS` times so do we.

    Otherwise nothing but the count changes: the same dispatch is sent again.
    """
    step = job.step(key)
    if step.status is not Status.QUEUED:
        raise WrongState(f"step {key.name} is {step.status}, not queued")
    counted = step.evolve(returns=step.returns + 1)
    if counted.returns < MAX_RETURNS:
        return Advance(job=with_step(job, counted), events=(step_event("step.returned", counted),))
    fault = Fault(
        code="step.undeliverable",
        message=f"The message of step {key.name} came back {counted.returns} times ({reason}).",
        actor=Actor.PLATFORM,
        step=key.name,
        hint="Look whether the workers of this pool run a release that knows the task, then replay the dead letter.",
    )
    return give_up(job, counted, fault, now)
