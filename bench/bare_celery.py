"""Bare Celery: the same broker settings as ours (quorum queue, confirms, late acks, threads) around a task that does nothing.

`python -m bench.bare_celery OPTIONS worker|publish`, where OPTIONS is JSON: url, queue, concurrency, count, publishers, tally.
The tally is a small shared file: the worker writes there how many tasks it has run, and when the last one ended.
"""

import json
import mmap
import os
import struct
import sys
import threading
import time
from pathlib import Path
from typing import Any

from celery import Celery
from kombu import Exchange, Queue
from kombu.exceptions import OperationalError

TASK = "bench.nothing"
TRIES = 20  # of one publish
TALLY = struct.Struct("=qd")  # how many have run, and the Unix time at which the last one did


def make_app(url: str, name: str) -> Celery:
    """A Celery app with one quorum queue."""
    queue = Queue(name, Exchange(name, type="direct"), routing_key=name, queue_arguments={"x-queue-type": "quorum"})
    app = Celery("bench", broker=url, set_as_current=False, fixups=[])
    app.conf.update(
        task_queues=(queue,),
        task_default_queue=name,
        task_default_exchange=name,
        task_default_routing_key=name,
        task_create_missing_queues=False,
        task_serializer="json",
        accept_content=["json"],
        task_ignore_result=True,
        task_acks_late=True,
        task_reject_on_worker_lost=True,
        worker_prefetch_multiplier=1,
        worker_hijack_root_logger=False,
        worker_detect_quorum_queues=True,
        broker_transport_options={"confirm_publish": True},
        broker_connection_retry_on_startup=True,
        broker_heartbeat=10,
    )
    return app


def work(options: dict[str, Any]) -> None:
    """Be the worker, until told to end."""
    app = make_app(options["url"], options["queue"])
    tally = open_tally(Path(options["tally"]))
    lock = threading.Lock()
    ran = 0

    def nothing(*_ids: Any) -> None:
        nonlocal ran
        with lock:
            ran += 1
            TALLY.pack_into(tally, 0, ran, time.time())

    app.task(name=TASK, typing=False)(nothing)
    flags = ["--without-gossip", "--without-mingle", "--loglevel=WARNING", f"--hostname=bench-{os.getpid()}@localhost"]
    app.worker_main(
        ["worker", "--pool=threads", f"--concurrency={options['concurrency']}", f"--queues={options['queue']}", *flags]
    )


def publish(options: dict[str, Any]) -> None:
    """Send `count` messages as long as ours, each with a confirm, from `publishers` threads; says when it began."""
    app = make_app(options["url"], options["queue"])
    share = options["count"] // options["publishers"]
    barrier = threading.Barrier(options["publishers"] + 1)

    def send_one(producer: Any, arguments: tuple[Any, ...]) -> None:
        for left in reversed(range(TRIES)):
            try:
                app.send_task(TASK, args=arguments, producer=producer, retry=False, confirm_timeout=10)
                return
            except OperationalError:  # a quorum queue refuses until it has found its leader
                if not left:
                    raise
                time.sleep(0.1)

    def send() -> None:
        with app.producer_or_acquire() as producer:
            producer.connection.ensure_connection(max_retries=3)
            barrier.wait()
            for number in range(share):
                arguments = ("0" * 36, "nothing", 0, number)
                send_one(producer, arguments)

    threads = [threading.Thread(target=send) for _ in range(options["publishers"])]
    for thread in threads:
        thread.start()
    barrier.wait()
    began = time.time()
    for thread in threads:
        thread.join()
    print(json.dumps({"began": began, "published": time.time(), "cpu": sum(os.times()[:2])}))


def open_tally(path: Path) -> mmap.mmap:
    """The shared file, made where it is not there."""
    file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    os.ftruncate(file, TALLY.size)
    return mmap.mmap(file, TALLY.size)


def main() -> None:
    """Be what is asked for."""
    options, role = json.loads(sys.argv[1]), sys.argv[2]
    if role == "worker":
        work(options)
    else:
        publish(options)


if __name__ == "__main__":
    main()
