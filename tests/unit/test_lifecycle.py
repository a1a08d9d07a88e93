from datetime import timedelta

import pytest
from support.sample_jobs import NOW, SAMPLE, STEADY, fault, index, parse, running, sample_job

from jobs.errors import Actor, ConfigurationError
from jobs.ids import is_id, new_id
from jobs.lifecycle import TRANSITIONS, WrongState, advance
from jobs.model import Job, Memory, Notice, Status, StepKey
from jobs.outcomes import Failed, Outcome, RetryLater, Succeeded
from jobs.pipeline import Pipeline, Step
from jobs.planning import plan
from jobs.policy import RetryPolicy
from jobs.queues import PARSING, queue_named
from jobs.verbs import cancel, claimed, expire, retry


def end(job: Job, name: str, outcome: Outcome):
    return advance(job, StepKey(name), outcome, now=NOW, policy=STEADY)


def statuses(job: Job) -> dict[str, Status]:
    return {step.name: step.status for step in job.steps}


def test_transitions__every_status_has_a_row():
    """The table names each status once, and an ended job only leaves its end by a retry or a replay."""
    assert set(TRANSITIONS) == set(Status)
    assert TRANSITIONS[Status.SUCCEEDED] == {Status.QUEUED}
    assert TRANSITIONS[Status.FAILED] == {Status.WAITING, Status.QUEUED}


def test_plan__queues_what_needs_nothing():
    """A new job has the steps without needs queued under dispatch 1, and the others waiting."""
    job = sample_job()
    assert statuses(job) == {"parse": Status.QUEUED, "picture": Status.QUEUED, "index": Status.WAITING}
    assert job.step(StepKey("parse")).dispatch == 1
    assert job.progress == 0


def test_claimed__counts_the_attempt_and_starts_the_job():
    """A claim raises attempt and fence, sets a lease, and makes the job running."""
    taken = claimed(sample_job(), StepKey("parse"), now=NOW, worker="w", lease=20)
    step = taken.job.step(StepKey("parse"))
    assert (step.attempt, step.fence, step.worker) == (1, 1, "w")
    assert step.lease_until == NOW + timedelta(seconds=20)
    assert taken.job.status is Status.RUNNING
    assert [event.type for event in taken.events] == ["file-processing.started", "step.started"]


def test_claimed__refuses_what_is_not_queued():
    """A second claim of the same step run is refused."""
    with pytest.raises(WrongState):
        running(running(sample_job(), "parse"), "parse")


def test_advance__success_queues_dependents():
    """When parse succeeds, index is queued and the facts stand in the summary."""
    done = end(running(sample_job(), "parse"), "parse", Succeeded(summary={"lots": 3}))
    assert statuses(done.job)["index"] is Status.QUEUED
    assert done.job.summary == {"lots": 3}
    assert done.job.status is Status.RUNNING


def test_advance__job_succeeds_when_all_steps_ended():
    """The job succeeds with its last step, and says so as an event."""
    job = end(running(sample_job(), "parse"), "parse", Succeeded()).job
    job = end(running(job, "picture"), "picture", Succeeded(warnings=(Notice(code="a.b", message="m"),))).job
    done = end(running(job, "index"), "index", Succeeded())
    assert done.job.status is Status.SUCCEEDED
    assert done.job.finished_at == NOW
    assert done.job.progress == 1
    assert [w.code for w in done.job.warnings] == ["a.b"]
    assert done.events[-1].type == "file-processing.completed"


def test_advance__input_error_is_final():
    """A submitter's fault fails at the first attempt, cancels dependents, and makes no dead letter."""
    done = end(running(sample_job(), "parse"), "parse", Failed(fault=fault("xml.syntax", Actor.SUBMITTER)))
    assert statuses(done.job)["parse"] is Status.FAILED
    assert statuses(done.job)["index"] is Status.CANCELLED
    assert done.job.step(StepKey("index")).fault.code == "step.dependency_failed"
    assert done.dead_letters == ()
    assert done.job.status is Status.RUNNING  # picture still has to end
    ended = end(running(done.job, "picture"), "picture", Succeeded())
    assert ended.job.status is Status.FAILED
    assert ended.job.fault.code == "xml.syntax"
    assert ended.job.fault.step == "parse"


def test_advance__platform_fault_is_retried_with_backoff():
    """A platform fault is queued again after 1, 3 and 9 seconds, then becomes a dead letter."""
    job = sample_job()
    for expected in (1, 3, 9):
        again = end(running(job, "parse"), "parse", Failed(fault=fault()))
        step = again.job.step(StepKey("parse"))
        assert step.status is Status.QUEUED
        assert step.not_before == NOW + timedelta(seconds=expected)
        job = again.job
    assert step.dispatch == 4
    given_up = end(running(job, "parse"), "parse", Failed(fault=fault()))
    assert given_up.job.step(StepKey("parse")).status is Status.FAILED
    assert given_up.dead_letters == (StepKey("parse"),)


def test_advance__a_step_may_name_its_own_delay():
    """The delay of a TransientError goes before the backoff."""
    again = end(running(sample_job(), "parse"), "parse", Failed(fault=fault(actor=Actor.NOBODY), delay=42))
    assert again.job.step(StepKey("parse")).not_before == NOW + timedelta(seconds=42)


