"""Steps in parts and child jobs, on each back end: rows appear with the success that asks for them, or not at all."""

from dataclasses import replace

from support.sample_jobs import SAMPLE, fault, submit

from jobs.ids import new_id
from jobs.model import Artifact, Status, StepKey
from jobs.outcomes import ChildJob, Failed, Succeeded
from jobs.planning import plan
from ledger import JobFilter

OWNER = "local"


def claim(ledger, job_id, name, *, part=0, dispatch=1):
    return ledger.claim(job_id, StepKey(name, part), dispatch=dispatch, worker="w", lease=60)


def made(ledger, name):
    """An artifact whose bytes are only claimed to be stored."""
    digest = new_id().replace("-", "") * 2
    return Artifact(name=name, sha256=digest, size=4, media_type="text/csv", step="parse", key=ledger.reserve_blob())


def child(artifact, **changes):
    first = ChildJob(
        id=new_id(),
        artifact=artifact,
        pipeline=SAMPLE.name,
        pipeline_version=SAMPLE.version,
        steps=plan(SAMPLE),
        options={"a": 1},
        file_name="table.csv",
        kind="sample",
    )
    return replace(first, **changes)


def test_split__rows_are_claimed_one_by_one(ledger):
    """Each part is a run of its own with a message of its own; what needs them is queued behind the last one."""
    job = submit(ledger).job
    held, sent = claim(ledger, job.id, "parse").held, None
    kept, sent = ledger.finish(held, Succeeded(splits={"index": 3}))
    assert kept
    assert sorted((one.step, one.part) for one in sent) == [("index", 0), ("index", 1), ("index", 2)]
    found = ledger.get(job.id, owner=OWNER)
    assert [step.key for step in found.steps] == [
        ("parse", 0),
        ("picture", 0),
        ("index", 0),
        ("index", 1),
        ("index", 2),
    ]
    for part in (2, 0, 1):
        taken = claim(ledger, job.id, "index", part=part)
        assert taken.job.part(taken.step.key) == (part, 3)
        assert ledger.finish(taken.held, Succeeded())[0]
    assert ledger.finish(claim(ledger, job.id, "picture").held, Succeeded())[0]
    assert ledger.get(job.id, owner=OWNER).status is Status.SUCCEEDED


def test_split__of_an_attempt_that_lost_its_claim_is_none(ledger):
    """A worker that comes back too late lays out nothing."""
    job = submit(ledger).job
    held = claim(ledger, job.id, "parse").held
    assert not ledger.finish(replace(held, fence=held.fence + 1), Succeeded(splits={"index": 3}))[0]
    assert len(ledger.get(job.id, owner=OWNER).steps) == 3


def test_child__is_entered_with_the_success(ledger):
    """A child is a job of the same owner on the artifact's bytes, queued, with what its parent's caller hung on it."""
    parent = submit(ledger, tags=("a",), metadata={"m": 1}, batch_id="b").job
    table = made(ledger, "table.csv")
    wanted = child("table.csv")
    kept, sent = ledger.finish(
        claim(ledger, parent.id, "parse").held, Succeeded(artifacts=(table,), children=(wanted,))
    )
    assert kept
    assert {(one.job_id, one.step) for one in sent} >= {(wanted.id, "parse"), (wanted.id, "picture")}
    found = ledger.get(wanted.id, owner=OWNER)
    assert (found.status, found.parent_job_id, found.options) == (Status.QUEUED, parent.id, {"a": 1})
    assert (found.tags, found.metadata, found.batch_id) == (("a",), {"m": 1}, "b")
    assert (found.file.name, found.file.key, found.file.sha256) == ("table.csv", table.key, table.sha256)
    assert (found.correlation_id, found.priority) == (parent.correlation_id, parent.priority)
    listed, _ = ledger.list_jobs(OWNER, filter=JobFilter(parent_job_id=parent.id))
    assert [job.id for job in listed] == [wanted.id]


def test_child__refers_to_bytes_that_were_there(ledger):
    """Where equal bytes are stored already, parent and child refer to those, so that neither loses them."""
    first, second = submit(ledger).job, submit(ledger).job
    table = made(ledger, "table.csv")
    assert ledger.finish(claim(ledger, first.id, "parse").held, Succeeded(artifacts=(table,)))[0]
    twin, wanted = replace(table, key=ledger.reserve_blob()), child("table.csv")
    assert ledger.finish(claim(ledger, second.id, "parse").held, Succeeded(artifacts=(twin,), children=(wanted,)))[0]
    assert ledger.get(wanted.id, owner=OWNER).file.key == table.key


def test_child__of_an_attempt_that_does_not_count_is_none(ledger):
    """Neither a lost claim nor an artifact whose name is taken leaves a child behind."""
    job = submit(ledger).job
    held = claim(ledger, job.id, "parse").held
    table, wanted = made(ledger, "table.csv"), child("table.csv")
    outcome = Succeeded(artifacts=(table,), children=(wanted,))
    assert not ledger.finish(replace(held, fence=held.fence + 1), outcome)[0]
    assert ledger.finish(held, Succeeded(artifacts=(table, table), children=(wanted,)))[0]  # one name twice: refused
    assert ledger.list_jobs(OWNER, filter=JobFilter(parent_job_id=job.id)) == ([], None)


def test_part__dead_letters_and_retries_are_its_own(ledger):
    """One part that fails for good is one dead letter; a retry runs that part and what needs it, not the others."""
    job = submit(ledger).job
    assert ledger.finish(claim(ledger, job.id, "parse").held, Succeeded(splits={"index": 2}))[0]
    assert ledger.finish(claim(ledger, job.id, "index", part=0).held, Succeeded())[0]
    assert ledger.finish(claim(ledger, job.id, "picture").held, Succeeded())[0]
    for dispatch in range(1, 5):
        taken = claim(ledger, job.id, "index", part=1, dispatch=dispatch)
        assert ledger.finish(taken.held, Failed(fault=fault()))[0]
    assert ledger.get(job.id, owner=OWNER).status is Status.FAILED
    again, sent = ledger.retry(job.id, owner=OWNER)
    assert [(one.step, one.part) for one in sent] == [("index", 1)]
    assert again.step(StepKey("index", 0)).status is Status.SUCCEEDED
