"""Who went silent, the worker or the ledger? On SQLite and PostgreSQL; and what stays open of jobs that were ended."""

import socket
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import select, update
from support.sample_jobs import fault, submit

from jobs.model import Job, Status, StepKey
from jobs.outcomes import Succeeded
from ledger import Claim, Ledger, WorkerFacts
from ledger.database import Database, db_now
from ledger.pulse import pulse
from ledger.schema import attempts, step_runs
from workers.dispatcher import Dispatcher

PARSE = StepKey("parse")
OURS = {"owner": "local"}
SILENCE, GRACE = 10.0, 10.0
FACTS = WorkerFacts(name="other", pool="parsing", host="h", pid=1, concurrency=1, sandbox="full")


def take(ledger: Ledger, job: Job, *, worker: str = "w") -> Claim:
    dispatch = ledger.get(job.id, **OURS).step(PARSE).dispatch
    claim = ledger.claim(job.id, PARSE, dispatch=dispatch, worker=worker, lease=20)
    assert claim is not None
    return claim


def beat(ledger: Ledger) -> bool:
    return ledger.pulse(silence=SILENCE, grace=GRACE)


def pass_time(ledger: Ledger, seconds: float, *, watched: bool) -> None:
    """Let time pass, in which a dispatcher reached the ledger each second, or nobody did."""

    def work(tx):
        for row in tx.execute(select(step_runs).where(step_runs.c.lease_until.is_not(None))).mappings().all():
            mine = (step_runs.c.job_id == row["job_id"], step_runs.c.name == row["name"])
            over = row["lease_until"] - timedelta(seconds=seconds)
            tx.execute(update(step_runs).where(*mine).values(lease_until=over))
        for row in tx.execute(select(pulse)).mappings().all():
            times = {name: row[name] - timedelta(seconds=seconds) for name in ("alive_until", "trusted_from")}
            if watched:
                times["alive_until"] = row["alive_until"]
            tx.execute(update(pulse).values(times))

    ledger.database.writing(work)


def look(ledger: Ledger) -> None:
    """One round of another worker's dispatcher."""
    Dispatcher(ledger, wake=list, facts=lambda: FACTS, every=1.0, lease=SILENCE + GRACE).look()


def test_pulse__a_dead_worker_beside_a_living_ledger_loses_its_claim_at_once(ledger):
    """Where dispatchers looked all the time, a lease that is over means that its worker is."""
    assert not beat(ledger)
    claim = take(ledger, submit(ledger).job)
    pass_time(ledger, 21, watched=True)
    assert ledger.expired() == [claim.held]
    look(ledger)
    step = ledger.get(claim.job.id, **OURS).step(PARSE)
    assert (step.status, step.attempt, step.fault.code) == (Status.QUEUED, 1, "step.lost")


def test_pulse__a_ledger_that_was_away_charges_nobody(ledger):
    """After an hour without the ledger the living renew their claims before any is taken: same fence, same attempt."""
    beat(ledger)
    claim = take(ledger, submit(ledger).job)
    pass_time(ledger, 3600, watched=False)
    assert ledger.expired() == []  # nobody has said yet that the ledger is back
    assert ledger.take_away(claim.held, fault("step.lost")) == ()
    look(ledger)
    assert ledger.take_away(claim.held, fault("step.lost")) == ()  # nor for whoever saw the lease over before
    ledger.heartbeat([claim.held], lease=20)
    pass_time(ledger, GRACE + 1, watched=True)
    look(ledger)
    step = ledger.get(claim.job.id, **OURS).step(PARSE)
    assert (step.status, step.fence, step.attempt) == (Status.RUNNING, claim.step.fence, 1)
    assert ledger.finish(claim.held, Succeeded())[0]


def test_pulse__whoever_died_meanwhile_loses_its_claim_after_the_grace(ledger):
    """A claim that nobody renewed in the grace is taken, charged and fenced as ever."""
    beat(ledger)
    claim = take(ledger, submit(ledger).job)
    pass_time(ledger, 3600, watched=False)
    look(ledger)
    pass_time(ledger, GRACE + 1, watched=True)
    look(ledger)
    step = ledger.get(claim.job.id, **OURS).step(PARSE)
    assert (step.status, step.attempt, step.fault.code) == (Status.QUEUED, 1, "step.lost")
    assert not ledger.finish(claim.held, Succeeded())[0]


def test_pulse__a_second_silence_begins_the_grace_anew(ledger):
    """A ledger that goes away again in the grace gives the living their time again."""
    beat(ledger)
    claim = take(ledger, submit(ledger).job)
    pass_time(ledger, 3600, watched=False)
    assert beat(ledger)
    pass_time(ledger, SILENCE + 1, watched=False)
    assert beat(ledger)
    assert ledger.expired() == []
    pass_time(ledger, GRACE + 1, watched=True)
    assert ledger.expired() == [claim.held]


