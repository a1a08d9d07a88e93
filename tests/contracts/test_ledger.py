"""One suite for the ledger on SQLite and on PostgreSQL."""

import secrets
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import inspect, select, text
from support.sample_jobs import NO_WAIT, fault, submit
from support.waiting import wait_until

from jobs.errors import Actor
from jobs.ids import new_id
from jobs.lifecycle import WrongState
from jobs.model import Artifact, Job, Status, StepKey
from jobs.outcomes import Failed, Succeeded, Usage
from ledger import Claim, IdempotencyKey, JobFilter, Ledger, Progress, WorkerFacts
from ledger.errors import ArtifactNotFound, IdempotencyMismatch, JobNotFound, LedgerUnavailable, NewerSchema
from ledger.schema import attempts, blobs, dead_letters, events, metadata, outbox
from search.postgres_state import TABLES

PARSE, INDEX, PICTURE = StepKey("parse"), StepKey("index"), StepKey("picture")


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[str, str | None]:
    """URL and schema of an empty ledger of this test alone; the module's database is dropped afterwards."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'ledger.sqlite3'}", None
    return request.getfixturevalue("postgres_ledger_url"), f"t{secrets.token_hex(6)}"


@pytest.fixture
def ledger(place: tuple[str, str | None]) -> Iterator[Ledger]:
    url, db_schema = place
    made = Ledger(url, db_schema=db_schema, policy=NO_WAIT)
    made.migrate()
    yield made
    made.close()


def take(ledger: Ledger, job: Job, key: StepKey = PARSE, *, worker: str = "w", lease: float = 20) -> Claim | None:
    dispatch = ledger.get(job.id, owner=job.owner).step(key).dispatch
    return ledger.claim(job.id, key, dispatch=dispatch, worker=worker, lease=lease)


def artifact(ledger: Ledger, name: str, sha256: str = "cd" * 32, step: str = "parse") -> Artifact:
    return Artifact(name=name, sha256=sha256, size=4, media_type="text/plain", step=step, key=ledger.reserve_blob())


def rows(ledger: Ledger, table, **where):
    with ledger.database.reading() as tx:
        query = select(table).where(*[table.c[name] == value for name, value in where.items()])
        return [dict(row) for row in tx.execute(query).mappings()]


def succeed(ledger: Ledger, job: Job, *keys: StepKey) -> None:
    for key in keys:
        ledger.finish(take(ledger, job, key).held, Succeeded())


def test_submit__commits_everything_together(ledger):
    """After a submit the job, its steps, one outbox row per queued step and the event stand there."""
    made = submit(ledger)
    job = ledger.get(made.job.id, owner="local")
    assert job == made.job
    assert [s.status for s in job.steps] == [Status.QUEUED, Status.QUEUED, Status.WAITING]
    assert {d.step for d in made.dispatches} == {"parse", "picture"}
    assert {row["step"] for row in rows(ledger, outbox, job_id=job.id)} == {"parse", "picture"}
    assert [row["type"] for row in rows(ledger, events, job_id=job.id)] == ["job.submitted"]
    assert job.metadata == {"order": 7}
    assert abs((job.created_at - datetime.now(UTC)).total_seconds()) < 60


def test_submit__without_a_reserved_blob_leaves_nothing(ledger):
    """A submit whose bytes were never reserved fails as a whole."""
    made = submit(ledger)
    with pytest.raises(LookupError):
        submit(ledger, file=replace(made.job.file, key=new_id(), sha256="ef" * 32))
    assert len(ledger.list_jobs("local", filter=JobFilter())[0]) == 1


def test_submit__equal_content_is_stored_once(ledger):
    """Two jobs with one content refer to one blob; the second's bytes are condemned."""
    first, second = submit(ledger, sha256="aa" * 32), submit(ledger, sha256="aa" * 32)
    assert first.job.file.key == second.job.file.key
    assert sorted(row["state"] for row in rows(ledger, blobs)) == ["deleting", "live"]


