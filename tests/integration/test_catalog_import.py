"""Catalog imports from submit to swap, in a real sandbox, over a real ledger and store."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.catalog_tables import Importer, laid_out, tables, zipped

from jobs.model import Status
from workers.dispatcher import take_from_dead_workers
from workers.sandbox import Sandbox


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    made = Sandbox(name="catalog-test", preload=())
    yield made
    made.close()


@pytest.fixture
def importer(tmp_path: Path, sandbox: Sandbox) -> Iterator[Importer]:
    made = Importer.build(tmp_path / "data", sandbox, sources=f"file://{tmp_path / 'tables'}")
    yield made
    made.close()


def test_upload__comes_in_force(importer):
    """An uploaded ZIP is compiled in the sandbox and is the catalog in force once its job has succeeded."""
    job = importer.finish(importer.upload(zipped(tables())))
    assert job.status is Status.SUCCEEDED, job.fault
    active = importer.ledger.active_catalog()
    assert (active.job_id, active.counts["parts"], active.counts["colors"]) == (job.id, 20, 4)
    assert {one.name for one in job.artifacts} == {"catalog.sqlite", "fetched.json", "report.json"}
    assert job.summary["counts"]["parts"] == 20


def test_order__takes_what_lies_in_the_folder(importer, tmp_path):
    """An order fetches the tables, keeps them as one ZIP that can be uploaded elsewhere, and puts them in force."""
    source = laid_out(tables(30), tmp_path / "tables")
    job = importer.finish(importer.order(source))
    assert job.status is Status.SUCCEEDED, job.fault
    active = importer.ledger.active_catalog()
    assert (active.job_id, active.counts["parts"], active.notes["source"]) == (job.id, 30, source)
    packed = next(one for one in job.artifacts if one.name == "source.zip")
    elsewhere = importer.activated(importer.store.open(packed.key).read())
    assert importer.ledger.active_catalog().job_id == elsewhere


def test_order__without_news_changes_nothing(importer, tmp_path):
    """Where every table is as it was, the version in force stays; `force` compiles it all the same."""
    source = laid_out(tables(), tmp_path / "tables")
    first = importer.finish(importer.order(source))
    again = importer.finish(importer.order(source))
    assert (again.status, again.summary) == (Status.SUCCEEDED, {"unchanged": True})
    assert importer.ledger.active_catalog().job_id == first.id
    forced = importer.finish(importer.order(source, force=True))
    assert importer.ledger.active_catalog().job_id == forced.id
    laid_out(tables(21), tmp_path / "tables")
    changed = importer.finish(importer.order(source))
    assert importer.ledger.active_catalog().job_id == changed.id


@pytest.mark.parametrize(
    ("files", "code"),
    [
        (tables(10), "catalog.shrunk"),
        (tables(parts="part_num,name,part_cat_id\n3001,a,1\n3001,b,1\n"), "catalog.duplicates"),
        (tables(colors="id,name,rgb,is_trans\n0,Black,05131D,False\n"), "catalog.colors"),
        ({"parts.csv": b"part_num,name,part_cat_id\n1,a,1\n", "elements.csv": b"x\n"}, "catalog.missing"),
        (tables(parts=b"part_num,name,part_cat_id\n" + b"\0" * (40 << 20)), "catalog.unreadable"),
        (
            tables(elements=b"element_id,part_num,color_id,design_id\n" + b"1,3001,4,\n" * (4 << 20)),
            "catalog.too_large",
        ),
        (tables() | {"parts.csv.gz": tables()["parts.csv.gz"][:-20]}, "catalog.unreadable"),
    ],
    ids=["shrunk", "duplicates", "colors", "missing", "long line", "gzip bomb", "cut off"],
)
def test_import__refuses_what_cannot_be_right(importer, files, code):
    """A broken or suspicious catalog fails its job with a code, at once, and the one in force stays."""
    first = importer.activated(zipped(tables(40)))
    job = importer.finish(importer.upload(zipped(files)))
    assert (job.status, job.fault.code, job.fault.actor) == (Status.FAILED, code, "submitter")
    assert importer.ledger.active_catalog().job_id == first


def test_import__force_takes_a_smaller_one(importer):
    """Who knows that a catalog has to be smaller says so."""
    importer.activated(zipped(tables(40)))
    forced = importer.activated(zipped(tables(10)), force=True)
    assert importer.ledger.active_catalog().job_id == forced


def test_import__goes_on_after_a_worker_was_killed(importer):
    """A worker that dies after the swap and before its commit leaves a step that another one repeats, once in effect."""
    job = importer.upload(zipped(tables()))
    assert [importer.step(), importer.step()] == ["fetch", "compile"]
    dispatch = importer.woken.pop()
    key = importer.ledger.get(job.id, owner="local").steps[2].key
    claim = importer.ledger.claim(job.id, key, dispatch=dispatch.dispatch, worker="dead", lease=-1)
    counts = {"parts": 20}
    importer.ledger.activate_catalog(job.id, counts=counts, notes={})  # and no more is heard of it
    assert importer.ledger.expired() == [claim.held]
    take_from_dead_workers(importer.ledger, importer.woken.extend)
    done = importer.finish(job)
    assert done.status is Status.SUCCEEDED
    assert [one.state for one in importer.ledger.catalog_versions()] == ["active"]
    assert importer.ledger.active_catalog().counts == counts


def test_import__two_at_once_leave_the_later_one(importer):
    """Two imports side by side both succeed; the one that was swapped in last is in force."""
    first, second = importer.upload(zipped(tables(20))), importer.upload(zipped(tables(21)))
    assert {importer.finish(one).status for one in (first, second)} == {Status.SUCCEEDED}
    states = {one.job_id: one.state for one in importer.ledger.catalog_versions()}
    assert sorted(states.values()) == ["active", "retired"]
    assert importer.ledger.active_catalog().counts["parts"] in {20, 21}


def test_import__that_was_cancelled_is_not_put_in_force(importer):
    """A cancelled import leaves the catalog in force alone, also where its last step runs already."""
    job = importer.upload(zipped(tables()))
    importer.step(), importer.step()
    importer.ledger.cancel(job.id, owner="local")
    while importer.woken:
        importer.step()
    assert importer.ledger.active_catalog() is None


def test_order__beyond_what_is_allowed_is_refused(importer, tmp_path):
    """A worker fetches from nowhere but the folders that the operator named, whoever wrote the order."""
    laid_out(tables(), tmp_path / "elsewhere")
    job = importer.finish(importer.order(f"file://{tmp_path}/tables/../elsewhere"))
    assert (job.status, job.fault.code) == (Status.FAILED, "catalog.source_refused")
    assert importer.finish(importer.order(f"file://{tmp_path}/elsewhere")).fault.code == "catalog.source_refused"


def test_upload__is_not_fetched_as_well(importer, tmp_path):
    """An upload that names a source, too, fails instead of being either; nothing is fetched."""
    source = laid_out(tables(), tmp_path / "tables")
    job = importer.finish(importer.upload(zipped(tables()), source=source))
    assert (job.status, job.fault.code) == (Status.FAILED, "catalog.order")


def test_fetched__tells_where_it_came_from(importer, tmp_path):
    """The version keeps addresses, sizes and hashes of what it was made from."""
    source = laid_out(tables(), tmp_path / "tables")
    job = importer.finish(importer.order(source))
    said = json.loads(importer.store.open(next(one.key for one in job.artifacts if one.name == "fetched.json")).read())
    assert said["files"]["parts.csv.gz"]["url"] == f"{source}/parts.csv.gz"
    assert importer.ledger.active_catalog().notes["files"] == said["files"]
