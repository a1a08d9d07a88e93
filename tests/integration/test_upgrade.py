"""An upgrade under way: the migration runs first, and processes of the release before go on meanwhile.

The statements of revision 0001 stand here as that release sends them, column by column: they must go on working on the
newest tables (expand), and what they wrote must be run by the newest workers.
"""

import json
import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic import command
from sqlalchemy import Connection, select, text

from broker.messages import StepMessage
from jobs.ids import new_id
from jobs.model import Status, StepKey
from jobs.outcomes import Succeeded
from ledger import Ledger, LetterFilter
from ledger.migrate import configuration
from ledger.schema import dead_letters, step_runs

PARSE, INDEX = StepKey("parse"), StepKey("index")
STEPS = {"parse": ([], "parsing", "queued", 1), "index": (["parse"], "indexing", "waiting", 0)}


@pytest.fixture(params=["sqlite", "postgresql"])
def ledger(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Ledger]:
    """A ledger at revision 0001."""
    if request.param == "sqlite":
        made = Ledger(f"sqlite:///{tmp_path / 'ledger.sqlite3'}")
    else:
        made = Ledger(request.getfixturevalue("postgres_ledger_url"), db_schema=f"t{secrets.token_hex(6)}")

    def to_0001(tx: Connection) -> None:
        if made.database.db_schema:
            tx.execute(text(f'CREATE SCHEMA "{made.database.db_schema}"'))
        config = configuration()
        config.attributes["connection"] = tx
        command.upgrade(config, "0001")

    made.database.writing(to_0001)
    yield made
    made.close()


class Old:
    """A process of release 0001."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._sqlite = ledger.database.is_sqlite

    def submits(self) -> str:
        """A job as that release's API commits it; its id."""
        job_id, key = new_id(), new_id()
        facts = {"name": "a.xml", "size": 3, "sha256": "ab" * 32, "media_type": "text/xml", "kind": "bricklink-xml"}
        step = {"required": True, "timeout": 300.0, "memory": 536870912, "attempts": 4, "attempt": 0, "budget": 4}
        step |= {"escalations": 0, "fence": 0, "progress": 0.0, "message": "", "job_id": job_id, "part": 0}
        self._insert("blobs", key=key, state="pending", lease_until=_Now(), created_at=_Now())
        self._insert(
            "jobs",
            id=job_id, owner="local", pipeline="parts-list", pipeline_version=1, status="queued", file=facts,
            file_key=key, options={}, metadata={}, tags=[], priority=4, correlation_id="c", version=1, summary={},
            warnings=[], created_at=_Now(),
        )  # fmt: skip
        for position, (name, (needs, queue, status, dispatch)) in enumerate(STEPS.items()):
            more = {"queued_at": _Now()} if status == "queued" else {}
            own = {"name": name, "position": position, "queue": queue, "needs": needs, "status": status}
            self._insert("step_runs", **step, **own, dispatch=dispatch, **more)
        message = {"job_id": job_id, "step": "parse", "part": 0, "dispatch": 1, "queue": "parsing"}
        self._insert("outbox", **message, priority=4, correlation_id="c", due_at=_Now(), tries=0)
        self._insert(
            "events", owner="local", job_id=job_id, type="job.submitted", correlation_id="c", data={}, at=_Now()
        )
        return job_id

    def buries(self, job_id: str) -> str:
        """A dead letter as that release writes it; its id."""
        fault = {"code": "step.timeout", "message": "Too long.", "actor": "platform"}
        letter = {"id": new_id(), "owner": "local", "job_id": job_id, "step": "parse", "part": 0, "attempt": 1}
        self._insert("dead_letters", **letter, fault=fault, evidence={"attempts": []}, state="open", created_at=_Now())
        return str(letter["id"])

    def claims(self, job_id: str, *, worker: str) -> None:
        """A claim as that release's worker commits it."""
        self._run(
            "UPDATE step_runs SET status = 'running', attempt = attempt + 1, fence = fence + 1, worker = :worker,"
            f" lease_until = {self._later()}, started_at = {self._now()}"
            " WHERE job_id = :job_id AND name = 'parse' AND part = 0 AND status = 'queued' AND dispatch = 1",
            job_id=job_id,
            worker=worker,
        )
        self._run(
            f"UPDATE jobs SET status = 'running', version = version + 1, started_at = {self._now()} WHERE id = :id",
            id=job_id,
        )
        self._insert(
            "attempts",
            job_id=job_id, step="parse", part=0, fence=1, number=1, worker=worker, memory=536870912, started_at=_Now(),
        )  # fmt: skip

    def _insert(self, table: str, **values: object) -> None:
        columns = ", ".join(values)
        literals = ", ".join(self._literal(value) for value in values.values())
        self._run(f"INSERT INTO {table} ({columns}) VALUES ({literals})")

    def _literal(self, value: object) -> str:
        if isinstance(value, _Now):
            return self._now()
        if isinstance(value, dict | list):
            return "'" + json.dumps(value).replace(":", "\\:") + "'"
        return f"'{value}'" if isinstance(value, str) else str(value).lower()

    def _now(self) -> str:
        return "strftime('%Y-%m-%d %H\\:%M\\:%f000', 'now')" if self._sqlite else "clock_timestamp()"

    def _later(self) -> str:
        ahead = "strftime('%Y-%m-%d %H\\:%M\\:%f000', 'now', '+60 seconds')"
        return ahead if self._sqlite else "clock_timestamp() + interval '60 seconds'"

    def _run(self, statement: str, **values: object) -> None:
        self._ledger.database.writing(lambda tx: tx.execute(text(statement), values))


