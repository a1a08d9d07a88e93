"""A job for a person: its steps, what came out of it, what is wrong with its file; the same for what ops look at."""

import json
import signal
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from cli.screen import STATUS_STYLES, size_of
from client import Attempt, Client, ClientError, IndexStatus, Job, Letter, Run, Step
from client.transfer import safe_name

FIRST_ISSUES = 5

Line = Callable[[str, str], None]  # text, style


def outline(job: Job, line: Line) -> None:
    """The job's head and its steps."""
    line(f"{job.file_name}  {job.status}", STATUS_STYLES.get(job.status, "bold"))
    line(f"  id        {job.id}", "")
    line(f"  pipeline  {job.pipeline}, {size_of(job.file_size)}", "")
    for step in job.steps:
        percent = f"{step.progress:4.0%}" if step.status == "running" else ""
        line(f"  {step.label:<16} {step.status:<10} {step.queue:<12} {percent} {words_of(step)}".rstrip(), "")


def words_of(step: Step) -> str:
    """What there is to say of a step: its last error, what it waits for, or what it does."""
    error = step.error.message if step.error else ""
    waits = step.waiting_for.detail if step.waiting_for else ""
    return " ".join(filter(None, (error, waits))) or step.message


def attempt_lines(attempts: Iterable[Attempt]) -> Iterator[str]:
    """A line for each try: how it ended, what it used, and its own error."""
    for one in attempts:
        name = f"{one.step}[{one.part}]" if one.part else one.step
        yield f"  attempt {one.number:<3} {name:<12} {one.outcome or 'running':<10} {_use(one)}".rstrip()
        if one.error:
            yield f"              {one.error.message} ({one.error.code})"


def letter_lines(letter: Letter) -> Iterator[str]:
    """A dead letter: what it is about, why it was given up, and each attempt."""
    if letter.kind == "step":
        yield f"step {letter.step} of job {letter.job_id}  {letter.state}"
        yield f"  file      {letter.file_name or 'its job was deleted'}"
    else:
        evidence = letter.raw.get("evidence") or {}
        yield f"a message of queue {evidence.get('queue')} that nobody could read  {letter.state}"
        yield f"  returned  {evidence.get('reason')}, {evidence.get('size')} bytes"
    yield f"  id        {letter.id}"
    yield f"  given up  {letter.created_at[:19]}"
    if letter.error:
        yield f"  error     {letter.error.message} ({letter.error.code})"
        if letter.error.hint:
            yield f"            {letter.error.hint}"
    yield from attempt_lines(letter.attempts)


def run_lines(run: Run) -> Iterator[str]:
    """A reconciliation: what it found, and why."""
    yield f"{run.name}: {run.state}, checked {run.checked}, repaired {run.repaired}, left alone {run.left_alone}"
    yield from (f"  {note}" for note in run.notes)


def index_lines(found: IndexStatus) -> Iterator[str]:
    """The search index: how large it is, how far behind, and how its last rebuild went."""
    if found.error:
        yield f"{found.engine}: cannot be read: {found.error}"
    else:
        size = f", {size_of(found.size)}" if found.size is not None else ""
        yield f"{found.engine}: {found.jobs} jobs, {found.documents} documents{size}"
    yield f"  lag      {found.lag:.1f} s: {found.waiting} jobs wait, {found.gone} deleted ones are to be forgotten"
    if found.committed_at:
        yield f"  changed  {found.committed_at[:19]}"
    if found.rebuild:
        run = found.rebuild
        yield f"  rebuild  {run.state}, {run.checked} jobs, asked for {run.started_at[:19]} ({run.id})"
        yield from (f"           {note}" for note in run.notes[:5])


