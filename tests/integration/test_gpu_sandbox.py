"""Steps on a GPU in real sandboxes: they wait for VRAM, are confined, keep to their memory, and survive a lost GPU.

The GPU is said to be there, and is not: so what is tested is all but the driver. `test_gpu__computes` needs one.
"""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from support import gpu_steps, model_files
from support.sandbox_runs import Bench, MiB
from support.stand import standing
from support.waiting import wait_until

from jobs.model import UPLOAD, Memory, Status, StepKey
from jobs.pipeline import Options, Pipeline, Step
from jobs.queues import VALIDATION
from jobs.vram import Vram
from jobs.waiting import WAITS_FOR_GPU, WaitsFor
from models import devices
from workers.kernels import KernelKeeper
from workers.sandbox import Gpu, GpuPool, GpuRules, NoGpu, Sandbox, states, visible_gpus

GiB = 1024**3
PRETENDED = Gpu(uuid="GPU-00000000-0000-0000-0000-000000000000", name="Pretended", memory=8 * GiB)
RULES = GpuRules(reserve=0, losses=2)
SUPPORT = Path(gpu_steps.__file__).parent


class Seconds(Options):
    """How long a step works."""

    seconds: float = 0.0


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path, preload=["gpu_steps"], gpus=GpuPool([PRETENDED], tmp_path / "gpu", rules=RULES))
    yield made
    made.sandbox.close()


def run(bench: Bench, step: str, **changes):
    """A step of gpu_steps that claims a gibibyte."""
    return bench.run(step, **({"target": f"gpu_steps:{step}", "vram": GiB} | changes))


def test_step__knows_its_gpu_and_can_open_what_the_driver_needs(bench):
    """A step that claims VRAM is told its GPU, sees that one only, and still reads no file of the host's."""
    result = run(bench, "tell")
    assert result.summary["gpu"] == ["Pretended", GiB]
    assert result.summary["visible"] == PRETENDED.uuid
    assert result.summary["opened"] == {"/proc/devices": True, "/proc/self/maps": True, "/etc/passwd": False}


def test_step__lets_the_driver_start_and_no_more(bench):
    """With a GPU a step names its threads and offers a socket, as the driver must; it reaches nobody. Without, neither."""
    needed = {"name a thread", "offer"}
    tried = run(bench, "start_as_cuda_does").summary["tried"]
    assert {name for name, how in tried.items() if how == "done"} == needed
    assert {how for name, how in tried.items() if name not in needed} == {"PermissionError"}
    assert set(run(bench, "start_as_cuda_does", vram=0).summary["tried"].values()) == {"PermissionError"}


@pytest.mark.parametrize("why", [{"vram": 0}, {"alone": True}], ids=["claims none", "died before"])
def test_step__without_a_gpu(bench, why):
    """A step that claims nothing, or died before and runs alone now, is shown no GPU and opens nothing of its driver's."""
    result = run(bench, "tell", **why)
    assert (result.summary["gpu"], result.summary["visible"]) == (None, "-1")
    assert not any(result.summary["opened"].values())


def test_step__address_space_is_not_memory(bench):
    """What CUDA reserves and never touches does not count on a GPU; off it the old limit holds."""
    assert run(bench, "reserve").summary == {"reserved": 64 << 30}
    refused = run(bench, "reserve", vram=0)
    assert refused.fault is not None
    assert refused.fault.code == "step.memory"


@pytest.mark.parametrize("step", ["take_private", "take_shared", "take_beside"])
def test_step__keeps_to_its_memory(bench, step):
    """Whatever kind of memory a step on a GPU takes too much of, it ends as `step.memory`, soon, and alone."""
    result = run(bench, step, memory=256 * MiB)
    assert result.fault is not None
    assert result.fault.code == "step.memory"
    assert result.usage.peak_memory < 800 * MiB
    assert run(bench, "tell").fault is None


def test_claim__too_large_runs_on_the_cpu_with_a_warning(bench):
    """A step that no GPU of the host could hold runs all the same."""
    result = run(bench, "tell", vram=9 * GiB)
    assert result.summary["gpu"] is None
    assert [warning.code for warning in result.warnings] == ["gpu.too_small"]


