"""Starting, stopping and dying: templates, supervisors, runs and what they leave behind, which is nothing."""

import json
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest
from support.sandbox_runs import STEPS, Bench, alive, descendants_of_session, printed_pids
from support.waiting import wait_until

from jobs.errors import Actor

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    found = Bench(tmp_path)
    found.sandbox.warm()
    yield found
    found.sandbox.close()


def _template(bench: Bench) -> int:
    pid = bench.sandbox.template_pid
    assert pid is not None
    return pid


@pytest.mark.parametrize("step", ["sleep", "hang_in_native", "spin", "fork_bomb"])
def test_stop__kills_at_once_whatever_the_step_is_in(bench: Bench, step: str) -> None:
    """After stop() the run returns well within half a second, with nothing of it alive."""
    stop, stopped_at = threading.Event(), []

    def set_it() -> None:
        stopped_at.append(time.monotonic())
        stop.set()

    timer = threading.Timer(0.6, set_it)
    timer.start()
    result = bench.run(step, stop=stop)
    took = time.monotonic() - stopped_at[0]
    timer.join()

    assert result.cancelled
    assert result.fault is not None
    assert result.fault.code == "step.cancelled"
    assert took < 0.5
    assert descendants_of_session(_template(bench)) == [_template(bench)]
    assert bench.run("good").fault is None


def test_stop_before_start__runs_nothing(bench: Bench) -> None:
    """A run that is stopped before it began never starts its step."""
    stop = threading.Event()
    stop.set()

    result = bench.run("good", stop=stop)

    assert result.cancelled
    assert result.outputs == ()


@pytest.mark.parametrize("without", [(), ("seccomp",), ("landlock", "seccomp", "netns")])
@pytest.mark.parametrize("then", ["return", "crash", "sleep"])
def test_grandchildren__die_with_the_run(tmp_path: Path, then: str, without: tuple[str, ...]) -> None:
    """Processes that a step leaves behind, in sessions of their own where the kernel lets them, are gone at its end."""
    bench = Bench(tmp_path, without=without)
    try:
        heard: list[str] = []
        result = bench.run(
            "leave_grandchildren",
            options={"then": then},
            timeout=1.0 if then == "sleep" else 30.0,
            on_progress=lambda _, message: heard.append(message),
        )
        pids = printed_pids(heard[0])

        assert len(pids) == 4
        assert not [pid for pid in pids if alive(pid)]
        assert not _processes_of(tmp_path)
        assert {None: "return", "step.crashed": "crash", "step.timeout": "sleep"}[
            result.fault and result.fault.code
        ] == then
    finally:
        bench.sandbox.close()


def _processes_of(folder: Path) -> list[int]:
    """Processes that work below a folder, wherever they may have gone in the tree of processes."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                if (entry / "cwd").readlink().is_relative_to(folder) and alive(int(entry.name)):
                    found.append(int(entry.name))
            except OSError:
                continue
    return found


def test_template_killed__runs_under_way_are_lost_and_the_next_one_works(bench: Bench, tmp_path: Path) -> None:
    """Kill -9 of the template ends its runs as nobody's fault, leaves no process, and is made good by the next run."""
    template = _template(bench)
    begun = threading.Barrier(3)

    def begin(share: float, _message: str) -> None:
        if share == 0.5:
            begun.wait(20)

    with ThreadPoolExecutor() as pool:
        sleeping = pool.submit(bench.run, "sleep", on_progress=begin)
        leaving = pool.submit(bench.run, "leave_grandchildren", options={"then": "sleep"}, on_progress=begin)
        begun.wait(20)
        os.kill(template, signal.SIGKILL)
        results = [sleeping.result(20), leaving.result(20)]

    for result in results:
        assert result.fault is not None
        assert (result.fault.code, result.fault.actor) == ("step.lost", Actor.NOBODY)
    assert not descendants_of_session(template)
    assert not _processes_of(tmp_path)
    assert bench.run("good").fault is None
    assert _template(bench) != template


def test_template_killed_while_idle__nobody_notices(bench: Bench) -> None:
    """A template that dies between runs costs the next run nothing but the warm-up."""
    template = _template(bench)
    os.kill(template, signal.SIGKILL)

    assert bench.run("good").fault is None
    assert _template(bench) != template


