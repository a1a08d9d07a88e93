"""For operators and engineers: doctor, logs, backup, bench, test, version."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from cli import VERSION
from cli.exits import Exit
from cli.screen import emit

PASS_ON = {"allow_extra_args": True, "ignore_unknown_options": True}  # their own arguments are theirs


def add_to(app: typer.Typer) -> None:
    """Add these commands."""
    app.command()(doctor)
    app.command()(logs)
    app.command()(backup)
    app.command(context_settings=PASS_ON)(bench)
    app.command(context_settings=PASS_ON, add_help_option=False)(test)
    app.command()(version)


def doctor(
    *,
    json: Annotated[bool, typer.Option("--json", help="JSON lines on stdout.")] = False,
    data_dir: Annotated[Path | None, typer.Option(envvar="HEAVYLIFT_DATA_DIR", help="The data folder.")] = None,
) -> None:
    """Show what this machine has, what each absence costs, and the one command that cures it."""
    from cli.doctor import examine, show

    raise typer.Exit(show(examine(data_dir), as_json=json))


def logs(
    names: Annotated[
        list[str] | None, typer.Argument(help="Whose: api, worker-parsing, ...; all by default.", metavar="NAME...")
    ] = None,
    *,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on with what is written from now on.")] = False,
    job: Annotated[str | None, typer.Option(help="Only lines about this job.", metavar="ID")] = None,
    lines: Annotated[int, typer.Option("--lines", "-n", help="The last so many; 0 for all.", min=0)] = 200,
    data_dir: Annotated[Path, typer.Option(envvar="HEAVYLIFT_DATA_DIR", help="The data folder.")] = Path(".heavylift"),
) -> None:
    """Show the logs of a platform that `up` runs, merged by time."""
    from cli.log_reader import show

    show(data_dir / "logs", names or [], follow=follow, job=job, lines=lines)


def backup(
    target: Annotated[Path, typer.Argument(help="A folder that is not there yet.", metavar="FOLDER")],
    *,
    data_dir: Annotated[Path | None, typer.Option(envvar="HEAVYLIFT_DATA_DIR", help="The data folder.")] = None,
) -> None:
    """Copy the embedded default's ledger and bytes, running or not; `up --data-dir FOLDER` goes on from the copy."""
    from cli.backup import back_up
    from cli.screen import say
    from cli.service_commands import load_settings

    copied = back_up(load_settings(data_dir), target, say=say)
    say(f"{copied} objects and the ledger copied; check them with: heavylift audit --deep --data-dir {target}", "green")
    emit(str(target))


def bench(ctx: typer.Context, name: Annotated[str | None, typer.Argument(help="Which measurement.")] = None) -> None:
    """Measure something; the numbers come as JSON lines."""
    from bench import run

    sys.exit(run(name or "list", ctx.args))


def test(ctx: typer.Context) -> None:
    """Run the tests: all, or `unit`, `contracts`, ...; further arguments go to pytest."""
    from cli.testing import run

    sys.exit(run([*ctx.args]))


def version() -> None:
    """Print the version."""
    emit(VERSION)
    raise typer.Exit(Exit.WELL)
