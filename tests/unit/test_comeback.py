"""A worker that listens again asks more than once whether messages are gone: beside new ones it can't tell at first."""

import pytest

from broker import BrokerOptions
from broker.app import BrokerUnavailable
from workers import comeback
from workers.comeback import LOOKS, SETTLE, Comeback


class Books:
    """A ledger that counts messages as lost once the line is shorter than what it has queued."""

    def __init__(self):
        self.queued, self.asked = 0, []

    def oldest_claimable(self, queue):
        assert queue == "parsing"
        return 5.0 if self.queued else None

    def resend_lost(self, depths, *, older_than):
        assert older_than == SETTLE
        self.asked.append(dict(depths))
        return max(0, self.queued - depths["parsing"])

    def take_due(self, *, limit):
        assert limit >= 1000
        return ["lost"]


@pytest.fixture
def world(monkeypatch):
    """Clock, depth of the line, ledger, what was sent, and the one who looks."""

    class World:
        now, depth = 100.0, 0

        def at(self, seconds):
            self.now = 100.0 + seconds
            self.one.look()

    made = World()
    made.books, made.woken = Books(), []

    def depths(_options):
        if made.depth is None:
            raise BrokerUnavailable("away")
        return {"parsing": made.depth}

    monkeypatch.setattr(comeback, "depths", depths)
    monkeypatch.setattr(comeback.time, "monotonic", lambda: made.now)
    options = BrokerOptions(url="memory://", prefix="t")
    made.one = Comeback(made.books, options, queue="parsing", wake=made.woken.extend)
    return made


def test_looks__do_not_begin_before_the_worker_listens(world):
    """Without a word that it does there is nothing to ask."""
    for seconds in range(100):
        world.at(seconds)
    assert world.books.asked == []


def test_looks__come_at_their_times_and_then_end(world):
    """Each once, however often the dispatcher goes its round."""
    world.one.listening()
    world.books.queued = world.depth = 3
    times = []
    for tenth in range(1000):
        before = len(world.books.asked)
        world.at(tenth / 10)
        times += [tenth / 10] * (len(world.books.asked) - before)
    assert times == list(LOOKS)
    assert world.woken == []


def test_looks__do_not_ask_the_broker_where_nothing_is_queued(world):
    """A broker is asked by a connection of its own, which costs a hundred times as much as the look into the ledger."""
    world.one.listening()
    world.depth = 3
    for seconds in range(100):
        world.at(seconds)
    assert world.books.asked == []


def test_lost_messages__that_new_ones_hide_are_found_by_a_later_look(world):
    """Eight of ten are gone and eight new ones stand there: only when these are done the line is too short."""
    world.one.listening()
    world.books.queued, world.depth = 10, 10
    world.at(SETTLE)
    assert world.woken == []
    world.books.queued, world.depth = 8, 0
    world.at(LOOKS[1])
    assert world.woken == ["lost"]


def test_broker_that_goes_away_again__is_asked_at_the_next_look_and_from_the_start_when_it_is_back(world):
    """An absent broker costs one look; who listens anew looks as often as the first time."""
    world.one.listening()
    world.depth = None
    world.at(SETTLE)
    world.depth, world.books.queued = 0, 3
    world.at(LOOKS[1])
    assert world.woken == ["lost"]
    world.one.listening()
    world.at(LOOKS[1] + SETTLE)
    assert world.woken == ["lost", "lost"]
