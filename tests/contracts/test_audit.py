"""The audit on SQLite and on PostgreSQL: a healthy ledger is well, and every check fires on the fault it is for."""

import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

import pytest
from sqlalchemy import Executable, delete, insert, select, text, update
from support.index_damage import counted_twice, findable_for_ever, listed_twice, not_findable, unreadable
from support.sample_jobs import NO_WAIT, fault, sample_job, submit

from audit import Check, Report, audit
from broker import BrokerOptions, Publisher, make_app
from broker.app import BrokerUnavailable, declare
from jobs.errors import Actor
from jobs.model import Artifact, Job, StepKey
from jobs.outcomes import Failed, RetryLater, Succeeded
from ledger import Claim, Ledger, LetterFilter, WorkerFacts
from ledger.apply import put_in_outbox
from ledger.database import db_now
from ledger.schema import artifacts, attempts, blobs, events, jobs, metadata, outbox, step_runs
from search.memory import MemoryEngine
from storage.memory import MemoryStore
from storage.port import StoreUnavailable

PARSE, INDEX, PICTURE = StepKey("parse"), StepKey("index"), StepKey("picture")
LIVING = WorkerFacts(name="w", pool="parsing", host="h", pid=1, concurrency=2, sandbox="full")


@dataclass(frozen=True, kw_only=True)
class House:
    """A ledger and a store, and what tests do with them."""

    ledger: Ledger
    store: MemoryStore
    broker: BrokerOptions  # as files: no process is needed
    index: MemoryEngine = field(default_factory=MemoryEngine)

    def audit(self, *, deep: bool = False, lost_after: float = 60) -> Report:
        sides = {"store": self.store, "broker": self.broker, "index": self.index}
        return audit(self.ledger, **sides, deep=deep, lost_after=lost_after, pause=0)

    def change(self, statement: Executable) -> None:
        """Do something behind the ledger's back."""
        self.ledger.database.writing(lambda tx: tx.execute(statement))

    def sent(self) -> None:
        """Let the broker have all messages that are due, as the publisher does."""
        publisher = Publisher(make_app(self.broker), self.broker, on_sent=self.ledger.sent, on_failed=lambda _ids: None)
        self.change(update(outbox).values(taken_until=None))
        publisher.wake(self.ledger.take_due())
        publisher.close()

    def keep(self, content: bytes) -> tuple[str, str, int]:
        """A reserved key with bytes under it, their hash and size."""
        key = self.ledger.reserve_blob()
        with self.store.writer(key) as writer:
            writer.write(content)
            writer.commit()
        return key, sha256(content).hexdigest(), len(content)

    def submit(self, **more: object) -> Job:
        key, digest, size = self.keep(secrets.token_bytes(20))
        file = replace(sample_job().file, key=key, sha256=digest, size=size)
        return submit(self.ledger, file=file, **more).job

    def take(self, job: Job, key: StepKey = PARSE, **more: object) -> Claim:
        step = self.ledger.get(job.id, owner=job.owner).step(key)
        taken = self.ledger.claim(job.id, key, dispatch=step.dispatch, **{"worker": "w", "lease": 20, **more})
        assert taken is not None
        return taken

    def finish(self, job: Job, key: StepKey, outcome: Succeeded | Failed | RetryLater) -> None:
        assert self.ledger.finish(self.take(job, key).held, outcome)[0]

    def succeed(self, job: Job, *keys: StepKey) -> Job:
        for key in keys:
            kept, digest, size = self.keep(f"{job.id} {key.name}".encode())
            made = Artifact(
                name=f"{key.name}.txt", sha256=digest, size=size, media_type="text/plain", step=key.name, key=kept
            )
            self.finish(job, key, Succeeded(artifacts=(made,)))
        return job


