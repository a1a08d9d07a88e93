"""Dead letters, returned messages, queues, hints, reasons to wait and reconciliation rows, on SQLite and PostgreSQL."""

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import delete, select, update
from support.sample_jobs import fault, submit

from jobs.errors import Actor
from jobs.lifecycle import WrongState
from jobs.model import Artifact, Job, Memory, Status, StepKey
from jobs.outcomes import Failed, Succeeded
from jobs.verbs import MAX_RETURNS
from jobs.waiting import WAITS_FOR_MEMORY, WaitsFor
from ledger import Claim, Ledger, LetterFilter, Progress, WorkerFacts
from ledger.errors import LetterNotFound, RunNotFound
from ledger.schema import outbox, reconciliations, step_runs

PARSE, INDEX, PICTURE = StepKey("parse"), StepKey("index"), StepKey("picture")
OURS = {"owner": "local"}


def take(ledger: Ledger, job: Job, key: StepKey = PARSE, *, worker: str = "w") -> Claim | None:
    dispatch = ledger.get(job.id, owner="local").step(key).dispatch
    return ledger.claim(job.id, key, dispatch=dispatch, worker=worker, lease=20)


def give_up(ledger: Ledger, job: Job, key: StepKey = PARSE, *, code: str = "step.timeout") -> None:
    """Fail a step run for good."""
    ledger.finish(take(ledger, job, key).held, Failed(fault=fault(code, Actor.PLATFORM)))


def finish_the_rest(ledger: Ledger, job: Job, *keys: StepKey) -> None:
    for key in keys:
        ledger.finish(take(ledger, job, key).held, Succeeded())


def letters(ledger: Ledger, **wanted: str | None):
    return ledger.letters("local", filter=LetterFilter(**wanted))[0]


def outbox_of(ledger: Ledger, job: Job) -> list[tuple[str, int]]:
    with ledger.database.reading() as tx:
        rows = tx.execute(select(outbox.c.step, outbox.c.dispatch).where(outbox.c.job_id == job.id))
        return sorted((step, dispatch) for step, dispatch in rows)


def forget_messages(ledger: Ledger, job: Job) -> None:
    """As if the publisher had sent them."""
    ledger.database.writing(lambda tx: tx.execute(delete(outbox).where(outbox.c.job_id == job.id)))


def test_letter__keeps_step_attempts_and_evidence(ledger):
    """What was given up is kept with its fault, its step and each attempt's own story."""
    job = submit(ledger).job
    give_up(ledger, job)
    (letter,) = letters(ledger)
    assert (letter.kind, letter.job_id, letter.step, letter.state) == ("step", job.id, "parse", "open")
    assert letter.fault.code == "step.timeout"
    assert [one["outcome"] for one in letter.evidence["attempts"]] == ["failed"]
    assert letter.evidence["attempts"][0]["fault"]["code"] == "step.timeout"
    assert ledger.letter(letter.id, **OURS) == letter
    assert letters(ledger, code="step.memory") == []
    assert letters(ledger, code="step.timeout") == [letter]


def test_replay_letter__runs_the_step_and_its_dependents_again(ledger):
    """A replay requeues the failed step with a fresh budget and revives what was cancelled for it; the job then succeeds."""
    job = submit(ledger).job
    finish_the_rest(ledger, job, PICTURE)
    give_up(ledger, job)
    assert ledger.get(job.id, **OURS).status is Status.FAILED
    (letter,) = letters(ledger)
    replayed, dispatches = ledger.replay_letter(letter.id, **OURS)
    assert (replayed.state, [d.step for d in dispatches]) == ("replayed", ["parse"])
    again = ledger.get(job.id, **OURS)
    assert [s.status for s in again.steps] == [Status.QUEUED, Status.SUCCEEDED, Status.WAITING]
    assert (again.status, again.fault, again.step(PARSE).budget) == (Status.QUEUED, None, 5)
    finish_the_rest(ledger, job, PARSE, INDEX)
    assert ledger.get(job.id, **OURS).status is Status.SUCCEEDED
    with pytest.raises(WrongState):
        ledger.replay_letter(letter.id, **OURS)


