"""Progress as a moving picture on a terminal: per job a line, per step a bar."""

import time
from collections.abc import Sequence
from typing import Self

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from cli.results import words_of
from cli.screen import clean
from client import Job, Step

MARKS = {"succeeded": ("✓", "green"), "failed": ("✗", "red"), "cancelled": ("-", "yellow")}
SHOWN = 12  # jobs with their steps; the others are counted


class LiveView:
    """A `rich` picture of the jobs, drawn on stderr and left there as it was in the end."""

    def __init__(self, jobs: Sequence[Job]) -> None:
        self._jobs = {job.id: job for job in jobs}
        self._began = time.monotonic()
        self._took: dict[str, float] = {}  # seconds from our start to each job's end
        self._spinners: dict[str, Spinner] = {}
        self._live = Live(console=Console(stderr=True), refresh_per_second=12, get_renderable=self._picture)

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def show(self, job: Job) -> None:
        self._jobs[job.id] = job
        if job.ended:
            self._took.setdefault(job.id, time.monotonic() - self._began)

    def tick(self) -> None:
        return None

    def _picture(self) -> Group:
        jobs = [*self._jobs.values()]
        if len(jobs) > SHOWN:
            jobs = [job for job in jobs if not job.ended][:SHOWN]
        table = Table.grid(padding=(0, 1))
        for _ in range(4):
            table.add_column(no_wrap=True)
        table.add_column(overflow="fold")
        for job in jobs:
            self._add(table, job)
        ended = sum(job.ended for job in self._jobs.values())
        rest = [Text(f"{ended} of {len(self._jobs)} ended", style="dim")] if len(self._jobs) > SHOWN else []
        return Group(table, *rest)

    def _add(self, table: Table, job: Job) -> None:
        took = self._took.get(job.id, time.monotonic() - self._began)
        clock = Text(f"{took:5.1f} s", style="dim")
        table.add_row(
            self._mark(job.id, job.status), Text(clean(job.file_name), style="bold"), _status(job.status), clock
        )
        for step in job.steps:
            bar = ProgressBar(total=1.0, completed=_done(step), width=16, pulse=False)
            name = Text(f"  {step.label}")
            table.add_row(
                self._mark(f"{job.id}/{step.label}", step.status), name, _status(step.status), bar, _words(step)
            )

    def _mark(self, key: str, status: str) -> Text | Spinner:
        if status == "running":
            return self._spinners.setdefault(key, Spinner("dots"))
        mark, style = MARKS.get(status, ("·", "dim"))
        return Text(mark, style=style)


def _done(step: Step) -> float:
    return 1.0 if step.status == "succeeded" else step.progress


def _status(status: str) -> Text:
    return Text(status, style=MARKS.get(status, ("", "dim"))[1])


def _words(step: Step) -> Text:
    style = "red" if step.status == "failed" else "yellow" if step.held_up else "dim"
    return Text(clean(words_of(step) or step.queue), style=style)
