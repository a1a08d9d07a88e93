"""Idle: what the whole embedded platform costs while nothing happens."""

import time
from argparse import ArgumentParser, Namespace

from bench.platform import Platform, embedded
from bench.processes import Cost, costs
from bench.result import Report, Target

MEMORY = Target(limit=900)  # MB
CPU = Target(limit=3)  # percent of one core


def arguments(parser: ArgumentParser) -> None:
    """Options of this bench."""
    parser.add_argument("--seconds", type=float, default=20.0, help="how long processor time is watched")
    parser.add_argument("--settle", type=float, default=5.0, help="seconds between ready and the first look")


def measure(report: Report, chosen: Namespace) -> None:
    """Start it, let it settle, look at memory, then at processor time over a while."""
    with embedded() as platform:
        time.sleep(chosen.settle)
        before, began = _costs(platform), time.monotonic()
        time.sleep(chosen.seconds)
        after, seconds = _costs(platform), time.monotonic() - began
    spent = {cost.pid: cost.cpu for cost in before.values()}
    shares = {pid: 100 * max(0.0, cost.cpu - spent.get(pid, 0.0)) / seconds for pid, cost in after.items()}
    report.say(f"  {'process':24} {'PSS MB':>8} {'CPU %':>7}")
    for pid, cost in sorted(after.items(), key=lambda one: -one[1].pss):
        report.say(f"  {cost.name:24} {cost.pss:8.1f} {shares[pid]:7.2f}")
    report.add("memory", sum(cost.pss for cost in after.values()), unit="MB", n=len(after), target=MEMORY)
    report.add("cpu", sum(shares.values()), unit="percent of one core", n=len(after), target=CPU)


def _costs(platform: Platform) -> dict[int, Cost]:
    return {cost.pid: cost for cost in costs(platform.processes())}
