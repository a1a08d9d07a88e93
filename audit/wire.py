"""The broker as the audit sees it: how many messages each queue holds, and each message in hand once."""

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from amqp.exceptions import ChannelError
from kombu import Connection, Producer
from kombu import Queue as Line

from broker.app import STEP_TASK, BrokerOptions, connected, dead_letter_queue, queue_name
from broker.messages import StepMessage
from jobs.ids import new_id
from jobs.queues import QUEUES

BATCH = 500  # messages in hand at a time
_MARK = "heavylift_audit"  # the header by which an audit knows its own copies


@dataclass(frozen=True, slots=True, kw_only=True)
class Depth:
    """One queue in the broker."""

    ready: int  # messages that a worker would get
    unacked: int | None  # messages that a worker has; None: this broker does not tell
    consumers: int  # connected to it, as far as this broker tells

    @property
    def held(self) -> int:
        """All messages that are known of."""
        return self.ready + (self.unacked or 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class InHand:
    """A message that was taken out of its queue and not acknowledged yet."""

    ours: bool  # it asks for a step run; sweeps and what others sent are not ours to judge
    step: StepMessage | None  # which one; None where it can't be read


def depths(options: BrokerOptions) -> Mapping[str, Depth]:
    """Every queue of ours. Raises `BrokerUnavailable`."""
    with connected(options) as connection:
        ready = {name: _declared(connection, queue_name(options, name)) for name in QUEUES}
        # After the ready ones: what is taken meanwhile is counted twice rather than not at all.
        unacked = _unacked(connection, options) if options.is_redis else None
    return {
        name: Depth(ready=n, unacked=None if unacked is None else unacked[name], consumers=consumers)
        for name, (n, consumers) in ready.items()
    }


def dead(options: BrokerOptions) -> int:
    """How many messages wait in the dead-letter line. Raises `BrokerUnavailable`."""
    with connected(options) as connection:
        return _declared(connection, dead_letter_queue(options).name)[0]


def take_each_in_hand(
    options: BrokerOptions, name: str, judge: Callable[[Sequence[InHand]], Sequence[bool]]
) -> Counter[str]:
    """Show every message of a queue to `judge`, a batch at a time; only those it wants to keep stay.

    A kept message goes to the end of its queue as a copy, confirmed where the broker confirms, before the original is
    acknowledged: whatever ends us, none is lost. Call it while nobody consumes. Returns how many were `kept` and
    `dropped`. Raises `BrokerUnavailable`, and whatever `judge` raises.
    """
    mark, line, settled = new_id(), queue_name(options, name), Counter[str]()
    with connected(options) as connection:
        left, _ = _declared(connection, line)
        with connection.channel() as opened:
            channel: Any = opened  # the transports' own
            channel.auto_decode = False  # bodies as they are
            producer, copies = Producer(channel, auto_declare=False), list[Any]()
            while left > 0:
                batch: list[Any] = []
                while left > 0 and len(batch) < BATCH:
                    message = Line(line, channel=channel).get(no_ack=False)
                    if message is None:
                        left = 0
                    elif message.headers.get(_MARK) == mark:
                        copies.append(message.delivery_tag)  # a queue with priorities hands it out before the rest
                    else:
                        batch.append(message)
                        left -= 1
                for message, keep in zip(batch, judge([_in_hand(one) for one in batch]), strict=True):
                    if keep:
                        _copy(producer, message, line=line, mark=mark, options=options)
                    message.ack()
                    settled["kept" if keep else "dropped"] += 1
            for tag in reversed(copies):
                channel.basic_reject(tag, requeue=True)
    return settled


def give_back_unacked(options: BrokerOptions) -> None:
    """Put what killed workers left unacknowledged into its queue again; RabbitMQ does so itself."""
    if not options.is_redis:
        return
    with connected(options) as connection, connection.channel() as opened:
        channel: Any = opened
        with channel.conn_or_acquire() as client:
            tags = client.zrange(channel.unacked_index_key, 0, -1)
        for tag in tags:
            channel.qos.restore_by_tag(tag)


def _declared(connection: Connection, line: str) -> tuple[int, int]:
    """Messages and consumers of a line; none where it is not there."""
    channel: Any = connection.channel()
    try:
        found = channel.queue_declare(queue=line, passive=True)
    except ChannelError as error:
        if str(error.reply_code) != "404":  # kombu's own transports say it as text
            raise
        return 0, 0
    else:
        return int(found.message_count), int(found.consumer_count or 0)
    finally:
        if not getattr(channel, "closed", False) and getattr(channel, "is_open", True):  # RabbitMQ closes it at a 404
            channel.close()


def _unacked(connection: Connection, options: BrokerOptions) -> Counter[str]:
    """What workers have, by queue name of ours: kombu keeps it as (message, exchange, routing key)."""
    channel: Any = connection.default_channel
    with channel.conn_or_acquire() as client:
        kept = client.hvals(channel.unacked_key)
    keys = [json.loads(entry)[2] for entry in kept]
    return Counter(str(key).removeprefix(f"{options.prefix}.") for key in keys)


def _in_hand(message: Any) -> InHand:
    ours = message.headers.get("task") in {STEP_TASK, None}
    try:
        said = json.loads(message.body)
    except ValueError:
        return InHand(ours=ours, step=None)
    match said:
        case [list() as args, dict(), dict()]:
            return InHand(ours=ours, step=StepMessage.read(args))
    return InHand(ours=ours, step=None)


def _copy(producer: Producer, message: Any, *, line: str, mark: str, options: BrokerOptions) -> None:
    properties = message.properties
    expiration = properties.get("expiration")  # milliseconds on the wire, seconds in kombu's call
    confirm: dict[str, Any] = {"confirm_timeout": options.confirm_timeout} if options.is_rabbit else {}
    producer.publish(
        message.body,
        exchange="",
        routing_key=line,
        content_type=message.content_type or "application/octet-stream",
        content_encoding=message.content_encoding or "binary",
        headers={**message.headers, _MARK: mark},
        priority=properties.get("priority") or 0,
        expiration=None if expiration is None else int(expiration) / 1000,
        correlation_id=properties.get("correlation_id"),
        reply_to=properties.get("reply_to"),
        delivery_mode=2,
        retry=False,
        **confirm,
    )
