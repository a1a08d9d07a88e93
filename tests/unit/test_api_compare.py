"""Comparing over HTTP: two files or two jobs become one upload, whole and repeatable, which the pipeline reads."""

import io
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from reference import resources
from support.context import FolderContext
from support.faces import XML, Caller, Rooms

from jobs.errors import InputError
from jobs.outcomes import Succeeded
from pipelines import parts_list_diff

LEFT = b"Part,Color,Quantity\n3001,4,3\n3002,1,2\n3003,0,1\n"
RIGHT = b"Part,Color,Quantity\n3001,4,5\n3002,0,2\n3020,4,1\n3003,0,1\n"


@pytest.fixture
def rooms(tmp_path: Path) -> Iterator[Rooms]:
    made = Rooms(tmp_path / "rooms", max_bytes=300_000)
    yield made
    made.close()


@pytest.fixture
def caller(rooms: Rooms) -> Iterator[Caller]:
    made = Caller(rooms)
    yield made
    made.close()


def files(left=LEFT, right=RIGHT):
    return {"left": ("before.csv", left), "right": ("after.csv", right)}


def pair_of(rooms, job):
    """The stored upload of a comparison."""
    key = rooms.ledger.get(job["id"], owner="local").file.key
    with rooms.store.open(key) as stored:
        return stored.read()


def compared(folder, pair, **options):
    """What the pipeline makes of it."""
    upload = folder / "pair.zip"
    upload.write_bytes(pair)
    ctx = FolderContext(folder, upload, kind="list-pair", options=options, resources=resources(folder))
    parts_list_diff.compare(ctx)
    return ctx


def read_list(rooms, caller, lots):
    """A job that has read a list, and whose merged lots are `lots`."""
    job = caller.submit(XML)
    content = b"".join(json.dumps(lot).encode() + b"\n" for lot in lots)
    made = rooms.artifact("lots.jsonl", content, media_type="application/x-ndjson")
    rooms.run_step(job["id"], "parse", Succeeded(artifacts=(made,)))
    rooms.run_all(job["id"])
    return job["id"]


def lot(part, qty):
    said = {"item_type": "P", "part_num": part, "raw_id": part, "color_id": 4, "raw_color": 4}
    return said | {"qty": qty, "spares": 0, "name": None}


def test_compare__two_files_become_one_job(rooms, caller, tmp_path):
    """Both files stand in one archive of known kind, and the pipeline tells every difference between them."""
    answer = caller.post("/v1/compare", files=files(), data={"options": '{"spares": true}', "tags": "mine"})
    job = answer.json()
    assert (answer.status_code, job["pipeline"], job["tags"]) == (202, "parts-list-diff", ["mine"])
    assert job["file"]["name"] == "before.csv and after.csv"
    ctx = compared(tmp_path, pair_of(rooms, job), **job["options"])
    assert [(row["change"], row["part_num"], row["delta"]) for row in ctx.lines("diff.jsonl")] == [
        ("quantity", "3001", 2),
        ("color", "3002", 0),
        ("added", "3020", 1),
    ]
    assert ctx.facts["changes"] == {"added": 1, "color": 1, "quantity": 1}
    assert (ctx.facts["left"]["pieces"], ctx.facts["right"]["pieces"], ctx.facts["equal"]) == (6, 9, False)


def test_compare__equal_files_are_equal_bytes(rooms, caller):
    """Nothing in the archive tells of when it was made: the same two lists are stored once, however often they come."""
    first, second = (caller.post("/v1/compare", files=files()).json() for _ in range(2))
    assert first["file"]["sha256"] == second["file"]["sha256"]
    with zipfile.ZipFile(io.BytesIO(pair_of(rooms, first))) as pair:
        assert {name: pair.read(name) for name in pair.namelist()} == {
            "left/before.csv": LEFT,
            "right/after.csv": RIGHT,
        }


def test_compare__equal_lists_say_so(rooms, caller, tmp_path):
    """No difference is a result as well: no line, a table with its header alone, and `equal` in the summary."""
    ctx = compared(tmp_path, pair_of(rooms, caller.post("/v1/compare", files=files(right=LEFT)).json()))
    assert (ctx.facts["equal"], ctx.facts["changes"], ctx.lines("diff.jsonl")) == (True, {}, [])
    assert (ctx.artifacts / "diff.csv").read_text(encoding="utf-8-sig").startswith("change,item_type,part_num,color_id")


def test_compare__lots_of_a_stranger_are_looked_at(rooms, caller, tmp_path):
    """A file called like our own artifact is not believed: what is no lot ends the job with the line at fault."""
    forged = {"left": ("lots.jsonl", b'{"qty": "many"}\n'), "right": ("after.csv", RIGHT)}
    job = caller.post("/v1/compare", files=forged).json()
    with pytest.raises(InputError) as caught:
        compared(tmp_path, pair_of(rooms, job))
    assert caught.value.fault.code == "pair.lots"


