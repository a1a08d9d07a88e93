"""When a price service is asked, how often, and when it is left alone, by a clock in our hand."""

import threading
from datetime import UTC, datetime, timedelta

import pytest
from support.price_service import Hands, ScriptedLine, reply

from catalog.prices.calls import PATIENCE, TRIES, Calls, Pace, Unanswered, retry_after
from catalog.prices.memory import MemoryDays
from catalog.prices.pacing import FAILURES, LONGEST_REST, REST, Breaker, Bucket, State
from catalog.prices.port import Reason

NOW = datetime(2026, 11, 26, 23, 59, 30, tzinfo=UTC)
BROKEN = Unanswered(Reason.UNREACHABLE)


def calls(line: ScriptedLine, hands: Hands, *, days: MemoryDays | None = None, **pace: float) -> Calls:
    return Calls(
        "svc",
        line=line,
        days=days or MemoryDays(),
        pace=Pace(**({"per_second": 1000.0, "per_day": 1000, "burst": 1000} | pace)),
        clock=hands,
        sleep=hands.sleep,
        now=lambda: NOW + timedelta(seconds=hands.seconds - 1000),
    )


def asked(found: Calls) -> bytes | Reason:
    """What came back, or why nothing did."""
    try:
        return found.get("http://x/", headers=dict, read=lambda got: got.body)
    except Unanswered as wrong:
        return wrong.reason


def test_breaker__opens_after_five_failures_in_a_row():
    """Four failures and a success count for nothing; the fifth in a row opens it."""
    hands = Hands()
    breaker = Breaker(clock=hands)
    for was_well in [False] * (FAILURES - 1) + [True] + [False] * (FAILURES - 1):
        breaker.leave(breaker.enter(), was_well=was_well)
    assert breaker.state is State.CLOSED
    breaker.leave(breaker.enter(), was_well=False)
    assert breaker.state is State.OPEN
    assert breaker.enter() is None


@pytest.mark.parametrize(("was_well", "after"), [(True, State.CLOSED), (False, State.OPEN)])
def test_breaker__one_trial_decides(was_well, after):
    """After its rest one call goes through, and no second one; how that one went decides."""
    hands = Hands()
    breaker = Breaker(clock=hands)
    for _ in range(FAILURES):
        breaker.leave(breaker.enter(), was_well=False)
    hands.seconds += REST - 1
    assert breaker.enter() is None
    hands.seconds += 1
    assert breaker.state is State.HALF_OPEN
    trial = breaker.enter()
    assert trial.is_trial
    assert breaker.enter() is None
    breaker.leave(trial, was_well=was_well)
    assert breaker.state is after


def test_breaker__a_trial_that_was_not_made_may_be_made_by_another():
    """A trial given back without a verdict leaves the place to the next one."""
    hands = Hands()
    breaker = Breaker(clock=hands)
    breaker.leave_alone(5)
    hands.seconds += 5
    breaker.leave(breaker.enter(), was_well=None)
    assert breaker.state is State.HALF_OPEN
    assert breaker.enter().is_trial


def test_breaker__late_answers_do_not_close_it():
    """A call that began before it opened neither closes it nor takes the trial's place."""
    breaker = Breaker(clock=Hands())
    late = breaker.enter()
    for _ in range(FAILURES):
        breaker.leave(breaker.enter(), was_well=False)
    breaker.leave(late, was_well=True)
    assert breaker.state is State.OPEN


def test_breaker__rests_no_longer_than_an_hour():
    """What a service asks for is bounded."""
    hands = Hands()
    breaker = Breaker(clock=hands)
    breaker.leave_alone(10**9)
    hands.seconds += LONGEST_REST
    assert breaker.state is State.HALF_OPEN


def test_bucket__a_burst_then_a_steady_pace():
    """The burst goes at once, what follows at the pace; after a pause there is a burst again, and no more."""
    hands = Hands()
    bucket = Bucket(4.0, burst=2, clock=hands)
    assert [bucket.take() for _ in range(6)] == [0, 0, 0.25, 0.5, 0.75, 1.0]
    hands.seconds += 1000
    assert [bucket.take() for _ in range(3)] == [0, 0, 0.25]


def test_calls__are_paced():
    """A hundred calls at ten a second take about ten seconds of the clock."""
    hands = Hands()
    found = calls(ScriptedLine(reply(b"x")), hands, per_second=10.0, burst=1)
    for _ in range(101):
        assert asked(found) == b"x"
    assert round(hands.seconds - 1000, 6) == 10.0


@pytest.mark.parametrize("status", [429, 500, 502, 503])
def test_calls__busy_ones_are_tried_again(status):
    """429 and 5xx are tried again after a growing pause, and answered if the service comes to itself."""
    hands = Hands()
    line = ScriptedLine(reply(status=status), reply(status=status), reply(b"x"))
    assert asked(calls(line, hands)) == b"x"
    assert 0.25 <= hands.slept[0] <= 0.75
    assert 0.5 <= hands.slept[1] <= 1.5


def test_calls__busy_for_good_is_given_up():
    """After three tries the call is without an answer, and each try counted for the day."""
    days = MemoryDays()
    assert asked(calls(ScriptedLine(reply(status=503)), Hands(), days=days)) is Reason.BUSY
    assert days.counted["svc", "2026-11-26"] == TRIES


