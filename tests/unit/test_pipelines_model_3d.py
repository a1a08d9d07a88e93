"""The model-3d pipeline: report, preview and thumbnail, with and without a renderer on the machine."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import trimesh
from PIL import Image
from support import model_files, models
from support.context import FolderContext, ListIndex
from support.renderer import osmesa

from examples.make import brick
from jobs.errors import InputError
from jobs.likeness import ALIKE, Family, shapes_apart
from models import devices
from parsers import ufbx_library
from pipelines import model_3d

ROOT = Path(__file__).parents[2]


DRAW = """
import json, sys
from pathlib import Path
from pipelines import model_3d
from support.context import FolderContext
folder = Path(sys.argv[1])
(folder / "shaders").mkdir(exist_ok=True)
ctx = FolderContext(folder, folder / "upload.bin", kind="glb", resources={"shaders": folder / "shaders"})
getattr(model_3d, sys.argv[2])(ctx)
print(json.dumps([ctx.warnings, list(ctx.media_types)]))
"""


def drawn(folder, *, step="thumbnail"):
    """Run the step in a fresh process, as a sandbox does: f3d can't be loaded behind a system's older libssl."""
    path = os.pathsep.join([str(ROOT), str(ROOT / "tests")])
    command = [sys.executable, "-c", DRAW, str(folder), step]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=os.environ | {"PYTHONPATH": path})
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.fixture(scope="module")
def kernels(tmp_path_factory):
    """A folder with the compiled kernels, as workers have one."""
    folder = tmp_path_factory.mktemp("kernels")
    devices.prepare(folder)
    return folder


@pytest.fixture
def context(kernels):
    """Makes the context of a model."""

    def made(folder, content, *, kind="glb", **options):
        upload = folder / "upload.bin"
        upload.write_bytes(content)
        earlier = folder / "duplicates.json"
        earlier.write_text(json.dumps({"fingerprints": {}, "same": [], "alike": []}))
        (folder / "shaders").mkdir(exist_ok=True)
        given = {"kernels": kernels, "duplicates": earlier, "shaders": folder / "shaders"}
        return FolderContext(folder, upload, kind=kind, file_name=f"brick.{kind}", options=options, resources=given)

    return made


def examine(ctx):
    """The steps that need no renderer."""
    model_3d.preview(ctx)
    model_3d.validate(ctx)


@pytest.mark.parametrize("built", [True, False])
def test_validate__fbx_names_its_reader(tmp_path, context, monkeypatch, built):
    """An FBX is examined as any model is; where ufbx is not there the job says that another library stood in."""
    if built and not ufbx_library.found():
        pytest.skip(f"ufbx is not here: {ufbx_library.reason()}")
    if not built:
        monkeypatch.setattr(ufbx_library, "found", lambda: None)
    ctx = context(tmp_path, model_files.fbx(), kind="fbx")
    examine(ctx)
    assert (ctx.facts["format"], ctx.facts["watertight"]) == ("fbx", True)
    assert ctx.facts["reader"].startswith("ufbx " if built else "assimp ")
    assert ("model.fallback_reader" in [code for code, _ in ctx.warnings]) is not built


def test_validate__the_sample(tmp_path, context):
    """The sample brick is nine closed bodies, and its report is an artifact."""
    ctx = context(tmp_path, brick())
    examine(ctx)
    report = json.loads((ctx.artifacts / "report.json").read_text())
    assert {name: ctx.facts[name] for name in ("format", "triangles", "watertight", "bodies", "units")} == {
        "format": "glb",
        "triangles": 1548,
        "watertight": True,
        "bodies": 9,
        "units": "m",
    }
    assert report["triangles"] == 1548
    assert [one["code"] for one in report["findings"]] == ["model.touching"]  # its studs stand on it, body on body
    assert (report["self_intersections"], report["verdicts"]["printable"]["ok"]) == (0, True)
    assert ctx.media_types == {"preview.glb": "model/gltf-binary", "report.json": "application/json"}


@pytest.mark.parametrize("kind", models.EVERY)
def test_validate__writes_a_plain_preview(tmp_path, context, kind):
    """The preview holds the same triangles, upright, and nothing of the upload but geometry and color."""
    ctx = context(tmp_path, models.EVERY[kind](), kind=kind)
    examine(ctx)
    preview = trimesh.load_scene(ctx.path("preview.glb"))
    assert preview.to_mesh().volume == pytest.approx(1 / 6)
    z_up = kind in {"stl", "ply", "off"}
    assert preview.bounds[0].tolist() == pytest.approx([0, 0, -1 if z_up else 0])


@pytest.mark.parametrize("case", model_files.EVERY)
def test_validate__each_format_becomes_one_preview(tmp_path, context, case):
    """Whatever a model is written in, its preview is in meters and stands upright, and a kind of this pipeline."""
    kind, write = model_files.EVERY[case]
    assert kind in model_3d.PIPELINE.accepts
    ctx = context(tmp_path, write(), kind=kind)
    examine(ctx)
    assert {code for code, _ in ctx.warnings} <= {"model.uv_missing"}  # one of them has a picture and no coordinates
    assert (ctx.facts["triangles"], ctx.facts["watertight"], ctx.facts["bodies"]) == (8, True, 1)
    preview = trimesh.load_scene(ctx.path("preview.glb"))
    assert preview.to_mesh().volume == pytest.approx(model_files.VOLUME, rel=1e-4)
    z_up = kind in {"stl", "ply", "off", "3mf", "dae", "step"}
    high = [0.75, 1, 0] if z_up else [0.75, 0.5, 1]
    assert preview.bounds[1].tolist() == pytest.approx(high, abs=1e-4)


def test_validate__a_3mf_is_judged_by_the_makers_of_the_format(tmp_path, context):
    """A broken rule of 3MF is a finding with its count; the model is measured all the same."""
    ctx = context(tmp_path, model_files.threemf(), kind="3mf")
    examine(ctx)
    assert (ctx.facts["conformance"], ctx.facts["findings"]) == ("passed", [])
    model = model_files.model_3mf(model_files.object_3mf(1, scale=1000), '<item objectid="1" colour="red"/>')
    ctx = context(tmp_path, model_files.package_3mf(model), kind="3mf")
    examine(ctx)
    assert (ctx.facts["conformance"], ctx.facts["triangles"]) == ("failed", 8)
    report = json.loads((ctx.artifacts / "report.json").read_text())
    assert [one["code"] for one in report["conformance"]["messages"]] == ["INVALID_ATTRIBUTE_IN_NAMESPACE"]
    assert [(one["code"], one["count"]) for one in report["findings"]] == [("model.conformance", 1)]


def test_validate__what_has_no_checker_is_not_checked(tmp_path, context):
    """No error and no check is not called good."""
    ctx = context(tmp_path, model_files.stl(), kind="stl")
    examine(ctx)
    assert ctx.facts["conformance"] == "not_checked"
    report = json.loads((ctx.artifacts / "report.json").read_text())
    assert report["conformance"]["reason"] == "There is no conformance check for stl."


def test_validate__a_plan_without_the_check_says_so(tmp_path, context):
    """A glTF whose job was planned before there was a validator is not called unknown to it."""
    ctx = context(tmp_path, model_files.glb())
    examine(ctx)
    report = json.loads((ctx.artifacts / "report.json").read_text())
    assert ctx.facts["conformance"] == "not_checked"
    assert "earlier release" in report["conformance"]["reason"]


def test_identify__leaves_what_takes_too_much_to_the_report(tmp_path, context, monkeypatch):
    """A model that is too large for a step of its own is not failed by it."""

    def greedy(*_mesh):
        raise MemoryError

    ctx = context(tmp_path, model_files.glb())
    model_3d.preview(ctx)
    monkeypatch.setattr("models.fingerprint.fingerprint", greedy)
    model_3d.identify(ctx)
    assert ctx.fingerprints == {}


def test_validate__missing_files_are_told(tmp_path, context):
    """A material library that was not sent is named, and the geometry is read without it."""
    ctx = context(tmp_path, model_files.obj(head="mtllib a.mtl\n"), kind="obj")
    examine(ctx)
    assert ctx.warnings == [("model.missing_files", "The model needs files that are not here: 'a.mtl'.")]


def test_validate__an_open_model_is_told(tmp_path, context):
    """A hole is a warning; the job goes on."""
    ctx = context(tmp_path, b"\n".join(models.obj().splitlines()[:-1]), kind="obj")
    examine(ctx)
    assert [code for code, _ in ctx.warnings] == ["model.not_watertight"]


def test_validate__an_inverted_model_is_told(tmp_path, context):
    """Triangles that all look inwards are a warning."""
    lines = [line.split() for line in models.obj().decode().splitlines()]
    turned = "\n".join(" ".join([*line[:2], *line[:1:-1]] if line[0] == "f" else line) for line in lines)
    ctx = context(tmp_path, turned.encode(), kind="obj")
    examine(ctx)
    assert [code for code, _ in ctx.warnings] == ["model.inverted"]


def test_validate__a_broken_model_saves_nothing(tmp_path, context):
    """A model that can't be read fails with the parser's code, and nothing reaches the renderer."""
    ctx = context(tmp_path, brick()[:-10])
    with pytest.raises(InputError) as caught:
        examine(ctx)
    assert caught.value.fault.code == "model.truncated"
    assert ctx.media_types == {}


def test_thumbnail__a_machine_without_renderer_says_so(tmp_path, context, monkeypatch):
    """Where f3d has no build the step succeeds, with a warning and no picture."""
    ctx = context(tmp_path, brick())
    examine(ctx)
    monkeypatch.setitem(sys.modules, "f3d", None)
    model_3d.thumbnail(ctx)
    assert [code for code, _ in ctx.warnings][-1] == "thumbnail.unavailable"
    assert list(ctx.media_types) == ["preview.glb", "report.json"]


def test_thumbnail__with_what_this_machine_has(tmp_path, context):
    """A machine with libosmesa6 draws the brick, red on white; one without names the package to install."""
    ctx = context(tmp_path, brick())
    examine(ctx)
    ((warnings, saved),) = drawn(tmp_path)
    if not osmesa():
        ((code, message),) = warnings
        assert code == "thumbnail.unavailable"
        assert "apt-get install libosmesa6" in message
        return
    assert (warnings, saved) == ([], ["thumbnail-1024.webp", "thumbnail-400.webp", "thumbnail-200.webp"])
    for side in (1024, 400, 200):
        with Image.open(ctx.path(f"thumbnail-{side}.webp")) as picture:
            assert (picture.format, picture.size) == ("WEBP", (side, side))
    with Image.open(ctx.path("thumbnail-400.webp")) as picture:
        colors = picture.convert("RGB").getcolors(1 << 20)
    red = sum(count for count, (r, g, b) in colors if r > 2 * g and r > 2 * b)
    white = sum(count for count, (r, g, b) in colors if min(r, g, b) > 250)
    assert red > 0.2 * 400 * 400
    assert white > 0.2 * 400 * 400


def test_turntable__turns_and_marks(tmp_path, context):
    """The later step saves an animation of 24 frames, and a picture of the findings where the report has places."""
    ctx = context(tmp_path, models.stl(), kind="stl")
    examine(ctx)
    report = ctx.path("report.json")
    found = json.loads(report.read_text()) | {"findings": [{"code": "model.thin", "places": [[0.1, 0.2, 0.3]]}]}
    report.write_text(json.dumps(found))
    ((warnings, saved),) = drawn(tmp_path, step="turntable")
    assert warnings == []  # the thumbnail's step tells of a renderer that is missing
    assert saved == (["findings.webp", "turntable.webp"] if osmesa() else [])
    if saved:
        with Image.open(ctx.path("turntable.webp")) as picture:
            assert (picture.n_frames, picture.size) == (24, (400, 400))


def test_thumbnail__a_blank_frame_is_told(tmp_path, context):
    """A model too thin to be seen gets a warning in place of an empty picture."""
    flat = [(part[0] * 1e-30, 0.0, 0.0) for part in models.POINTS]
    model_3d.preview(context(tmp_path, models.stl(flat), kind="stl"))
    ((warnings, saved),) = drawn(tmp_path)
    assert saved == []
    assert [code for code, _ in warnings] == ["thumbnail.blank" if osmesa() else "thumbnail.unavailable"]


def test_index__by_what_it_is(tmp_path, context):
    """The model is findable by its shape, size, materials, findings and what it will do for."""
    ctx, search = context(tmp_path, brick()), ListIndex()
    examine(ctx)
    model_3d.index(ctx, search=search)
    (place,) = search.places
    assert (place.artifact, place.place, place.title) == ("report.json", "model", "glb 3D model, 1548 triangles")
    for word in ("watertight", " bodies", " m", "renderable"):
        assert word in place.text


def test_validate__says_what_the_model_will_do_for(tmp_path, context):
    """Verdicts with their reasons, crossings, walls and fingerprints stand in the report, and the summary names them."""
    ctx = context(tmp_path, models.stl(), kind="stl")
    examine(ctx)
    report = json.loads(ctx.path("report.json").read_text())
    assert report["verdicts"]["renderable"] == {"ok": True, "reasons": [], "not_checked": []}
    assert (report["self_intersections"], report["crossings"]["complete"]) == (0, True)
    assert report["thickness"]["samples"] > 0
    assert report["kernels"] in {"cpu", "cuda:0"}
    assert ctx.facts["geometry_hash"] == report["geometry_hash"]
    assert ctx.facts["verdicts"].keys() == {"printable", "ar_ready", "renderable"}


def test_validate__budgets_are_the_callers(tmp_path, context):
    """What a phone can show is for the caller to say."""
    ctx = context(tmp_path, brick(), max_triangles=1000)
    examine(ctx)
    assert "model.over_budget" in ctx.facts["findings"]
    assert ctx.facts["verdicts"]["ar_ready"] is False


def test_validate__names_earlier_models_like_it(tmp_path, context):
    """The first step takes the fingerprint; the report repeats it as it was taken, with what it led to."""
    ctx = context(tmp_path, brick())
    model_3d.preview(ctx)
    model_3d.identify(ctx)
    taken = ctx.fingerprints[Family.MODEL]
    copy = {"job_id": "j1", "file_name": "a.stl", "same_file": False}
    earlier = {"fingerprints": {"model": {"exact": "ab" * 32, "near": taken.near}}, "same": [copy], "alike": []}
    ctx.resource("duplicates").write_text(json.dumps(earlier))
    model_3d.validate(ctx)
    report = json.loads((ctx.artifacts / "report.json").read_text())
    assert report["duplicates"] == {"same": [copy], "alike": []}
    assert ctx.facts["duplicates"] == {"same": 1, "alike": 0}
    assert (report["geometry_hash"], report["shape"]) == ("ab" * 32, taken.near)
    (tmp_path / "again").mkdir()
    other = context(tmp_path / "again", brick())
    examine(other)
    report = json.loads((other.artifacts / "report.json").read_text())
    assert (report["geometry_hash"], report["shape"]) == (taken.exact, taken.near)


def test_identify__one_fingerprint_in_every_format(tmp_path, context):
    """In whatever format and unit: the fingerprint is the same; where numbers or triangles change, the shape is near."""
    found = {}
    for case, (kind, write) in model_files.EVERY.items():
        (tmp_path / case).mkdir()
        ctx = context(tmp_path / case, write(), kind=kind)
        model_3d.preview(ctx)
        model_3d.identify(ctx)
        found[case] = ctx.fingerprints[Family.MODEL]
    plain = found["glb"]
    assert {case for case, one in found.items() if one != plain} <= {"draco", "step"}
    assert [case for case, one in found.items() if shapes_apart(one.near, plain.near) >= ALIKE] == []


def test_identify__takes_no_fingerprint_of_nothing(tmp_path, context):
    """A model without any surface is like no other."""
    line = b"v 0 0 0\nv 1 0 0\nv 2 0 0\nf 1 2 3\n"
    ctx = context(tmp_path, line, kind="obj")
    model_3d.preview(ctx)
    model_3d.identify(ctx)
    assert ctx.fingerprints == {}
