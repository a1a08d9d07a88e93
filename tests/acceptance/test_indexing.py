"""The search index under real processes: kills in the middle of commits, deletes, tags, a rebuild under traffic, two writers.

`HEAVYLIFT_TEST_KILLS=25` kills more often than a usual run does.
"""

import os
import random
import threading
from collections import Counter
from contextlib import contextmanager
from typing import Any

import pytest
from support.house import House
from support.waiting import wait_until

from config.settings import LedgerSettings, Settings
from jobs.pipeline import MAX_ATTEMPTS
from search.port import Asked
from search.query import parse
from wiring import open_ledger
from wiring.search import open_for_asking

KILLS = int(os.environ.get("HEAVYLIFT_TEST_KILLS", "3"))
ROWS = 12
ITEM = "<ITEM><ITEMTYPE>P</ITEMTYPE><ITEMID>{part}</ITEMID><COLOR>5</COLOR><MINQTY>2</MINQTY></ITEM>"
only_embedded = pytest.mark.parametrize("platform", ["embedded"], indirect=True)


def body() -> bytes:
    items = "".join(ITEM.format(part=f"3{n:03d}") for n in range(ROWS))
    return f"<INVENTORY>{items}<!-- {random.random()} --></INVENTORY>".encode()


@contextmanager
def looked_at(house: House):
    """The platform's index and ledger, from outside."""
    settings = Settings(house.data_dir)
    settings.ledger = LedgerSettings(url=house.env.get("HEAVYLIFT_LEDGER_URL", ""))
    ledger, engine = open_ledger(settings), open_for_asking(settings)
    yield engine, ledger
    ledger.close()
    engine.close()


def caught_up(house: House, *, within: float = 60.0) -> dict[str, int]:
    """Wait until the index has heard of everything; the number of places by job."""
    with looked_at(house) as (engine, ledger):
        wait_until(lambda: ledger.search_lag().jobs + ledger.search_lag().gone == 0, within=within, what="no lag")
        known = engine.versions(limit=10_000)
        assert len({job_id for job_id, _version, _places in known}) == len(known)
        assert engine.stats().documents == sum(1 + places for _id, _version, places in known)  # none twice
        return {job_id: places for job_id, _version, places in known}


def rows_of(house: House, name: str) -> Counter[tuple[str, str]]:
    """The hits for a file's rows, by job and place."""
    with looked_at(house) as (engine, _ledger):
        found = engine.find(Asked(owner="local", query=parse(f'"color 5" name:{name}'), limit=1000))
        return Counter((hit.job_id, hit.place) for hit in found.hits)


def lost(house: House, job_id: str) -> int:
    """How many tries of its indexing step lost their worker."""
    tries = house.client.get(f"/v1/jobs/{job_id}/attempts").json()["items"]
    return sum(one["step"] == "index" and one["outcome"] == "lost" for one in tries)


@pytest.mark.pools("parsing", "indexing")
def test_kill__in_the_middle_of_commits_loses_nothing_and_doubles_nothing(platform):
    """However often the indexing worker is killed while it commits, every job's rows are found, each once."""
    house, worker = platform, platform.pools["indexing"]
    submitted: dict[str, str] = {}
    for kill in range(KILLS):
        for n in range(6):
            name = f"k{kill}n{n}"
            submitted[name] = house.submit(f"{name}.xml", body())["id"]
        # A commit at the latest here: some of these jobs are heard of and others are not.
        first = submitted[f"k{kill}n0"]
        wait_until(lambda one=first: house.job(one)["status"] != "queued", within=60, what="a job under way")
        threading.Event().wait(random.uniform(0.0, 0.8))
        worker.kill()
        worker.restart()
    for job_id in submitted.values():
        ended = house.wait_ended(job_id, within=120)
        if lost(house, job_id) == MAX_ATTEMPTS:  # each of its tries met a kill, which chance allows
            house.client.post(f"/v1/jobs/{job_id}/retry").raise_for_status()
            ended = house.wait_ended(job_id, within=120)
        assert ended["status"] == "succeeded", ended
    assert caught_up(house) == dict.fromkeys(submitted.values(), ROWS)
    for name, job_id in submitted.items():
        assert rows_of(house, name) == Counter({(job_id, f"row {n + 1}"): 1 for n in range(ROWS)})


@pytest.mark.pools("parsing", "indexing")
@only_embedded
def test_changes__reach_the_index_by_themselves(platform):
    """Tags, an end without success and a delete are seen by who asks the index; a second writer is refused and waits."""
    house = platform
    well = house.submit("well.xml", body())["id"]
    broken = house.submit("broken.xml", b"<INVENTORY><ITEM>")["id"]
    ended = house.wait_ended(well)
    assert ended["status"] == "succeeded", ended["error"]
    assert house.wait_ended(broken)["status"] == "failed"
    second = house.worker("indexing", name="second").start()
    house.client.patch(f"/v1/jobs/{well}", json={"tags": ["bridge"]})
    assert caught_up(house) == {well: ROWS, broken: 0}
    assert found(house, "tag:bridge") == {well}
    assert found(house, "status:failed") == {broken}
    wait_until(lambda: "is being written by process" in second.logs(), within=60, what="the second one to be refused")
    house.pools["indexing"].kill()  # and the second one takes over
    house.client.delete(f"/v1/jobs/{well}").raise_for_status()
    assert caught_up(house, within=60) == {broken: 0}
    assert found(house, "tag:bridge") == set()


@pytest.mark.pools("parsing", "indexing")
def test_rebuild__under_traffic_leaves_no_gap(platform):
    """While a fresh index is built, killed, and built again, every job is found all along, and none is missing after it."""
    house = platform
    names = [f"before{n}" for n in range(8)]
    submitted = {name: house.submit(f"{name}.xml", body())["id"] for name in names}
    for job_id in submitted.values():
        house.wait_ended(job_id)
    caught_up(house)
    with looked_at(house) as (engine, _ledger):
        was = engine.generation
    stopping, missing = threading.Event(), []

    def watch() -> None:
        while not stopping.wait(0.05):
            missing.extend(name for name in names if submitted[name] not in found(house, f"name:{name}"))

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        with looked_at(house) as (_engine, ledger):
            ledger.request_run("search-rebuild")
            wait_until(lambda: ledger.runs(name="search-rebuild")[0][0].state != "requested", within=60, what="a run")
            house.pools["indexing"].kill()
            house.pools["indexing"].restart()
            run = ledger.request_run("search-rebuild")
            for n in range(10):
                submitted[f"during{n}"] = house.submit(f"during{n}.xml", body())["id"]
            house.client.patch(f"/v1/jobs/{submitted['before0']}", json={"tags": ["changed"]}).raise_for_status()
            wait_until(lambda: ledger.run(run.id).state == "done", within=120, what="the rebuild")
    finally:
        stopping.set()
        watcher.join()
    for job_id in submitted.values():
        assert house.wait_ended(job_id)["status"] == "succeeded"
    assert caught_up(house) == dict.fromkeys(submitted.values(), ROWS)
    assert (missing, found(house, "tag:changed")) == ([], {submitted["before0"]})
    with looked_at(house) as (engine, _ledger):
        assert engine.generation != was
    assert len(list((house.data_dir / "search").glob("gen-*"))) == (house.backend == "embedded")


def found(house: House, q: str) -> set[str]:
    """The jobs that the index has for a query."""
    with looked_at(house) as (engine, _ledger):
        hits: Any = engine.find(Asked(owner="local", query=parse(q), limit=1000)).hits
        return {hit.job_id for hit in hits}
