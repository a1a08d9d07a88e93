"""The event log, replayed through the rules, gives what the verbs made; whatever they would not write is told."""

from collections.abc import Sequence
from dataclasses import replace as changed
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.sample_jobs import NOW, STEADY, fault, sample_job

from jobs.errors import Actor
from jobs.lifecycle import Advance, Event, WrongState, advance
from jobs.model import Job, Status, StepKey
from jobs.outcomes import Failed, RetryLater, Succeeded
from jobs.replay import SUBMITTED, Logged, Replayed, replay
from jobs.verbs import cancel, claimed, expire, retry, returned
from jobs.verbs import replay as run_again

NAMES = ("parse", "picture", "index")


class History:
    """A job and its log, as the ledger would keep them."""

    def __init__(self) -> None:
        self.job = sample_job()
        self.log: list[Logged] = []
        self.write((Event(type=SUBMITTED),))

    def write(self, events: Sequence[Event]) -> None:
        for event in events:
            number = len(self.log) + 1
            at = NOW + timedelta(seconds=number)
            self.log.append(Logged(id=number, type=event.type, step=event.step, data=dict(event.data), at=at))

    def decide(self, advanced: Advance) -> None:
        self.job = advanced.job
        self.write(advanced.events)

    def claim(self, name: str = "parse") -> None:
        self.decide(claimed(self.job, StepKey(name), now=NOW, worker="w", lease=20))

    def finish(self, outcome: Succeeded | Failed | RetryLater, name: str = "parse") -> None:
        self.decide(advance(self.job, StepKey(name), outcome, now=NOW, policy=STEADY))

    def run(self, *names: str) -> "History":
        for name in names:
            self.claim(name)
            self.finish(Succeeded(), name)
        return self

    def replayed(self) -> Replayed:
        return replay(self.job, self.log)

    def drop(self, type_: str) -> None:
        self.log = [event for event in self.log if event.type != type_]

    def double(self, type_: str) -> None:
        """One more event like it, at the log's end."""
        same = next(event for event in self.log if event.type == type_)
        self.log.append(changed(same, id=len(self.log) + 1))


def standing(job: Job) -> tuple[object, ...]:
    return job.status, *[(step.key, step.status, step.attempt, step.fence) for step in job.steps]


ACTIONS = {
    "claim": lambda h, name: h.claim(name),
    "succeed": lambda h, name: h.finish(Succeeded(), name),
    "break": lambda h, name: h.finish(Failed(fault=fault()), name),
    "crash": lambda h, name: h.finish(Failed(fault=fault("step.crashed")), name),
    "time out": lambda h, name: h.finish(Failed(fault=fault("step.timeout")), name),
    "refuse": lambda h, name: h.finish(Failed(fault=fault("xml.syntax", Actor.SUBMITTER)), name),
    "release": lambda h, name: h.finish(RetryLater(fault=fault("step.released")), name),
    "return": lambda h, name: h.decide(returned(h.job, StepKey(name), now=NOW, reason="rejected")),
    "run again": lambda h, name: h.decide(run_again(h.job, StepKey(name), now=NOW)),
    "cancel": lambda h, _: h.decide(cancel(h.job, now=NOW)),
    "expire": lambda h, _: None if h.job.status.ended else h.decide(expire(h.job, now=NOW)),
    "retry": lambda h, _: h.decide(retry(h.job, now=NOW)),
    "update": lambda h, _: h.write((Event(type="job.updated"), Event(type="parts-list.updated"))),
}


# Often enough what leads on, so that a course sees more than one end.
COURSE = st.sampled_from([*["claim"] * 12, *["succeed"] * 8, *["run again"] * 4, *ACTIONS])


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(COURSE, st.sampled_from(NAMES)), max_size=80))
def test_replay__gives_what_any_course_of_verbs_made(course):
    """Whatever is done to a job, in whatever order, its log gives its statuses, attempts and fences."""
    history = History()
    for action, name in course:
        try:
            ACTIONS[action](history, name)
        except WrongState:
            continue
    replayed = history.replayed()
    assert replayed.complete
    assert replayed.illegal == ()
    assert standing(replayed.job) == standing(history.job)


def test_replay__knows_nothing_once_the_submit_is_gone():
    """A log whose beginning retention has dropped is incomplete, not illegal."""
    history = History().run(*NAMES)
    history.drop(SUBMITTED)
    replayed = history.replayed()
    assert (replayed.complete, replayed.illegal) == (False, ())


def test_replay__differs_where_the_row_was_changed():
    """A status that no event led to does not come out of the log."""
    history = History().run("parse")
    history.job = history.job.evolve(status=Status.SUCCEEDED)
    assert history.replayed().job.status is Status.RUNNING


@pytest.mark.parametrize("type_", [SUBMITTED, "step.succeeded", "file-processing.completed", "step.started"])
def test_replay__tells_an_event_that_came_twice(type_):
    """A submit, a start, a success or an end that is told once more is no legal log."""
    history = History().run(*NAMES)
    history.double(type_)
    illegal = history.replayed().illegal
    assert len(illegal) == 1
    assert type_ in illegal[0]
    assert f"event {len(history.log)}" in illegal[0]


@pytest.mark.parametrize("type_", ["file-processing.started", "file-processing.completed", "step.started"])
def test_replay__tells_an_event_that_is_missing(type_):
    """What the rules write together stands there together."""
    history = History().run(*NAMES)
    history.drop(type_)
    assert history.replayed().illegal != ()


def test_replay__tells_two_ends_of_one_life():
    """A job that completed was not cancelled afterwards."""
    history = History().run(*NAMES)
    history.write((Event(type="job.cancelled"),))
    assert "job.cancelled" in history.replayed().illegal[0]


def test_replay__tells_a_wrong_count():
    """An event that names another attempt than the log makes is told with both numbers."""
    history = History()
    history.claim()
    last = history.log[-1]
    history.log[-1] = changed(last, data={**last.data, "attempt": 3})
    assert history.replayed().illegal == (
        "event 3, step.started of step parse, says attempt 3, but the log up to it makes 1",
    )


def test_replay__reads_a_log_that_tells_no_fence():
    """Events of the release before, which told the attempt alone, are replayed as well."""
    history = History().run(*NAMES)
    history.log = [
        changed(e, data={k: v for k, v in e.data.items() if k not in {"fence", "part"}}) for e in history.log
    ]
    assert history.replayed().illegal == ()


def test_replay__tells_a_step_that_was_never_planned():
    """An event of a step that the plan has not is no legal log."""
    history = History()
    history.write((Event(type="step.started", step="nobody"),))
    assert "nobody" in history.replayed().illegal[0]


def test_replay__tells_a_job_that_was_deleted_and_is_there():
    """A job whose log says that it was deleted is not there any more."""
    history = History().run(*NAMES)
    history.write((Event(type="job.deleted"),))
    assert "still there" in history.replayed().illegal[0]
