"""Compressed glTF in a real sandbox, where Node is held to the step's limits, and through a whole platform with its validator."""

import json
import os
import signal
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from support import labelled_meshes, model_files
from support.gltf_tools import absent, compressed, gltf_tools
from support.house import House
from support.sandbox_runs import Bench, MiB, nothing_said
from support.services import Services
from support.waiting import wait_until

from jobs.model import Memory
from jobs.queues import VALIDATION
from pipelines.model_3d import PIPELINE
from workers.sandbox import Result

ABSENT = absent()
pytestmark = pytest.mark.skipif(ABSENT is not None, reason=ABSENT or "here")


@pytest.fixture(
    scope="module", params=[(), ("landlock",), ("scopes",), ("seccomp",)], ids=lambda kinds: "-".join(kinds) or "all"
)
def bench(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """A sandbox as the validation pool has it, with all locks or with those of an older kernel."""
    tools = gltf_tools()
    found = Bench(
        tmp_path_factory.mktemp("gltf"),
        preload=list(VALIDATION.preload),
        read_only=[tools.packages, tools.program],
        without=request.param,
    )
    found.sandbox.warm()
    yield found
    found.sandbox.close()


def preview(bench: Bench, content: bytes, *, memory: int = int(PIPELINE.step("preview").memory)) -> Result:
    """The pipeline's own step on this upload."""
    call = bench.call(
        "preview",
        target=PIPELINE.step("preview").target,
        kind="glb",
        memory=memory,
        max_output=300 * MiB,
        timeout=60.0,
    )
    call.inputs["upload"].write_bytes(content)
    given = call.scratch / "given"
    given.mkdir()
    gltf_tools().write(given / "gltf.json")
    call = replace(call, resources={"gltf": given / "gltf.json"})
    return bench.sandbox.run(call, on_progress=nothing_said, stop=threading.Event())


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A compressed ring of 200,000 triangles."""
    import trimesh

    folder = tmp_path_factory.mktemp("large")
    ring = trimesh.Trimesh(*labelled_meshes.torus(500, 200), process=False)
    return compressed(ring.export(file_type="glb"), "meshopt", folder)


def test_step__unpacks_within_its_limits(bench: Bench, large: bytes) -> None:
    """A compressed model is unpacked by Node in the step's child, whatever the kernel offers to lock it in."""
    result = preview(bench, large)
    assert result.fault is None, result.fault
    assert [output.name for output in result.outputs] == ["preview.glb"]


def test_step__too_little_memory_is_an_answer(bench: Bench, large: bytes) -> None:
    """Where Node can't even start the step says that the model takes too much; nothing crashes, and the next one runs."""
    result = preview(bench, large, memory=int(Memory.SMALL) // 2)
    assert result.fault is not None
    assert result.fault.code in {"limit.unpacked", "step.memory"}
    assert preview(bench, model_files.glb()).fault is None


def test_script__opens_nothing_but_its_files(tmp_path: Path) -> None:
    """Even without the checks before it the script finds no file by a name that leads out of the upload."""
    tools = gltf_tools()
    (tmp_path / "files").mkdir()
    (tmp_path / "secret").write_bytes(bytes(200))
    for uri in (
        "../secret",
        str(tmp_path / "secret"),
        f"file://{tmp_path}/secret",
        "..%2Fsecret",
        "0",
        "http://localhost/",
    ):
        doc, _ = model_files.gltf_doc(model_files.POINTS, model_files.FACES, uri=uri)
        (tmp_path / "files" / "0").write_text(json.dumps(doc))
        order = json.dumps({"main": "0", "format": "gltf", "files": {}})
        command = tools.command("decode.mjs", str(tmp_path / "files"), order, str(tmp_path / "out"), "100000")
        done = subprocess.run(command, capture_output=True, check=False)
        assert (done.returncode, done.stderr) == (3, b""), uri
        assert not (tmp_path / "out").exists()


@pytest.fixture
def platform(services: Services) -> Iterator[House]:
    """A platform whose validation pool has Node and its packages."""
    made = House("embedded", services=services, settings={"HEAVYLIFT_NODE_PACKAGES": str(gltf_tools().packages)})
    try:
        yield made.start("validation")
    finally:
        made.close()


def report_of(house: House, content: bytes) -> dict[str, Any]:
    """The report of a GLB that was sent in."""
    job = house.submit("a.glb", content)["id"]

    def made() -> bool:
        steps = {step["name"]: step["status"] for step in house.job(job)["steps"]}
        return steps["validate"] in {"succeeded", "failed"}

    wait_until(made, within=90, what="the report", every=0.05)
    report: dict[str, Any] = json.loads(house.artifact(job, "report.json"))
    return report


def validators(house: House) -> list[int]:
    """Process ids of this platform's validators."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                words = (entry / "cmdline").read_bytes()
            except OSError:
                continue
            if b"conformance.mjs" in words and str(house.data_dir).encode() in words:
                found.append(int(entry.name))
    return found


def test_platform__checks_reads_and_outlives_its_validator(platform: House, tmp_path: Path) -> None:
    """From upload to report: a good file passes, a compressed one is read and passes; killed, the validator costs one file its check."""
    found = report_of(platform, model_files.glb())
    assert found["conformance"]["verdict"] == "passed"
    found = report_of(platform, compressed(model_files.glb(), "meshopt", tmp_path))
    assert (found["conformance"]["verdict"], found["reader"]) == ("passed", "trimesh + gltf-transform 4.5.1")
    (pid,) = validators(platform)
    os.kill(pid, signal.SIGKILL)
    found = report_of(platform, model_files.glb(faces=model_files.FACES[1:]))
    assert found["conformance"]["verdict"] == "not_checked"
    assert found["conformance"]["reason"]
    found = report_of(platform, model_files.glb(faces=model_files.FACES[2:]))
    assert found["conformance"]["verdict"] == "passed"
    platform.pools["validation"].stop()
    assert validators(platform) == []
