"""Parts and child jobs through the real sandbox, ledger and store: laid out once, joined in order, checked before they count."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support import part_steps
from support.catalog_tables import Importer

from jobs.ids import new_id
from jobs.model import FileFacts, Job, Status
from jobs.pipeline import Options, Pipeline, Step
from jobs.queues import PARSING
from ledger import JobFilter, NewJob
from workers.sandbox import Sandbox


class Asked(Options):
    """What the step is to ask for."""

    ask: dict[str, Any] = {}
    text: str = part_steps.TABLE


SLICED = Pipeline(
    name="sliced",
    version=1,
    title="t",
    accepts=(),
    steps=(
        Step(run=part_steps.inspect, queue=PARSING),
        Step(run=part_steps.slice_, queue=PARSING, needs=("inspect",), reads=("lines.json",)),
        Step(run=part_steps.join, queue=PARSING, needs=("slice_",), reads=("line-*.txt",)),
    ),
)
SUBMITTING = {
    name: Pipeline(
        name=name,
        version=1,
        title="t",
        accepts=(),
        options=Asked,
        steps=(Step(run=part_steps.submit, queue=PARSING, submits=("parts-list",), isolated=isolated),),
    )
    for name, isolated in (("isolated", True), ("trusted", False))
}


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    made = Sandbox(name="parts-test", preload=(), extra_path=(Path(part_steps.__file__).parent.parent,))
    yield made
    made.close()


@pytest.fixture
def platform(tmp_path: Path, sandbox: Sandbox) -> Iterator[Importer]:
    made = Importer.build(tmp_path / "data", sandbox)
    made.runner._pipelines = {**made.runner._pipelines, "sliced": SLICED, **SUBMITTING}
    yield made
    made.close()


def submit(platform: Importer, pipeline: Pipeline, content: bytes = b"x", **more: Any) -> Job:
    key = platform.ledger.reserve_blob()
    with platform.store.writer(key) as writer:
        writer.write(content)
        writer.commit()
    facts = FileFacts(name="a", size=len(content), sha256=new_id(), media_type="text/plain", kind="text", key=key)
    rest: dict[str, Any] = {"metadata": {}, "tags": (), "priority": 5, "correlation_id": "c", "options": {}}
    made = platform.ledger.submit(NewJob(owner="local", pipeline=pipeline, file=facts, **(rest | more)))
    platform.woken.extend(made.dispatches)
    return made.job


def children(platform: Importer, job: Job) -> list[Job]:
    return platform.ledger.list_jobs("local", filter=JobFilter(parent_job_id=job.id))[0]


@pytest.mark.parametrize("lines", [1, 5])
def test_parts__are_run_apart_and_joined_in_order(platform, lines):
    """Each part makes an artifact of its own line; the join sees all of them, in order, and each part's warning stays."""
    text = "\n".join(f"line {number}" for number in range(lines))
    job = platform.finish(submit(platform, SLICED, text.encode()))
    assert job.status is Status.SUCCEEDED, job.fault
    assert job.summary["joined"] == text.replace("\n", " ").upper()
    assert job.summary["names"] == [f"line-{number + 1:03}.txt" for number in range(lines)]
    assert [warning.message for warning in job.warnings] == [f"Line {n} of {lines}." for n in range(1, lines)]
    assert len(job.steps) == 2 + lines


@pytest.mark.parametrize("name", ["isolated", "trusted"])
def test_child__is_a_job_of_its_own(platform, name):
    """A table that a step submits ends as a parts list with its own summary; its parent names it."""
    job = platform.finish(submit(platform, SUBMITTING[name], options={"ask": {}}, tags=("t",)))
    assert job.status is Status.SUCCEEDED, job.fault
    (told,) = job.summary["children"]
    (child,) = children(platform, job)
    assert told == {"job_id": child.id, "pipeline": "parts-list", "artifact": "table.csv"}
    assert (child.file.name, child.file.kind, child.tags) == ("Table 1.csv", "rebrickable-csv", ("t",))
    child = platform.finish(child)
    assert (child.status, child.summary["pieces"]) == (Status.SUCCEEDED, 7)


@pytest.mark.parametrize(
    ("ask", "text"),
    [
        ({"artifact": "other.csv"}, part_steps.TABLE),
        ({"pipeline": "catalog-import"}, part_steps.TABLE),
        ({"pipeline": "nothing-such"}, part_steps.TABLE),
        ({"options": {"nothing": "such"}}, part_steps.TABLE),
        ({}, "%PDF-1.4 no table"),
    ],
    ids=["another's file", "a pipeline not allowed", "no pipeline", "odd options", "a kind not taken"],
)
def test_child__that_is_not_for_the_step_to_ask_for(platform, ask, text):
    """A step that was taken over submits nothing but its own files, to the pipelines that it declares, as they take them."""
    job = platform.finish(submit(platform, SUBMITTING["isolated"], options={"ask": ask, "text": text}))
    assert (job.status, job.fault.code) == (Status.FAILED, "step.child_invalid")
    assert children(platform, job) == []
    assert job.artifacts == ()


def test_child__submits_none(platform):
    """Children have no children: no file makes jobs without end."""
    job = platform.finish(submit(platform, SUBMITTING["isolated"], options={"ask": {}}, parent_job_id=new_id()))
    assert (job.status, job.fault.code) == (Status.FAILED, "step.child_invalid")
