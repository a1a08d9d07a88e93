"""All commands: each module adds its own. What they need is imported when they run, so that every start is quick."""

import os
import sys
from types import TracebackType
from typing import Any

import typer
from typer.core import TyperGroup
from typer.exceptions import TyperException

from cli import (
    audit_command,
    care_commands,
    catalog_commands,
    drill_command,
    fuzz_command,
    job_commands,
    list_commands,
    ops_commands,
    platform_commands,
    price_commands,
    search_commands,
    service_commands,
)
from cli.exits import CommandError, Exit
from cli.screen import say
from jobs.errors import HeavyliftError

DOC = """Heavylift takes heavy file work off the request path: upload, job id, queues, artifacts, status.

Ids and JSON lines go to stdout, words to stderr. Exit codes: 0 well, 1 a job failed, 2 wrong usage, 3 not reachable.
HEAVYLIFT_URL names the server (http://127.0.0.1:8000).
"""


class Commands(TyperGroup):
    """Lists commands in the order in which they were added, and all of them where a name is wrong."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        try:
            return super().resolve_command(ctx, args)
        except TyperException as error:
            error.message += f"\nCommands: {', '.join(self.list_commands(ctx))}"
            raise


# Plain help, not rich panels: it starts in half the time.
app = typer.Typer(cls=Commands, help=DOC, add_completion=False, no_args_is_help=True, rich_markup_mode=None)
for module in (
    platform_commands,
    job_commands,
    list_commands,
    catalog_commands,
    ops_commands,
    price_commands,
    search_commands,
    service_commands,
    care_commands,
    audit_command,
    drill_command,
    fuzz_command,
):
    module.add_to(app)


def main() -> None:
    """Run the command that was asked for, and exit."""
    if not os.environ.get("HEAVYLIFT_DEBUG"):
        sys.excepthook = _one_line
    try:
        typer.main.get_command(app)(prog_name="heavylift")
    except HeavyliftError as error:
        if os.environ.get("HEAVYLIFT_DEBUG"):
            raise
        sys.exit(report(error))


def report(error: HeavyliftError) -> Exit:
    """Say what went wrong in one line, and what to do in a second; returns the exit code."""
    if isinstance(error, CommandError):
        code, hint = error.code, error.hint
    else:
        # Ports name what is away: LedgerUnavailable, BrokerUnavailable.
        away = type(error).__name__.endswith("Unavailable")
        code, hint = (Exit.UNREACHABLE if away else Exit.USAGE), None
    say(f"heavylift: {error or type(error).__name__}", "red")
    for line in (hint or "").splitlines():
        say(f"  {line}")
    return code


def _one_line(kind: type[BaseException], error: BaseException, _trace: TracebackType | None) -> None:
    """What nobody foresaw, without its traceback."""
    say(f"heavylift: {kind.__name__}: {error}", "red")
    say("  this is a defect of Heavylift; HEAVYLIFT_DEBUG=1 shows where it happened")
