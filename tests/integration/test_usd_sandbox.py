"""USD in a real sandbox, where its optional library is installed: read by the library, in files that name no others."""

import threading
from collections.abc import Callable, Iterator

import pytest
from support import model_files, usd_files
from support.sandbox_runs import Bench, MiB, nothing_said

pytestmark = pytest.mark.skipif(usd_files.ABSENT is not None, reason=usd_files.ABSENT or "here")


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    found = Bench(tmp_path_factory.mktemp("usd"), preload=["model_steps", "trimesh"])
    found.sandbox.warm()
    yield found
    found.sandbox.close()


@pytest.mark.parametrize(("kind", "write"), [("usd", usd_files.usd), ("usdz", usd_files.wedge_usdz)])
def test_step__reads_usd_in_the_sandbox(bench: Bench, kind: str, write: Callable[[], bytes]) -> None:
    """A confined step with a gigabyte reads a layer, and a package in which one layer names another."""
    call = bench.call("read", target="model_steps:read", kind=kind, memory=1024 * MiB)
    call.inputs["upload"].write_bytes(write())
    result = bench.sandbox.run(call, on_progress=nothing_said, stop=threading.Event())
    assert result.fault is None, result.fault
    assert result.summary["triangles"] == len(model_files.FACES)
    assert str(result.summary["reader"]).startswith("usd-core ")
