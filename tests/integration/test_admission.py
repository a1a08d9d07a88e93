"""Admission: processes share one budget, waiting costs no turn, and dead holders hold nothing."""

import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from support.sandbox_runs import Bench
from support.waiting import holds_for, wait_until

from jobs.waiting import WAITS_FOR_MEMORY
from workers.sandbox import Admission
from workers.sandbox.admission import default_budget

ROOT = Path(__file__).resolve().parents[2]
HOLDER = """
import sys, threading
from pathlib import Path
sys.path.insert(0, {root!r})
from workers.sandbox import Admission
with Admission(Path(sys.argv[1]), budget=100).claim(int(sys.argv[2]), threading.Event()) as granted:
    print(granted, flush=True)
    sys.stdin.read()
"""


@contextmanager
def _holder(folder: Path, size: int) -> Iterator[subprocess.Popen[bytes]]:
    """Another process that asks for `size` bytes of a budget of 100 and prints `True` once it has them."""
    argv = [sys.executable, "-c", HOLDER.format(root=str(ROOT)), str(folder), str(size)]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        try:
            yield process
        finally:
            process.kill()


def _granted(process: subprocess.Popen[bytes]) -> None:
    assert process.stdout is not None
    assert process.stdout.readline() == b"True\n"


class Waiter(threading.Thread):
    """Claims in a thread, holds until it is told to let go."""

    def __init__(self, admission: Admission, size: int) -> None:
        super().__init__(daemon=True)
        self._admission, self._size = admission, size
        self.stop, self.let_go, self.answer = threading.Event(), threading.Event(), threading.Event()
        self.granted = False
        self.start()

    def run(self) -> None:
        with self._admission.claim(self._size, self.stop) as granted:
            self.granted = granted
            self.answer.set()
            self.let_go.wait(20)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "admission"


def test_budget__is_shared_by_processes(folder: Path) -> None:
    """What another process holds is not there for us until it lets go."""
    admission = Admission(folder, budget=100)
    with _holder(folder, 70) as other:
        _granted(other)
        assert admission.claimed() == 70
        with admission.claim(30, threading.Event()) as granted:
            assert granted
        waiter = Waiter(admission, 31)
        assert holds_for(lambda: not waiter.answer.is_set(), seconds=0.3)
        assert other.stdin is not None
        other.stdin.close()
        assert waiter.answer.wait(5)
        assert waiter.granted
    waiter.let_go.set()
    waiter.join(5)
    assert admission.claimed() == 0


def test_dead_holder__frees_its_claim(folder: Path) -> None:
    """Kill -9 of a process frees what it held, without anybody's doing."""
    admission = Admission(folder, budget=100)
    with _holder(folder, 100) as other:
        _granted(other)
        waiter = Waiter(admission, 50)
        assert holds_for(lambda: not waiter.answer.is_set(), seconds=0.2)
        other.kill()
        assert waiter.answer.wait(5)
    assert waiter.granted
    waiter.let_go.set()


def test_dead_waiter__does_not_block_the_line(folder: Path) -> None:
    """A process that dies while it waits loses its place."""
    admission = Admission(folder, budget=100)
    with ExitStack() as stack:
        stack.enter_context(admission.claim(60, threading.Event()))
        other = stack.enter_context(_holder(folder, 90))
        wait_until(lambda: len(list(folder.glob("*-asked"))) == 1, within=10, what="the other to ask")
        other.kill()
        assert stack.enter_context(admission.claim(40, threading.Event()))
    wait_until(lambda: admission.claimed() == 0, within=5, what="everything to be free")


def test_larger_than_the_budget__runs_alone(folder: Path) -> None:
    """A claim beyond the whole budget waits until nothing else is held, and then nothing else is granted."""
    admission = Admission(folder, budget=100)
    small = Waiter(admission, 10)
    assert small.answer.wait(5)
    large = Waiter(admission, 1000)
    assert holds_for(lambda: not large.answer.is_set(), seconds=0.2)
    small.let_go.set()
    assert large.answer.wait(5)
    assert large.granted
    late = Waiter(admission, 1)
    assert holds_for(lambda: not late.answer.is_set(), seconds=0.2)
    large.let_go.set()
    assert late.answer.wait(5)
    late.let_go.set()


