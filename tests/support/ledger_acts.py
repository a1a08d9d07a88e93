"""Every call of the ledger as an Act: what it is, what the world learns from its answer, and whether it may change."""

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from support.ledger_outcomes import outcome_of
from support.ledger_plans import PARTS, split
from support.ledger_promises import DEADLINE, ENDED
from support.ledger_rows import Message, Row, Rows, Run
from support.ledger_world import REFUSALS, Act, World, demand
from support.sample_jobs import submit

from jobs.model import Status, StepKey
from jobs.outcomes import Succeeded
from jobs.pipeline import Pipeline
from jobs.queues import QUEUES
from ledger import Claim, Dispatch, Held, Ledger, WorkerFacts
from workers.dispatcher import Dispatcher, lost

LEASE = 20.0  # seconds
PATIENCE = 60.0  # seconds from a submit to its deadline, where it has one
SILENCE = 30.0  # seconds after which the ledger was away, and for which leases do not count then
UNSURE = 5.0  # seconds around a time at which the test does not know whether it has come
OURS = {"owner": "local"}
FACTS = WorkerFacts(name="w", pool="parsing", host="h", pid=1, concurrency=1, sandbox="full")
_WORKERS = count(1)


def new_job(world: World, pipeline: Pipeline, *, is_late: bool, side: int) -> None:
    """A caller submits."""
    deadline = datetime.now(UTC) + timedelta(seconds=PATIENCE) if is_late else None
    made = submit(world.place.ledgers[side], pipeline=pipeline, deadline=deadline)
    if pipeline is PARTS:
        split(world.place.ledgers[0], made.job.id)
    world.accepted.append(made.job.id)
    world.hands += made.dispatches
    demand(world.look(moves=0), after="submit")


# --- workers -----------------------------------------------------------------------------------------------------------


def claim(world: World, message: Message, *, lease: float = LEASE) -> Act:
    """A worker gets `message`."""
    run = message.run
    worker = f"w{next(_WORKERS)}"

    def do(ledger: Ledger) -> Claim | None:
        key = StepKey(run.step, run.part)
        return ledger.claim(run.job_id, key, dispatch=message.dispatch, worker=worker, lease=lease)

    def then(answer: Claim | None) -> None:
        if answer is None:
            world.refused.append(message)
            return
        assert message not in world.claimed, f"dispatch {message.dispatch} of {run.step} was claimed twice"
        world.claimed[message] = answer.step.fence
        world.claims.append(answer)
        world.ever.append(answer)

    return Act(name=f"claim {run.step} {message.dispatch}", do=do, then=then, allowed=_claimable(world.rows, message))


def finish(world: World, claimed: Claim, kind: str) -> Act:
    """A worker tells how its attempt ended."""
    held = claimed.held
    run = run_of(held)

    def do(ledger: Ledger) -> Any:
        outcome = outcome_of(held, kind, ledger=ledger)
        return outcome, *ledger.finish(held, outcome)

    def then(answer: Any) -> None:
        outcome, accepted, dispatches = answer
        world.hands += dispatches
        world.claims = [one for one in world.claims if one.held != held]
        if accepted:
            assert (run, held.fence) not in world.committed, f"fence {held.fence} of {run.step} was finished twice"
            world.committed.add((run, held.fence))
            saved = outcome.artifacts if isinstance(outcome, Succeeded) else ()
            world.offered[run, held.fence] = {artifact.name: artifact.sha256 for artifact in saved}

    def after(answer: Any, rows: Rows) -> Iterator[str]:
        if answer[1] and kind == "success" and rows.steps[run]["status"] != Status.SUCCEEDED:
            yield f"{run.step} is {rows.steps[run]['status']}"
        if answer[1] and kind in {"input", "limit"} and rows.steps[run]["status"] != Status.FAILED:
            yield f"{run.step} is {rows.steps[run]['status']}: a final fault is not tried again"

    name = f"finish {run.step} fence {held.fence}: {kind}"
    return Act(name=name, do=do, then=then, allowed=world.rows.grants(held), after=after)


