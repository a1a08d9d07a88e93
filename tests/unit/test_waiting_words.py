"""Why a step waits, in words: what its row alone tells, and the sentence for a person."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from support.sample_jobs import running, sample_job

from jobs.model import StepKey
from jobs.waiting import WAITS_FOR_MEMORY, Waiting, WaitsFor, sentence, told_by_row

PARSE = sample_job().step(StepKey("parse"))
NOON = datetime(2026, 1, 2, 12, 0, 0, tzinfo=UTC)


def waiting(reason: WaitsFor | None, **more: object) -> str:
    return sentence(PARSE, Waiting(reason=reason, queue="parsing", **more))


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (waiting(WaitsFor.STEPS, steps=("a",)), "It needs a first."),
        (waiting(WaitsFor.STEPS, steps=("a", "b", "c")), "It needs a, b and c first."),
        (waiting(WaitsFor.RETRY, retry_at=NOON), "It is tried again at 2026-01-02 12:00:00 UTC."),
        (waiting(WaitsFor.WORKER), "No worker of pool parsing is alive."),
        (waiting(WaitsFor.TURN, place=1), "It is the next in the queue parsing."),
        (waiting(WaitsFor.TURN, place=2), "1 stands before it in the queue parsing."),
        (waiting(WaitsFor.TURN, place=9), "8 stand before it in the queue parsing."),
        (waiting(WaitsFor.MEMORY), "Its host has no room yet for the 512 MiB that it may use."),
        (waiting(None), "It stands in the queue parsing."),
    ],
)
def test_sentence__says_what_has_to_come(said, expected):
    """Each reason has its sentence, with what belongs to it."""
    assert said == expected


def test_sentence__times_are_in_utc():
    """A time of another zone is told in UTC."""
    east = NOON.astimezone(timezone(timedelta(hours=5)))
    assert waiting(WaitsFor.PAUSED, since=east) == "The queue parsing is paused since 2026-01-02 12:00:00 UTC."


def test_sentence__alone_after_a_crash():
    """A step that is to run alone waits for others to end, not for room."""
    said = sentence(PARSE.evolve(escalations=1), Waiting(reason=WaitsFor.MEMORY, queue="parsing"))
    assert said == "It is to run alone on its host, and waits until nothing else runs there."


def test_told_by_row__what_runs_and_what_ended_waits_for_nothing():
    """Without a look at the line: needs, a retry's time and memory are told; a running step waits for nothing."""
    job = sample_job()
    told = {step.name: told_by_row(step) for step in running(job, "parse").steps}
    assert told["parse"] is None
    assert (told["picture"].reason, told["picture"].queue) == (None, "thumbnails")
    assert (told["index"].reason, told["index"].steps) == (WaitsFor.STEPS, ("parse",))
    hungry = running(job, "parse").step(StepKey("parse")).evolve(message=WAITS_FOR_MEMORY)
    assert told_by_row(hungry).reason is WaitsFor.MEMORY
    later = told_by_row(PARSE.evolve(not_before=NOON))
    assert (later.reason, later.retry_at) == (WaitsFor.RETRY, NOON)
