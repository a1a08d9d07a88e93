"""RabbitMQ closes a channel whose message was not acknowledged in time: the job still ends once, and the worker goes on."""

import json
from collections.abc import Callable, Iterator

import pytest
from support.house import House
from support.servers import MissingBinary, RabbitServer
from support.waiting import wait_until

PATIENCE_MS = 4_000  # of the broker; production's is above the longest step
LASTS = 14.0  # seconds of the step: past the patience, and the tick in which the broker looks


@pytest.fixture(scope="module")
def impatient() -> Iterator[RabbitServer]:
    try:
        server = RabbitServer(consumer_timeout=PATIENCE_MS)
    except MissingBinary as absent:
        pytest.skip(f"no RabbitMQ of our own: {absent}")
    # Its configuration file does not know this one in every release.
    server.env["RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS"] += " -rabbit channel_tick_interval 1000"
    yield server.start()
    server.close()


def test_consumer_timeout__ends_no_worker_for_good(build: Callable[..., House], impatient: RabbitServer):
    """A step that outlasts the broker's patience is committed once, and its worker, same process, takes the next job."""
    house = build("real", HEAVYLIFT_BROKER_URL=impatient.url).start("parsing")
    worker = house.pools["parsing"]
    pid = worker.pid
    job = house.submit("long", b"x", pipeline="noop", options=json.dumps({"seconds": LASTS}))
    ended = house.wait_ended(job["id"], within=120)
    assert ended["status"] == "succeeded", house.tails()
    wait_until(lambda: "worker.ended_by_itself" in worker.logs(), within=60, what="the broker to lose its patience")
    after = house.submit("short", b"y", pipeline="noop")
    assert house.wait_ended(after["id"], within=60)["status"] == "succeeded"
    assert (worker.running, worker.pid) == (True, pid)
    attempts = house.client.get(f"/v1/jobs/{job['id']}/attempts").json()["items"]
    assert [one["outcome"] for one in attempts].count("succeeded") == 1
