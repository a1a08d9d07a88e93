"""What one does with jobs: submit, status, list, similar, cancel, retry, delete, artifacts."""

from pathlib import Path
from typing import Annotated

import typer

from cli.exits import Exit
from cli.screen import emit, emit_json, say

JobId = Annotated[str, typer.Argument(help="The job's id.", metavar="JOB")]
Json = Annotated[bool, typer.Option("--json", help="JSON lines on stdout.")]


def add_to(app: typer.Typer) -> None:
    """Add these commands."""
    for command in (submit, status, list_, similar, cancel, retry, delete):
        app.command(name=command.__name__.rstrip("_"))(command)
    group = typer.Typer(help="What a job has made.", no_args_is_help=True, rich_markup_mode=None)
    group.command("list")(artifacts_list)
    group.command("get")(artifacts_get)
    app.add_typer(group, name="artifacts")


def submit(
    files: Annotated[list[Path], typer.Argument(help="Files to work on.", metavar="FILE...")],
    *,
    wait: Annotated[bool, typer.Option("--wait", help="Follow the jobs to their end and show what came out.")] = False,
    pipeline: Annotated[str | None, typer.Option(help="Pipeline; by default the bytes decide.")] = None,
    option: Annotated[
        list[str] | None, typer.Option(help="An option of the pipeline; may be repeated.", metavar="K=V")
    ] = None,
    tag: Annotated[list[str] | None, typer.Option(help="A tag; may be repeated.")] = None,
    metadata: Annotated[
        str | None, typer.Option(help="Your own JSON object, echoed in status.", metavar="JSON")
    ] = None,
    batch_id: Annotated[str | None, typer.Option(help="Groups jobs, for `list --batch-id`.")] = None,
    json: Json = False,
) -> None:
    """Upload files; prints one job id per line."""
    from cli.submitting import Request, run

    request = Request(
        pipeline=pipeline, options=option or (), tags=tag or (), metadata=metadata, batch_id=batch_id, json=json
    )
    raise typer.Exit(run(files, request, wait=wait))


def status(
    job_id: JobId,
    *,
    watch: Annotated[bool, typer.Option("--watch", help="Follow it to its end.")] = False,
    attempts: Annotated[bool, typer.Option("--attempts", help="Each try, with its own error and use.")] = False,
    json: Json = False,
) -> None:
    """Show a job and what its steps wait for; exit code 1 where it failed or was cancelled."""
    from cli.follow import follow
    from cli.results import attempt_lines, outcome, outline
    from cli.server import server

    with server() as client:
        job = client.job(job_id)
        if watch and not job.ended:
            (job,) = follow(client, [job])
        tried = client.attempts(job_id) if attempts else ()
    if json:
        emit_json({**job.raw, "attempts": [one.raw for one in tried]} if attempts else job.raw)
    else:
        outline(job, _print)
        for line in attempt_lines(tried):
            _print(line)
        outcome(job, _print)
    raise typer.Exit(Exit.FAILED if job.ended and job.status != "succeeded" else Exit.WELL)


def list_(
    *,
    status: Annotated[
        str | None, typer.Option(help="waiting, queued, running, succeeded, failed or cancelled.")
    ] = None,
    pipeline: Annotated[str | None, typer.Option()] = None,
    batch_id: Annotated[str | None, typer.Option()] = None,
    parent: Annotated[str | None, typer.Option(help="Jobs that this one's steps submitted.")] = None,
    tag: Annotated[str | None, typer.Option()] = None,
    limit: Annotated[int, typer.Option(help="How many at most.", min=1)] = 20,
    json: Json = False,
) -> None:
    """List jobs, newest first: id, status, pipeline, time, file."""
    from cli.server import server

    with server() as client:
        for job in client.jobs(
            status=status, pipeline=pipeline, batch_id=batch_id, parent_job_id=parent, tag=tag, limit=limit
        ):
            if json:
                emit_json(job.raw)
            else:
                _print(f"{job.id}  {job.status:<9}  {job.pipeline:<11}  {job.created_at[:19]}  {job.file_name}")


def similar(
    job_id: JobId,
    *,
    limit: Annotated[int, typer.Option(help="How many at most.", min=1, max=100)] = 20,
    json: Json = False,
) -> None:
    """List jobs whose file is the same as a job's, or looks like it: id, why, distance, file."""
    from cli.server import server

    with server() as client:
        for one in client.similar(job_id, limit=limit):
            if json:
                emit_json(one.raw)
            else:
                _print(f"{one.job_id}  {one.why:<13}  {one.distance:<8.4g}  {one.file_name}")


def cancel(job_ids: Annotated[list[str], typer.Argument(metavar="JOB...")], *, json: Json = False) -> None:
    """End jobs; a running step is killed."""
    from cli.server import server

    with server() as client:
        for job_id in job_ids:
            job = client.cancel(job_id)
            emit_json(job.raw) if json else emit(job.id)


def retry(job_ids: Annotated[list[str], typer.Argument(metavar="JOB...")], *, json: Json = False) -> None:
    """Run what failed or was cancelled again; what succeeded stays."""
    from cli.server import server

    with server() as client:
        for job_id in job_ids:
            job = client.retry(job_id)
            emit_json(job.raw) if json else emit(job.id)


def delete(job_ids: Annotated[list[str], typer.Argument(metavar="JOB...")]) -> None:
    """Remove jobs with all that they have made."""
    from cli.server import server

    with server() as client:
        for job_id in job_ids:
            client.delete(job_id)
            emit(job_id)


def artifacts_list(job_id: JobId, *, json: Json = False) -> None:
    """List what a job has made: name, size, type."""
    from dataclasses import asdict

    from cli.screen import size_of
    from cli.server import server

    with server() as client:
        for one in client.artifacts(job_id):
            if json:
                emit_json(asdict(one))
            else:
                _print(f"{one.name}\t{size_of(one.size)}\t{one.media_type}")


def artifacts_get(
    job_id: JobId,
    names: Annotated[
        list[str] | None, typer.Argument(help="Artifacts; all of them by default.", metavar="NAME...")
    ] = None,
    into: Annotated[Path, typer.Option("--into", "-o", help="Folder to save in.")] = Path(),
) -> None:
    """Download artifacts; prints one path per line. Broken downloads resume; digests are checked."""
    from cli.server import server
    from client.transfer import safe_name

    with server() as client:
        wanted = names or [one.name for one in client.artifacts(job_id)]
        if not wanted:
            say("this job has no artifacts")
        for name in wanted:
            emit(str(client.download(job_id, name, to=into / safe_name(name))))


def _print(text: str, style: str = "") -> None:
    import sys

    from cli.screen import styled

    emit(styled(text, style, sys.stdout))
