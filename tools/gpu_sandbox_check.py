# ruff: noqa: INP001 - a script, not a package
"""Check on a machine with a GPU what decision 23 states: `python tools/gpu_sandbox_check.py [--warp FOLDER]`.

Needs nothing but Python and CUDA's driver; with Warp and numpy in FOLDER (or installed) the geometry kernels are run,
too. Prints one JSON line per check and exits 1 where one fails.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tools")]

from workers.sandbox import (  # noqa: E402 - the root has to be known first
    Call,
    Gpu,
    GpuPool,
    GpuRules,
    NoGpu,
    Result,
    Sandbox,
    capabilities,
    visible_gpus,
)

GiB = 1024**3
FAILED: list[str] = []


def say(check: str, *, well: bool = True, **facts: Any) -> None:
    """One line; remembers what failed."""
    print(json.dumps({"check": check, "well": well, **facts}, default=str), flush=True)
    if not well:
        FAILED.append(check)


def run(sandbox: Sandbox, step: str, **changes: Any) -> Result:
    """One step of this file in the sandbox."""
    scratch = Path(tempfile.mkdtemp(prefix="gpu-check-"))
    (scratch / "in").mkdir()
    asked: dict[str, Any] = {
        "target": f"gpu_sandbox_steps:{step}", "step": step, "scratch": scratch, "inputs": {}, "file_name": "x",
        "kind": "x", "timeout": 120.0, "memory": 4 * GiB, "vram": GiB, "max_output": 1 << 20, "max_outputs": 1,
    }  # fmt: skip
    said: list[str] = []
    call = Call(**(asked | changes))
    result = sandbox.run(call, on_progress=lambda _share, word: said.append(word), stop=threading.Event())
    result.summary.setdefault("said", [word for word in said if word])
    return result


def told(result: Result) -> dict[str, Any]:
    """A result for people."""
    fault = result.fault and f"{result.fault.code}: {result.fault.message}"
    peak = result.usage.peak_memory >> 20
    warned = [warning.message for warning in result.warnings]
    return {
        "fault": fault,
        "seconds": round(result.usage.seconds, 3),
        "peak": peak,
        "warnings": warned,
        **result.summary,
    }


def check_limits() -> None:
    """What limits of address space and of private memory do to CUDA."""
    for name, which in (("RLIMIT_AS", resource.RLIMIT_AS), ("RLIMIT_DATA", resource.RLIMIT_DATA)):
        for size in (1, 2, 4, 8, 16, 64, 256) if name == "RLIMIT_AS" else (1 / 8, 1 / 4, 1 / 2, 1, 2):
            code = (
                f"import resource, json, gpu_sandbox_steps as c; resource.setrlimit({which}, (int({size} * 2**30),) * 2);"
                "print(json.dumps([c.use_driver(), c.sizes()]))"
            )
            env = os.environ | {"PYTHONPATH": os.pathsep.join((str(ROOT), str(ROOT / "tools")))}
            done = subprocess.run(
                [sys.executable, "-c", code], check=False, capture_output=True, text=True, env=env, timeout=60
            )
            said = done.stdout.strip() or done.stderr.strip()[-200:] or done.returncode
            say("limit", limit=name, gib=size, said=said)


def check_unseen() -> None:
    """What CUDA opens where it is told that there is no device, and where devices are shut."""
    code = (
        "import ctypes, os; from workers.sandbox.confine import shut_devices; {}"
        "c = ctypes.CDLL('libcuda.so.1'); print(c.cuInit(0),"
        " [os.readlink('/proc/self/fd/' + f) for f in os.listdir('/proc/self/fd') if f > '2' and os.path.exists('/proc/self/fd/' + f)])"
    )
    for visible in ("0", "-1"):
        for shut in ("", "shut_devices(); "):
            env = os.environ | {"PYTHONPATH": str(ROOT), "CUDA_VISIBLE_DEVICES": visible}
            command = [sys.executable, "-c", code.format(shut)]
            done = subprocess.run(command, check=False, capture_output=True, text=True, env=env, timeout=60)
            say("opens", visible=visible, shut=bool(shut), said=(done.stdout + done.stderr[-300:]).strip())


def check_sandbox(gpu: Gpu, folder: Path) -> None:
    """The confinement, layer by layer where the whole fails, and the memory promise."""
    pool = GpuPool([gpu], folder / "gpu", rules=GpuRules())
    for without in (
        [],
        ["landlock"],
        ["seccomp"],
        ["netns"],
        ["landlock", "seccomp"],
        ["landlock", "seccomp", "netns"],
    ):
        sandbox = Sandbox(name="check", preload=(), gpus=pool, extra_path=(ROOT / "tools",), without=without)
        try:
            result = run(sandbox, "driver")
            well = result.fault is None and result.summary["used"][:2] == ["done", 0]
            say("sandbox", well=well or bool(without), without=without, **told(result))
            if not without and well:
                say("forbidden", well="done" not in result.summary["tried"].values(), said=result.summary["tried"])
            if well and not without:
                result = run(sandbox, "bare", vram=0)
                say("without vram", well="opened" not in result.summary["opened"].values(), **told(result))
                for step in ("private", "shared"):
                    result = run(sandbox, step, memory=GiB)
                    say(step, well=result.fault is not None and result.fault.code == "step.memory", **told(result))
                return
        finally:
            sandbox.close()


def beside(code: str, *paths: Path, **settings: Any) -> subprocess.Popen[str]:
    """A process of its own that may use the GPU; prints to us."""
    env = os.environ | {"PYTHONPATH": os.pathsep.join(map(str, (ROOT, ROOT / "tools", *paths)))}
    return subprocess.Popen(
        [sys.executable, "-c", code, *map(str, settings.values())],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=env,
    )  # fmt: skip


MEASURE = """
import json, sys, threading, time
from pathlib import Path
import numpy as np
from models import devices
from models_parity import check_crossings, check_walls, torus, two
devices.start(Path(sys.argv[1]))
import warp as wp
device, gpu = devices.device(), wp.get_device("cuda:0")
base = gpu.total_memory - gpu.free_memory
for count in (100_000, 1_000_000, 4_000_000):
    for name, (points, faces) in (("welded", torus(count)), ("soup", torus(count))):
        if name == "soup":
            points, faces = points[faces].reshape(-1, 3), np.arange(3 * len(faces)).reshape(-1, 3)
        least, done = [gpu.free_memory], threading.Event()
        def watch():
            while not done.wait(0.0005):
                least[0] = min(least[0], gpu.free_memory)
        watcher = threading.Thread(target=watch)
        watcher.start()
        begin = time.perf_counter()
        check_crossings((points, faces), device)
        check_walls((points, faces), device)
        seconds = time.perf_counter() - begin
        done.set()
        watcher.join()
        high = wp.get_mempool_used_mem_high(gpu)
        used = gpu.total_memory - least[0] - base
        print(json.dumps([name, len(faces), base >> 20, used >> 20, high >> 20, round(used / len(faces)), round(seconds, 3)]), flush=True)
