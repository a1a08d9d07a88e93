"""Reference data in real steps: readable in the sandbox and in the worker, writable in neither's reach."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from support import resource_steps
from support.catalog_tables import Importer, tables, zipped

from jobs.ids import new_id
from jobs.model import FileFacts, Job, Status
from jobs.pipeline import Pipeline, Step
from jobs.queues import PARSING
from ledger import NewJob
from storage.port import StoreUnavailable
from workers.sandbox import Sandbox, capabilities

BOTH = ("catalog", "reading")
PIPELINES = {
    name: Pipeline(name=name, version=1, title="t", accepts=(), steps=(step,))
    for name, step in {
        "isolated": Step(run=resource_steps.look_up, queue=PARSING, resources=BOTH),
        "trusted": Step(run=resource_steps.look_up, queue=PARSING, resources=BOTH, isolated=False),
        "misuse": Step(run=resource_steps.misuse, queue=PARSING, resources=("catalog",)),
    }.items()
}


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    made = Sandbox(name="resource-test", preload=(), extra_path=(Path(resource_steps.__file__).parent.parent,))
    yield made
    made.close()


@pytest.fixture
def importer(tmp_path: Path, sandbox: Sandbox) -> Iterator[Importer]:
    made = Importer.build(tmp_path / "data", sandbox, password="word")
    made.runner._pipelines = {**made.runner._pipelines, **PIPELINES}
    yield made
    made.close()


def run(importer: Importer, name: str) -> Job:
    key = importer.ledger.reserve_blob()
    with importer.store.writer(key) as writer:
        writer.write(b"x")
        writer.commit()
    facts = FileFacts(name="a", size=1, sha256=new_id(), media_type="text/plain", kind="text", key=key)
    rest = {"options": {}, "metadata": {}, "tags": (), "priority": 5, "correlation_id": "c"}
    made = importer.ledger.submit(NewJob(owner="local", pipeline=PIPELINES[name], file=facts, **rest))
    importer.woken.extend(made.dispatches)
    return made.job


@pytest.mark.parametrize("name", ["isolated", "trusted"])
def test_resources__reach_the_step(importer, name):
    """A step reads the catalog in force and its owner's word, in the sandbox and in the worker alike."""
    importer.ledger.put_correction("local", kind="color", space="lego", raw="1", target="15")
    importer.activated(zipped(tables(25)))
    job = importer.finish(run(importer, name))
    assert job.status is Status.SUCCEEDED, job.fault
    assert job.summary == {"parts": 25, "corrections": 1, "password": "word"}


def test_resources__cannot_be_changed_by_a_step(importer):
    """A step in the sandbox can neither change the catalog nor its folder, and gets nothing that it did not declare."""
    if not capabilities().landlock:
        pytest.skip("this kernel has no Landlock, which confines files")
    importer.activated(zipped(tables(25)))
    job = importer.finish(run(importer, "misuse"))
    assert job.summary == {"worked": [], "has_others": False}
    assert importer.finish(run(importer, "isolated")).summary["parts"] == 25


def test_resources__the_sample_serves_a_fresh_installation(importer):
    """Before any import the sample is there."""
    assert importer.finish(run(importer, "isolated")).summary["parts"] > 100


def test_resources__a_store_that_is_away_charges_no_attempt(importer, monkeypatch):
    """Where the catalog cannot be fetched now the step waits, with the reason, and no attempt is counted."""
    importer.activated(zipped(tables(25)))
    fetch, catalog = importer.store.fetch, importer.ledger.active_catalog().key

    def away(key, path):
        if key == catalog:
            raise StoreUnavailable("no answer")
        fetch(key, path)

    monkeypatch.setattr(importer.store, "fetch", away)
    job = run(importer, "isolated")
    importer.step()
    step = importer.ledger.get(job.id, owner="local").steps[0]
    assert (step.status, step.attempt, step.fault.code) == (Status.QUEUED, 0, "store.unavailable")
    monkeypatch.setattr(importer.store, "fetch", fetch)
    assert importer.finish(job).status is Status.SUCCEEDED
    assert list(importer.settings.scratch_path.iterdir()) == []
