"""Catalogs, corrections and column mappings over HTTP."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest
from support.catalog_tables import tables, zipped
from support.faces import XML, Caller, Rooms

from api.catalog_schemas import CatalogBody, CorrectionBody, CorrectionPage, MappingBody, MappingPage, SpaceName
from api.schemas import JobBody
from catalog.port import Space
from catalog.sample import sample_version
from config.settings import CatalogSettings
from jobs.errors import Actor, ConfigurationError, Fault
from jobs.outcomes import Failed, Succeeded
from ledger.catalogs import CATALOG
from parsers.wishes import Wishes
from pipelines.catalog_import import ORDER_KIND, ZIP_KIND

ZIP = zipped(tables())
SOURCE = "https://cdn.example.test/downloads"


@pytest.fixture
def rooms(tmp_path: Path) -> Iterator[Rooms]:
    made = Rooms(tmp_path)
    made.settings.catalog = CatalogSettings(url=SOURCE, sources="file:///srv/catalog")
    yield made
    made.close()


@pytest.fixture
def caller(rooms: Rooms) -> Iterator[Caller]:
    made = Caller(rooms)
    yield made
    made.close()


def imported(caller: Caller) -> str:
    """A catalog in force, as workers would put it there; its version."""
    job = caller.post("/v1/catalog/imports", content=ZIP).json()
    rooms = caller.rooms
    made = rooms.artifact(CATALOG, job["id"].encode(), media_type="application/vnd.sqlite3", step="compile")
    rooms.run_step(job["id"], "fetch", Succeeded())
    rooms.run_step(job["id"], "compile", Succeeded(artifacts=(made,)))
    rooms.ledger.activate_catalog(job["id"], counts={"parts": 20}, notes={"source": SOURCE})
    rooms.run_step(job["id"], "activate", Succeeded())
    return str(job["id"])


@pytest.mark.parametrize(
    "body",
    [
        {"content": ZIP, "headers": {"Content-Type": "application/zip"}, "params": {"options": '{"force": true}'}},
        {"files": {"file": ("catalog.zip", ZIP)}, "data": {"options": '{"force": true}', "tags": "a,b"}},
    ],
    ids=["raw", "form"],
)
def test_import__takes_an_upload(caller, body):
    """A ZIP, as it is or in a form, becomes a job of the pipeline, told from its bytes."""
    answer = caller.post("/v1/catalog/imports", **body)
    assert answer.status_code == 202, answer.text
    JobBody.model_validate(answer.json())
    job = caller.rooms.ledger.get(answer.json()["id"], owner="local")
    assert (job.pipeline, job.file.kind, job.options) == ("catalog-import", ZIP_KIND, {"source": None, "force": True})
    assert answer.headers["location"] == f"/v1/jobs/{job.id}"
    assert [step.name for step in job.steps] == ["fetch", "compile", "activate"]
    assert [one.step for one in caller.rooms.publisher.woken] == ["fetch"]


def test_import__fetches_what_is_asked_for(caller):
    """JSON makes an order: its bytes are the job's file, and name the source; by default the daily one."""
    for body, source in (({"source": "file:///srv/catalog/x", "force": True}, "file:///srv/catalog/x"), ({}, SOURCE)):
        answer = caller.post("/v1/catalog/imports", json=body)
        assert answer.status_code == 202, answer.text
        job = caller.rooms.ledger.get(answer.json()["id"], owner="local")
        assert (job.file.kind, job.options) == (ORDER_KIND, {"source": source, "force": "force" in body})
        stored = caller.rooms.store.open(job.file.key).read()
        assert json.loads(stored) == {"catalog": {"source": source}}


def test_import__a_repeat_is_the_same_job(caller):
    """An idempotency key makes one job of two equal requests, leaves no bytes of the second, and refuses another."""
    headers = {"Idempotency-Key": "k"}
    for first in ({"json": {}}, {"content": ZIP}):
        headers["Idempotency-Key"] += "k"
        ids = {caller.post("/v1/catalog/imports", headers=headers, **first).json()["id"] for _ in range(2)}
        assert len(ids) == 1
    assert len(caller.rooms.stored()) == 2
    answer = caller.post("/v1/catalog/imports", headers={"Idempotency-Key": "kk"}, json={"force": True})
    assert answer.json()["code"] == "idempotency.mismatch"


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"json": {"source": "https://evil.test/"}}, 403, "catalog.source_refused"),
        ({"json": {"source": "http://169.254.169.254/latest"}}, 403, "catalog.source_refused"),
        ({"json": {"source": "file:///etc"}}, 403, "catalog.source_refused"),
        ({"json": {"source": "file:///srv/catalog/../../etc"}}, 403, "catalog.source_refused"),
        ({"json": {"source": "\0"}}, 403, "catalog.source_refused"),
        ({"json": {"source": "x" * 3000}}, 400, "request.malformed"),
        ({"json": {"sources": []}}, 400, "request.malformed"),
        ({"json": [1]}, 400, "request.malformed"),
        ({"content": b"{", "headers": {"Content-Type": "application/json; charset=utf-8"}}, 400, "request.malformed"),
        ({"content": b""}, 400, "input.empty"),
        ({"content": XML}, 415, "input.unsupported"),
        ({"content": b"%PDF-1.7\n"}, 415, "input.unsupported"),
        ({"content": zipped({"model.ldr": b"x"})}, 415, "input.unsupported"),
        ({"content": b'{"catalog": {"source": "file:///etc"}}'}, 415, "input.unsupported"),
        ({"content": ZIP, "params": {"pipeline": "noop"}}, 400, "request.malformed"),
        ({"content": ZIP, "params": {"options": '{"force": 3}'}}, 400, "request.malformed"),
    ],
)
def test_import__refuses_the_rest(caller, body, status, code):
    """Other files, other addresses and other words are refused with a code, and nothing is left of them."""
    answer = caller.post("/v1/catalog/imports", **body)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert caller.rooms.nothing_left()


