"""The executor with a real sandbox, ledger and store; only the broker is left out."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import select
from support import sandbox_steps
from support.stand import Stand, standing
from support.waiting import wait_until

from jobs.errors import InputError
from jobs.model import Status, StepKey
from jobs.pipeline import Pipeline, Step
from jobs.queues import INDEXING, PARSING
from ledger.errors import LedgerUnavailable
from ledger.schema import attempts
from storage.port import StoreUnavailable
from workers.executor import ShuttingDown
from workers.heartbeat import Heartbeat
from workers.sandbox import Sandbox

SUPPORT = Path(sandbox_steps.__file__).parent


def trusted(ctx, *, search) -> None:
    """Reads what the isolated step made, and uses its port."""
    with ctx.open("result.txt") as file:
        text = file.read().decode()
    ctx.progress(1, 2, "half")
    (ctx.scratch / "note.txt").write_text(text[::-1])
    ctx.save(ctx.scratch / "note.txt", name="note.txt", media_type="text/plain")
    ctx.summary(indexed=search(text))
    ctx.warn("a.b", "Look here.")


def refusing(ctx) -> None:
    """Finds the input wrong."""
    raise InputError("sample.bad", "No good.", hint="Send another.", row=3)


def breaking(ctx) -> None:
    """Has a defect, whose message quotes the file."""
    raise ZeroDivisionError("secret words of the file")


def out_of_memory(ctx) -> None:
    """Runs out of memory in the worker itself."""
    raise MemoryError


PIPELINES = {
    name: Pipeline(name=name, version=1, title="t", accepts=(), steps=steps)
    for name, steps in {
        "good": (
            Step(run=sandbox_steps.good, queue=PARSING),
            Step(
                run=trusted, queue=INDEXING, needs=("good",), reads=("result.txt",), isolated=False, ports=("search",)
            ),
        ),
        "segfault": (Step(run=sandbox_steps.segfault, queue=PARSING, attempts=1),),
        "hang": (Step(run=sandbox_steps.hang_in_native, queue=PARSING, timeout=120),),
        "refusing": (Step(run=refusing, queue=PARSING, isolated=False),),
        "breaking": (Step(run=breaking, queue=PARSING, isolated=False),),
        "memory": (Step(run=out_of_memory, queue=PARSING, isolated=False),),
    }.items()
}


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    made = Sandbox(name="test", preload=(), extra_path=(SUPPORT.parent,))
    yield made
    made.close()


@pytest.fixture
def platform(tmp_path: Path, sandbox: Sandbox) -> Iterator[Stand]:
    with standing(tmp_path, PIPELINES, sandbox=sandbox, ports={"search": lambda _job, _stop: len}) as stand:
        yield stand


def in_background(work: Callable[[], None]) -> threading.Thread:
    thread = threading.Thread(target=work)
    thread.start()
    return thread


def test_execute__runs_a_job_to_its_end(platform):
    """An isolated and a trusted step run one after the other; artifacts, facts and warnings are committed."""
    job, dispatch = platform.submit("good")
    platform.execute(dispatch)
    assert [d.step for d in platform.woken] == ["trusted"]
    platform.execute(platform.woken[0])
    job = platform.job(job)
    assert job.status is Status.SUCCEEDED
    made = {a.name: platform.store.open(a.key).read() for a in job.artifacts}
    assert made == {"result.txt": b"SOME WORDS", "again.txt": b"SOME WORDS", "note.txt": b"SDROW EMOS"}
    assert job.summary["indexed"] == 10
    assert "a.b" in {w.code for w in job.warnings}
    assert list(platform.scratch.iterdir()) == []


def test_execute__a_doubled_message_does_nothing(platform):
    """The second delivery of a message finds nothing to claim."""
    job, dispatch = platform.submit("good")
    platform.execute(dispatch)
    platform.execute(dispatch)
    assert platform.job(job).step(StepKey("good")).attempt == 1
    assert len(platform.woken) == 1


def test_execute__a_crash_becomes_a_fault(platform):
    """A segfault fails its job with a code, counts and keeps the signal, and leaves the executor well."""
    job, dispatch = platform.submit("segfault")
    platform.execute(dispatch)
    failed = platform.job(job)
    assert failed.status is Status.FAILED
    assert failed.fault.code == "step.crashed"
    with platform.ledger.database.reading() as tx:
        assert tx.execute(select(attempts.c.signal).where(attempts.c.job_id == job.id)).scalar_one() == 11
    after, dispatch = platform.submit("good", text=b"next")
    platform.execute(dispatch)
    assert platform.job(after).step(StepKey("good")).status is Status.SUCCEEDED


def test_execute__input_errors_are_shown_in_full(platform):
    """What a step says about its input reaches the job with place and hint."""
    job, dispatch = platform.submit("refusing")
    platform.execute(dispatch)
    fault = platform.job(job).fault
    assert (fault.code, fault.message, fault.hint, fault.place) == (
        "sample.bad",
        "No good.",
        "Send another.",
        {"row": 3},
    )


@pytest.mark.parametrize(("pipeline", "type_"), [("breaking", "ZeroDivisionError"), ("memory", "MemoryError")])
def test_execute__a_defect_is_told_without_its_words(platform, pipeline, type_):
    """An unexpected exception, MemoryError too, ends as step.error; its own message is not shown."""
    job, dispatch = platform.submit(pipeline)
    platform.execute(dispatch)
    fault = platform.job(job).step(StepKey(dispatch.step)).fault
    assert fault.code == "step.error"
    assert type_ in fault.message
    assert "secret" not in fault.message


def test_execute__missing_bytes_are_the_platforms_fault(platform):
    """Bytes that the store lost give store.missing, not a crash."""
    job, dispatch = platform.submit("good")
    platform.store.delete(job.file.key)
    platform.execute(dispatch)
    assert platform.job(job).step(StepKey("good")).fault.code == "store.missing"


def test_execute__a_store_that_is_away_charges_no_attempt(platform, monkeypatch):
    """While the store is away a step is put off, with the reason shown and no attempt counted; then it succeeds."""
    job, dispatch = platform.submit("good")
    fetch = platform.store.fetch

    def away(key, path):
        raise StoreUnavailable("no answer")

    monkeypatch.setattr(platform.store, "fetch", away)
    platform.execute(dispatch)
    step = platform.job(job).step(StepKey("good"))
    assert (step.status, step.attempt, step.fault.code) == (Status.QUEUED, 0, "store.unavailable")
    assert step.not_before is not None
    monkeypatch.setattr(platform.store, "fetch", fetch)
    again = platform.due(job)
    assert again.dispatch == 2
    platform.execute(again)
    assert platform.job(job).step(StepKey("good")).status is Status.SUCCEEDED


def test_execute__an_unknown_step_is_tried_again(platform):
    """A step that this release does not have is left for a worker that has it."""
    job, dispatch = platform.submit("good")
    known = platform.executor._run.__self__._pipelines
    platform.executor._run.__self__._pipelines = {}
    try:
        platform.execute(dispatch)
    finally:
        platform.executor._run.__self__._pipelines = known
    step = platform.job(job).step(StepKey("good"))
    assert (step.status, step.fault.code, step.dispatch) == (Status.QUEUED, "step.unknown", 2)


def test_cancel__kills_a_native_call_that_holds_the_gil(platform):
    """A cancelled job's child is killed within two seconds, though it hangs in native code."""
    job, dispatch = platform.submit("hang")
    thread = in_background(lambda: platform.execute(dispatch))
    wait_until(lambda: platform.job(job).status is Status.RUNNING, within=10, what="the claim")
    wait_until(lambda: any(platform.scratch.iterdir()), within=10, what="the child's folder")
    platform.ledger.cancel(job.id, owner="local")
    thread.join(6)  # two seconds where nothing else runs; a busy machine gets more
    assert not thread.is_alive()
    assert platform.job(job).status is Status.CANCELLED
    with platform.ledger.database.reading() as tx:
        assert tx.execute(select(attempts.c.outcome).where(attempts.c.job_id == job.id)).scalar_one() == "cancelled"


