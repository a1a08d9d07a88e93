"""The Celery app and its queues. Producers and workers build the same one, or RabbitMQ refuses the queues."""

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from amqp.exceptions import ChannelError
from celery import Celery
from kombu import Connection, Exchange, Queue
from kombu.exceptions import OperationalError

from jobs.errors import HeavyliftError
from jobs.queues import QUEUES

STEP_TASK = "pipeline.step"
# Seconds. A frozen worker keeps the messages it was handed until RabbitMQ gives its connection up, which takes two to
# three heartbeats: about as long as the ledger's lease. RabbitMQ calls 5 to 20 s well chosen, and less prone to false
# alarms; a worker's main thread, which answers, only waits for messages, and would have to be stuck for 20 s.
HEARTBEAT = 10
REDIS_PRIORITY_STEPS = (0, 3, 6, 9)  # kombu keeps one list for each; 0 is first there


class BrokerUnavailable(HeavyliftError):
    """The broker does not answer; submits go on, since the outbox keeps their messages."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerOptions:
    """Where the lines are and how they are made."""

    url: str
    prefix: str = "heavylift"
    confirm_timeout: float = 5.0  # seconds
    visibility_timeout: float = 4 * 3600.0  # seconds; Redis only
    delivery_limit: int = 50  # RabbitMQ only

    @property
    def is_rabbit(self) -> bool:
        """Whether the broker is RabbitMQ."""
        return self.url.startswith(("amqp", "pyamqp"))

    @property
    def is_redis(self) -> bool:
        """Whether the broker is Redis."""
        return self.url.startswith(("redis", "rediss", "sentinel"))

    def wire_priority(self, priority: int) -> int:
        """Ours counts up (9 first), and so does AMQP's; kombu's Redis transport counts down."""
        return 9 - priority if self.is_redis else priority


def queue_name(options: BrokerOptions, name: str) -> str:
    """The line's name in the broker."""
    return f"{options.prefix}.{name}"


def topology(options: BrokerOptions) -> tuple[Queue, ...]:
    """One durable line per row of jobs/queues.py; on RabbitMQ quorum queues with a dead-letter exchange."""
    exchange = Exchange(options.prefix, type="direct", durable=True)
    arguments = _quorum(options) if options.is_rabbit else {}
    return tuple(
        Queue(
            queue_name(options, name),
            exchange,
            routing_key=queue_name(options, name),
            durable=True,
            queue_arguments=arguments,
        )
        for name in QUEUES
    )


def _quorum(options: BrokerOptions) -> dict[str, Any]:
    return {
        "x-queue-type": "quorum",
        # Each lost connection counts as a delivery, so this is generous; the ledger bounds real poison.
        "x-delivery-limit": options.delivery_limit,
        "x-dead-letter-exchange": f"{options.prefix}.dead",
        "x-dead-letter-routing-key": "dead",
        "x-dead-letter-strategy": "at-least-once",
        "x-overflow": "reject-publish",  # at-least-once dead-lettering asks for it
    }


def dead_letter_queue(options: BrokerOptions) -> Queue:
    """Where RabbitMQ puts what it gave up delivering."""
    exchange = Exchange(f"{options.prefix}.dead", type="direct", durable=True)
    return Queue(
        f"{options.prefix}.dead",
        exchange,
        routing_key="dead",
        durable=True,
        queue_arguments={"x-queue-type": "quorum"} if options.is_rabbit else {},
    )


