"""A deep audit's look at every message, on RabbitMQ and on the embedded default's Redis."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from kombu import Producer, Queue
from support.house import ENDED, House, delete_lines
from support.interventions import ledger_of, options_of
from support.sample_jobs import NO_WAIT, submit
from support.services import Services, Unavailable
from support.waiting import wait_until

from audit import Check, Report, audit, wire
from bench.files import parts_list
from broker import BrokerOptions, Publisher, depths, make_app, queue_name
from broker.app import connected
from config.settings import Settings
from jobs.model import Job, Status
from jobs.queues import QUEUES
from ledger import Dispatch, Ledger
from storage.memory import MemoryStore
from wiring import open_objects


class Line:
    """A ledger, a broker, and what a publisher and a worker do with them."""

    def __init__(self, ledger: Ledger, options: BrokerOptions) -> None:
        self.ledger = ledger
        self.options = options

    def submitted(self, n: int) -> list[Job]:
        """Jobs of all priorities, with their messages sent."""
        made = [submit(self.ledger, priority=k % 10) for k in range(n)]
        self.send([dispatch for one in made for dispatch in one.dispatches])
        return [one.job for one in made]

    def send(self, dispatches: Sequence[Dispatch]) -> None:
        publisher = Publisher(
            make_app(self.options), self.options, on_sent=self.ledger.sent, on_failed=lambda _ids: pytest.fail("unsent")
        )
        publisher.wake(dispatches)
        publisher.close(timeout=30)

    def again(self, job: Job, **changes: Any) -> None:
        """The message of the job's first step once more."""
        step = job.steps[0]
        facts = {"job_id": job.id, "step": step.name, "part": step.part, "dispatch": step.dispatch}
        more = {"queue": step.queue, "priority": job.priority, "correlation_id": job.correlation_id}
        self.send([Dispatch(id=0, **facts | more | changes)])

    def put(self, body: bytes, *, queue: str, **headers: str) -> None:
        """Something that no publisher of ours would send."""
        with connected(self.options) as connection, connection.channel() as channel:
            line = queue_name(self.options, queue)
            Producer(channel, auto_declare=False).publish(
                body,
                exchange="",
                routing_key=line,
                headers=headers,
                content_type="application/json",
                content_encoding="utf-8",
                delivery_mode=2,
            )

    def take_all(self, queue: str) -> list[Any]:
        """Empty a queue; its messages."""
        found = []
        with connected(self.options) as connection, connection.channel() as channel:
            while (message := Queue(queue_name(self.options, queue), channel=channel).get(no_ack=True)) is not None:
                found.append(message)
        return found

    def audit(self) -> Report:
        """Deep; the bytes of these jobs are only claimed to be stored, so the store's findings are left out."""
        report = audit(self.ledger, store=MemoryStore(), broker=self.options, deep=True, pause=0)
        of_queues = tuple(one for one in report.findings if one.check is not Check.OBJECT)
        return replace(report, findings=of_queues)


@pytest.fixture(params=["rabbitmq", "redis"])
def line(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Line]:
    prefix = request.getfixturevalue("broker_prefix")
    url = request.getfixturevalue("rabbit_url" if request.param == "rabbitmq" else "redis_broker")
    ledger = Ledger(f"sqlite:///{tmp_path / 'ledger.sqlite3'}", policy=NO_WAIT)
    ledger.migrate()
    yield Line(ledger, BrokerOptions(url=url, prefix=prefix))
    ledger.close()
    if request.param == "rabbitmq":
        delete_lines(url, prefix)


@pytest.fixture
def in_small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "BATCH", 5)


def said(message: Any) -> tuple[Any, ...]:
    return tuple(message.payload[0])


def test_messages__are_drained_and_put_back(line, in_small_batches):
    """Stale, doubled and orphaned messages go; those that the ledger waits for, and what is not ours, are there once."""
    jobs = line.submitted(12)
    line.again(jobs[0])
    line.again(jobs[1], priority=9)
    line.again(jobs[2], dispatch=0)
    line.again(jobs[3], queue="indexing")
    line.ledger.cancel(jobs[4].id, owner="local")
    line.ledger.cancel(jobs[5].id, owner="local")
    line.ledger.delete(jobs[5].id, owner="local")
    line.put(b'[[], {}, {"callbacks": null}]', queue="housekeeping", task="housekeeping.outbox", id="tick")
    report = line.audit()
    assert report.findings == ()
    wanted = {(job.id, "parse", 0, 1) for job in jobs if job not in jobs[4:6]}
    pictures = {(job_id, "picture", 0, 1) for job_id, *_ in wanted}
    checked = report.checked
    assert (checked["messages.kept"], checked["messages.dropped"]) == (2 * 10 + 1, 4 + 4)
    assert depths(line.options) == dict.fromkeys(QUEUES, 0) | {"parsing": 10, "thumbnails": 10, "housekeeping": 1}
    assert sorted(map(said, line.take_all("parsing"))) == sorted(wanted)
    assert sorted(map(said, line.take_all("thumbnails"))) == sorted(pictures)
    assert [message.headers["task"] for message in line.take_all("housekeeping")] == ["housekeeping.outbox"]


def test_messages__stay_as_they_were_sent(line):
    """A message that was put back carries what its publisher gave it."""
    (job,) = line.submitted(1)
    assert line.audit().well
    (message,) = line.take_all("parsing")
    assert message.headers["heavylift_correlation_id"] == job.correlation_id
    assert message.headers["task"] == "pipeline.step"
    assert message.properties["priority"] == line.options.wire_priority(job.priority)
    assert message.properties["delivery_mode"] == 2
    assert message.properties["correlation_id"] == message.headers["id"]


