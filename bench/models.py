"""3D models: the geometry report and the pictures over bare libraries, growth, memory, CUDA, and how soon a picture is there."""

import importlib.util
import json
import subprocess
import sys
import tempfile
import time
from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import Any

from bench import Unmeasurable
from bench.files import MB
from bench.model_files import glb, ring
from bench.platform import Platform, embedded
from bench.result import ROOT, Report, Target
from bench.wire import Wire

SIZES = {"10k": 10_000, "100k": 100_000, "1m": 1_000_000}
OF_BARE, GROWTH, FIRST = Target(limit=1.3, of="ratio"), Target(limit=12, of="ratio"), Target(limit=2.5)
_PICTURE = "thumbnail-400.webp"
_TEN_MB = 555_000  # triangles: 18 bytes each
_POLL = 0.02  # seconds
_PATIENCE = 120.0


def arguments(parser: ArgumentParser) -> None:
    """Options of this bench."""
    parser.add_argument("--rounds", type=int, default=5, help="of each; the best counts")
    parser.add_argument("--full", action="store_true", help="10 million triangles, too, where there is a GPU")


def measure(report: Report, chosen: Namespace) -> None:
    """Reports on the CPU, kernels on a GPU where there is one, pictures, and the way through a platform."""
    with tempfile.TemporaryDirectory(prefix="heavylift-bench-models-") as made:
        folder = Path(made)
        gpu = _prepared(folder / "kernels")
        _reports(report, folder / "kernels", rounds=chosen.rounds)
        if gpu:
            _gpu(report, folder / "kernels", rounds=chosen.rounds, full=chosen.full)
        else:
            report.say("  no CUDA device here: the kernels were measured on the CPU alone")
        _pictures(report, folder, rounds=chosen.rounds)
    _first_picture(report, n=chosen.rounds)


def _prepared(kernels: Path) -> bool:
    """Compile the kernels; whether there is a GPU."""
    if importlib.util.find_spec("warp") is None:
        raise Unmeasurable("Warp has no build for this kind of machine")
    kernels.mkdir()
    program = "import sys, pathlib; from models.devices import prepare; print(prepare(pathlib.Path(sys.argv[1])))"
    return "cuda" in _child("-c", program, kernels)


def _child(*arguments: object) -> str:
    """The last line that a process of its own prints."""
    done = subprocess.run(
        [sys.executable, *map(str, arguments)], cwd=ROOT, check=False, capture_output=True, text=True, timeout=1200
    )
    if done.returncode:
        raise Unmeasurable(f"a process ended with {done.returncode}: {done.stderr[-1000:]}")
    return done.stdout.strip().splitlines()[-1]


def _checks(triangles: int, kernels: Path, *, rounds: int, device: str) -> dict[str, float]:
    found: dict[str, float] = json.loads(_child("-m", "bench.model_checks", triangles, rounds, kernels, device))
    return found


def _reports(report: Report, kernels: Path, *, rounds: int) -> None:
    """Each size by itself; what the fingerprint costs stands beside, since the step before takes it."""
    told = {}
    for name, triangles in SIZES.items():
        told[name] = found = _checks(triangles, kernels, rounds=rounds, device="cpu")
        report.add(f"report-{name}", found["report"], unit="s", baseline=found["bare"], target=OF_BARE, n=rounds)
        report.add(f"report-{name}-peak-rss", found["peak"], unit="MB", baseline=found["before"], n=1)
        report.add(f"fingerprint-{name}", found["fingerprint"], unit="s", n=rounds)
    before, after = (told[name]["report"] for name in ("100k", "1m"))
    report.add("report-growth-100k-to-1m", after, unit="s", baseline=before, target=GROWTH, n=rounds)


def _gpu(report: Report, kernels: Path, *, rounds: int, full: bool) -> None:
    """The kernels on both devices; the seconds include merging vertices on the host."""
    sizes = {"100k": SIZES["100k"], "1m": SIZES["1m"]} | ({"10m": 10_000_000} if full else {})
    for name, triangles in sizes.items():
        cpu, cuda = (_checks(triangles, kernels, rounds=rounds, device=one) for one in ("cpu", "cuda:0"))
        for kernel in ("crossings", "walls"):
            report.add(f"{kernel}-{name}-cuda", cuda[kernel], unit="s", baseline=cpu[kernel], n=rounds)


def _pictures(report: Report, folder: Path, *, rounds: int) -> None:
    """All sizes and the blurhash over one bare picture, for a model of a usual size and for a large one."""
    for name, triangles in (("100k", SIZES["100k"]), ("1m", SIZES["1m"])):
        model = folder / f"{name}.glb"
        model.write_bytes(glb(*ring(triangles)))
        found = json.loads(_child("-m", "bench.model_pictures", model, rounds))
        if not found:
            report.say("  no renderer here: no pictures were drawn")
            return
        report.add(f"pictures-{name}", found["ours"], unit="s", baseline=found["bare"], target=OF_BARE, n=rounds)


def _first_picture(report: Report, *, n: int) -> None:
    """From the first byte of a GLB of 10 MB until its job has a picture, one at a time, on a warm platform."""
    with embedded() as platform, platform.wire() as wire:
        for warm in (2000, 20_000):
            _submitted(platform, wire, glb(*ring(warm)))
        seconds = [_submitted(platform, wire, glb(*ring(_TEN_MB + 2000 * number))) for number in range(n)]
        report.say(f"  first pictures: {', '.join(f'{one:.2f}' for one in seconds)} s")
        report.add("first-picture-10mb-median", sorted(seconds)[len(seconds) // 2], unit="s", target=FIRST, n=n)


def _submitted(platform: Platform, wire: Wire, content: bytes) -> float:
    """Seconds from the first byte to the picture; waits for the job's end, so that the next one has the machine."""
    began = time.perf_counter()
    answer = wire.request("POST", "/v1/jobs?filename=ring.glb", body=[content])
    if answer.status != 202:
        raise Unmeasurable(
            f"a GLB of {len(content) / MB:.1f} MB was not accepted: {answer.status} {answer.body[:500]!r}"
        )
    address, shown = f"/v1/jobs/{answer.json()['id']}", None
    while time.perf_counter() - began < _PATIENCE:
        job: dict[str, Any] = wire.get(address).json()
        if shown is None and any(one["name"] == _PICTURE for one in job["artifacts"]):
            shown = time.perf_counter() - began
        if job["status"] in {"succeeded", "failed", "cancelled"}:
            break
        time.sleep(_POLL)
    if shown is None or job["status"] != "succeeded":
        raise Unmeasurable(f"there is no picture: {job['status']} {job['warnings']} {job['error']}\n{platform.tails()}")
    return shown