def test_shutdown__gives_a_step_back_uncharged(platform):
    """A worker that ends gives its step back: queued again, no attempt counted, a new message in the outbox."""
    job, dispatch = platform.submit("hang")
    thread = in_background(lambda: platform.execute(dispatch))
    wait_until(lambda: platform.job(job).status is Status.RUNNING, within=10, what="the claim")
    platform.executor.stop()
    assert not platform.heartbeat.wait_idle(0.2)
    platform.heartbeat.stop_all()
    thread.join(5)
    step = platform.job(job).step(StepKey("hang_in_native"))
    assert (step.status, step.attempt, step.dispatch) == (Status.QUEUED, 0, 2)
    assert [d.dispatch for d in platform.woken] == [2]
    with pytest.raises(ShuttingDown):
        platform.execute(platform.woken[0])


def test_finish__waits_for_an_absent_ledger(platform, monkeypatch):
    """A result is not lost when the ledger is away at its end: it is committed once it is back."""
    job, dispatch = platform.submit("good")
    finish, away = platform.ledger.finish, threading.Event()

    def flaky(held, outcome):
        if not away.is_set():
            away.set()
            raise LedgerUnavailable("gone")
        return finish(held, outcome)

    monkeypatch.setattr(platform.ledger, "finish", flaky)
    platform.execute(dispatch)
    assert platform.job(job).step(StepKey("good")).status is Status.SUCCEEDED


