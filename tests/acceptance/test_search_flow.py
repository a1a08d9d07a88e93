"""Search on a whole platform: found from the 202 on, then row by row; answered from the ledger while the index is damaged."""

import shutil
import time
from pathlib import Path

import pytest
from support.faces import XML
from support.house import House
from support.waiting import wait_until

from search.breaker import REST


def hits(house: House, q: str, **more: str) -> list[tuple[str, str]]:
    """Jobs and places."""
    return [(one["job_id"], one["place"]) for one in found(house, q, **more)["items"]]


def found(house: House, q: str, **more: str) -> dict:
    answer = house.client.get("/v1/search", params={"q": q, **more})
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


@pytest.mark.parametrize("backend", ["embedded", "real"])
def test_search__finds_a_job_from_its_202_on(build, backend):
    """With no worker at all: by file name, tag and id right after the 202; new tags after a PATCH; gone after a DELETE."""
    house = build(backend)
    house.migrate()
    house.api.start().wait_ready(within=60)
    for n in range(20):
        job = house.submit(f"Millennium Falcon {n:02}.xml", XML, tags=f"urgent,n{n}")["id"]
        own = [(job, "file")]
        assert hits(house, f'falcon "{n:02}"') == hits(house, f"tag:n{n}") == hits(house, job) == own
    assert found(house, "millennium", facet="tag", limit="100")["total"] == 20
    assert house.client.patch(f"/v1/jobs/{job}", json={"tags": ["zebra"]}).status_code == 200
    assert (hits(house, "zebra"), hits(house, "tag:n19")) == ([(job, "file")], [])
    house.client.post(f"/v1/jobs/{job}/cancel")
    assert house.client.delete(f"/v1/jobs/{job}").status_code == 204
    assert hits(house, job) == hits(house, "zebra") == []


@pytest.mark.parametrize("platform", ["embedded"], indirect=True)
@pytest.mark.pools("parsing", "indexing")
def test_search__is_answered_past_a_damaged_index_and_by_it_once_it_is_mended(platform: House):
    """Rows are found; with the index's files gone files are, from the ledger; with the files back rows are again."""
    job = platform.submit("falcon.xml", XML)["id"]
    platform.wait_ended(job)
    wait_until(lambda: (job, "row 1") in hits(platform, "3001"), within=30, what="the row to be found")
    platform.pools["indexing"].stop()
    index, aside = platform.data_dir / "search", platform.folder / "aside"
    shutil.copytree(index, aside)
    for path in (*filter(Path.is_file, index.glob("gen-*/**/*")), index / "CURRENT"):
        path.unlink()
    (index / "CURRENT").write_text("gen-none\n")
    answer = found(platform, "alco")
    assert ([hit["job_id"] for hit in answer["items"]], answer["degraded"]) == ([job], True)
    assert all(found(platform, "falcon")["degraded"] for _ in range(5))
    assert "heavylift_search_breaker_open 1.0" in platform.client.get("/metrics").text
    shutil.rmtree(index)
    aside.rename(index)
    time.sleep(REST)
    wait_until(lambda: (job, "row 1") in hits(platform, "3001"), within=30, what="the index to answer again")
    assert found(platform, "3001")["degraded"] is False
