"""What RabbitMQ dead-letters is sent again or kept, and what nobody can read is refused instead of acknowledged."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from amqp import Message as RawMessage
from support.interventions import ledger_of, options_of, purge, sweep, wait_sent
from support.sample_jobs import NO_WAIT, submit
from support.waiting import wait_until

from bench.files import parts_list
from broker import BrokerOptions, depths
from broker.app import STEP_TASK, connected, dead_letter_queue, declare, queue_name
from broker.dead_messages import DeadMessage, drain
from jobs.ids import new_id
from jobs.model import Status, StepKey
from jobs.verbs import MAX_RETURNS
from ledger import Dispatch, Ledger, Letter, LetterFilter
from ledger.errors import LedgerUnavailable
from workers.dead_messages import settle_dead_messages

PARSE = StepKey("parse")
NOTHING = {"callbacks": None, "errbacks": None, "chain": None, "chord": None}


@dataclass
class Line:
    """The lines of one prefix on a RabbitMQ, and a ledger beside them."""

    options: BrokerOptions
    ledger: Ledger
    woken: list[Dispatch] = field(default_factory=list)

    def put(self, body: bytes, *, headers: dict[str, Any], pool: str = "parsing") -> None:
        put(self.options, body, headers=headers, pool=pool)

    def refuse_all(self, pool: str = "parsing") -> None:
        """Do with every message in the pool's line what a worker does with one that it cannot read."""
        line = queue_name(self.options, pool)
        dead = dead_letter_queue(self.options).name
        with connected(self.options) as connection, connection.channel() as channel:
            refused = 0
            while message := channel.basic_get(line):
                channel.basic_reject(message.delivery_tag, requeue=False)
                refused += 1
            look = lambda: channel.queue_declare(dead, passive=True).message_count >= refused  # noqa: E731 - one expression
            wait_until(look, within=20, what="the refused messages to be dead letters")

    def settle(self):
        return settle_dead_messages(self.ledger, self.options, self.woken.extend)

    def letters(self) -> list[Letter]:
        return self.ledger.letters("local", filter=LetterFilter())[0]


@pytest.fixture
def line(rabbit_url, broker_prefix, tmp_path) -> Iterator[Line]:
    options = BrokerOptions(url=rabbit_url, prefix=broker_prefix)
    declare(options)
    ledger = Ledger(f"sqlite:///{tmp_path / 'ledger.sqlite3'}", policy=NO_WAIT)
    ledger.migrate()
    yield Line(options, ledger)
    ledger.close()


def put(options: BrokerOptions, body: bytes, *, headers: dict[str, Any], pool: str, **properties: Any) -> None:
    """A message on the pool's line, with its bytes and headers exactly so."""
    properties = {"content_type": "application/json", "content_encoding": "utf-8"} | properties
    with connected(options) as connection, connection.channel() as channel:
        message = RawMessage(body, application_headers=headers, delivery_mode=2, **properties)
        channel.basic_publish(message, exchange=options.prefix, routing_key=queue_name(options, pool))


def envelope(*args: object) -> bytes:
    return json.dumps([args, {}, NOTHING]).encode()


def headers_of(*args: object, task: str = STEP_TASK) -> dict[str, Any]:
    return {"lang": "py", "task": task, "id": ".".join(map(str, args))}


def dead_count(options: BrokerOptions) -> int:
    with connected(options) as connection, connection.channel() as channel:
        return int(channel.queue_declare(dead_letter_queue(options).name, passive=True).message_count)


def test_drain__tells_what_died_and_why(line):
    """A dead message says its step run, its reason, its queue, and keeps its own headers and bytes."""
    job_id = new_id()
    args = (job_id, "parse", 0, 3)
    line.put(envelope(*args, "from a newer release"), headers=headers_of(*args))
    line.refuse_all()
    taken: list[DeadMessage] = []
    assert drain(line.options, taken.append) == 1
    (dead,) = taken
    assert (dead.step.job_id, dead.step.key, dead.step.dispatch) == (job_id, PARSE, 3)
    assert (dead.reason, dead.queue, dead.deaths, dead.task) == ("rejected", "parsing", 1, STEP_TASK)
    assert (dead.readable, dead.content_type) == (True, "application/json")
    assert dead.headers == headers_of(*args)
    assert drain(line.options, taken.append) == 0


