"""Submitting over HTTP: raw and multipart bodies, fields, idempotency, refusals that leave nothing."""

import hashlib
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from support.faces import PDF, XML, Caller, Rooms

from jobs.ids import is_id
from storage import open_store
from storage.memory import MemoryStore
from storage.port import ObjectWriter, StoreError, StoreFull, StoreUnavailable

BOUNDARY = "b0undary"


@pytest.fixture
def rooms(tmp_path: Path) -> Iterator[Rooms]:
    made = Rooms(tmp_path, max_bytes=300_000)
    yield made
    made.close()


@pytest.fixture
def caller(rooms: Rooms) -> Iterator[Caller]:
    made = Caller(rooms)
    yield made
    made.close()


def form(*parts: tuple[str, bytes]) -> dict:
    """A multipart request of these (header line, content) parts, exactly in this order."""
    body = b"".join(
        f"--{BOUNDARY}\r\nContent-Disposition: form-data; {head}\r\n\r\n".encode() + content + b"\r\n"
        for head, content in parts
    )
    body += f"--{BOUNDARY}--\r\n".encode()
    return {"content": body, "headers": {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}}


FILE = ('name="file"; filename="w.xml"', XML)


def test_submit__raw_body_becomes_a_job(caller):
    """A raw body answers 202 with Location, ETag and the job, and its bytes stand in the store."""
    answer = caller.post("/v1/jobs", content=XML, params={"filename": "list.xml", "tags": "a,b", "priority": 7})
    job = answer.json()
    assert answer.status_code == 202
    assert answer.headers["location"] == f"/v1/jobs/{job['id']}"
    assert answer.headers["etag"] == '"1"'
    assert is_id(job["id"])
    assert (job["pipeline"], job["status"], job["tags"], job["priority"]) == ("parts-list", "queued", ["a", "b"], 7)
    assert job["file"] == {
        "name": "list.xml",
        "size": len(XML),
        "sha256": hashlib.sha256(XML).hexdigest(),
        "media_type": "application/xml",
    }
    key = caller.rooms.ledger.get(job["id"], owner="local").file.key
    with caller.rooms.store.open(key) as stored:
        assert stored.read() == XML
    assert "key" not in json.dumps(job)


def test_submit__wakes_the_publisher_with_its_dispatches(caller):
    """After the commit the publisher is told which messages to send."""
    job = caller.submit()
    assert [(one.job_id, one.step) for one in caller.rooms.publisher.woken] == [(job["id"], "parse")]


@pytest.mark.parametrize("order", ["file first", "file last", "file between"])
def test_submit__form_fields_in_any_order(caller, order):
    """Fields count wherever they stand beside the file."""
    before = [('name="tags"', b"x"), ('name="metadata"', b'{"order": 7}')]
    after = [('name="tags"', b"y, z"), ('name="batch_id"', b"b-1")]
    parts = {
        "file first": [FILE, *before, *after],
        "file last": [*before, *after, FILE],
        "file between": [*before, FILE, *after],
    }
    answer = caller.post("/v1/jobs", **form(*parts[order]))
    job = answer.json()
    assert answer.status_code == 202, answer.text
    assert (job["tags"], job["metadata"], job["batch_id"]) == (["x", "y", "z"], {"order": 7}, "b-1")
    assert (job["file"]["name"], job["file"]["size"]) == ("w.xml", len(XML))


def test_submit__form_by_a_usual_client(caller):
    """The multipart encoding of httpx is understood."""
    answer = caller.post("/v1/jobs", files={"file": ("ü & co.pdf", PDF + b"x" * 70_000)}, data={"pipeline": "document"})
    assert answer.status_code == 202, answer.text
    assert answer.json()["file"]["name"] == "ü & co.pdf"


def test_submit__process_file_also_carries_jobid(caller):
    """The name of the product requirements answers the same job, with its id as `jobId` too."""
    answer = caller.post("/v1/process-file", **form(FILE))
    assert answer.status_code == 202
    assert answer.json()["jobId"] == answer.json()["id"]