def heartbeat(world: World, claimed: Claim) -> Act:
    """A worker says that it lives."""
    held = claimed.held
    counts = world.rows.grants(held)

    def after(_answer: None, rows: Rows) -> Iterator[str]:
        if counts and _has_come(rows.steps[run_of(held)]["lease_until"], rows.now) is not False:
            yield f"the lease of {held.step} was not renewed"

    return Act(
        name=f"heartbeat {held.step} fence {held.fence}",
        do=lambda ledger: ledger.heartbeat([held], lease=LEASE),
        allowed=None if counts else False,  # two within a millisecond leave the same lease
        after=after,
    )


# --- the platform's own ------------------------------------------------------------------------------------------------


def sent(dispatches: list[Dispatch]) -> Act:
    """The broker confirmed these."""
    ids = [one.id for one in dispatches]
    return Act(name=f"{[one.step for one in dispatches]} confirmed", do=lambda ledger: ledger.sent(ids), moves=0)


def unsent(dispatches: list[Dispatch]) -> Act:
    """The broker was away."""
    ids = [one.id for one in dispatches]
    name = f"{[one.step for one in dispatches]} not sent"
    return Act(name=name, do=lambda ledger: ledger.unsent(ids, delay=1.0), moves=0)


def take_away(world: World, held: Held) -> Act:
    """Somebody saw the lease of this claim over."""

    def then(answer: tuple[Dispatch, ...]) -> None:
        world.hands += answer

    row = world.rows.steps.get(run_of(held))
    is_over = _has_come(row["lease_until"], world.rows.now) if row and world.rows.grants(held) else False
    if is_over is not False and world.rows.trusted is not None:
        counts = not world.rows.silent and _has_come(world.rows.trusted, world.rows.now)
        is_over = counts if is_over else None if counts is not False else False
    name = f"take away {held.step} fence {held.fence}"
    return Act(name=name, do=lambda ledger: ledger.take_away(held, lost(held.step)), then=then, allowed=is_over)


def close_attempts(world: World) -> Act:
    """Close what the workers of jobs that were ended never told of; all workers here are strangers."""

    def after(_answer: int, rows: Rows) -> Iterator[str]:
        for run, tried in rows.attempts.items():
            counts = {row["fence"] for row in (rows.steps[run],) if row["status"] == Status.RUNNING}
            left = {one["fence"] for one in tried if one["outcome"] is None} - counts
            if left and not rows.silent:
                yield f"{run.step}: attempts {left} are open, though they do not count"

    return Act(name="close attempts", do=lambda ledger: ledger.close_attempts(silent=-1.0), after=after, moves=0)


def message_died(world: World, message: Message) -> Act:
    """The broker gave up on `message`."""
    run = message.run

    def do(ledger: Ledger) -> Dispatch | None:
        key = StepKey(run.step, run.part)
        return ledger.message_died(run.job_id, key, dispatch=message.dispatch, reason="delivery-limit")

    def then(answer: Dispatch | None) -> None:
        world.hands += [answer] if answer else []

    row = world.rows.steps.get(run)
    waits = row is not None and (row["status"], row["dispatch"]) == (Status.QUEUED, message.dispatch)
    return Act(name=f"message {message.dispatch} of {run.step} died", do=do, then=then, allowed=waits)


def sweep(world: World) -> Act:
    """One round of a dispatcher."""

    def do(ledger: Ledger) -> list[Dispatch]:
        taken: list[Dispatch] = []
        Dispatcher(ledger, wake=taken.extend, facts=lambda: FACTS, every=1.0, lease=2 * SILENCE).look()
        return taken

    def then(answer: list[Dispatch]) -> None:
        world.hands += answer
        world.given.update(one.id for one in answer)

    return Act(name="a dispatcher looks", do=do, then=then, moves=2)


def resend_lost(world: World) -> Act:
    """Compare the queues with the broker's depths."""
    depths = Counter(dispatch.queue for dispatch in world.broker)
    queued = [(run, row) for run, row in world.rows.steps.items() if row["status"] == Status.QUEUED]
    sent = Counter(row["queue"] for run, row in queued if Message(*run, row["dispatch"]) not in world.rows.outbox)
    due = sum(max(0, n - depths[queue]) for queue, n in sent.items() if queue not in world.rows.paused)

    def do(ledger: Ledger) -> int:
        return ledger.resend_lost({queue: depths[queue] for queue in QUEUES}, older_than=-1)

    def after(answer: int, _rows: Rows) -> Iterator[str]:
        if answer != due:
            yield f"{answer} messages were sent again instead of {due}"

    return Act(name="send lost messages again", do=do, after=after)


