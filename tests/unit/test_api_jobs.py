"""Reading and changing jobs over HTTP: status, waiting, lists, verbs."""

import asyncio
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import update
from support.faces import XML, Caller, Rooms, until
from support.pdfs import blank_pdf

from api.schemas import ArtifactPage, JobBody, JobPage, PipelinePage, job_json
from jobs.errors import Actor, Fault
from jobs.ids import new_id
from jobs.model import Notice, StepKey
from jobs.outcomes import Failed, Succeeded
from jobs.waiting import WAITS_FOR_MEMORY
from ledger import Progress, WorkerFacts
from ledger.schema import outbox


@pytest.fixture
def rooms(tmp_path: Path) -> Iterator[Rooms]:
    made = Rooms(tmp_path)
    yield made
    made.close()


@pytest.fixture
def caller(rooms: Rooms) -> Iterator[Caller]:
    made = Caller(rooms)
    yield made
    made.close()


PARSER = WorkerFacts(name="w", pool="parsing", host="h", pid=1, concurrency=2, sandbox="full")
BROKEN = Failed(fault=Fault(code="xml.syntax", message="It is cut off.", actor=Actor.SUBMITTER, place={"line": 3}))


def test_show__every_member_is_as_documented(caller):
    """A job in each stage has exactly the members that OpenAPI promises."""
    job = caller.submit(params={"tags": "t", "metadata": '{"a": [1, null]}', "deadline": "2999-01-01T00:00:00Z"})
    JobBody.model_validate(job)
    found = caller.rooms.artifact("records.jsonl", b"{}\n", media_type="application/x-ndjson")
    warned = Notice(code="w.code", message="Look.", step="parse")
    succeeded = Succeeded(artifacts=(found,), summary={"lots": 1}, warnings=(warned,))
    caller.rooms.run_step(job["id"], "parse", succeeded)
    shown = caller.get(f"/v1/jobs/{job['id']}").json()
    JobBody.model_validate(shown)
    assert shown["artifacts"][0]["url"] == f"/v1/jobs/{job['id']}/artifacts/records.jsonl"
    assert (shown["summary"], shown["warnings"]) == (
        {"lots": 1},
        [{"code": "w.code", "message": "Look.", "step": "parse"}],
    )
    caller.rooms.run_step(job["id"], "index", BROKEN)
    failed = caller.get(f"/v1/jobs/{job['id']}").json()
    JobBody.model_validate(failed)
    assert (failed["status"], failed["error"]["code"], failed["error"]["step"]) == ("failed", "xml.syntax", "index")
    assert failed["error"]["place"] == {"line": 3}
    JobPage.model_validate(caller.get("/v1/jobs").json())
    ArtifactPage.model_validate(caller.get(f"/v1/jobs/{job['id']}/artifacts").json())
    PipelinePage.model_validate(caller.get("/v1/pipelines").json())


def test_show__secret_options_are_never_shown(caller):
    """A document's password stands in no answer; that one was given does."""
    job = caller.submit(blank_pdf("[0 0 9 9]"), params={"options": '{"password": "swordfish"}'})
    assert job["options"]["password"] == "***"
    for path in ("/v1/jobs", f"/v1/jobs/{job['id']}", "/v1/pipelines"):
        assert "swordfish" not in caller.get(path).text
    assert caller.submit(blank_pdf("[0 0 9 9]"))["options"]["password"] is None


def waits(job: dict) -> dict[str, dict | None]:
    """What each step waits for, without what stands for nothing."""
    return {
        step["name"]: step["waiting_for"] and {key: value for key, value in step["waiting_for"].items() if value}
        for step in job["steps"]
    }


def test_show__says_what_each_step_waits_for(caller):
    """A waiting step names its needs, a queued one its place in line and what the line waits for."""
    caller.submit()
    url = f"/v1/jobs/{caller.submit()['id']}"
    found = waits(caller.get(url).json())
    nobody = "No worker of pool parsing is alive."
    assert found["parse"] == {"reason": "worker", "queue": "parsing", "place": 2, "detail": nobody}
    assert found["index"] == {"reason": "steps", "steps": ["parse"], "detail": "It needs parse first."}


