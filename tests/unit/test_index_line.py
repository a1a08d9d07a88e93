"""The line before the index writer: long ones go on however many there are, short ones do not wait for all of them."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from support.search_faults import Facts, FaultyEngine, places
from support.waiting import holds_for, wait_until

from jobs.errors import Cancelled
from search.port import EngineError
from workers.indexing import JobIndex, Writer, job_index
from workers.indexing.line import MOST, Line, Places, Waiting


class Desk:
    """A writer whose commits take as long as a test says."""

    def __init__(self, *names: str) -> None:
        self.engine = FaultyEngine()
        self.writer = Writer(lambda: self.engine, Facts(**dict.fromkeys(names, 1)), shared=True)

    def index(self, job_id: str, wanted: Places, stop: threading.Event | None = None) -> None:
        """What an indexing step does."""
        JobIndex(
            self.writer.put, job_id=job_id, stop=stop or threading.Event(), moved=self.writer.moved, owe=self.writer.owe
        ).index(wanted)


@pytest.fixture
def make() -> Iterator[Callable[..., Desk]]:
    """Desks, closed at the end."""
    made: list[Desk] = []

    def desk(*names: str) -> Desk:
        made.append(Desk(*names))
        return made[-1]

    yield desk
    for one in made:
        one.writer.close()


def test_port__waits_as_long_as_the_line_moves(make, monkeypatch):
    """Who stands behind many long commits gets its turn, and each is made once, though all together take far too long."""
    monkeypatch.setattr(job_index, "PATIENCE", 1.0)
    names = [f"job{n}" for n in range(8)]
    desk = make(*names)
    desk.engine.fault = lambda _number, _changes: time.sleep(0.4)
    desk.writer.start()
    with ThreadPoolExecutor(len(names)) as steps:
        list(steps.map(lambda name: desk.index(name, places(MOST + 1)), names))
    assert sorted(desk.engine.commits) == [[name] for name in names]


def test_port__gives_up_where_nothing_moves_and_leaves_the_line(make, monkeypatch):
    """An engine that hangs is told in time, and what waited behind it is not written for nobody afterwards."""
    monkeypatch.setattr(job_index, "PATIENCE", 0.3)
    desk, go_on = make("a", "b"), threading.Event()
    desk.engine.fault = lambda number, _changes: number > 1 or go_on.wait(30)
    desk.writer.start()
    hanging = desk.writer.put("a", places(1))
    wait_until(lambda: desk.engine.tried, within=10, what="the commit to begin")
    with pytest.raises(EngineError, match="in time"):
        desk.index("b", places(2))
    go_on.set()
    assert hanging.result(10) == 1
    assert holds_for(lambda: desk.engine.commits == [["a"]], seconds=0.3)


def test_port__joins_what_is_being_written_for_it(make, monkeypatch):
    """A step that gave up on a long commit and is run again waits for that one, and does not have it made once more."""
    monkeypatch.setattr(job_index, "PATIENCE", 0.3)
    desk, go_on = make("a"), threading.Event()
    desk.engine.fault = lambda _number, _changes: go_on.wait(30)
    desk.writer.start()
    with pytest.raises(EngineError, match="in time"):
        desk.index("a", places(5))
    with ThreadPoolExecutor(1) as steps:
        again = steps.submit(desk.index, "a", places(5))
        other = desk.writer.put("a", places(6))  # which is something else
        go_on.set()
        again.result(10)
    assert other.result(10) == 1
    assert desk.engine.commits == [["a"], ["a"]]
    assert desk.engine.held() == {"a": (1, 6)}


def test_port__that_joined_is_told_when_the_other_run_gives_up(make):
    """Two runs of a step that share a turn, of which one is cancelled: the other is tried again, and does not hang."""
    desk, stop = make("a", "b"), threading.Event()
    begun, go_on = threading.Event(), threading.Event()

    def hang(_number: int, _changes: object) -> None:
        begun.set()
        assert go_on.wait(30)

    desk.engine.fault = hang
    desk.writer.start()
    desk.writer.put("b", places(1))
    assert begun.wait(10)
    with ThreadPoolExecutor(2) as steps:
        former = steps.submit(desk.index, "a", places(3), stop)
        wait_until(lambda: desk.writer._line._waiting, within=10, what="the first run to stand in line")
        later = steps.submit(desk.index, "a", places(3))
        settled = holds_for(lambda: not later.done(), seconds=0.2)
        stop.set()
        with pytest.raises(Cancelled):
            former.result(10)
        with pytest.raises(EngineError, match="in the end"):
            later.result(10)
        go_on.set()
    assert settled


def test_line__lets_short_ones_go_before_a_long_one_once():
    """Whoever needs little waits for one long commit at most, and the long ones have their turns in between."""
    line = Line()
    line.add([_waiting(name, size) for name, size in (("L1", MOST), ("s1", 10), ("L2", MOST), ("s2", 10))])
    assert _taken(line) == ["s1", "s2"]
    line.add([_waiting("s3", 10)])
    assert _taken(line) == ["L1"]
    assert _taken(line) == ["s3"]
    line.add([_waiting("s4", 10)])
    assert _taken(line) == ["L2"]
    assert _taken(line) == ["s4"]


def test_line__keeps_the_order_of_one_job():
    """What came later for a job counts, so it does not go before what came earlier and is long."""
    line = Line()
    line.add([_waiting(name, size) for name, size in (("a", MOST), ("a", 10), ("b", 10), ("a", 5))])
    assert _taken(line) == ["b"]
    assert _taken(line) == ["a"]
    assert [one.documents for one in line.take()] == [11, 6]


def test_line__leaves_out_who_has_gone():
    """A future that was cancelled is not taken; one that is taken can't be cancelled any more."""
    line = Line()
    futures = line.add([_waiting(name, 10) for name in ("a", "b")])
    assert futures[0].cancel()
    assert _taken(line) == ["b"]
    assert not futures[1].cancel()
    line.close()
    assert line.take() == []
    with pytest.raises(EngineError):
        line.add([_waiting("c", 1)])


def _waiting(job_id: str, size: int) -> Waiting:
    return Waiting(job_id, places(size))


def _taken(line: Line) -> list[str]:
    return [one.job_id for one in line.take()]