def test_submit__idempotency_key_makes_one_job(ledger):
    """The same key and content give the same job; another content is a mismatch; other owners are apart."""
    key = IdempotencyKey(route="POST /v1/jobs", key="k1")
    first = submit(ledger, sha256="aa" * 32, idempotency=key)
    again = submit(ledger, sha256="aa" * 32, idempotency=key)
    assert (again.created, again.job.id) == (False, first.job.id)
    with pytest.raises(IdempotencyMismatch):
        submit(ledger, sha256="bb" * 32, idempotency=key)
    assert submit(ledger, sha256="aa" * 32, idempotency=key, owner="other").created


def test_submit__concurrent_twins_make_one_job(ledger):
    """Eight submits with one key at once make one job."""
    key = IdempotencyKey(route="r", key="twins")
    gate = threading.Barrier(8)

    def one(_):
        gate.wait()
        return submit(ledger, sha256="aa" * 32, idempotency=key).job.id

    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(one, range(8)))) == 1
    assert len(ledger.list_jobs("local", filter=JobFilter())[0]) == 1


def test_submit__concurrent_equal_content(ledger):
    """Eight submits of one content at once all succeed and share one live blob."""
    gate = threading.Barrier(8)

    def one(_):
        gate.wait()
        return submit(ledger, sha256="aa" * 32).job.file.key

    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(one, range(8)))) == 1
    assert len(rows(ledger, blobs, state="live")) == 1


def test_submit__an_expired_key_is_free_again(ledger):
    """Past its hours a key may name another request."""
    submit(ledger, sha256="aa" * 32, idempotency=IdempotencyKey(route="r", key="k", hours=-1))
    assert submit(ledger, sha256="bb" * 32, idempotency=IdempotencyKey(route="r", key="k")).created


def test_claim__has_one_winner(ledger):
    """Of eight workers with the same message exactly one gets the claim."""
    made = submit(ledger)
    gate = threading.Barrier(8)

    def one(n):
        gate.wait()
        return ledger.claim(made.job.id, PARSE, dispatch=1, worker=f"w{n}", lease=20)

    with ThreadPoolExecutor(8) as pool:
        won = [claim for claim in pool.map(one, range(8)) if claim]
    assert len(won) == 1
    assert won[0].step.attempt == 1
    assert len(rows(ledger, attempts, job_id=made.job.id)) == 1


def test_claim__refuses_stale_unknown_and_waiting(ledger):
    """A stale dispatch, an unknown job or step, and a waiting step find nothing to claim."""
    job = submit(ledger).job
    assert ledger.claim(job.id, PARSE, dispatch=0, worker="w", lease=20) is None
    assert ledger.claim(new_id(), PARSE, dispatch=1, worker="w", lease=20) is None
    assert ledger.claim(job.id, StepKey("nope"), dispatch=1, worker="w", lease=20) is None
    assert ledger.claim(job.id, INDEX, dispatch=0, worker="w", lease=20) is None


def test_claim__waits_for_not_before(place):
    """A retry that is not due yet cannot be claimed, and its message is not due either."""
    ledger = Ledger(place[0], db_schema=place[1])
    ledger.migrate()
    job = submit(ledger).job
    ledger.finish(take(ledger, job).held, Failed(fault=fault(actor=Actor.NOBODY), delay=600))
    assert take(ledger, job) is None
    assert "parse" not in {d.step for d in ledger.take_due()}
    ledger.close()


def test_claim__respects_a_paused_queue(ledger):
    """Nobody claims from a paused queue; others go on; resume lets them again."""
    job = submit(ledger).job
    ledger.pause("parsing")
    assert ledger.paused_queues() == {"parsing"}
    assert take(ledger, job) is None
    assert take(ledger, job, PICTURE) is not None
    assert ledger.resume("parsing") == 1
    assert take(ledger, job) is not None


