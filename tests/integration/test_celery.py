"""Celery and RabbitMQ themselves, through pytest-celery on real processes: lines, redelivery, restarts, inspect."""

import json
import signal

import pytest
from reference import LIST_ARTIFACTS
from support.house import House
from support.interventions import ledger_of, options_of, wait_sent
from support.waiting import wait_until

from bench.files import parts_list
from broker import depths
from broker.app import make_app, queue_name
from jobs.model import StepKey
from jobs.queues import QUEUES


def submitted(house: House, n: int = 1, *, size: int = 3_000) -> list[str]:
    if not house.api.running:
        house.api.start().wait_ready()
    return [house.submit(f"{k}.xml", parts_list(size))["id"] for k in range(n)]


@pytest.mark.pools("parsing", "indexing")
def test_inspect__shows_the_task_and_its_line(celery_setup, house):
    """What Flower and `celery inspect` read is there: the task by its name, on the pool's own line."""
    inspect = celery_setup.app.control.inspect(timeout=5)
    registered = wait_until(inspect.registered, within=20, what="the workers to answer")
    assert len(registered) == 2
    assert all("pipeline.step" in tasks for tasks in registered.values())
    lines = {name.split("-")[0]: [q["name"] for q in queues] for name, queues in inspect.active_queues().items()}
    options = options_of(house)
    assert lines == {pool: [queue_name(options, pool)] for pool in ("parsing", "indexing")}


@pytest.mark.own_broker
@pytest.mark.pools("parsing", "indexing")
def test_lines__are_quorum_queues_with_dead_letters(celery_setup, house, own_rabbit):
    """Every line is a durable quorum queue with a delivery limit and a dead-letter exchange."""
    submitted(house)
    listed = json.loads(own_rabbit.ctl("list_queues", "name", "type", "durable", "arguments", "--formatter=json"))
    ours = {row["name"]: row for row in listed if row["name"].startswith(f"{house.prefix}.")}
    options = options_of(house)
    for name in QUEUES:
        row = ours[queue_name(options, name)]
        assert "quorum" in json.dumps(row)
        arguments = json.dumps(row["arguments"])
        for expected in ("x-delivery-limit", "x-dead-letter-exchange", f"{house.prefix}.dead"):
            assert expected in arguments
    assert f"{house.prefix}.dead" in ours


@pytest.mark.own_broker
@pytest.mark.pools("parsing", "indexing")
def test_broker_restart__loses_nothing(celery_setup, house):
    """Jobs submitted before, during and after a restart of the broker all succeed."""
    jobs = submitted(house, 5)
    celery_setup.broker.kill()
    jobs += submitted(house, 5)
    celery_setup.broker.restart()
    jobs += submitted(house, 5)
    assert {house.wait_ended(job, within=90)["status"] for job in jobs} == {"succeeded"}


@pytest.mark.pools("parsing", "indexing")
def test_worker_kill__messages_in_hand_come_back(celery_setup, house):
    """A worker killed under load loses nothing: each job succeeds, each artifact is there once."""
    jobs = submitted(house, 12, size=400_000)
    wait_until(
        lambda: any(house.job(job)["status"] == "running" for job in jobs),
        within=30,
        what="the first to run",
        every=0.01,
    )
    celery_setup.worker.kill()
    celery_setup.worker.restart()
    ended = [house.wait_ended(job, within=90) for job in jobs]
    assert {job["status"] for job in ended} == {"succeeded"}
    assert {tuple(sorted(a["name"] for a in job["artifacts"])) for job in ended} == {LIST_ARTIFACTS}


@pytest.mark.pools("parsing", "indexing")
def test_depths__agree_with_what_waits(celery_setup, house):
    """The broker's depth of a line nobody drains is what the ledger has queued there."""
    celery_setup.worker.kill()
    jobs = submitted(house, 4)
    wait_sent(house)
    wait_until(lambda: depths(options_of(house))["parsing"] == 4, within=20, what="four messages in the line")
    with_ledger = ledger_of(house)
    assert with_ledger.counts().queued == {"parsing": 4}
    with_ledger.close()
    celery_setup.worker.restart()
    assert {house.wait_ended(job, within=60)["status"] for job in jobs} == {"succeeded"}


@pytest.mark.pools("parsing", "indexing")
def test_doubled_message__does_nothing(celery_setup, house):
    """Each message sent three times runs its step once."""
    job = submitted(house)[0]
    options = options_of(house)
    with celery_setup.app.connection_for_write() as connection:
        for _ in range(3):
            celery_setup.app.send_task(
                "pipeline.step",
                args=(job, "parse", 0, 1),
                queue=queue_name(options, "parsing"),
                connection=connection,
            )
    house.wait_ended(job)
    wait_until(lambda: depths(options)["parsing"] == 0, within=20, what="the doubles to be taken")
    ledger = ledger_of(house)
    step = ledger.get(job, owner="local").step(StepKey("parse"))
    ledger.close()
    assert (step.attempt, step.fence) == (1, 1)


_HEARTBEAT = 6  # seconds that the broker wants


@pytest.mark.own_broker
@pytest.mark.pools("parsing", "indexing")
def test_frozen_worker__its_message_comes_back(celery_setup, house, own_rabbit):
    """What a frozen worker was handed is the broker's again after two to three heartbeats, for another one to take.

    A publisher has no heartbeats: it may be idle for as long as it likes.
    """
    assert celery_setup.app.conf.broker_heartbeat == 10
    heartbeat = "application:set_env(rabbit, heartbeat, {})."
    own_rabbit.ctl("eval", heartbeat.format(_HEARTBEAT))  # the smaller one of both sides' holds
    try:
        _freeze_and_thaw(celery_setup, house, own_rabbit)
    finally:
        own_rabbit.ctl("eval", heartbeat.format(60))


def _freeze_and_thaw(celery_setup, house, rabbit):
    worker = house.pools["parsing"]
    celery_setup.worker.restart()
    house.wait_ended(submitted(house)[0])  # now there are publishers, too
    # All that takes a slow machine long comes before it is frozen: the broker would be done with it meanwhile.
    agreed = rabbit.ctl("list_connections", "timeout", "--formatter=json")
    assert {row["timeout"] for row in json.loads(agreed)} == {0, _HEARTBEAT, 10}
    options = options_of(house)
    depths(options)
    worker.send(signal.SIGSTOP)
    job = submitted(house)[0]
    wait_sent(house)
    wait_until(lambda: depths(options)["parsing"] == 0, within=10, what="the message to be handed over")
    wait_until(lambda: depths(options)["parsing"] == 1, within=60, what="the message to come back")
    worker.send(signal.SIGCONT)
    assert house.wait_ended(job)["status"] == "succeeded"


def test_worker__that_can_not_listen_ends_with_an_error(house):
    """A worker whose line is none that it can use says so, and its exit code tells whoever supervises it."""
    options = options_of(house)
    with make_app(options).connection_for_write() as connection, connection.channel() as channel:
        channel.queue_declare(queue_name(options, "parsing"), durable=True, auto_delete=False)  # no quorum queue
    worker = house.pools["parsing"].start()
    assert worker.wait_exit(within=60) == 1, worker.logs()
    assert "PRECONDITION_FAILED" in worker.logs()
