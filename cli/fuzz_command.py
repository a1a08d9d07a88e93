"""`heavylift fuzz`: thousands of hostile parts lists through the real sandbox; each has to end in words."""

import random
from pathlib import Path
from typing import Annotated

import typer

from cli.exits import CommandError, Exit
from cli.screen import emit_json, say

_EVERY = 100  # inputs between two words on how far it is


def add_to(app: typer.Typer) -> None:
    """Add this command."""
    app.command()(fuzz)


def fuzz(
    *,
    count: Annotated[int, typer.Option(help="How many inputs are made.", min=1)] = 2000,
    seed: Annotated[int | None, typer.Option(help="Makes the inputs of an earlier run again.")] = None,
    kind: Annotated[
        list[str] | None, typer.Option(help="Only from lists of this kind (`ldraw`, `xlsx`, ...); may be repeated.")
    ] = None,
    only: Annotated[int | None, typer.Option(help="Only the input of this number; says how it ended.", min=0)] = None,
    json: Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")] = False,
    keep: Annotated[
        Path | None, typer.Option(help="Keep inputs that did not end as promised in this folder.", metavar="FOLDER")
    ] = None,
) -> None:
    """Run damaged and crafted parts lists as a worker would; exit code 0 if all ended in records or a named refusal."""
    from fuzz.campaign import Order, run
    from fuzz.forms import KINDS
    from fuzz.report import show, tell
    from fuzz.verdict import Tally

    if wrong := set(kind or ()) - set(KINDS):
        raise CommandError(f"fuzz: there is no list of kind {min(wrong)}; there are: {', '.join(KINDS)}")
    order = Order(
        count=count,
        seed=random.randrange(1_000_000) if seed is None else seed,
        kinds=frozenset(kind or ()),
        only=only,
        keep=keep,
    )

    def progress(tally: Tally) -> None:
        if tally.inputs % _EVERY == 0:
            say(f"  {tally.inputs} inputs, {len(tally.failures)} wrong, {tally.seconds:.0f} s", "dim")

    say(f"fuzz: seed {order.seed}")
    try:
        tally = run(order, progress=progress, said=lambda one: say(tell(one), "red" if one.complaint else ""))
    except KeyboardInterrupt:
        raise typer.Exit(Exit.INTERRUPTED) from None
    show(tally, order)
    if json:
        emit_json(tally.to_json())
    raise typer.Exit(Exit.WELL if tally.well else Exit.FAILED)
