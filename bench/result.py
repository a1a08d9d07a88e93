"""Results: one JSON line per variant on stdout, words for people on stderr."""

import json
import operator
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """What a figure has to reach; `of` names the field of the line that is looked at."""

    limit: float
    at_least: bool = False
    of: str = "value"  # or `ratio`

    def met_by(self, seen: float) -> bool:
        """Whether `seen` is good enough."""
        compare: Callable[[float, float], bool] = operator.ge if self.at_least else operator.le
        return compare(seen, self.limit)

    def __str__(self) -> str:
        return f"{self.of} {'>=' if self.at_least else '<='} {self.limit:g}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One figure."""

    bench: str
    variant: str
    value: float
    unit: str  # of value and baseline
    baseline: float | None = None  # what it is compared with, measured in the same run
    target: Target | None = None  # None: reported only
    n: int  # samples

    @property
    def ratio(self) -> float | None:
        """Value over baseline."""
        return self.value / self.baseline if self.baseline else None

    @property
    def met(self) -> bool | None:
        """Whether the target is met; None where there is none."""
        if self.target is None:
            return None
        seen = self.ratio if self.target.of == "ratio" else self.value
        return seen is not None and self.target.met_by(seen)

    def to_json(self) -> str:
        """The line as it is printed."""
        found = asdict(self) | {"ratio": self.ratio, "met": self.met, "commit": commit()}
        found["target"] = str(self.target) if self.target else None
        order = ("bench", "variant", "value", "unit", "baseline", "ratio", "target", "met", "n", "commit")
        return json.dumps({name: _short(found[name]) for name in order})

    def __str__(self) -> str:
        told = f"{self.variant}: {_short(self.value)} {self.unit}"
        if self.baseline is not None:
            told += f", {_short(self.ratio)} of {_short(self.baseline)}"
        if self.target is not None:
            told += f"  [{'met' if self.met else 'MISSED'}: {self.target}]"
        return told


@dataclass(slots=True)
class Report:
    """Where a bench puts its words and figures."""

    bench: str
    quiet: bool = False  # figures only
    lines: list[Line] = field(default_factory=list)

    def say(self, text: str) -> None:
        """Words for people."""
        if not self.quiet:
            print(text, file=sys.stderr, flush=True)

    def add(
        self,
        variant: str,
        value: float,
        *,
        unit: str,
        n: int,
        baseline: float | None = None,
        target: Target | None = None,
    ) -> None:
        """Print one figure."""
        line = Line(bench=self.bench, variant=variant, value=value, unit=unit, baseline=baseline, target=target, n=n)
        self.lines.append(line)
        print(line.to_json(), flush=True)
        self.say(f"  {line}")

    @property
    def missed(self) -> list[str]:
        """Variants that have a target and miss it."""
        return [line.variant for line in self.lines if line.met is False]


def _short(value: object) -> object:
    """Four significant digits say all that a measurement knows."""
    return float(f"{value:.4g}") if isinstance(value, float) else value


@cache
def commit() -> str | None:
    """The commit that is measured, with a `+` where files differ from it; None outside of a checkout."""
    head = _git("rev-parse", "--short", "HEAD")
    return head and head + ("+" if _git("status", "--porcelain", "--untracked-files=no") else "")


def _git(*arguments: str) -> str | None:
    try:
        done = subprocess.run(["git", *arguments], cwd=ROOT, check=False, capture_output=True, text=True, timeout=10)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None
