"""The SDK's calls for ops, against a small server of its own."""

import json
import tempfile
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from support.fake_server import FakeServer, told

from client import Client, NotFound, NotReachable, WrongState

LETTER = {
    "id": "l1",
    "kind": "step",
    "state": "open",
    "job_id": "j1",
    "step": "parse",
    "attempt": 2,
    "error": {"code": "step.crashed", "message": "It crashed.", "actor": "platform"},
    "created_at": "2026-01-02T03:04:05Z",
}
TRY = {"step": "parse", "number": 1, "outcome": "failed", "signal": 11, "peak_memory": 5, "memory": 9, "worker": "w"}
RUN = {"id": "r1", "name": "store", "state": "requested", "checked": 0, "repaired": 0, "left_alone": 0, "notes": []}
QUEUE = {"name": "parsing", "paused": True, "paused_at": "2026-01-02T03:04:05Z", "queued": 3, "running": 1}


@pytest.fixture
def server() -> Iterator[FakeServer]:
    with tempfile.TemporaryDirectory(prefix="hl-") as folder:
        fake = FakeServer(Path(folder) / "s")
        yield fake
        fake.close()


@pytest.fixture
def client(server: FakeServer) -> Iterator[Client]:
    with server.client() as found:
        yield found


def page(*items: dict, cursor: str | None = None):
    return told({"items": items, "next_cursor": cursor})


def test_dead_letters__follow_cursors_with_their_filters(client, server):
    """Filters go along with every page; no more letters come than were asked for."""
    server.on("GET /v1/dead-letters", page(LETTER, LETTER | {"id": "l2"}, cursor="c1"), page(LETTER | {"id": "l3"}))
    found = list(client.dead_letters(code="step.crashed", step="parse", limit=3))
    assert [one.id for one in found] == ["l1", "l2", "l3"]
    assert (found[0].error.code, found[0].attempts, found[0].file_name) == ("step.crashed", (), None)
    asked = [httpx.URL(path).params for _, path, _, _ in server.seen]
    assert [(one["code"], one["step"], one["state"], one.get("cursor")) for one in asked] == [
        ("step.crashed", "parse", "open", None),
        ("step.crashed", "parse", "open", "c1"),
    ]


def test_dead_letter__with_its_evidence(client, server):
    """One letter names its input and each attempt, in the words of the ledger's evidence."""
    evidence = {"attempts": [TRY | {"fault": {"code": "step.crashed", "message": "x", "actor": "platform"}}]}
    server.on("GET /v1/dead-letters/l1", told(LETTER | {"file": {"name": "a.xml"}, "evidence": evidence}))
    letter = client.dead_letter("l1")
    (tried,) = letter.attempts
    assert (letter.file_name, tried.number, tried.signal, tried.error.code) == ("a.xml", 1, 11, "step.crashed")


@pytest.mark.parametrize("verb", ["replay", "discard"])
def test_letter_verbs__are_sent_once(client, server, verb):
    """A verb answers with the letter, and is not repeated after it may have been heard; 404 and 409 have their types."""
    call = f"POST /v1/dead-letters/l1/{verb}"
    server.on(call, told(LETTER | {"state": "replayed"}, 202), None)
    assert getattr(client, verb)("l1").state == "replayed"
    with pytest.raises(NotReachable):
        getattr(client, verb)("l1")
    assert len(server.calls(call)) == 2
    for status, code, kind in ((404, "letter.not_found", NotFound), (409, "letter.wrong_state", WrongState)):
        server.on(call, told({"code": code}, status))
        with pytest.raises(kind):
            getattr(client, verb)("l1")


@pytest.mark.parametrize(
    ("asked", "body"),
    [
        ({"ids": ["l1", "l2"]}, {"ids": ["l1", "l2"]}),
        (
            {"code": "step.crashed", "step": "parse", "per_second": 2.0},
            {"code": "step.crashed", "step": "parse", "per_second": 2.0},
        ),
        ({"everything": True}, {"all": True}),
    ],
)
def test_replay_many__names_letters_in_one_way(client, server, asked, body):
    """The body holds what was asked for and nothing else; the answer tells done, refused and left."""
    server.on("POST /v1/dead-letters/replay", told({"replayed": ["l1"], "refused": {"l2": "closed"}, "left": 4}))
    done = client.replay_many(**asked)
    assert (done.replayed, done.refused, done.left) == (("l1",), {"l2": "closed"}, 4)
    assert json.loads(server.seen[0][3]) == body


def test_attempts__each_with_its_own_story(client, server):
    """Attempts come as values; the JSON object stays at hand."""
    server.on("GET /v1/jobs/j1/attempts", page(TRY | {"error": None}))
    (one,) = client.attempts("j1")
    assert (one.step, one.outcome, one.peak_memory, one.memory, one.raw["worker"]) == ("parse", "failed", 5, 9, "w")


def test_queues__list_pause_resume(client, server):
    """Queues come as values; pause and resume may be said twice, so a lost answer is asked for again."""
    server.on("GET /v1/queues", page(QUEUE))
    server.on("POST /v1/queues/parsing/pause", None, told(QUEUE))
    server.on("POST /v1/queues/parsing/resume", told(QUEUE | {"paused": False, "paused_at": None}))
    assert [(one.name, one.queued, one.running) for one in client.queues()] == [("parsing", 3, 1)]
    assert client.pause("parsing").paused
    assert not client.resume("parsing").paused


def test_reconciliations__run_list_show(client, server):
    """A run is asked for once by name; runs and reconcilers come as values."""
    server.on("POST /v1/reconciliations", told(RUN, 202))
    server.on("GET /v1/reconciliations", page(RUN))
    server.on("GET /v1/reconciliations/r1", told(RUN | {"state": "done", "notes": ["x"]}))
    server.on("GET /v1/reconcilers", page({"name": "store", "purpose": "compares", "every": 60.0}))
    run = client.reconcile("store")
    assert (run.id, run.ended, json.loads(server.seen[0][3])) == ("r1", False, {"name": "store"})
    assert [one.id for one in client.reconciliations(name="store", found=True)] == ["r1"]
    assert dict(httpx.URL(server.seen[1][1]).params) == {"name": "store", "found": "true", "limit": "50"}
    ended = client.reconciliation("r1")
    assert (ended.ended, ended.notes) == (True, ("x",))
    assert [(one.name, one.every) for one in client.reconcilers()] == [("store", 60.0)]
