"""Steps on a full disk: who was denied its room is put off uncharged, who took it fails in the end."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from support import sandbox_steps
from support.disks import filled
from support.stand import Stand, standing

from jobs.model import Job, Status, StepRun
from jobs.pipeline import Pipeline, Step
from jobs.queues import PARSING
from workers.runner import Limits
from workers.sandbox import Sandbox

MiB = 1024 * 1024
SHARE = 4 * MiB  # half of the tiny disk
LIMITS = Limits(max_output=10**7, max_outputs=10, disk_share=SHARE)


def note(ctx) -> None:
    """A trusted step that writes down a megabyte."""
    (ctx.scratch / "note.txt").write_bytes(bytes(MiB))
    ctx.save(ctx.scratch / "note.txt", name="note.txt", media_type="text/plain")


PIPELINES = {
    step.name: Pipeline(name=step.name, version=1, title="t", accepts=(), steps=(step,))
    for step in (
        Step(run=sandbox_steps.good, queue=PARSING),
        Step(run=sandbox_steps.take_all_room, queue=PARSING),
        Step(run=sandbox_steps.disk_full, queue=PARSING),
        Step(run=sandbox_steps.memory_in_python, queue=PARSING),
        Step(run=sandbox_steps.two_outputs, queue=PARSING),
        Step(run=note, queue=PARSING, isolated=False),
    )
}


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    made = Sandbox(name="test", preload=(), extra_path=(Path(sandbox_steps.__file__).parent.parent,))
    made.warm()
    yield made
    made.close()


@pytest.fixture
def stand(tmp_path: Path, tiny_disk: Path, sandbox: Sandbox) -> Iterator[Stand]:
    """Its scratch lies on the tiny disk."""
    with standing(tmp_path, PIPELINES, sandbox=sandbox, scratch=tiny_disk / "scratch", limits=LIMITS) as made:
        yield made


@pytest.fixture
def narrow(tmp_path: Path, tiny_disk: Path, sandbox: Sandbox) -> Iterator[Stand]:
    """Its store lies on the tiny disk."""
    with standing(tmp_path, PIPELINES, sandbox=sandbox, store=tiny_disk / "store", limits=LIMITS) as made:
        yield made


def run(stand: Stand, name: str, **options: object) -> tuple[Job, StepRun]:
    """One attempt of a new job; the job and its step as they stand then."""
    job, dispatch = stand.submit(name, options=options)
    stand.execute(dispatch)
    job = stand.job(job)
    return job, job.steps[0]


def run_again(stand: Stand, job: Job) -> StepRun:
    """The attempt that is due next, at once."""
    stand.execute(stand.due(job))
    return stand.job(job).steps[0]


def keys_in(stand: Stand) -> list[str]:
    listed = stand.store.keys()
    return [found.key for found in listed]


def is_put_off(step: StepRun, code: str) -> bool:
    assert step.fault is not None
    assert step.fault.code == code
    return (step.status, step.attempt) == (Status.QUEUED, 0) and step.not_before is not None


@pytest.mark.parametrize("names", [False, True])
def test_full_disk__before_the_step_begins(stand: Stand, tiny_disk: Path, *, names: bool):
    """Where not even the step's input finds room, or not even a folder, it is put off with the reason; then it succeeds."""
    with filled(tiny_disk, names=names):
        job, step = run(stand, "good")
        assert is_put_off(step, "step.disk_full" if names else "store.full")
    assert run_again(stand, job).status is Status.SUCCEEDED
    assert list(stand.scratch.iterdir()) == []


@pytest.mark.parametrize("says_so", [True, False])
def test_full_disk__others_took_the_room(stand: Stand, tiny_disk: Path, *, says_so: bool):
    """A step that had less than its share when the disk ran full is put off, whether it says what hit it or not."""
    (tiny_disk / "others").write_bytes(bytes(6 * MiB))
    job, step = run(stand, "take_all_room", says_so=says_so)
    assert is_put_off(step, "step.disk_full")
    assert "disk is full" in step.fault.message
    assert step.fault.hint
    assert is_put_off(run_again(stand, job), "step.disk_full")
    assert list(stand.scratch.iterdir()) == []


@pytest.mark.parametrize(("says_so", "code"), [(True, "step.disk_full"), (False, "step.error")])
def test_full_disk__the_step_took_the_room_itself(stand: Stand, *, says_so: bool, code: str):
    """A step that had its share, and filled the disk with it, is charged, and ends as a dead letter after four attempts."""
    job, step = run(stand, "take_all_room", says_so=says_so)
    assert (step.attempt, step.fault.code) == (1, code)
    for attempt in (2, 3, 4):
        step = run_again(stand, job)
        assert step.attempt == attempt
    assert (step.status, step.fault.code) == (Status.FAILED, code)
    assert stand.job(job).fault.code == code
    assert stand.ledger.counts().dead_letters == 1


def test_full_disk__nobody_is_believed_without_it(stand: Stand):
    """A child that says that a disk with room is full is charged: it might say so for ever."""
    _, step = run(stand, "disk_full")
    assert (step.attempt, step.fault.code) == (1, "step.disk_full")


def test_full_disk__is_no_excuse_for_other_limits(stand: Stand, tiny_disk: Path):
    """What a step would do on any disk stays charged: it must not be tried for ever."""
    (tiny_disk / "others").write_bytes(bytes(6 * MiB))
    _, step = run(stand, "memory_in_python")
    assert (step.attempt, step.fault.code) == (1, "step.memory")


def test_full_disk__of_a_trusted_step(stand: Stand, tiny_disk: Path):
    """A step that runs in the worker itself is put off, too."""
    with filled(tiny_disk, names=False):
        (tiny_disk / "filling").write_bytes(bytes(7 * MiB + 512 * 1024))  # room for the input
        job, step = run(stand, "note")
        assert is_put_off(step, "step.disk_full")
    assert run_again(stand, job).status is Status.SUCCEEDED


def test_full_store__others_took_the_room(narrow: Stand, tiny_disk: Path):
    """Outputs wait for a store that has less than a step's share; none is left in it meanwhile."""
    (tiny_disk / "others").write_bytes(bytes(5 * MiB))
    job, step = run(narrow, "two_outputs", size=2 * MiB)
    assert is_put_off(step, "store.full")
    assert keys_in(narrow) == [job.file.key]
    (tiny_disk / "others").unlink()
    assert run_again(narrow, job).status is Status.SUCCEEDED


def test_full_store__outputs_outgrow_what_there_is(narrow: Stand):
    """Outputs that a store with room does not hold are charged, so that they do not come for ever."""
    job, step = run(narrow, "two_outputs", size=9 * MiB // 2)
    assert (step.status, step.attempt, step.fault.code) == (Status.QUEUED, 1, "store.full")
    assert keys_in(narrow) == [job.file.key]
    for _ in range(3):
        step = run_again(narrow, job)
    assert (step.status, step.fault.code) == (Status.FAILED, "store.full")
