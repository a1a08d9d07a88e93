"""What happens when an engine fails or hangs: an answer from the ledger in time, a breaker, threads that do not pile up."""

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.search_desk import Broken, SearchDesk, row, search_desk
from support.waiting import wait_until

from search.breaker import FAILURES, THREADS, Breaker, Line, Unanswered
from search.memory import MemoryEngine
from search.port import Asked, EngineError, Found
from search.questions import MalformedCursor


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def engine() -> Broken:
    return Broken()


@pytest.fixture
def desk(request: pytest.FixtureRequest, tmp_path: Path, engine: Broken, clock: Clock) -> Iterator[SearchDesk]:
    patience = 0.2 if "stuck" in request.fixturenames else 20.0  # a busy machine is no slow engine
    with search_desk(tmp_path, engine=engine, clock=clock, patience=patience) as made:
        yield made


def raises(error):
    def fault():
        raise error

    return fault


@pytest.fixture
def stuck(engine: Broken) -> Iterator[threading.Event]:
    """The engine hangs until the event is set."""
    go_on = threading.Event()
    engine.fault = go_on.wait
    yield go_on
    go_on.set()


@pytest.mark.parametrize("error", [EngineError("gone"), OSError("disk"), KeyError("defect")])
def test_degraded__an_engine_that_raises(desk, engine, error):
    """Whatever the engine raises: jobs come from the ledger by parts of their names, and the answer says so."""
    job = desk.submit("falcon.xml", tags=["urgent"])
    desk.index(job, row(1, "Brick"))
    engine.fault = raises(error)
    found = desk.find("alco", facet="kind")
    assert [(hit["job_id"], hit["place"]) for hit in found["items"]] == [(job, "file")]
    assert (found["degraded"], found["total"], found["facets"]) == (True, None, {})
    assert desk.find("brick")["items"] == []
    assert desk.find("urg")["items"][0]["job_id"] == job


def test_degraded__means_filters_and_fields_as_far_as_files_have_them(desk, engine):
    """Filters, numbers, -not and fields of files count; what is asked of rows has no answer without the index."""
    job, other = desk.submit("falcon red.xml", tags=["new"]), desk.submit("falcon.xml")
    engine.fault = raises(EngineError("gone"))
    assert desk.places("falcon") == [(other, "file"), (job, "file")]
    assert desk.places("falcon -red") == desk.places("-tag:new") == [(other, "file")]
    assert desk.places(tag="NEW") == desk.places("name:RED") == desk.places("tag:ne") == [(job, "file")]
    assert desk.places("falcon kind:bricklink status:queued size:>1")
    assert not desk.places("falcon", size_max=1)
    assert not desk.places("tag:falcon")
    assert not desk.places("falcon part:3001")
    assert not desk.places("falcon", color="red")


def test_degraded__pages_follow_each_other(desk, engine):
    """Its pages neither repeat nor skip, and go on in the ledger when the index is back; the index's pages end."""
    jobs = [desk.submit(f"falcon {n}.xml") for n in range(5)]
    desk.catch_up()
    of_index = desk.find("falcon", limit=2)["next_cursor"]
    engine.fault = raises(EngineError("gone"))
    first = desk.find("falcon", limit=2)
    engine.fault = lambda: None
    second = desk.find("falcon", limit=2, cursor=first["next_cursor"])
    third = desk.find("falcon", limit=2, cursor=second["next_cursor"])
    seen = [hit["job_id"] for page in (first, second, third) for hit in page["items"]]
    assert seen == jobs[::-1]
    assert (third["next_cursor"], third["degraded"]) == (None, True)
    engine.fault = raises(EngineError("gone"))
    ended = desk.find("falcon", limit=2, cursor=of_index)
    assert (ended["items"], ended["next_cursor"], ended["degraded"]) == ([], None, True)


def test_degraded__suggestions_and_look_alikes(desk, engine):
    """Names and tags still go on; look-alikes by text are none, and no failure."""
    job = desk.submit("falcon.xml", tags=["fast"])
    engine.fault = raises(EngineError("gone"))
    found = desk.find("fa", path="/v1/suggest")
    assert {one["text"] for one in found["items"]} == {"falcon.xml", "fast"}
    assert found["degraded"] is True
    assert desk.find(path=f"/v1/jobs/{job}/similar")["items"] == []


def test_malformed__passes_and_is_no_failure(desk, engine):
    """A cursor that the engine refuses is a 400, however often, and leaves the breaker closed."""
    engine.fault = raises(MalformedCursor("not ours"))
    for _ in range(FAILURES + 1):
        assert desk.ask("a", cursor="abc").json()["code"] == "search.cursor"
    assert not desk.breaker.open


def test_breaker__opens_rests_and_closes(desk, engine, clock):
    """After some failures nobody asks the engine; after its rest one does, and with its answer all do again."""
    desk.submit("falcon.xml")
    desk.catch_up()
    engine.fault = raises(EngineError("gone"))
    assert all(desk.find("falcon")["degraded"] for _ in range(FAILURES + 3))
    assert engine.asked == FAILURES
    assert "heavylift_search_breaker_open 1.0" in desk.caller.get("/metrics").text.splitlines()
    assert desk.caller.get("/ready").json()["dependencies"]["search"]["status"] == "degraded"
    clock.now += 5
    assert desk.find("falcon")["degraded"]
    assert desk.find("falcon")["degraded"]
    assert engine.asked == FAILURES + 1
    engine.fault = lambda: None
    assert desk.find("falcon")["degraded"]
    clock.now += 5
    assert [desk.find("falcon")["degraded"] for _ in range(3)] == [False] * 3