def test_replay_letter__of_an_optional_step_reopens_a_job_that_succeeded(ledger):
    """A job may succeed without its picture; a replay of the picture reopens and ends it again, without the warning."""
    job = submit(ledger).job
    give_up(ledger, job, PICTURE)
    finish_the_rest(ledger, job, PARSE, INDEX)
    ended = ledger.get(job.id, **OURS)
    assert (ended.status, len(ended.warnings)) == (Status.SUCCEEDED, 1)
    ledger.replay_letter(letters(ledger)[0].id, **OURS)
    assert ledger.get(job.id, **OURS).status is Status.QUEUED
    finish_the_rest(ledger, job, PICTURE)
    ended = ledger.get(job.id, **OURS)
    assert (ended.status, ended.warnings) == (Status.SUCCEEDED, ())


def test_replay_letters__are_paced(ledger):
    """Many replays at once are spread over time; those that cannot be replayed are told with the reason."""
    made = [submit(ledger).job for _ in range(3)]
    for job in made:
        give_up(ledger, job)
    ids = [one.id for one in letters(ledger)]
    replayed, refused, dispatches = ledger.replay_letters([*ids, "none"], per_second=1.0, **OURS)
    assert (len(replayed), refused, len(dispatches)) == (3, {"none": "there is no such letter"}, 1)
    times = [ledger.get(one.job_id, **OURS).step(PARSE).not_before for one in replayed]
    assert times[0] is None
    assert 0.5 < (times[2] - times[1]).total_seconds() < 5


def test_discard_letter__closes_it(ledger):
    """A discarded letter is closed, keeps its evidence, and is replayed no more; other owners see none of it."""
    give_up(ledger, submit(ledger).job)
    (letter,) = letters(ledger)
    with pytest.raises(LetterNotFound):
        ledger.discard_letter(letter.id, owner="other")
    assert ledger.discard_letter(letter.id, **OURS).state == "discarded"
    assert letters(ledger) == []
    assert letters(ledger, state="discarded")[0].evidence == letter.evidence
    with pytest.raises(WrongState):
        ledger.replay_letter(letter.id, **OURS)


def test_retry_and_delete__close_letters(ledger):
    """A retried job's letter counts as replayed, a deleted job's as discarded."""
    first, second = submit(ledger).job, submit(ledger).job
    for job in (first, second):
        finish_the_rest(ledger, job, PICTURE)
        give_up(ledger, job)
    ledger.retry(first.id, **OURS)
    ledger.delete(second.id, **OURS)
    assert {one.job_id: one.state for one in letters(ledger, state=None)} == {
        first.id: "replayed",
        second.id: "discarded",
    }


def test_past_retention__keeps_the_input_of_an_open_letter(ledger):
    """A failed job outlives its retention while its letter is open, until the letter's own time is over."""
    job = submit(ledger).job
    finish_the_rest(ledger, job, PICTURE)
    give_up(ledger, job)
    assert ledger.past_retention(days=-1, letter_days=90) == []
    assert ledger.past_retention(days=-1, letter_days=-1) == [job.id]
    ledger.discard_letter(letters(ledger)[0].id, **OURS)
    assert ledger.past_retention(days=-1, letter_days=90) == [job.id]


def test_message_died__is_sent_again_and_then_given_up(ledger):
    """A message that the broker gave up on goes out again with the same dispatch, and not for ever."""
    job = submit(ledger).job
    finish_the_rest(ledger, job, PICTURE)
    forget_messages(ledger, job)
    for _ in range(MAX_RETURNS - 1):
        sent = ledger.message_died(job.id, PARSE, dispatch=1, reason="rejected")
        assert (sent.step, sent.dispatch) == ("parse", 1)
        assert ledger.message_died(job.id, PARSE, dispatch=99, reason="rejected") is None  # stale: not counted
        forget_messages(ledger, job)
    assert ledger.message_died(job.id, PARSE, dispatch=1, reason="rejected") is None
    ended = ledger.get(job.id, **OURS)
    assert (ended.status, ended.fault.code) == (Status.FAILED, "step.undeliverable")
    assert letters(ledger)[0].fault.code == "step.undeliverable"