def test_finish__commits_artifacts_and_queues_what_follows(ledger):
    """A finished step's artifacts, facts and the next step's message appear together."""
    job = submit(ledger).job
    claim = take(ledger, job)
    kept = artifact(ledger, "records.jsonl")
    held, dispatches = ledger.finish(
        claim.held, Succeeded(artifacts=(kept,), summary={"lots": 3}, usage=Usage(seconds=1.5, peak_memory=99))
    )
    assert held
    assert [d.step for d in dispatches] == ["index"]
    job = ledger.get(job.id, owner="local")
    assert job.artifacts == (kept,)
    assert job.summary == {"lots": 3}
    tried = rows(ledger, attempts, job_id=job.id, step="parse")[0]
    assert (tried["outcome"], tried["seconds"], tried["peak_memory"]) == ("succeeded", 1.5, 99)
    assert ledger.artifact(job.id, "records.jsonl", owner="local") == kept
    with pytest.raises(ArtifactNotFound):
        ledger.artifact(job.id, "nope", owner="local")


def test_finish__is_fenced(ledger):
    """A worker that lost its claim changes nothing, however late it comes."""
    job = submit(ledger).job
    slow = take(ledger, job, lease=-1)
    assert slow.held in ledger.expired()
    assert ledger.needs_care()
    ledger.take_away(slow.held, fault("step.lost"))
    fast = take(ledger, job, worker="w2")
    assert fast.step.fence == slow.step.fence + 1
    assert ledger.finish(slow.held, Succeeded(artifacts=(artifact(ledger, "a"),), summary={"slow": 1})) == (False, ())
    assert ledger.finish(fast.held, Succeeded(summary={"fast": 1}))[0]
    job = ledger.get(job.id, owner="local")
    assert job.summary == {"fast": 1}
    assert job.artifacts == ()
    assert [row["outcome"] for row in rows(ledger, attempts, job_id=job.id, step="parse")] == ["lost", "succeeded"]


def test_finish__siblings_that_end_together_queue_their_join(ledger):
    """Whatever the order in which siblings commit, the job ends."""
    for _ in range(5):
        job = submit(ledger).job
        claims = [take(ledger, job, PARSE), take(ledger, job, PICTURE)]
        gate = threading.Barrier(2)

        def end(claim, gate=gate):
            gate.wait()
            ledger.finish(claim.held, Succeeded())

        with ThreadPoolExecutor(2) as pool:
            list(pool.map(end, claims))
        succeed(ledger, job, INDEX)
        assert ledger.get(job.id, owner="local").status is Status.SUCCEEDED


def test_finish__refuses_to_overwrite_an_artifact(ledger):
    """A second step that saves under a taken name fails with its own code; the first artifact stays."""
    job = submit(ledger).job
    ledger.finish(take(ledger, job).held, Succeeded(artifacts=(artifact(ledger, "a"),)))
    ledger.finish(take(ledger, job, PICTURE).held, Succeeded(artifacts=(artifact(ledger, "a", "ee" * 32, "picture"),)))
    job = ledger.get(job.id, owner="local")
    assert job.step(PICTURE).fault.code == "step.artifact_exists"
    assert [a.sha256 for a in job.artifacts] == ["cd" * 32]


def test_dead_letter__keeps_the_attempts_as_evidence(ledger):
    """A step that used up its attempts leaves one dead letter with all of them."""
    job = submit(ledger).job
    for _ in range(4):
        ledger.finish(take(ledger, job).held, Failed(fault=fault("store.unavailable")))
    letter = rows(ledger, dead_letters, job_id=job.id)[0]
    assert (letter["step"], letter["attempt"], letter["state"]) == ("parse", 4, "open")
    assert [a["number"] for a in letter["evidence"]["attempts"]] == [1, 2, 3, 4]
    assert ledger.counts().dead_letters == 1


