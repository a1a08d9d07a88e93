"""When a worker calls itself deaf, and when not."""

import time
from dataclasses import dataclass, field

from workers.deaf import DeafWatch, Hearing, Senses

AFTER = 0.2


@dataclass
class Situation:
    """What a worker senses, and how often it was restarted."""

    silent: float = 99.0
    waited: float | None = 99.0
    ready: int | None = 1
    restarts: list[float] = field(default_factory=list)

    def watch(self, **more: float) -> DeafWatch:
        senses = Senses(silent_for=lambda: self.silent, waited=lambda: self.waited, ready=lambda: self.ready)
        return DeafWatch(senses, after=AFTER, restart=lambda: self.restarts.append(time.monotonic()), **more)


def look_for(watch: DeafWatch, seconds: float) -> None:
    """Look in the dispatcher's way."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        watch.look()
        time.sleep(AFTER / 40)


def test_deaf_watch__restarts_a_deaf_worker():
    """Silence beside waiting work restarts the worker once; the first look only suspects."""
    found = Situation()
    watch = found.watch()
    watch.look()
    assert found.restarts == []
    look_for(watch, 3 * AFTER)
    assert len(found.restarts) == 1


def test_deaf_watch__rests_between_two_restarts():
    """A worker that has just started anew does not do so again before five times the silence has passed."""
    found = Situation()
    look_for(found.watch(restarted_at=time.monotonic()), 2 * AFTER)
    assert found.restarts == []
    look_for(found.watch(restarted_at=time.monotonic() - 5 * AFTER), 2 * AFTER)
    assert len(found.restarts) == 1


def test_deaf_watch__leaves_healthy_workers_alone():
    """Neither messages just now, nor idleness, nor young work, nor an absent broker is deafness."""
    for healthy in (Situation(silent=0.0), Situation(waited=None), Situation(waited=0.0), Situation(ready=None)):
        look_for(healthy.watch(), 2 * AFTER)
        assert healthy.restarts == [], healthy


def test_deaf_watch__takes_longer_where_nothing_stands_ready():
    """Without a message in its line the worker may just miss one that the broker lost, so it waits twice as long."""
    found = Situation(silent=1.9 * AFTER, ready=0)
    look_for(found.watch(), 2 * AFTER)
    assert found.restarts == []
    found.silent = 2 * AFTER
    look_for(found.watch(), 2 * AFTER)
    assert len(found.restarts) == 1


def test_deaf_watch__does_not_hold_a_moment_against_it():
    """Work that waited at one look and was taken by the next was just on its way."""
    found = Situation()
    watch = found.watch()
    for waited in (99.0, None, 99.0, 0.0, 99.0):
        found.waited = waited
        watch.look()
        time.sleep(AFTER / 8)
    assert found.restarts == []


def test_hearing__counts_only_time_in_which_it_could_hear():
    """A worker whose threads are all busy is not silent, and begins to count once one is free again."""
    hearing = Hearing(threads=2)
    time.sleep(0.05)
    assert hearing.silent_for() == 0.0  # it has not begun to listen
    hearing.heard()
    time.sleep(0.05)
    assert hearing.silent_for() >= 0.05
    with hearing.busy():
        assert hearing.silent_for() >= 0.05
        with hearing.busy():
            assert hearing.silent_for() == 0.0
            time.sleep(0.1)
        assert hearing.silent_for() < 0.1
        time.sleep(0.05)
    assert hearing.silent_for() >= 0.05
    hearing.heard()
    assert hearing.silent_for() < 0.05
