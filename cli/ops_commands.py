"""For operators: dead letters, queues and reconciliation, each a group of commands."""

from typing import Annotated

import typer

from cli.exits import CommandError, Exit
from cli.screen import clean, emit, emit_json, say

Json = Annotated[bool, typer.Option("--json", help="JSON lines on stdout.")]
Limit = Annotated[int, typer.Option(help="How many at most.", min=1)]
LetterId = Annotated[str, typer.Argument(help="The letter's id.", metavar="ID")]
Queues = Annotated[list[str], typer.Argument(help="Queues.", metavar="QUEUE...")]
Code = Annotated[str | None, typer.Option(help="Only those with this error code: step.crashed.")]
OfStep = Annotated[str | None, typer.Option(help="Only those of this step.")]


def add_to(app: typer.Typer) -> None:
    """Add these commands."""
    letters = (letters_list, letters_show, letters_replay, letters_discard)
    queues = (queues_list, queues_pause, queues_resume, queues_drain)
    reconcile = (reconcile_run, reconcile_list, reconcile_show, reconcile_names)
    for name, says, commands in (
        ("dead-letters", "What the platform gave up on, kept for replay.", letters),
        ("queues", "How full the queues are; pause, resume and drain them.", queues),
        ("reconcile", "Compare two sides and mend what differs: ledger, broker, store, index.", reconcile),
    ):
        group = typer.Typer(help=says, no_args_is_help=True, rich_markup_mode=None)
        for command in commands:
            group.command(command.__name__.partition("_")[2])(command)
        app.add_typer(group, name=name)


def letters_list(
    *,
    state: Annotated[str, typer.Option(help="open, replayed, discarded or all.")] = "open",
    code: Code = None,
    step: OfStep = None,
    job: Annotated[str | None, typer.Option(help="Only those of this job.", metavar="JOB")] = None,
    limit: Limit = 50,
    json: Json = False,
) -> None:
    """List dead letters, newest first: id, state, time, job, step, error."""
    from cli.server import server

    with server() as client:
        for one in client.dead_letters(state=state, code=code, step=step, job_id=job, limit=limit):
            if json:
                emit_json(one.raw)
                continue
            what = f"{one.job_id}  {one.step}" if one.kind == "step" else "a message that nobody could read"
            emit(
                clean(f"{one.id}  {one.state:<9}  {one.created_at[:19]}  {what}  {one.error.code if one.error else ''}")
            )


def letters_show(letter_id: LetterId, *, json: Json = False) -> None:
    """Show a dead letter: its input, error, and every attempt with what it used."""
    from cli.results import letter_lines
    from cli.server import server

    with server() as client:
        letter = client.dead_letter(letter_id)
    if json:
        emit_json(letter.raw)
        return
    for line in letter_lines(letter):
        emit(clean(line))


def letters_replay(
    ids: Annotated[list[str] | None, typer.Argument(help="Letters.", metavar="ID...")] = None,
    *,
    code: Code = None,
    step: OfStep = None,
    everything: Annotated[bool, typer.Option("--all", help="All that are open.")] = False,
    per_second: Annotated[
        float | None, typer.Option(help="Pace: how many begin in a second; 5 by default.", min=0.001, max=1000)
    ] = None,
    json: Json = False,
) -> None:
    """Run given-up steps again; prints one id per line. Exit code 1 where one could not be replayed."""
    from cli.server import server

    if sum((bool(ids), code is not None or step is not None, everything)) != 1:
        raise CommandError("name letters by id, or by --code and --step, or take --all of them")
    with server() as client:
        done = client.replay_many(ids or (), code=code, step=step, everything=everything, per_second=per_second)
    for letter_id in done.replayed:
        emit_json({"id": letter_id, "replayed": True}) if json else emit(letter_id)
    for letter_id, reason in done.refused.items():
        if json:
            emit_json({"id": letter_id, "replayed": False, "reason": reason})
        say(f"heavylift: {letter_id}: {reason}", "red")
    if done.left:
        say(f"{done.left} more are left; run this again once these are through")
    elif not done.replayed and not done.refused:
        say("no open dead letter matches")
    raise typer.Exit(Exit.FAILED if done.refused else Exit.WELL)


def letters_discard(
    ids: Annotated[list[str], typer.Argument(help="Letters.", metavar="ID...")], *, json: Json = False
) -> None:
    """Close dead letters without another try; they are kept until their time is over."""
    from cli.server import server

    with server() as client:
        for letter_id in ids:
            letter = client.discard(letter_id)
            emit_json(letter.raw) if json else emit(letter.id)