def test_message_died__forgets_returns_once_it_was_claimed(ledger):
    """Returns are counted anew for each dispatch, and a claimed step's stale message changes nothing."""
    job = submit(ledger).job
    ledger.message_died(job.id, PARSE, dispatch=1, reason="rejected")
    claim = take(ledger, job)
    assert claim.step.returns == 0
    assert ledger.message_died(job.id, PARSE, dispatch=1, reason="rejected") is None
    assert ledger.message_died("0" * 36, PARSE, dispatch=1, reason="rejected") is None


def test_keep_message__is_a_letter_that_can_only_be_discarded(ledger):
    """An undecodable message is kept with its bytes and headers."""
    kept = ledger.keep_message(body=b"\xff\x00", headers={"task": "x"}, reason="rejected", queue="parsing")
    letter = ledger.letter(kept, **OURS)
    assert (letter.kind, letter.evidence["body_base64"], letter.evidence["queue"]) == ("message", "/wA=", "parsing")
    with pytest.raises(WrongState):
        ledger.replay_letter(kept, **OURS)
    assert ledger.discard_letter(kept, **OURS).state == "discarded"


def test_resume__sends_again_what_was_delivered_in_vain(ledger):
    """Messages that found their queue paused are gone; resume puts their step runs into the outbox, once."""
    job = submit(ledger).job
    ledger.pause("parsing")
    assert take(ledger, job) is None
    forget_messages(ledger, job)
    assert ledger.resume("parsing") == 1
    assert ledger.resume("parsing") == 0
    assert outbox_of(ledger, job) == [("parse", 1)]
    assert take(ledger, job) is not None


def test_pause__said_twice_the_first_time_stands(ledger):
    """Pausing a paused queue changes nothing, its time neither."""
    ledger.pause("parsing")
    since = ledger.lines()[0].paused_at
    ledger.pause("parsing")
    assert ledger.lines()[0].paused_at == since is not None


def test_lines__tell_how_full_they_are(ledger):
    """Each queue shows its step runs, workers, and since when the oldest waits."""
    job = submit(ledger).job
    take(ledger, job, PICTURE)
    ledger.pause("indexing")
    ledger.register(WorkerFacts(name="w", pool="parsing", host="h", pid=1, concurrency=2, sandbox="full"))
    lines = {line.name: line for line in ledger.lines()}
    assert (lines["parsing"].queued, lines["parsing"].workers, lines["parsing"].paused) == (1, 1, False)
    assert abs((datetime.now(UTC) - lines["parsing"].oldest_queued_at).total_seconds()) < 60
    assert (lines["thumbnails"].queued, lines["thumbnails"].running) == (0, 1)
    assert (lines["indexing"].paused, lines["indexing"].paused_at is not None) == (True, True)


def test_oldest_claimable__sees_only_what_a_worker_should_have_got(ledger):
    """Unsent, paused, put-off and claimed step runs do not count; one whose message was sent does."""
    job = submit(ledger).job
    assert ledger.oldest_claimable("parsing") is None  # its message waits in the outbox
    forget_messages(ledger, job)
    assert ledger.oldest_claimable("parsing") >= 0
    ledger.pause("parsing")
    assert ledger.oldest_claimable("parsing") is None
    ledger.resume("parsing")
    forget_messages(ledger, job)
    take(ledger, job)
    assert ledger.oldest_claimable("parsing") is None