def test_compare__large_files_stream_through(rooms, caller):
    """Files of many chunks come out as they went in."""
    large = b"Part,Color,Quantity\n" + b"3001,4,1\n" * 12_000
    job = caller.post("/v1/compare", files=files(left=large)).json()
    with zipfile.ZipFile(io.BytesIO(pair_of(rooms, job))) as pair:
        assert pair.read("left/before.csv") == large
        assert pair.testzip() is None


def test_compare__two_jobs_by_json(rooms, caller, tmp_path):
    """Jobs that have read their lists are compared by what they made of them."""
    left, right = (read_list(rooms, caller, lots) for lots in ([lot("3001", 1)], [lot("3001", 2), lot("3002", 1)]))
    answer = caller.post("/v1/compare", json={"left": left, "right": right})
    assert answer.status_code == 202
    ctx = compared(tmp_path, pair_of(rooms, answer.json()))
    assert ctx.facts["changes"] == {"added": 1, "quantity": 1}


def test_compare__a_job_and_a_file(rooms, caller, tmp_path):
    """A form's side may be the id of a job; the other one is read anew."""
    left = read_list(rooms, caller, [lot("3001", 3)])
    answer = caller.post("/v1/compare", data={"left": left}, files={"right": ("after.csv", RIGHT)})
    assert answer.status_code == 202, answer.text
    ctx = compared(tmp_path, pair_of(rooms, answer.json()))
    assert ctx.facts["changes"] == {"added": 3, "quantity": 1}


@pytest.mark.parametrize(
    ("request_", "status", "code"),
    [
        ({"files": {"left": ("a.csv", LEFT)}}, 400, "request.malformed"),
        ({"files": [("left", ("a", LEFT)), ("left", ("b", LEFT)), ("right", ("c", RIGHT))]}, 400, "request.malformed"),
        ({"files": files() | {"file": ("c.csv", LEFT)}}, 400, "request.malformed"),
        ({"json": {"left": "no-id", "right": "no-id"}}, 404, "job.not_found"),
        ({"json": {"left": "01a1fb55-ee09-7a19-a2eb-3175f0057bfd"}}, 400, "request.malformed"),
        ({"content": b"neither"}, 400, "request.malformed"),
        ({"files": files(), "data": {"options": '{"odd": 1}'}}, 400, "request.malformed"),
        ({"files": files(left=b"x" * 400_000)}, 413, "input.too_large"),
    ],
)
def test_compare__refusals_leave_nothing(rooms, caller, request_, status, code):
    """What can not be compared is refused with its reason, and neither store nor ledger keeps anything of it."""
    answer = caller.post("/v1/compare", **request_)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert rooms.nothing_left()


def test_compare__a_job_that_runs_is_not_ready(caller):
    """A list that is still being read can not be compared yet."""
    job = caller.submit(XML)
    answer = caller.post("/v1/compare", json={"left": job["id"], "right": job["id"]})
    assert (answer.status_code, answer.json()["code"]) == (409, "job.wrong_state")


def test_compare__a_wrong_side_is_named(rooms, caller, tmp_path):
    """Where one list can not be read, the reason says which one."""
    job = caller.post("/v1/compare", files=files(right=b"<INVENTORY><ITEM>")).json()
    with pytest.raises(InputError, match="right") as caught:
        compared(tmp_path, pair_of(rooms, job))
    assert caught.value.fault.code == "xml.syntax"
    assert caught.value.fault.place["side"] == "right"


@pytest.mark.parametrize("columns", [{}, {"raw_id": "Teil", "qty": "Wieviel"}])
def test_compare__text_is_a_list_where_its_columns_are_named(rooms, caller, tmp_path, columns):
    """A side in nobody's words is read by the columns that its options name; without them it is no list."""
    options = json.dumps({"right": {"columns": columns}})
    sides = files(left=b"Part,Color,Quantity\n3001,4,3\n", right=b"Teil;Wieviel\n3001;3\n3002;1\n")
    job = caller.post("/v1/compare", files=sides, data={"options": options}).json()
    if columns:
        ctx = compared(tmp_path, pair_of(rooms, job), **job["options"])
        assert (ctx.facts["left"]["pieces"], ctx.facts["right"]["pieces"]) == (3, 4)
        return
    with pytest.raises(InputError, match="right") as caught:
        compared(tmp_path, pair_of(rooms, job), **job["options"])
    assert caught.value.fault.code == "input.unsupported"