@pytest.mark.parametrize(
    ("ahead", "detail"),
    [
        (0, "It is the next in the queue parsing."),
        (1, "1 stands before"),
        (2, "2 stand before it in the queue parsing."),
    ],
)
def test_show__waits_for_its_turn(caller, ahead, detail):
    """Where a worker lives, a queued step waits for those before it, and the sentence counts them."""
    caller.rooms.ledger.register(PARSER)
    for _ in range(ahead):
        caller.submit()
    found = waits(caller.get(f"/v1/jobs/{caller.submit()['id']}").json())["parse"]
    assert (found["reason"], found["place"], detail in found["detail"]) == ("turn", ahead + 1, True)


def test_show__waits_for_a_retry(caller):
    """After a failed attempt the time of the next one is told, also in a list, which asks nothing of the ledger."""
    job = caller.submit()
    fault = Fault(code="step.error", message="It broke.", actor=Actor.PLATFORM)
    caller.rooms.run_step(job["id"], "parse", Failed(fault=fault, delay=60.0))
    shown = caller.get(f"/v1/jobs/{job['id']}").json()
    wait = waits(shown)["parse"]
    assert (wait["reason"], wait["retry_at"][-1], wait["place"]) == ("retry", "Z", 1)
    assert wait["detail"].startswith("It is tried again at 20")
    assert (shown["steps"][0]["attempt"], shown["steps"][0]["error"]["code"]) == (1, "step.error")
    listed = waits(caller.get("/v1/jobs").json()["items"][0])["parse"]
    assert listed == {key: wait[key] for key in ("reason", "retry_at", "queue", "detail")}


def test_show__waits_for_a_paused_queue(caller, monkeypatch):
    """Once its queue is paused a step says so, and since when, though its version stands."""
    monkeypatch.setattr("api.recent.WAITS_SECONDS", 0.0)
    url = f"/v1/jobs/{caller.submit()['id']}"
    before = caller.get(url)
    caller.post("/v1/queues/parsing/pause")
    after = caller.get(url)
    assert after.headers["etag"] == before.headers["etag"]
    wait = waits(after.json())["parse"]
    assert wait["reason"] == "paused"
    assert re.fullmatch(r"The queue parsing is paused since 20\d\d-\d\d-\d\d [\d:]{8} UTC\.", wait["detail"])


def test_show__waits_for_the_broker(caller):
    """A message that could not be sent for a while is what a step waits for."""
    job = caller.submit()
    late = datetime.now(UTC) - timedelta(seconds=60)
    caller.rooms.ledger.database.writing(lambda tx: tx.execute(update(outbox).values(due_at=late)))
    wait = waits(caller.get(f"/v1/jobs/{job['id']}").json())["parse"]
    assert (wait["reason"], "broker does not take messages" in wait["detail"]) == ("broker", True)


def test_show__waits_for_memory(caller):
    """A claimed step that its host has no room for says how much it may use."""
    job = caller.submit()
    claim = caller.rooms.ledger.claim(job["id"], StepKey("parse"), dispatch=1, worker="w", lease=30)
    caller.rooms.ledger.report(Progress(held=claim.held, done=0.0, message=WAITS_FOR_MEMORY))
    wait = waits(caller.get(f"/v1/jobs/{job['id']}").json())["parse"]
    size = int(claim.step.memory) // 2**20
    assert (wait["reason"], f"no room yet for the {size} MiB" in wait["detail"]) == ("memory", True)


def test_submit__says_what_the_job_itself_tells(caller):
    """The 202 and a list ask nothing of the ledger: what waits for steps says so, what stands in line says only that."""
    job = caller.submit()
    for shown in (job, caller.get("/v1/jobs").json()["items"][0]):
        JobBody.model_validate(shown)
        found = waits(shown)
        assert found["parse"] == {"queue": "parsing", "detail": "It stands in the queue parsing."}
        assert found["index"]["reason"] == "steps"


def test_show__times_are_rfc_3339_in_utc(caller):
    """Times end in Z whatever zone a value was made in."""
    job = caller.submit()
    assert job["created_at"].endswith("Z")
    model = caller.rooms.ledger.get(job["id"], owner="local")
    shifted = model.evolve(deadline=model.created_at + timedelta(hours=1))
    assert job_json(shifted)["deadline"] == shifted.deadline


