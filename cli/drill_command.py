"""`heavylift drill`: break a private platform on purpose, and count what that cost."""

import random
import signal
from types import FrameType
from typing import Annotated

import typer

from cli.exits import CommandError, Exit
from cli.screen import emit, emit_json, say


def add_to(app: typer.Typer) -> None:
    """Add this command."""
    app.command()(drill)


def drill(
    *,
    jobs: Annotated[int, typer.Option(help="How many jobs are submitted meanwhile.", min=1)] = 60,
    faults: Annotated[
        str, typer.Option(help="Names with commas between, or `list`; all by default.", metavar="A,B,...")
    ] = "",
    seed: Annotated[int | None, typer.Option(help="Repeats the schedule of an earlier drill.")] = None,
    real: Annotated[
        bool, typer.Option("--real", help="A private RabbitMQ and PostgreSQL instead of Redis and SQLite.")
    ] = False,
    lease: Annotated[
        float, typer.Option(help="Seconds that a claim lives; from 20 on all settings are those of production.", min=1)
    ] = 3.0,
    json: Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")] = False,
    keep: Annotated[
        bool, typer.Option("--keep", help="Keep ledger, store and logs; a drill that went wrong keeps them anyway.")
    ] = False,
) -> None:
    """Kill, stop and starve a private platform under load; exit code 0 if no job was lost, doubled or stuck."""
    from drill.faults import FAULTS, named
    from drill.platform import NotStarted
    from drill.report import show
    from drill.run import Order
    from drill.run import drill as run
    from drill.servers import MissingBinary

    if faults == "list":
        for name, fault in FAULTS.items():
            emit(f"{name:42} {(fault.__doc__ or '').splitlines()[0]}")
        return
    order = Order(
        jobs=jobs,
        faults=named(faults.split(",")),
        seed=random.randrange(1_000_000) if seed is None else seed,
        real=real,
        lease=lease,
        keep=keep,
    )
    before = signal.signal(signal.SIGTERM, _interrupted)
    try:
        verdict = run(order, say=say)
    except MissingBinary as missing:
        raise CommandError(f"drill{' --real' if real else ''}: {missing}") from missing
    except KeyboardInterrupt as asked:
        say(f"drill: interrupted{f' by {asked}' if asked.args else ''}; everything that it started has been ended")
        raise typer.Exit(Exit.INTERRUPTED) from None
    except NotStarted as error:
        raise CommandError(str(error), code=Exit.FAILED) from error
    finally:
        signal.signal(signal.SIGTERM, before)
    show(verdict)
    if json:
        emit_json(verdict.to_json())
    raise typer.Exit(Exit.WELL if verdict.well else Exit.FAILED)


def _interrupted(number: int, _frame: FrameType | None) -> None:
    """SIGTERM ends a drill as Ctrl-C does: with everything that it started."""
    raise KeyboardInterrupt(signal.Signals(number).name)
