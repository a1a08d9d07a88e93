"""The verbs that callers and workers decide by: claim, cancel, retry, expire. Pure, like jobs/lifecycle.py."""

from datetime import datetime, timedelta

from jobs.errors import Actor, Fault
from jobs.lifecycle import UNCLAIMED, Advance, Event, WrongState, ended_by_cancel, queue_ready, step_event, with_step
from jobs.model import Job, Status, StepKey


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
        code="job.deadline",
        message="The job's deadline passed before it ended.",
        actor=Actor.NOBODY,
        hint="Submit it again with a later deadline.",
    )
    steps = tuple(s if s.status.ended else ended_by_cancel(s, now, fault) for s in job.steps)
    job = job.evolve(status=Status.FAILED, steps=steps, fault=fault, finished_at=now)
    return Advance(job=job, events=(Event(type="file-processing.failed", data=fault.to_json()),))


def retry(job: Job, *, now: datetime) -> Advance:
    """Run a failed or cancelled job again: succeeded steps stay, attempts go on counting, budgets are fresh."""
    if job.status not in {Status.FAILED, Status.CANCELLED}:
        raise WrongState(f"the job is {job.status}; only a failed or cancelled one can be retried")
    steps = tuple(
        s
        if s.status is Status.SUCCEEDED
        else s.evolve(
            status=Status.WAITING,
            fault=None,
            progress=0.0,
            message="",
            finished_at=None,
            worker=None,
            budget=s.attempt + s.attempts,
            escalations=0,
            **UNCLAIMED,
        )
        for s in job.steps
    )
    retried = {s.name for s in steps if s.status is Status.WAITING}
    warnings = tuple(w for w in job.warnings if w.step not in retried)
    job = job.evolve(
        status=Status.QUEUED, steps=steps, fault=None, warnings=warnings, finished_at=None, started_at=None
    )
    return Advance(job=queue_ready(job, now), events=(Event(type="job.retried"),))