def test_waiting__says_what_for(ledger):
    """A step run waits for steps, a worker, its turn, the broker, a retry or a paused queue, with its place in line."""
    first, job = submit(ledger).job, submit(ledger).job
    waits = ledger.waiting(job)
    assert (waits[INDEX].reason, waits[INDEX].steps) == (WaitsFor.STEPS, ("parse",))
    assert (waits[PARSE].reason, waits[PARSE].place) == (WaitsFor.WORKER, 2)
    ledger.register(WorkerFacts(name="w", pool="parsing", host="h", pid=1, concurrency=2, sandbox="full"))
    assert ledger.waiting(job)[PARSE].reason is WaitsFor.TURN
    late = datetime.now(UTC) - timedelta(seconds=60)
    ledger.database.writing(lambda tx: tx.execute(update(outbox).values(due_at=late)))
    assert ledger.waiting(job)[PARSE].reason is WaitsFor.BROKER
    ledger.pause("parsing")
    paused = ledger.waiting(job)[PARSE]
    assert (paused.reason, paused.since) == (WaitsFor.PAUSED, ledger.lines()[0].paused_at)
    ledger.resume("parsing")
    take(ledger, first)
    assert ledger.waiting(job)[PARSE].place == 1


def test_waiting__for_a_retry_until_its_time_has_come(ledger):
    """A step run that is put off waits for that time, and after it for whatever its line waits for."""
    job = submit(ledger).job
    ledger.finish(take(ledger, job).held, Failed(fault=fault("step.lost", Actor.NOBODY), delay=60))
    wait = ledger.waiting(ledger.get(job.id, **OURS))[PARSE]
    assert (wait.reason, wait.retry_at > datetime.now(UTC)) == (WaitsFor.RETRY, True)
    past = datetime.now(UTC) - timedelta(seconds=1)
    ledger.database.writing(lambda tx: tx.execute(update(step_runs).values(not_before=past)))
    wait = ledger.waiting(ledger.get(job.id, **OURS))[PARSE]
    assert (wait.reason, wait.retry_at) == (WaitsFor.WORKER, None)


def test_waiting__for_memory(ledger):
    """A claimed step run that its host has no room for says so."""
    job = submit(ledger).job
    claim = take(ledger, job)
    assert PARSE not in ledger.waiting(ledger.get(job.id, **OURS))
    ledger.report(Progress(held=claim.held, done=0.0, message=WAITS_FOR_MEMORY))
    assert ledger.waiting(ledger.get(job.id, **OURS))[PARSE].reason is WaitsFor.MEMORY


def test_ladder__one_class_up_alone_once_then_a_letter(ledger):
    """A step that died by memory runs once more, alone and one class up; the second death is final."""
    job = submit(ledger).job
    first = take(ledger, job)
    assert (first.step.memory, first.step.alone) == (Memory.SMALL, False)
    ledger.finish(first.held, Failed(fault=fault("step.memory", Actor.PLATFORM)))
    second = take(ledger, job)
    assert (second.step.memory, second.step.alone) == (Memory.MEDIUM, True)
    ledger.finish(second.held, Failed(fault=fault("step.crashed", Actor.PLATFORM)))
    assert ledger.get(job.id, **OURS).step(PARSE).status is Status.FAILED
    assert [one["memory"] for one in letters(ledger)[0].evidence["attempts"]] == [Memory.SMALL, Memory.MEDIUM]
    assert [(one.number, one.outcome) for one in ledger.attempts(job.id, **OURS)] == [(1, "failed"), (2, "failed")]


def test_hint__the_next_file_of_its_kind_and_size_starts_higher(ledger):
    """What a file needed is remembered for files like it, and for no others."""
    job = submit(ledger).job
    ledger.finish(take(ledger, job).held, Failed(fault=fault("step.memory", Actor.PLATFORM)))
    ledger.finish(take(ledger, job).held, Succeeded())
    fresh = Ledger(str(ledger.database.url.render_as_string(hide_password=False)), db_schema=ledger.database.db_schema)
    like = submit(fresh).job
    assert (like.step(PARSE).memory, like.step(PARSE).alone) == (Memory.MEDIUM, False)
    assert like.step(PICTURE).memory is Memory.SMALL
    larger = replace(job.file, key=fresh.reserve_blob(), sha256="ee" * 32, size=job.file.size * 64)
    assert submit(fresh, file=larger).job.step(PARSE).memory is Memory.SMALL
    fresh.close()


