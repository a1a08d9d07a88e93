"""From a pipeline to a plan: every StepRun of a new job, laid out in an order that respects needs."""

from collections.abc import Collection, Mapping
from typing import Any

from jobs.errors import ConfigurationError
from jobs.model import Status, StepRun
from jobs.pipeline import Pipeline, Step


def plan(pipeline: Pipeline, options: Mapping[str, Any] | None = None) -> tuple[StepRun, ...]:
    """One waiting StepRun for each step that is wanted; `queue_ready()` then queues those without needs.

    `options` are the job's, validated. A step whose `when` names one that is falsy, or is not there, is left out, and
    who needs it does not wait for it.
    """
    said = options or {}
    wanted = [step for step in _in_order(pipeline) if step.when is None or said.get(step.when)]
    names = {step.name for step in wanted}
    return tuple(_step_run(step, planned=names) for step in wanted)


def _step_run(step: Step, *, planned: Collection[str]) -> StepRun:
    return StepRun(
        name=step.name,
        queue=step.queue.name,
        needs=tuple(name for name in step.needs if name in planned),
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
