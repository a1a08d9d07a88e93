"""Parts lists on a real platform: every format at once, compared, priced, corrected, and read by a new catalog."""

import io
import json
import zipfile
from collections.abc import Iterator

import pytest
from generated_items import item
from list_writers import FORMS
from support.house import House
from support.servers import MissingBinary
from support.services import Services

from catalog.sample import FOLDER

SIX = ("wanted list", "bsx", "rebrickable", "ldraw", "full table", "xlsx")
ITEMS = [
    item("3001", 4, 12, price="0.2500"),
    item("6141", 0, 250, price="0.0125"),
    item("3023", 71, 7),
    item("3001", 4, 3, price="0.2500"),
    item("3068b", 15, 1),
]
SAME = ("pieces", "spares", "distinct_parts", "by_color", "by_category", "unresolved", "merged_lots", "rows_rejected")


@pytest.fixture(scope="module")
def house(services: Services) -> Iterator[House]:
    """A platform that reads and prices lists and imports catalogs."""
    try:
        made = House("embedded", services=services)
    except MissingBinary as absent:
        pytest.skip(f"no embedded platform: {absent}")
    try:
        yield made.start("parsing", "indexing", "pricing", "housekeeping")
    finally:
        made.close()


def written(name: str) -> tuple[str, bytes]:
    return f"list{FORMS[name].suffix}", FORMS[name].write(ITEMS)


def ended(house: House, name: str, body: bytes, **parameters: str) -> dict:
    job = house.wait_ended(house.submit(name, body, **parameters)["id"])
    assert job["status"] == "succeeded", job
    return job


def lines(house: House, job_id: str, name: str) -> list[dict]:
    return [json.loads(line) for line in house.artifact(job_id, name).splitlines()]


def test_formats__say_the_same_side_by_side(house):
    """One list in six formats, submitted at once, adds up to the same in each; two of its jobs differ in nothing."""
    ids = [house.submit(*written(name))["id"] for name in SIX]
    jobs = [house.wait_ended(job_id) for job_id in ids]
    assert {job["status"] for job in jobs} == {"succeeded"}, jobs
    summaries = [job["summary"] for job in jobs]
    assert [one["format"] for one in summaries] == [FORMS[name].kind for name in SIX]
    assert {one["verdict"] for one in summaries} == {"clean"}
    assert summaries[0]["pieces"] == 273
    assert {json.dumps({name: one[name] for name in SAME}, sort_keys=True) for one in summaries} == {
        json.dumps({name: summaries[0][name] for name in SAME}, sort_keys=True)
    }
    assert {
        json.dumps(one.get("cost", {}).get("currencies"), sort_keys=True) for one in (summaries[1], summaries[4])
    } == {'{"EUR": {"lots": 2, "total": "6.875"}}'}
    answer = house.client.post("/v1/compare", json={"left": ids[0], "right": ids[3]})
    assert answer.status_code == 202, answer.text
    compared = house.wait_ended(answer.json()["id"])
    assert (compared["status"], compared["summary"]["equal"]) == ("succeeded", True), compared
    fewer = FORMS["bsx"].write([*ITEMS[:2], ITEMS[3], item("3068b", 0, 1)])
    answer = house.client.post("/v1/compare", data={"left": ids[2]}, files={"right": ("later.bsx", fewer)})
    changed = house.wait_ended(answer.json()["id"])
    assert changed["summary"]["changes"] == {"color": 1, "removed": 1}, changed
    removed = next(one for one in lines(house, changed["id"], "diff.jsonl") if one["change"] == "removed")
    assert (removed["part_num"], removed["color_id"], removed["delta"]) == ("3023", 71, -7)


def test_prices__of_the_owner_s_table_give_the_cost(house):
    """A table of prices that was put is asked where a job wants prices: what is priced is summed, the rest is counted."""
    table = "part_num,color_id,condition,currency,unit_price\n3001,4,,EUR,0.20\n6141,,,EUR,0.01\n"
    answer = house.client.put("/v1/prices", content=table.encode(), headers={"Content-Type": "text/csv"})
    assert answer.status_code == 200, answer.text
    options = json.dumps({"price": True, "currency": "EUR"})
    job = ended(house, *written("rebrickable"), options=options)
    assert {step["name"] for step in job["steps"]} == {"parse", "index", "price"}
    cost = job["summary"]["cost"]
    assert (cost["currencies"], cost["priced"], cost["unpriced"], cost["sources"]) == (
        {"EUR": {"total": "5.50", "lots": 2}},
        2,
        2,
        {"table": 2},
    )
    assert "cost" not in ended(house, *written("rebrickable"))["summary"]


def test_correction__holds_from_the_next_list_on(house):
    """What an owner says that a number stands for is how the next list is read; the one before keeps what it found."""
    body = b"Part,Color,Quantity\nqx77731,4,2\n"
    before = ended(house, "list.csv", body)
    said = {"kind": "part", "space": "rebrickable", "raw": "qx77731", "target": "3001"}
    assert house.client.post("/v1/catalog/corrections", json=said).status_code == 201
    after = ended(house, "list.csv", body)
    assert (before["summary"]["unresolved"]["lots"], after["summary"]["unresolved"]["lots"]) == (1, 0)
    (record,) = lines(house, after["id"], "records.jsonl")
    assert (record["part_num"], record["match"]["by"]) == ("3001", "correction")
    assert house.job(before["id"])["summary"] == before["summary"]


def test_catalog__an_import_is_what_the_next_list_is_read_by(house):
    """Once an uploaded catalog is in force, the next job names its version and knows its parts."""
    body = b"Part,Color,Quantity\nmine1,4,2\n3001,4,1\n"
    before = ended(house, "list.csv", body)["summary"]
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted([*FOLDER.glob("*.csv"), *FOLDER.glob("*.json")]):
            more = "mine1,A part of mine,11,Plastic\n" if path.name == "parts.csv" else ""
            archive.writestr(path.name, path.read_text(encoding="utf-8") + more)
    answer = house.client.post("/v1/catalog/imports", params={"filename": "catalog.zip"}, content=packed.getvalue())
    assert answer.status_code == 202, answer.text
    imported = house.wait_ended(answer.json()["id"])
    assert imported["status"] == "succeeded", imported
    after = ended(house, "list.csv", body)["summary"]
    version = house.client.get("/v1/catalog").json()["version"]
    assert before["catalog"]["version"].startswith("sample-1-")
    assert after["catalog"] == {"version": version, "parts": before["catalog"]["parts"] + 1}
    assert (before["unresolved"]["lots"], after["unresolved"]["lots"]) == (1, 0)
    assert imported["id"] in version


def test_text__is_read_where_its_columns_are_named(house):
    """A table in nobody's words is refused by itself, and read where the request names the pipeline and the columns."""
    table = b"Teil;Wieviel\n3001;4\n3002;1\n"
    refused = house.client.post("/v1/jobs", params={"filename": "t.csv"}, content=table)
    assert (refused.status_code, refused.json()["on_request"]) == (415, ["parts-list"])
    options = json.dumps({"columns": {"raw_id": "Teil", "qty": "Wieviel"}})
    summary = ended(house, "t.csv", table, pipeline="parts-list", options=options)["summary"]
    assert (summary["format"], summary["pieces"], summary["verdict"]) == ("text", 5, "clean")
