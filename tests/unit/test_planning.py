"""Steps that are planned on request only."""

import pytest
from support.sample_jobs import index, parse, picture, sample_job

from jobs.errors import ConfigurationError
from jobs.model import Status, StepKey
from jobs.pipeline import Options, Pipeline, Step
from jobs.planning import plan
from jobs.queues import INDEXING, PARSING, THUMBNAILS


class Wanted(Options):
    """One option that asks for a step."""

    picture: bool = False


def pipeline(*, when: str | None = "picture", options: type[Options] = Wanted) -> Pipeline:
    """`picture` on request; `index` after `parse` and it."""
    return Pipeline(
        name="p",
        version=1,
        title="For tests.",
        accepts=(),
        options=options,
        steps=(
            Step(run=parse, queue=PARSING),
            Step(run=picture, queue=THUMBNAILS, needs=("parse",), when=when),
            Step(run=index, queue=INDEXING, needs=("parse", "picture")),
        ),
    )


@pytest.mark.parametrize("options", [None, {}, {"picture": False}, {"picture": None}, {"picture": ""}])
def test_plan__leaves_out_what_nobody_asked_for(options):
    """Without its option a step is not planned, and who needs it does not wait for it."""
    found = plan(pipeline(), options)
    assert [(step.name, step.needs) for step in found] == [("parse", ()), ("index", ("parse",))]


@pytest.mark.parametrize("value", [True, "yes", ["a"]])
def test_plan__has_what_was_asked_for(value):
    """With its option a step is planned and needed as declared."""
    found = plan(pipeline(), {"picture": value})
    assert [(step.name, step.needs) for step in found] == [
        ("parse", ()),
        ("picture", ("parse",)),
        ("index", ("parse", "picture")),
    ]


def test_plan__a_job_without_the_step_can_end():
    """What was not planned is no step of the job: the one after it waits for `parse` alone."""
    job = sample_job(pipeline())
    assert [step.name for step in job.steps] == ["parse", "index"]
    assert job.step(StepKey("index")).status is Status.WAITING


@pytest.mark.parametrize(("when", "options"), [("pictures", Wanted), ("picture", Options)])
def test_pipeline__a_step_on_request_names_an_option(when, options):
    """A step that asks for an option that is not there is refused at start, with the options that are."""
    with pytest.raises(
        ConfigurationError, match=r"step p\.picture: there is no option .*; the options are: (picture|none)"
    ):
        pipeline(when=when, options=options)