def test_submit__large_bodies_arrive_whole(caller):
    """A body of many pieces is stored byte by byte as it was sent, raw and as a form."""
    content = PDF + bytes(range(256)) * 1000 + b"\r\n--b0undar" * 50
    for request in ({"content": content}, form(('name="file"; filename="a.pdf"', content))):
        job = caller.post("/v1/jobs", **request).json()
        key = caller.rooms.ledger.get(job["id"], owner="local").file.key
        with caller.rooms.store.open(key) as stored:
            assert stored.read() == content
        assert job["file"]["sha256"] == hashlib.sha256(content).hexdigest()


def test_submit__equal_content_is_stored_once(caller):
    """Two jobs on equal bytes refer to one object; the second copy is left to the collector."""
    first, second = caller.submit(), caller.submit()
    keys = {caller.rooms.ledger.get(job["id"], owner="local").file.key for job in (first, second)}
    assert first["id"] != second["id"]
    assert len(keys) == 1
    assert sorted(caller.rooms.blob_states()) == ["deleting", "live"]


def test_submit__idempotency_key_answers_the_same_job(caller):
    """A repeat with the same key and content answers the earlier job and leaves no second copy."""
    headers = {"Idempotency-Key": "k-1"}
    first = caller.submit(headers=headers)
    again = caller.submit(headers=headers)
    assert again["id"] == first["id"]
    assert caller.rooms.blob_states() == ["live"]
    assert len(caller.rooms.stored()) == 1
    assert len(caller.rooms.publisher.woken) == 1


