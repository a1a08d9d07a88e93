"""Ids of outbox rows and events name one row for ever, on SQLite and PostgreSQL."""

import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic import command
from sqlalchemy import Connection, delete, insert, select, text
from support.sample_jobs import NOW, sample_job, submit

from jobs.lifecycle import Event
from jobs.model import Status
from ledger import Ledger
from ledger.apply import log, put_in_outbox
from ledger.migrate import configuration
from ledger.rows import new_job_values
from ledger.schema import events, jobs, outbox


@pytest.fixture(params=["sqlite", "postgresql"])
def ledger(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Ledger]:
    """A ledger of this test alone, at revision 0002."""
    if request.param == "sqlite":
        made = Ledger(f"sqlite:///{tmp_path / 'ledger.sqlite3'}")
    else:
        made = Ledger(request.getfixturevalue("postgres_ledger_url"), db_schema=f"t{secrets.token_hex(6)}")

    def to_0002(tx: Connection) -> None:
        if made.database.db_schema:
            tx.execute(text(f'CREATE SCHEMA "{made.database.db_schema}"'))
        config = configuration()
        config.attributes["connection"] = tx
        command.upgrade(config, "0002")

    made.database.writing(to_0002)
    yield made
    made.close()


def rows(ledger: Ledger, table) -> list[dict]:
    with ledger.database.reading() as tx:
        return [dict(row) for row in tx.execute(select(table).order_by(table.c.id)).mappings()]


def _submitted_then(tx: Connection) -> None:
    """A job as that release entered it: later columns were not there."""
    job = sample_job()
    values = {name: value for name, value in new_job_values(job).items() if name != "unindexed_since"}
    tx.execute(insert(jobs).values(values))
    put_in_outbox(tx, job, [step for step in job.steps if step.status is Status.QUEUED], now=NOW)
    log(tx, job, (Event(type="job.submitted"),), now=NOW)


def test_migrate__keeps_outbox_and_events(ledger):
    """What was written before the migration stands there afterwards, with its ids."""
    ledger.database.writing(_submitted_then)
    before = rows(ledger, outbox), rows(ledger, events)
    ledger.migrate()
    assert (rows(ledger, outbox), rows(ledger, events)) == before
    assert [len(found) for found in before] == [2, 1]


def test_sent__told_late_leaves_the_rows_of_others(ledger):
    """A publisher whose message another one sent meanwhile confirms it again: nothing else leaves the outbox."""
    ledger.migrate()
    ids = [dispatch.id for dispatch in submit(ledger).dispatches]
    ledger.sent(ids)
    waiting = submit(ledger).dispatches
    ledger.sent(ids)
    assert [row["id"] for row in rows(ledger, outbox)] == [dispatch.id for dispatch in waiting]


def test_events__go_on_counting_after_the_log_was_emptied(ledger):
    """A reader that remembers the last event it saw finds the next one, though none is left between."""
    ledger.migrate()
    submit(ledger)
    (last,) = [row["id"] for row in rows(ledger, events)]
    ledger.database.writing(lambda tx: tx.execute(delete(events)))
    submit(ledger)
    assert [row["id"] > last for row in rows(ledger, events)] == [True]
