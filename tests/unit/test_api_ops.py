"""Dead letters, attempts, queues and reconciliations over HTTP."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from support.faces import Caller, Rooms
from support.sample_jobs import submit

from api.letters import MOST_REPLAYED
from api.ops_schemas import (
    AttemptPage,
    LetterBody,
    LetterDetail,
    LetterPage,
    QueueBody,
    QueuePage,
    ReconcilerPage,
    ReplayedBody,
    RunBody,
    RunPage,
)
from jobs.errors import Actor, Fault
from jobs.ids import new_id
from jobs.model import Memory, StepKey
from jobs.outcomes import Failed, Succeeded, Usage
from jobs.queues import QUEUES
from jobs.reconcilers import RECONCILERS
from ledger import LetterFilter, WorkerFacts

PARSE = StepKey("parse")
TIMEOUT = Failed(
    fault=Fault(code="step.timeout", message="It took too long.", actor=Actor.PLATFORM),
    usage=Usage(seconds=2.5, cpu_seconds=1.5, peak_memory=7_000_000, signal=9),
)


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


def dead(caller: Caller, outcome: Failed = TIMEOUT) -> dict:
    """A job whose first step was given up."""
    job = caller.submit()
    caller.rooms.run_step(job["id"], "parse", outcome)
    return job


def letters(caller: Caller, **params: object) -> list[dict]:
    answer = caller.get("/v1/dead-letters", params=params)
    assert answer.status_code == 200, answer.text
    return answer.json()["items"]


def foreign_letter(caller: Caller) -> str:
    """A dead letter of another owner."""
    ledger = caller.rooms.ledger
    job = submit(ledger, owner="other").job
    claim = ledger.claim(job.id, PARSE, dispatch=1, worker="w", lease=30)
    ledger.finish(claim.held, TIMEOUT)
    (letter,) = ledger.letters("other", filter=LetterFilter())[0]
    return letter.id


def test_letters__every_member_is_as_documented(caller):
    """A list shows open letters newest first; one letter names its input and shows each attempt's own story."""
    first, second = dead(caller), dead(caller)
    page = caller.get("/v1/dead-letters").json()
    LetterPage.model_validate(page)
    assert [one["job_id"] for one in page["items"]] == [second["id"], first["id"]]
    letter = caller.get(f"/v1/dead-letters/{page['items'][1]['id']}").json()
    LetterDetail.model_validate(letter)
    assert letter["file"] == first["file"]
    assert (letter["step"], letter["attempt"], letter["error"]["code"]) == ("parse", 1, "step.timeout")
    (attempt,) = letter["evidence"]["attempts"]
    assert (attempt["outcome"], attempt["signal"], attempt["peak_memory"]) == ("failed", 9, 7_000_000)


def test_letters__filters_and_pages(caller):
    """State, code, step and job narrow the list; pages hold each letter once."""
    other = Failed(fault=Fault(code="step.cpu_limit", message="It computed too long.", actor=Actor.PLATFORM))
    first, second = dead(caller), dead(caller, other)
    for params, expected in (
        ({"code": "step.timeout"}, [first["id"]]),
        ({"job_id": second["id"]}, [second["id"]]),
        ({"step": "index"}, []),
        ({"state": "discarded"}, []),
        ({"state": "all"}, [second["id"], first["id"]]),
    ):
        assert [one["job_id"] for one in letters(caller, **params)] == expected, params
    page = caller.get("/v1/dead-letters", params={"limit": 1}).json()
    assert [one["job_id"] for one in letters(caller, limit=1, cursor=page["next_cursor"])] == [first["id"]]


@pytest.mark.parametrize("params", [{"state": "lost"}, {"limit": 0}, {"cursor": "x"}, {"code": "a\0"}])
def test_letters__malformed_parameters(caller, params):
    """Parameters that no list knows are a 400 that names the field."""
    body = caller.get("/v1/dead-letters", params=params).json()
    assert (body["code"], [one["field"] for one in body["errors"]]) == ("request.malformed", list(params))


