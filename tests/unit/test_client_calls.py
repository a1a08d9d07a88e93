"""The SDK against a small server of its own, over a Unix socket."""

import hashlib
import json
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from support.fake_server import Answer, FakeServer, told

from client import (
    Client,
    CorruptDownload,
    Job,
    NotFound,
    NotReachable,
    Rejected,
    ServerUnavailable,
    StillRunning,
    WrongState,
)


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


def job(status: str = "queued", **more: Any) -> dict[str, Any]:
    step = {"name": "parse", "part": 0, "queue": "parsing", "status": status, "attempt": 1, "progress": 0.5}
    return {"id": "j1", "status": status, "pipeline": "parts-list", "version": 1, "steps": [step]} | more


def artifact(content: bytes) -> Answer:
    facts = {"name": "records.jsonl", "size": len(content), "media_type": "text/plain", "url": "x"}
    return told({"items": [facts | {"sha256": hashlib.sha256(content).hexdigest()}], "next_cursor": None})


@pytest.fixture
def upload(tmp_path: Path) -> Path:
    file = tmp_path / "wanted & list.xml"
    file.write_bytes(b"<INVENTORY/>" * 1000)
    return file


def test_submit__sends_the_bytes_with_a_key_and_the_request(client: Client, server: FakeServer, upload: Path):
    """The body is the file, whole; the rest travels as query parameters; a key is made."""
    server.on("POST /v1/jobs", told(job(), 202))
    found = client.submit(upload, pipeline="parts-list", options={"a": 1}, tags=["x", "y"], metadata={"o": 1})
    (_, path, headers, body) = server.seen[0]
    query = httpx.URL(path).params
    assert (found.id, found.status) == ("j1", "queued")
    assert body == upload.read_bytes()
    assert query["filename"] == upload.name
    assert query["pipeline"] == "parts-list"
    assert json.loads(query["options"]) == {"a": 1}
    assert json.loads(query["metadata"]) == {"o": 1}
    assert query.get_list("tags") == ["x", "y"]
    assert len(headers["Idempotency-Key"]) > 20
    assert int(headers["Content-Length"]) == upload.stat().st_size


@pytest.mark.parametrize("trouble", [None, told({"code": "ledger.unavailable"}, 503, Retry_After="0")])
def test_submit__is_repeated_with_the_same_key(client: Client, server: FakeServer, upload: Path, trouble: Answer):
    """After a broken line or a 503 the same file goes up again under the same key, from its first byte."""
    server.on("POST /v1/jobs", trouble, told(job(), 202))
    assert client.submit(upload).id == "j1"
    first, second = server.calls("POST /v1/jobs")
    assert first[2]["Idempotency-Key"] == second[2]["Idempotency-Key"]
    assert second[3] == upload.read_bytes()


def test_submit__waits_for_its_own_earlier_try(client: Client, server: FakeServer, upload: Path):
    """A 409 that says `in flight` is our own lost try: the client waits for it instead of failing."""
    server.on("POST /v1/jobs", told({"code": "idempotency.in_flight"}, 409), told(job(), 202))
    assert client.submit(upload).id == "j1"


def test_submit__a_refusal_carries_its_code_and_is_not_repeated(client: Client, server: FakeServer, upload: Path):
    """A 415 becomes `Rejected` with code, detail and hint, after one try."""
    body = {"code": "input.unsupported", "detail": "no such kind", "hint": "send a PDF"}
    server.on("POST /v1/jobs", told(body, 415))
    with pytest.raises(Rejected) as caught:
        client.submit(upload)
    assert (caught.value.code, caught.value.status, caught.value.hint) == ("input.unsupported", 415, "send a PDF")
    assert len(server.seen) == 1


def test_call__a_503_that_stays_is_said(client: Client, server: FakeServer):
    """After all tries the server's own problem is raised, not a made-up one."""
    server.on("GET /v1/jobs/j1", told({"code": "ledger.unavailable", "detail": "no database"}, 503, Retry_After="0"))
    with pytest.raises(ServerUnavailable, match="no database"):
        client.job("j1")
    assert len(server.seen) == 4