def test_messages__in_line_keep_their_order(line):
    """Those of one priority are put back in the order in which they stood."""
    made = [submit(line.ledger, priority=5) for _ in range(7)]
    line.send([dispatch for one in made for dispatch in one.dispatches])
    assert line.audit().well
    assert [said(message)[0] for message in line.take_all("parsing")] == [one.job.id for one in made]


def test_messages__a_lost_one_is_named(line):
    """Of many step runs the one whose message is gone is named, though another queue has one too many."""
    jobs = line.submitted(4)
    kept = line.take_all("parsing")[1:]
    for message in kept:
        line.put(
            message.body.encode() if isinstance(message.body, str) else message.body,
            queue="parsing",
            task="pipeline.step",
        )
    lost = {job.id for job in jobs} - {said(message)[0] for message in kept}
    line.again(jobs[0], queue="thumbnails")
    report = line.audit()
    assert {(one.check, one.subject) for one in report.findings} == {
        (Check.QUEUES, "parsing"),
        (Check.MESSAGES, f"{lost.pop()}/parse"),
    }


def test_messages__an_unreadable_one_is_told_and_kept(line):
    """What nobody can read is a finding of its queue; it stays for those who look after dead letters."""
    line.submitted(1)
    line.put(b"\xff\xfe no json", queue="parsing", task="pipeline.step")
    for _ in range(2):
        report = line.audit()
        assert [(one.check, one.subject) for one in report.findings] == [(Check.MESSAGES, "parsing")]
        assert "1 messages can't be read" in report.findings[0].detail
    assert depths(line.options)["parsing"] == 2


def test_messages__of_a_killed_worker_are_there(line):
    """What a worker had taken and not acknowledged when it was killed is neither lost nor doubled."""
    (job,) = line.submitted(1)
    with connected(line.options) as connection:
        channel: Any = connection.channel()
        assert Queue(queue_name(line.options, "parsing"), channel=channel).get(no_ack=False) is not None
        channel.do_restore = False  # a killed process gives nothing back by itself; RabbitMQ does so for it
    report = line.audit()
    assert report.findings == ()
    assert [said(message)[0] for message in line.take_all("parsing")] == [job.id]


@pytest.mark.parametrize("line", ["rabbitmq"], indirect=True)
def test_messages__are_left_to_a_connected_consumer(line):
    """A consumer that no ledger row tells of keeps a deep audit from taking messages in hand."""
    line.submitted(1)
    with connected(line.options) as connection, connection.channel() as channel:
        Queue(queue_name(line.options, "validation"), channel=channel).consume(callback=print)
        report = line.audit()
    assert report.checked["messages.left_to_workers"] == 2
    assert report.checked["messages"] == 0


@pytest.fixture(params=["real", "embedded"])
def platform(request: pytest.FixtureRequest, services: Services) -> Iterator[House]:
    try:
        made = House(request.param, services=services)
    except Unavailable as absent:
        pytest.skip(f"no RabbitMQ or PostgreSQL: {absent}")
    try:
        made.migrate()
        yield made
    finally:
        made.close()


def test_messages__that_were_put_back_are_run(platform):
    """After a deep audit over stopped workers, their next start runs every job to its end, and the audit is well again."""
    platform.api.start().wait_ready(within=90)
    ids = [platform.submit(f"{k}.xml", parts_list(2_000))["id"] for k in range(3)]
    ledger, options = ledger_of(platform), options_of(platform)
    try:
        look = looking(platform, ledger, options)
        until_sent(options, 3)
        report = look()
        assert report.findings == ()
        assert report.checked["messages.kept"] == 3
        for pool in ("parsing", "indexing"):
            platform.pools[pool].start()
        assert {platform.wait_ended(job_id)["status"] for job_id in ids} == {Status.SUCCEEDED}
        report = look()
        assert report.findings == ()
        assert report.checked["replay"] == 3
    finally:
        ledger.close()


def looking(platform: House, ledger: Ledger, options: BrokerOptions) -> Callable[[], Report]:
    store = open_objects(Settings(platform.data_dir))
    return lambda: audit(ledger, store=store, broker=options, deep=True)


def until_sent(options: BrokerOptions, n: int) -> None:
    wait_until(lambda: depths(options)["parsing"] == n, within=30, what="all messages to be sent")


def test_audit__raises_no_false_alarm_while_a_platform_works(platform):
    """Audits over a platform under load, one worker of which is killed on the way, never find anything."""
    platform.start("parsing", "indexing", "housekeeping")
    ids = [platform.submit(f"{k}.xml", parts_list(3_000))["id"] for k in range(20)]
    ledger, options = ledger_of(platform), options_of(platform)
    store = open_objects(Settings(platform.data_dir))
    try:
        audits, ended = 0, set[str]()
        while len(ended) < len(ids) or audits < 3:
            report = audit(ledger, store=store, broker=options, deep=audits % 2 == 1, lost_after=8)
            assert report.findings == ()
            assert report.checked["messages.left_to_workers" if audits % 2 else "queues.messages"] >= 0
            if audits == 1:
                platform.pools["parsing"].kill()
                platform.pools["parsing"].restart()
            audits += 1
            ended = {job_id for job_id in ids if platform.job(job_id)["status"] in ENDED}

        assert {platform.job(job_id)["status"] for job_id in ids} == {Status.SUCCEEDED}
    finally:
        ledger.close()
