"""Processes are killed, the broker and the database go away: every job that got its 202 ends."""

import signal
import time
from collections.abc import Callable

import psutil
import pytest
from reference import LIST_ARTIFACTS
from support.children import Child
from support.house import LARGE, House
from support.interventions import freeze, options_of, purge, settle, sweep, wait_sent
from support.servers import PostgresServer
from support.waiting import PATIENCE, wait_until

from bench.files import parts_list
from broker import depths
from drill.faults.workers import below

pytestmark = pytest.mark.pools("parsing", "indexing")  # the others would cost seconds, and have no part in this


def small() -> bytes:
    """A parts list unlike any other."""
    return parts_list(3_000)


@pytest.fixture(scope="module")
def large() -> bytes:
    return parts_list(LARGE)


def test_kill_worker__its_step_is_run_again(platform: House, large: bytes):
    """A worker killed in the middle of a step loses its lease; another attempt succeeds, once."""
    job = platform.submit("large.xml", large)
    platform.wait_status(job["id"], "running")
    platform.pools["parsing"].kill()
    platform.pools["parsing"].restart()
    ended = platform.wait_ended(job["id"], within=90)
    assert ended["status"] == "succeeded", ended
    assert ended["steps"][0]["attempt"] == 2
    names = ["records.parquet" if name == "records.jsonl" else name for name in LIST_ARTIFACTS]  # it is so long
    assert sorted(a["name"] for a in ended["artifacts"]) == names


@pytest.mark.parametrize("platform", ["embedded"], indirect=True)
def test_stopped_worker__is_fenced_out(platform: House, large: bytes):
    """A worker frozen past its lease changes nothing when it wakes: the second attempt's result stands."""
    job = platform.submit("large.xml", large)
    platform.wait_status(job["id"], "running")
    frozen = platform.pools["parsing"]
    freeze(platform, frozen)
    other = platform.worker("parsing", name="second").start()
    other.wait_ready(within=60)
    ended = platform.wait_ended(job["id"], within=90)
    assert (ended["status"], ended["steps"][0]["attempt"]) == ("succeeded", 2)
    frozen.send(signal.SIGCONT)
    settle(2)  # a broken fence would show
    assert platform.job(job["id"])["version"] == ended["version"]


@pytest.mark.parametrize("platform", ["embedded"], indirect=True)
def test_sigterm__gives_a_long_step_back(platform: House):
    """A worker told to end gives back what does not end in its grace, without charging an attempt."""
    job = platform.submit_idle()
    platform.wait_status(job["id"], "running")
    platform.pools["parsing"].ask_to_end()
    assert platform.pools["parsing"].wait_exit(within=15) == 0
    step = platform.job(job["id"])["steps"][0]
    assert (step["status"], step["attempt"]) == ("queued", 0)
    assert platform.client.post(f"/v1/jobs/{job['id']}/cancel").status_code == 202


@pytest.mark.parametrize("platform", ["embedded"], indirect=True)
def test_cancel__kills_a_running_step(platform: House):
    """Cancel ends the job at once and kills its child; the pool goes on."""
    job = platform.submit_idle(native=True)
    platform.wait_status(job["id"], "running")
    scratch = platform.data_dir / "scratch"
    wait_until(lambda: any(scratch.iterdir()), within=10, what="the step's folder")
    cancelled = platform.client.post(f"/v1/jobs/{job['id']}/cancel").json()
    assert cancelled["status"] == "cancelled"
    wait_until(lambda: not any(scratch.iterdir()), within=6, what="the child to be gone and its folder with it")
    assert platform.wait_ended(platform.submit("next.xml", small())["id"])["status"] == "succeeded"


@pytest.mark.parametrize("platform", ["embedded"], indirect=True)
def test_broker_away__submits_go_on(platform: House):
    """While the broker is dead every submit gets its 202 quickly, and every job ends once it is back."""
    assert platform.redis is not None
    platform.wait_ended(platform.submit("warm.xml", small())["id"])
    platform.redis.kill()
    began = time.monotonic()
    jobs = [platform.submit(f"{n}.xml", small())["id"] for n in range(10)]
    assert time.monotonic() - began < 10 * PATIENCE
    assert platform.client.get("/ready").status_code == 200
    platform.redis.start()
    assert {platform.wait_ended(job, within=60)["status"] for job in jobs} == {"succeeded"}


