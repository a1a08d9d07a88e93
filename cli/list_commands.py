"""Parts lists: `check` one without any platform, `compare` two."""

import json as jsons
from pathlib import Path
from typing import Annotated

import typer

from cli.exits import CommandError

_ID = 36  # characters of a job's id


def add_to(app: typer.Typer) -> None:
    """Add these commands."""
    app.command()(check)
    app.command()(compare)


def check(
    file: Annotated[
        Path, typer.Argument(help="A parts list of any format.", metavar="FILE", exists=True, dir_okay=False)
    ],
    *,
    options: Annotated[str, typer.Option(help="The same JSON as a job's options.", metavar="JSON")] = "{}",
    kind: Annotated[
        str | None, typer.Option(help="Read it as this kind of list, whatever it looks like; text: any table.")
    ] = None,
    catalog: Annotated[
        Path | None, typer.Option(help="A compiled catalog, or a folder or ZIP of its tables; else the data folder's.")
    ] = None,
    save: Annotated[Path | None, typer.Option(help="Keep what is made in this new folder.", metavar="FOLDER")] = None,
    json: Annotated[bool, typer.Option("--json", help="One line: format, summary, issues, verdict.")] = False,
    data_dir: Annotated[Path | None, typer.Option(envvar="HEAVYLIFT_DATA_DIR", help="The data folder.")] = None,
) -> None:
    """Read a parts list here and now, with the parsers and the resolver of the platform; exit code 1 where rows are wrong."""
    from cli.checking import run

    raise typer.Exit(run(file, options=options, kind=kind, catalog=catalog, save=save, as_json=json, data_dir=data_dir))


def compare(
    left: Annotated[str, typer.Argument(help="The list before: a file, or the id of a job.", metavar="LEFT")],
    right: Annotated[str, typer.Argument(help="The list after: the same.", metavar="RIGHT")],
    *,
    options: Annotated[str, typer.Option(help="The comparison's options.", metavar="JSON")] = "{}",
    wait: Annotated[bool, typer.Option("--wait", help="Follow the job and show the differences.")] = False,
    json: Annotated[bool, typer.Option("--json", help="JSON lines on stdout.")] = False,
) -> None:
    """Compare two parts lists on the server; prints the job's id, and with --wait what differs."""
    from cli.comparing import run

    try:
        chosen = jsons.loads(options)
    except ValueError as error:
        raise CommandError(f"--options is not JSON: {error}") from None
    raise typer.Exit(run(_side(left), _side(right), options=chosen, wait=wait, as_json=json))


def _side(text: str) -> Path | str:
    """A file where there is one of that name, else a job's id."""
    path = Path(text)
    if path.is_file():
        return path
    if len(text) == _ID and text.count("-") == 4:
        return text
    raise CommandError(f"{text} is neither a file nor the id of a job")
