"""Search over HTTP: what is found, filtered, counted and paged; what was just written; what is refused, and how."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.search_desk import SearchDesk, row, search_desk

from api.search_schemas import HitPage, SuggestionList


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[SearchDesk]:
    with search_desk(tmp_path) as made:
        yield made


def test_search__a_hit_tells_job_place_snippet_and_marks(desk):
    """A hit has the documented shape, and its marks stand where the words do."""
    job = desk.submit("falcon.xml", tags=["urgent"])
    desk.index(job, row(7, "Brick 2 x 4", "brown remark", color="Dark Red", parts=("3001",)))
    page = desk.find("brown", facet="color,tag")
    HitPage.model_validate(page)
    (hit,) = page["items"]
    assert {name: hit[name] for name in ("job_id", "artifact", "place", "file_name", "kind", "status")} == {
        "job_id": job,
        "artifact": "records.jsonl",
        "place": "row 7",
        "file_name": "falcon.xml",
        "kind": "bricklink-xml",
        "status": "queued",
    }
    assert [hit["snippet"][start:end] for start, end in hit["marks"]] == ["brown"]
    assert (page["total"], page["degraded"], page["corrected"]) == (1, False, [])
    assert page["facets"] == {"color": {"Dark Red": 1}, "tag": {"urgent": 1}}


def test_search__filters_narrow_down_without_words(desk):
    """Each filter alone is a question; those of files are answered with files, part and color with rows."""
    first, other = desk.submit("a.xml", tags=["x", "y"]), desk.submit("b.xml", tags=["x"])
    desk.index(first, row(1, "Brick", color="Red", parts=("3001",)))
    desk.index(other, row(1, "Plate", color="Blue", parts=("3020",)))
    files = {(first, "file"), (other, "file")}
    assert set(desk.places(kind="bricklink-xml")) == files
    assert set(desk.places(pipeline="parts-list", status="QUEUED")) == files
    assert desk.places(tag="x,y") == desk.places("", tag=["x", "y"]) == [(first, "file")]
    assert desk.places(color="blue") == desk.places(part="3020,9999") == [(other, "row 1")]
    assert set(desk.places(created_from="2020-01-01", size_min="1", size_max="1e9")) == files
    assert desk.places(created_to="2020-01-01T00:00:00Z") == desk.places(pieces_min=1) == []


def test_search__pages_and_orders(desk):
    """A cursor goes on where the page ended, in the order asked for."""
    jobs = [desk.submit(f"{name}.xml") for name in "cab"]
    desk.catch_up()
    assert [job for job, _place in desk.places(kind="bricklink-xml", sort="name")] == [jobs[1], jobs[2], jobs[0]]
    page = desk.find(kind="bricklink-xml", sort="oldest", limit=2)
    rest = desk.find(kind="bricklink-xml", sort="oldest", limit=2, cursor=page["next_cursor"])
    assert [one["job_id"] for one in (*page["items"], *rest["items"])] == jobs
    assert (page["total"], rest["total"], rest["next_cursor"]) == (3, 3, None)


def test_search__says_which_words_may_have_typos(desk):
    """An answer for which typos were forgiven names the words."""
    desk.index(desk.submit("list.xml"), row(1, "Falcon"))
    found = desk.find("falcom")
    assert ([hit["title"] for hit in found["items"]], found["corrected"]) == (["Falcon"], ["falcom"])


def test_fresh__a_job_is_found_from_its_202_on(desk):
    """By file name, tag and id, before any index has heard of it, with the same shape and counted in total and facets."""
    desk.catch_up()
    job = desk.submit("Wanted list Żółw.xml", tags=["für Łódź"])
    questions = ("wanted", "żółw", '"wanted list"', "want*", "name:list", "tag:łódź", "łódź", job, f"id:{job[:8]}*")
    for q in questions:
        found = desk.find(q, facet="kind,tag")
        HitPage.model_validate(found)
        assert [(hit["job_id"], hit["place"]) for hit in found["items"]] == [(job, "file")], q
        assert (found["total"], found["degraded"]) == (1, False)
        assert found["facets"] == {"kind": {"bricklink-xml": 1}, "tag": {"für Łódź": 1}}
    assert desk.places("wanted -list") == desk.places("wanted pieces:>1") == desk.places("wanted", tag="other") == []
    assert desk.places("wanted", part="3001") == []


def test_fresh__is_shown_once_and_first(desk):
    """A job that waits to be told anew stands in the index as well: it comes once, before what the index has."""
    older, job = desk.submit("falcon old.xml"), desk.submit("falcon.xml")
    desk.catch_up()
    desk.caller("PATCH", f"/v1/jobs/{older}", json={"tags": ["new"]})
    found = desk.find("falcon", facet="kind")
    assert [hit["job_id"] for hit in found["items"]] == [older, job]
    assert (found["total"], found["facets"]["kind"]) == (2, {"bricklink-xml": 2})
    assert desk.places("tag:new") == [(older, "file")]


@pytest.mark.parametrize("limit", [1, 2, 3, 5])
def test_fresh__no_page_repeats_or_skips(desk, limit):
    """Whatever the size of a page: each job comes once, also where the index hears of them between two pages."""
    for n in range(3):
        desk.submit(f"falcon {n}.xml")
    desk.catch_up()
    fresh = [desk.submit(f"falcon fresh {n}.xml") for n in range(2)]
    cursor, seen = None, []
    for _ in range(9):
        page = desk.find("falcon", sort="newest", limit=limit, **({"cursor": cursor} if cursor else {}))
        assert len(page["items"]) <= limit
        seen += [hit["job_id"] for hit in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
        desk.catch_up()
    assert (len(seen), len(set(seen))) == (5, 5)
    assert fresh[1] == seen[0]


def test_deleted__jobs_leave_at_once(desk):
    """A job that is deleted is no hit any more, though the index has yet to forget it."""
    job = desk.submit("falcon.xml")
    desk.index(job, row(1, "Brick"))
    desk.rooms.ledger.cancel(job, owner="local")
    desk.rooms.ledger.delete(job, owner="local")
    found = desk.find("brick")
    assert (found["items"], found["total"]) == ([], 0)


@pytest.mark.parametrize(
    ("q", "position"), [('"open', 0), ("-", 0), ("a colour:red", 2), ("a pieces:x", 9), ("!!", 0), ("x*y", 1)]
)
def test_refused__queries_with_position_and_cure(desk, q, position):
    """What can't be meant is a 400 of its own code that says where and what to type instead."""
    answer = desk.ask(q)
    body = answer.json()
    assert (answer.status_code, body["code"], body["position"]) == (400, "search.query", position)
    assert body["cure"]
    assert body["cure"] in body["detail"]