@pytest.mark.parametrize("step", ["lose", "crash", "give_up"])
def test_losses__the_gpu_rests(bench, tmp_path, step):
    """A GPU that is lost twice in a row, however that shows, is not offered any more; one loss is forgiven by a success."""
    for which in (step, "tell", step, step):
        assert run(bench, which).usage.seconds > 0
    assert [state.losses for state in states(tmp_path / "gpu")] == [2]
    assert run(bench, "tell").summary["gpu"] is None


@pytest.mark.parametrize(
    ("vram", "code", "says"),
    [(GiB, "gpu.lost", "Warp finds no CUDA device here."), (MiB, "gpu.too_small", "larger than what was claimed")],
)
def test_examination__falls_back_to_the_cpu(tmp_path, vram, code, says):
    """On a GPU that CUDA does not find, or that was claimed too little of, the report is the CPU's, with a warning."""
    kernels = KernelKeeper(tmp_path / "kernels")(None, tmp_path)
    pool = GpuPool([PRETENDED], tmp_path / "gpu", rules=RULES)
    bench = Bench(tmp_path, preload=["gpu_steps", "numpy"], gpus=pool, read_only=(kernels,))
    kind, write = model_files.EVERY["stl"]
    given = {"kind": kind, "memory": 4 * GiB, "vram": vram, "resources": {"kernels": kernels}}
    call = bench.call("examine", target="gpu_steps:examine", **given)
    call.inputs[UPLOAD].write_bytes(write())
    try:
        result = bench.sandbox.run(call, on_progress=lambda *_: None, stop=threading.Event())
    finally:
        bench.sandbox.close()
    assert result.fault is None
    assert result.summary == {"kernels": "cpu", "triangles": 8}
    (warning,) = result.warnings
    assert (warning.code, says in warning.message) == (code, True)
    assert [state.losses for state in states(tmp_path / "gpu")] == [int(code == "gpu.lost")]


def test_jobs__wait_for_the_gpu_and_say_so(tmp_path):
    """Of two jobs whose steps together claim more than there is, the second waits, says for what, and then runs."""
    step = Step(run=gpu_steps.hold, queue=VALIDATION, memory=Memory.SMALL, vram=Vram(fixed=5 * GiB, most=5 * GiB))
    pipelines = {"hold": Pipeline(name="hold", version=1, title="t", accepts=(), options=Seconds, steps=(step,))}
    pool = GpuPool([PRETENDED], tmp_path / "gpu", rules=RULES)
    sandbox = Sandbox(name="gpu-test", preload=(), extra_path=(SUPPORT.parent,), gpus=pool)
    with standing(tmp_path, pipelines, sandbox=sandbox) as stand, ThreadPoolExecutor() as threads:
        first, second = (stand.submit("hold", options={"seconds": seconds}) for seconds in (4.0, 0.0))
        runs = [threads.submit(stand.execute, first[1])]
        wait_until(lambda: states(tmp_path / "gpu")[0].claimed > 0, within=30, what="the first to be let on")
        runs.append(threads.submit(stand.execute, second[1]))
        key = StepKey("hold")
        wait_until(lambda: stand.job(second[0]).step(key).message == WAITS_FOR_GPU, within=20, what="it to wait")
        assert stand.ledger.waiting(stand.job(second[0]))[key].reason is WaitsFor.GPU
        assert stand.job(first[0]).step(key).status is Status.RUNNING
        for one in runs:
            one.result(60)
        assert [stand.job(job).summary["gpu"] for job, _ in (first, second)] == ["Pretended", "Pretended"]
        assert stand.job(second[0]).step(key).message != WAITS_FOR_GPU
    sandbox.close()


def test_gpu__computes(tmp_path):
    """The kernels run on a real GPU in the sandbox, and find there what they find on the CPU."""
    try:
        gpus = visible_gpus()
    except NoGpu as none:
        print(f"not run: {none}")
        pytest.skip(f"there is no GPU here: {none}")
    kernels = KernelKeeper(tmp_path / "kernels", gpu=True)(None, tmp_path)
    bench = Bench(tmp_path, preload=["numpy"], gpus=GpuPool(gpus, tmp_path / "gpu"), read_only=(kernels,))
    options = {"cache": str(kernels), "prefer": "auto"}
    try:
        result = bench.run("cross", target="kernel_steps:cross", memory=4 * GiB, vram=GiB, options=options)
    finally:
        bench.sandbox.close()
    assert result.fault is None
    assert (result.summary["device"], result.summary["pairs"]) == (devices.CUDA, 1)
