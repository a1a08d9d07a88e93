"""Two promises at their hardest: poison hurts only itself, and no upload waits for a broker that dies and is wiped."""

import json
import statistics
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import count
from typing import NamedTuple

import httpx
import pytest
from support.house import House
from support.servers import RabbitServer, RedisServer
from support.waiting import wait_until

NEIGHBOURS = 50
CLIENTS = 10
AWAY = 30  # uploads that begin while the broker is away, each time; it comes back once they have their answers
WAITED = 2.0  # seconds, less than a connection's timeout; a busy machine alone may make single ones take longer


def nothing(house: House, name: str, **options: object) -> str:
    """A job that does nothing, or what `options` say; its id."""
    return str(house.submit(name, name.encode(), pipeline="noop", options=json.dumps(options))["id"])


@pytest.mark.pools("parsing")
def test_poison__becomes_a_letter_beside_fifty_good_neighbours(platform: House):
    """A file that kills its child each time is tried twice, then kept as a dead letter; all others of its pool succeed."""
    ids = [nothing(platform, f"before-{n}") for n in range(NEIGHBOURS // 2)]
    poison = nothing(platform, "poison", misbehave="crash")
    ids += [nothing(platform, f"after-{n}") for n in range(NEIGHBOURS - len(ids))]
    assert {platform.wait_ended(job_id, within=120)["status"] for job_id in ids} == {"succeeded"}
    ended = platform.wait_ended(poison, within=120)
    assert (ended["status"], ended["error"]["code"], ended["error"]["actor"]) == ("failed", "step.crashed", "platform")
    attempts = platform.client.get(f"/v1/jobs/{poison}/attempts").json()["items"]
    assert [(one["outcome"], one["signal"]) for one in attempts] == [("failed", 11)] * 2
    assert attempts[1]["memory"] == 2 * attempts[0]["memory"]
    letters = platform.client.get("/v1/dead-letters").json()["items"]
    assert [(one["job_id"], one["error"]["code"]) for one in letters] == [(poison, "step.crashed")]
    assert {platform.job(job_id)["steps"][0]["attempt"] for job_id in ids} == {1}


@pytest.fixture(params=["embedded", "real"])
def broker(request: pytest.FixtureRequest) -> RabbitServer | RedisServer:
    """A broker of this test alone."""
    return request.getfixturevalue("own_rabbit" if request.param == "real" else "redis_server")


def test_uploads__while_the_broker_is_killed_and_wiped(build: Callable[..., House], broker: RabbitServer | RedisServer):
    """Uploads beside a broker that dies, comes back, dies and loses its disk wait for nothing, and each 202 ends."""
    backend = "real" if isinstance(broker, RabbitServer) else "embedded"
    house = build(backend, HEAVYLIFT_BROKER_URL=broker.url, HEAVYLIFT_WORKER_CONCURRENCY="4").start(
        "parsing", "housekeeping"
    )
    told: list[Told] = []
    with ThreadPoolExecutor(CLIENTS) as pool, ending() as over:
        loads = [pool.submit(upload_many, house.base_url, number, told, over) for number in range(CLIENTS)]
        wait_until(lambda: len(told) >= 5 * CLIENTS, within=60, what="the first uploads")
        broker.kill()
        while_away = answered_without(told)
        broker.start()
        time.sleep(1)
        broker.kill()
        broker.wipe()
        while_away += answered_without(told)
        broker.start()
        over.set()
        for load in loads:
            load.result(300)
    assert statistics.median(while_away) < WAITED, sorted(while_away)
    assert len({one.job_id for one in told}) == len(told)
    for one in told:
        assert house.wait_ended(one.job_id, within=240)["status"] == "succeeded"


class Told(NamedTuple):
    """One 202: when the upload began and what it took, monotonic seconds."""

    job_id: str
    began: float
    took: float


def answered_without(told: list[Told]) -> list[float]:
    """Wait for as many answers as are wanted to uploads that began from now on; what each took."""
    since = time.monotonic()

    def took() -> list[float]:
        return [one.took for one in list(told) if one.began >= since]

    wait_until(lambda: len(took()) >= AWAY, within=60, what="uploads while the broker is away")
    return took()


@contextmanager
def ending() -> Iterator[threading.Event]:
    """An event that is set at the end in any case, so that no thread goes on."""
    over = threading.Event()
    try:
        yield over
    finally:
        over.set()


def upload_many(url: str, client: int, told: list[Told], over: threading.Event) -> None:
    """One client's uploads, ten a second at most: more than are worked off, so that the broker has some to lose."""
    with httpx.Client(base_url=url, timeout=60) as http:
        for number in count():
            name = f"{client}-{number}"
            began = time.monotonic()
            answer = http.post("/v1/jobs", params={"filename": name, "pipeline": "noop"}, content=name.encode())
            took = time.monotonic() - began
            assert answer.status_code == 202, answer.text
            told.append(Told(answer.json()["id"], began, took))
            if over.wait(0.1):
                return