@pytest.mark.parametrize("code", ["step.memory", "step.crashed"])
def test_advance__crash_and_memory_go_up_one_class_once(code):
    """A crash or an exhausted memory is tried once more with the next memory class, then given up."""
    again = end(running(sample_job(), "parse"), "parse", Failed(fault=fault(code)))
    step = again.job.step(StepKey("parse"))
    assert (step.status, step.memory, step.escalations) == (Status.QUEUED, Memory.MEDIUM, 1)
    given_up = end(running(again.job, "parse"), "parse", Failed(fault=fault(code)))
    assert given_up.dead_letters == (StepKey("parse"),)


@pytest.mark.parametrize("code", ["step.timeout", "step.cpu_limit", "step.output_limit"])
def test_advance__limits_are_final(code):
    """Running into the same limit again helps nobody."""
    done = end(running(sample_job(), "parse"), "parse", Failed(fault=fault(code)))
    assert done.job.step(StepKey("parse")).status is Status.FAILED


def test_advance__release_charges_no_attempt():
    """A step given back at shutdown is queued at once, with the attempt not counted but the fence kept."""
    again = end(running(sample_job(), "parse"), "parse", RetryLater(fault=fault("step.released")))
    step = again.job.step(StepKey("parse"))
    assert (step.status, step.attempt, step.fence, step.not_before) == (Status.QUEUED, 0, 1, None)


def test_advance__optional_step_may_fail():
    """A step that is not required fails as a warning; the job succeeds."""
    job = end(running(sample_job(), "picture"), "picture", Failed(fault=fault("step.timeout"))).job
    job = end(running(job, "parse"), "parse", Succeeded()).job
    done = end(running(job, "index"), "index", Succeeded())
    assert done.job.status is Status.SUCCEEDED
    assert [(w.code, w.step) for w in done.job.warnings] == [("step.timeout", "picture")]


def test_advance__refuses_a_step_that_does_not_run():
    """An outcome for a step run that nobody claimed is refused."""
    with pytest.raises(WrongState):
        end(sample_job(), "parse", Succeeded())


def test_cancel__ends_all_steps():
    """Cancel ends the job and every step run that has not ended, running ones too."""
    done = cancel(running(sample_job(), "parse"), now=NOW)
    assert set(statuses(done.job).values()) == {Status.CANCELLED}
    assert done.job.status is Status.CANCELLED
    with pytest.raises(WrongState):
        cancel(done.job, now=NOW)


def test_expire__names_the_deadline():
    """A job past its deadline fails with job.deadline."""
    done = expire(sample_job(), now=NOW)
    assert done.job.status is Status.FAILED
    assert done.job.fault.code == "job.deadline"


def test_retry__keeps_what_succeeded():
    """A retry keeps succeeded steps, goes on counting attempts and grants a fresh budget."""
    job = end(running(sample_job(), "parse"), "parse", Succeeded(summary={"lots": 1})).job
    job = end(running(job, "index"), "index", Failed(fault=fault("step.timeout"))).job
    job = end(running(job, "picture"), "picture", Failed(fault=fault("step.timeout"))).job
    assert job.status is Status.FAILED
    again = retry(job, now=NOW).job
    assert statuses(again) == {"parse": Status.SUCCEEDED, "picture": Status.QUEUED, "index": Status.QUEUED}
    assert again.status is Status.QUEUED
    assert again.fault is None
    assert again.warnings == ()
    step = again.step(StepKey("index"))
    assert (step.attempt, step.budget, step.dispatch) == (1, 5, 2)


def test_retry__refuses_what_succeeded_or_runs():
    """Only a failed or cancelled job can be retried."""
    with pytest.raises(WrongState):
        retry(sample_job(), now=NOW)


def test_pipeline__refuses_a_cycle():
    """Two steps that need each other are refused at start."""
    with pytest.raises(ConfigurationError, match="need each other"):
        Pipeline(
            name="p",
            version=1,
            title="t",
            accepts=(),
            steps=(Step(run=parse, queue=PARSING, needs=("index",)), Step(run=index, queue=PARSING, needs=("parse",))),
        )


def test_pipeline__refuses_ports_for_isolated_steps():
    """Only trusted steps get ports."""
    with pytest.raises(ConfigurationError, match="isolated=False"):
        Pipeline(name="p", version=1, title="t", accepts=(), steps=(Step(run=parse, queue=PARSING, ports=("search",)),))


def test_queue_named__lists_what_there_is():
    """An unknown queue is refused with the ones that exist."""
    with pytest.raises(ConfigurationError, match="parsing, validation"):
        queue_named("printing")


def test_plan__puts_steps_after_their_needs():
    """The plan's order respects needs, whatever the pipeline's order is."""
    pipeline = Pipeline(
        name="p",
        version=1,
        title="t",
        accepts=(),
        steps=(Step(run=index, queue=PARSING, needs=("parse",)), Step(run=parse, queue=PARSING)),
    )
    assert [step.name for step in plan(pipeline)] == ["parse", "index"]
    assert [step.name for step in plan(SAMPLE)] == ["parse", "picture", "index"]


def test_retry_policy__grows_and_is_capped():
    """Delays grow by the factor, are capped, and jitter stays within half and one and a half."""
    policy = RetryPolicy(base=1, factor=3, cap=20, jitter=lambda: 1.0)
    assert [policy.delay(n) for n in (1, 2, 3, 4)] == [1.5, 4.5, 13.5, 30.0]
    assert 0.5 <= RetryPolicy(base=1).delay(1) <= 1.5


def test_new_id__is_time_ordered_uuid7():
    """Ids sort by age and are version 7."""
    first, second = new_id(), new_id()
    assert first[14] == "7"
    assert first[:13] <= second[:13]
    assert is_id(first)
    assert not is_id("../etc")
    assert not is_id(first.upper())