def test_take_away__leaves_a_renewed_lease(ledger):
    """A claim whose worker came back in time is not taken."""
    job = submit(ledger).job
    claim = take(ledger, job, lease=-1)
    ledger.heartbeat([claim.held], lease=20)
    assert ledger.take_away(claim.held, fault("step.lost")) == ()
    assert ledger.held_by("w") == {claim.held}


def test_report__shows_progress_and_bumps_the_version(ledger):
    """Progress is seen by readers and changes the ETag."""
    job = submit(ledger).job
    claim = take(ledger, job)
    before = ledger.version(job.id, owner="local")[0]
    ledger.report(Progress(held=claim.held, done=0.5, message="half"))
    job = ledger.get(job.id, owner="local")
    assert (job.step(PARSE).progress, job.step(PARSE).message) == (0.5, "half")
    assert job.version > before


def test_cancel__ends_the_job_and_takes_the_claim(ledger):
    """After a cancel the worker no longer holds its claim, and its result is refused."""
    job = submit(ledger).job
    claim = take(ledger, job)
    assert ledger.cancel(job.id, owner="local").status is Status.CANCELLED
    assert ledger.held_by("w") == set()
    assert not ledger.finish(claim.held, Succeeded())[0]
    with pytest.raises(WrongState):
        ledger.cancel(job.id, owner="local")


def test_retry__runs_the_job_again(ledger):
    """A failed job can be run again, and then succeeds."""
    job = submit(ledger).job
    succeed(ledger, job, PICTURE)
    ledger.finish(take(ledger, job).held, Failed(fault=fault("xml.syntax", Actor.SUBMITTER)))
    assert ledger.get(job.id, owner="local").status is Status.FAILED
    again, dispatches = ledger.retry(job.id, owner="local")
    assert again.status is Status.QUEUED
    assert [d.step for d in dispatches] == ["parse"]
    succeed(ledger, job, PARSE, INDEX)
    assert ledger.get(job.id, owner="local").status is Status.SUCCEEDED


def test_expire__ends_what_is_past_its_deadline(ledger):
    """A job past its deadline is found and failed; one with time left is not touched."""
    late = submit(ledger, deadline=datetime.now(UTC) - timedelta(seconds=1)).job
    early = submit(ledger, deadline=datetime.now(UTC) + timedelta(hours=1)).job
    assert ledger.past_deadline() == [late.id]
    assert ledger.needs_care()
    assert ledger.expire(late.id).fault.code == "job.deadline"
    assert ledger.expire(early.id).status is Status.QUEUED
    assert ledger.past_deadline() == []
    assert not ledger.needs_care()


def test_delete__frees_the_bytes(ledger):
    """A deleted job is gone with its artifacts, its bytes are condemned at once, and its events stay."""
    job = submit(ledger).job
    ledger.finish(take(ledger, job).held, Succeeded(artifacts=(artifact(ledger, "a"),)))
    with pytest.raises(WrongState):
        ledger.delete(job.id, owner="local")
    succeed(ledger, job, PICTURE, INDEX)
    ledger.delete(job.id, owner="local")
    with pytest.raises(JobNotFound):
        ledger.get(job.id, owner="local")
    assert len(ledger.condemn_blobs()) == 2
    assert rows(ledger, events, job_id=job.id)[-1]["type"] == "job.deleted"
    assert rows(ledger, outbox, job_id=job.id) == []


def test_delete__spares_bytes_that_another_job_uses(ledger):
    """Of two jobs with one content, deleting one leaves the bytes."""
    first, second = submit(ledger, sha256="aa" * 32).job, submit(ledger, sha256="aa" * 32).job
    ledger.cancel(first.id, owner="local")
    ledger.delete(first.id, owner="local")
    condemned = ledger.condemn_blobs()
    assert second.file.key not in condemned
    ledger.forget_blobs(condemned)
    assert [row["key"] for row in rows(ledger, blobs)] == [second.file.key]


