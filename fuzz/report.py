"""A campaign as tables for people."""

import shlex
import sys

from rich.console import Console
from rich.table import Table

from fuzz.campaign import Order
from fuzz.verdict import How, Run, Tally

_CODES = 12  # refusals that are named
_MB = 1_000_000


def show(tally: Tally, order: Order) -> None:
    """Print it on stderr."""
    console = Console(file=sys.stderr, highlight=False)
    console.print(_outcomes(tally))
    codes = ", ".join(f"{code} {count}" for code, count in tally.codes.most_common(_CODES))
    console.print(f"refused as: {codes or 'nothing'}; no list to the sniffer: {tally.unsniffed}", markup=False)
    for run in tally.failures:
        console.print(_line(run), style="red", markup=False)
        console.print(f"  again: heavylift {again(run, order)}", markup=False)
    word = "every promise held" if tally.well else f"{len(tally.failures)} runs did not end as promised"
    console.print(f"seed {tally.seed}: {word}", style="green" if tally.well else "bold red")


def tell(run: Run) -> str:
    """One run in a line, with what an input alone is looked for to learn."""
    ended = f"{run.how.value} {run.code or ''}".strip()
    facts = f"{run.cpu_seconds:.2f} s, {run.peak_memory / _MB:.0f} MB"
    return f"{_line(run)}: {ended} ({facts})"


def again(run: Run, order: Order) -> str:
    """The command that makes this one input again."""
    keep = ["--keep", str(order.keep)] if order.keep else []
    return shlex.join(["fuzz", "--seed", str(order.seed), "--only", str(run.number), *keep])


def _line(run: Run) -> str:
    what = (
        f"input {run.number}, {run.form} read as {run.kind or 'nothing'}, {run.size} bytes, {' > '.join(run.attacks)}"
    )
    return f"{what}: {run.complaint}" if run.complaint else what


def _outcomes(tally: Tally) -> Table:
    table = Table(title=f"fuzz, seed {tally.seed}: {tally.inputs} inputs, {tally.runs} runs, {tally.seconds:.0f} s")
    table.add_column("made from")
    for how in How:
        table.add_column(how.value, justify="right")
    table.add_column("slowest s", justify="right")
    table.add_column("peak MB", justify="right")
    for form, counts in tally.counts.items():
        cells = [str(counts[how]) for how in How]
        most = f"{tally.slowest[form].cpu_seconds:.2f}", f"{tally.largest[form].peak_memory / _MB:.0f}"
        table.add_row(form, *cells, *most, style="bold red" if counts[How.WRONG] else None)
    return table
