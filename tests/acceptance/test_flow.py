"""From upload to status over HTTP, with the files that the repository ships, on both back ends."""

import contextlib
import hashlib
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.house import House
from support.interventions import sweep
from support.servers import MissingBinary
from support.services import Services, Unavailable
from support.waiting import wait_until

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture(scope="module", params=["embedded", "real"])
def house(request: pytest.FixtureRequest, services: Services) -> Iterator[House]:
    try:
        made = House(request.param, services=services)
    except (Unavailable, MissingBinary) as absent:
        pytest.skip(f"no {request.param} platform: {absent}")
    try:
        yield made.start()
    finally:
        made.close()


def run(house: House, name: str, body: bytes | None = None, **parameters: str) -> dict:
    job = house.submit(name, body if body is not None else (EXAMPLES / name).read_bytes(), **parameters)
    return house.wait_ended(job["id"], within=60)


def test_parts_list__every_row_is_accounted_for(house):
    """The wanted list succeeds; good rows are records, each wrong row is an issue, and the summary counts both."""
    job = run(house, "wanted-list.xml")
    assert job["status"] == "succeeded", job
    summary = job["summary"]
    assert summary["format"] == "bricklink-xml"
    records = house.artifact(job["id"], "records.jsonl").splitlines()
    issues = [json.loads(line) for line in house.artifact(job["id"], "issues.jsonl").splitlines()]
    assert len(records) == summary["lots"] == summary["rows_total"] - summary["rows_rejected"]
    rejected = {issue["row"] for issue in issues if issue["severity"] == "error"}
    assert len(rejected) == summary["rows_rejected"] > 0
    assert sum(json.loads(line)["qty"] for line in records) == summary["pieces"] + summary["spares"]
    assert job["progress"] == 1
    assert {step["name"]: step["status"] for step in job["steps"]} == {"parse": "succeeded", "index": "succeeded"}


def test_document__text_and_thumbnails(house):
    """The PDF yields its text by page and WebPs of two sizes for each page."""
    job = run(house, "instructions.pdf")
    assert job["status"] == "succeeded", job
    pages = [json.loads(line) for line in house.artifact(job["id"], "text.jsonl").splitlines()]
    assert len(pages) == job["summary"]["pages"] == 3
    assert sum(len(page["text"]) for page in pages) == job["summary"]["characters"] > 100
    pictures = [a for a in job["artifacts"] if a["media_type"] == "image/webp"]
    assert len(pictures) == 6
    assert house.artifact(job["id"], pictures[0]["name"])[8:12] == b"WEBP"


def test_model__report_and_picture_or_reason(house):
    """The GLB gets its report, and a picture or a warning that says what is missing."""
    job = run(house, "brick.glb")
    assert job["status"] == "succeeded", job
    assert job["summary"]["watertight"] is True
    assert json.loads(house.artifact(job["id"], "report.json"))["triangles"] == job["summary"]["triangles"] > 100
    drawn = any(a["name"] == "thumbnail-400.webp" for a in job["artifacts"])
    assert drawn or "thumbnail.unavailable" in [w["code"] for w in job["warnings"]]
    assert job["summary"]["verdicts"]["renderable"] is True


def test_search__finds_what_was_parsed(house):
    """A word of the document is found, with the job and the page."""
    job = run(house, "instructions.pdf")
    page = json.loads(house.artifact(job["id"], "text.jsonl").splitlines()[0])
    word = max(re.findall(r"[A-Za-z]+", page["text"]), key=len)
    hits = house.client.get("/v1/search", params={"q": word}).json()["items"]
    assert job["id"] in {hit["job_id"] for hit in hits}
    assert all(word.casefold() in f"{hit['title']} {hit['snippet']}".casefold() for hit in hits[:1])