def test_call__answers_that_are_no_problems_are_still_errors(client: Client, server: FakeServer):
    """A proxy's HTML becomes a `Problem` with a code of its status."""
    server.on("GET /v1/jobs/j1", (404, {"Content-Type": "text/html"}, b"<h1>gone</h1>"))
    with pytest.raises(NotFound) as caught:
        client.job("j1")
    assert caught.value.code == "http.404"


def test_cancel__is_not_repeated_after_it_may_have_been_heard(client: Client, server: FakeServer):
    """A verb without a key is sent once: a broken line after it says nothing about what happened."""
    server.on("POST /v1/jobs/j1/cancel", None)
    with pytest.raises(NotReachable):
        client.cancel("j1")
    assert len(server.seen) == 1


def test_cancel__of_an_ended_job_is_a_wrong_state(client: Client, server: FakeServer):
    """409 is a type of its own."""
    server.on("POST /v1/jobs/j1/cancel", told({"code": "job.wrong_state"}, 409))
    with pytest.raises(WrongState):
        client.cancel("j1")


def test_wait__tells_each_change_and_survives_a_broken_line(client: Client, server: FakeServer):
    """Long polls carry the last ETag; 304 and broken lines go on; each version is told once."""
    server.on(
        "GET /v1/jobs/j1",
        told(job("queued"), ETag='"1"'),
        (304, {}, b""),
        None,
        told(job("running", version=2), ETag='"2"'),
        told(job("succeeded", version=3), ETag='"3"'),
    )
    seen: list[Job] = []
    found = client.wait("j1", on_change=seen.append)
    assert [one.status for one in seen] == ["queued", "running", "succeeded"]
    assert found.ended
    asked = [headers for _, _, headers, _ in server.calls("GET /v1/jobs/j1")]
    assert [one.get("If-None-Match") for one in asked] == [None, '"1"', '"1"', '"1"', '"2"']
    assert asked[1]["Prefer"] == "wait=30"


def test_wait__tells_what_a_step_in_line_waits_for_now(client: Client, server: FakeServer):
    """Where no version changes, the job is looked at again while a step stands in line; only news is told."""

    def standing(detail: str) -> Answer:
        wait = {"reason": "paused", "queue": "parsing", "place": 1, "detail": detail}
        step = {"name": "parse", "queue": "parsing", "status": "queued", "waiting_for": wait}
        return told(job("queued", steps=[step]), ETag='"1"')

    server.on(
        "GET /v1/jobs/j1",
        standing("It is paused."),
        (304, {}, b""),
        standing("It is paused."),
        (304, {}, b""),
        standing("No worker is alive."),
        told(job("succeeded", version=2), ETag='"2"'),
    )
    seen: list[Job] = []
    client.wait("j1", on_change=seen.append)
    waits = [step.waiting_for.detail for one in seen for step in one.steps if step.waiting_for]
    assert waits == ["It is paused.", "No worker is alive."]
    assert server.seen[1][2]["Prefer"] == "wait=5"


def test_wait__gives_up_in_time(client: Client, server: FakeServer):
    """`timeout` bounds the wait; the job goes on."""
    server.on("GET /v1/jobs/j1", told(job("running"), ETag='"1"'), (304, {}, b""))
    with pytest.raises(StillRunning):
        client.wait("j1", timeout=0.3)


def test_jobs__follows_cursors_up_to_the_limit(client: Client, server: FakeServer):
    """Pages are joined; no more jobs come than were asked for."""
    server.on(
        "GET /v1/jobs",
        told({"items": [job(id="a"), job(id="b")], "next_cursor": "c1"}),
        told({"items": [job(id="c"), job(id="d")], "next_cursor": "c2"}),
    )
    assert [one.id for one in client.jobs(status="queued", limit=3)] == ["a", "b", "c"]
    assert httpx.URL(server.seen[1][1]).params["cursor"] == "c1"


