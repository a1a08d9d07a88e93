"""Processes are told to end: each ends or gives back what it holds, and a rolling restart under load loses nothing."""

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress

import httpx
import pytest
from support.children import Child
from support.house import LARGE, House
from support.interventions import ledger_of
from support.waiting import holds_for, wait_until

from bench.files import parts_list
from jobs.queues import QUEUES

Build = Callable[..., House]
LIMIT = 30.0  # seconds in which whoever is told to end has ended where nobody else computes
DRAIN = 8.0  # seconds


class SlowUpload:
    """An upload that stops in the middle until it is told to go on."""

    def __init__(self, house: House, body: bytes) -> None:
        self._house = house
        self._body = body
        self._go_on = threading.Event()
        self.under_way = threading.Event()
        self.answer: httpx.Response | None = None
        self._thread = threading.Thread(target=self._send, name="slow-upload", daemon=True)
        self._thread.start()

    def finish(self) -> httpx.Response | None:
        """Send the rest; the answer, or None where the connection was cut."""
        self._go_on.set()
        self._thread.join(timeout=60)
        return self.answer

    def _send(self) -> None:
        url = f"{self._house.base_url}/v1/jobs"
        length = {"content-length": str(len(self._body))}
        with suppress(httpx.TransportError):
            self.answer = httpx.post(
                url, params={"filename": "a.xml"}, content=self._pieces(), headers=length, timeout=60
            )

    def _pieces(self) -> Iterator[bytes]:
        half = len(self._body) // 2
        yield self._body[:half]
        self.under_way.set()
        self._go_on.wait(60)
        yield self._body[half:]


def test_sigterm__the_api_drains_then_lets_its_uploads_end(build: Build):
    """At SIGTERM the API is not ready but serves, then refuses connections, and an upload under way still gets its 202."""
    house = build("embedded", HEAVYLIFT_API_DRAIN_SECONDS=str(DRAIN), HEAVYLIFT_API_SHUTDOWN_GRACE="20")
    house.start("parsing", "indexing")
    upload = SlowUpload(house, parts_list(400_000))
    assert upload.under_way.wait(60)
    began = time.monotonic()
    house.api.ask_to_end()
    wait_until(lambda: house.client.get("/ready").status_code == 503, within=2, what="the API to be not ready")
    during = house.client.post("/v1/jobs", params={"filename": "b.xml"}, content=parts_list(3_000))
    assert (during.status_code, during.headers["connection"]) == (202, "close")
    assert house.client.get("/ready").json()["status"] == "ending"
    assert house.client.get("/health").status_code == 200
    assert time.monotonic() - began < DRAIN, "too slow to tell: all of this belongs into the drain"
    wait_until(lambda: refuses(house), within=10, what="the listener to close", every=0.1)
    assert house.api.running, "it waits for the upload"
    answer = upload.finish()
    assert answer is not None, "the upload was cut"
    assert answer.status_code == 202, answer.text
    assert house.api.wait_exit(within=LIMIT) == 0
    house.api.restart()
    for job in (answer.json()["id"], during.json()["id"]):
        assert house.wait_ended(job)["status"] == "succeeded"


def test_sigterm__the_api_lets_waiting_clients_go(build: Build):
    """Clients that wait for a job get an answer when the API ends, long before their time is over; then it has ended."""
    house = build("embedded").start("indexing")
    job = house.submit("a.xml", parts_list(3_000))["id"]
    answers: list[httpx.Response] = []
    wait = {"prefer": "wait=60"}
    ask = lambda: answers.append(httpx.get(f"{house.base_url}/v1/jobs/{job}", headers=wait, timeout=60))  # noqa: E731 - one expression
    threads = [threading.Thread(target=ask, daemon=True) for _ in range(5)]
    for thread in threads:
        thread.start()
    waiting = "heavylift_waiting_clients 5.0"
    wait_until(lambda: waiting in house.client.get("/metrics").text, within=20, what="all to wait")
    house.api.ask_to_end()
    assert house.api.wait_exit(within=15) == 0
    for thread in threads:
        thread.join(timeout=10)
    assert [answer.status_code for answer in answers] == [200] * 5


def test_sigterm__an_upload_without_end_does_not_hold_the_api(build: Build):
    """An upload that does not end in the grace is told to come again, leaves no job, and the API has ended soon after."""
    house = build("embedded", HEAVYLIFT_API_DRAIN_SECONDS="1", HEAVYLIFT_API_SHUTDOWN_GRACE="4").start("indexing")
    upload = SlowUpload(house, parts_list(400_000))
    assert upload.under_way.wait(60)
    began = time.monotonic()
    house.api.ask_to_end()
    assert house.api.wait_exit(within=20) == 0
    assert time.monotonic() - began >= 3
    answer = upload.finish()
    assert answer is not None
    assert (answer.status_code, answer.json()["code"]) == (503, "server.ending")
    house.api.restart()
    assert house.client.get("/v1/jobs").json()["items"] == []


@pytest.mark.parametrize("backend", ["embedded", "real"])
def test_sigterm__beat_and_idle_workers_end_at_once(build: Build, backend):
    """Beat and workers that hold nothing do not make anybody wait."""
    house = build(backend).start("housekeeping", "indexing", beat=True)
    wait_until(lambda: "beat: Starting" in house.beat.logs(), within=30, what="beat to keep time")
    for child in (house.beat, house.pools["indexing"], house.pools["housekeeping"]):
        child.ask_to_end()
        assert child.wait_exit(within=10) == 0, child.tail()


