"""Looking for things: `search 'words'` and `suggest`."""

from typing import Annotated, Any

import typer
from typer.core import TyperGroup

Json = Annotated[bool, typer.Option("--json", help="JSON lines on stdout.")]
Some = Annotated[list[str] | None, typer.Option(help="Only these; may be repeated.")]
FIND = "for"  # the command that words without a command mean


class WordsOrCommand(TyperGroup):
    """A group whose first argument may be something to look for; `search for status` looks for a command's name."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if args and args[0] not in self.commands and args[0] not in ctx.help_option_names:
            args = [FIND, *args]
        return super().parse_args(ctx, args)


def find(
    q: Annotated[
        list[str] | None,
        typer.Argument(help='Words, "phrases", -not, prefix*, field:value, pieces:100..500.', metavar="Q..."),
    ] = None,
    *,
    kind: Some = None,
    pipeline: Some = None,
    status: Some = None,
    tag: Annotated[list[str] | None, typer.Option(help="Only jobs with all of these; may be repeated.")] = None,
    part: Annotated[list[str] | None, typer.Option(help="Only places of these part ids; may be repeated.")] = None,
    color: Annotated[list[str] | None, typer.Option(help="Only places in these colors; may be repeated.")] = None,
    since: Annotated[str | None, typer.Option(help="Only jobs made on this day or later.", metavar="DATE")] = None,
    until: Annotated[str | None, typer.Option(help="Only jobs made before this day.", metavar="DATE")] = None,
    facet: Annotated[
        list[str] | None, typer.Option(help="Count jobs by kind, pipeline, status, tag or color; may be repeated.")
    ] = None,
    sort: Annotated[str | None, typer.Option(help="relevance, newest, oldest or name.")] = None,
    limit: Annotated[int, typer.Option(help="How many at most.", min=1, max=100)] = 20,
    json: Json = False,
) -> None:
    """Look for places: what was found, where, in which file, status, job; then the text around the words."""
    import sys

    from cli.finding import hit_lines, summary_lines
    from cli.screen import emit, emit_json, say
    from cli.server import server

    filters = {"kind": kind, "pipeline": pipeline, "status": status, "tag": tag, "part": part, "color": color}
    filters |= {"created_from": since, "created_to": until}  # type: ignore[dict-item]  # texts beside lists
    with server() as client:
        page = client.search(" ".join(q or ()), filters=filters, facets=facet or (), sort=sort, limit=limit)
    for hit in page.hits:
        if json:
            emit_json(hit.raw)
        else:
            for line in hit_lines(hit, sys.stdout):
                emit(line)
    for line in summary_lines(page):
        say(line)


def suggest(
    typed: Annotated[str, typer.Argument(help="What was typed so far.", metavar="TEXT")],
    *,
    limit: Annotated[int, typer.Option(help="How many at most.", min=1, max=100)] = 10,
    json: Json = False,
) -> None:
    """Show how what was typed could go on: text, what it is, how many jobs have it."""
    from cli.screen import clean, emit, emit_json
    from cli.server import server

    with server() as client:
        for one in client.suggest(typed, limit=limit):
            if json:
                emit_json(one.raw)
            else:
                emit(clean(f"{one.text}\t{one.field}\t{one.jobs}"))