def test_finish__after_a_cancel_leaves_its_bytes_to_the_collector(ledger):
    """What a cancelled step stored meanwhile is collected at once, not when its reservation ends."""
    job = submit(ledger).job
    claim = take(ledger, job)
    key = ledger.reserve_blob()
    ledger.cancel(job.id, **OURS)
    made = Artifact(name="a", sha256="cd" * 32, size=4, media_type="text/plain", step="parse", key=key)
    assert ledger.finish(claim.held, Succeeded(artifacts=(made,))) == (False, ())
    assert key in ledger.condemn_blobs()


def test_retry__lifts_a_deadline_that_passed(ledger):
    """A job that its deadline ended can be retried, and does not end at once again."""
    job = submit(ledger, deadline=datetime.now(UTC) - timedelta(seconds=1)).job
    ledger.expire(job.id)
    again, _ = ledger.retry(job.id, **OURS)
    assert (again.deadline, ledger.get(job.id, **OURS).deadline, ledger.past_deadline()) == (None, None, [])


def test_begin_run__one_for_each_slot_of_the_clock(ledger):
    """Two beats make one run of a tick; runs that are asked for are never refused."""
    first = ledger.begin_run("leases", every=3600)
    assert first is not None
    assert ledger.begin_run("leases", every=3600) is None
    assert ledger.begin_run("blobs", every=3600) is not None
    assert ledger.begin_run("leases") is not None
    ledger.end_run(first, state="done", checked=7, repaired=2, left_alone=1, notes=["job x: its lease was over"])
    run = ledger.run(first)
    assert (run.state, run.checked, run.repaired, run.left_alone) == ("done", 7, 2, 1)
    assert [one.id for one in ledger.runs(name="leases", found=True)[0]] == [first]
    with pytest.raises(RunNotFound):
        ledger.run("none")


def test_forget_runs__drops_quiet_ones_first(ledger):
    """After a day only runs that found something are left, and the clock's last one of each name, which it goes by."""
    quiet, useful, abandoned = (ledger.begin_run(name) for name in ("leases", "blobs", "store"))
    ticked = ledger.begin_run("leases", every=3600)
    for run_id in (quiet, ticked):
        ledger.end_run(run_id, state="done", notes=[])
    ledger.end_run(useful, state="done", repaired=1, notes=["x"])
    old = datetime.now(UTC) - timedelta(days=2)
    ledger.database.writing(lambda tx: tx.execute(update(reconciliations).values(started_at=old)))
    assert ledger.forget_runs() == 1
    left = {one.id: one.state for one in ledger.runs()[0]}
    assert left == {abandoned: "failed", useful: "done", ticked: "done"}
    assert ledger.begin_run("leases", every=3600) is None


def test_begin_run__takes_a_failed_run_of_its_slot_up_again(ledger):
    """What failed, since something was away, has not been done: the next tick of the slot does it."""
    first = ledger.begin_run("store", every=3600)
    ledger.end_run(first, state="failed", notes=["away"])
    assert ledger.begin_run("store", every=3600) == first
    assert ledger.run(first).state == "running"


def test_cancel_and_deadline__close_letters(ledger):
    """A letter whose replay would be refused is not left open: a retry runs all of such a job."""
    cancelled = submit(ledger).job
    late = submit(ledger, deadline=datetime.now(UTC) - timedelta(seconds=1)).job
    for job in (cancelled, late):
        give_up(ledger, job, PICTURE)
    ledger.cancel(cancelled.id, **OURS)
    ledger.expire(late.id)
    assert [one.state for one in letters(ledger, state=None)] == ["discarded"] * 2


def test_resend_lost__by_two_at_once_sends_each_once(ledger):
    """Workers that listen again at the same moment do not each send the whole queue."""
    made = [submit(ledger).job for _ in range(5)]
    for job in made:
        forget_messages(ledger, job)
    gate = threading.Barrier(4)

    def look(_: int) -> int:
        gate.wait()
        return ledger.resend_lost({"parsing": 0}, older_than=-1)

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(look, range(4))) == 5
    assert sum(len(outbox_of(ledger, job)) for job in made) == 5