@pytest.fixture(params=["sqlite", "postgresql"])
def house(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[House]:
    if request.param == "sqlite":
        url, db_schema = f"sqlite:///{tmp_path / 'ledger.sqlite3'}", None
    else:
        url, db_schema = request.getfixturevalue("postgres_ledger_url"), f"t{secrets.token_hex(6)}"
    ledger = Ledger(url, db_schema=db_schema, policy=NO_WAIT)
    ledger.migrate()
    # A prefix of its own: within one process kombu believes that a line of a known name is declared everywhere.
    broker = BrokerOptions(url=f"filesystem://{tmp_path / 'broker'}", prefix=f"t{secrets.token_hex(4)}")
    declare(broker)
    yield House(ledger=ledger, store=MemoryStore(), broker=broker)
    ledger.close()


def every_state(house: House) -> int:
    """Jobs in every state that the verbs can bring them to; returns how many."""
    house.submit()
    house.take(house.submit())
    house.succeed(house.submit(), PARSE, INDEX, PICTURE)
    house.finish(house.submit(), PARSE, Failed(fault=fault(actor=Actor.SUBMITTER)))
    refused = house.submit()
    house.finish(refused, PARSE, Failed(fault=fault(actor=Actor.SUBMITTER)))
    house.succeed(refused, PICTURE)
    plain = house.submit()
    house.finish(plain, PICTURE, Failed(fault=fault("step.timeout")))
    house.succeed(plain, PARSE, INDEX)
    tried = house.submit()
    house.finish(tried, PARSE, Failed(fault=fault()))
    house.finish(tried, PARSE, RetryLater(fault=fault("step.released")))
    house.succeed(tried, PARSE)
    gone = house.submit()
    house.take(gone)
    house.ledger.cancel(gone.id, owner="local")
    again = house.submit()
    house.succeed(again, PARSE)
    house.ledger.cancel(again.id, owner="local")
    house.ledger.retry(again.id, owner="local")
    house.succeed(again, INDEX)
    letter = house.submit()
    house.finish(letter, PARSE, Failed(fault=fault("step.timeout")))
    house.succeed(letter, PICTURE)
    replayed = house.submit()
    house.finish(replayed, PICTURE, Failed(fault=fault("step.timeout")))
    house.succeed(replayed, PARSE, INDEX)
    house.ledger.replay_letter(letter_of(house, replayed), owner="local")
    late = house.submit(deadline=datetime.now(UTC) - timedelta(seconds=1))
    house.ledger.expire(late.id)
    house.ledger.delete(house.ledger.cancel(house.submit().id, owner="local").id, owner="local")
    house.ledger.update(late.id, owner="local", tags=("x",))
    house.sent()
    return 12


def letter_of(house: House, job: Job) -> str:
    return house.ledger.letters("local", filter=LetterFilter(job_id=job.id))[0][0].id


def test_audit__a_healthy_ledger_is_well(house):
    """Jobs in every state that the verbs bring them to are well, and each check says how much it looked at."""
    n = every_state(house)
    report = house.audit(deep=True)
    assert report.findings == ()
    assert report.well
    checked = report.checked
    assert {checked[name] for name in ("state", "claim", "reason", "replay", "attempts", "order", "findable")} == {n}
    assert checked["lost"] == n + 1  # one was deleted
    assert checked["object"] == checked["hash"] == checked["content"] > n
    assert checked["messages"] >= checked["queues.queued"] > 0


def test_audit__an_empty_ledger_is_well(house):
    """Where nothing was ever submitted, nothing is wrong."""
    assert house.audit(deep=True).well


def test_audit__changes_nothing_in_the_ledger(house):
    """An audit, a deep one too, leaves every row as it is."""
    every_state(house)

    def everything() -> dict[str, list[tuple[object, ...]]]:
        with house.ledger.database.reading() as tx:
            return {name: sorted(map(tuple, tx.execute(select(t))), key=repr) for name, t in metadata.tables.items()}

    before = everything()
    assert house.audit(deep=True).well
    assert everything() == before


# Each takes a house with one job that has succeeded and one whose first step is running, and breaks something.


def _ended(house: House, running: Job) -> None:
    house.change(update(jobs).where(jobs.c.id == running.id).values(status="succeeded"))


def _nonsense(house: House, running: Job) -> None:
    house.change(update(step_runs).where(step_runs.c.job_id == running.id).values(status="asleep"))


def _forgotten(house: House, running: Job) -> None:
    ended = step_runs.c.job_id == running.id
    house.change(update(step_runs).where(ended).values(status="cancelled", finished_at=db_now(), lease_until=None))


def _unqueued(house: House, running: Job) -> None:
    house.succeed(house.submit(), PARSE)
    house.change(update(step_runs).where(step_runs.c.name == "index").values(status="waiting", finished_at=None))


def _leaseless(house: House, running: Job) -> None:
    house.change(update(step_runs).where(step_runs.c.status == "running").values(lease_until=None))


def _workerless(house: House, running: Job) -> None:
    house.change(update(step_runs).where(step_runs.c.status == "running").values(worker=None))


def _without_attempt(house: House, running: Job) -> None:
    house.change(delete(attempts).where(attempts.c.job_id == running.id))


def _unexplained(house: House, running: Job) -> None:
    job = house.submit(deadline=datetime.now(UTC) - timedelta(seconds=1))
    house.ledger.expire(job.id)
    house.change(update(jobs).where(jobs.c.id == job.id).values(fault=None))


def _half_explained(house: House, running: Job) -> None:
    job = house.submit()
    house.finish(job, PARSE, Failed(fault=fault(actor=Actor.SUBMITTER)))
    house.change(update(step_runs).where(step_runs.c.status == "failed").values(fault={"code": "x.y", "message": "m"}))


def _lease_long_over(house: House, running: Job) -> None:
    house.ledger.register(LIVING)
    house.change(update(step_runs).where(step_runs.c.status == "running").values(lease_until=db_now(-600)))


def _deadline_long_over(house: House, running: Job) -> None:
    house.ledger.register(LIVING)
    house.change(update(jobs).where(jobs.c.id == running.id).values(deadline=db_now(-600)))


def _never_sent(house: House, running: Job) -> None:
    house.ledger.register(LIVING)
    house.submit()
    house.change(update(outbox).values(due_at=db_now(-600)))


def _gone(house: House, running: Job) -> None:
    house.change(delete(jobs).where(jobs.c.id == running.id))


def _miscounted(house: House, running: Job) -> None:
    house.change(update(step_runs).where(step_runs.c.job_id == running.id).values(attempt=4))


def _silent(house: House, running: Job) -> None:
    house.change(delete(events).where(events.c.job_id == running.id, events.c.type == "job.submitted"))


def _condemned(house: House, running: Job) -> None:
    house.change(update(blobs).where(blobs.c.key == running.file.key).values(state="deleting"))


def _other_content(house: House, running: Job) -> None:
    house.change(update(artifacts).values(sha256="00" * 32))


def _missing(house: House, running: Job) -> None:
    house.store.delete(running.file.key)


def _cut_off(house: House, running: Job) -> None:
    house.store._objects[running.file.key] = (b"short", datetime.now(UTC))


def _rotten(house: House, running: Job) -> None:
    content, at = house.store._objects[running.file.key]
    house.store._objects[running.file.key] = (bytes([content[0] ^ 1]) + content[1:], at)


def _attempt_dropped(house: House, running: Job) -> None:
    house.change(delete(attempts).where(attempts.c.job_id != running.id, attempts.c.step == "index"))


def _succeeded_in_two_attempts(house: House, running: Job) -> None:
    with house.ledger.database.reading() as tx:
        done = dict(tx.execute(select(attempts).where(attempts.c.outcome == "succeeded")).mappings().first() or {})
    house.change(insert(attempts).values(done | {"fence": 2}))


def _again(house: House, **where: str) -> None:
    """One more event like the first of that kind, at the end of the log."""
    with house.ledger.database.reading() as tx:
        query = select(events).where(*(events.c[name] == value for name, value in where.items()))
        same = dict(tx.execute(query.order_by(events.c.id)).mappings().first() or {})
    del same["id"]
    house.change(insert(events).values(same | {"at": db_now()}))


def _told_twice(house: House, running: Job) -> None:
    _again(house, type="step.succeeded")


def _ended_twice(house: House, running: Job) -> None:
    _again(house, type="file-processing.completed")


def _out_of_order(house: House, running: Job) -> None:
    house.change(update(events).where(events.c.type == "file-processing.completed").values(at=db_now(-600)))


def _stored_twice(house: House, running: Job) -> None:
    if house.ledger.database.is_sqlite:
        house.change(text("DROP INDEX uq_blobs_live_sha256"))
    else:
        house.change(text(f"DROP INDEX {house.ledger.database.db_schema}.uq_blobs_live_sha256"))
    key, _, size = house.keep(b"x" * running.file.size)
    house.store._objects[key] = house.store._objects[running.file.key]
    live = {"state": "live", "sha256": running.file.sha256, "size": size}
    house.change(update(blobs).where(blobs.c.key == key).values(live))


def _message_lost(house: House, running: Job) -> None:
    house.submit()
    house.change(delete(outbox))


FAULTS = [
    (Check.STATE, _ended),
    (Check.STATE, _nonsense),
    (Check.STATE, _forgotten),
    (Check.STATE, _unqueued),
    (Check.CLAIM, _leaseless),
    (Check.CLAIM, _workerless),
    (Check.CLAIM, _without_attempt),
    (Check.REASON, _unexplained),
    (Check.REASON, _half_explained),
    (Check.STUCK, _lease_long_over),
    (Check.STUCK, _deadline_long_over),
    (Check.STUCK, _never_sent),
    (Check.LOST, _gone),
    (Check.REPLAY, _miscounted),
    (Check.REPLAY, _told_twice),
    (Check.REPLAY, _silent),
    (Check.REFERENCE, _condemned),
    (Check.REFERENCE, _other_content),
    (Check.OBJECT, _missing),
    (Check.OBJECT, _cut_off),
    (Check.HASH, _rotten),
    (Check.ATTEMPTS, _attempt_dropped),
    (Check.SUCCESSES, _succeeded_in_two_attempts),
    (Check.SUCCESSES, _told_twice),
    (Check.ENDINGS, _ended_twice),
    (Check.ORDER, _out_of_order),
    (Check.CONTENT, _stored_twice),
    (Check.PLACES, listed_twice),
    (Check.PLACES, counted_twice),
    (Check.FINDABLE, not_findable),
    (Check.FINDABLE, findable_for_ever),
    (Check.FINDABLE, unreadable),
    (Check.QUEUES, _message_lost),
    (Check.MESSAGES, _message_lost),
]


@pytest.mark.parametrize(
    ("check", "breaks"), FAULTS, ids=[f"{check}-{breaks.__name__.strip('_')}" for check, breaks in FAULTS]
)
def test_audit__finds_what_was_broken(house, check, breaks):
    """What was broken behind the ledger's back is found by its own check, with a subject and a sentence."""
    house.succeed(house.submit(), PARSE, INDEX, PICTURE)
    running = house.submit()
    house.take(running)
    house.sent()
    assert house.audit(deep=True).well
    breaks(house, running)
    report = house.audit(deep=True)
    found = [finding for finding in report.findings if finding.check is check]
    assert found, report.findings
    assert not report.well
    assert all(finding.subject and finding.detail for finding in report.findings)
    assert report.counts[check] == len(found)


def test_audit__has_a_fault_for_every_check():
    """No check is there that no test makes fire."""
    assert {check for check, _ in FAULTS} == set(Check)


def test_audit__hashes_only_when_deep(house):
    """Content of the right size is not read by a quick audit."""
    job = house.submit()
    _rotten(house, job)
    house.sent()
    assert house.audit().well
    assert "hash" not in house.audit().checked
    assert [finding.subject for finding in house.audit(deep=True).findings] == [job.file.key]


def test_audit__names_who_needs_missing_bytes(house):
    """A finding about stored bytes names the jobs that need them."""
    job = house.submit()
    house.sent()
    house.store.delete(job.file.key)
    (finding,) = house.audit().findings
    assert (finding.check, finding.subject) == (Check.OBJECT, job.file.key)
    assert job.id in finding.detail


def test_audit__leaves_alone_what_retention_dropped(house):
    """A job whose log begins after its submit, since old events are dropped, can't be replayed and is no finding."""
    old, young = house.submit(), house.submit()
    house.sent()
    house.change(update(jobs).where(jobs.c.id == old.id).values(created_at=db_now(-9999)))
    house.change(delete(events).where(events.c.job_id == old.id))
    report = house.audit()
    assert report.well
    assert (report.checked["replay"], report.checked["replay.not_checkable"]) == (1, 1)
    house.change(delete(events).where(events.c.job_id == young.id))
    assert house.audit().checked["replay.not_checkable"] == 2


def test_audit__says_nothing_that_a_second_look_does_not_confirm(house):
    """What is well when it is looked at again was a platform at work."""
    job = house.submit()
    house.sent()
    there = dict(house.store._objects)

    class Late(MemoryStore):
        """Has its objects from the second question on."""

        def size(self, key: str) -> int:
            try:
                return super().size(key)
            finally:
                self._objects.update(there)

    store = Late()
    assert audit(house.ledger, store=store, broker=house.broker, deep=False, pause=0).well
    assert store.size(job.file.key) == job.file.size


def test_queues__young_messages_may_be_underway_while_workers_live(house):
    """With living workers a message that is not in its queue is missing only after a while."""
    house.ledger.register(LIVING)
    _message_lost(house, house.submit())
    assert house.audit().well
    found = house.audit(lost_after=-1).findings
    assert {(finding.check, finding.subject) for finding in found} == {
        (Check.QUEUES, "parsing"),
        (Check.QUEUES, "thumbnails"),
    }


def test_queues__a_paused_one_may_lack_messages(house):
    """What is delivered while a queue is paused is gone until resume sends it again: no finding, quick or deep."""
    house.submit()
    house.change(delete(outbox))
    for name in ("parsing", "thumbnails"):
        house.ledger.pause(name)
    report = house.audit(deep=True)
    assert report.well
    assert report.checked["queues.paused"] == 2


def test_queues__too_many_messages_are_no_finding(house):
    """Stale and doubled messages are counted; a deep audit drops them and keeps the one that counts."""
    job = house.submit()
    house.sent()
    with house.ledger.database.reading() as tx:
        now = tx.execute(select(db_now())).scalar_one()
    for _ in range(2):
        house.ledger.database.writing(lambda tx: put_in_outbox(tx, job, job.steps[:1], now=now))
    stale = job.steps[0].evolve(dispatch=0)
    house.ledger.database.writing(lambda tx: put_in_outbox(tx, job, [stale], now=now))
    house.sent()
    assert house.audit().well
    assert house.audit().checked["queues.surplus"] == 3
    report = house.audit(deep=True)
    assert report.well
    assert (report.checked["messages.kept"], report.checked["messages.dropped"]) == (2, 3)
    assert house.audit().checked["queues.surplus"] == 0
    assert house.audit(deep=True).checked["messages"] == 2


def test_queues__messages_are_left_to_living_workers(house):
    """While a worker lives, a deep audit takes no message in hand."""
    house.submit()
    house.sent()
    house.ledger.register(LIVING)
    report = house.audit(deep=True)
    assert (report.checked["messages"], report.checked["messages.left_to_workers"]) == (0, 2)


def test_audit__says_when_the_broker_is_away(house):
    """An audit that can't see the queues does not claim that all is well."""
    nobody = BrokerOptions(url="amqp://guest:guest@127.0.0.1:1//")
    with pytest.raises(BrokerUnavailable):
        audit(house.ledger, store=house.store, broker=nobody, deep=False, pause=0)


def test_audit__says_when_the_store_is_away(house):
    """A store that does not answer is no missing object."""
    house.submit()
    house.store.fail_next(StoreUnavailable("away"), verb="size")
    with pytest.raises(StoreUnavailable):
        house.audit()