@pytest.mark.parametrize("job_id", ["abc", "a%00b", "..", "00000000-0000-0000-0000-000000000000"])
def test_show__unknown_job(caller, job_id):
    """What names no job is a 404 problem, for every verb."""
    for method, url in (
        ("GET", f"/v1/jobs/{job_id}"),
        ("DELETE", f"/v1/jobs/{job_id}"),
        ("POST", f"/v1/jobs/{job_id}/cancel"),
        ("GET", f"/v1/jobs/{job_id}/artifacts"),
    ):
        answer = caller(method, url.replace("..", new_id()))
        assert (answer.status_code, answer.json()["code"]) == (404, "job.not_found"), (method, url)


def test_show__etag_saves_the_body(caller):
    """If-None-Match with the version known answers 304 without a body, in strong and weak form; another one 200."""
    url = f"/v1/jobs/{caller.submit()['id']}"
    etag = caller.get(url).headers["etag"]
    for known in (etag, f"W/{etag}", f'"77", {etag}', "*"):
        answer = caller.get(url, headers={"If-None-Match": known})
        assert (answer.status_code, answer.content, answer.headers["etag"]) == (304, b"", etag)
    assert caller.get(url, headers={"If-None-Match": '"77"'}).status_code == 200


def test_wait__without_a_change_ends_in_304(caller):
    """A long poll on the known version answers 304 once its time is over."""
    url = f"/v1/jobs/{caller.submit()['id']}"
    assert caller.get(url, headers={"If-None-Match": '"1"', "Prefer": "wait=1"}).status_code == 304


def test_wait__without_an_end_answers_the_job(caller):
    """A wait for the end that does not come answers the job as it stands."""
    answer = caller.get(f"/v1/jobs/{caller.submit()['id']}", headers={"Prefer": "respond-async, wait=1"})
    assert (answer.status_code, answer.json()["status"]) == (200, "queued")


def test_wait__many_wake_on_a_change_without_threads(caller):
    """Two hundred clients that wait for one job all hear of its change, and no thread waits with them."""
    url = f"/v1/jobs/{caller.submit()['id']}"

    async def poll():
        return await caller.http.get(url, headers={"If-None-Match": '"1"', "Prefer": "wait=20"})

    async def relabel():
        await until(lambda: caller.rooms.app.state.face.hub.clients == 200)
        return await caller.http.patch(url, json={"tags": ["new"]})

    answers = caller.together(*[poll] * 200, relabel)
    assert {answer.status_code for answer in answers} == {200}
    assert {tuple(answer.json()["tags"]) for answer in answers} == {("new",)}
    assert caller.rooms.app.state.face.hub.clients == 0


def test_wait__for_the_end_sleeps_through_other_changes(caller):
    """Without If-None-Match a wait goes on until the job has ended."""
    job = caller.submit()

    async def wait():
        return await caller.http.get(f"/v1/jobs/{job['id']}", headers={"Prefer": "wait=20"})

    async def work():
        await until(lambda: caller.rooms.app.state.face.hub.clients)
        await asyncio.to_thread(caller.rooms.run_step, job["id"], "parse", Succeeded())
        await asyncio.sleep(0.1)
        assert caller.rooms.app.state.face.hub.clients == 1
        await asyncio.to_thread(caller.rooms.run_all, job["id"])

    answer, _ = caller.together(wait, work)
    assert answer.json()["status"] == "succeeded"


def test_wait__ends_where_the_job_is_deleted(caller):
    """Whoever waits for a job that is deleted meanwhile hears so."""
    job = caller.submit()
    caller.post(f"/v1/jobs/{job['id']}/cancel")
    etag = caller.get(f"/v1/jobs/{job['id']}").headers["etag"]

    async def wait():
        return await caller.http.get(f"/v1/jobs/{job['id']}", headers={"Prefer": "wait=20", "If-None-Match": etag})

    async def forget():
        await until(lambda: caller.rooms.app.state.face.hub.clients)
        return await caller.http.delete(f"/v1/jobs/{job['id']}")

    waited, deleted = caller.together(wait, forget)
    assert (waited.status_code, deleted.status_code) == (404, 204)


def test_wait__submit_answers_200_with_the_ended_job(caller):
    """`Prefer: wait` on a submit answers 200 where the job ends in time, 202 where it does not."""

    async def send():
        return await caller.http.post("/v1/jobs", content=XML, headers={"Prefer": "wait=20"})

    async def work():
        await until(lambda: caller.rooms.app.state.face.hub.clients)
        await asyncio.to_thread(caller.rooms.run_all, caller.rooms.publisher.woken[0].job_id)

    answer, _ = caller.together(send, work)
    assert (answer.status_code, answer.json()["status"]) == (200, "succeeded")
    assert caller.post("/v1/jobs", content=XML, headers={"Prefer": "wait=1"}).status_code == 202