def outcome(job: Job, line: Line, *, fetched: Mapping[str, Path] | None = None) -> None:
    """Summary, warnings, error and artifacts; `fetched` names the local files of artifacts."""
    if job.summary:
        for name, told in _told(job.summary):
            line(f"  {name:<9} {told}", "")
    for warning in job.warnings:
        line(f"  warning   {warning.message} ({warning.code})", "yellow")
    if job.error:
        line(f"  error     {job.error.message} ({job.error.code}, step {job.error.step})", "red")
        if job.error.hint:
            line(f"            {job.error.hint}", "red")
    places = fetched or {}
    for artifact in job.artifacts:
        place = places.get(artifact.name, Path(artifact.name))
        line(f"  artifact  {place}  {size_of(artifact.size)}", "")


def issues(path: Path, line: Line) -> None:
    """The first wrong rows of an `issues.jsonl`."""
    with path.open(encoding="utf-8") as file:
        found = [json.loads(text) for text in file if text.strip()]
    for issue in found[:FIRST_ISSUES]:
        place = f"row {issue['row']}" if issue.get("row") is not None else "file"
        place += f", line {issue['line']}" if issue.get("line") is not None else ""
        line(f"  issue     {place}: {issue.get('message')} ({issue.get('code')})", "yellow")
    if len(found) > FIRST_ISSUES:
        line(f"            and {len(found) - FIRST_ISSUES} more in {path}", "yellow")


def fetch(client: Client, job: Job, *, into: Path) -> dict[str, Path]:
    """Download every artifact of the job below `into`; returns the local file of each."""
    return {one.name: client.download(job.id, one.name, to=into / safe_name(one.name)) for one in job.artifacts}


def try_fetch_issues(client: Client, job: Job, *, into: Path) -> Path | None:
    """The job's `issues.jsonl` as a local file, where it has one that can be had."""
    if not any(artifact.name == "issues.jsonl" for artifact in job.artifacts):
        return None
    try:
        return client.download(job.id, "issues.jsonl", to=into / "issues.jsonl")
    except ClientError:
        return None


def all_well(jobs: Iterable[Job]) -> bool:
    """Whether every job succeeded."""
    return all(job.status == "succeeded" for job in jobs)


def _use(attempt: Attempt) -> str:
    """`2.5 s, 7.0 MB of 536.9 MB, signal 9 (SIGKILL), on parsing-12@host`."""
    facts = []
    if attempt.seconds is not None:
        facts.append(f"{attempt.seconds:.1f} s")
    if attempt.peak_memory:  # none where the step ran in the worker itself
        facts.append(f"{size_of(attempt.peak_memory)} at most, {size_of(attempt.memory)} granted")
    if attempt.signal is not None:
        known = attempt.signal in {one.value for one in signal.Signals}
        facts.append(f"signal {attempt.signal}" + (f" ({signal.Signals(attempt.signal).name})" if known else ""))
    return ", ".join([*facts, f"on {attempt.worker}"] if attempt.worker else facts)


def _told(summary: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The summary in lines: plain facts together, and each fact that has parts on its own; empty ones are left out."""
    plain = {key: value for key, value in summary.items() if not isinstance(value, Mapping | list)}
    if plain:
        yield "summary", ", ".join(f"{key} {_fact(value)}" for key, value in plain.items())
    for key, value in summary.items():
        if key not in plain and value:
            yield key.replace("_", " "), _fact(value)


def _fact(value: Any) -> str:
    """A fact of a summary: `yes`, `1,200`, `0.0318`, `qty.zero 1, part.missing 2`."""
    match value:
        case bool():
            return "yes" if value else "no"
        case int():
            return f"{value:,}"
        case float():
            return f"{value:.4g}"
        case Mapping() | list():
            return _parts(value) or "none"
    return "none" if value is None else str(value)


def _parts(value: Mapping[str, Any] | list[Any]) -> str:
    """The parts of a fact; of a table, its rows without the names of its columns."""
    if isinstance(value, Mapping):
        nested = any(isinstance(one, Mapping | list) for one in value.values())
        return ("; " if nested else ", ").join(f"{key} {_fact(one)}" for key, one in value.items())
    if all(isinstance(one, Mapping) for one in value):
        return " | ".join(" ".join(_fact(cell) for cell in one.values() if cell is not None) for one in value)
    return " x ".join(map(_fact, value))
