"""`heavylift submit`: files up, ids out, and with --wait the jobs to their end."""

import json
import sys
import tempfile
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cli.exits import CommandError, Exit
from cli.follow import follow
from cli.results import all_well, issues, outcome, outline, try_fetch_issues
from cli.screen import emit, emit_json, say
from cli.server import as_command_error, server
from client import Client, Job, Problem, ServerUnavailable

LARGE = 16 * 1024 * 1024  # bytes; smaller uploads are over before a percentage would be read


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What was asked for on the command line, for all files alike."""

    pipeline: str | None
    options: Sequence[str]  # K=V
    tags: Sequence[str]
    metadata: str | None  # a JSON object
    batch_id: str | None
    json: bool

    def arguments(self) -> dict[str, Any]:
        """As arguments of `Client.submit`; `CommandError` where they make no sense."""
        return {
            "pipeline": self.pipeline,
            "options": dict(map(_option, self.options)),
            "tags": self.tags,
            "metadata": _metadata(self.metadata),
            "batch_id": self.batch_id,
        }


def run(files: Sequence[Path], request: Request, *, wait: bool) -> Exit:
    """Submit all files; one that the server refuses does not stop the others. Returns the exit code."""
    arguments = request.arguments()
    for file in files:
        if not file.is_file():
            raise CommandError(f"{file} is not a file")
    worst = Exit.WELL
    with server() as client:
        jobs: list[Job] = []
        for file in files:
            job = _submit(client, file, arguments)
            if job is None:
                worst = Exit.USAGE
                continue
            jobs.append(job)
            if not request.json:
                emit(job.id)
            elif not wait:
                emit_json(job.raw)
        if wait and jobs:
            jobs = follow(client, jobs)
            _show(client, jobs, as_json=request.json)
            if not all_well(jobs):
                return Exit.FAILED
    return worst


def _submit(client: Client, file: Path, arguments: dict[str, Any]) -> Job | None:
    """The file's job; None where the server refuses this file."""
    try:
        with _Percentage(file) as percentage:
            return client.submit(file, on_bytes=percentage, **arguments)
    except OSError as error:
        say(f"heavylift: {file}: {error.strerror}", "red")
    except ServerUnavailable:
        raise
    except Problem as problem:
        refusal = as_command_error(problem)
        say(f"heavylift: {file}: {refusal}", "red")
        if refusal.hint:
            say(f"  {refusal.hint}")
    return None


def _show(client: Client, jobs: Sequence[Job], *, as_json: bool) -> None:
    for job in jobs:
        if as_json:
            emit_json(job.raw)
            continue
        say("")
        outline(job, say)
        outcome(job, say)
        with tempfile.TemporaryDirectory() as folder:
            found = try_fetch_issues(client, job, into=Path(folder))
            if found:
                issues(found, say)
    if not as_json and any(job.artifacts for job in jobs):
        say("\nfetch artifacts with `heavylift artifacts get JOB`")


class _Percentage(AbstractContextManager["_Percentage"]):
    """How far an upload is, on a terminal, for files worth it."""

    def __init__(self, file: Path) -> None:
        self._name = file.name
        self._size = file.stat().st_size
        self._on = self._size >= LARGE and sys.stderr.isatty()

    def __call__(self, sent: int) -> None:
        if self._on:
            sys.stderr.write(f"\r\x1b[Kuploading {self._name}  {sent / self._size:.0%}")
            sys.stderr.flush()

    def __exit__(self, *_: object) -> None:
        if self._on:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()


def _option(text: str) -> tuple[str, Any]:
    """`k=v`, where v is JSON if it reads as such (`true`, `3`, `["a"]`) and text otherwise."""
    name, found, value = text.partition("=")
    if not found or not name:
        raise CommandError(f"--option {text!r} should read K=V")
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value


def _metadata(text: str | None) -> dict[str, Any] | None:
    if text is None:
        return None
    try:
        found = json.loads(text)
    except ValueError as error:
        raise CommandError(f"--metadata is not JSON: {error}") from error
    if not isinstance(found, dict):
        raise CommandError("--metadata should be a JSON object: '{\"order\": 17}'")
    return found
