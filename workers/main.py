"""The entry points of worker and beat processes: Celery with our task, our threads and our SIGTERM."""

import functools
from collections.abc import Callable
from typing import Any

import structlog
from celery import Celery
from celery.exceptions import Reject
from celery.signals import worker_ready

from beat_schedule import BEAT_SCHEDULE
from broker import make_app, queue_name
from broker.app import STEP_TASK, dead_letter_queue
from broker.messages import StepMessage
from config.logging import configure
from config.settings import Settings
from jobs.queues import HOUSEKEEPING, queue_named
from jobs.reconcilers import RECONCILERS, task_of
from wiring import broker_options
from workers.anew import Past
from workers.comeback import Comeback
from workers.consumer import CarefulConsumer, StepRequest, heard, listening
from workers.deaf import DeafWatch, Hearing, Line, Senses
from workers.executor import ShuttingDown
from workers.shutdown import Shutdown
from workers.wiring import Worker, build_worker

log = structlog.get_logger(__name__)
# Seconds between the events by which Flower knows a worker to be there; Celery's two wake it for little.
_HEARTBEAT = 5.0


def run(pool: str, settings: Settings) -> int:
    """Serve one queue until told to end; returns the exit code."""
    configure(service=f"worker-{pool}")
    queue = queue_named(pool)
    options = broker_options(settings)
    worker = build_worker(queue, settings)
    app = make_app(options)
    app.conf.worker_consumer = CarefulConsumer.refusing_into(dead_letter_queue(options) if options.is_rabbit else None)
    hearing = Hearing(threads=worker.concurrency)
    heard.connect(lambda **_: hearing.heard(), weak=False)
    register_tasks(app, worker, hearing=hearing)
    shutdown = Shutdown(worker, grace=settings.worker.grace)
    # Celery installs handlers of its own while it starts; ours replace them once it serves.
    worker_ready.connect(lambda **_: shutdown.install(), weak=False)
    watch = watch_for_deafness(worker, settings, hearing=hearing, restart=shutdown.restart)
    comeback = Comeback(worker.ledger, options, queue=queue.name, wake=worker.publisher.wake)
    listening.connect(lambda **_: comeback.listening(), weak=False)
    worker.dispatcher.start(also=(watch.look, comeback.look))
    worker.start()
    try:
        return serve(app, worker, line=queue_name(options, queue.name))
    finally:
        shutdown.ended()
        worker.close()
        log.info("worker.ended")
        shutdown.finish()


def serve(app: Celery, worker: Worker, *, line: str) -> int:
    """Take messages from `line` until told to end; the exit code, which is not 0 where that could not even begin.

    Celery's command would do the same, but loads a shell and Flower for it, and drops the exit code.
    """
    listener = app.Worker(
        hostname=worker.name,
        pool_cls="threads",
        concurrency=worker.concurrency,
        queues=[line],
        without_gossip=True,
        without_mingle=True,
        heartbeat_interval=_HEARTBEAT,
        loglevel="INFO",
        quiet=True,  # a banner that can't be printed to a log on a full disk would end it
    )
    listener.start()
    return int(listener.exitcode or 0)


def register_tasks(app: Celery, worker: Worker, *, hearing: Hearing) -> None:
    """Our task names; Flower and `celery inspect` show them."""

    @app.task(name=STEP_TASK, bind=False, typing=False, Request=StepRequest)
    def step(*args: Any, **_newer: Any) -> None:
        said = StepMessage.read(args)
        if said is None:
            raise Reject("no message of ours", requeue=False)
        try:
            with hearing.busy():
                worker.executor.execute(said)
        except ShuttingDown:
            raise Reject("the worker is shutting down", requeue=True) from None
        except Exception as error:  # Celery would acknowledge it, MemoryError apart, which would end the worker
            log.exception("step.not_executed", job_id=said.job_id, step=said.key.name)
            raise Reject(type(error).__name__, requeue=False) from error

    for name in RECONCILERS:
        app.task(name=task_of(name), typing=False)(_ticked(worker, name, hearing=hearing))


def _ticked(worker: Worker, name: str, *, hearing: Hearing) -> Any:
    def tick(every: float | None = None) -> None:
        with hearing.busy():
            worker.reconciliation.tick(name, every=every)

    tick.__name__ = name.replace("-", "_")
    return tick


def watch_for_deafness(
    worker: Worker, settings: Settings, *, hearing: Hearing, restart: Callable[[], None]
) -> DeafWatch:
    """What the dispatcher looks through each round."""
    line = Line(broker_options(settings), queue=worker.queue.name)
    in_ledger = functools.partial(worker.ledger.oldest_claimable, worker.queue.name)
    waited = line.waited if worker.queue is HOUSEKEEPING else in_ledger  # ticks stand in no ledger
    senses = Senses(silent_for=hearing.silent_for, waited=waited, ready=line.ready)
    return DeafWatch(senses, after=settings.worker.deaf_after, restart=restart, restarted_at=Past.read().last)


def run_beat(settings: Settings) -> int:
    """Keep time until told to end; returns the exit code."""
    configure(service="beat")
    options = broker_options(settings)
    app = make_app(options)
    app.conf.beat_schedule = {
        name: {**row, "options": {**row["options"], "queue": queue_name(options, row["options"]["queue"])}}
        for name, row in BEAT_SCHEDULE.items()
    }
    sign = settings.data_dir / "run" / "beat" / "ticked"
    # Quiet: a banner that can't be printed to a log on a full disk would end it.
    app.Beat(scheduler="workers.clock:Clock", schedule=str(sign), loglevel="INFO", max_interval=30, quiet=True).run()
    return 0
