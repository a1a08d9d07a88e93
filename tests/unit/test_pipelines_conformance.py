"""What the model-3d pipeline makes of the validator's answer, and of compressed uploads, from upload to report."""

import json

import pytest
from support import model_files
from support.context import FolderContext
from support.fixed_checker import FixedChecker
from support.gltf_tools import absent, compressed, gltf_tools

from jobs.issues import Severity
from models import devices
from models.conformance import Message, checked
from models.gltf_conformance import silent
from parsers.gltf_tools import GltfTools
from pipelines import model_3d

ABSENT = absent()
FAILED = checked(
    "gltf-validator 2", [Message(code="NODE_LOOP", severity=Severity.ERROR, text="A loop.", place="/nodes/0")]
)


@pytest.fixture(scope="module")
def kernels(tmp_path_factory):
    """A folder with the compiled kernels, as workers have one."""
    folder = tmp_path_factory.mktemp("kernels")
    devices.prepare(folder)
    return folder


@pytest.fixture
def context(tmp_path, kernels):
    """Makes the context of a model on a machine with these tools."""

    def made(content, *, kind="glb", tools=None):
        upload = tmp_path / "upload.bin"
        upload.write_bytes(content)
        (tools or GltfTools(reason="Node.js is not installed.")).write(tmp_path / "gltf.json")
        (tmp_path / "duplicates.json").write_text(json.dumps({"fingerprints": {}, "same": [], "alike": []}))
        names = {"duplicates": tmp_path / "duplicates.json", "gltf": tmp_path / "gltf.json", "kernels": kernels}
        return FolderContext(tmp_path, upload, kind=kind, resources=names)

    return made


def judged(ctx, checker):
    """All steps up to the report; that."""
    model_3d.preview(ctx)
    model_3d.conformance(ctx, gltf=checker)
    model_3d.validate(ctx)
    return json.loads((ctx.artifacts / "report.json").read_text())


def test_conformance__errors_become_a_finding(context):
    """What the validator found stands in the report, as a finding with its count, in the summary and as a warning."""
    ctx = context(model_files.glb())
    report = judged(ctx, FixedChecker(FAILED))
    assert report["conformance"] == FAILED.to_json()
    assert ("model.conformance", 1) in {(one["code"], one["count"]) for one in report["findings"]}
    assert ctx.facts["conformance"] == "failed"
    assert "model.conformance" in {code for code, _ in ctx.warnings}


def test_conformance__nobody_to_ask_is_no_failure(context):
    """Where the validator does not answer the job goes on, and the report says why nothing was checked."""
    ctx = context(model_files.glb())
    report = judged(ctx, FixedChecker(silent("The glTF validator is not there. Node.js is not installed.")))
    assert ctx.facts["conformance"] == "not_checked"
    assert "Node.js" in report["conformance"]["reason"]
    assert "model.conformance" not in ctx.facts["findings"]


def test_conformance__other_formats_are_not_asked_about(context):
    """A format that has no glTF in it costs the validator nothing."""
    ctx = context(model_files.stl(), kind="stl")
    checker = FixedChecker(FAILED)
    assert judged(ctx, checker)["conformance"]["verdict"] == "not_checked"
    assert checker.asked == []
    assert "conformance.json" not in ctx.media_types


@pytest.mark.skipif(ABSENT is not None, reason=ABSENT or "here")
@pytest.mark.parametrize("way", ["meshopt", "quantized"])
def test_preview__of_a_compressed_model(context, tmp_path, way):
    """A compressed upload goes all the way to its report, which names both readers; its preview is plain."""
    packing = tmp_path / "packing"
    packing.mkdir()
    ctx = context(compressed(model_files.glb(), way, packing), tools=gltf_tools())
    report = judged(ctx, FixedChecker(FAILED))
    assert (report["format"], report["triangles"], report["watertight"]) == ("glb", len(model_files.FACES), True)
    assert report["reader"] == "trimesh + gltf-transform 4.5.1"
    assert b"meshopt" not in (ctx.artifacts / "preview.glb").read_bytes()
