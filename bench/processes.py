"""What processes cost: memory that is really theirs, and processor time."""

import re
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

GONE = (psutil.NoSuchProcess, psutil.ZombieProcess, FileNotFoundError, ProcessLookupError)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """One process at one moment."""

    pid: int
    name: str  # for people
    pss: float  # MB: private memory and its share of what is shared
    cpu: float  # seconds since it began, with those of children that it has waited for


def tree(root: int) -> list[psutil.Process]:
    """A process and all below it."""
    top = psutil.Process(root)
    return [top, *top.children(recursive=True)]


def costs(processes: Iterable[psutil.Process]) -> list[Cost]:
    """What each costs now; those that ended meanwhile are left out."""
    found = []
    for process in processes:
        with suppress(*GONE):
            found.append(Cost(pid=process.pid, name=name_of(process), pss=_pss(process.pid), cpu=cpu_of(process)))
    return found


def cpu_by_name(processes: Iterable[psutil.Process]) -> dict[str, float]:
    """Processor seconds so far, by name."""
    spent: dict[str, float] = {}
    for process in processes:
        with suppress(*GONE):
            name = name_of(process)
            spent[name] = spent.get(name, 0.0) + cpu_of(process)
    return spent


def cpu_of(process: psutil.Process) -> float:
    """Processor seconds of a process and of the children that it has waited for."""
    times = process.cpu_times()
    return float(times.user + times.system + times.children_user + times.children_system)


def peak_rss(pid: int) -> float:
    """The most resident memory that a process ever had, in MB."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    if found is None:
        raise ValueError(f"process {pid} has no VmHWM")
    return int(found[1]) / 1000 * 1.024


def name_of(process: psutil.Process) -> str:
    """What a process of the platform is called here: `api`, `worker parsing`, `sandbox of parsing`."""
    line = process.cmdline()
    named = _named(line)
    if named.startswith("sandbox"):
        with suppress(*GONE):
            above = process.parent()
            inner = _named(above.cmdline()) if above else ""
            return f"{'child of' if inner.startswith('sandbox') else 'sandbox of'} {inner.removeprefix('worker ')}"
    return named


def _named(line: Sequence[str]) -> str:
    text = " ".join(line)
    if found := re.search(r"-m (?:cli|bench\.timed(?: \S+)?) (worker \w+|\w+)", text):
        return found[1]
    if "workers.sandbox" in text or "workers/sandbox" in text:
        return "sandbox"
    if found := re.search(r"-m (bench\.\w+)", text):
        return found[1]
    first = line[0] if line else "?"
    return "broker" if "redis-server" in text else Path(first.split(" ")[0]).name


def _pss(pid: int) -> float:
    text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    found = re.search(r"^Pss:\s+(\d+) kB", text, re.MULTILINE)
    return int(found[1]) / 1000 * 1.024 if found else 0.0