def test_unreadable_file__fails_with_its_place(house):
    """A truncated XML fails its job with a code, line and column, and the submitter as actor."""
    whole = (EXAMPLES / "wanted-list.xml").read_bytes()
    job = run(house, "cut.xml", whole[: len(whole) // 2])
    assert job["status"] == "failed"
    error = job["error"]
    assert (error["code"], error["actor"], error["step"]) == ("xml.syntax", "submitter", "parse")
    assert error["place"]["line"] > 1
    assert error["place"]["column"] >= 1
    assert job["steps"][0]["attempt"] == 1
    assert job["steps"][1]["error"]["code"] == "step.dependency_failed"


def test_entities__are_refused(house):
    """An XML with entities fails as xml.entity, whatever they would expand to."""
    bomb = b'<!DOCTYPE INVENTORY [<!ENTITY a "3001">]><INVENTORY><ITEM><ITEMID>&a;</ITEMID></ITEM></INVENTORY>'
    assert run(house, "bomb.xml", bomb)["error"]["code"] == "xml.entity"


def test_bare_ampersand__is_repaired_with_a_warning(house):
    """One unescaped & does not cost the list; an issue says so."""
    body = (
        b"<INVENTORY><ITEM><ITEMTYPE>P</ITEMTYPE><ITEMID>3001</ITEMID><COLOR>5</COLOR><MINQTY>2</MINQTY>"
        b"<REMARKS>black & white</REMARKS></ITEM></INVENTORY>"
    )
    job = run(house, "amp.xml", body)
    assert job["status"] == "succeeded", job
    issues = [json.loads(line) for line in house.artifact(job["id"], "issues.jsonl").splitlines()]
    assert [(i["code"], i["severity"]) for i in issues] == [("xml.bare_ampersand", "warning")]
    record = json.loads(house.artifact(job["id"], "records.jsonl"))
    assert record["remarks"] == "black & white"


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [(b"", 400, "input.empty"), (b"just some words\n" * 10, 415, "input.unsupported")],
)
def test_refused_body__leaves_nothing(house, body, status, code):
    """What is refused gets a problem with a code, and leaves neither a job nor bytes."""
    before = house.client.get("/v1/jobs", params={"limit": 200}).json()["items"]
    answer = house.client.post("/v1/jobs", params={"filename": "x.txt"}, content=body)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.headers["content-type"].startswith("application/problem+json")
    assert house.client.get("/v1/jobs", params={"limit": 200}).json()["items"] == before


def test_prefer_wait__answers_with_the_ended_job(house):
    """A submit that may wait gets 200 and the result."""
    answer = house.client.post(
        "/v1/jobs",
        params={"filename": "w.xml"},
        content=(EXAMPLES / "wanted-list.xml").read_bytes(),
        headers={"Prefer": "wait=30"},
    )
    assert (answer.status_code, answer.json()["status"]) == (200, "succeeded")


def test_long_poll__wakes_on_a_change(house):
    """A client that waits with its ETag gets the changed job, not a 304, when the job goes on."""
    job = house.submit("brick.glb", (EXAMPLES / "brick.glb").read_bytes())
    etag = house.client.get(f"/v1/jobs/{job['id']}").headers["etag"]
    seen = house.client.get(f"/v1/jobs/{job['id']}", headers={"If-None-Match": etag, "Prefer": "wait=20"})
    ended = house.wait_ended(job["id"])
    assert seen.status_code == 200 or etag == f'"{ended["version"]}"'


def test_delete__forgets_the_job_and_its_bytes(house):
    """A deleted job is 404 at once, is not found any more, and its bytes leave the store."""
    body = (EXAMPLES / "wanted-list.xml").read_bytes().replace(b"</INVENTORY>", b"<!-- mine --></INVENTORY>")
    job = run(house, "gone.xml", body)
    assert house.client.delete(f"/v1/jobs/{job['id']}").status_code == 204
    assert house.client.get(f"/v1/jobs/{job['id']}").status_code == 404
    assert house.client.get(f"/v1/jobs/{job['id']}/artifacts/records.jsonl").status_code == 404
    sweep(house, "housekeeping.blobs")
    digest = job["file"]["sha256"]

    def stored() -> bool:
        for path in (house.data_dir / "store").rglob("*"):
            with contextlib.suppress(FileNotFoundError, IsADirectoryError):  # going while we look
                if hashlib.sha256(path.read_bytes()).hexdigest() == digest:
                    return True
        return False

    wait_until(lambda: not stored(), within=20, what="the bytes to go")


def test_idempotency_key__makes_one_job(house):
    """The same key and file give the same job; another file under that key is refused."""
    headers = {"Idempotency-Key": f"key-{house.backend}"}
    body = (EXAMPLES / "wanted-list.xml").read_bytes()
    send = lambda content: house.client.post(  # noqa: E731 - three calls of one shape
        "/v1/jobs", params={"filename": "i.xml"}, content=content, headers=headers
    )
    first, again = send(body), send(body)
    assert first.json()["id"] == again.json()["id"]
    assert send(body.replace(b"3001", b"3002")).json()["code"] == "idempotency.mismatch"


def test_ready__names_each_dependency(house):
    """/ready says how ledger, broker, store and workers are, and what the sandbox can do."""
    answer = house.client.get("/ready")
    assert answer.status_code == 200
    text = json.dumps(answer.json())
    for name in ("ledger", "broker", "store", "workers", "parsing"):
        assert name in text


def test_metrics__count_what_happened(house):
    """/metrics shows jobs by status in Prometheus' format."""
    run(house, "wanted-list.xml")
    text = house.client.get("/metrics").text
    assert 'status="succeeded"' in text
    assert "# HELP" in text


def test_logs__carry_the_correlation_id(house):
    """The caller's correlation id stands in the job, in the API's log and in the worker's."""
    answer = house.client.post(
        "/v1/jobs",
        params={"filename": "c.xml"},
        content=(EXAMPLES / "wanted-list.xml").read_bytes(),
        headers={"X-Correlation-Id": f"corr-{house.backend}", "Prefer": "wait=30"},
    )
    assert answer.json()["correlation_id"] == f"corr-{house.backend}"
    assert answer.headers["x-correlation-id"] == f"corr-{house.backend}"
    wait_until(
        lambda: f"corr-{house.backend}" in house.pools["parsing"].logs(), within=10, what="the id in the worker's log"
    )