def test_replay__runs_the_step_again(caller):
    """A replay answers 202 with the closed letter, wakes the publisher, and the job goes on; a second one is a 409."""
    job = dead(caller)
    url = f"/v1/dead-letters/{letters(caller)[0]['id']}"
    woken = len(caller.rooms.publisher.woken)
    answer = caller.post(f"{url}/replay")
    LetterBody.model_validate(answer.json())
    assert (answer.status_code, answer.json()["state"]) == (202, "replayed")
    assert [one.job_id for one in caller.rooms.publisher.woken[woken:]] == [job["id"]]
    assert caller.rooms.run_all(job["id"]).status == "succeeded"
    again = caller.post(f"{url}/replay")
    assert (again.status_code, again.json()["code"]) == (409, "letter.wrong_state")
    assert caller.post(f"{url}/discard").json()["code"] == "letter.wrong_state"


def test_discard__closes_it_for_good(caller):
    """A discarded letter is answered with 200, leaves the list of open ones, and cannot be replayed."""
    dead(caller)
    url = f"/v1/dead-letters/{letters(caller)[0]['id']}"
    answer = caller.post(f"{url}/discard")
    assert (answer.status_code, answer.json()["state"]) == (200, "discarded")
    assert letters(caller) == []
    assert caller.post(f"{url}/replay").status_code == 409


def test_message_letter__names_no_file_and_is_only_discarded(caller):
    """A message that nobody could read is a letter with its bytes; a replay of it says why not."""
    kept = caller.rooms.ledger.keep_message(body=b"\xff", headers={}, reason="rejected", queue="parsing")
    letter = caller.get(f"/v1/dead-letters/{kept}").json()
    LetterDetail.model_validate(letter)
    assert (letter["kind"], letter["file"], letter["evidence"]["body_base64"]) == ("message", None, "/w==")
    refused = caller.post(f"/v1/dead-letters/{kept}/replay").json()
    assert (refused["code"], "only be discarded" in refused["detail"]) == ("letter.wrong_state", True)
    assert caller.post("/v1/dead-letters/replay", json={"all": True}).json()["replayed"] == []
    assert caller.post(f"/v1/dead-letters/{kept}/discard").status_code == 200


def test_letter__of_a_deleted_job(caller):
    """A letter outlives its job: its evidence stays, and no file is named."""
    job = dead(caller)
    letter = letters(caller)[0]["id"]
    assert caller("DELETE", f"/v1/jobs/{job['id']}").status_code == 204
    found = caller.get(f"/v1/dead-letters/{letter}").json()
    assert (found["state"], found["file"], len(found["evidence"]["attempts"])) == ("discarded", None, 1)


@pytest.mark.parametrize("whose", ["nobody", "other", "malformed"])
def test_letter__not_found(caller, whose):
    """An unknown id, one of another owner and what is no id at all are the same 404, for every verb."""
    letter = {"nobody": new_id, "other": lambda: foreign_letter(caller), "malformed": lambda: "abc"}[whose]()
    for method, url in (("GET", ""), ("POST", "/replay"), ("POST", "/discard")):
        answer = caller(method, f"/v1/dead-letters/{letter}{url}")
        assert (answer.status_code, answer.json()["code"]) == (404, "letter.not_found"), url
    assert letters(caller, state="all") == []


def test_replay_many__by_id_tells_what_was_refused(caller):
    """Those that can run again do; each of the others has its reason; other owners' letters are not there."""
    jobs = [dead(caller) for _ in range(3)]
    ids = [one["id"] for one in letters(caller)]
    caller.post(f"/v1/dead-letters/{ids[0]}/discard")
    unknown, foreign = new_id(), foreign_letter(caller)
    answer = caller.post("/v1/dead-letters/replay", json={"ids": [*ids, ids[2], unknown, foreign, "a\0"]})
    body = answer.json()
    ReplayedBody.model_validate(body)
    assert (answer.status_code, body["replayed"], body["left"]) == (200, ids[1:], 0)
    assert body["refused"].keys() == {ids[0], unknown, foreign, "a\0"}
    assert "discarded" in body["refused"][ids[0]]
    assert {body["refused"][name] for name in (unknown, foreign, "a\0")} == {"there is no such letter"}
    assert {caller.get(f"/v1/jobs/{job['id']}").json()["status"] for job in jobs[:2]} == {"queued"}


