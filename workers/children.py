"""Child jobs that a step asks for, checked and planned: nothing in what a sandbox says is believed."""

from collections.abc import Mapping, Sequence

from pydantic import ValidationError

from jobs.errors import StepError
from jobs.ids import new_id
from jobs.model import Job
from jobs.outcomes import ChildJob
from jobs.pipeline import Pipeline, Step
from jobs.planning import plan
from parsers.encoding import HEAD
from parsers.sniff import sniff
from workers.sandbox import Output, Submission

_DEFECT = "Operators: it is a defect of the step."


def planned_children(
    job: Job,
    step: Step,
    wanted: Sequence[Submission],
    *,
    outputs: Sequence[Output],
    pipelines: Mapping[str, Pipeline],
) -> tuple[ChildJob, ...]:
    """The jobs to be committed with the step's success.

    Raises `StepError` (`step.child_invalid`) where one is not for this step to ask for: it names no output of its own,
    a pipeline that `Step.submits` does not, options that this does not take, a kind that it does not read; or the job
    is a child itself.
    """
    files = {output.name: output for output in outputs}
    return tuple(_planned(job, step, one, files=files, pipelines=pipelines) for one in wanted)


def named(children: Sequence[ChildJob]) -> dict[str, list[dict[str, str]]]:
    """For the parent's summary: which job was made of which artifact."""
    told = [{"job_id": child.id, "pipeline": child.pipeline, "artifact": child.artifact} for child in children]
    return {"children": told} if told else {}


def _planned(
    job: Job, step: Step, wanted: Submission, *, files: Mapping[str, Output], pipelines: Mapping[str, Pipeline]
) -> ChildJob:
    pipeline = pipelines.get(wanted.pipeline) if wanted.pipeline in step.submits else None
    output = files.get(wanted.artifact)
    if pipeline is None or output is None or job.parent_job_id is not None:
        raise _invalid(step, wanted)
    with output.path.open("rb") as file:
        kind = sniff(file.read(HEAD), size=output.size, name=wanted.file_name)
    if kind is None or not pipeline.takes(kind.name):
        raise _invalid(step, wanted)
    try:
        options = pipeline.validated_options(dict(wanted.options))
    except ValidationError:
        raise _invalid(step, wanted) from None
    return ChildJob(
        id=new_id(),
        artifact=wanted.artifact,
        pipeline=pipeline.name,
        pipeline_version=pipeline.version,
        steps=plan(pipeline, options),
        options=options,
        file_name=wanted.file_name,
        kind=kind.name,
    )


def _invalid(step: Step, wanted: Submission) -> StepError:
    message = f"Step {step.name} may not submit {wanted.artifact!r} to the pipeline {wanted.pipeline!r} as it asks."
    return StepError("step.child_invalid", message, hint=_DEFECT)