def test_template_stopped__is_killed_when_it_does_not_answer(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """A template that hangs cannot hold a cancelled run for ever."""
    monkeypatch.setattr("workers.sandbox.attempt._PATIENCE", 0.5)
    stop, template = threading.Event(), _template(bench)

    def hang(_share: float, _message: str) -> None:
        os.kill(template, signal.SIGSTOP)
        stop.set()

    result = bench.run("sleep", on_progress=hang, stop=stop)

    assert result.cancelled
    assert not descendants_of_session(template)
    assert bench.run("good").fault is None


SUPERVISOR = """
import json, sys, threading
from pathlib import Path
sys.path[:0] = [{root!r}, {tests!r}]
from support.sandbox_runs import Bench
bench = Bench(Path(sys.argv[1]))
bench.sandbox.warm()
lock = threading.Lock()
def say(share, message):
    with lock:
        print(json.dumps([bench.sandbox.template_pid, message]), flush=True)
options = {{"then": "sleep"}}
for step in ("sleep", "leave_grandchildren"):
    threading.Thread(target=bench.run, args=(step,), kwargs={{"on_progress": say, "options": options}}).start()
"""


def test_supervisor_killed__nothing_survives(tmp_path: Path) -> None:
    """Kill -9 of the supervisor takes template, children and grandchildren along."""
    script = SUPERVISOR.format(root=str(ROOT), tests=str(ROOT / "tests"))
    with subprocess.Popen([sys.executable, "-c", script, str(tmp_path)], stdout=subprocess.PIPE) as supervisor:
        assert supervisor.stdout is not None
        said = [json.loads(supervisor.stdout.readline()) for _ in range(2)]
        template = said[0][0]
        pids = [pid for _, message in said for pid in printed_pids(message)]
        assert len(pids) == 5
        assert all(alive(pid) for pid in [template, pids[0]])
        supervisor.kill()

    wait_until(lambda: not alive(template), within=5, what="the template to end")
    wait_until(lambda: not [pid for pid in pids if alive(pid)], within=5, what="the children to end")
    wait_until(lambda: not _processes_of(tmp_path), within=5, what="everything to end")


def test_idle_template__ends_and_is_started_again(tmp_path: Path) -> None:
    """After a while without work the template gives its memory back; the next run starts another."""
    bench = Bench(tmp_path, idle_exit=0.3)
    try:
        bench.sandbox.warm()
        first = _template(bench)
        wait_until(lambda: not alive(first), within=5, what="the idle template to end")
        for _ in range(3):
            assert bench.run("good").fault is None
        assert _template(bench) != first
    finally:
        bench.sandbox.close()


def test_idle_exit__never_races_with_a_run(tmp_path: Path) -> None:
    """A run that comes just as the template retires is run on another one, not lost."""
    bench = Bench(tmp_path, idle_exit=0.02)
    try:
        for n in range(12):
            time.sleep(0.016 + 0.001 * n)
            result = bench.run("nothing")
            assert result.fault is None, result.fault
    finally:
        bench.sandbox.close()


def test_close__kills_everything(bench: Bench, tmp_path: Path) -> None:
    """close() ends template and runs; what comes later is refused with a reason."""
    template, begun = _template(bench), threading.Event()
    with ThreadPoolExecutor() as pool:
        running = pool.submit(bench.run, "sleep", on_progress=lambda *_: begun.set())
        assert begun.wait(20)
        bench.sandbox.close()
        result = running.result(10)

    assert result.fault is not None
    assert result.fault.code == "step.lost"
    assert not descendants_of_session(template)
    refused = bench.run("good")
    assert refused.fault is not None
    assert refused.fault.code == "sandbox.unavailable"


def test_missing_preload__is_logged_and_harmless(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """An optional library that is not installed does not break the pool."""
    caplog.set_level(logging.WARNING)
    bench = Bench(tmp_path, preload=["a_library_that_nobody_has", "sandbox_steps"])
    try:
        assert bench.run("good").fault is None
        assert "a_library_that_nobody_has was not preloaded" in caplog.text
    finally:
        bench.sandbox.close()


@contextmanager
def _preloaded(folder: Path, code: str, *preload: str) -> Iterator[Bench]:
    """A bench whose pool may preload a module `odd` of this code."""
    (folder / "code").mkdir()
    (folder / "code" / "odd.py").write_text(code)
    bench = Bench(folder / "scratch", preload=preload, extra_path=[STEPS, folder / "code"])
    try:
        yield bench
    finally:
        bench.sandbox.close()


def test_preload_with_threads__is_left_out(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A library that starts threads when imported is not preloaded, since forking after it would not be safe."""
    code = "import threading, time\nthreading.Thread(target=time.sleep, args=(60,), daemon=True).start()\n"
    with _preloaded(tmp_path, code, "odd", "sandbox_steps") as bench:
        assert bench.run("good").fault is None
        assert "odd starts a thread when imported" in caplog.text


def test_preload_with_a_function__runs_it_once_before_any_child(tmp_path: Path) -> None:
    """What a rehearsal leaves in memory every child finds; it ran in the template, not in the children."""
    code = (
        "import os\nRAN = []\ndef rehearse():\n    RAN.append(os.getpid())\n"
        "def told(ctx):\n    ctx.summary(ran=RAN, me=os.getpid(), above=os.getppid())\n"
    )
    with _preloaded(tmp_path, code, "odd:rehearse", "sandbox_steps") as bench:
        first, second = (bench.run("told", target="odd:told").summary for _ in range(2))
        assert first["me"] != second["me"]
        assert first["ran"] == second["ran"] == [first["above"]] == [second["above"]]


def test_preload_with_a_function_that_fails__is_logged_and_harmless(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A rehearsal on a full disk, say, costs the pool its warmth and nothing else."""
    caplog.set_level(logging.WARNING)
    code = "def rehearse():\n    raise OSError(28, 'No space left on device')\n"
    with _preloaded(tmp_path, code, "odd:rehearse", "sandbox_steps") as bench:
        assert bench.run("good").fault is None
        assert "odd:rehearse was not preloaded (OSError: [Errno 28] No space left on device)" in caplog.text


def test_preload_that_crashes__is_reported(tmp_path: Path) -> None:
    """A library that takes the interpreter along when imported makes runs fail with a reason, not hang."""
    with _preloaded(tmp_path, "import os\nos.abort()\n", "odd") as bench:
        result = bench.run("good")
        assert result.fault is not None
        assert result.fault.code == "sandbox.unavailable"


def test_many_at_once__none_disturbs_another(bench: Bench) -> None:
    """Eight supervising threads share one template; good runs end well and bad ones badly."""
    steps = ["good", "segfault", "exit_3", "good", "unexpected", "good", "save_fifo", "good"] * 6
    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(bench.run, steps))

    ends = {"good": None, "segfault": "step.crashed", "exit_3": "step.exited", "unexpected": "step.error"}
    ends["save_fifo"] = "step.output_invalid"
    assert [result.fault and result.fault.code for result in results] == [ends[step] for step in steps]


def test_descriptors_of_the_supervisor__do_not_leak(bench: Bench) -> None:
    """A thousand runs leave the supervisor with as many open files as one."""
    bench.run("nothing")
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(50):
        bench.run("nothing")

    assert len(list(Path("/proc/self/fd").iterdir())) <= before + 1
    assert len(list(Path(f"/proc/{_template(bench)}/fd").iterdir())) < 64


def test_failing_progress_callback__ends_the_run(bench: Bench) -> None:
    """When the supervisor's own code fails, the child does not go on unseen."""
    pids: list[int] = []

    def fail(_share: float, message: str) -> None:
        pids.extend(printed_pids(message))
        raise LookupError("ours")

    with pytest.raises(LookupError, match="ours"):
        bench.run("sleep", on_progress=fail)
    wait_until(lambda: not alive(pids[0]), within=5, what="the child to end")


def test_nice__a_step_that_others_come_before_steps_back(bench: Bench) -> None:
    """A run is as nice as its call says, and leaves those after it as they were."""
    mine = os.nice(0)
    told = [bench.run("told_nice", nice=nice).summary["nice"] for nice in (7, 0)]
    assert told == [min(mine + 7, 19), mine]
