"""Checks of a job's state: legal, whole, claimed rightly, explained, not overdue."""

from collections.abc import Iterator
from datetime import timedelta

from audit.reading import Dossier, Row, Scene
from audit.report import Check, Finding
from jobs.errors import Actor
from jobs.model import Status

ENDED = frozenset({Status.SUCCEEDED, Status.FAILED, Status.CANCELLED})
OF_JOBS = frozenset(Status) - {Status.WAITING}  # a job is queued from its submit on
DEADLINE = "job.deadline"  # the one code of a failed job that names no step


def state(dossier: Dossier, _scene: Scene) -> Iterator[Finding]:
    """The job's status is legal, and those of its step runs fit it."""
    job, steps = dossier.job, dossier.steps
    for wrong in _status_of_job(job, steps):
        yield Finding(check=Check.STATE, subject=dossier.id, detail=wrong)
    for step in steps:
        for wrong in _status_of_step(step, steps):
            yield Finding(check=Check.STATE, subject=dossier.name(step), detail=wrong)


def _status_of_job(job: Row, steps: tuple[Row, ...]) -> Iterator[str]:
    status = job["status"]
    if status not in OF_JOBS:
        yield f"the status {status!r} is none of a job"
        return
    if not steps:
        yield f"the job is {status} but has no step runs"
        return
    live = [step["name"] for step in steps if step["status"] not in ENDED]
    if status in ENDED:
        if live:
            yield f"the job has {status}, but these step runs have not ended: {', '.join(live)}"
        if job["finished_at"] is None:
            yield f"the job has {status} but has no time of its end"
    else:
        if not live:
            yield f"the job is {status}, but all its step runs have ended"
        if job["finished_at"] is not None:
            yield f"the job is {status} but has a time of its end"
    if status == Status.QUEUED and any(step["status"] == Status.RUNNING for step in steps):
        yield "the job is queued, but a step run of it is running"
    if status == Status.RUNNING and job["started_at"] is None:
        yield "the job is running but has no time of its start"
    yield from _verdict(job, steps)


def _verdict(job: Row, steps: tuple[Row, ...]) -> Iterator[str]:
    """Whether the job ended as its step runs say."""
    status, fault = job["status"], job["fault"]
    broken = [step["name"] for step in steps if step["required"] and step["status"] == Status.FAILED]
    if status == Status.SUCCEEDED:
        gone = {step["name"] for step in steps if step["status"] == Status.FAILED}
        for step in steps:  # plans list a step after those it needs
            if step["status"] == Status.CANCELLED and not gone.isdisjoint(step["needs"]):
                gone.add(step["name"])
        skipped = [s["name"] for s in steps if s["status"] == Status.CANCELLED and s["name"] not in gone]
        if broken or skipped:
            yield f"the job has succeeded, but these step runs have not: {', '.join(broken + skipped)}"
    if status == Status.FAILED and not broken and (fault or {}).get("code") != DEADLINE:
        yield "the job has failed, but no step run that it requires has, and no deadline passed"
    if status != Status.FAILED and fault is not None:
        yield f"the job is {status} but carries a fault"


def _status_of_step(step: Row, steps: tuple[Row, ...]) -> Iterator[str]:
    status = step["status"]
    if status not in set(Status):
        yield f"the status {status!r} is none of a step run"
        return
    if (status in ENDED) != (step["finished_at"] is not None):
        yield f"the step run is {status} {'and has no' if status in ENDED else 'but has a'} time of its end"
    needed = [other for other in steps if other["name"] in step["needs"]]
    unmet = [other for other in needed if other["status"] != Status.SUCCEEDED]
    if status in {Status.QUEUED, Status.RUNNING, Status.SUCCEEDED} and unmet:
        yield f"the step run is {status}, but what it needs has not succeeded: {', '.join(o['name'] for o in unmet)}"
    if status == Status.WAITING:
        if not unmet:
            yield "the step run is waiting, but all that it needs has succeeded"
        elif any(other["status"] in ENDED for other in unmet):
            yield "the step run is waiting for one that has ended without success"
    if status == Status.QUEUED and (step["queued_at"] is None or step["dispatch"] < 1):
        yield "the step run is queued, but no message was made for it"


def claim(dossier: Dossier, _scene: Scene) -> Iterator[Finding]:
    """A running step run has worker, lease, fence and an open attempt; no other has a lease."""
    for step in dossier.steps:
        wrong: list[str] = []
        if step["status"] != Status.RUNNING:
            wrong += ["a lease"] if step["lease_until"] is not None else []
            said = f"the step run is {step['status']} but has {', '.join(wrong)}"
        else:
            wrong += ["no worker"] if not step["worker"] else []
            wrong += ["no lease"] if step["lease_until"] is None else []
            wrong += ["no fence"] if step["fence"] < 1 else []
            wrong += [] if any(_is_open(attempt, step) for attempt in dossier.attempts) else ["no open attempt"]
            said = f"the step run is running but has {', '.join(wrong)}"
        if wrong:
            yield Finding(check=Check.CLAIM, subject=dossier.name(step), detail=said)


def _is_open(attempt: Row, step: Row) -> bool:
    same = (attempt["step"], attempt["part"], attempt["fence"]) == (step["name"], step["part"], step["fence"])
    return same and attempt["outcome"] is None and attempt["number"] == step["attempt"]


def reason(dossier: Dossier, _scene: Scene) -> Iterator[Finding]:
    """What has failed carries a fault with code, actor, message, and for a job the step or its deadline."""
    fault = dossier.job["fault"] or {}
    if dossier.job["status"] == Status.FAILED:
        missing = _missing(fault)
        known = {step["name"] for step in dossier.steps}
        if fault.get("step") not in known and fault.get("code") != DEADLINE:
            missing.append("step")
        if missing:
            yield Finding(check=Check.REASON, subject=dossier.id, detail=f"the job has failed without {_and(missing)}")
    for step in dossier.steps:
        missing = _missing(step["fault"] or {}) if step["status"] == Status.FAILED else []
        if missing:
            subject, detail = dossier.name(step), f"the step run has failed without {_and(missing)}"
            yield Finding(check=Check.REASON, subject=subject, detail=detail)


def _missing(fault: Row) -> list[str]:
    missing = [name for name in ("code", "message") if not fault.get(name)]
    return missing if fault.get("actor") in set(Actor) else [*missing, "actor"]


def _and(words: list[str]) -> str:
    return " and ".join(words)


def stuck(dossier: Dossier, scene: Scene) -> Iterator[Finding]:
    """While workers live, a lease that is over is taken away and a deadline that passed ends its job, both soon."""
    if not scene.workers:
        return
    late = dossier.now - timedelta(seconds=scene.lost_after)
    deadline = dossier.job["deadline"]
    if dossier.job["status"] not in ENDED and deadline is not None and deadline < late:
        yield Finding(check=Check.STUCK, subject=dossier.id, detail=f"its deadline passed at {deadline:%F %T} UTC")
    for step in dossier.steps:
        until = step["lease_until"]
        if step["status"] == Status.RUNNING and until is not None and until < late:
            detail = f"its lease is over since {until:%F %T} UTC, and nobody took it away from {step['worker']}"
            yield Finding(check=Check.STUCK, subject=dossier.name(step), detail=detail)