"""
HOG = """
import ctypes, sys
cuda = ctypes.CDLL("libcuda.so.1")
context, memory = ctypes.c_void_p(), ctypes.c_uint64()
assert cuda.cuInit(0) == 0 and cuda.cuDevicePrimaryCtxRetain(ctypes.byref(context), 0) == 0
assert cuda.cuCtxSetCurrent(context) == 0
taken = 0
for size in (1 << 30, 64 << 20, 2 << 20):
    while cuda.cuMemAlloc_v2(ctypes.byref(memory), ctypes.c_size_t(size)) == 0:
        taken += size
print(taken >> 20, flush=True)
sys.stdin.read()
"""


def check_kernels(gpu: Gpu, folder: Path, site: Path | None, without: list[str]) -> None:
    """The geometry kernels in the sandbox: alike, at several sizes, waiting for each other, and without room."""
    paths = [site] if site else []
    cache = folder / "kernels"
    code = "import sys; from pathlib import Path; from models.devices import prepare; print(prepare(Path(sys.argv[1])))"
    made, _ = beside(code, *paths, cache=cache).communicate(timeout=170)
    say("prepare", well="cuda:0" in made, said=made[-400:])
    pool = GpuPool([gpu], folder / "gpu", rules=GpuRules(budget=GiB + GiB // 2))
    sandbox = Sandbox(
        name="check", preload=(), gpus=pool, extra_path=(ROOT / "tools", *paths), read_only=(cache,), without=without
    )
    try:
        for triangles in (100_000, 1_000_000):
            options = {"cache": str(cache), "triangles": triangles, "compare": triangles < 200_000}
            result = run(sandbox, "kernels", options=options)
            well = result.fault is None and result.summary["device"].startswith("cuda")
            say("kernels", well=well and result.summary["same"] in {True, None}, triangles=triangles, **told(result))
        options = {"cache": str(cache), "triangles": 100_000, "quick": True}
        off = run(sandbox, "kernels", options=options, vram=0)
        say("kernels without vram", well=off.summary.get("device") == "cpu", **told(off))
        found: list[Result] = []
        both = [threading.Thread(target=lambda: found.append(run(sandbox, "kernels", options=options))) for _ in "ab"]
        for one in both:
            one.start()
        for one in both:
            one.join()
        waited = sum("waiting for memory on a GPU" in str(one.summary["said"]) for one in found)
        well = waited == 1 and all(one.summary.get("device", "").startswith("cuda") for one in found)
        say("two at once", well=well, runs=[told(one) for one in found])
        hog = beside(HOG)
        assert hog.stdout
        assert hog.stdin
        taken = hog.stdout.readline().strip()
        lost = run(sandbox, "kernels", options=options | {"triangles": 1_000_000})
        hog.stdin.close()
        hog.wait(30)
        say(
            "no room",
            well=lost.summary.get("device") == "cpu" and bool(lost.summary["reason"]),
            taken_mib=taken,
            **told(lost),
        )
    finally:
        sandbox.close()
    said, _ = beside(MEASURE, *paths, cache=cache).communicate(timeout=170)
    say("vram", said=said.splitlines())


def main() -> int:
    """All checks."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--warp", type=Path, default=None, help="a folder with Warp; else the one that is installed")
    parser.add_argument("--only", default="", help="driver, or kernels")
    parser.add_argument("--without", default="", help="layers of the sandbox to leave out for the kernels")
    args = parser.parse_args()
    say("host", **{name: getattr(capabilities(), name) for name in ("mode", "landlock", "seccomp", "netns")})
    try:
        gpus = visible_gpus()
    except NoGpu as none:
        say("gpus", well=False, reason=str(none))
        return 1
    say("gpus", found=[str(gpu) for gpu in gpus])
    folder = Path(tempfile.mkdtemp(prefix="gpu-check-"))
    if args.only != "kernels":
        check_unseen()
        check_limits()
        check_sandbox(gpus[0], folder)
    if args.only != "driver":
        check_kernels(gpus[0], folder, args.warp, args.without.split())
    say("all", well=not FAILED, failed=FAILED)
    return 1 if FAILED else 0


if __name__ == "__main__":
    sys.exit(main())