def test_drain__keeps_what_could_not_be_settled(line):
    """While the ledger is away a dead message stays in the line, as it was, and the error is passed on."""
    line.put(b"\xff\x00 no text", headers={"id": "x"})
    line.refuse_all()

    def away(_: DeadMessage) -> None:
        raise LedgerUnavailable("away")

    for _ in range(25):  # newer RabbitMQs drop what was handed back twenty times
        with pytest.raises(LedgerUnavailable):
            drain(line.options, away)
    taken: list[DeadMessage] = []
    wait_until(lambda: drain(line.options, taken.append) == 1, within=10, what="the message to be there")
    assert (taken[0].body, taken[0].reason) == (b"\xff\x00 no text", "rejected")


def test_drain__has_nothing_to_do_without_rabbitmq():
    """On Redis there is no dead-letter line: nobody is asked."""
    assert drain(BrokerOptions(url="redis://127.0.0.1:1"), pytest.fail) == 0


def test_settle__sends_again_what_is_waited_for(line):
    """A dead message whose step run is still queued goes into the outbox again, with the same dispatch number."""
    job = submit(line.ledger).job
    line.ledger.sent([one.id for one in submit_dispatches(line, job.id)])
    args = (job.id, "parse", 0, 1)
    line.put(envelope(*args), headers=headers_of(*args, task="pipeline.of_tomorrow"))
    line.refuse_all()
    settled = line.settle()
    assert (settled.taken, settled.sent_again, settled.kept, settled.void) == (1, 1, 0, 0)
    assert [(one.job_id, one.step, one.dispatch) for one in line.woken] == [(job.id, "parse", 1)]
    assert line.letters() == []


def test_settle__gives_up_after_some_returns(line):
    """A message that comes back again and again fails its step run with a reason, and leaves a dead letter of it."""
    job = submit(line.ledger).job
    line.ledger.sent([one.id for one in submit_dispatches(line, job.id)])
    args = (job.id, "parse", 0, 1)
    for _ in range(MAX_RETURNS):
        line.put(envelope(*args), headers=headers_of(*args))
        line.refuse_all()
        line.settle()
        line.ledger.sent([one.id for one in line.woken])
    assert len(line.woken) == MAX_RETURNS - 1
    step = line.ledger.get(job.id, owner="local").step(PARSE)
    assert (step.status, step.fault.code) == (Status.FAILED, "step.undeliverable")
    assert [(letter.kind, letter.step) for letter in line.letters()] == [("step", "parse")]


@pytest.mark.parametrize(
    "args", [("not an id", "parse", 0, 1), (new_id(), "parse", "0", 1), (new_id(),)], ids=["id", "part", "short"]
)
def test_settle__keeps_what_names_no_step_run(line, args):
    """A readable message that names no step run of ours is kept as a letter with its bytes and headers."""
    line.put(envelope(*args), headers={"task": "somebody.elses", "id": "x"})
    line.refuse_all()
    assert line.settle().kept == 1
    (letter,) = line.letters()
    assert (letter.kind, letter.job_id) == ("message", None)
    assert letter.evidence["reason"] == "rejected"
    assert letter.evidence["queue"] == "parsing"
    assert letter.evidence["headers"]["task"] == "somebody.elses"


def test_settle__drops_what_is_stale_or_a_tick(line):
    """A message of an earlier dispatch, of a job that is gone, and a tick of the clock leave nothing behind."""
    job = submit(line.ledger).job
    for args in ((job.id, "parse", 0, 0), (job.id, "of tomorrow", 0, 1), (new_id(), "parse", 0, 1)):
        line.put(envelope(*args), headers=headers_of(*args))
    line.put(envelope(), headers={"task": "housekeeping.of_tomorrow", "id": "t"})
    line.refuse_all()
    settled = line.settle()
    assert (settled.taken, settled.void, settled.sent_again, settled.kept) == (4, 4, 0, 0)
    assert (line.letters(), line.woken, dead_count(line.options)) == ([], [], 0)


def test_settle__uses_the_headers_of_a_spoilt_body(line):
    """Of a message with a spoilt body the letter is kept, and the step run that its headers name is sent again."""
    job = submit(line.ledger).job
    line.ledger.sent([one.id for one in submit_dispatches(line, job.id)])
    line.put(b"\x80spoilt", headers=headers_of(job.id, "parse", 0, 1))
    line.refuse_all()
    settled = line.settle()
    assert (settled.kept, settled.sent_again) == (1, 1)
    assert [one.job_id for one in line.woken] == [job.id]


