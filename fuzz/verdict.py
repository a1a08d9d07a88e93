"""How runs ended, and whether they ended as promised: in records, or in a named fault that its submitter can act on."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from jobs.errors import Actor, Fault

LIMIT = 10.0  # seconds of processor time that no input of a few megabytes may need
_CODE = re.compile(r"[a-z][a-z0-9_]*(?:\.[a-z0-9_]+)+")
_OURS = ("step.", "sandbox.")  # codes that say: the platform could not cope


class How(StrEnum):
    """What came of one run."""

    READ = "read"  # some rows were accepted
    EMPTY = "none accepted"  # it ended well, and its issues say why there are no rows
    REFUSED = "refused"  # a named fault, the submitter's to mend
    WRONG = "wrong"  # anything else


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One input through one step, and how that ended."""

    number: int  # of the input
    form: str  # what it started from
    kind: str | None  # what it was read as; None: only sniffed
    size: int  # bytes
    attacks: Sequence[str]
    how: How
    code: str | None = None  # of the fault
    complaint: str = ""  # what is wrong with how it ended
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    peak_memory: int = 0  # bytes resident at most, the warm template's included

    def to_json(self) -> dict[str, Any]:
        """For `--json` and the file beside a kept input."""
        return {
            "number": self.number,
            "form": self.form,
            "kind": self.kind,
            "size": self.size,
            "attacks": list(self.attacks),
            "how": self.how.value,
            "code": self.code,
            "complaint": self.complaint,
            "seconds": round(self.seconds, 3),
            "cpu_seconds": round(self.cpu_seconds, 3),
            "peak_memory": self.peak_memory,
        }


def judged(
    fault: Fault | None, summary: Mapping[str, Any], *, cpu_seconds: float, limit: float = LIMIT
) -> tuple[How, str]:
    """What came of a run, and what is wrong with that; its files are looked at elsewhere.

    `limit`: seconds of processor time that it may have taken.
    """
    if cpu_seconds > limit:
        return How.WRONG, f"took {cpu_seconds:.1f} s of processor time"
    if fault is not None:
        wrong = _wrong_fault(fault)
        return (How.WRONG if wrong else How.REFUSED), wrong
    counts = [summary.get(name, -1) for name in ("lots", "rows_rejected")] + [summary.get("rows_excluded", 0)]
    lots, rows = counts[0], summary.get("rows_total")
    if min(counts) < 0 or sum(counts) != rows:
        return How.WRONG, f"rows do not add up: {counts} accepted, rejected and left out of {rows}"
    return (How.READ if lots else How.EMPTY), ""


def _wrong_fault(fault: Fault) -> str:
    """Why a submitter could do nothing with that fault; empty where one can."""
    if fault.actor is not Actor.SUBMITTER or fault.code.startswith(_OURS):
        return f"{fault.code}, {fault.actor.value} to act: {fault.message}"
    if not _CODE.fullmatch(fault.code) or not fault.message.strip():
        return f"a fault without a name or a word: {fault.code!r} {fault.message!r}"
    if not f"{fault.message}{fault.hint or ''}".isprintable():
        return f"words that a terminal obeys: {fault.code} {fault.message!r} {fault.hint!r}"
    return ""


@dataclass(kw_only=True)
class Tally:
    """What a whole campaign came to."""

    seed: int
    inputs: int = 0
    templates: int = 0  # that were lost
    seconds: float = 0.0
    unsniffed: int = 0  # inputs that the API would have refused as no list: `input.unsupported`
    counts: dict[str, Counter[How]] = field(default_factory=dict)  # form -> outcomes
    codes: Counter[str] = field(default_factory=Counter)  # of refusals
    failures: list[Run] = field(default_factory=list)
    slowest: dict[str, Run] = field(default_factory=dict)  # form -> the run that took most processor time
    largest: dict[str, Run] = field(default_factory=dict)  # form -> the run that took most memory

    def add(self, run: Run) -> None:
        """Count one run."""
        self.counts.setdefault(run.form, Counter())[run.how] += 1
        if run.how is How.REFUSED and run.code:
            self.codes[run.code] += 1
        if run.how is How.WRONG:
            self.failures.append(run)
        self.slowest[run.form] = _more(self.slowest.get(run.form), run, by="cpu_seconds")
        self.largest[run.form] = _more(self.largest.get(run.form), run, by="peak_memory")

    @property
    def runs(self) -> int:
        """An input is run once or twice."""
        return sum(counts.total() for counts in self.counts.values())

    @property
    def well(self) -> bool:
        """Whether every promise held."""
        return not self.failures and not self.templates

    def to_json(self) -> dict[str, Any]:
        """One line for programs."""
        return {
            "seed": self.seed,
            "inputs": self.inputs,
            "runs": self.runs,
            "seconds": round(self.seconds, 1),
            "well": self.well,
            "templates_lost": self.templates,
            "unsupported": self.unsniffed,
            "outcomes": {form: {how.value: counts[how] for how in How} for form, counts in self.counts.items()},
            "codes": dict(self.codes.most_common()),
            "slowest": _top(self.slowest.values(), by="cpu_seconds"),
            "largest": _top(self.largest.values(), by="peak_memory"),
            "failures": [run.to_json() for run in self.failures],
        }


def _more(known: Run | None, run: Run, *, by: str) -> Run:
    return run if known is None or getattr(run, by) > getattr(known, by) else known


def _top(runs: Iterable[Run], *, by: str) -> dict[str, Any] | None:
    found = max(runs, key=lambda run: float(getattr(run, by)), default=None)
    return found.to_json() if found else None
