"""Search: what is found, how typing could go on; and for those who run the platform how the index is, and a fresh one."""

from typing import Annotated

import typer

from cli.exits import Exit
from cli.finding_commands import FIND, WordsOrCommand, find, suggest
from cli.screen import clean, emit, emit_json

Json = Annotated[bool, typer.Option("--json", help="JSON lines on stdout.")]


def add_to(app: typer.Typer) -> None:
    """Add these commands."""
    says = "Look for things: search 'words'. Also the index: how large it is, how far behind, and a fresh one."
    group = typer.Typer(cls=WordsOrCommand, help=says, no_args_is_help=True, rich_markup_mode=None)
    group.command(FIND)(find)
    group.command()(status)
    group.command()(rebuild)
    app.add_typer(group, name="search")
    app.command()(suggest)


def status(*, json: Json = False) -> None:
    """Show engine, documents, jobs, bytes, lag and the last rebuild; exit code 1 where the index can't be read."""
    from cli.results import index_lines
    from cli.server import server

    with server() as client:
        found = client.index_status()
    if json:
        emit_json(found.raw)
    else:
        for line in index_lines(found):
            emit(clean(line))
    raise typer.Exit(Exit.FAILED if found.error else Exit.WELL)


def rebuild(
    *,
    wait: Annotated[bool, typer.Option("--wait", help="Until it is in force, telling how far it is.")] = False,
    timeout: Annotated[float, typer.Option(help="Seconds that --wait waits.", min=0)] = 12 * 3600.0,
    json: Json = False,
) -> None:
    """Make a fresh index from ledger and artifacts beside the one in force, which answers until then.

    Prints the run's id. With --wait, exit code 1 where it failed or did not end in time.
    """
    from cli.draining import told_run

    raise typer.Exit(told_run(lambda client: client.rebuild_index(), wait=wait, timeout=timeout, json=json))