@pytest.mark.parametrize("cursor", ["x", "f.", "f.AAAA.", "l.x", "f.!!.x", "é", "a.b.c", "l." + "9" * 36, "." * 5000])
def test_refused__cursors(desk, cursor):
    """A cursor that is not of this question is a 400 that says so."""
    answer = desk.ask("a", cursor=cursor)
    assert (answer.status_code, answer.json()["code"]) == (400, "search.cursor")


@pytest.mark.parametrize(
    ("params", "field"),
    [
        ({}, "q"),
        ({"q": ""}, "q"),
        ({"facet": "shape", "q": "a"}, "facet"),
        ({"q": "a", "limit": "0"}, "limit"),
        ({"q": "a", "limit": "101"}, "limit"),
        ({"q": "a", "limit": "²"}, "limit"),
        ({"q": "a", "sort": "best"}, "sort"),
        ({"pieces_min": "many"}, "pieces_min"),
        ({"pieces_min": "nan"}, "pieces_min"),
        ({"pieces_min": "2", "pieces_max": "1"}, "pieces_max"),
        ({"created_from": "yesterday"}, "created_from"),
        ({"created_from": "0001-01-01T00:00:00+14:00"}, "created_from"),
        ({"created_from": "2026-01-02", "created_to": "2026-01-01"}, "created_to"),
        ({"kind": ",".join(["x"] * 51)}, "kind"),
        ({"tag": "x" * 201}, "tag"),
    ],
)
def test_refused__fields(desk, params, field):
    """Other mistakes name their field."""
    answer = desk.caller.get("/v1/search", params=params)
    assert (answer.status_code, answer.json()["code"]) == (400, "request.malformed")
    assert [one["field"] for one in answer.json()["errors"]] == [field]