def test_replay_many__by_code_paced_and_oldest_first(caller):
    """Open letters of a code run again in the order in which they were given up, spread by the pace."""
    jobs = [dead(caller) for _ in range(3)]
    dead(caller, Failed(fault=Fault(code="step.cpu_limit", message="It computed too long.", actor=Actor.PLATFORM)))
    body = caller.post("/v1/dead-letters/replay", json={"code": "step.timeout", "per_second": 0.5}).json()
    assert (len(body["replayed"]), body["refused"]) == (3, {})
    starts = [caller.rooms.ledger.get(job["id"], owner="local").step(PARSE).not_before for job in jobs]
    assert starts[0] is None
    assert timedelta(seconds=1) < starts[2] - starts[1] < timedelta(seconds=10)
    assert [one["error"]["code"] for one in letters(caller)] == ["step.cpu_limit"]


def test_replay_many__by_step_and_all(caller):
    """A step picks its letters, `all` picks every open one."""
    dead(caller)
    assert caller.post("/v1/dead-letters/replay", json={"step": "index"}).json()["replayed"] == []
    assert len(caller.post("/v1/dead-letters/replay", json={"all": True}).json()["replayed"]) == 1


@pytest.mark.parametrize(
    "content",
    [
        "{",
        "{}",
        '{"ids": []}',
        '{"all": false}',
        '{"all": true, "code": "x"}',
        '{"ids": ["a"], "all": true}',
        '{"all": true, "per_second": 0}',
        '{"every": true}',
        '{"code": "a\\u0000"}',
        f'{{"ids": [{",".join(["1"] * (MOST_REPLAYED + 1))}]}}',
    ],
)
def test_replay_many__malformed(caller, content):
    """A body that does not name letters in exactly one way is a 400, and nothing runs."""
    dead(caller)
    answer = caller.post("/v1/dead-letters/replay", content=content)
    assert (answer.status_code, answer.json()["code"]) == (400, "request.malformed")
    assert len(letters(caller)) == 1


def test_attempts__each_with_its_own_story(caller):
    """Every try is shown with what it used and how it ended; one that runs has no outcome yet."""
    job = caller.submit()
    transient = Failed(fault=Fault(code="step.lost", message="It was lost.", actor=Actor.NOBODY), usage=TIMEOUT.usage)
    caller.rooms.run_step(job["id"], "parse", Failed(fault=transient.fault, delay=0.0, usage=TIMEOUT.usage))
    caller.rooms.run_step(job["id"], "parse", Succeeded())
    queued = caller.rooms.ledger.get(job["id"], owner="local").step(StepKey("index"))
    assert caller.rooms.ledger.claim(job["id"], queued.key, dispatch=queued.dispatch, worker="w2", lease=30)
    page = caller.get(f"/v1/jobs/{job['id']}/attempts").json()
    AttemptPage.model_validate(page)
    first, second, third = page["items"]
    assert (first["step"], first["number"], first["outcome"], first["error"]["code"]) == (
        "parse",
        1,
        "failed",
        "step.lost",
    )
    assert (first["signal"], first["peak_memory"], first["seconds"], first["cpu_seconds"]) == (9, 7_000_000, 2.5, 1.5)
    assert first["memory"] in list(Memory)
    assert (second["number"], second["outcome"], second["error"]) == (2, "succeeded", None)
    assert (third["step"], third["worker"], third["outcome"], third["finished_at"]) == ("index", "w2", None, None)


@pytest.mark.parametrize("whose", ["nobody", "other", "malformed"])
def test_attempts__of_no_job(caller, whose):
    """Unknown jobs and those of other owners have no attempts: 404."""
    made = {"nobody": new_id, "other": lambda: submit(caller.rooms.ledger, owner="other").job.id}.get(whose)
    answer = caller.get(f"/v1/jobs/{made() if made else 'abc'}/attempts")
    assert (answer.status_code, answer.json()["code"]) == (404, "job.not_found")


def test_queues__show_how_full_they_are(caller):
    """Every queue is listed with its purpose, what waits and runs, its living workers and the oldest wait."""
    job = caller.submit()
    caller.rooms.ledger.register(WorkerFacts(name="w", pool="parsing", host="h", pid=1, concurrency=2, sandbox="full"))
    page = caller.get("/v1/queues").json()
    QueuePage.model_validate(page)
    found = {one["name"]: one for one in page["items"]}
    assert found.keys() == QUEUES.keys()
    parsing = found["parsing"]
    assert (parsing["queued"], parsing["running"], parsing["workers"], parsing["paused"]) == (1, 0, 1, False)
    assert parsing["oldest_queued_at"] >= job["created_at"]
    assert parsing["purpose"] == QUEUES["parsing"].purpose
    assert found["thumbnails"]["oldest_queued_at"] is None