def test_import__without_a_source_of_its_own(caller):
    """A server whose operator set no source asks for one."""
    caller.rooms.settings.catalog = CatalogSettings()
    answer = caller.post("/v1/catalog/imports", json={})
    assert (answer.status_code, answer.json()["code"]) == (409, "catalog.no_source")
    refused = caller.post("/v1/catalog/imports", json={"source": SOURCE})
    assert "HEAVYLIFT_CATALOG_SOURCES" in refused.json()["hint"]


def test_import__nobody_uploads_an_order(caller):
    """What looks like an order is no kind of upload: orders are the platform's own."""
    order = b'{"catalog": {"source": "file:///srv/catalog"}}'
    answer = caller.post("/v1/jobs", content=order, params={"pipeline": "catalog-import"})
    assert answer.json()["code"] == "input.unsupported"


def test_start__refuses_a_source_that_is_none(tmp_path, monkeypatch):
    """A setting that names no folder ends the start with the cure, not the first import."""
    monkeypatch.setenv("HEAVYLIFT_CATALOG_URL", "ftp://example.test/")
    with pytest.raises(ConfigurationError, match="HEAVYLIFT_CATALOG_URL"):
        Rooms(tmp_path)


def test_catalog__is_the_sample_at_first(caller):
    """Before any import the sample is in force; nothing is kept and nothing was tried."""
    found = caller.get("/v1/catalog").json()
    CatalogBody.model_validate(found)
    assert (found["version"], found["is_sample"], found["daily_from"]) == (sample_version(), True, SOURCE)
    assert (found["active"], found["versions"], found["latest_import"]) == (None, [], None)


def test_catalog__shows_versions_and_the_latest_import(caller):
    """Versions come newest first; an import that was refused is told with its reason, and changes nothing."""
    first, second = imported(caller), imported(caller)
    failed = caller.post("/v1/catalog/imports", content=ZIP).json()["id"]
    fault = Fault(code="catalog.shrunk", message="Half of it is gone.", actor=Actor.SUBMITTER)
    caller.rooms.run_step(failed, "fetch", Failed(fault=fault))
    found = caller.get("/v1/catalog").json()
    CatalogBody.model_validate(found)
    assert (found["version"], found["is_sample"], found["active"]["source"]) == (second, False, SOURCE)
    assert [(one["version"], one["state"]) for one in found["versions"]] == [(second, "active"), (first, "retired")]
    assert found["latest_import"]["job_id"] == failed
    assert found["latest_import"]["error"]["code"] == "catalog.shrunk"


def test_delete__spares_the_job_of_a_kept_catalog(caller):
    """The job whose catalog is in force, or kept, is not deleted."""
    for version in (imported(caller), imported(caller)):
        answer = caller("DELETE", f"/v1/jobs/{version}")
        assert (answer.status_code, answer.json()["code"]) == (409, "job.in_use")
    assert caller.get(f"/v1/jobs/{version}").status_code == 200


SAID = {"kind": "part", "space": "bricklink", "raw": " 30O1 ", "target": "3001", "note": "a typo"}


def test_corrections__are_said_listed_and_taken_back(caller):
    """A correction is new at first, replaced then, found by what it is about, and gone once it is deleted."""
    first = caller.post("/v1/catalog/corrections", json=SAID)
    CorrectionBody.model_validate(first.json())
    assert (first.status_code, first.json()["raw"]) == (201, "30o1")
    second = caller.post("/v1/catalog/corrections", json={**SAID, "target": "3002"})
    assert (second.status_code, second.json()["id"]) == (200, first.json()["id"])
    caller.post("/v1/catalog/corrections", json={**SAID, "kind": "color", "raw": "Lt Gray", "target": "-1"})
    page = caller.get("/v1/catalog/corrections").json()
    CorrectionPage.model_validate(page)
    assert [one["raw"] for one in page["items"]] == ["lt gray", "30o1"]
    for params in ({"kind": "part"}, {"raw": "30O1"}, {"kind": "part", "space": "bricklink", "limit": 1}):
        assert caller.get("/v1/catalog/corrections", params=params).json()["items"] == [second.json()]
    gone = f"/v1/catalog/corrections/{first.json()['id']}"
    assert caller("DELETE", gone).status_code == 204
    for address in (gone, "/v1/catalog/corrections/nonsense"):
        assert caller("DELETE", address).json()["code"] == "correction.not_found"


