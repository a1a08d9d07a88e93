"""The publisher: sends outbox rows after their commit, with confirms, from a thread of its own."""

import queue
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import orjson
import structlog
from celery import Celery
from kombu import Connection, Producer

from broker.app import STEP_TASK, BrokerOptions, dead_letter_queue, queue_name

log = structlog.get_logger(__name__)
_BATCH = 50
_MAX_WAITING = 10_000  # beyond it the outbox alone remembers
_TELL_SECONDS = 0.1  # confirmed rows are gathered for so long: their deletes would meet the claims they woke
_EMBED = {"callbacks": None, "errbacks": None, "chain": None, "chord": None}  # of Celery's protocol: nothing follows
_QUIET_SECONDS = 1.0  # after a failure: leave it to the outbox instead of hammering the broker


class Dispatched(Protocol):
    """What a message says, and the outbox row behind it."""

    @property
    def id(self) -> int: ...
    @property
    def job_id(self) -> str: ...
    @property
    def step(self) -> str: ...
    @property
    def part(self) -> int: ...
    @property
    def dispatch(self) -> int: ...
    @property
    def queue(self) -> str: ...
    @property
    def priority(self) -> int: ...
    @property
    def correlation_id(self) -> str: ...


class Publisher:
    """Takes dispatches at once and never raises to its callers; what fails stays in the outbox."""

    def __init__(
        self,
        app: Celery,
        options: BrokerOptions,
        *,
        on_sent: Callable[[Sequence[int]], None],  # outbox ids that the broker confirmed
        on_failed: Callable[[Sequence[int]], None],  # outbox ids to be sent later
    ) -> None:
        self._app = app
        self._options = options
        self._on_sent = on_sent
        self._on_failed = on_failed
        self._waiting: queue.Queue[Dispatched | None] = queue.Queue(_MAX_WAITING)
        self._connection: Connection | None = None
        self._producer: Producer | None = None
        self._headers: dict[str, Any] = {}  # what all messages have in common
        self._confirmed: list[int] = []  # outbox ids that the ledger does not know of yet
        self._tell_at = 0.0  # monotonic
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None
        self._starting = threading.Lock()

    def wake(self, dispatches: Sequence[Dispatched]) -> None:
        """Send these soon. Where too many wait already, the outbox remembers them for the dispatcher."""
        if not dispatches:
            return
        self._start()
        for dispatch in dispatches:
            try:
                self._waiting.put_nowait(dispatch)
            except queue.Full:
                return

    def close(self, *, timeout: float = 5.0) -> None:
        """Send what waits, then end."""
        with self._starting:
            self._closing.set()
            thread = self._thread
        if thread is not None:
            self._waiting.put(None)
            thread.join(timeout)

    def _start(self) -> None:
        with self._starting:
            if self._thread is None and not self._closing.is_set():
                self._thread = threading.Thread(target=self._run, name="publisher", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        while True:
            batch = self._next_batch()
            if batch:
                self._send(batch)
            ending = self._closing.is_set() and self._waiting.empty()
            if self._confirmed and (ending or time.monotonic() >= self._tell_at):
                confirmed, self._confirmed = self._confirmed, []
                self._tell(self._on_sent, confirmed)
            if ending:
                self._disconnect()
                return

    def _next_batch(self) -> list[Dispatched]:
        """What waits; nothing where confirmed rows have to be told of first."""
        try:
            wait = max(0.0, self._tell_at - time.monotonic()) if self._confirmed else None
            first = self._waiting.get(timeout=wait)
        except queue.Empty:
            return []
        batch = [first] if first is not None else []
        while len(batch) < _BATCH:
            try:
                more = self._waiting.get_nowait()
            except queue.Empty:
                break
            if more is not None:
                batch.append(more)
        return batch

    def _send(self, batch: list[Dispatched]) -> None:
        """Publish each with a confirm; tell the ledger which were confirmed and which were not."""
        confirmed: list[int] = []
        try:
            for dispatch in batch:
                self._publish(dispatch)
                confirmed.append(dispatch.id)
        except Exception as error:  # whatever the broker or its client says, the outbox has the rest
            log.warning("broker.publish_failed", error=type(error).__name__, unsent=len(batch) - len(confirmed))
            self._disconnect()
        rest = [dispatch.id for dispatch in batch[len(confirmed) :]]
        if confirmed:
            if not self._confirmed:
                self._tell_at = time.monotonic() + _TELL_SECONDS
            self._confirmed += confirmed
        if rest:
            self._tell(self._on_failed, rest)
            self._closing.wait(_QUIET_SECONDS)

    def _tell(self, listener: Callable[[Sequence[int]], None], ids: list[int]) -> None:
        try:
            if ids:
                listener(ids)
        except Exception as error:  # the ledger is away: rows stay, and are sent once more than needed
            log.warning("broker.outbox_not_updated", error=type(error).__name__)

    def _publish(self, dispatch: Dispatched) -> None:
        producer = self._ready_producer()
        args = (dispatch.job_id, dispatch.step, dispatch.part, dispatch.dispatch)
        task_id = ".".join(map(str, args))
        producer.publish(
            orjson.dumps((args, {}, _EMBED)),
            routing_key=queue_name(self._options, dispatch.queue),
            exchange=self._options.prefix,
            content_type="application/json",
            content_encoding="utf-8",
            delivery_mode=2,
            priority=self._options.wire_priority(dispatch.priority),
            headers={
                **self._headers,
                "id": task_id,
                "root_id": task_id,
                "argsrepr": repr(args),
                "heavylift_correlation_id": dispatch.correlation_id,
            },
            retry=False,
            mandatory=False,
            correlation_id=task_id,
            reply_to="",
            **self._confirm(),
        )

    def _confirm(self) -> dict[str, Any]:
        return {"confirm_timeout": self._options.confirm_timeout} if self._options.is_rabbit else {}

    def _ready_producer(self) -> Producer:
        """The producer on our own connection; made, with the lines declared, where there is none."""
        if self._producer is None:
            self._connection = self._app.connection_for_write(connect_timeout=2)
            self._connection.ensure_connection(max_retries=1, interval_start=0, timeout=3)
            channel = self._connection.channel()
            # A message to a line that nobody made would vanish.
            for line in (dead_letter_queue(self._options), *self._app.conf.task_queues):
                line(channel).declare()
            # Celery's own envelope, made once: messages differ in their ids and arguments alone.
            self._headers = self._app.amqp.create_task_message("", STEP_TASK, args=(), kwargs={}).headers
            self._producer = Producer(channel, auto_declare=False)
        return self._producer

    def _disconnect(self) -> None:
        connection, self._connection, self._producer = self._connection, None, None
        if connection is not None:
            try:
                connection.release()
            except Exception as error:  # it was broken already
                log.debug("broker.release_failed", error=type(error).__name__)
