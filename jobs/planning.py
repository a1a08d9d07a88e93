"""From a pipeline to a plan: every StepRun of a new job, laid out in an order that respects needs."""

from jobs.errors import ConfigurationError
from jobs.model import Status, StepRun
from jobs.pipeline import Pipeline, Step


def plan(pipeline: Pipeline) -> tuple[StepRun, ...]:
    """One waiting StepRun for each step; `queue_ready()` then queues those without needs."""
    return tuple(_step_run(step) for step in _in_order(pipeline))


def _step_run(step: Step) -> StepRun:
    return StepRun(
        name=step.name,
        queue=step.queue.name,
        needs=step.needs,
        required=step.required,
        timeout=step.timeout,
        memory=step.memory,
        attempts=step.attempts,
        budget=step.attempts,
        status=Status.WAITING,
    )


def _in_order(pipeline: Pipeline) -> list[Step]:
    """Steps after those they need, otherwise as declared."""
    placed: list[Step] = []
    waiting = list(pipeline.steps)
    while waiting:
        names = {step.name for step in placed}
        ready = next((step for step in waiting if names.issuperset(step.needs)), None)
        if ready is None:
            raise ConfigurationError(f"pipeline {pipeline.name!r} has a cycle")
        placed.append(ready)
        waiting.remove(ready)
    return placed
