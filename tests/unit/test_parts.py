"""Steps in parts: laid out by an earlier success, joined by what needs them; warnings and letters are each part's own."""

from dataclasses import replace as changed

import pytest
from support.sample_jobs import NOW, STEADY, fault, index, parse, picture, sample_job

from jobs.errors import Actor
from jobs.lifecycle import advance
from jobs.model import MAX_PARTS, Job, Notice, Part, Status, StepKey
from jobs.outcomes import Failed, Outcome, Succeeded
from jobs.pipeline import Pipeline, Step
from jobs.queues import INDEXING, PARSING, THUMBNAILS
from jobs.verbs import claimed, replay, retry

SPLITTING = Pipeline(
    name="splitting",
    version=1,
    title="For tests.",
    accepts=("sample",),
    steps=(
        Step(run=parse, queue=PARSING),
        Step(run=picture, queue=THUMBNAILS, needs=("parse",)),
        Step(run=index, queue=INDEXING, needs=("picture",)),
    ),
)


def end(job: Job, name: str, outcome: Outcome, *, part: int = 0) -> Job:
    """The job after that run was claimed and ended so."""
    key = StepKey(name, part)
    taken = claimed(job, key, now=NOW, worker="w", lease=20).job
    return advance(taken, key, outcome, now=NOW, policy=STEADY).job


def split(parts: int) -> Job:
    return end(sample_job(SPLITTING), "parse", Succeeded(splits={"picture": parts}))


def status(job: Job, name: str) -> list[Status]:
    return [step.status for step in job.steps if step.name == name]


def test_split__lays_out_runs_that_are_queued_at_once():
    """What waited as one is three runs in its place in the plan, and what needs it still waits."""
    job = split(3)
    assert [step.key for step in job.steps] == [
        ("parse", 0),
        ("picture", 0),
        ("picture", 1),
        ("picture", 2),
        ("index", 0),
    ]
    assert status(job, "picture") == [Status.QUEUED] * 3
    assert status(job, "index") == [Status.WAITING]
    assert job.part(StepKey("picture", 2)) == Part(2, 3)


@pytest.mark.parametrize(("asked", "parts"), [(0, 1), (1, 1), (64, 64), (10_000, MAX_PARTS)])
def test_split__is_bounded(asked, parts):
    """Neither none nor thousands."""
    assert len(status(split(asked), "picture")) == parts


def test_split__counts_for_steps_that_wait_alone():
    """What runs already, or has ended, or is split, stays as it was; a name that nobody has is no harm."""
    job = end(split(2), "picture", Succeeded(splits={"parse": 5, "picture": 5, "nobody": 2, "index": 2}))
    assert (len(status(job, "parse")), len(status(job, "picture")), len(status(job, "index"))) == (1, 2, 2)


def test_join__waits_for_all_parts():
    """What needs a step that is split is queued when the last part has succeeded, in whatever order they end."""
    job = end(split(3), "picture", Succeeded(), part=2)
    job = end(job, "picture", Succeeded(), part=0)
    assert status(job, "index") == [Status.WAITING]
    assert status(end(job, "picture", Succeeded(), part=1), "index") == [Status.QUEUED]


def test_join__is_cancelled_with_one_part():
    """One part that fails for good ends what needs it; those that run go on, and the job fails with its fault."""
    job = claimed(split(2), StepKey("picture", 0), now=NOW, worker="w", lease=20).job
    job = end(job, "picture", Failed(fault=fault("pdf.page", Actor.SUBMITTER)), part=1)
    assert status(job, "index") == [Status.CANCELLED]
    job = advance(job, StepKey("picture", 0), Succeeded(), now=NOW, policy=STEADY).job
    assert (job.status, job.fault.code) == (Status.FAILED, "pdf.page")
    again = retry(job, now=NOW).job
    assert status(again, "picture") == [Status.SUCCEEDED, Status.QUEUED]
    assert status(again, "index") == [Status.WAITING]


def test_warnings__are_each_parts_own():
    """A part that ends takes back only what it said itself before."""
    job = split(2)
    for part in (0, 1):
        said = (Notice(code="pdf.page", message=f"Of part {part}.", step="picture"),)
        job = end(job, "picture", Succeeded(warnings=said), part=part)
    assert [(one.message, one.part) for one in job.warnings] == [("Of part 0.", 0), ("Of part 1.", 1)]


def test_replay__brings_back_one_part():
    """A dead letter of one part is that part's; what was cancelled for its sake waits again."""
    job = end(split(2), "picture", Succeeded(), part=0)
    job = end(job, "picture", Failed(fault=fault("step.timeout")), part=1)
    assert job.status is Status.FAILED
    again = replay(job, StepKey("picture", 1), now=NOW).job
    assert status(again, "picture") == [Status.SUCCEEDED, Status.QUEUED]
    assert status(again, "index") == [Status.WAITING]


def test_siblings__that_have_not_begun_are_not_run_for_nothing():
    """Sixty parts of a file that costs each of them its whole time cost the pool one: the others are cancelled."""
    job = end(split(60), "picture", Failed(fault=fault("pdf.too_costly", Actor.SUBMITTER)), part=7)
    assert status(job, "picture").count(Status.CANCELLED) == 59
    assert (job.status, job.fault.code) == (Status.FAILED, "pdf.too_costly")


def test_siblings__come_back_with_a_replay_and_a_retry():
    """What was cancelled for the sake of one part runs again with it; nothing ends well with a part missing."""
    failed = end(split(3), "picture", Failed(fault=fault("step.timeout")), part=1)
    assert status(failed, "picture") == [Status.CANCELLED, Status.FAILED, Status.CANCELLED]
    for decided in (replay(failed, StepKey("picture", 1), now=NOW), retry(failed, now=NOW)):
        job = decided.job
        assert status(job, "picture") == [Status.QUEUED] * 3
        for part in range(3):
            job = end(job, "picture", Succeeded(), part=part)
        assert status(job, "index") == [Status.QUEUED]


def test_siblings__of_an_optional_step_go_on():
    """A picture more is better than none: parts that may fail do not end each other."""
    optional = changed(SPLITTING, steps=(SPLITTING.steps[0], changed(SPLITTING.steps[1], required=False)))
    job = end(sample_job(optional), "parse", Succeeded(splits={"picture": 3}))
    job = end(job, "picture", Failed(fault=fault("step.timeout")), part=1)
    assert status(job, "picture") == [Status.QUEUED, Status.FAILED, Status.QUEUED]
