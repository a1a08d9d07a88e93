"""What operators do, with the command line over real processes: dead letters, pause, resume, drain, reconcile."""

import json
import signal
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime

import psutil
import pytest
from support.command_line import heavylift
from support.house import ENDED, LARGE, House
from support.servers import MissingBinary
from support.services import Services, Unavailable
from support.waiting import holds_for, wait_until

from bench.files import parts_list


@pytest.fixture(scope="module", params=["embedded", "real"])
def house(request: pytest.FixtureRequest, services: Services) -> Iterator[House]:
    """One platform for all tests of this module; each leaves its queues open."""
    try:
        made = House(request.param, services=services)
    except (Unavailable, MissingBinary) as absent:
        pytest.skip(f"no {request.param} platform: {absent}")
    try:
        yield made.start("parsing", "indexing", "housekeeping")
    finally:
        made.close()


@pytest.fixture(scope="module")
def large() -> bytes:
    return parts_list(LARGE)


def say(house: House, *arguments: str, code: int = 0) -> list[str]:
    """The lines that a command prints; its exit code is `code`."""
    ended = heavylift(*arguments, HEAVYLIFT_URL=house.base_url)
    assert ended.returncode == code, f"{arguments}: {ended.returncode}\n{ended.stdout}\n{ended.stderr}\n{house.tails()}"
    return ended.stdout.splitlines()


def poison(house: House, body: bytes) -> dict:
    """A job whose file kills the process that reads it, each time, until it is given up."""
    job = house.submit("poison.xml", body)

    def given_up() -> bool:
        crash_children(house.pools["parsing"].pid)
        return house.job(job["id"])["status"] in ENDED

    wait_until(given_up, within=60, every=0.1, what="the file to be given up")
    return house.job(job["id"])


def crash_children(worker: int) -> None:
    """An invalid memory access in every sandbox child of a worker that has not ended meanwhile."""
    for template in psutil.Process(worker).children():
        with suppress(psutil.NoSuchProcess):
            for child in template.children():
                with suppress(psutil.NoSuchProcess):
                    child.send_signal(signal.SIGSEGV)


def parse_of(house: House, job: dict) -> dict:
    return house.job(job["id"])["steps"][0]


def test_dead_letter__is_listed_shown_replayed_and_succeeds(house, large):
    """A file that kills its child each time is given up after one more try alone, a class up; its replay succeeds."""
    job = poison(house, large)
    assert (job["status"], job["error"]["code"]) == ("failed", "step.crashed"), job
    (letter,) = [json.loads(line) for line in say(house, "dead-letters", "list", "--json")]
    assert (letter["job_id"], letter["step"], letter["error"]["code"]) == (job["id"], "parse", "step.crashed")
    detail = json.loads(*say(house, "dead-letters", "show", letter["id"], "--json"))
    assert detail["file"] == job["file"]
    first, second = detail["evidence"]["attempts"]
    assert (first["signal"], second["signal"]) == (signal.SIGSEGV, signal.SIGSEGV)
    assert second["memory"] == 2 * first["memory"]
    told = "\n".join(say(house, "status", job["id"], "--attempts", code=1))
    assert "poison.xml  failed" in told
    assert told.count("signal 11 (SIGSEGV)") == 2
    assert say(house, "dead-letters", "replay", "--code", "step.crashed") == [letter["id"]]
    ended = house.wait_ended(job["id"], within=60)
    assert (ended["status"], ended["steps"][0]["attempt"]) == ("succeeded", 3), ended
    assert say(house, "dead-letters", "list") == []
    assert say(house, "dead-letters", "replay", letter["id"], code=1) == []


def test_dead_letter__is_discarded(house, large):
    """A discarded letter leaves the list of open ones; its job stays failed."""
    job = poison(house, large + b"<!-- another -->")
    (line,) = say(house, "dead-letters", "list", "--job", job["id"])
    letter = line.split()[0]
    assert say(house, "dead-letters", "discard", letter) == [letter]
    assert say(house, "dead-letters", "list", "--job", job["id"]) == []
    (kept,) = say(house, "dead-letters", "list", "--job", job["id"], "--state", "all")
    assert "discarded" in kept
    assert house.job(job["id"])["status"] == "failed"


def test_pause__holds_over_restarts_until_resume(house):
    """A paused queue holds a job, which says so, through a restart of API and worker; resume lets it run at once."""
    assert say(house, "queues", "pause", "parsing") == ["parsing"]
    job = house.submit("held.xml", parts_list(3_000))
    wait_until(lambda: reason(house, job) == "paused", within=10, what="the job to say why it waits")
    for child in (house.api, house.pools["parsing"]):
        child.stop()
    for child in (house.pools["parsing"], house.api):
        child.restart()
    assert holds_for(lambda: house.job(job["id"])["status"] == "queued", seconds=2)
    assert "paused since" in parse_of(house, job)["waiting_for"]["detail"]
    assert "is paused since" in "\n".join(say(house, "status", job["id"]))
    (line,) = [line for line in say(house, "queues", "list") if line.startswith("parsing")]
    assert "queued     1  running   0  workers   1  paused since" in line
    asked = datetime.now(UTC)
    assert say(house, "queues", "resume", "parsing") == ["parsing"]
    ended = house.wait_ended(job["id"], within=30)
    assert ended["status"] == "succeeded"
    began = datetime.fromisoformat(ended["started_at"])
    assert (began - asked).total_seconds() < 15  # the sweep of lost messages comes once a minute


def test_drain__returns_when_the_running_step_has_ended(house):
    """Drain gives up in time with exit code 1, else returns when nothing runs; what came later waits for resume."""
    running = house.submit_idle(seconds=8)
    wait_until(lambda: parse_of(house, running)["status"] == "running", within=30, what="the step to run")
    assert say(house, "queues", "drain", "parsing", "--timeout", "0", code=1) == []
    later = house.submit("later.xml", parts_list(3_000))
    assert say(house, "queues", "drain", "parsing") == ["parsing"]
    assert parse_of(house, running)["status"] == "succeeded"
    assert reason(house, later) == "paused"
    say(house, "queues", "resume", "parsing")
    assert house.wait_ended(later["id"], within=30)["status"] == "succeeded"


def test_reconcile__runs_when_asked(house):
    """A run that was asked for ends soon, is listed under its id, and says what it checked."""
    (run,) = say(house, "reconcile", "run", "leases", "--wait", "--timeout", "60")
    shown = json.loads(*say(house, "reconcile", "show", run, "--json"))
    assert (shown["name"], shown["state"]) == ("leases", "done")
    assert run in "\n".join(say(house, "reconcile", "list", "--name", "leases", "--limit", "100"))
    assert say(house, "reconcile", "run", "everything", code=2) == []


def reason(house: House, job: dict) -> str | None:
    return (parse_of(house, job)["waiting_for"] or {}).get("reason")
