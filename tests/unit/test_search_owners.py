"""No owner reads another's: by query syntax, filters, facets, suggestions, look-alikes and cursors, in index and ledger."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from support.search_desk import Broken, SearchDesk, row, search_desk

from search.cursors import Cursor
from search.port import EngineError, Put
from search.tantivy_engine import writing
from wiring.search import facts_in


@pytest.fixture(params=["memory", "tantivy"])
def desk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[SearchDesk]:
    engine = Broken() if request.param == "memory" else writing(tmp_path / "index")
    with search_desk(tmp_path / "desk", engine=engine) as made:
        yield made


@pytest.fixture
def theirs(desk: SearchDesk) -> str:
    """A job of Bob's, full of words that Alice must not see; Alice has one of her own that shares some."""
    mine = desk.submit("alice.xml", owner="alice", tags=["shared"])
    desk.index(mine, row(1, "Brick", "shared words gearbox housing turbine"))
    job = desk.submit("secretfile.xml", owner="bob", tags=["secrettag", "shared"])
    secret = row(
        1,
        "secretbrick",
        "secrettext shared words gearbox housing",
        color="Secret Red",
        parts=("9999secret",),
        name="secretname",
    )
    desk.index(job, secret)
    return job


def reads(found: object, job: str) -> bool:
    """Whether anything of Bob's stands in an answer."""
    return job in str(found) or "secret" in str(found).lower()


@pytest.mark.parametrize(
    "q",
    [
        *("shared", "words", "-nothing", "secret", "sec*", '"secrettext shared"', "sekrettag"),
        *("owner:bob", "name:secretfile", "tag:shared", "kind:bricklink", "status:queued", "size:>0", "size:..9g"),
        *("color:red", "part:9999*", "title:secretbrick", "sha256:a*", "bob", '"} OR owner:bob', "shared -alice"),
        *("owner=bob", "shared OR secrettext", "+owner:bob", "(shared)", "[* TO *]", "' OR 1=1 --", "%"),
    ],
)
def test_queries__find_the_callers_own_alone(desk, theirs, q):
    """Whatever is typed: hits, totals and facets are made of what the caller has."""
    answer = desk.ask(q, owner="alice", facet="kind,pipeline,status,tag,color")
    assert answer.status_code in (200, 400)
    if answer.status_code == 200:
        found = answer.json()
        assert not reads({**found, "corrected": []}, theirs)
        assert found["total"] <= 2
        assert all(n <= 1 for counts in found["facets"].values() for n in counts.values())


def test_ids__are_no_key(desk, theirs):
    """The id of another's job finds nothing, as words, field, part of one, or in the path of look-alikes."""
    for q in (theirs, f"id:{theirs}", f"id:{theirs[:20]}*", f'"{theirs}"'):
        assert desk.find(q, owner="alice")["items"] == []
    answer = desk.ask(owner="alice", path=f"/v1/jobs/{theirs}/similar")
    assert (answer.status_code, answer.json()["code"]) == (404, "job.not_found")


def test_filters__of_anothers_values(desk, theirs):
    """Filters by values that only another has find nothing; shared values find the caller's own."""
    for name, value in (("tag", "secrettag"), ("color", "Secret Red"), ("part", "9999secret")):
        assert desk.find(owner="alice", **{name: value})["total"] == 0
    assert [hit["file_name"] for hit in desk.find(owner="alice", tag="shared")["items"]] == ["alice.xml"]


@pytest.mark.parametrize("text", ["s", "se", "sec", "secret", "9999", "shared", "Secret R"])
def test_suggestions__complete_the_callers_own_alone(desk, theirs, text):
    """What only another has is never suggested, nor counted."""
    found = desk.find(text, owner="alice", path="/v1/suggest", limit=100)
    assert not reads(found, theirs)
    assert all(one["jobs"] == 1 for one in found["items"])


def test_similar__names_the_callers_own_alone(desk, theirs):
    """A job that reads like another's has no look-alike there."""
    twin = desk.submit("twin.xml", owner="alice", content=b"<INVENTORY></INVENTORY>")
    desk.index(twin, row(1, "Brick", "shared words gearbox housing turbine"))
    desk.index(desk.submit("else.xml", owner="alice", content=b"<INVENTORY> </INVENTORY>"), row(1, "Plate"))
    found = desk.find(owner="alice", path=f"/v1/jobs/{twin}/similar")
    assert [one["file_name"] for one in found["items"]] == ["alice.xml"]


def test_cursors__open_nothing(desk, theirs):
    """Another's cursor is refused; made up ones show nothing of another's, nor do they hide or tell what there is."""
    for n in range(3):
        desk.index(desk.submit(f"more{n}.xml", owner="bob"), row(1, "secretbrick", "shared"))
    cursor = desk.find("shared", owner="bob", limit=1)["next_cursor"]
    assert desk.ask("shared", owner="alice", limit=1, cursor=cursor).json()["code"] == "search.cursor"
    made_up = (Cursor(behind="ffffffff-ffff-7fff-bfff-ffffffffffff"), Cursor(behind=theirs), Cursor(shown=(theirs,)))
    for one in made_up:
        found = desk.find("shared", owner="alice", cursor=one.text, facet="tag,color")
        assert not reads(found, theirs)
        assert (found["total"] or 0) <= 2


def test_fresh__jobs_of_others_are_not_looked_up(desk, theirs):
    """What another has just submitted is found by nobody else, by name, tag or id."""
    fresh = desk.submit("secretfresh.xml", owner="bob", tags=["secretnew", "shared"])
    for q in ("secretfresh", "secretnew", fresh, "shared", "tag:shared"):
        assert not reads({**desk.find(q, owner="alice"), "corrected": []}, fresh)
    assert desk.find("secretfresh", owner="bob")["items"][0]["job_id"] == fresh


def test_moved__jobs_leave_with_their_owner(desk, theirs):
    """Where the index says that a job is Alice's and the ledger says Bob's, Alice gets no hit."""
    facts = facts_in(desk.ledger, [theirs])[theirs]
    desk.rooms.engine.write([Put(job=replace(facts, owner="alice"), places=(row(1, "stray"),))])
    assert desk.find("stray", owner="alice")["items"] == []


@pytest.mark.parametrize("q", ["secret", "shared", "xml", "a", "tag:shared", "%", "_"])
def test_degraded__answers_are_the_callers_own(tmp_path, q):
    """Without the index the ledger answers by owner as well, with suggestions too."""
    engine = Broken()
    with search_desk(tmp_path, engine=engine) as desk:
        job = desk.submit("secretfile.xml", owner="bob", tags=["secrettag", "shared"])
        desk.submit("alice.xml", owner="alice", tags=["shared"])

        def broken() -> None:
            raise EngineError("gone")

        engine.fault = broken
        for path in ("/v1/search", "/v1/suggest"):
            answer = desk.ask(q, owner="alice", path=path)
            assert answer.status_code in (200, 400)
            assert not reads(answer.json() if answer.status_code == 200 else "", job)
