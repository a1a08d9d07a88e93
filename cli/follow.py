"""Live progress of jobs: one thread per followed job waits for changes, one view on stderr shows them."""

import queue
import sys
import threading
from collections.abc import Callable, Sequence
from typing import Protocol, Self

from cli.live_view import LiveView
from cli.plain_view import PlainView
from client import Client, ClientError, Job

AT_ONCE = 16  # jobs that are followed at a time; the next one's turn comes when one ends


class View(Protocol):
    """Shows jobs as they change."""

    def __enter__(self) -> Self: ...

    def __exit__(self, *_: object) -> None: ...

    def show(self, job: Job) -> None:
        """Take in a newer version of a job."""

    def tick(self) -> None:
        """A moment has passed without a change."""


def view_for(jobs: Sequence[Job]) -> View:
    """A moving picture on a terminal, plain lines anywhere else."""
    return LiveView(jobs) if sys.stderr.isatty() else PlainView(jobs)


def follow(client: Client, jobs: Sequence[Job], *, between: Callable[[], None] = lambda: None) -> list[Job]:
    """Show `jobs` until each has ended, and return them as they ended, in the same order.

    `between` is called several times a second and may raise to give up. Raises what following any of them raised.
    """
    news: queue.SimpleQueue[Job | ClientError] = queue.SimpleQueue()
    turns = queue.SimpleQueue[Job]()
    for job in jobs:
        turns.put(job)
    for _ in range(min(AT_ONCE, len(jobs))):
        # Daemons: a Ctrl-C must not wait for a long poll to come back.
        threading.Thread(target=_follow_each, args=(client, turns, news), daemon=True).start()
    ended: dict[str, Job] = {}
    with view_for(jobs) as view:
        while len(ended) < len(jobs):
            between()
            try:
                heard = news.get(timeout=0.1)
            except queue.Empty:
                view.tick()
                continue
            if isinstance(heard, ClientError):
                raise heard
            view.show(heard)
            if heard.ended:
                ended[heard.id] = heard
    return [ended[job.id] for job in jobs]


def _follow_each(client: Client, turns: "queue.SimpleQueue[Job]", news: "queue.SimpleQueue[Job | ClientError]") -> None:
    while True:
        try:
            job = turns.get_nowait()
        except queue.Empty:
            return
        try:
            client.wait(job.id, on_change=news.put)
        except ClientError as error:
            news.put(error)