def test_large_claim__is_not_starved(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Small claims may overtake a large one for a while only."""
    monkeypatch.setattr("workers.sandbox.admission._OVERTAKEN", 0.4)
    admission = Admission(folder, budget=100)
    first = Waiter(admission, 60)
    assert first.answer.wait(5)
    large = Waiter(admission, 90)
    wait_until(lambda: list(folder.glob("*-90-asked")), within=5, what="the large one to ask")
    overtaking = Waiter(admission, 20)
    assert overtaking.answer.wait(5)
    overtaking.let_go.set()
    assert holds_for(lambda: not large.answer.is_set(), seconds=0.6)
    late = Waiter(admission, 20)
    assert holds_for(lambda: not late.answer.is_set(), seconds=0.3)
    first.let_go.set()
    assert large.answer.wait(5)
    large.let_go.set()
    assert late.answer.wait(5)
    late.let_go.set()


def test_stop__ends_the_waiting(folder: Path) -> None:
    """Who is stopped while waiting gets nothing and leaves no trace."""
    admission = Admission(folder, budget=100)
    with admission.claim(100, threading.Event()):
        waiter = Waiter(admission, 1)
        assert holds_for(lambda: not waiter.answer.is_set(), seconds=0.1)
        waiter.stop.set()
        assert waiter.answer.wait(2)
        assert not waiter.granted
        waiter.let_go.set()
        waiter.join(5)
        assert len(list(folder.glob("*-*-*"))) == 1
    assert list(folder.glob("*-*-*")) == []


def test_default_budget__is_most_of_the_machine() -> None:
    """Without a setting three quarters of the machine are given away."""
    lines = Path("/proc/meminfo").read_text().splitlines()
    total = next(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemTotal"))
    assert 0 < default_budget() <= total * 3 // 4 + 4096


def test_waiting__does_not_count_against_the_step(folder: Path, tmp_path: Path) -> None:
    """A step that waited longer for memory than it may run still has all its time."""
    admission = Admission(folder, budget=300 << 20)
    bench = Bench(tmp_path, admission=admission)
    bench.sandbox.warm()
    holder = Waiter(admission, 200 << 20)
    assert holder.answer.wait(5)
    timer = threading.Timer(1.2, holder.let_go.set)
    timer.start()
    try:
        result = bench.run("good", timeout=1.0)
        assert result.fault is None
        assert result.usage.seconds < 1.0
        assert admission.claimed() == 0
    finally:
        timer.join()
        bench.sandbox.close()


def test_stop__while_waiting_for_memory_cancels_the_run(folder: Path, tmp_path: Path) -> None:
    """A cancel reaches a run that has not been admitted yet."""
    admission = Admission(folder, budget=100 << 20)
    bench = Bench(tmp_path, admission=admission)
    stop = threading.Event()
    with admission.claim(100 << 20, threading.Event()):
        timer = threading.Timer(0.3, stop.set)
        timer.start()
        result = bench.run("good", stop=stop)
        timer.join()
    assert result.cancelled
    assert bench.sandbox.template_pid is None


def test_alone__waits_for_others_and_keeps_them_off(folder: Path, tmp_path: Path) -> None:
    """A run that must be alone begins once nobody else runs on the host, says that it waits, and lets nobody beside it."""
    admission = Admission(folder, budget=2 << 30)
    bench = Bench(tmp_path, admission=admission)
    bench.sandbox.warm()
    holder = Waiter(admission, 1)
    assert holder.answer.wait(5)
    said: list[str] = []
    running = threading.Event()

    def listen(_share: float, message: str) -> None:
        said.append(message)
        if message != WAITS_FOR_MEMORY:
            running.set()

    with ThreadPoolExecutor() as pool:
        alone = pool.submit(bench.run, "work_until_told", alone=True, options={"seconds": 1.0}, on_progress=listen)
        wait_until(lambda: said == [WAITS_FOR_MEMORY], within=10, what="it to wait")
        assert holds_for(lambda: not running.is_set(), seconds=0.3)
        holder.let_go.set()
        assert running.wait(10)
        assert admission.claimed() == 2 << 30
        assert alone.result(60).fault is None
    assert said[1] == ""  # it waits no more
    bench.sandbox.close()


STOPPED = """
import fcntl, os, signal, sys
with open(sys.argv[1], "a") as lock:
    fcntl.flock(lock, fcntl.LOCK_EX)
    print("locked", flush=True)
    os.kill(os.getpid(), signal.SIGSTOP)
print("went on", flush=True)
"""


def test_lock__of_a_process_that_was_stopped_stops_nobody_else(folder: Path) -> None:
    """A worker that is frozen just while it looks at the folder does not keep its host's other steps from starting."""
    admission = Admission(folder, budget=100)
    argv = [sys.executable, "-c", STOPPED, str(folder / "lock")]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as frozen:
        assert frozen.stdout is not None
        assert frozen.stdout.readline() == "locked\n"
        waiters = [Waiter(admission, 60), Waiter(admission, 60)]
        wait_until(lambda: any(one.granted for one in waiters), within=20, what="one of two to be granted")
        assert sum(one.granted for one in waiters) == 1
        frozen.send_signal(signal.SIGCONT)
        assert frozen.stdout.readline() == "went on\n"
    assert holds_for(lambda: sum(one.granted for one in waiters) == 1, seconds=0.2)
    next(one for one in waiters if one.granted).let_go.set()
    for one in waiters:
        assert one.answer.wait(10)
        one.let_go.set()
        one.join(10)
    with admission.claim(100, threading.Event()) as granted:
        assert granted
