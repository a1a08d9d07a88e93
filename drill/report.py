"""The verdict as a table for people."""

import sys

from rich.console import Console
from rich.table import Table

from drill.faults import FAULTS
from drill.verdict import Verdict, percentile

_MUST_BE_ZERO = ("lost", "doubled", "stuck", "without_reason", "misjudged", "given_up", "other_5xx", "crashes")


def show(verdict: Verdict) -> None:
    """Print it on stderr."""
    console = Console(file=sys.stderr, highlight=False)
    console.print(_counts(verdict))
    console.print(_recoveries(verdict))
    for name, lines in verdict.findings().items():
        for line in lines:
            console.print(f"{name}: {line}", style="red", markup=False)
    word = "every promise held" if verdict.well else "not as promised"
    console.print(f"seed {verdict.seed}: {word}", style="green" if verdict.well else "bold red")


def _counts(verdict: Verdict) -> Table:
    table = Table(title=f"drill, {verdict.backend}, seed {verdict.seed}, {verdict.seconds:.0f} s")
    table.add_column("what")
    table.add_column("how many", justify="right")
    found = verdict.to_json()
    for name in ("accepted", "succeeded", "failed_with_reason", "cancelled"):
        table.add_row(name.replace("_", " "), str(found[name]))
    table.add_section()
    for name in _MUST_BE_ZERO:
        style = "bold red" if found[name] else "green"
        table.add_row(name.replace("_", " "), str(found[name]), style=style)
    table.add_row("audit", "well" if verdict.audit.well else "findings", style="green" if verdict.audit.well else "red")
    table.add_section()
    for name in ("api_requests", "status_503", "status_507_while_disk_full", "refused_while_api_killed"):
        table.add_row(name.replace("_", " "), str(found[name]))
    table.add_row("connections broken otherwise", str(found["connections_broken"]))
    table.add_row("availability", f"{100 * verdict.tally.availability:.2f} %")
    table.add_row("p95 of status requests", f"{found['p95_status_ms']} ms")
    return table


def _recoveries(verdict: Verdict) -> Table:
    table = Table(title="recovery", show_lines=False)
    table.add_column("fault")
    table.add_column("times", justify="right")
    table.add_column("p95 s", justify="right")
    table.add_column("recovered once")
    skipped = {one.fault: one.skipped for one in verdict.faults if one.skipped}
    for name, seconds in verdict.recoveries.items():
        known = [one for one in seconds if one is not None]
        shown = "never" if len(known) < len(seconds) else str(percentile(known, 0.95))
        table.add_row(name, str(len(seconds)), shown, FAULTS[name].over)
    for name, why in skipped.items():
        table.add_row(name, "0", "", f"skipped: {why}")
    return table