def test_pulse__a_short_absence_is_none(ledger):
    """An absence that no lease can run out in delays no rescue."""
    beat(ledger)
    claim = take(ledger, submit(ledger).job)
    pass_time(ledger, SILENCE - 1, watched=False)
    assert not beat(ledger)
    pass_time(ledger, 21, watched=True)
    assert ledger.expired() == [claim.held]


def test_pulse__without_one_leases_alone_decide(ledger):
    """Workers of a release that knows no pulse rescue as they always did."""
    claim = take(ledger, submit(ledger).job)
    pass_time(ledger, 21, watched=True)
    assert ledger.expired() == [claim.held]


def test_pulse__of_many_at_once_is_one(ledger):
    """All dispatchers that come back together begin one grace."""
    beat(ledger)
    pass_time(ledger, 3600, watched=False)
    gate = threading.Barrier(4)

    def come_back(_: int) -> bool:
        gate.wait()
        return beat(ledger)

    with ThreadPoolExecutor(4) as threads:
        assert sum(threads.map(come_back, range(4))) == 1
    with ledger.database.reading() as tx:
        assert len(tx.execute(select(pulse)).all()) == 1


@pytest.mark.parametrize("retried", [False, True])
def test_close_attempts__of_jobs_that_were_ended_over_a_dead_worker(ledger, retried):
    """An attempt whose job was ended, and whose worker went silent, is closed; the living close their own.

    Nor is one of a running step closed, whose lease is for the sweep to judge.
    """
    lives, dead, runs = (take(ledger, submit(ledger).job, worker=name) for name in ("other", "dead", "dead"))
    ledger.register(FACTS)
    for claim in (lives, dead):
        ledger.cancel(claim.job.id, **OURS)
    if retried:
        ledger.retry(dead.job.id, **OURS)
    assert ledger.close_attempts(silent=60) == 0  # it has only just begun
    long_ago = update(attempts).values(started_at=db_now(-61))
    ledger.database.writing(lambda tx: tx.execute(long_ago))
    assert ledger.close_attempts(silent=60) == 1
    assert ledger.close_attempts(silent=60) == 0
    with ledger.database.reading() as tx:
        query = select(attempts.c.job_id, attempts.c.outcome, attempts.c.fault, attempts.c.finished_at)
        found = {
            job_id: (outcome, fault and fault["code"], bool(at)) for job_id, outcome, fault, at in tx.execute(query)
        }
    closed, still_open = ("cancelled", "step.lost", True), (None, None, False)
    assert found == {dead.job.id: closed, lives.job.id: still_open, runs.job.id: still_open}
    assert not ledger.finish(dead.held, Succeeded())[0]


def test_close_attempts__waits_where_the_ledger_was_away(ledger):
    """No worker could give a sign of life while the ledger was away."""
    beat(ledger)
    claim = take(ledger, submit(ledger).job)
    ledger.cancel(claim.job.id, **OURS)
    pass_time(ledger, 3600, watched=False)
    assert ledger.close_attempts(silent=-1) == 0
    beat(ledger)
    assert ledger.close_attempts(silent=-1) == 0
    pass_time(ledger, GRACE + 1, watched=True)
    assert ledger.close_attempts(silent=-1) == 1


@pytest.mark.skipif(sys.platform != "linux", reason="the socket option is Linux's")
def test_database__gives_a_vanished_server_up(postgres_ledger_url):
    """What is sent to a server that vanished without a word is given up after ten seconds, not after many minutes."""
    database = Database(postgres_ledger_url)
    with database.reading() as tx, socket.fromfd(tx.connection.fileno(), socket.AF_INET, socket.SOCK_STREAM) as line:
        if line.getsockopt(socket.SOL_SOCKET, socket.SO_DOMAIN) == socket.AF_UNIX:
            pytest.skip("the database listens on a Unix socket, which can't lose its other end unseen")
        assert line.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 10_000
        assert line.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) == 10
    database.close()


def test_quiet__is_one_look_for_what_a_round_would_find(ledger):
    """Only while the pulse is fresh and nothing is due, expired or late; whatever else there is needs no round."""
    assert not ledger.is_quiet(silence=SILENCE)  # nobody has shown the pulse yet
    beat(ledger)
    assert ledger.is_quiet(silence=SILENCE)
    job = submit(ledger).job
    assert ledger.is_quiet(silence=SILENCE)  # its publisher has a head start
    take(ledger, job)
    assert ledger.is_quiet(silence=SILENCE)
    pass_time(ledger, 21, watched=True)
    assert not ledger.is_quiet(silence=SILENCE)  # the lease is over
    look(ledger)
    pass_time(ledger, SILENCE, watched=False)
    assert not ledger.is_quiet(silence=SILENCE)  # nobody was there to look