class _Now:
    """Stands for the database's time."""


def run_to_the_end(ledger: Ledger, job_id: str) -> Status:
    """Be the newest worker for every step of a job."""
    for key in (PARSE, INDEX):
        dispatch = ledger.get(job_id, owner="local").step(key).dispatch
        claim = ledger.claim(job_id, key, dispatch=dispatch, worker="new", lease=20)
        assert claim is not None
        ledger.finish(claim.held, Succeeded())
    return ledger.get(job_id, owner="local").status


def test_upgrade__jobs_of_the_release_before_are_run(ledger):
    """Jobs submitted before the migration, and by an old API after it, are run by new workers to their end."""
    old = Old(ledger)
    before = old.submits()
    ledger.migrate()
    during = old.submits()
    assert [run_to_the_end(ledger, job_id) for job_id in (before, during)] == [Status.SUCCEEDED] * 2


def test_upgrade__a_claim_of_an_old_worker_is_kept_and_taken_over(ledger):
    """What an old worker claimed across the migration stays its own until its lease is over; then a new one takes over."""
    old = Old(ledger)
    job_id = old.submits()
    old.claims(job_id, worker="old")
    ledger.migrate()
    assert ledger.claim(job_id, PARSE, dispatch=1, worker="new", lease=20) is None
    (held,) = ledger.held_by("old")
    assert ledger.finish(held, Succeeded())[0]
    assert ledger.get(job_id, owner="local").step(INDEX).status is Status.QUEUED


def test_upgrade__letters_of_both_releases_can_be_replayed(ledger):
    """Dead letters that an old worker wrote, before and after the migration, are letters of a step."""
    old = Old(ledger)
    first = old.buries(old.submits())
    ledger.migrate()
    second = old.buries(old.submits())
    found = ledger.letters("local", filter=LetterFilter())[0]
    assert {one.id: one.kind for one in found} == {first: "step", second: "step"}


def test_upgrade__only_expands(ledger):
    """Every column that a later revision added to a table of 0001 has a default or may be empty."""
    with ledger.database.engine.connect() as tx:
        before = {
            table.name: set(tx.execute(select(text("*")).select_from(text(table.name)).limit(0)).keys())
            for table in (dead_letters, step_runs)
        }
    ledger.migrate()
    for table in (dead_letters, step_runs):
        added = [column for column in table.columns if column.name not in before[table.name]]
        assert added, "this test looks at tables that changed"
        assert all(column.nullable or column.server_default is not None for column in added)


def test_message__of_the_release_before_and_after_is_read():
    """Arguments of today are read, and those that a later release may add are ignored."""
    job_id = new_id()
    today = StepMessage.read([job_id, "parse", 0, 3])
    assert (today.job_id, today.key, today.dispatch) == (job_id, PARSE, 3)
    assert StepMessage.read([job_id, "parse", 0, 3, {"later": True}]) == today