def test_claim__waits_for_an_absent_ledger(platform, monkeypatch):
    """A message taken while the ledger is away waits for it in its thread."""
    job, dispatch = platform.submit("good")
    claim, away = platform.ledger.claim, threading.Event()

    def flaky(*args, **named):
        if not away.is_set():
            away.set()
            raise LedgerUnavailable("gone")
        return claim(*args, **named)

    monkeypatch.setattr(platform.ledger, "claim", flaky)
    platform.execute(dispatch)
    assert platform.job(job).step(StepKey("good")).status is Status.SUCCEEDED


def test_heartbeat__keeps_a_long_step_claimed(tmp_path, platform):
    """A step that runs longer than its lease keeps its claim, and its progress is shown."""
    heartbeat = Heartbeat(platform.ledger, worker="w2", lease=0.6, every=0.1, cancel_poll=0.05)
    job, dispatch = platform.submit("good")
    claim = platform.ledger.claim(job.id, StepKey("good"), dispatch=dispatch.dispatch, worker="w2", lease=0.6)
    with heartbeat.holding(claim.held) as hold:
        hold.tell(0.5, "half")
        wait_until(lambda: platform.job(job).step(StepKey("good")).progress == 0.5, within=5, what="progress")
        assert platform.ledger.expired() == []
        assert not hold.stop.is_set()
    wait_until(lambda: platform.ledger.expired() == [claim.held], within=5, what="the lease to run out")
    heartbeat.close()


def test_heartbeat__outlives_a_defect(platform, monkeypatch):
    """A tick that fails unforeseen does not end the heartbeat: a later cancel is still noticed."""
    job, dispatch = platform.submit("hang")
    held_by, failed = platform.ledger.held_by, threading.Event()

    def broken_once(worker):
        if not failed.is_set():
            failed.set()
            raise RuntimeError("a defect")
        return held_by(worker)

    monkeypatch.setattr(platform.ledger, "held_by", broken_once)
    thread = in_background(lambda: platform.execute(dispatch))
    assert failed.wait(10)
    platform.ledger.cancel(job.id, owner="local")
    thread.join(10)
    assert not thread.is_alive()


def test_neighbours__go_on_while_one_crashes(platform):
    """Good jobs beside crashing ones in the same pool all end well."""
    good = [platform.submit("good", text=f"text {n}".encode()) for n in range(6)]
    bad = [platform.submit("segfault") for _ in range(3)]
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(platform.execute, [d for pair in zip(good[::2], bad, good[1::2], strict=True) for _, d in pair]))
    assert {platform.job(job).step(StepKey("good")).status for job, _ in good} == {Status.SUCCEEDED}
    assert {platform.job(job).status for job, _ in bad} == {Status.FAILED}