def test_blobs__a_reservation_runs_out(ledger):
    """Bytes that were never committed are condemned after their lease, not before, and then cannot be used."""
    kept, lost = ledger.reserve_blob(lease=600), ledger.reserve_blob(lease=-1)
    assert ledger.condemn_blobs() == [lost]
    with pytest.raises(LookupError):
        submit(ledger, file=replace(submit(ledger).job.file, key=lost, sha256="99" * 32))
    ledger.drop_blob(kept)
    assert kept not in {row["key"] for row in rows(ledger, blobs)}


def test_take_due__gives_a_row_to_one_sender(ledger):
    """Rows in a sender's hands are not given to another until its time is over; confirmed rows go."""
    made = submit(ledger)
    assert ledger.take_due() == ()  # the submitter's publisher has a head start
    ledger.unsent([d.id for d in made.dispatches], delay=-1)
    taken = ledger.take_due()
    assert {d.id for d in taken} == {d.id for d in made.dispatches}
    assert ledger.take_due() == ()
    ledger.sent([d.id for d in taken])
    assert rows(ledger, outbox) == []


def test_resend_lost__counts_against_the_broker(ledger):
    """Only as many queued steps are sent again as the broker holds too few, with their dispatch unchanged."""
    jobs_ = [submit(ledger) for _ in range(3)]
    ledger.sent([d.id for made in jobs_ for d in made.dispatches])
    assert ledger.resend_lost({"parsing": 3}, older_than=-1) == 0
    assert ledger.resend_lost({"parsing": 1}, older_than=-1) == 2
    due = ledger.take_due()
    assert {(d.job_id, d.dispatch) for d in due} == {(made.job.id, 1) for made in jobs_[:2]}
    assert ledger.resend_lost({"parsing": 1}, older_than=-1) == 0  # they stand in the outbox already
    assert ledger.resend_lost({"thumbnails": 0}, older_than=3600) == 0  # too young


def test_list_jobs__filters_and_pages(ledger):
    """Lists are newest first, filtered, and paged without gap or overlap."""
    made = [submit(ledger, batch_id="b", tags=("x",)).job for _ in range(5)] + [submit(ledger).job]
    page, cursor = ledger.list_jobs("local", filter=JobFilter(batch_id="b"), limit=3)
    rest, end = ledger.list_jobs("local", filter=JobFilter(batch_id="b"), limit=3, cursor=cursor)
    assert [j.id for j in page + rest] == [j.id for j in reversed(made[:5])]
    assert end is None
    assert [j.id for j in ledger.list_jobs("local", filter=JobFilter(tag="blue"))[0]] == [made[5].id]
    assert ledger.list_jobs("local", filter=JobFilter(status=Status.FAILED))[0] == []
    assert ledger.list_jobs("other", filter=JobFilter())[0] == []
    assert len(ledger.list_jobs("local", filter=JobFilter(pipeline="sample"))[0]) == 6


def test_get__hides_other_owners_jobs(ledger):
    """Another owner's job does not exist."""
    job = submit(ledger).job
    for call in (ledger.get, ledger.version, ledger.cancel, ledger.delete):
        with pytest.raises(JobNotFound):
            call(job.id, owner="other")


def test_update__replaces_tags_and_metadata(ledger):
    """Tags and metadata can be replaced, one without the other."""
    job = submit(ledger).job
    after = ledger.update(job.id, owner="local", tags=("new",))
    assert (after.tags, after.metadata, after.version) == (("new",), {"order": 7}, job.version + 1)
    assert ledger.get(job.id, owner="local") == after


def test_waiting__counts_those_before_in_line(ledger):
    """The third of a queue is third in line; what runs, and what waits for other steps, has no place."""
    made = [submit(ledger).job for _ in range(3)]
    places = {key: wait.place for key, wait in ledger.waiting(made[2]).items()}
    assert places == {PARSE: 3, PICTURE: 3, INDEX: None}
    take(ledger, made[0])
    assert ledger.waiting(ledger.get(made[2].id, owner="local"))[PARSE].place == 2
    assert PARSE not in ledger.waiting(ledger.get(made[0].id, owner="local"))


