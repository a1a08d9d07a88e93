"""From a submitted list to its cost: parsed in the sandbox, priced by the worker's own port, over a loopback service."""

import hashlib
import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from support.catalog_tables import Importer
from support.price_service import PriceService, drops, says

from jobs.model import FileFacts, Job, Status
from ledger import NewJob, Price
from pipelines import pipeline_named
from workers.sandbox import Sandbox

ITEM = "<ITEM><ITEMTYPE>P</ITEMTYPE><ITEMID>{}</ITEMID><COLOR>5</COLOR><MINQTY>2</MINQTY><MAXPRICE>{}</MAXPRICE></ITEM>"
LIST = f"<INVENTORY>{ITEM.format(3001, '0.1000')}{ITEM.format(3002, '-1.0000')}{ITEM.format(3003, '')}</INVENTORY>".encode()


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    made = Sandbox(name="price-test", preload=())
    yield made
    made.close()


@pytest.fixture
def service() -> Iterator[PriceService]:
    made = PriceService(says({"price": "0.3000"}))
    yield made
    made.close()


@pytest.fixture
def worker(tmp_path: Path, sandbox: Sandbox, service: PriceService, monkeypatch) -> Iterator[Importer]:
    monkeypatch.setenv("HEAVYLIFT_PRICE_HTTP_JSON_URL", f"{service.url}/{{part_num}}/{{color_id}}")
    monkeypatch.setenv("HEAVYLIFT_PRICE_HTTP_JSON_HOSTS", "127.0.0.1")
    made = Importer.build(tmp_path / "data", sandbox)
    yield made
    made.close()


def priced(worker: Importer, **options: Any) -> Job:
    """The job of a list with three parts once it has ended."""
    key = worker.ledger.reserve_blob()
    with worker.store.writer(key) as writer:
        writer.write(LIST)
        writer.commit()
    digest = hashlib.sha256(LIST).hexdigest()
    facts = FileFacts(name="w.xml", size=len(LIST), sha256=digest, media_type="text/xml", kind="bricklink-xml", key=key)
    pipeline = pipeline_named("parts-list")
    new = NewJob(
        owner="local",
        pipeline=pipeline,
        file=facts,
        options=pipeline.validated_options(options),
        metadata={},
        tags=(),
        priority=5,
        correlation_id="c",
    )
    made = worker.ledger.submit(new)
    worker.woken.extend(made.dispatches)
    job = worker.finish(made.job)
    assert job.status is Status.SUCCEEDED, job.fault
    return job


def lines(worker: Importer, job: Job, name: str) -> list[dict[str, Any]]:
    """An artifact of JSON lines."""
    key = next(artifact.key for artifact in job.artifacts if artifact.name == name)
    with worker.store.open(key) as file:
        return [json.loads(line) for line in file.read().splitlines()]


def test_list__without_prices_is_not_asked_for(worker, service):
    """A job that does not ask for prices has no such step; its cost is what the list itself says."""
    job = priced(worker, currency="EUR")
    assert {step.name for step in job.steps} == {"parse", "index"}
    assert job.summary["cost"]["currencies"] == {"EUR": {"total": "0.20", "lots": 1}}
    assert service.seen == []


def test_list__each_lot_from_the_first_source_that_knows(worker, service):
    """The list, then the owner's table, then the service: each prices what those before it did not."""
    worker.ledger.put_prices("local", [Price("3002", None, None, "EUR", Decimal("0.2"))])
    job = priced(worker, price=True, currency="EUR")
    assert {step.name: step.queue for step in job.steps}["price"] == "pricing"
    cost = job.summary["cost"]
    assert cost["currencies"] == {"EUR": {"total": "1.20", "lots": 3}}
    assert (cost["status"], cost["sources"]) == ("complete", {"file": 1, "http-json": 1, "table": 1})
    assert [path.split("/")[1] for path, _ in service.seen] == ["3003"]
    assert [line["source"] for line in lines(worker, job, "prices.jsonl")] == ["file", "table", "http-json"]


def test_list__a_service_that_is_down_leaves_a_partial_cost(worker, service):
    """The job succeeds with a warning, with what is known priced and the rest stated."""
    service.acts = [drops]
    job = priced(worker, price=True, currency="EUR")
    cost = job.summary["cost"]
    assert (cost["status"], cost["reason"], cost["priced"], cost["unpriced"]) == ("partial", "unreachable", 1, 2)
    assert cost["currencies"] == {"EUR": {"total": "0.20", "lots": 1}}
    assert "cost.partial" in [warning.code for warning in job.warnings]


def test_list__a_source_that_is_off_is_told(worker):
    """A job that asks for a source which is not set up here is told so."""
    job = priced(worker, price=True, price_sources=["bricklink", "file"])
    assert "cost.source_off" in [warning.code for warning in job.warnings]
    assert job.summary["cost"]["currencies"] == {"unknown": {"total": "0.20", "lots": 1}}
