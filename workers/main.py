"""The entry points of worker and beat processes: Celery with our task, our threads and our SIGTERM."""

import signal
import threading
from types import FrameType
from typing import Any

import structlog
from celery import Celery
from celery.exceptions import Reject
from celery.signals import worker_ready
from celery.worker import state as celery_state

from beat_schedule import BEAT_SCHEDULE
from broker import make_app, queue_name
from broker.app import STEP_TASK, dead_letter_queue
from broker.messages import StepMessage
from config.logging import configure
from config.settings import Settings
from jobs.queues import HOUSEKEEPING, queue_named
from jobs.reconcilers import RECONCILERS, task_of
from wiring import broker_options
from workers.consumer import CarefulConsumer, StepRequest
from workers.executor import Message, ShuttingDown
from workers.sandbox import remove
from workers.wiring import Worker, build_worker

log = structlog.get_logger(__name__)


def run(pool: str, settings: Settings) -> int:
    """Serve one queue until told to end; returns the exit code."""
    configure(service=f"worker-{pool}")
    queue = queue_named(pool)
    options = broker_options(settings)
    worker = build_worker(queue, settings)
    app = make_app(options)
    app.conf.worker_consumer = CarefulConsumer.refusing_into(dead_letter_queue(options) if options.is_rabbit else None)
    register_tasks(app, worker)
    shutdown = Shutdown(worker, grace=settings.worker.grace)
    # Celery installs handlers of its own while it starts; ours replace them once it serves.
    worker_ready.connect(lambda **_: shutdown.install(), weak=False)
    worker.dispatcher.start()
    if queue is HOUSEKEEPING:
        worker.requests.start()
    try:
        app.worker_main(
            [
                "worker",
                "--pool=threads",
                f"--concurrency={worker.concurrency}",
                f"--queues={queue_name(options, queue.name)}",
                f"--hostname={worker.name}",
                "--without-gossip",
                "--without-mingle",
                "--loglevel=INFO",
            ]
        )
    except SystemExit as ended:
        return int(ended.code or 0)
    finally:
        worker.close()
        log.info("worker.ended")
    return 0


def register_tasks(app: Celery, worker: Worker) -> None:
    """Our task names; Flower and `celery inspect` show them."""

    @app.task(name=STEP_TASK, bind=False, typing=False, Request=StepRequest)
    def step(*args: Any, **_newer: Any) -> None:
        said = StepMessage.read(args)
        if said is None:
            raise Reject("no message of ours", requeue=False)
        try:
            worker.executor.execute(
                Message(job_id=said.job_id, step=said.key.name, part=said.key.part, dispatch=said.dispatch)
            )
        except ShuttingDown:
            raise Reject("the worker is shutting down", requeue=True) from None
        except Exception as error:  # Celery would acknowledge it, MemoryError apart, which would end the worker
            log.exception("step.not_executed", job_id=said.job_id, step=said.key.name)
            raise Reject(type(error).__name__, requeue=False) from error

    for name in RECONCILERS:
        app.task(name=task_of(name), typing=False)(_ticked(worker, name))


def _ticked(worker: Worker, name: str) -> Any:
    def tick(every: float | None = None) -> None:
        worker.reconciliation.tick(name, every=every)

    tick.__name__ = name.replace("-", "_")
    return tick


class Shutdown:
    """SIGTERM: stop consuming, let steps end for `grace` seconds, then give the rest back uncharged."""

    def __init__(self, worker: Worker, *, grace: float) -> None:
        self._worker = worker
        self._grace = grace
        self._begun = False

    def install(self) -> None:
        """Take SIGTERM and SIGINT over; the second one gives everything back at once."""
        signal.signal(signal.SIGTERM, self._on_signal)
        signal.signal(signal.SIGINT, self._on_signal)
        log.info("worker.ready", pool=self._worker.queue.name, concurrency=self._worker.concurrency)

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        if self._begun:
            threading.Thread(target=self._worker.heartbeat.stop_all, name="shutdown-now", daemon=True).start()
            return
        self._begun = True
        self._worker.executor.stop()
        # Celery's loop ends: no more messages are taken.
        celery_state.should_stop = 0  # type: ignore[assignment] # its stubs know None alone
        threading.Thread(target=self._give_back, name="shutdown", daemon=True).start()

    def _give_back(self) -> None:
        if not self._worker.heartbeat.wait_idle(self._grace):
            log.info("worker.giving_back")
            self._worker.heartbeat.stop_all()


def run_beat(settings: Settings) -> int:
    """Keep time until told to end; returns the exit code."""
    configure(service="beat")
    options = broker_options(settings)
    app = make_app(options)
    app.conf.beat_schedule = {
        name: {**row, "options": {**row["options"], "queue": queue_name(options, row["options"]["queue"])}}
        for name, row in BEAT_SCHEDULE.items()
    }
    folder = settings.data_dir / "run" / "beat"
    # A fresh file each time: a damaged one would keep beat from starting, and every sweep may run early.
    remove(folder)
    folder.mkdir(parents=True, mode=0o700)
    app.Beat(schedule=str(folder / "schedule"), loglevel="INFO", max_interval=30).run()
    return 0