def test_suggest__completes_names_parts_and_tags(desk):
    """What was typed goes on as names, part ids, part names and tags of the caller's; nothing typed goes on as nothing."""
    desk.index(desk.submit("falcon.xml", tags=["fast"]), row(1, "x", parts=("3001pr1",), name="Fa Brick"))
    found = desk.find("fa", path="/v1/suggest")
    SuggestionList.model_validate(found)
    assert {(one["text"], one["field"]) for one in found["items"]} == {
        ("falcon.xml", "name"),
        ("fast", "tag"),
        ("Fa Brick", "part_name"),
    }
    assert [one["text"] for one in desk.find("3001", path="/v1/suggest")["items"]] == ["3001pr1"]
    assert len(desk.find("fa", path="/v1/suggest", limit=1)["items"]) == 1
    assert desk.find("", path="/v1/suggest") == {"items": [], "degraded": False}
    assert desk.ask("x" * 201, path="/v1/suggest").json()["code"] == "request.malformed"


def test_similar__by_text(desk):
    """Jobs that have the same rare words are similar, those with more of them nearer, and the answer says why."""
    mine, near, far, none = (desk.submit(f"{name}.xml", content=desk_xml(n)) for n, name in enumerate("abcd"))
    desk.index(mine, row(1, "gearbox housing turbine"))
    desk.index(near, row(1, "gearbox housing turbine"))
    desk.index(far, row(1, "gearbox housing window"))
    desk.index(none, row(1, "door"))
    items = desk.find(path=f"/v1/jobs/{mine}/similar")["items"]
    assert [(one["job_id"], one["why"]) for one in items] == [(near, "text"), (far, "text")]
    assert 0 < items[0]["distance"] < items[1]["distance"] < 1
    assert items[0]["file_name"] == "b.xml"


def desk_xml(number: int) -> bytes:
    """Lists that differ."""
    item = f"<ITEM><ITEMTYPE>P</ITEMTYPE><ITEMID>{3001 + number}</ITEMID><COLOR>5</COLOR><MINQTY>2</MINQTY></ITEM>"
    return f"<INVENTORY>{item}</INVENTORY>".encode()


def test_metrics__questions_are_counted(desk):
    """Questions, those without hits, typos forgiven, pages, suggestions, seconds and what the index waits for."""
    job = desk.submit("falcon.xml")
    desk.index(job, *(row(n, "Brick") for n in range(3)))
    page = desk.find("brick", limit=2)
    desk.find("brick", limit=2, cursor=page["next_cursor"])
    desk.find("nothing")
    desk.find("brikc")
    desk.find("br", path="/v1/suggest")
    desk.submit("waits.xml")
    lines = desk.caller.get("/metrics").text.splitlines()
    for line in (
        'heavylift_search_queries_total{by="index"} 3.0',
        'heavylift_search_queries_total{by="ledger"} 0.0',
        'heavylift_search_zero_hits_total{by="index"} 1.0',
        "heavylift_search_corrected_total 1.0",
        "heavylift_search_pages_total 1.0",
        'heavylift_search_suggestions_total{by="index"} 1.0',
        'heavylift_search_seconds_count{what="find"} 4.0',
        "heavylift_search_breaker_open 0.0",
        "heavylift_search_waiting_jobs 1.0",
    ):
        assert line in lines
    assert any(line.startswith("heavylift_search_lag_seconds") for line in lines)


def test_openapi__names_every_parameter(desk):
    """The document has the parameters that are read, with the ranges of all numbers, and both problems."""
    operation = desk.caller.get("/openapi.json").json()["paths"]["/v1/search"]["get"]
    names = {one["name"] for one in operation["parameters"]}
    assert {"q", "kind", "tag", "color", "part", "facet", "sort", "limit", "cursor", "created_to"} <= names
    assert {"pieces_min", "pieces_max", "triangles_max", "size_min", "height_max"} <= names
    assert {"search.query", "search.cursor"} <= set(
        operation["responses"]["400"]["content"]["application/problem+json"]["examples"]
    )
