"""`heavylift audit`: proves from ledger, store and broker that no job was lost and nothing was done twice."""

from contextlib import closing
from typing import TYPE_CHECKING, Annotated

import typer

from cli.exits import CommandError, Exit
from cli.screen import clean, emit, emit_json, say
from cli.service_commands import DataDir, load_settings

if TYPE_CHECKING:
    from audit import Report
    from config.settings import Settings

# Counts beyond what was looked at, for a person; those that are 0 are not shown.
NOTES = {
    "replay.not_checkable": "jobs whose log begins after their submit, since old events are dropped: not replayed",
    "queues.paused": "queues are paused: whether messages are missing there is not looked at",
    "queues.surplus": "messages more than the ledger waits for: harmless, they find nothing to claim",
    "queues.dead": "messages in the dead-letter line: the housekeeping workers take them from there",
    "messages.dropped": "stale or doubled messages were dropped",
    "messages.kept": "messages were put back into their queues",
    "messages.left_to_workers": "messages were not taken in hand, since workers live: stop all of them first",
}


def add_to(app: typer.Typer) -> None:
    """Add this command."""
    app.command()(audit)


def audit(
    *,
    deep: Annotated[
        bool,
        typer.Option(
            "--deep", help="Hash every stored object and, where all workers are stopped, look at every message."
        ),
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="JSON lines on stdout; the last one sums up.")] = False,
    data_dir: DataDir = None,
) -> None:
    """Prove from ledger, store, broker and search index that no job was lost and nothing was done twice.

    Exit code 1 where something is wrong, 3 where one of the three does not answer. A platform may run meanwhile; where
    nothing runs on the data folder, its broker is started for the while.
    """
    settings = load_settings(data_dir)
    _require_ledger(settings)
    report = _audited(settings, deep=deep)
    for finding in report.findings:
        if json:
            emit_json({"check": finding.check, "subject": finding.subject, "detail": finding.detail})
        else:
            emit(clean(f"{finding.check}  {finding.subject}  {finding.detail}"))
    if json:
        emit_json({"well": report.well, "findings": len(report.findings), "checked": report.checked})
    _show(report)
    raise typer.Exit(Exit.WELL if report.well else Exit.FAILED)


def _require_ledger(settings: "Settings") -> None:
    """A ledger that is not there is not made by looking at it."""
    file = settings.data_dir / "ledger.sqlite3"
    if not settings.ledger.url and not file.exists():
        hint = "name its data folder with --data-dir, or its ledger with HEAVYLIFT_LEDGER_URL"
        raise CommandError(f"there is no ledger {file}", code=Exit.UNREACHABLE, hint=hint)


def _audited(settings: "Settings", *, deep: bool) -> "Report":
    from audit import audit as look
    from broker.app import BrokerUnavailable
    from cli.borrowed_broker import borrowed_broker
    from cli.places import ledger_place, store_place
    from wiring import open_ledger, open_objects
    from wiring.search import open_for_asking

    ledger = open_ledger(settings)
    try:
        with borrowed_broker(settings) as broker:
            say(f"ledger: {ledger_place(settings)}")
            say(f"store:  {store_place(settings)}")
            say(f"broker: {broker.words}")
            store = open_objects(settings)
            lost_after = settings.worker.lost_after
            with closing(open_for_asking(settings)) as index:
                return look(ledger, store=store, broker=broker.options, index=index, deep=deep, lost_after=lost_after)
    except BrokerUnavailable as error:
        raise CommandError(f"the broker does not answer: {error}", code=Exit.UNREACHABLE) from error
    finally:
        ledger.close()


def _show(report: "Report") -> None:
    """The table of checks, on stderr."""
    from rich.console import Console
    from rich.table import Table

    from audit import Check

    table = Table("check", "what it proves", box=None, pad_edge=False)
    for heading in ("checked", "findings"):
        table.add_column(heading, justify="right")
    wrong = report.counts
    for check in Check:
        if check in report.checked:
            n = wrong.get(check, 0)
            table.add_row(check, check.meaning, f"{report.checked[check]}", f"{n}", style="red" if n else "")
    Console(stderr=True, highlight=False).print(table)
    for name, words in NOTES.items():
        if report.checked.get(name):
            say(f"{report.checked[name]} {words}")
    n = len(report.findings)
    if report.well:
        say("well: nothing is lost, nothing is doubled", "green")
    else:
        say(f"not well: {n} {'finding' if n == 1 else 'findings'}", "red")
