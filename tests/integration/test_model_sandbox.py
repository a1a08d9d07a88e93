"""3D models in real sandboxes: each format is read where nothing but its own file can be opened, and crashes are answers."""

import random
import threading
from collections.abc import Iterator

import pytest
from support import hostile_fbx, hostile_models, model_files
from support.sandbox_runs import Bench, MiB, nothing_said

from parsers import ufbx_library
from workers.sandbox import Result


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    found = Bench(tmp_path_factory.mktemp("models"), preload=["model_steps", "trimesh"])
    found.sandbox.warm()
    yield found
    found.sandbox.close()


def _read(bench: Bench, kind: str, content: bytes) -> Result:
    call = bench.call("read", target="model_steps:read", kind=kind, memory=512 * MiB)
    call.inputs["upload"].write_bytes(content)
    return bench.sandbox.run(call, on_progress=nothing_said, stop=threading.Event())


@pytest.mark.parametrize("case", model_files.EVERY)
def test_step__reads_each_format_in_the_sandbox(bench: Bench, case: str) -> None:
    """A confined step with 512 MiB reads the wedge in every format."""
    kind, write = model_files.EVERY[case]
    result = _read(bench, kind, write())
    assert result.fault is None, result.fault
    assert result.summary["triangles"] == len(model_files.FACES)


@pytest.mark.parametrize("case", ["3mf bomb", "3mf doubling", "zip bomb", "dae doubling", "draco lie", "shared"])
def test_step__bombs_stay_within_512_mib(bench: Bench, case: str) -> None:
    """What would grow without end is refused by name, not killed for its memory."""
    kind, content, code = hostile_models.CASES[case]
    result = _read(bench, kind, content)
    assert result.fault is not None
    assert result.fault.code == code


def test_step__lib3mf_answers_and_hangs_in_the_sandbox(bench: Bench) -> None:
    """Confined, lib3mf judges a good package, and one on which it computes without end costs its seconds alone."""
    endless = model_files.package_3mf(model_files.model_3mf(hostile_models.doubling(40), '<item objectid="40"/>'))
    for content, seconds, verdict in ((model_files.threemf(), 60, "passed"), (endless, 1, "not_checked")):
        options = {"seconds": seconds}
        call = bench.call("judge", target="model_steps:judge", kind="3mf", memory=512 * MiB, options=options)
        call.inputs["upload"].write_bytes(content)
        result = bench.sandbox.run(call, on_progress=nothing_said, stop=threading.Event())
        assert result.fault is None, result.fault
        assert result.summary["conformance"]["verdict"] == verdict, result.summary


def test_step__damaged_step_files_never_crash(bench: Bench) -> None:
    """Some damage makes the STEP reader crash; the step reads or refuses all the same."""
    chance = random.Random(2)  # repeatable
    honest = model_files.step()
    codes = set()
    for _ in range(10):
        content = bytearray(honest)
        for _ in range(3):
            at, length = chance.randrange(len(content)), chance.randrange(40)
            content[at : at + 4] = content[length : 2 * length]
        result = _read(bench, "step", bytes(content))
        codes.add(result.fault.code if result.fault else "read")
    assert {code.partition(".")[0] for code in codes} <= {"model", "read"}


FBX_READERS = [
    pytest.param(
        "ufbx",
        marks=pytest.mark.skipif(ufbx_library.found() is None, reason=f"ufbx is not here: {ufbx_library.reason()}"),
    ),
    "assimp",
]


@pytest.mark.parametrize("reader", FBX_READERS)
def test_step__each_reader_of_fbx_works_in_the_sandbox(bench: Bench, reader: str) -> None:
    """The library that was built lies where a confined step may load it; assimp runs in a process apart within the limits."""
    call = bench.call(
        "read_fbx", target="model_steps:read_fbx", kind="fbx", memory=512 * MiB, options={"reader": reader}
    )
    call.inputs["upload"].write_bytes(model_files.fbx())
    result = bench.sandbox.run(call, on_progress=nothing_said, stop=threading.Event())
    assert result.fault is None, result.fault
    assert result.summary["triangles"] == len(model_files.FACES)
    assert str(result.summary["reader"]).startswith(reader)


@pytest.mark.parametrize("case", [*hostile_fbx.CASES, *hostile_fbx.ODD])
def test_step__hostile_fbx_ends_by_name(bench: Bench, case: str) -> None:
    """In 512 MiB, each is refused by its own code or read: none is killed for its memory or time."""
    content, codes = hostile_fbx.CASES.get(case) or (hostile_fbx.ODD[case], {"read", "model.unreadable"})
    result = _read(bench, "fbx", content)
    assert (result.fault.code if result.fault else "read") in codes