def test_past_retention__finds_ended_jobs_only(ledger):
    """Retention looks at when a job ended."""
    job, other = submit(ledger).job, submit(ledger).job
    ledger.cancel(job.id, owner="local")
    assert ledger.past_retention(days=1, letter_days=90) == []
    assert ledger.past_retention(days=-1, letter_days=90) == [job.id]
    assert other.id not in ledger.past_retention(days=-1, letter_days=90)


def test_forget_old__drops_what_is_past_its_time(ledger):
    """Expired idempotency keys and old events go; young ones stay."""
    submit(ledger, idempotency=IdempotencyKey(route="r", key="k", hours=-1))
    submit(ledger, idempotency=IdempotencyKey(route="r", key="young"))
    assert ledger.forget_old(events_days=1) == 1
    assert ledger.forget_old(events_days=-1) == 2


def test_workers__register_and_leave(ledger):
    """A registered worker counts as alive with what its sandbox can do, until it signs off."""
    facts = WorkerFacts(name="w", pool="parsing", host="h", pid=1, concurrency=2, sandbox="full")
    ledger.register(facts)
    ledger.register(facts)
    assert ledger.counts().workers == {"parsing": 1}
    assert ledger.counts().sandbox == {"parsing": "full"}
    assert ledger.counts().gpus == {}
    ledger.register(replace(facts, gpu="resting"))
    assert ledger.counts().gpus == {"resting": 1}
    ledger.unregister("w")
    assert (ledger.counts().workers, ledger.counts().gpus) == ({}, {})


def test_watch__hears_another_connections_commit(ledger, place):
    """A watcher hears of a change within a second."""
    heard = threading.Event()
    watch = ledger.watch(lambda _job_id: heard.set())
    watch.resume()
    try:
        wait_until(heard.is_set, within=5, what="the first look")
        heard.clear()
        other = Ledger(place[0], db_schema=place[1])
        began = time.monotonic()
        submit(other)
        assert heard.wait(5)
        assert time.monotonic() - began < 2
        other.close()
    finally:
        watch.close()


_SEARCH_TABLES = {f"search_{slot}_{table}" for slot in "ab" for table in TABLES}  # its engine's own, in PostgreSQL


def test_migrate__makes_exactly_the_schema(ledger):
    """The migrations make the tables, columns and indexes that the code expects."""
    found = inspect(ledger.database.engine)
    schema = ledger.database.db_schema
    of_search = set() if ledger.database.is_sqlite else {"search_state", *_SEARCH_TABLES}
    assert set(found.get_table_names(schema=schema)) == {*metadata.tables, "alembic_version"} | of_search
    for table in metadata.tables.values():
        columns = {c["name"]: c["nullable"] for c in found.get_columns(table.name, schema=schema)}
        assert columns == {c.name: c.nullable for c in table.columns}, table.name
        indexes = {i["name"] for i in found.get_indexes(table.name, schema=schema)}
        assert indexes >= {i.name for i in table.indexes}, table.name


def test_migrate__refuses_a_newer_ledger(ledger):
    """Tables of a newer release are left alone, with the cure in the message."""
    ledger.database.writing(lambda tx: tx.execute(text("UPDATE alembic_version SET version_num = '9999'")))
    with pytest.raises(NewerSchema, match="newer release"):
        ledger.migrate()


def test_migrate__two_at_once(place):
    """Two processes that start together both find the tables made."""
    made = [Ledger(place[0], db_schema=place[1]) for _ in range(2)]
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(Ledger.migrate, made))
    assert made[0].counts().jobs == {}
    for one in made:
        one.close()


def test_unavailable__is_said_as_such():
    """A database that is not there is `LedgerUnavailable`, soon and without its password."""
    ledger = Ledger("postgresql://user:secret-word@127.0.0.1:1/none")
    with pytest.raises(LedgerUnavailable) as refused:
        ledger.ping()
    assert "secret-word" not in str(refused.value)
