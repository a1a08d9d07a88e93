"""The catalog of parts and colors, and what you say of your own lists: corrections and column mappings."""

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.exits import CommandError, Exit
from cli.screen import clean, emit, emit_json, say

if TYPE_CHECKING:
    from client import Catalog, Client, Job

Json = Annotated[bool, typer.Option("--json", help="JSON lines on stdout.")]
Limit = Annotated[int, typer.Option(help="How many at most.", min=1)]
Name = Annotated[str, typer.Argument(help="The mapping's name.", metavar="NAME")]
Kind = Annotated[str, typer.Argument(help="part or color.", metavar="KIND")]
Space = Annotated[
    str, typer.Argument(help="bricklink, rebrickable, ldraw, lego, element, mpn or unknown.", metavar="SPACE")
]


def add_to(app: typer.Typer) -> None:
    """Add these commands."""
    corrections = (corrections_list, corrections_add, corrections_remove)
    mappings = (mappings_list, mappings_show, mappings_set, mappings_remove)
    for name, says, commands in (
        ("catalog", "The catalog of parts and colors that lists are resolved with.", (catalog_import, catalog_status)),
        ("corrections", "What ids and colors of your lists stand for; asked before any other rule.", corrections),
        ("mappings", "How tables of yours are to be read, by name.", mappings),
    ):
        group = typer.Typer(help=says, no_args_is_help=True, rich_markup_mode=None)
        for command in commands:
            group.command(command.__name__.partition("_")[2])(command)
        app.add_typer(group, name=name)


def catalog_import(
    sources: Annotated[
        list[str] | None,
        typer.Argument(
            help="A folder, a ZIP, tables (parts.csv.gz, ...), or a URL that the server fetches; none: its daily one.",
            metavar="PATH|URL...",
        ),
    ] = None,
    *,
    force: Annotated[
        bool, typer.Option("--force", help="Take it though it is much smaller than the one in force, or has doubles.")
    ] = False,
    wait: Annotated[bool, typer.Option("--wait", help="Follow the job to its end.")] = False,
    json: Json = False,
) -> None:
    """Put a catalog in force; prints the job's id. A broken one fails its job, and the one in force stays."""
    from cli.follow import follow
    from cli.results import outcome, outline
    from cli.server import server

    with server() as client:
        job = _import(client, sources or [], force=force)
        if not json:
            emit(job.id)
        if wait:
            (job,) = follow(client, [job])
            if not json:
                outline(job, say)
                outcome(job, say)
        if json:
            emit_json(job.raw)
    raise typer.Exit(Exit.FAILED if wait and job.status != "succeeded" else Exit.WELL)


def _import(client: "Client", sources: list[str], *, force: bool) -> "Job":
    from cli.catalog_packing import pack, tables_in

    if all("://" in source for source in sources):
        return client.fetch_catalog(" ".join(sources) or None, force=force)
    if any("://" in source for source in sources):
        raise CommandError("name either files of this machine, or URLs that the server fetches")
    paths = [Path(source) for source in sources]
    if len(paths) == 1 and paths[0].is_file() and paths[0].suffix.lower() == ".zip":
        return client.import_catalog(paths[0], force=force)
    tables = tables_in(paths)
    with tempfile.TemporaryDirectory(prefix="heavylift-") as folder:
        return client.import_catalog(pack(tables, Path(folder) / "catalog.zip"), force=force)


def catalog_status(*, json: Json = False) -> None:
    """Show which catalog is in force, those that are kept, and how the latest import went; exit code 1 where it failed."""
    from cli.server import server

    with server() as client:
        found = client.catalog()
    if json:
        emit_json(found.raw)
    else:
        _show(found)
    raise typer.Exit(Exit.FAILED if found.latest_status == "failed" else Exit.WELL)


def _show(found: "Catalog") -> None:
    emit(f"in force  {found.version}{' (the sample; nothing was imported yet)' if found.is_sample else ''}")
    for one in found.versions:
        counts = ", ".join(f"{n:,} {table}" for table, n in one.counts.items())
        emit(clean(f"  {one.version}  {one.state:<7}  {one.activated_at[:19]}  {counts}  {one.source or 'uploaded'}"))
    if found.latest_import and found.latest_status != "succeeded":
        reason = f": {found.latest_error.message} ({found.latest_error.code})" if found.latest_error else ""
        emit(clean(f"latest    job {found.latest_import} {found.latest_status}{reason}"))
    emit(clean(f"daily     {found.daily_from or 'off; HEAVYLIFT_CATALOG_URL names what is fetched'}"))


