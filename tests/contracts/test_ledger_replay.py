"""A replayed dead letter brings its job to an end that its step runs bear out, on SQLite and PostgreSQL."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import delete, update
from support.ledger_plans import DIAMOND, PARTS, split
from support.sample_jobs import fault, submit

from jobs.lifecycle import TRANSITIONS, WrongState
from jobs.model import Job, Status, StepKey
from jobs.outcomes import Failed, Succeeded
from jobs.verbs import MAX_RETURNS
from jobs.verbs import replay as rule
from ledger import Held, Ledger, LetterFilter
from ledger.schema import events, jobs, outbox

READ, LEFT, RIGHT, JOIN = (StepKey(name) for name in ("read", "left", "right", "join"))
PICTURE, POSTER = StepKey("picture"), StepKey("poster")
OURS = {"owner": "local"}


def run(ledger: Ledger, job: Job, *keys: StepKey, code: str | None = None) -> None:
    """Let each succeed, or end for good with `code`."""
    for key in keys:
        ledger.finish(claimed(ledger, job, key), Failed(fault=fault(code)) if code else Succeeded())


def claimed(ledger: Ledger, job: Job, key: StepKey) -> Held:
    """Claim a step run that is queued."""
    dispatch = ledger.get(job.id, **OURS).step(key).dispatch
    claim = ledger.claim(job.id, key, dispatch=dispatch, worker="w", lease=20)
    assert claim is not None, f"{key.name} can't be claimed"
    return claim.held


def replay(ledger: Ledger, key: StepKey, *, delay: float = 0.0) -> None:
    """Replay the open letter of that step."""
    found = ledger.letters("local", filter=LetterFilter(step=key.name))[0]
    (letter,) = [one for one in found if one.part == key.part]
    ledger.replay_letter(letter.id, **OURS, delay=delay)


def statuses(ledger: Ledger, job: Job) -> dict[str, Status]:
    return {step.name: step.status for step in ledger.get(job.id, **OURS).steps}


def test_replay__of_one_of_two_failed_needs_leaves_their_join_cancelled(ledger):
    """A join does not wait for a step that nobody replayed: the job ends, and does so well once both were."""
    job = submit(ledger, pipeline=DIAMOND).job
    run(ledger, job, READ, PICTURE, POSTER)
    run(ledger, job, LEFT, RIGHT, code="step.timeout")
    replay(ledger, LEFT)
    assert statuses(ledger, job)["join"] is Status.CANCELLED
    run(ledger, job, LEFT)
    ended = ledger.get(job.id, **OURS)
    assert (ended.status, ended.fault.step) == (Status.FAILED, "right")
    replay(ledger, RIGHT)
    assert statuses(ledger, job)["join"] is Status.WAITING
    run(ledger, job, RIGHT, JOIN)
    assert ledger.get(job.id, **OURS).status is Status.SUCCEEDED


def test_replay__of_both_failed_needs_runs_their_join(ledger):
    """Whichever is replayed last brings the join back, though the other has not ended yet."""
    job = submit(ledger, pipeline=DIAMOND).job
    run(ledger, job, READ, PICTURE, POSTER)
    run(ledger, job, LEFT, RIGHT, code="step.timeout")
    replay(ledger, LEFT)
    replay(ledger, RIGHT)
    run(ledger, job, LEFT, RIGHT, JOIN)
    assert ledger.get(job.id, **OURS).status is Status.SUCCEEDED


def test_replay__of_one_of_two_failed_parts_leaves_what_needs_them_cancelled(ledger):
    """The same where what failed are two parts that ran side by side; the log says which part was replayed."""
    job = submit(ledger, pipeline=PARTS).job
    split(ledger, job.id)
    first, second, glue = StepKey("piece", 0), StepKey("piece", 1), StepKey("glue")
    run(ledger, job, StepKey("cut"))
    for held in [claimed(ledger, job, key) for key in (first, second)]:
        ledger.finish(held, Failed(fault=fault("step.timeout")))
    replay(ledger, second)
    assert ledger.get(job.id, **OURS).step(glue).status is Status.CANCELLED
    run(ledger, job, second)
    assert ledger.get(job.id, **OURS).status is Status.FAILED
    with ledger.database.reading() as tx:
        (told,) = tx.execute(events.select().where(events.c.type == "job.replayed")).mappings()
    assert (told["step"], told["data"]["part"]) == ("piece", 1)
    replay(ledger, first)
    run(ledger, job, first, glue)
    assert ledger.get(job.id, **OURS).status is Status.SUCCEEDED


def test_replay__is_refused_where_the_deadline_ended_the_job(ledger):
    """A replay would leave what the deadline cancelled undone; a retry runs all of it, and lifts the deadline."""
    job = submit(ledger, pipeline=DIAMOND, deadline=datetime.now(UTC) + timedelta(hours=1)).job
    run(ledger, job, READ)
    run(ledger, job, LEFT, code="step.timeout")
    past = datetime.now(UTC) - timedelta(seconds=1)
    ledger.database.writing(lambda tx: tx.execute(update(jobs).values(deadline=past)))
    (letter,) = ledger.letters("local", filter=LetterFilter())[0]
    expired = ledger.expire(job.id)
    with pytest.raises(WrongState, match="discarded"):  # closed with its job
        ledger.replay_letter(letter.id, **OURS)
    with pytest.raises(WrongState, match="retry it instead"):  # and the rule behind that
        rule(expired, LEFT, now=datetime.now(UTC))
    ledger.retry(job.id, **OURS)
    run(ledger, job, LEFT, RIGHT, JOIN, PICTURE, POSTER)
    assert ledger.get(job.id, **OURS).status is Status.SUCCEEDED


def test_replay__takes_the_warning_of_a_running_job_back(ledger):
    """A job that did not end yet warns of its optional step's last failure alone."""
    job = submit(ledger, pipeline=DIAMOND).job
    run(ledger, job, READ)
    for _ in range(2):
        run(ledger, job, PICTURE, code="step.timeout")
        assert [warning.step for warning in ledger.get(job.id, **OURS).warnings] == ["picture"]
        replay(ledger, PICTURE)
        assert ledger.get(job.id, **OURS).warnings == ()


def test_replay__whose_message_never_arrives_ends_by_the_table(ledger):
    """A reopened job may end without a claim: its optional step is given up once more. The table knows that."""
    job = submit(ledger, pipeline=DIAMOND).job
    run(ledger, job, READ)
    run(ledger, job, PICTURE, code="step.timeout")
    run(ledger, job, LEFT, RIGHT, JOIN)
    replay(ledger, PICTURE)
    reopened = ledger.get(job.id, **OURS)
    for _ in range(MAX_RETURNS):
        ledger.database.writing(lambda tx: tx.execute(delete(outbox)))
        ledger.message_died(job.id, PICTURE, dispatch=reopened.step(PICTURE).dispatch, reason="rejected")
    ended = ledger.get(job.id, **OURS)
    assert (reopened.status, ended.status) == (Status.QUEUED, Status.SUCCEEDED)
    assert ended.status in TRANSITIONS[reopened.status]