MISSHAPEN = {
    "undecodable": (b"\xff\xfe not JSON", headers_of("x"), {}),
    "no headers": (b"[]", {}, {}),
    "header of another kind": (envelope(), {"task": ["a", "list"], "id": "x"}, {}),
    "no id": (envelope(), {"task": STEP_TASK}, {}),
    "unknown task without an id": (envelope(), {"task": "pipeline.of_tomorrow"}, {}),
    "a number": (b"5", headers_of("x"), {}),
    "too short": (b"[[], {}]", headers_of("x"), {}),
    "no arguments": (envelope(), headers_of("x"), {}),
    "arguments by name": (json.dumps([[], {"job_id": "x"}, NOTHING]).encode(), headers_of("x"), {}),
    "another content": (b"\x80\x04N.", headers_of("x"), {"content_type": "application/x-python-serialize"}),
    "another encoding": (envelope(), headers_of("x"), {"content_type": "text/plain", "content_encoding": "no-such"}),
    "badly compressed": (envelope(), headers_of("x") | {"compression": "application/x-gzip"}, {}),
    "a time that is none": (envelope("x"), headers_of("x") | {"eta": "tomorrow"}, {}),
}


@pytest.mark.pools("parsing", "indexing")
def test_worker__refuses_what_it_cannot_read(celery_setup, house):
    """Whatever stands in a message, the worker lives on, refuses it, and each becomes a letter; a good job runs."""
    options = options_of(house)
    house.api.start().wait_ready()
    pid = house.pools["parsing"].pid
    for body, headers, properties in MISSHAPEN.values():
        put(options, body, headers=headers, pool="parsing", **properties)
    job = house.submit("good.xml", parts_list(3_000))
    assert house.wait_ended(job["id"])["status"] == "succeeded"
    wait_until(lambda: dead_count(options) == len(MISSHAPEN), within=20, what="all to be dead letters")
    assert (house.pools["parsing"].running, house.pools["parsing"].pid) == (True, pid)
    ledger = ledger_of(house)
    settled = settle_dead_messages(ledger, options, lambda _: None)
    letters = ledger.letters("local", filter=LetterFilter())[0]
    ledger.close()
    assert (settled.kept, len(letters)) == (len(MISSHAPEN), len(MISSHAPEN))


@pytest.mark.pools("parsing", "indexing", "housekeeping")
def test_unknown_task__runs_once_a_worker_knows_it(celery_setup, house):
    """A message of another release, refused for its unknown task, comes back through the sweep and its job succeeds."""
    options = options_of(house)
    house.pools["parsing"].stop()
    house.api.start().wait_ready()
    job = house.submit("skew.xml", parts_list(3_000))["id"]
    wait_sent(house)
    assert purge(house, "parsing") == 1
    args = (job, "parse", 0, 1)
    put(options, envelope(*args), headers=headers_of(*args, task="pipeline.of_tomorrow"), pool="parsing")
    house.pools["parsing"].start().wait_ready()
    wait_until(lambda: dead_count(options) == 1, within=20, what="the message to be refused")
    assert house.job(job)["status"] == "queued"
    sweep(house, "housekeeping.dead_messages")
    ended = house.wait_ended(job)
    assert (ended["status"], ended["steps"][0]["attempt"]) == ("succeeded", 1)


@pytest.mark.pools("parsing", "indexing")
def test_revoked_task__runs_all_the_same(celery_setup, house):
    """`celery control revoke`, or Flower's button, does not swallow a job's message: only the ledger cancels."""
    house.api.start().wait_ready()
    house.pools["parsing"].stop()
    job = house.submit("a.xml", parts_list(3_000))["id"]
    wait_sent(house)
    house.pools["parsing"].start().wait_ready()
    celery_setup.app.control.revoke(f"{job}.parse.0.1")
    again = house.submit("b.xml", parts_list(3_000))["id"]
    celery_setup.app.control.revoke([f"{again}.parse.0.1", f"{again}.index.0.1"], reply=True, timeout=5)
    assert {house.wait_ended(one)["status"] for one in (job, again)} == {"succeeded"}


def submit_dispatches(line: Line, job_id: str) -> list[Dispatch]:
    """The outbox rows of a job, taken as a sender would."""
    line.ledger.unsent(all_outbox_ids(line), delay=-1)
    return [one for one in line.ledger.take_due() if one.job_id == job_id]


def all_outbox_ids(line: Line) -> list[int]:
    from sqlalchemy import select

    from ledger.schema import outbox

    with line.ledger.database.reading() as tx:
        return list(tx.execute(select(outbox.c.id)).scalars())


def test_depths__count_no_dead_letters(line):
    """The lines that are compared with the ledger do not hold what died."""
    line.put(b"x", headers={})
    line.refuse_all()
    assert depths(line.options)["parsing"] == 0