def corrections_list(
    *,
    kind: Annotated[str | None, typer.Option(help="part or color.")] = None,
    space: Annotated[str | None, typer.Option(help="Only of this space.")] = None,
    raw: Annotated[str | None, typer.Option(help="Only of this id or color.")] = None,
    limit: Limit = 50,
    json: Json = False,
) -> None:
    """List corrections, newest first: id, kind, space, what lists say, what it stands for, note."""
    from cli.server import server

    with server() as client:
        for one in client.corrections(kind=kind, space=space, raw=raw, limit=limit):
            if json:
                emit_json(one.json)
            else:
                emit(clean(f"{one.id}  {one.kind:<5}  {one.space:<11}  {one.raw} -> {one.target}  {one.note}".rstrip()))


def corrections_add(
    kind: Kind,
    space: Space,
    raw: Annotated[str, typer.Argument(help="The id, color number or color name, as lists say it.", metavar="RAW")],
    target: Annotated[str, typer.Argument(help="The catalog's part number or color id.", metavar="TARGET")],
    *,
    note: Annotated[str, typer.Option(help="Yours.")] = "",
    json: Json = False,
) -> None:
    """Say what an id or a color stands for; prints the correction's id. It holds from the next list on."""
    from cli.server import server

    with server() as client:
        made = client.correct(kind=kind, space=space, raw=raw, target=target, note=note)
    emit_json(made.json) if json else emit(made.id)


def corrections_remove(ids: Annotated[list[str], typer.Argument(help="Corrections.", metavar="ID...")]) -> None:
    """Forget corrections."""
    from cli.server import server

    with server() as client:
        for correction_id in ids:
            client.take_back(correction_id)
            emit(correction_id)


def mappings_list(*, json: Json = False) -> None:
    """List column mappings by name."""
    from cli.server import server

    with server() as client:
        for one in client.mappings():
            emit_json(one.raw) if json else emit(clean(f"{one.name:<20}  {_in_words(one.wishes)}"))


def mappings_show(name: Name, *, json: Json = False) -> None:
    """Show a column mapping."""
    from cli.server import server

    with server() as client:
        one = client.mapping(name)
    emit_json(one.raw) if json else emit(clean(_in_words(one.wishes)))


def mappings_set(
    name: Name,
    *,
    column: Annotated[
        list[str] | None,
        typer.Option(
            help="A field and its column's header, or its number from 1; may be repeated.", metavar="FIELD=COLUMN"
        ),
    ] = None,
    sheet: Annotated[str | None, typer.Option(help="Of a workbook: its name, or its number from 1.")] = None,
    header_row: Annotated[int | None, typer.Option(help="Line of the header; 0: there is none.", min=0)] = None,
    delimiter: Annotated[str | None, typer.Option(help="One character; `tab` for a tab.")] = None,
    encoding: Annotated[str | None, typer.Option(help="Such as cp1252.")] = None,
    decimal: Annotated[str | None, typer.Option(help="`.` or `,`.")] = None,
    id_space: Annotated[str | None, typer.Option(help="Whose part numbers these are.")] = None,
    color_space: Annotated[str | None, typer.Option(help="Whose color numbers these are.")] = None,
    json: Json = False,
) -> None:
    """Keep how a table is to be read, instead of what was kept under this name; submit --option mapping=NAME uses it."""
    from cli.server import server

    said: dict[str, Any] = {
        "columns": dict(map(_column, column or ())),
        "sheet": None if sheet is None else _number_or_text(sheet),
        "header_row": header_row,
        "delimiter": "\t" if delimiter == "tab" else delimiter,
        "encoding": encoding,
        "decimal": decimal,
        "id_space": id_space,
        "color_space": color_space,
    }
    with server() as client:
        made = client.put_mapping(name, {key: value for key, value in said.items() if value is not None})
    emit_json(made.raw) if json else emit(made.name)


def mappings_remove(names: Annotated[list[str], typer.Argument(help="Mappings.", metavar="NAME...")]) -> None:
    """Forget column mappings."""
    from cli.server import server

    with server() as client:
        for name in names:
            client.delete_mapping(name)
            emit(name)


def _column(text: str) -> tuple[str, str | int]:
    field, found, column = text.partition("=")
    if not found or not field or not column:
        raise CommandError(f"--column {text!r} should read FIELD=COLUMN, such as qty=3 or raw_id='Part No'")
    return field.strip(), _number_or_text(column.strip())


def _number_or_text(text: str) -> str | int:
    return int(text) if text.isascii() and text.isdigit() else text


def _in_words(wishes: Mapping[str, Any]) -> str:
    columns = ", ".join(f"{field}={column}" for field, column in (wishes.get("columns") or {}).items())
    rest = ", ".join(f"{name} {value!r}" for name, value in wishes.items() if name != "columns")
    return "  ".join(filter(None, (columns, rest))) or "nothing"
