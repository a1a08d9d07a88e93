"""Catalog: seconds to compile one of real size, and what a process pays to ask it, beside plain dictionaries.

Every figure comes from a process of its own (`python -m bench.catalog ACT ...`), which prints it as JSON: memory that
an earlier measurement has taken would hide what a later one needs.
"""

import json
import random
import resource
import subprocess
import sys
import tempfile
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from bench import Unmeasurable
from bench.catalog_files import write_catalog
from bench.result import ROOT, Report, Target
from bench.stats import median

_LOOKUPS = 100_000
_ACTS = ("part", "mapped", "element", "known_colors", "relations")
_SEED = 7


def arguments(parser: ArgumentParser) -> None:
    """Options of this bench."""
    parser.add_argument("--rounds", type=int, default=3, help="each variant once per round")


def measure(report: Report, chosen: Namespace) -> None:
    """Write the sources, compile them, ask the file, ask dictionaries made from it."""
    with tempfile.TemporaryDirectory(prefix="hl-bench-catalog-") as folder:
        sources, compiled = Path(folder) / "sources", Path(folder) / "catalog.sqlite"
        sources.mkdir()
        write_catalog(sources)
        made = [_run("compile", sources, compiled) for _ in range(chosen.rounds)]
        files = [_run("file", sources, compiled) for _ in range(chosen.rounds)]
        dicts = [_run("dicts", sources, compiled) for _ in range(chosen.rounds)]
        size = compiled.stat().st_size / 1e6
    n = chosen.rounds
    report.say(f"  {json.dumps(made[0]['counts'])}")
    report.add("compile", _middle(made, "seconds"), unit="s", n=n, target=Target(limit=15))
    report.add("compile-peak-rss", _middle(made, "peak"), unit="MB", n=n, target=Target(limit=400))
    report.add("file", size, unit="MB", n=1)
    report.add("open", _middle(files, "open"), unit="ms", n=n, baseline=_middle(dicts, "open"), target=Target(limit=5))
    for act in _ACTS:
        base = _middle(dicts, act)
        report.add(f"{act}-lookups", _middle(files, act), unit="lookups/s", n=n * _LOOKUPS, baseline=base)
    report.add("lookups-again", _middle(files, "again"), unit="lookups/s", n=n * _LOOKUPS)
    report.add("part-nums", _middle(files, "part_nums"), unit="ms", n=n, baseline=_middle(dicts, "part_nums"))
    report.add("memory", _middle(files, "own"), unit="MB", n=n, baseline=_middle(dicts, "own"))


def _middle(runs: Sequence[dict[str, Any]], name: str) -> float:
    return median([float(run[name]) for run in runs])


def _run(act: str, sources: Path, compiled: Path) -> dict[str, Any]:
    argv = [sys.executable, "-P", "-m", "bench.catalog", act, str(sources), str(compiled)]
    done = subprocess.run(argv, cwd=ROOT, env={"PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Unmeasurable(f"{act} failed: {done.stderr[-500:]}")
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def _compile(sources: Path, compiled: Path) -> dict[str, Any]:
    from catalog.compile import compile_catalog

    began = time.perf_counter()
    report = compile_catalog(sources, compiled, version="bench")
    seconds = time.perf_counter() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6
    return {"seconds": seconds, "peak": peak, "counts": dict(report.counts)}


def _ask(sources: Path, compiled: Path, *, in_memory: bool) -> dict[str, Any]:
    """Time the lookups of keys that do not repeat, then of a few that do."""
    from catalog.collect import collect
    from catalog.memory import MemoryCatalog
    from catalog.port import Catalog
    from catalog.rows import Tally
    from catalog.sqlite import SqliteCatalog

    keys = _keys(sources)
    before = _private()
    began = time.perf_counter()
    catalog: Catalog = MemoryCatalog(collect(sources, tally=Tally())) if in_memory else SqliteCatalog(compiled)
    found: dict[str, Any] = {"open": (time.perf_counter() - began) * 1000}
    for act, call in _calls(catalog).items():
        found[act] = _rate(call, keys[act])
    found["again"] = _rate(catalog.part, keys["part"][:1000] * (_LOOKUPS // 1000))
    began = time.perf_counter()
    catalog.part_nums()
    found["part_nums"] = (time.perf_counter() - began) * 1000
    return found | {"own": _private() - before}


def _calls(catalog: Any) -> dict[str, Callable[[str], object]]:
    return {
        "part": catalog.part,
        "mapped": lambda key: catalog.mapped("bricklink", key),
        "element": catalog.element,
        "known_colors": catalog.known_colors,
        "relations": catalog.relations,
    }


def _rate(call: Callable[[str], object], keys: Sequence[str]) -> float:
    began = time.perf_counter()
    for key in keys:
        call(key)
    return len(keys) / (time.perf_counter() - began)


def _keys(sources: Path) -> dict[str, list[str]]:
    """As many keys per lookup as are asked; nine of ten are known."""
    rng = random.Random(_SEED)
    columns = {"part": ("parts.csv", 0), "mapped": ("part_ids.csv", 1), "element": ("elements.csv", 0)}
    found = {}
    for act, (name, column) in columns.items():
        lines = (sources / name).read_text(encoding="utf-8").splitlines()[1:]
        keys = [line.split(",")[column] for line in lines]
        rng.shuffle(keys)
        keys = (keys * (_LOOKUPS // len(keys) + 1))[:_LOOKUPS]
        found[act] = [f"{key}?" if place % 10 == 0 else key for place, key in enumerate(keys)]
    return found | {"known_colors": found["part"], "relations": found["part"]}


def _private() -> float:
    """MB of memory that are this process's own: what is mapped from the file is shared with all others."""
    import psutil

    found: float = psutil.Process().memory_full_info().uss / 1e6
    return found


if __name__ == "__main__":
    act, sources, compiled = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
    told = _compile(sources, compiled) if act == "compile" else _ask(sources, compiled, in_memory=act == "dicts")
    print(json.dumps(told))