def test_list__pages_newest_first(caller):
    """Pages hold each job once, newest first, until next_cursor is null."""
    made = [caller.submit()["id"] for _ in range(5)]
    seen, cursor = [], None
    while True:
        page = caller.get("/v1/jobs", params={"limit": 2} | ({"cursor": cursor} if cursor else {})).json()
        seen += [job["id"] for job in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert seen == made[::-1]


def test_list__filters(caller):
    """Status, pipeline, batch and tag narrow the list."""
    one = caller.submit(params={"tags": "red", "batch_id": "b"})["id"]
    two = caller.submit(b"%PDF-1.7\n")["id"]
    caller.post(f"/v1/jobs/{two}/cancel")
    for params, expected in (
        ({"status": "cancelled"}, [two]),
        ({"pipeline": "document"}, [two]),
        ({"batch_id": "b"}, [one]),
        ({"parent_job_id": one}, []),
        ({"tag": "red"}, [one]),
        ({"tag": "re"}, []),
    ):
        assert [job["id"] for job in caller.get("/v1/jobs", params=params).json()["items"]] == expected


@pytest.mark.parametrize(
    "params", [{"limit": 0}, {"limit": "x"}, {"status": "nope"}, {"cursor": "x"}, {"tag": "a\0"}, {"limit": 9999}]
)
def test_list__malformed_parameters(caller, params):
    """Parameters that no list knows are a 400 that names the field."""
    body = caller.get("/v1/jobs", params=params).json()
    assert (body["code"], [one["field"] for one in body["errors"]]) == ("request.malformed", list(params))


def test_verbs__cancel_retry_delete(caller):
    """Cancel and retry answer 202 with the job, what does not fit its status 409, delete 204 and then 404."""
    url = f"/v1/jobs/{caller.submit()['id']}"
    refused = caller("DELETE", url)
    assert (refused.status_code, refused.json()["code"]) == (409, "job.wrong_state")
    cancelled = caller.post(f"{url}/cancel")
    assert (cancelled.status_code, cancelled.json()["status"]) == (202, "cancelled")
    assert caller.post(f"{url}/cancel").json()["code"] == "job.wrong_state"
    before = len(caller.rooms.publisher.woken)
    retried = caller.post(f"{url}/retry")
    assert (retried.status_code, retried.json()["status"]) == (202, "queued")
    assert len(caller.rooms.publisher.woken) == before + 1
    assert caller.post(f"{url}/retry").status_code == 409
    caller.post(f"{url}/cancel")
    assert caller("DELETE", url).status_code == 204
    assert caller.get(url).status_code == 404


def test_relabel__replaces_what_is_given(caller):
    """PATCH replaces tags or metadata and leaves the other; the version grows."""
    made = caller.submit(params={"tags": "a", "metadata": '{"x": 1}'})
    url = f"/v1/jobs/{made['id']}"
    changed = caller("PATCH", url, json={"tags": ["b", "b", "c"]}).json()
    assert (changed["tags"], changed["metadata"], changed["version"]) == (["b", "c"], {"x": 1}, 2)
    assert caller("PATCH", url, json={"metadata": {}}).json()["metadata"] == {}


@pytest.mark.parametrize(
    "content",
    ["{", "[]", '{"tagz": []}', '{"tags": "a"}', '{"tags": [""]}', '{"metadata": {"a": "\\u0000"}}', "x" * 70_000],
)
def test_relabel__malformed(caller, content):
    """A PATCH that says nothing usable is a 400 and changes nothing."""
    url = f"/v1/jobs/{caller.submit()['id']}"
    assert caller("PATCH", url, content=content).json()["code"] == "request.malformed"
    assert caller.get(url).json()["version"] == 1


def test_progress__is_shown_while_a_step_runs(caller):
    """A claimed step counts as running, and its job with it."""
    job = caller.submit()
    model = caller.rooms.ledger.get(job["id"], owner="local")
    key = StepKey("parse")
    assert caller.rooms.ledger.claim(job["id"], key, dispatch=model.step(key).dispatch, worker="w", lease=30)
    shown = caller.get(f"/v1/jobs/{job['id']}").json()
    assert (shown["status"], shown["steps"][0]["status"], shown["steps"][0]["waiting_for"]) == (
        "running",
        "running",
        None,
    )
