"""Kernels are compiled once per host, by a process of their own; where that fails, steps go on without."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from support.renderer import needs_renderer
from support.waiting import wait_until

from models import shaders
from workers.kernels import KernelKeeper, ShaderKeeper
from workers.sandbox import capabilities

ROOT = Path(__file__).resolve().parents[2]


def compiled(folder: Path) -> dict[str, int]:
    """The compiled files below, with the time of their last change."""
    return {str(path.relative_to(folder)): path.stat().st_mtime_ns for path in folder.rglob("*.o")}


def test_keeper__compiles_once_for_all_workers(tmp_path):
    """The first step's worker compiles; another worker of the host, and an upgrade that changes nothing, find it done."""
    folder = tmp_path / "kernels"
    assert KernelKeeper(folder)(None, tmp_path) == folder
    first = compiled(folder)
    assert first
    keeper = KernelKeeper(folder)
    assert keeper(None, tmp_path) == keeper(None, tmp_path) == folder
    assert compiled(folder) == first


@pytest.mark.parametrize("program", ["/bin/false", "/nothing/such"])
def test_keeper__a_compiler_that_fails_is_no_fault_of_a_step(tmp_path, monkeypatch, program):
    """The folder is there, without kernels: a step compiles for itself then. It is not tried again with every step."""
    monkeypatch.setattr(sys, "executable", program)
    keeper = KernelKeeper(tmp_path / "kernels")
    assert keeper(None, tmp_path).is_dir()
    monkeypatch.setattr("subprocess.run", None)  # a second try would fail on it
    assert compiled(keeper(None, tmp_path)) == {}


def test_keeper__hands_no_secret_to_the_compiler(tmp_path, monkeypatch):
    """The process that compiles gets no variable but those that a compiler needs."""
    told = tmp_path / "environment"
    program = tmp_path / "python"
    program.write_text(f"#!/bin/sh\nenv > {told}\n")
    program.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(program))
    monkeypatch.setenv("HEAVYLIFT_DATABASE_URL", "postgresql://user:swordfish@db/heavylift")
    KernelKeeper(tmp_path / "kernels")(None, tmp_path)
    assert "PYTHONPATH" in told.read_text()
    assert "swordfish" not in told.read_text()


@needs_renderer
def test_shaders__are_made_in_the_background_once(tmp_path, monkeypatch):
    """The first step waits for nothing; later ones find what was made, and another worker of the host makes it no more."""
    folder = tmp_path / "shaders"
    assert ShaderKeeper(folder)(None, tmp_path) == folder
    wait_until(lambda: list(folder.glob(".made-*")), within=120, what="the shaders")
    made = [path for path in folder.rglob("*") if path.is_file()]
    assert len(made) > 1
    monkeypatch.setattr("workers.kernels.run_apart", None)  # a second try would fail on it
    ShaderKeeper(folder)._compile()
    monkeypatch.setenv(shaders.VARIABLE, "nowhere")
    shaders.use(folder)
    mine = Path(os.environ[shaders.VARIABLE])
    assert mine != folder
    assert {path.relative_to(mine) for path in mine.rglob("*")} == {
        path.relative_to(folder) for path in folder.rglob("*")
    }


def test_shaders__that_can_not_be_made_are_done_without(tmp_path, monkeypatch):
    """Where the renderer can't run apart, the folder stays empty, a step uses none, and a later worker tries again."""
    monkeypatch.setattr(sys, "executable", "/bin/false")
    keeper = ShaderKeeper(tmp_path / "shaders")
    folder = keeper(None, tmp_path)
    keeper._compile()
    assert list(folder.iterdir()) == []
    monkeypatch.delenv(shaders.VARIABLE, raising=False)
    shaders.use(folder)
    assert shaders.VARIABLE not in os.environ


SHUT = """
import os
from workers.sandbox.confine import shut_devices
assert shut_devices()
for path in ("/dev/null", "/dev/ptmx", "/proc/self/comm"):
    try:
        os.close(os.open(path, os.O_RDWR))
        print("opened")
    except PermissionError:
        print("refused")
"""


def test_keeper__keeps_its_compiler_off_devices():
    """A compiler that is to touch no GPU can open no device but the harmless ones, and still writes files."""
    if not capabilities().landlock:
        pytest.skip("this kernel has no Landlock, which keeps it off")
    done = subprocess.run([sys.executable, "-c", SHUT], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["opened", "refused", "opened"]


@pytest.mark.parametrize(("gpu", "seen"), [(False, "CUDA_VISIBLE_DEVICES=-1"), (True, "CUDA_VISIBLE_DEVICES=0")])
def test_keeper__shows_gpus_where_pools_use_them(tmp_path, monkeypatch, gpu, seen):
    """With --gpu the compiler sees the GPUs that the worker sees; without, none."""
    told = tmp_path / "environment"
    program = tmp_path / "python"
    program.write_text(f'#!/bin/sh\nenv > {told}\necho "$@" >> {told}\n')
    program.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(program))
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
    KernelKeeper(tmp_path / "kernels", gpu=gpu)(None, tmp_path)
    assert seen in told.read_text().splitlines()
    assert ("shut_devices()" in told.read_text()) is not gpu
