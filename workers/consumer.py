"""Celery's consumer, which here refuses what it cannot read instead of acknowledging it: nothing is dropped unseen.

RabbitMQ puts a refused message into the dead-letter line, and workers/dead_messages.py looks after it. On Redis a refused
message is gone; the sweep for lost messages sends it again where a step run still waits for it.
"""

import functools
from collections.abc import Callable
from typing import Any

import structlog
from celery.utils.dispatch import Signal
from celery.utils.log import get_logger
from celery.worker.consumer import Consumer
from celery.worker.request import Request
from kombu import Queue

log = structlog.get_logger(__name__)
_celery_log = get_logger(__name__)  # kombu wants one of the standard library's
# Sent when the worker has begun to listen to its line, and with each message that comes.
heard = Signal(name="heard")
listening = Signal(name="listening")  # sent when the worker has begun to listen, after each reconnect
# What reading a message of the wrong shape raises: Celery lets it out, which ends the worker, and then the next one.
_MISSHAPEN = (LookupError, TypeError, ValueError, AttributeError, ArithmeticError)
_RECONNECT = {"interval_start": 0.5, "interval_step": 0.5, "interval_max": 2.0}  # seconds


class StepRequest(Request):
    """A message about a step run. Only the ledger revokes those: `celery control revoke` would leave them queued."""

    def revoked(self) -> bool:
        """Never: what was cancelled finds nothing to claim."""
        return False


class CarefulConsumer(Consumer):
    """Refuses unreadable messages, survives misshapen ones, and is quick to connect again."""

    connection_errors: tuple[type[Exception], ...]  # of the transport in use; Celery's stubs lack it
    dead_letters: Queue | None = None  # the line that has to be there before anything can be refused

    @classmethod
    def refusing_into(cls, line: Queue | None) -> "type[CarefulConsumer]":
        """The class for a worker whose refused messages go to `line`."""
        return type(cls.__name__, (cls,), {"dead_letters": line})

    def connect(self) -> Any:
        """The connection to take messages from."""
        connection = super().connect()
        if self.dead_letters is not None:
            self.dead_letters(connection.default_channel).declare()
        return connection

    def on_decode_error(self, message: Any, exc: Exception) -> None:
        """Celery would acknowledge it."""
        log.error("message.unreadable", reason=type(exc).__name__, task_id=_task_id(message))
        message.reject_log_error(_celery_log, self.connection_errors)

    def create_task_handler(self, *args: Any, **more: Any) -> Callable[[Any], None]:
        """What takes each message; asked for whenever the worker begins to listen."""
        take = super().create_task_handler(*args, **more)

        def on_message(message: Any) -> None:
            heard.send(sender=self)
            try:
                take(message)
            except _MISSHAPEN as error:
                log.exception("message.misshapen", reason=type(error).__name__, task_id=_task_id(message))
                if not message.acknowledged:
                    message.reject_log_error(_celery_log, self.connection_errors)

        heard.send(sender=self)
        listening.send(sender=self)
        return on_message

    def ensure_connected(self, conn: Any) -> Any:
        """Celery would wait up to half a minute between two tries."""
        conn.ensure_connection = functools.partial(conn.ensure_connection, **_RECONNECT)
        return super().ensure_connected(conn)


def _task_id(message: Any) -> str:
    headers = message.headers if isinstance(message.headers, dict) else {}
    return str(headers.get("id") or "")[:200]
