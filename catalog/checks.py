"""Whether a freshly compiled catalog may take the place of the one in use: a broken download must not empty the shelves."""

from collections.abc import Mapping
from typing import NamedTuple

from catalog.compile import CompileReport
from jobs.errors import InputError

LEAST_SHARE = 0.9  # of the rows that the catalog in use has, table by table
_COMPARED = ("parts", "colors", "elements", "relations", "part_maps", "color_maps")


class Problem(NamedTuple):
    """One reason to refuse a catalog."""

    code: str  # catalog.shrunk, catalog.duplicates, catalog.colors
    message: str


def problems(report: CompileReport, old: Mapping[str, int] | None = None) -> tuple[Problem, ...]:
    """Every reason against a new catalog; `old` = the counts of the one in use, None where there is none yet."""
    found = []
    if report.missing_colors:
        missing = ", ".join(map(str, report.missing_colors))
        found.append(Problem("catalog.colors", f"there is no color {missing}, which every catalog has"))
    for table, count in sorted(report.duplicates.items()):
        found.append(Problem("catalog.duplicates", f"{table} names {count:,} keys twice"))
    for table in _COMPARED:
        before, now = (old or {}).get(table, 0), report.counts.get(table, 0)
        if now < before * LEAST_SHARE:
            found.append(Problem("catalog.shrunk", f"{table} has {now:,} rows, where there were {before:,}"))
    return tuple(found)


def require_sound(report: CompileReport, old: Mapping[str, int] | None = None, *, force: bool = False) -> None:
    """Raise `InputError` with the first problem's code and all problems in words; `force` takes the catalog anyway."""
    found = problems(report, old)
    if found and not force:
        raise InputError(
            found[0].code,
            "the catalog was not taken: " + "; ".join(problem.message for problem in found),
            hint="look at the sources; where they are right, import them again with force",
        )
