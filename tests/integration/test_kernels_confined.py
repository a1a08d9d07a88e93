"""The geometry kernels in a real sandbox: they come from a cache that the child may only read."""

import threading
from pathlib import Path

import pytest
from support import kernel_steps

from models import devices
from workers.sandbox import Call, Result, Sandbox

GIGABYTE = 2**30


def run(folder: Path, cache: Path, *, preload: tuple[str, ...]) -> Result:
    """One step in a child that may read the cache."""
    above = Path(kernel_steps.__file__).parent.parent
    sandbox = Sandbox(name="kernels", preload=preload, read_only=(cache,), extra_path=(above,))
    (folder / "in").mkdir(parents=True)
    call = Call(
        target="support.kernel_steps:cross",
        step="cross",
        scratch=folder,
        inputs={},
        options={"cache": str(cache), "prefer": "cpu"},
        file_name="x",
        kind="x",
        timeout=60.0,
        memory=GIGABYTE,
        max_output=1_000_000,
        max_outputs=1,
    )
    try:
        return sandbox.run(call, on_progress=lambda _done, _note: None, stop=threading.Event())
    finally:
        sandbox.close()


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    """A folder of compiled kernels."""
    folder = tmp_path_factory.mktemp("kernels")
    devices.prepare(folder)
    return folder


@pytest.mark.parametrize("preload", [(), ("models.kernels",)], ids=["cold", "preloaded"])
def test_kernels__from_a_cache_that_is_read_only(tmp_path, cache, preload):
    """A child computes with kernels that it can read and not write, within a gigabyte, and leaves the cache alone."""
    before = {path: path.stat().st_mtime_ns for path in cache.rglob("*")}
    result = run(tmp_path / "scratch", cache, preload=preload)
    assert result.fault is None
    assert result.summary == {"pairs": 1, "device": "cpu", "cache": str(cache)}
    assert {path: path.stat().st_mtime_ns for path in cache.rglob("*")} == before


def test_kernels__without_a_cache(tmp_path):
    """Where nobody prepared one, and none may be made there, the child compiles for itself and computes all the same."""
    absent = tmp_path / "absent"
    absent.mkdir()
    result = run(tmp_path / "scratch", absent, preload=())
    assert result.fault is None
    assert result.summary["pairs"] == 1
    assert result.summary["cache"] != str(absent)
    assert not list(absent.iterdir())
