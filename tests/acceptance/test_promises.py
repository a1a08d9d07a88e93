"""Two promises at their hardest: poison hurts only itself, and no upload waits for a broker that dies and is wiped."""

import json
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from support.house import House
from support.servers import RabbitServer, RedisServer
from support.waiting import wait_until

NEIGHBOURS = 50
UPLOADS = 500
CLIENTS = 10
# A third of the uploads meet a broker that is away, and each would wait for its connection's timeout at least.
WAITED = 2.0  # seconds; a busy machine alone may make single ones take longer


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
    """Of 500 uploads beside a broker that dies, comes back, dies and loses its disk, each 202 ends, and none waited."""
    backend = "real" if isinstance(broker, RabbitServer) else "embedded"
    house = build(backend, HEAVYLIFT_BROKER_URL=broker.url, HEAVYLIFT_WORKER_CONCURRENCY="4").start(
        "parsing", "housekeeping"
    )
    hurt = threading.Event()
    with ThreadPoolExecutor(CLIENTS) as pool:
        loads = [pool.submit(upload_many, house.base_url, number, hurt) for number in range(CLIENTS)]
        wait_until(hurt.is_set, within=60, what="the first uploads")
        broker.kill()
        time.sleep(1)
        broker.start()
        time.sleep(1)
        broker.kill()
        broker.wipe()
        time.sleep(1)
        broker.start()
        told = [one for load in loads for one in load.result(300)]
    assert len(told) == UPLOADS
    assert sum(seconds > WAITED for _, seconds in told) < UPLOADS / 5
    for job_id, _ in told:
        assert house.wait_ended(job_id, within=240)["status"] == "succeeded"
    house.pools["parsing"].stop()  # nothing runs behind our back any more
    assert len({job_id for job_id, _ in told}) == UPLOADS


def upload_many(url: str, client: int, begun: threading.Event) -> list[tuple[str, float]]:
    """One client's share: the id of each job, and the seconds until its 202."""
    told = []
    with httpx.Client(base_url=url, timeout=60) as http:
        for number in range(UPLOADS // CLIENTS):
            name = f"{client}-{number}"
            began = time.monotonic()
            answer = http.post("/v1/jobs", params={"filename": name, "pipeline": "noop"}, content=name.encode())
            told.append((answer.json()["id"], time.monotonic() - began))
            assert answer.status_code == 202, answer.text
            if number == 5:
                begun.set()
            time.sleep(0.1)  # so that the uploads last as long as the faults do
    return told