def test_queues__pause_and_resume(caller):
    """A paused queue lets nobody claim and says since when; resumed, it does again; both may be said twice."""
    job = caller.submit()
    for _ in range(2):
        answer = caller.post("/v1/queues/parsing/pause")
        QueueBody.model_validate(answer.json())
        assert (answer.status_code, answer.json()["paused"]) == (200, True)
        assert answer.json()["paused_at"].endswith("Z")
    claim = lambda: caller.rooms.ledger.claim(job["id"], PARSE, dispatch=1, worker="w", lease=30)  # noqa: E731 - twice
    assert claim() is None
    for _ in range(2):
        answer = caller.post("/v1/queues/parsing/resume")
        assert (answer.status_code, answer.json()["paused"], answer.json()["paused_at"]) == (200, False, None)
    assert claim() is not None


def test_queues__unknown_name(caller):
    """A name that no queue has is a 404 that lists those that there are, and changes nothing."""
    for verb in ("pause", "resume"):
        answer = caller.post(f"/v1/queues/pasring/{verb}")
        assert (answer.status_code, answer.json()["code"]) == (404, "queue.not_found")
        assert "parsing, validation" in answer.json()["detail"]
    assert caller.rooms.ledger.paused_queues() == set()


def test_reconciliations__a_run_on_request(caller):
    """A request is a 202 with the run and its address; once it was run its row says what was found."""
    answer = caller.post("/v1/reconciliations", json={"name": "store"})
    run = answer.json()
    RunBody.model_validate(run)
    assert (answer.status_code, run["name"], run["state"]) == (202, "store", "requested")
    assert answer.headers["location"] == f"/v1/reconciliations/{run['id']}"
    caller.rooms.ledger.end_run(run["id"], state="done", checked=9, repaired=1, left_alone=2, notes=["object x: lost"])
    ended = caller.get(answer.headers["location"]).json()
    RunBody.model_validate(ended)
    assert (ended["state"], ended["checked"], ended["repaired"], ended["left_alone"]) == ("done", 9, 1, 2)
    assert ended["notes"] == ["object x: lost"]


def test_reconciliations__list_filters_and_pages(caller):
    """Runs come newest first; a name and `found` narrow them; pages hold each once."""
    asked = [
        caller.post("/v1/reconciliations", json={"name": name}).json()["id"] for name in ("store", "index", "store")
    ]
    caller.rooms.ledger.end_run(asked[1], state="failed", notes=["the index does not answer"])
    page = caller.get("/v1/reconciliations", params={"limit": 2}).json()
    RunPage.model_validate(page)
    rest = caller.get("/v1/reconciliations", params={"limit": 2, "cursor": page["next_cursor"]}).json()
    assert [run["id"] for run in page["items"] + rest["items"]] == asked[::-1]
    for params, expected in (({"name": "store"}, [asked[2], asked[0]]), ({"found": "true"}, [asked[1]])):
        found = caller.get("/v1/reconciliations", params=params).json()["items"]
        assert [run["id"] for run in found] == expected


def test_reconciliations__unknown_names_and_runs(caller):
    """An unknown reconciler and an unknown run are 404s of their own; a body without a name is a 400."""
    answer = caller.post("/v1/reconciliations", json={"name": "everything"})
    assert (answer.status_code, answer.json()["code"]) == (404, "reconciler.not_found")
    assert "store" in answer.json()["detail"]
    for run in (new_id(), "abc"):
        answer = caller.get(f"/v1/reconciliations/{run}")
        assert (answer.status_code, answer.json()["code"]) == (404, "reconciliation.not_found")
    assert caller.post("/v1/reconciliations", json={}).json()["code"] == "request.malformed"


def test_reconcilers__all_are_listed(caller):
    """Every reconciler is there with its purpose and rhythm."""
    page = caller.get("/v1/reconcilers").json()
    ReconcilerPage.model_validate(page)
    assert {one["name"]: one["every"] for one in page["items"]} == {
        name: row.every for name, row in RECONCILERS.items()
    }
