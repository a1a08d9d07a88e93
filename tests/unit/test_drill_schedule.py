"""The drill's schedule and pace: what is broken when follows from the seed, and jobs spread over it."""

import time

import pytest

from drill.faults import FAULTS, collect, named
from drill.schedule import JOBS_PER_ROUND, schedule
from drill.traffic import Pace
from jobs.errors import ConfigurationError

EVERY = (
    "kill-child kill-worker kill-main-only kill-api kill-publisher-between-commit-and-send stop-broker kill-broker "
    "wipe-broker stop-database store-errors full-disk pause-worker stop-pool two-beats deaf-worker rolling-restart "
    "search-engine"
)


def of(seed: int, *, jobs: int = 60, lease: float = 3.0):
    return schedule(tuple(FAULTS), jobs=jobs, seed=seed, lease=lease)


def test_schedule__same_seed_same_schedule():
    """A drill that found something can be repeated."""
    assert of(7) == of(7)


def test_schedule__another_seed_another_order():
    """Seeds find different meetings of faults."""
    assert [one.fault for one in of(1)] != [one.fault for one in of(2)]


def test_schedule__has_every_chosen_fault():
    """No fault is left to chance, and none is injected that was not asked for."""
    assert sorted(one.fault for one in of(3)) == sorted(FAULTS)
    some = schedule(("kill-api", "kill-child"), jobs=10, seed=3, lease=3.0)
    assert sorted(one.fault for one in some) == ["kill-api", "kill-child"]


def test_schedule__order_of_the_names_does_not_matter():
    """`--faults a,b` and `--faults b,a` with one seed are one drill."""
    forth = schedule(("kill-api", "kill-child", "stop-pool"), jobs=10, seed=3, lease=3.0)
    assert forth == schedule(("stop-pool", "kill-child", "kill-api"), jobs=10, seed=3, lease=3.0)


def test_schedule__more_jobs_more_rounds():
    """With more jobs each fault comes again, in an order of that round's own."""
    planned = [one.fault for one in of(3, jobs=2 * JOBS_PER_ROUND)]
    rounds = [planned[start : start + len(FAULTS)] for start in range(0, len(planned), len(FAULTS))]
    assert len(rounds) == 3
    assert all(sorted(one) == sorted(FAULTS) for one in rounds)
    assert rounds[0] != rounds[1]


def test_schedule__a_pause_outlasts_the_lease():
    """A worker is frozen for longer than its lease, whatever that is: else no fence would be tried."""
    for lease in (3.0, 20.0):
        holds = [one.hold for one in of(1, lease=lease) if one.fault == "pause-worker"]
        assert min(holds) > lease + 1


def test_faults__are_those_of_the_issue():
    """Every fault that operators were promised is there, and says what it does and when it has recovered."""
    assert sorted(FAULTS) == sorted(EVERY.split())
    assert all(fault.__doc__ and fault.over for fault in FAULTS.values())


def test_faults__unknown_name_lists_those_that_there_are():
    """A typing error costs one look."""
    with pytest.raises(ConfigurationError, match=r"kill-kindle.*kill-child"):
        named(["kill-kindle"])
    assert named([""]) == tuple(FAULTS)
    assert named(["kill-api", " kill-api "]) == ("kill-api",)


def test_faults__two_of_one_name_are_refused():
    """Presence registers, so a name that is taken has to be said at start."""
    from drill.faults import services

    with pytest.raises(ConfigurationError, match="kill-api"):
        collect([services, services])


def test_pace__gives_no_more_than_its_share():
    """Jobs wait for the faults: a third of them before the first third of the schedule is over, no more."""
    pace = Pace(30)
    assert pace.take() is None
    pace.spread(until=1 / 3, over=0.0)
    time.sleep(0.05)
    assert len(taken(pace)) == 10
    pace.spread(until=1.0, over=0.0)
    time.sleep(0.05)
    assert taken(pace) == list(range(10, 30))
    assert pace.exhausted


def test_pace__extras_count_towards_the_total():
    """Bait is submitted at once, and the others become fewer by it."""
    pace = Pace(10)
    assert [pace.extra(), pace.extra()] == [0, 1]
    pace.spread(until=1.0, over=0.0)
    time.sleep(0.05)
    assert taken(pace) == list(range(2, 10))


def taken(pace: Pace) -> list[int]:
    found = []
    while (number := pace.take()) is not None:
        found.append(number)
    return found