def expire(world: World, job_id: str) -> Act:
    """Somebody saw the deadline of this job over."""
    job = world.rows.jobs[job_id]
    is_over = bool(job["deadline"]) and job["status"] not in ENDED and _has_come(job["deadline"], world.rows.now)
    return Act(name="expire", do=lambda ledger: ledger.expire(job_id), allowed=is_over)


# --- callers and ops ---------------------------------------------------------------------------------------------------


def cancel(world: World, job_id: str) -> Act:
    """A caller cancels."""
    live = world.rows.jobs[job_id]["status"] not in ENDED
    return Act(name="cancel", do=lambda ledger: ledger.cancel(job_id, **OURS), allowed=live)


def retry(world: World, job_id: str) -> Act:
    """A caller asks for a retry."""
    allowed = world.rows.jobs[job_id]["status"] in {Status.FAILED, Status.CANCELLED}
    return Act(name="retry", do=lambda ledger: ledger.retry(job_id, **OURS), then=_sends(world), allowed=allowed)


def delete(world: World, job_id: str) -> Act:
    """A caller deletes."""

    def then(answer: Any) -> None:
        if answer is None:
            world.accepted.remove(job_id)

    ended = world.rows.jobs[job_id]["status"] in ENDED
    return Act(name="delete", do=lambda ledger: ledger.delete(job_id, **OURS), then=then, allowed=ended)


def replay(world: World, letter: Row, *, delay: float = 0.0) -> Act:
    """An operator replays a dead letter."""
    job = world.rows.jobs.get(letter["job_id"])
    by_caller = job is None or job["status"] == Status.CANCELLED or (job["fault"] or {}).get("code") == DEADLINE
    return Act(
        name=f"replay {letter['step']}",
        do=lambda ledger: ledger.replay_letter(letter["id"], **OURS, delay=delay),
        then=_sends(world),
        allowed=letter["state"] == "open" and not by_caller,
    )


def replay_later(world: World, letter: Row) -> Act:
    """The same, among many: paced."""
    return replay(world, letter, delay=30.0)


def discard(world: World, letter: Row) -> Act:
    """An operator discards a dead letter."""
    allowed = world.rows.letters[letter["id"]]["state"] == "open"
    do = lambda ledger: ledger.discard_letter(letter["id"], **OURS)  # noqa: E731 - as short as its neighbors
    return Act(name=f"discard {letter['step']}", do=do, allowed=allowed)


def pause(_world: World, queue: str) -> Act:
    """An operator pauses a queue."""
    return Act(name=f"pause {queue}", do=lambda ledger: ledger.pause(queue))


def resume(world: World, queue: str) -> Act:
    """An operator resumes a queue: whatever waits in it has its message in the outbox again."""
    was = queue in world.rows.paused

    def after(_answer: Any, rows: Rows) -> Iterator[str]:
        waiting = [run for run, row in rows.steps.items() if (row["queue"], row["status"]) == (queue, "queued")]
        missing = [run.step for run in waiting if Message(*run, rows.steps[run]["dispatch"]) not in rows.outbox]
        if was and missing:
            yield f"the messages of {missing} were not sent again"

    return Act(name=f"resume {queue}", do=lambda ledger: ledger.resume(queue), after=after)


def _sends(world: World) -> Any:
    def then(answer: Any) -> None:
        world.hands += [] if isinstance(answer, REFUSALS) else answer[1]

    return then


def run_of(held: Held) -> Run:
    """The step run of a claim."""
    return Run(held.job_id, held.step, held.part)


def _claimable(rows: Rows, message: Message) -> bool | None:
    row = rows.steps.get(message.run)
    if row is None or (row["status"], row["dispatch"]) != (Status.QUEUED, message.dispatch):
        return False
    if row["queue"] in rows.paused:
        return False
    return row["not_before"] is None or _has_come(row["not_before"], rows.now)


def _has_come(time: datetime, now: datetime) -> bool | None:
    """Whether a time is past; None where the test, which reads the clock before it acts, can't know."""
    left = (time - now).total_seconds()
    return None if abs(left) < UNSURE else left < 0
