"""The daily catalog: ordered once a day where a source is set, by whoever looks first."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, update
from support.catalog_tables import Importer, laid_out, tables

from broker import BrokerOptions
from jobs.errors import HeavyliftError
from jobs.ids import new_id
from jobs.model import Status
from jobs.reconcilers import DAY, HOUR
from ledger.schema import jobs
from storage.port import StoreUnavailable
from workers.reconcile import RECONCILE, Findings, Reconciliation, Sides
from workers.reconcile.catalog import _jitter
from workers.sandbox import Sandbox


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    made = Sandbox(name="clock-test", preload=())
    yield made
    made.close()


@pytest.fixture
def importer(tmp_path: Path, sandbox: Sandbox) -> Iterator[Importer]:
    made = Importer.build(tmp_path / "data", sandbox, sources=f"file://{tmp_path}")
    yield made
    made.close()


@pytest.fixture
def sides(importer, tmp_path) -> Sides:
    return Sides(
        ledger=importer.ledger,
        store=importer.store,
        broker=BrokerOptions(url="redis://127.0.0.1:1"),  # nobody there
        wake=importer.woken.extend,
        places_of=lambda _job, _step: (),
        scratch=tmp_path,
        retention_days=30,
        letter_days=90,
        events_days=90,
        orphan_days=7,
        lost_after=60,
        catalog_source=laid_out(tables(), tmp_path / "tables"),
    )


def run(sides: Sides) -> Findings:
    return RECONCILE["catalog"](sides)


def pass_time(importer: Importer, seconds: float) -> None:
    """Let all jobs have been submitted so long ago."""

    def work(tx):
        for row in tx.execute(select(jobs.c.id, jobs.c.created_at)).all():
            earlier = row.created_at - timedelta(seconds=seconds)
            tx.execute(update(jobs).where(jobs.c.id == row.id).values(created_at=earlier))

    importer.ledger.database.writing(work)


def test_catalog__is_off_until_a_source_is_set(sides):
    """Nothing is fetched unless an operator said from where."""
    assert run(replace(sides, catalog_source=" ")) == Findings()
    assert sides.ledger.latest_job("catalog-import") is None


def test_catalog__is_ordered_a_day_after_the_last_one(sides, importer):
    """The first look orders an import; further ones wait while it runs, and for a day after it, whatever came of it."""
    assert run(sides).repaired == 1
    first = importer.ledger.latest_job("catalog-import")
    assert run(sides).repaired == 0
    job = importer.finish(importer.ledger.get(first.job_id, owner="local"))
    assert job.status is Status.SUCCEEDED
    assert importer.ledger.active_catalog().job_id == job.id
    assert run(sides).repaired == 0
    pass_time(importer, DAY - HOUR)
    assert run(sides).repaired == 0
    pass_time(importer, 4 * HOUR)
    assert run(sides).repaired == 1
    assert importer.ledger.latest_job("catalog-import").job_id != first.job_id


def test_catalog__of_two_that_look_at_once_one_orders(sides, importer):
    """Two workers at the same moment order one import, and leave no bytes of a second."""
    with ThreadPoolExecutor(4) as threads:
        found = list(threads.map(run, [sides] * 4))
    assert sum(one.repaired for one in found) == 1
    assert len({one.job_id for one in importer.woken}) == 1
    assert len(list(importer.store.keys())) == 1


def test_catalog__a_store_that_is_away_is_tried_at_the_next_tick(sides, importer, monkeypatch):
    """Where the order cannot be written the run fails with the reason, and orders once the store is back."""

    def away(_key, **_more):
        raise StoreUnavailable("no answer")

    with monkeypatch.context() as broken:
        broken.setattr(importer.store, "writer", away)
        with pytest.raises(HeavyliftError):
            run(sides)
        Reconciliation(sides).tick("catalog", every=HOUR)
    (row,) = importer.ledger.runs(name="catalog")[0]
    assert (row.state, row.notes) == ("failed", ["no answer"])
    Reconciliation(sides).tick("catalog", every=HOUR)
    (row,) = importer.ledger.runs(name="catalog")[0]
    assert (row.state, row.repaired) == ("done", 1)


def test_jitter__spreads_over_two_hours():
    """Installations do not all ask at the same minute, and each asks at another one every day."""
    seen = [_jitter(new_id()) for _ in range(200)]
    assert min(seen) < 0.2 * 2 * HOUR
    assert max(seen) > 0.8 * 2 * HOUR
    assert all(0 <= one < 2 * HOUR for one in seen)