@pytest.mark.parametrize(
    "change",
    [
        {"kind": "set"},
        {"space": "peeron"},
        {"kind": "color", "space": "mpn", "target": "4"},
        {"kind": "color", "target": "red"},
        {"target": "../3001"},
        {"target": ""},
        {"raw": "  "},
        {"raw": "a\0"},
        {"raw": "x" * 201},
        {"note": "\ud800"},
        {"owner": "other"},
    ],
)
def test_corrections__refuse_what_makes_no_sense(caller, change):
    """Each field is checked, and what is wrong is named."""
    answer = caller.post("/v1/catalog/corrections", content=json.dumps({**SAID, **change}))
    assert (answer.status_code, answer.json()["code"]) == (400, "request.malformed")


def test_corrections__have_an_end(caller, monkeypatch):
    """An owner who said very much is told so."""
    monkeypatch.setattr("ledger.corrections.MAX_CORRECTIONS", 0)
    answer = caller.post("/v1/catalog/corrections", json=SAID)
    assert (answer.status_code, answer.json()["code"]) == (409, "owner.full")


def test_corrections__know_every_space():
    """The spaces of the API are those of the catalog."""
    assert set(get_args(SpaceName)) == {space.value for space in Space}


WISHES = {"columns": {"raw_id": "Part No", "qty": 3}, "sheet": "BOM", "header_row": 2, "delimiter": ";"}
WISHES |= {"encoding": "cp1252", "decimal": ",", "id_space": "bricklink", "color_space": "ldraw"}


def test_mappings__are_put_shown_and_deleted(caller):
    """A mapping is kept under its name just as it was said, and makes wishes for a parser."""
    answer = caller("PUT", "/v1/column-mappings/shop-1", json=WISHES)
    MappingBody.model_validate(answer.json())
    assert (answer.status_code, answer.json()["wishes"]) == (201, WISHES)
    Wishes(**answer.json()["wishes"])
    assert caller("PUT", "/v1/column-mappings/shop-1", json={"sheet": 1}).status_code == 200
    assert caller.get("/v1/column-mappings/shop-1").json()["wishes"] == {"columns": {}, "sheet": 1}
    page = caller.get("/v1/column-mappings").json()
    MappingPage.model_validate(page)
    assert [one["name"] for one in page["items"]] == ["shop-1"]
    assert caller("DELETE", "/v1/column-mappings/shop-1").status_code == 204
    for method in ("GET", "DELETE"):
        assert caller(method, "/v1/column-mappings/shop-1").json()["code"] == "mapping.not_found"


@pytest.mark.parametrize(
    "wrong",
    [
        {"columns": {"no_such_field": 1}},
        {"columns": {"qty": 0}},
        {"columns": {"qty": "x" * 300}},
        {"columns": {f"c{n}": n for n in range(200)}},
        {"delimiter": "::"},
        {"encoding": "no-such"},
        {"encoding": "rot13"},
        {"encoding": "a\0b"},
        {"decimal": ";"},
        {"header_row": -1},
        {"id_space": "peeron"},
        {"studio_password": "x"},
        {"sheet": "\ud800"},
    ],
)
def test_mappings__refuse_what_no_parser_could_follow(caller, wrong):
    """Each wish is checked when it is put, not when a list is read."""
    answer = caller("PUT", "/v1/column-mappings/a", content=json.dumps(wrong))
    assert (answer.status_code, answer.json()["code"]) == (400, "request.malformed")
    assert answer.json()["errors"]


@pytest.mark.parametrize("name", ["a b", "-a", "a" * 65, "%00", "ä"])
def test_mappings__names_are_plain(caller, name):
    """A name that could not stand in an address or a command line is refused."""
    for method in ("GET", "PUT", "DELETE"):
        assert caller(method, f"/v1/column-mappings/{name}", json={}).json()["code"] == "request.malformed"


def test_owners__see_their_own(caller):
    """Nobody reads or deletes what another owner said."""
    made, _ = caller.rooms.ledger.put_correction("other", kind="part", space="lego", raw="x", target="1")
    caller.rooms.ledger.put_mapping("other", "theirs", wishes={})
    assert caller.get("/v1/catalog/corrections").json()["items"] == []
    assert caller("DELETE", f"/v1/catalog/corrections/{made.id}").status_code == 404
    assert caller.get("/v1/column-mappings").json()["items"] == []
    assert caller.get("/v1/column-mappings/theirs").status_code == 404
