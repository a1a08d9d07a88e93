"""The owner's own price table: import, list, clear."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from cli.exits import CommandError, Exit
from cli.screen import clean, emit, emit_json, say

Json = Annotated[bool, typer.Option("--json", help="JSON lines on stdout.")]


def add_to(app: typer.Typer) -> None:
    """Add these commands."""
    group = typer.Typer(help="Your own price table, for what lists cost.", no_args_is_help=True, rich_markup_mode=None)
    for command in (prices_import, prices_list, prices_clear):
        group.command(command.__name__.partition("_")[2])(command)
    app.add_typer(group, name="prices")


def prices_import(
    file: Annotated[
        Path,
        typer.Argument(
            help="CSV: part_num,color_id,condition,currency,unit_price.", metavar="FILE", show_default=False
        ),
    ],
    *,
    json: Json = False,
) -> None:
    """Let a CSV be the whole price table; prints how many rows it has. Exit code 1, and nothing changed, where rows are wrong."""
    if not file.is_file():
        raise CommandError(f"{file} is not a file")
    from cli.server import server
    from client import Rejected

    with server() as client:
        try:
            table = client.put_prices(file)
        except Rejected as wrong:
            if wrong.code != "prices.invalid":
                raise
            _tell(wrong.body, json=json)
            raise typer.Exit(Exit.FAILED) from wrong
    if json:
        emit_json(table.raw)
    else:
        emit(str(table.rows))
        say(", ".join(f"{n} in {currency}" for currency, n in table.currencies.items()) or "the table is empty")


def prices_list(
    *,
    part: Annotated[str | None, typer.Option(help="Only prices of this part.", metavar="PART_NUM")] = None,
    limit: Annotated[int, typer.Option(help="How many at most.", min=1)] = 50,
    json: Json = False,
) -> None:
    """List the price table by part number: part, color, condition, price, currency."""
    from cli.server import server

    with server() as client:
        for one in client.prices(part_num=part, limit=limit):
            if json:
                emit_json(one.raw)
                continue
            color = "any" if one.color_id is None else str(one.color_id)
            emit(clean(f"{one.part_num:<20}  {color:>6}  {one.condition or '-'}  {one.unit_price:>12f} {one.currency}"))


def prices_clear(*, json: Json = False) -> None:
    """Empty the price table; prints how many rows went."""
    from cli.server import server

    with server() as client:
        removed = client.clear_prices()
    emit_json({"removed": removed}) if json else emit(str(removed))


def _tell(body: Mapping[str, Any], *, json: bool) -> None:
    """Every wrong row that the server told."""
    issues = body.get("issues") or []
    for one in issues:
        if json:
            emit_json(one)
            continue
        where = f"line {one['line']}" if one.get("line") else "file"
        column = f", {one['column']}" if one.get("column") else ""
        value = f" {one['value']!r}" if one.get("value") else ""
        meant = f"; did you mean {', '.join(one['suggestions'])}?" if one.get("suggestions") else ""
        say(f"{where}{column}{value}: {one['message']} Expected: {one.get('expected') or 'another value'}{meant}")
    more = int(body.get("count") or 0) - len(issues)
    say(f"heavylift: {body.get('detail')}" + (f" {more} more are not shown." if more > 0 else ""), "red")