def test_submit__idempotency_key_refuses_another_file(caller):
    """The same key with other bytes is a 422 that leaves nothing."""
    headers = {"Idempotency-Key": "k-1"}
    caller.submit(headers=headers)
    answer = caller.post("/v1/jobs", content=XML + b"\n", headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (422, "idempotency.mismatch")
    assert caller.rooms.blob_states() == ["live"]


def test_submit__concurrent_twins_make_one_job(caller):
    """Requests with one key at the same time get one job."""
    send = lambda: caller.http.post("/v1/jobs", content=XML, headers={"Idempotency-Key": "twin"})  # noqa: E731 - sent five times
    answers = caller.together(*[send] * 5)
    assert {answer.status_code for answer in answers} == {202}
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert len(caller.get("/v1/jobs").json()["items"]) == 1


def test_submit__correlation_id_is_kept_or_made(caller):
    """A fit X-Correlation-Id goes into the job and comes back; an unfit one is replaced."""
    answer = caller.post("/v1/jobs", content=XML, headers={"X-Correlation-Id": "order-17"})
    assert (answer.headers["x-correlation-id"], answer.json()["correlation_id"]) == ("order-17", "order-17")
    unfit = caller.post("/v1/jobs", content=XML, headers={"X-Correlation-Id": "a b\t<script>"})
    assert is_id(unfit.headers["x-correlation-id"])
    assert unfit.json()["correlation_id"] == unfit.headers["x-correlation-id"]


@pytest.mark.parametrize(
    ("request_", "status", "code"),
    [
        ({"content": b""}, 400, "input.empty"),
        ({"content": b"just some words"}, 415, "input.unsupported"),
        ({"content": PDF + b"x" * 300_000}, 413, "input.too_large"),
        ({"content": XML, "params": {"pipeline": "document"}}, 415, "input.unsupported"),
        ({"content": XML, "params": {"pipeline": "nope"}}, 400, "request.malformed"),
        ({"content": XML, "params": {"priority": "10"}}, 400, "request.malformed"),
        ({"content": XML, "params": {"priorty": "1"}}, 400, "request.malformed"),
        ({"content": XML, "params": {"metadata": "{"}}, 400, "request.malformed"),
        ({"content": XML, "params": {"metadata": "[1]"}}, 400, "request.malformed"),
        ({"content": XML, "params": {"metadata": '{"a":"\\u0000"}'}}, 400, "request.malformed"),
        ({"content": XML, "params": {"metadata": '{"a":"\\ud800"}'}}, 400, "request.malformed"),
        ({"content": XML, "params": {"metadata": json.dumps({"a": "x" * 8200})}}, 400, "request.malformed"),
        ({"content": XML, "params": {"options": '{"nope": 1}'}}, 400, "request.malformed"),
        ({"content": XML, "params": {"tags": "t" * 65}}, 400, "request.malformed"),
        ({"content": XML, "params": {"tags": "a\0b"}}, 400, "request.malformed"),
        ({"content": XML, "params": {"batch_id": "a\0b"}}, 400, "request.malformed"),
        ({"content": XML, "params": {"deadline": "2020-01-01T00:00:00Z"}}, 400, "request.malformed"),
        ({"content": XML, "params": {"deadline": "2999-01-01T00:00:00"}}, 400, "request.malformed"),
        ({"content": XML, "headers": {"Idempotency-Key": "a b"}}, 400, "request.malformed"),
        (form(('name="tags"', b"x")), 400, "request.malformed"),
        (form(FILE, FILE), 400, "request.malformed"),
        (form(FILE, ('name="other"; filename="x"', b"y")), 400, "request.malformed"),
        (form(FILE, ('name="colour"', b"red")), 400, "request.malformed"),
        (form(FILE, ('name="batch_id"', b"1"), ('name="batch_id"', b"2")), 400, "request.malformed"),
        (form(FILE, ('name="batch_id"', b"\xff")), 400, "request.malformed"),
        (form(FILE, ('name="metadata"', b"x" * 70_000)), 400, "request.malformed"),
        (form(FILE, *[('name="tags"', b"x")] * 101), 400, "request.malformed"),
        (form(FILE, ('name="pipeline"', b"document")), 415, "input.unsupported"),
        (form(('name="file"; filename="e"', b"")), 400, "input.empty"),
        (form(('name="file"', XML), ("filename=x", b"y")), 400, "request.malformed"),
        (form(('name="file"; filename="b"\r\nContent-Transfer-Encoding: base64', XML)), 400, "request.malformed"),
        (form(*[('name="file"' + "".join(f"\r\nX-{n}: y" for n in range(40)), XML)]), 400, "request.malformed"),
        (form(('name="file"; filename="' + "n" * 9000 + '"', XML)), 400, "request.malformed"),
        ({"content": form(FILE)["content"][:-20], "headers": form()["headers"]}, 400, "request.malformed"),
        ({"content": b"no boundary at all", "headers": form()["headers"]}, 400, "request.malformed"),
        ({"content": XML, "headers": {"Content-Type": "multipart/form-data"}}, 400, "request.malformed"),
    ],
)
def test_submit__refusals_leave_nothing(caller, request_, status, code):
    """What cannot become a job gets a problem with its code, and neither store nor ledger keeps a trace."""
    answer = caller.post("/v1/jobs", **request_)
    body = answer.json()
    assert (answer.status_code, body["code"]) == (status, code), body
    assert answer.headers["content-type"] == "application/problem+json"
    assert body["status"] == status
    assert body["correlation_id"] == answer.headers["x-correlation-id"]
    assert caller.rooms.nothing_left()
    assert caller.get("/v1/jobs").json()["items"] == []


def test_submit__unsupported_names_what_is_accepted(caller):
    """A 415 says which kinds are accepted and what the bytes looked like."""
    body = caller.post("/v1/jobs", content=b"<svg xmlns='http://www.w3.org/2000/svg'/>").json()
    assert body["kind"] == "svg"
    assert "not pixels" in body["detail"]
    assert {"bricklink-xml", "pdf", "glb"} <= set(body["accepted"])


def test_submit__text_is_taken_where_the_pipeline_is_named(caller):
    """Text of no known shape leads nowhere by itself, and the refusal says how it is read; named, the pipeline takes it."""
    table = b"Teil,Wieviel\n3001,4\n"
    refused = caller.post("/v1/jobs", content=table)
    assert (refused.status_code, refused.json()["kind"], refused.json()["on_request"]) == (415, "text", ["parts-list"])
    assert "parts-list" in refused.json()["detail"]
    options = json.dumps({"columns": {"raw_id": "Teil", "qty": "Wieviel"}})
    job = caller.submit(table, params={"pipeline": "parts-list", "options": options, "filename": "t.csv"})
    assert (job["pipeline"], job["file"]["media_type"]) == ("parts-list", "text/plain")
    assert caller.post("/v1/jobs", content=table, params={"pipeline": "document"}).json()["on_request"] == []
    assert caller.post("/v1/jobs", content=b"\0" * 50, params={"pipeline": "parts-list"}).status_code == 415


def test_submit__announced_size_is_refused_before_the_body(caller):
    """A Content-Length above the limit is a 413 at once: the connection closes and the rest is only drained."""

    async def short():
        yield PDF

    answer = caller.post("/v1/jobs", content=short(), headers={"Content-Length": "300001"})
    assert (answer.status_code, answer.json()["code"], answer.json()["limit"]) == (413, "input.too_large", 300_000)
    assert answer.headers["connection"] == "close"


def test_submit__file_names_are_cleaned(caller):
    """Folders and control characters go; a name that leaves nothing becomes `upload`."""
    names = {"../../etc/passwd": "passwd", "C:\\x\\a.xml": "a.xml", "a\nb\u202e.xml": "ab.xml", "..": "upload"}
    for given, kept in names.items():
        assert caller.submit(params={"filename": given})["file"]["name"] == kept


def test_submit__deadline_and_options_reach_the_job(caller):
    """Options are completed by the pipeline, a deadline is kept in UTC."""
    deadline = datetime.now(UTC).replace(microsecond=0) + timedelta(hours=1)
    job = caller.submit(params={"deadline": deadline.isoformat(), "options": "{}"})
    assert datetime.fromisoformat(job["deadline"]) == deadline
    assert job["options"] == caller.rooms.ledger.get(job["id"], owner="local").options


def test_submit__store_floor_is_never_eaten_into(tmp_path):
    """Where free room would fall below the floor, the answer is 507 and nothing stays."""
    rooms = Rooms(tmp_path / "data", store=open_store(kind="local", path=tmp_path / "store"), disk_floor=1 << 60)
    caller = Caller(rooms)
    try:
        answer = caller.post("/v1/jobs", content=XML)
        assert (answer.status_code, answer.json()["code"]) == (507, "store.full")
        assert rooms.nothing_left()
        assert list((tmp_path / "store").rglob("*.*")) == []
    finally:
        caller.close()
        rooms.close()


def test_submit__ledger_away_is_a_503(tmp_path):
    """A database that does not answer gives 503 with Retry-After, and no bytes stay in the store."""
    rooms = Rooms(tmp_path)
    caller = Caller(rooms)
    try:
        (tmp_path / "ledger.sqlite3").rename(tmp_path / "away")
        (tmp_path / "ledger.sqlite3").mkdir()
        rooms.ledger.close()
        answer = caller.post("/v1/jobs", content=XML)
        assert (answer.status_code, answer.json()["code"]) == (503, "ledger.unavailable")
        assert int(answer.headers["retry-after"]) > 0
        assert rooms.stored() == set()
    finally:
        caller.close()
        rooms.close()


class Torn(MemoryStore):
    """A store whose writers fail with `error` in the moment `at`."""

    def __init__(self, at: str, error: StoreError) -> None:
        super().__init__()
        self.at, self.error = at, error

    def writer(self, key: str, *, size_hint: int | None = None) -> ObjectWriter:
        writer = super().writer(key, size_hint=size_hint)

        def fail(*_: object) -> None:
            writer.abort()
            raise self.error

        setattr(writer, self.at, fail)
        return writer


@pytest.mark.parametrize(
    ("at", "error", "status", "code", "left"),
    [
        ("write", StoreFull("no space"), 507, "store.full", []),
        ("commit", StoreFull("no space"), 507, "store.full", []),
        ("write", StoreUnavailable("away"), 503, "store.unavailable", []),
        # The object may be there all the same: only the collector can tell, by the row's lease.
        ("commit", StoreUnavailable("away"), 503, "store.unavailable", ["pending"]),
    ],
)
def test_submit__store_that_fails(tmp_path, at, error, status, code, left):
    """A store that is full or away is told apart, makes no job, and leaves a row only where an object may be left."""
    rooms = Rooms(tmp_path, store=Torn(at, error))
    caller = Caller(rooms)
    try:
        answer = caller.post("/v1/jobs", content=XML)
        assert (answer.status_code, answer.json()["code"]) == (status, code)
        assert rooms.blob_states() == left
        assert caller.get("/v1/jobs").json()["items"] == []
    finally:
        caller.close()
        rooms.close()


def test_submit__many_small_pieces_cost_little_memory(caller):
    """Pieces of a few bytes are copied together instead of each being kept."""
    content = PDF + bytes(120_000)

    async def crumbs():
        for start in range(0, len(content), 7):
            yield content[start : start + 7]

    answer = caller.post("/v1/jobs", content=crumbs())
    assert answer.json()["file"]["sha256"] == hashlib.sha256(content).hexdigest()