@pytest.mark.parametrize("reason", [Reason.TIMEOUT, Reason.UNREACHABLE, Reason.REFUSED, Reason.MALFORMED])
def test_calls__nothing_else_is_tried_again(reason):
    """What another try would not help is given up at once."""
    line = ScriptedLine(Unanswered(reason))
    assert asked(calls(line, Hands())) is reason
    assert len(line.seen) == 1


def test_calls__what_the_answer_calls_passing_is_tried_again():
    """A reader may say that an answer with status 200 means busy."""
    seen = []

    def read(got):
        seen.append(got)
        if len(seen) < 3:
            raise Unanswered(Reason.BUSY, is_passing=True)
        return got.body

    assert calls(ScriptedLine(reply(b"x")), Hands()).get("http://x/", headers=dict, read=read) == b"x"


def test_calls__retry_after_is_honored():
    """A short wait that the service asks for is waited, exactly."""
    hands = Hands()
    line = ScriptedLine(reply(status=429, retry_after="3"), reply(b"x"))
    assert asked(calls(line, hands)) == b"x"
    assert hands.slept == [3.0]


def test_calls__a_long_retry_after_leaves_the_service_alone():
    """A long wait is not waited: nothing is asked until it is over, then one call decides."""
    hands = Hands()
    line = ScriptedLine(reply(status=503, retry_after=f"{PATIENCE + 100:.0f}"), reply(b"x"))
    found = calls(line, hands)
    assert asked(found) is Reason.BUSY
    assert asked(found) is Reason.SERVICE_DOWN
    assert (len(line.seen), hands.slept) == (1, [])
    hands.seconds += PATIENCE + 100
    assert asked(found) == b"x"
    assert found.breaker.state is State.CLOSED


def test_calls__a_service_that_is_down_is_left_alone():
    """After five failures no call is made for a minute; the first one after it is a trial."""
    hands = Hands()
    line = ScriptedLine(BROKEN)
    found = calls(line, hands)
    assert [asked(found) for _ in range(8)] == [Reason.UNREACHABLE] * 5 + [Reason.SERVICE_DOWN] * 3
    assert len(line.seen) == FAILURES
    hands.seconds += REST
    assert asked(found) is Reason.UNREACHABLE
    assert asked(found) is Reason.SERVICE_DOWN
    line.answers = [reply(b"x")]
    hands.seconds += REST
    assert [asked(found), asked(found)] == [b"x", b"x"]


def test_calls__a_day_has_its_limit():
    """Beyond the day's calls none is made, and the breaker stays closed; the next day goes on."""
    hands, days = Hands(), MemoryDays()
    line = ScriptedLine(reply(b"x"))
    found = calls(line, hands, days=days, per_day=2)
    assert [asked(found) for _ in range(4)] == [b"x", b"x", Reason.DAILY_LIMIT, Reason.DAILY_LIMIT]
    assert (len(line.seen), found.breaker.state) == (2, State.CLOSED)
    hands.seconds += 31  # past midnight, UTC
    assert asked(found) == b"x"
    assert dict(days.counted) == {("svc", "2026-11-26"): 2, ("svc", "2026-11-27"): 1}


def test_calls__headers_are_made_for_each_try():
    """A signature is good for one request alone."""
    line = ScriptedLine(reply(status=500), reply(b"x"))
    numbers = iter(range(10))
    calls(line, Hands()).get("http://x/", headers=lambda: {"N": str(next(numbers))}, read=lambda got: got.body)
    assert [headers["N"] for _, headers in line.seen] == ["0", "1"]


def test_calls__nothing_is_begun_once_nobody_wants_it():
    """A call whose job was cancelled meanwhile is not made, or not tried again, and says nothing about the service."""
    stop, hands = threading.Event(), Hands()
    line = ScriptedLine(reply(status=500))
    found = calls(line, hands)

    def read(got):
        raise AssertionError(got)

    def headers():
        stop.set()
        return {}

    for seen in (1, 1):
        with pytest.raises(Unanswered):
            found.get("http://x/", headers=headers, read=read, stop=stop)
        assert len(line.seen) == seen
    assert found.breaker.state is State.CLOSED


def test_calls__have_limits_of_time_and_size():
    """A whole call may take five seconds and a mebibyte."""
    line = ScriptedLine(reply(b"x"))
    asked(calls(line, Hands()))
    assert line.limits == [(5.0, 1024 * 1024)]


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        (None, None),
        ("", None),
        ("0", 0.0),
        ("120", 120.0),
        (" 7 ", 7.0),
        ("9" * 5000, 999999999.0),
        ("soon", None),
        ("-5", None),
        ("Fri, 27 Nov 2026 00:00:00 GMT", 30.0),
        ("Thu, 26 Nov 2026 00:00:00 GMT", 0.0),
        ("Fri, 27 Nov 2026 00:00:00 -0000", 30.0),
    ],
)
def test_retry_after__both_forms(text, seconds):
    """Seconds or a date; what does not read asks for nothing."""
    assert retry_after(text, now=NOW) == seconds