def make_app(options: BrokerOptions) -> Celery:
    """A Celery app that knows the lines; results are off, since the ledger is the truth."""
    if options.is_redis:
        from broker import redis_line  # takes a while, and RabbitMQ needs none of it

        redis_line.install()
    app = Celery("heavylift", broker=options.url, set_as_current=False, fixups=[])
    app.conf.update(
        task_queues=topology(options),
        task_default_queue=queue_name(options, "housekeeping"),
        task_default_exchange=options.prefix,
        task_default_exchange_type="direct",
        task_default_routing_key=queue_name(options, "housekeeping"),
        task_create_missing_queues=False,
        task_serializer="json",
        accept_content=["json"],
        task_ignore_result=True,
        task_acks_late=True,
        task_reject_on_worker_lost=True,
        task_acks_on_failure_or_timeout=True,
        worker_prefetch_multiplier=1,
        worker_hijack_root_logger=False,
        worker_redirect_stdouts=False,
        worker_detect_quorum_queues=True,
        worker_enable_soft_shutdown_on_idle=False,
        broker_transport_options=_transport(options),
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
        broker_connection_timeout=4,
        broker_heartbeat=HEARTBEAT,  # of workers; connections that only publish have none
        broker_pool_limit=None,  # the publisher keeps a connection of its own
        event_queue_prefix=f"{options.prefix}.ev",
        event_exchange=f"{options.prefix}.ev",
        control_exchange=options.prefix,  # Celery adds `.pidbox`
        timezone="UTC",
    )
    return app


def _transport(options: BrokerOptions) -> dict[str, Any]:
    if options.is_rabbit:
        return {"confirm_publish": True, "client_properties": {"connection_name": "heavylift"}}
    if options.is_redis:
        return {
            "visibility_timeout": options.visibility_timeout,
            "unacked_restore_interval": 5,
            "unacked_restore_throttle": 1,
            "priority_steps": list(REDIS_PRIORITY_STEPS),
            "queue_order_strategy": "priority",
            # Not global_keyprefix: kombu's prefixing client leaves EXISTS without it, and depths read 0.
            "unacked_key": f"{options.prefix}.unacked",
            "unacked_index_key": f"{options.prefix}.unacked_index",
            "unacked_mutex_key": f"{options.prefix}.unacked_mutex",
        }
    return _folders(options) if options.url.startswith("filesystem:") else {}


def _folders(options: BrokerOptions) -> dict[str, Any]:
    """The last resort where there is no Redis: messages as files below the URL's folder."""
    folder = Path(unquote(urlsplit(options.url).path))
    messages, control = folder / "messages", folder / "control"
    for made in (messages, control):
        made.mkdir(parents=True, exist_ok=True, mode=0o700)
    return {
        "data_folder_in": str(messages),  # one folder: what one process puts out, the other takes in
        "data_folder_out": str(messages),
        "control_folder": str(control),
        "polling_interval": 0.05,
    }


@contextlib.contextmanager
def connected(options: BrokerOptions) -> Iterator[Connection]:
    """A short-lived connection; every way to fail becomes `BrokerUnavailable`."""
    connection = make_app(options).connection_for_write(connect_timeout=2)
    broken: Any = (OperationalError, *connection.connection_errors, *connection.channel_errors)
    try:
        connection.ensure_connection(max_retries=1, interval_start=0, timeout=3)
        yield connection
    except broken as error:
        raise BrokerUnavailable(type(error).__name__) from error
    finally:
        connection.release()


def ping(options: BrokerOptions) -> None:
    """Raise `BrokerUnavailable` unless the broker lets us in."""
    with connected(options):
        pass


def declare(options: BrokerOptions) -> None:
    """Make the lines, the dead-letter exchange and its queue, where they are not there yet."""
    with connected(options) as connection, connection.channel() as channel:
        for queue in (dead_letter_queue(options), *topology(options)):
            queue(channel).declare()


def depths(options: BrokerOptions) -> Mapping[str, int]:
    """How many messages are ready in each line, by queue name of ours. Raises `BrokerUnavailable`."""
    with connected(options) as connection:
        return {name: _depth(connection, queue_name(options, name)) for name in QUEUES}


def _depth(connection: Connection, line: str) -> int:
    """Ready messages of one line; 0 where it is not there (Redis keeps no empty lists)."""
    channel: Any = connection.channel()
    try:
        return int(channel.queue_declare(queue=line, passive=True).message_count)
    except ChannelError:
        return 0
    finally:
        if not getattr(channel, "closed", False) and getattr(channel, "is_open", True):
            channel.close()
