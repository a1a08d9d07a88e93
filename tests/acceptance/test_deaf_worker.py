"""A worker that lives but hears nothing starts anew by itself; healthy ones are left alone."""

import signal
import socket
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
from support.house import House
from support.interventions import ledger_of, options_of, sweep
from support.waiting import holds_for, wait_until

from bench.files import parts_list
from broker import depths, make_app, queue_name

Build = Callable[..., House]
DEAF_AFTER = 2.0
DEAF, READY = '"event":"worker.deaf"', '"event":"worker.ready"'


def deafen(house: House, pool: str) -> None:
    """Have the worker listen to nothing any more, as after a reconnect that went wrong."""
    options = options_of(house)
    name = f"{pool}-{house.pools[pool].pid}@{socket.gethostname()}"
    app = make_app(options)
    with app.connection_for_write(connect_timeout=5) as connection:
        told = app.control.cancel_consumer(
            queue_name(options, pool), destination=[name], reply=True, timeout=10, connection=connection
        )
        assert told, f"{name} did not answer"
        listening = lambda: app.control.inspect([name], timeout=5, connection=connection).active_queues()  # noqa: E731 - one expression
        wait_until(lambda: listening() == {name: []}, within=30, what=f"{name} to listen to nothing")


@pytest.mark.parametrize("backend", ["embedded", "real"])
def test_deaf_worker__starts_anew_and_serves(build: Build, backend):
    """A worker that was deafened starts anew under its own process id, and the job that waited for it succeeds."""
    house = build(backend, HEAVYLIFT_WORKER_DEAF_AFTER=str(DEAF_AFTER), HEAVYLIFT_WORKER_LOST_AFTER="600")
    house.start("parsing", "indexing")
    worker = house.pools["parsing"]
    house.wait_ended(house.submit("warm.xml", parts_list(3_000))["id"])
    template = psutil.Process(worker.pid).children(recursive=True)
    pid, sockets = worker.pid, sockets_of(worker.pid)
    assert template, "the sandbox template runs"
    deafen(house, "parsing")
    ended = house.wait_ended(house.submit("unheard.xml", parts_list(3_000))["id"], within=90)
    assert (ended["status"], ended["steps"][0]["attempt"]) == ("succeeded", 1)
    log = worker.logs()
    assert DEAF in log
    assert log.count(READY) == 2
    assert (worker.running, worker.pid) == (True, pid)
    assert not any(child.is_running() for child in template)
    assert not [one for one in psutil.Process(pid).children() if one.status() == psutil.STATUS_ZOMBIE]
    assert sockets
    assert sockets.isdisjoint(sockets_of(pid))
    again = house.wait_ended(house.submit("again.xml", parts_list(3_000))["id"])
    assert again["status"] == "succeeded"
    worker.send(signal.SIGTERM)
    assert worker.wait_exit(within=30) == 0


@pytest.mark.parametrize("backend", ["real"])
def test_deaf_worker__the_clocks_own_too(build: Build, backend):
    """A deaf housekeeping worker starts anew as well: its ticks stand in no ledger, but in its line."""
    house = build(backend, HEAVYLIFT_WORKER_DEAF_AFTER=str(DEAF_AFTER)).start("housekeeping")
    worker = house.pools["housekeeping"]
    pid = worker.pid
    deafen(house, "housekeeping")
    sweep(house, "housekeeping.outbox")
    wait_until(lambda: worker.logs().count(READY) == 2, within=60, what="the worker to start anew")
    wait_until(lambda: depths(options_of(house))["housekeeping"] == 0, within=20, what="the tick to be taken")
    assert (worker.running, worker.pid) == (True, pid)
    assert DEAF in worker.logs()


@pytest.mark.parametrize("backend", ["embedded"])
def test_deaf_worker__healthy_ones_are_left_alone(build: Build, backend):
    """Neither an idle worker, nor one whose threads are all busy, nor one with a paused queue starts anew."""
    settings = {"DEAF_AFTER": "1", "CONCURRENCY": "1", "LOST_AFTER": "600"}
    house = build(backend, **{f"HEAVYLIFT_WORKER_{name}": value for name, value in settings.items()})
    house.start("parsing", "indexing")
    ledger = ledger_of(house)
    busy = house.submit_idle()["id"]
    house.wait_status(busy, "running")
    behind = house.submit("behind.xml", parts_list(3_000))["id"]
    logs = lambda: "".join(house.pools[pool].logs() for pool in ("parsing", "indexing"))  # noqa: E731 - one expression
    assert holds_for(lambda: DEAF not in logs(), seconds=5), logs()  # parsing is busy, indexing idle
    assert house.job(busy)["status"] == "running", "the step must keep the worker busy for this long"
    assert (ledger.oldest_claimable("parsing") or 0) > 1
    ledger.pause("indexing")
    assert house.client.post(f"/v1/jobs/{busy}/cancel").status_code == 202
    wait_until(lambda: house.job(behind)["steps"][0]["status"] == "succeeded", within=60, what="the next to be parsed")
    assert holds_for(lambda: DEAF not in logs(), seconds=5), logs()
    assert house.job(behind)["steps"][1]["status"] == "queued"
    ledger.resume("indexing")
    ledger.close()
    assert house.wait_ended(behind)["status"] == "succeeded"


HANGING_RHYTHM = {
    "HEAVYLIFT_WORKER_DEAF_AFTER": str(DEAF_AFTER),
    "HEAVYLIFT_WORKER_LOST_AFTER": "6",
    "HEAVYLIFT_WORKER_GRACE": "1",  # before the wait for the main thread
}
HANGING = """
import sys, time
from pathlib import Path
from cli.app import main
from workers.consumer import heard

def hang(**_):
    if Path(sys.argv[3]).exists():
        Path(sys.argv[3]).unlink()
        time.sleep(600)

heard.connect(hang, weak=False)
sys.argv = ["heavylift", *sys.argv[1:3]]
main()
"""


@pytest.mark.parametrize("backend", ["real"])
def test_deaf_worker__starts_anew_without_its_main_thread(build: Build, backend, tmp_path: Path):
    """A worker whose main thread hangs with a message in its hand starts anew without it, and the message is run."""
    house = build(backend, **HANGING_RHYTHM)
    house.start("indexing", "housekeeping")
    flag = tmp_path / "hang"
    worker = house.worker("parsing", name="hanging")
    worker.argv = [sys.executable, "-P", "-c", HANGING.replace("sys.argv[3]", repr(str(flag))), "worker", "parsing"]
    worker.start().wait_ready()
    house.wait_ended(house.submit("warm.xml", parts_list(3_000))["id"])
    pid = worker.pid
    flag.touch()
    ended = house.wait_ended(house.submit("unheard.xml", parts_list(3_000))["id"], within=120)
    assert (ended["status"], ended["steps"][0]["attempt"]) == ("succeeded", 1)
    assert '"main_thread":"hangs"' in worker.logs()
    assert (worker.running, worker.pid) == (True, pid)


def sockets_of(pid: int) -> set[str]:
    """Its open sockets, each by a name that is never used again."""
    found = set()
    for one in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(FileNotFoundError):  # closed meanwhile
            found.add(str(one.readlink()))
    return {target for target in found if target.startswith("socket:")}
