"""Resolver: what a row costs that was seen before, one of a new id, one of an unknown id, and the survey of a list.

Asked on a compiled catalog of real size, each figure with a resolver and a catalog of its own, so that nothing is
remembered from the one before. Baselines: a row's seven fields looked up in a dictionary; rapidfuzz over all ids.
"""

import random
import tempfile
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.catalog_files import write_catalog
from bench.result import Report, Target
from bench.stats import median

if TYPE_CHECKING:
    from catalog.resolver import Resolver

_SEED = 11
_DISTINCT, _UNKNOWN, _SURVEYED, _REPEATS = 20_000, 200, 2000, 100
Row = Mapping[str, Any]


def arguments(parser: ArgumentParser) -> None:
    """Options of this bench."""
    parser.add_argument("--rounds", type=int, default=3, help="each variant once per round")


def measure(report: Report, chosen: Namespace) -> None:
    """Compile a catalog, then resolve rows of each sort on it."""
    from catalog.compile import compile_catalog

    with tempfile.TemporaryDirectory(prefix="hl-bench-resolver-") as folder:
        sources, compiled = Path(folder) / "sources", Path(folder) / "catalog.sqlite"
        sources.mkdir()
        write_catalog(sources)
        compile_catalog(sources, compiled, version="bench")
        rows = _Rows(sources)
        rounds = [_round(compiled, rows) for _ in range(chosen.rounds)]
    n = chosen.rounds
    for variant, unit, target in (
        ("seen-before", "ns", Target(limit=1.6, of="ratio")),
        ("new-ids", "ids/s", None),
        ("new-mapped-ids", "ids/s", None),
        ("new-prints", "ids/s", None),
        ("unknown-id", "ms", Target(limit=1.2, of="ratio")),
        ("survey", "ms", None),
    ):
        value, base = (
            median([found[name] for found in rounds if name in found] or [0]) for name in (variant, f"bare-{variant}")
        )
        report.add(variant, value, unit=unit, n=n, baseline=base or None, target=target)


class _Rows:
    """Rows of each sort."""

    def __init__(self, sources: Path) -> None:
        rng = random.Random(_SEED)
        nums, foreign = _column(sources / "parts.csv", 0), _column(sources / "part_ids.csv", 1)
        rng.shuffle(nums)
        known, plain = frozenset(nums), [num for num in nums if num.isdigit()]
        self.exact = [_row(num, "rebrickable", color=rng.randrange(200)) for num in nums[:_DISTINCT]]
        self.mapped = [_row(num, "bricklink", color=rng.randrange(200)) for num in foreign]
        self.prints = [_row(f"{num}pb{rng.randrange(999):03}", "bricklink", color=1) for num in plain[:_DISTINCT]]
        drawn = (f"{rng.randrange(100, 100_000)}{rng.choice(('q9', 'zz', '7z'))}" for _ in range(10 * _UNKNOWN))
        self.unknown = [_row(num, "rebrickable", color=1) for num in drawn if num not in known][:_UNKNOWN]


def _row(raw_id: str, space: str, *, color: int) -> Row:
    row = {"item_type": "P", "raw_id": raw_id, "id_space": space, "raw_color": color, "color_space": space}
    return row | {"qty": 1, "spare": False}


def _column(path: Path, column: int) -> list[str]:
    return [line.split(",")[column] for line in path.read_text(encoding="utf-8").splitlines()[1:]]


def _round(compiled: Path, rows: _Rows) -> dict[str, float]:
    from catalog.resolver import Resolver
    from catalog.sqlite import SqliteCatalog

    def fresh() -> tuple[Resolver, SqliteCatalog]:
        catalog = SqliteCatalog(compiled)
        return Resolver(catalog, searches=10 * _UNKNOWN), catalog

    def timed(act: Callable[[Resolver], object]) -> float:
        resolver, catalog = fresh()
        with catalog:
            catalog.part_nums()
            began = time.perf_counter()
            act(resolver)
            return time.perf_counter() - began

    found = {"survey": 1000 * timed(lambda resolver: resolver.survey(rows.exact[:_SURVEYED]))}
    found["unknown-id"] = 1000 * timed(partial(_resolve_all, rows.unknown)) / len(rows.unknown)
    for variant, some in (("new-ids", rows.exact), ("new-mapped-ids", rows.mapped), ("new-prints", rows.prints)):
        found[variant] = len(some) / timed(partial(_resolve_all, some))
    resolver, catalog = fresh()
    with catalog:
        found["seen-before"] = _again(resolver.resolve, rows.exact[:_SURVEYED])
        found["bare-unknown-id"] = _bare_search(catalog.part_nums(), rows.unknown)
    return found | {"bare-seen-before": _again(_bare_lookup({}), rows.exact[:_SURVEYED])}


def _bare_lookup(kept: dict[tuple[Any, ...], object]) -> Callable[[Row], object]:
    """What any memo of rows costs at least."""

    def look_up(row: Row) -> object:
        get = row.get
        key = (get("raw_id"), get("raw_color"), get("id_space"), get("color_space"), get("item_type"))
        return kept.setdefault((*key, get("color_name"), get("element_id")), row)

    return look_up


def _bare_search(part_nums: Sequence[str], rows: Sequence[Row]) -> float:
    """Milliseconds to compare one id with all of the catalog's."""
    from rapidfuzz import process
    from rapidfuzz.distance import Levenshtein

    began = time.perf_counter()
    for row in rows:
        process.extract(row["raw_id"], part_nums, scorer=Levenshtein.distance, score_cutoff=2, limit=40)
    return 1000 * (time.perf_counter() - began) / len(rows)


def _again(resolve: Callable[[Row], object], rows: Sequence[Row]) -> float:
    """Nanoseconds per row, all of which were resolved before."""
    _all(resolve, rows)
    began = time.perf_counter()
    for _ in range(_REPEATS):
        _all(resolve, rows)
    return 1e9 * (time.perf_counter() - began) / (_REPEATS * len(rows))


def _resolve_all(rows: Iterable[Row], resolver: "Resolver") -> None:
    _all(resolver.resolve, rows)


def _all(resolve: Callable[[Row], object], rows: Iterable[Row]) -> None:
    for row in rows:
        resolve(row)