def test_download__resumes_where_the_line_broke(client: Client, server: FakeServer, tmp_path: Path):
    """What has arrived is kept; the rest is asked for by Range, guarded by If-Range."""
    content = bytes(range(256)) * 20
    server.on("GET /v1/jobs/j1/artifacts", artifact(content))
    server.on(
        "GET /v1/jobs/j1/artifacts/records.jsonl",
        (200, {"Content-Length": str(len(content))}, content[:1000]),
        (206, {}, content[1000:]),
    )
    found = client.download("j1", "records.jsonl", to=tmp_path / "deep" / "records.jsonl")
    assert found.read_bytes() == content
    headers = server.seen[-1][2]
    assert headers["Range"] == "bytes=1000-"
    assert headers["If-Range"] == f'"{hashlib.sha256(content).hexdigest()}"'


def test_download__begins_anew_where_the_server_does(client: Client, server: FakeServer, tmp_path: Path):
    """A 200 in answer to a Range is the whole artifact, not its rest."""
    content = bytes(range(256)) * 20
    server.on("GET /v1/jobs/j1/artifacts", artifact(content))
    server.on(
        "GET /v1/jobs/j1/artifacts/records.jsonl",
        (200, {"Content-Length": str(len(content))}, content[:1000]),
        (200, {}, content),
    )
    assert client.download("j1", "records.jsonl", to=tmp_path / "r").read_bytes() == content


def test_download__wrong_bytes_never_stand_under_the_name(client: Client, server: FakeServer, tmp_path: Path):
    """A digest that differs is an error, and neither the file nor its part stays."""
    server.on("GET /v1/jobs/j1/artifacts", artifact(b"right"))
    server.on("GET /v1/jobs/j1/artifacts/records.jsonl", (200, {}, b"wrong"))
    with pytest.raises(CorruptDownload):
        client.download("j1", "records.jsonl", to=tmp_path / "r")
    assert [*tmp_path.iterdir()] == []


def test_download__an_unknown_name_is_not_found(client: Client, server: FakeServer, tmp_path: Path):
    """A name that the job does not have ends before any bytes are asked for."""
    server.on("GET /v1/jobs/j1/artifacts", artifact(b"right"))
    with pytest.raises(NotFound, match="no artifact named x"):
        client.download("j1", "x", to=tmp_path / "r")


def test_client__nobody_there(tmp_path: Path):
    """A server that is not there is `NotReachable` and names its address."""
    line = httpx.HTTPTransport(uds=str(tmp_path / "nobody"))
    with (
        Client("http://heavylift.test", line=line, tries=2) as client,
        pytest.raises(NotReachable, match=r"heavylift\.test"),
    ):
        client.job("j1")


def test_submit__tells_how_far_it_is(client: Client, server: FakeServer, upload: Path):
    """`on_bytes` hears a count that ends at the file's size."""
    server.on("POST /v1/jobs", told(job(), 202))
    heard: list[int] = []
    tell: Callable[[int], None] = heard.append
    client.submit(upload, on_bytes=tell)
    assert heard[-1] == upload.stat().st_size


def test_similar__names_jobs_and_why(client, server):
    """Look-alikes come as values, as many as were asked for at most; the JSON object stays at hand."""
    found = {"job_id": "j2", "file_name": "b.glb", "why": "shape", "distance": 0.001, "same_file": False}
    server.on("GET /v1/jobs/j1/similar", told({"items": [found]}))
    (one,) = client.similar("j1", limit=5)
    assert (one.job_id, one.file_name, one.why, one.distance, one.same_file) == ("j2", "b.glb", "shape", 0.001, False)
    assert one.raw == found
    assert httpx.URL(server.seen[0][1]).params["limit"] == "5"
