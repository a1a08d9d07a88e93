"""The search index over HTTP, client and command line: how it is, and a fresh one on request."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.faces import Caller, Rooms
from support.search_faults import FaultyEngine, facts, places

from api.ops_schemas import IndexBody, RunBody
from cli.results import index_lines
from client.ops_values import IndexStatus
from search.port import EngineError, Put


@pytest.fixture
def caller(tmp_path: Path) -> Iterator[Caller]:
    rooms = Rooms(tmp_path, engine=FaultyEngine())
    yield Caller(rooms)
    rooms.close()


def status(caller: Caller) -> dict:
    found = caller.get("/v1/search/status").json()
    IndexBody.model_validate(found)
    return found


def test_status__tells_size_and_lag(caller):
    """Documents and jobs are the index's, what waits and how long is the ledger's."""
    job = caller.submit()
    caller.rooms.engine.write([Put(job=facts("a"), places=places(3))])
    found = status(caller)
    assert (found["engine"], found["documents"], found["jobs"], found["error"]) == ("memory", 4, 1, None)
    assert (found["waiting"], found["gone"], found["rebuild"]) == (1, 0, None)
    assert found["lag"] >= 0
    caller.rooms.ledger.indexed({job["id"]: 1})
    assert (status(caller)["waiting"], status(caller)["lag"]) == (0, 0.0)


def test_status__tells_why_the_index_cannot_be_read(caller, monkeypatch):
    """Where the index is broken the reason is shown to those who run the platform, and the rest is still told."""

    def broken() -> None:
        raise EngineError("its files are gone")

    monkeypatch.setattr(caller.rooms.engine, "stats", broken)
    found = status(caller)
    assert (found["documents"], found["waiting"]) == (None, 0)
    assert "its files are gone" in found["error"]
    lines = list(index_lines(IndexStatus.read(found)))
    assert "cannot be read: its files are gone" in lines[0]


def test_rebuild__is_a_run_that_is_under_way_once(caller):
    """A rebuild is asked for as a run; asked again while it waits or runs, it is the same one."""
    answer = caller("POST", "/v1/search/rebuild")
    run = answer.json()
    RunBody.model_validate(run)
    assert (answer.status_code, run["name"], run["state"]) == (202, "search-rebuild", "requested")
    assert answer.headers["location"] == f"/v1/reconciliations/{run['id']}"
    assert caller("POST", "/v1/search/rebuild").json()["id"] == run["id"]
    assert status(caller)["rebuild"]["id"] == run["id"]
    taken = caller.rooms.ledger.take_requested_run(["search-rebuild"])
    caller.rooms.ledger.end_run(taken.id, state="done", checked=5, notes=[])
    assert caller("POST", "/v1/search/rebuild").json()["id"] != run["id"]
    lines = list(index_lines(IndexStatus.read(status(caller))))
    assert lines[0].startswith("memory: 0 jobs, 0 documents")
    assert any("rebuild" in line and "requested" in line for line in lines)
