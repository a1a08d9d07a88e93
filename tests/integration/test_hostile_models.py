"""Hostile 3D models through the real sandbox: each is refused by name, nothing outside is opened, and the pool goes on."""

import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from support import hostile_models, model_files
from support.broken_models import BROKEN
from support.sandbox_runs import Bench, MiB, nothing_said
from support.waiting import wait_until

from workers.sandbox import Result

ROOT = Path(__file__).parents[2]
REFUSED = {**BROKEN, **hostile_models.CASES}
_OPENED = re.compile(r'\bopen(?:at2?)?\((?:[^",\n]*, )?"([^"\n]*)"')
# Where code, libraries and what they look up of the machine lie.
_CODE = (str(ROOT), sys.prefix, sys.base_prefix, "/usr/lib", "/usr/local/lib", "/lib", "/usr/share/zoneinfo")
_MACHINE = re.compile(
    r"/proc/(self|\d+)/.*|/proc/(cpuinfo|meminfo|stat|sys/.*)|/sys/(devices|fs/cgroup|kernel)/.*|/etc/ld\.so\.cache|/etc/localtime|/dev/(null|urandom|random)"
)


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    found = Bench(tmp_path_factory.mktemp("hostile"), preload=["model_steps", "trimesh"])
    found.sandbox.warm()
    yield found
    found.sandbox.close()


def read(bench: Bench, kind: str, content: bytes) -> Result:
    call = bench.call("read", target="model_steps:read", kind=kind, memory=512 * MiB)
    call.inputs["upload"].write_bytes(content)
    return bench.sandbox.run(call, on_progress=nothing_said, stop=threading.Event())


@pytest.mark.parametrize("case", REFUSED)
def test_step__refuses_by_name_and_the_pool_goes_on(bench: Bench, case: str) -> None:
    """Whatever the file is, its sender is told by our code, in our words; the warm template outlives it."""
    kind, content, code = REFUSED[case]
    before = bench.sandbox.template_pid
    result = read(bench, kind, content)
    assert result.fault is not None
    assert (result.fault.code, result.fault.actor) == (code, "submitter")
    assert "passwd" not in result.fault.message
    assert before is not None
    assert bench.sandbox.template_pid == before
    assert psutil.pid_exists(before)


@pytest.mark.skipif(
    shutil.which("strace") is None, reason="What native code opens is told by strace, which is not here."
)
def test_step__opens_nothing_outside(bench: Bench, tmp_path: Path) -> None:
    """Of all that the hostile set makes readers open, native ones included, there is code, and the files of its own run."""
    log = tmp_path / "opened"
    template = bench.sandbox.template_pid
    tracing = [
        "strace",
        "-f",
        "-qq",
        "-s",
        "500",
        "-e",
        "trace=open,openat,openat2",
        "-o",
        str(log),
        "-p",
        str(template),
    ]
    tracer = subprocess.Popen(tracing, stderr=subprocess.DEVNULL)
    try:
        wait_until(lambda: _is_traced(template) or tracer.poll() is not None, within=20, what="strace")
        if tracer.poll() is not None:
            pytest.skip("This machine lets nobody trace.")
        for kind, content in [*((one[0], one[1]) for one in REFUSED.values()), *hostile_models.ESCAPES.values()]:
            read(bench, kind, content)
        for kind, write in model_files.EVERY.values():
            assert read(bench, kind, write()).fault is None
    finally:
        tracer.terminate()
        tracer.wait(20)
    opened = _OPENED.findall(log.read_text())
    assert len(opened) > len(REFUSED)
    assert [path for path in opened if not _may_be_opened(path, own=str(bench.folder))] == []


def _is_traced(pid: int) -> bool:
    return re.search(r"TracerPid:\s+[1-9]", Path(f"/proc/{pid}/status").read_text()) is not None


def _may_be_opened(path: str, *, own: str) -> bool:
    """Code, what a process asks of the machine it runs on, or files of the run's own folder, which it works in."""
    if not path.startswith("/"):
        return ".." not in Path(path).parts
    return path.startswith((own, *_CODE)) or _MACHINE.fullmatch(path) is not None