def queues_list(*, json: Json = False) -> None:
    """List queues: paused or open, what waits and runs, workers alive, since when the oldest waits."""
    from cli.server import server

    with server() as client:
        for one in client.queues():
            if json:
                emit_json(one.raw)
                continue
            state = f"paused since {one.paused_at[:19]}" if one.paused_at else "open"
            oldest = f"  oldest since {one.oldest_queued_at[:19]}" if one.oldest_queued_at else ""
            numbers = f"queued {one.queued:>5}  running {one.running:>3}  workers {one.workers:>3}"
            emit(f"{one.name:<13}  {numbers}  {state}{oldest}")


def queues_pause(names: Queues, *, json: Json = False) -> None:
    """Let nothing of these queues begin; what runs goes on. Holds over restarts, until they are resumed."""
    from cli.server import server

    with server() as client:
        for name in names:
            found = client.pause(name)
            emit_json(found.raw) if json else emit(found.name)


def queues_resume(names: Queues, *, json: Json = False) -> None:
    """Let paused queues go on."""
    from cli.server import server

    with server() as client:
        for name in names:
            found = client.resume(name)
            emit_json(found.raw) if json else emit(found.name)


def queues_drain(
    names: Queues,
    *,
    timeout: Annotated[float, typer.Option(help="Seconds to wait for what runs.", min=0)] = 600.0,
    json: Json = False,
) -> None:
    """Pause queues and wait until nothing of them runs; prints those that are empty. Exit code 1 where time ran out."""
    from cli.draining import drain
    from cli.server import server

    with server() as client:
        drained = drain(client, names, timeout=timeout)
        for queue in drained:
            emit_json(queue.raw) if json else emit(queue.name)
    say(f"paused: {' '.join(names)}; `heavylift queues resume` lets them go on")
    raise typer.Exit(Exit.WELL if len(drained) == len(set(names)) else Exit.FAILED)


def reconcile_run(
    name: Annotated[str, typer.Argument(help="A reconciler; `heavylift reconcile names` lists them.", metavar="NAME")],
    *,
    wait: Annotated[bool, typer.Option("--wait", help="Until it has ended, and show what it found.")] = False,
    timeout: Annotated[float, typer.Option(help="Seconds that --wait waits.", min=0)] = 3600.0,
    json: Json = False,
) -> None:
    """Run a reconciler now; prints the run's id. With --wait, exit code 1 where it failed or did not end in time."""
    from cli.draining import told_run

    raise typer.Exit(told_run(lambda client: client.reconcile(name), wait=wait, timeout=timeout, json=json))


def reconcile_list(
    *,
    name: Annotated[str | None, typer.Option(help="Only runs of this reconciler.")] = None,
    found: Annotated[bool, typer.Option("--found", help="Only runs that found something, or failed.")] = False,
    limit: Limit = 20,
    json: Json = False,
) -> None:
    """List runs, newest first: id, state, reconciler, what it checked, repaired and left alone, time."""
    from cli.server import server

    with server() as client:
        for one in client.reconciliations(name=name, found=found, limit=limit):
            if json:
                emit_json(one.raw)
                continue
            numbers = f"checked {one.checked:>6}  repaired {one.repaired:>4}  left alone {one.left_alone:>4}"
            emit(f"{one.id}  {one.state:<9}  {one.name:<15}  {numbers}  {one.started_at[:19]}")


def reconcile_show(
    run_id: Annotated[str, typer.Argument(help="The run's id.", metavar="ID")], *, json: Json = False
) -> None:
    """Show one run with its notes; exit code 1 where it failed."""
    from cli.results import run_lines
    from cli.server import server

    with server() as client:
        run = client.reconciliation(run_id)
    if json:
        emit_json(run.raw)
    else:
        for line in run_lines(run):
            emit(clean(line))
    raise typer.Exit(Exit.FAILED if run.state == "failed" else Exit.WELL)


def reconcile_names(*, json: Json = False) -> None:
    """List the reconcilers: name, seconds between two runs, purpose."""
    from cli.server import server

    with server() as client:
        for one in client.reconcilers():
            emit_json(one.raw) if json else emit(f"{one.name:<15}  every {one.every:>6.0f} s  {one.purpose}")
