"""Look-alikes over HTTP: what is the same and what is near, of the caller's own jobs alone."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.faces import Caller, Rooms
from support.sample_jobs import submit

from api.similar_schemas import SimilarList
from jobs.ids import new_id
from jobs.likeness import Family, Fingerprint
from jobs.model import StepKey
from jobs.outcomes import Succeeded

SHAPE = "01" + "80" * 42


@pytest.fixture
def caller(tmp_path: Path) -> Iterator[Caller]:
    rooms = Rooms(tmp_path)
    made = Caller(rooms)
    yield made
    made.close()
    rooms.close()


def model(*, near=SHAPE, exact="ab"):
    return Fingerprint(family=Family.MODEL, exact=exact * 32, near=near)


def picture(near, *, exact="ab"):
    return Fingerprint(family=Family.IMAGE, exact=exact * 32, near=near)


def taken(caller, *prints):
    """A job of the caller whose first step has taken these fingerprints; its id."""
    job = caller.submit()
    caller.rooms.run_step(job["id"], "parse", Succeeded(fingerprints=prints))
    return job["id"]


def similar(caller, job_id, **asked):
    answer = caller.get(f"/v1/jobs/{job_id}/similar", params=asked)
    assert answer.status_code == 200
    SimilarList.model_validate(answer.json())
    return [(one["job_id"], one["why"], one["distance"]) for one in answer.json()["items"]]


def test_similar__copies_come_before_what_looks_alike(caller):
    """The same geometry is named first, the newest before older ones, then near shapes; each says why and how far."""
    older, near, mine = (
        taken(caller, model()),
        taken(caller, model(near="01" + "80" * 41 + "81", exact="cd")),
        taken(caller, model()),
    )
    newer = taken(caller, model())
    taken(caller, model(near="01" + "70" * 42, exact="ef"))
    assert similar(caller, mine) == [
        (newer, "same_geometry", 0),
        (older, "same_geometry", 0),
        (near, "shape", pytest.approx(5 / 10200, abs=1e-6)),
    ]
    assert similar(caller, mine, limit=2) == similar(caller, mine)[:2]
    assert similar(caller, mine, limit=1) == similar(caller, mine)[:1]


def test_similar__pictures(caller):
    """Pictures are likened to pictures, by bits, even where a model has the same hash."""
    taken(caller, model())
    same, near, mine = (
        taken(caller, picture(bits, exact=exact))
        for bits, exact in (("0" * 16, "ab"), ("0" * 15 + "7", "cd"), ("0" * 16, "ab"))
    )
    assert similar(caller, mine) == [(same, "same_picture", 0), (near, "picture", 3)]


def test_similar__says_whether_the_uploads_are_equal(caller):
    """Equal bytes are told from equal content."""
    first, second = taken(caller, model()), taken(caller, model())
    (found,) = caller.get(f"/v1/jobs/{first}/similar").json()["items"]
    files = [caller.get(f"/v1/jobs/{one}").json()["file"]["sha256"] for one in (first, second)]
    assert (found["job_id"], found["same_file"]) == (second, files[0] == files[1])


def test_similar__a_job_without_a_likeness(caller):
    """What has no fingerprint is like nothing."""
    assert similar(caller, caller.submit()["id"]) == []


def test_similar__never_crosses_owners(caller):
    """Another owner's copy is not named, and another owner's job is not there to be asked about."""
    ledger = caller.rooms.ledger
    other = submit(ledger, owner="other").job
    held = ledger.claim(other.id, StepKey("parse"), dispatch=1, worker="w", lease=30).held
    assert ledger.finish(held, Succeeded(fingerprints=(model(),)))[0]
    assert similar(caller, taken(caller, model())) == []
    for unknown in (other.id, new_id(), "abc"):
        answer = caller.get(f"/v1/jobs/{unknown}/similar")
        assert (answer.status_code, answer.json()["code"]) == (404, "job.not_found")


@pytest.mark.parametrize("limit", ["0", "101", "x"])
def test_similar__limits_are_checked(caller, limit):
    """A limit out of bounds is a 400."""
    answer = caller.get(f"/v1/jobs/{new_id()}/similar", params={"limit": limit})
    assert (answer.status_code, answer.json()["code"]) == (400, "request.malformed")