def test_stuck__costs_a_moment_and_few_threads(desk, engine, clock, stuck):
    """An engine that hangs is answered past in time; however many ask, it holds a few threads, and is asked again later."""
    job = desk.submit("falcon.xml")
    for _ in range(2 * THREADS):
        assert [hit["job_id"] for hit in desk.find("falcon")["items"]] == [job]
        clock.now += 6
    assert engine.asked == THREADS
    assert sum(thread.name == "search" for thread in threading.enumerate()) <= THREADS
    stuck.set()
    wait_until(lambda: desk.find("falcon", cursor="")["degraded"] is False or clock_on(clock), within=10, what="it")


def clock_on(clock: Clock) -> None:
    clock.now += 6


def test_stuck__many_at_once(desk, engine, stuck):
    """Ten who ask together while the engine hangs all get their answers from the ledger."""
    desk.submit("falcon.xml")
    asked = [lambda: desk.caller.http.get("/v1/search", params={"q": "falcon"}) for _ in range(10)]
    found = [answer.json() for answer in desk.caller.together(*asked)]
    assert [(one["degraded"], len(one["items"])) for one in found] == [(True, 1)] * 10
    assert engine.asked <= THREADS


def test_line__an_answer_that_comes_too_late_is_dropped():
    """What the engine says after nobody waits counts neither as an answer nor as its recovery."""
    breaker, go_on, behind = Breaker(failures=1), threading.Event(), threading.Event()
    line = Line(breaker=breaker, patience=0.1)

    def work(ask):
        try:
            ask(go_on.wait)
        finally:
            behind.set()

    with pytest.raises(Unanswered, match="slow"):
        line.wait(work)
    go_on.set()
    assert behind.wait(10)
    assert breaker.open
    line.close()


def asked_of(line, work):
    """From the event loop, as requests do."""
    return asyncio.run(line.asked(work))


@pytest.mark.parametrize("ask_line", [Line.wait, asked_of])
def test_line__our_own_work_may_take_longer(ask_line):
    """Patience is with the engine alone: what is left to do after its answer is waited for."""
    line = Line(patience=0.05)
    slow = threading.Event()

    def work(ask):
        found = ask(lambda: 1)
        slow.wait(0.2)
        return found + 1

    assert ask_line(line, work) == 2
    assert not line.breaker.open
    line.close()


@pytest.mark.parametrize("ask_line", [Line.wait, asked_of])
def test_line__errors_of_our_own_work_pass(ask_line):
    """What the ledger raises is its own answer, and no failure of the engine."""
    line = Line(breaker=Breaker(failures=1))
    with pytest.raises(TimeoutError):
        ask_line(line, lambda _ask: (_ for _ in ()).throw(TimeoutError("the ledger's")))
    assert not line.breaker.open
    line.close()


def test_line__whoever_goes_away_leaves_nothing_behind():
    """A request that ends before its answer: neither the engine nor the next question learns of it."""
    line, go_on, ended = Line(patience=20), threading.Event(), threading.Event()

    async def left() -> int:
        begun = asyncio.create_task(line.asked(lambda ask: (ask(go_on.wait), ended.set())))
        await asyncio.sleep(0.05)
        begun.cancel()
        with pytest.raises(asyncio.CancelledError):
            await begun
        go_on.set()
        return await line.asked(lambda ask: ask(lambda: 1))

    assert asyncio.run(left()) == 1
    assert ended.wait(10)
    go_on.clear()
    with pytest.raises(TimeoutError):  # the loop ends, and with it who would be told
        asyncio.run(asyncio.wait_for(line.asked(lambda ask: ask(go_on.wait)), 0.05))
    go_on.set()
    assert line.wait(lambda ask: ask(lambda: 2)) == 2
    assert not line.breaker.open
    line.close()


class Told(MemoryEngine):
    """Notes whose questions it was asked; the first ones go wrong."""

    def __init__(self, *, failures: int = 0) -> None:
        super().__init__()
        self.failures, self.owners = failures, []

    def find(self, asked: Asked) -> Found:
        self.owners.append(asked.owner)
        if len(self.owners) <= self.failures:
            raise EngineError("gone")
        return super().find(asked)


def test_start__the_engine_is_asked_before_anybody_asks(tmp_path):
    """An API that starts has the engine open its files, with a question that is nobody's."""
    engine = Told()
    with search_desk(tmp_path, engine=engine):
        wait_until(lambda: engine.owners, within=10, what="the first question")
    assert engine.owners == [""]


def test_start__an_engine_that_fails_keeps_nobody_from_starting(tmp_path):
    """The API starts and answers; while the breaker rests the engine is not asked at a start either."""
    engine = Told(failures=FAILURES)
    with search_desk(tmp_path, engine=engine) as desk:
        wait_until(lambda: engine.owners, within=10, what="the first question")
        assert [desk.find("falcon")["degraded"] for _ in range(FAILURES)] == [True] * FAILURES
        assert len(engine.owners) == FAILURES
        search = desk.rooms.app.state.face.search
        with pytest.raises(Unanswered, match="left alone"):
            search.line.begin(lambda ask: ask(engine.stats))
        search.begin()
