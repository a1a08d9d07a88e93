"""Progress as plain lines, for logs and pipes: one line for each thing that changed."""

from collections.abc import Sequence
from typing import Self

from cli.screen import STATUS_STYLES, say
from client import Job


class PlainView:
    """One line per change of a job's or a step's status, and of what holds a step up."""

    def __init__(self, jobs: Sequence[Job]) -> None:
        self._width = max((len(job.file_name) for job in jobs), default=0)
        self._seen: dict[tuple[str, str], str] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def show(self, job: Job) -> None:
        for step in job.steps:
            what = f"{step.label} ({step.queue})"
            if step.held_up and step.waiting_for:
                self._line(job, what, f"{step.status}: {step.waiting_for.detail}", "held up")
                continue
            words = step.status + (f": {step.error.message}" if step.error and step.status == "failed" else "")
            self._line(job, what, words, step.status)
        self._line(job, "job", job.status, job.status)

    def tick(self) -> None:
        return None

    def _line(self, job: Job, what: str, words: str, status: str) -> None:
        if status in {"waiting", "queued"} or self._seen.get((job.id, what)) == words:
            return
        self._seen[job.id, what] = words
        say(f"{job.file_name:<{self._width}}  {what:<28} {words}", STATUS_STYLES.get(status, ""))