@pytest.mark.pools("parsing", "indexing", "housekeeping")
def test_wiped_broker__lost_messages_are_sent_again(platform: House):
    """Messages that the broker lost are found by comparing it with the ledger, and sent again."""
    platform.pools["parsing"].stop()
    jobs = [platform.submit(f"{n}.xml", small())["id"] for n in range(5)]
    wait_sent(platform)
    assert purge(platform, "parsing") == 5

    def all_there() -> bool:
        sweep(platform, "housekeeping.lost_messages")
        return depths(options_of(platform))["parsing"] == 5

    wait_until(all_there, within=60, every=1.0, what="the lost messages to be sent again")
    platform.pools["parsing"].start().wait_ready(within=60)
    assert {platform.wait_ended(job)["status"] for job in jobs} == {"succeeded"}


@pytest.mark.parametrize("backend", ["embedded", "real"])
def test_wiped_broker__is_noticed_by_who_listens_again(build: Callable[..., House], backend: str):
    """A worker that (again) listens to its line compares it with the ledger at once; nobody waits for the clock."""
    house = build(backend, HEAVYLIFT_WORKER_LOST_AFTER="600").start("parsing", "indexing")
    house.pools["parsing"].stop()
    jobs = [house.submit(f"{n}.xml", small())["id"] for n in range(5)]
    wait_sent(house)
    assert purge(house, "parsing") == 5
    house.pools["parsing"].start().wait_ready(within=60)
    assert {house.wait_ended(job)["status"] for job in jobs} == {"succeeded"}


@pytest.mark.parametrize("platform", ["embedded"], indirect=True)
def test_kill_api__after_the_commit(platform: House):
    """Jobs whose API died before it could send their messages are sent by the workers' dispatchers."""
    assert platform.redis is not None
    platform.redis.kill()  # so that nothing can be sent
    jobs = [platform.submit(f"{n}.xml", small())["id"] for n in range(5)]
    platform.api.kill()
    platform.redis.start()
    platform.api.restart()
    assert {platform.wait_ended(job, within=60)["status"] for job in jobs} == {"succeeded"}


def test_database_away__says_so_and_comes_back(build: Callable[..., House], own_postgres: PostgresServer, large: bytes):
    """While PostgreSQL is down the API answers 503 with Retry-After; jobs that ran go on once it is back.

    A step that ran all the while, past its lease, is neither taken from its worker nor charged with an attempt.
    """
    lease = 4.0
    rhythm = {"LEASE": str(lease), "HEARTBEAT": "1", "CANCEL_POLL": "1", "DISPATCH_EVERY": "0.1"}  # sweeps look first
    settings = {f"HEAVYLIFT_WORKER_{name}": value for name, value in rhythm.items()}
    house = build("real", HEAVYLIFT_LEDGER_URL=own_postgres.url, **settings).start("parsing", "indexing")
    first = house.submit("a.xml", small())
    house.wait_ended(first["id"])
    running = house.submit("large.xml", large)
    child = wait_until(lambda: children_of(house.pools["parsing"]), within=30, what="the step's child", every=0.01)[0]
    child.suspend()  # so that it is not done before
    own_postgres.stop()
    settle(1.2 * lease)
    answer = house.client.get(f"/v1/jobs/{first['id']}")
    assert (answer.status_code, answer.json()["code"]) == (503, "ledger.unavailable")
    assert int(answer.headers["retry-after"]) > 0
    refused = house.client.post("/v1/jobs", params={"filename": "b.xml"}, content=small())
    assert refused.status_code == 503
    assert house.client.get("/ready").status_code == 503
    assert house.client.get("/health").status_code == 200
    own_postgres.start()
    again = wait_until(lambda: _try_submit(house), within=30, every=0.5, what="the API to find its database again")
    settle(lease / 2)  # in which whoever took leases for over would have taken the step
    child.resume()
    ended = [house.wait_ended(job["id"], within=60) for job in (again, running)]
    assert [(job["status"], job["steps"][0]["attempt"]) for job in ended] == [("succeeded", 1)] * 2


def children_of(worker: Child) -> list[psutil.Process]:
    """The sandbox children in which the worker's steps run."""
    return below(worker.pid)[1]


def _try_submit(house: House) -> dict | None:
    answer = house.client.post("/v1/jobs", params={"filename": "c.xml"}, content=small())
    return answer.json() if answer.status_code == 202 else None
