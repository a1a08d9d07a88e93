"""What RabbitMQ gave up delivering, taken out of the dead-letter line one message at a time.

RabbitMQ puts a message there that a worker refused (no such task, unreadable) or that came back too often. Other
brokers have no such line: what a worker refuses on Redis is gone there, and the sweep for lost messages, which compares
the broker's depth with the ledger, sends it again where a step run still waits for it.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from broker.app import BrokerOptions, connected, dead_letter_queue
from broker.messages import StepMessage

_TASK_ID = re.compile(r"([0-9a-f-]{36})\.(.+)\.([0-9]{1,10})\.([0-9]{1,10})")
_ACCOUNT = "x-"  # headers that RabbitMQ adds


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadMessage:
    """A message as it died."""

    body: bytes
    headers: Mapping[str, Any]  # as they were sent
    content_type: str
    task: str  # Celery's name for it; empty where it has none
    readable: bool  # whether its body is a task message at all
    step: StepMessage | None  # the step run that it asked for, as far as body or headers tell
    reason: str  # RabbitMQ's word: `rejected`, `delivery_limit`, `expired`, `maxlen`; or `unknown`
    queue: str  # the queue that it died in; the broker's own name where that is none of ours
    deaths: int  # how often it died there for that reason


def drain(options: BrokerOptions, settle: Callable[[DeadMessage], None], *, limit: int = 1000) -> int:
    """Hand each message that is there now to `settle`, `limit` at most; returns how many were settled.

    A message is acknowledged once `settle` has returned, so commit in there. Where it raises, the message stays and the
    error is passed on. What dies again meanwhile waits for the next call. Raises `BrokerUnavailable`.
    """
    if not options.is_rabbit:
        return 0
    settled = 0
    with connected(options) as connection, connection.channel() as opened:
        channel: Any = opened  # RabbitMQ's own, which kombu's stubs do not tell from others
        channel.auto_decode = False  # bodies as they are
        line = dead_letter_queue(options)(channel)
        line.declare()
        there = int(channel.queue_declare(queue=line.name, passive=True).message_count)
        for _ in range(min(there, limit)):
            raw = channel.basic_get(queue=line.name)
            if raw is None:
                break
            try:
                settle(_dead_message(raw, options))
            except BaseException:
                _put_back(channel, raw, line=line.name, confirm_timeout=options.confirm_timeout)
                raise
            channel.basic_ack(raw.delivery_tag)
            settled += 1
    return settled


def _put_back(channel: Any, raw: Any, *, line: str, confirm_timeout: float) -> None:
    """A copy goes to the end of the line before the original goes.

    Handing the original back would count as a delivery, and RabbitMQ 4 drops what was delivered too often.
    """
    channel.basic_publish(raw, exchange="", routing_key=line, confirm_timeout=confirm_timeout)
    channel.basic_ack(raw.delivery_tag)


def _dead_message(raw: Any, options: BrokerOptions) -> DeadMessage:
    properties = raw.properties
    headers: dict[str, Any] = properties.get("application_headers") or {}
    death = _latest_death(headers)
    args = _arguments(raw.body)
    return DeadMessage(
        body=bytes(raw.body),
        headers={name: value for name, value in headers.items() if not name.startswith(_ACCOUNT)},
        content_type=str(properties.get("content_type") or ""),
        task=str(headers.get("task") or ""),
        readable=args is not None,
        step=StepMessage.read(args) or _from_task_id(headers.get("id")),
        reason=str(death.get("reason") or "unknown"),
        queue=str(death.get("queue") or "").removeprefix(f"{options.prefix}."),
        deaths=int(death.get("count") or 1),
    )


def _latest_death(headers: Mapping[str, Any]) -> Mapping[str, Any]:
    """RabbitMQ's account of the last death, which stands first."""
    deaths = headers.get("x-death")
    first = deaths[0] if isinstance(deaths, list) and deaths else {}
    return first if isinstance(first, dict) else {}


def _arguments(body: bytes) -> list[Any] | None:
    """The task's arguments; None where the body is no task message of Celery's second protocol."""
    try:
        said = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    match said:
        case [list() as args, dict(), dict()]:
            return args
    return None


def _from_task_id(task_id: object) -> StepMessage | None:
    """The publisher names a message after its arguments, so headers tell what a spoilt body does not."""
    found = _TASK_ID.fullmatch(str(task_id or ""))
    return StepMessage.read([found[1], found[2], int(found[3]), int(found[4])]) if found else None