@pytest.mark.parametrize("backend", ["embedded", "real"])
def test_sigterm__ends_also_while_broker_and_ledger_are_away(build: Build, backend, request):
    """Beat, an idle worker, and one in a step end in time without broker and ledger; the lease brings the step back."""
    settings = {}
    if backend == "real":
        rabbit, postgres = (request.getfixturevalue(name) for name in ("own_rabbit", "own_postgres"))
        settings = {"HEAVYLIFT_BROKER_URL": rabbit.url, "HEAVYLIFT_LEDGER_URL": postgres.url}
    house = build(backend, **settings).start("parsing", "indexing", beat=True)
    job = house.submit_idle()["id"]
    house.wait_status(job, "running")
    if backend == "real":
        rabbit.kill()
        postgres.stop()
    else:
        house.redis.kill()
    ending = (house.pools["parsing"], house.pools["indexing"], house.beat)
    for child in ending:
        child.ask_to_end()
    assert [child.wait_exit(within=LIMIT) for child in ending] == [0, 0, 0], house.tails()
    (rabbit if backend == "real" else house.redis).start()
    if backend == "real":
        postgres.start()
    house.pools["parsing"].restart()
    house.wait_status(job, "running")
    assert house.client.post(f"/v1/jobs/{job}/cancel").status_code == 202


class Load:
    """Uploads, one after another, for as long as it is told to; refused connections are tried again."""

    def __init__(self, house: House) -> None:
        self.accepted: list[str] = []
        self.others: list[str] = []  # answers that were no 202
        self._house = house
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._submit, args=(n,), daemon=True) for n in range(2)]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Send no more; what is under way ends."""
        self._over.set()
        for thread in self._threads:
            thread.join(timeout=60)

    def _submit(self, thread: int) -> None:
        n = 0
        while not self._over.wait(0.15):
            n += 1
            try:
                answer = httpx.post(
                    f"{self._house.base_url}/v1/jobs",
                    params={"filename": f"{thread}-{n}.xml"},
                    content=parts_list(30_000),
                    timeout=60,
                )
            except httpx.TransportError:
                continue  # the API is away: nothing was accepted
            if answer.status_code == 202:
                self.accepted.append(answer.json()["id"])
            else:
                self.others.append(f"{answer.status_code} {answer.text}")


def in_turn(house: House) -> list[Child]:
    """Every process of the platform, in the order of a rolling restart."""
    return [house.api, *(house.pools[pool] for pool in QUEUES), house.beat]


@pytest.mark.timeout(900)  # nine processes end and start in turn, each in seconds where nobody else computes
@pytest.mark.parametrize("backend", ["embedded", "real"])
def test_rolling_restart__under_load_loses_and_charges_nothing(build: Build, backend):
    """Every process is restarted in turn while uploads come: each accepted job succeeds, each step in one attempt."""
    # Nobody is killed, so nobody's lease has to run out soon; a busy machine's heartbeats may come late.
    house = build(backend, HEAVYLIFT_API_DRAIN_SECONDS="0.5", HEAVYLIFT_WORKER_LEASE="20").start(beat=True)
    wait_until(lambda: "beat: Starting" in house.beat.logs(), within=30, what="beat to keep time")
    load = Load(house)
    big = [house.submit(f"big-{n}.xml", parts_list(LARGE))["id"] for n in range(3)]  # in the middle of a step
    house.wait_status(big[0], "running", "succeeded")
    for child in in_turn(house):
        child.ask_to_end()
        assert child.wait_exit(within=LIMIT) == 0, f"{child.name}\n{child.tail()}"
        if child is house.beat:
            child.start()
            wait_until(lambda: "beat: Starting" in house.beat.logs(), within=30, what="beat to keep time")
        else:
            child.restart(within=90)
    assert holds_for(lambda: not load.others, seconds=1), load.others
    load.stop()
    assert load.others == []
    assert len(load.accepted) > 20
    for job in [*load.accepted, *big]:
        ended = house.wait_ended(job, within=120)
        assert ended["status"] == "succeeded", ended
        assert [step["attempt"] for step in ended["steps"]] == [1, 1], ended
    ledger = ledger_of(house)
    # Rows of messages that a process sent and could not tick off before it ended are sent once more, and then go.
    wait_until(lambda: ledger.counts().unsent == 0, within=30, what="the outbox to be empty")
    ledger.close()


def refuses(house: House) -> bool:
    """Whether the API takes no new connections."""
    try:
        httpx.get(f"{house.base_url}/health", timeout=5)
    except httpx.ConnectError:
        return True
    return False


def test_second_sigterm__gives_back_at_once(build: Build):
    """A worker that is told twice gives its step back without waiting for its grace, uncharged."""
    house = build("embedded", HEAVYLIFT_WORKER_GRACE="120").start("parsing", "indexing")
    job = house.submit_idle()["id"]
    house.wait_status(job, "running")
    worker = house.pools["parsing"]
    worker.send(signal.SIGTERM)
    assert holds_for(lambda: worker.running, seconds=1)
    worker.send(signal.SIGTERM)
    assert worker.wait_exit(within=15) == 0
    step = house.job(job)["steps"][0]
    assert (step["status"], step["attempt"]) == ("queued", 0)
    assert house.client.post(f"/v1/jobs/{job}/cancel").status_code == 202


def test_sigterm__ends_a_worker_that_never_came_to_serve(build: Build):
    """A worker that waits for its broker since its start ends when it is told to, and does not start anew."""
    house = build("embedded")
    assert house.redis is not None
    house.redis.kill()
    house.migrate()
    worker = house.pools["parsing"].start()
    worker.wait_log("Cannot connect", within=60)
    worker.ask_to_end()
    assert worker.wait_exit(within=LIMIT) == 0
    assert "worker.starts_anew" not in worker.logs()
