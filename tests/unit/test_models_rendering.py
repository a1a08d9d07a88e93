"""Pictures of models: framing by numbers alone, then what the renderer draws where this machine has one."""

import json
import math
import os
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from support import models
from support.labelled_meshes import box, sphere, torus
from support.renderer import needs_renderer

from models import framing, rendering, turntable
from models.framing import ANGLE, MARGIN, Glb, View, around, axes, fitted, points, read_glb, standing, write_glb

ROOT = Path(__file__).parents[2]
DRAW = """
import json, sys
from pathlib import Path
from models import rendering, turntable
found = {}
for line in sys.stdin:
    name, act, *rest = json.loads(line)
    folder = Path(sys.argv[1]) / name
    if act == "render":
        made = rendering.render(folder / "model.glb", folder, **(rest[0] if rest else {}))
        found[name] = [[path.name for path in made.paths], made.blurhash, made.seen, made.blank]
    elif act == "turn":
        made = turntable.turntable(folder / "model.glb", folder, **rest[0])
        found[name] = [made.path and made.path.name, made.frames, made.blank]
    else:
        path = turntable.findings(folder / "model.glb", folder, places=rest[0])
        found[name] = path and path.name
print(json.dumps(found))
"""


def written(mesh, folder):
    """The mesh as a plain gray GLB, `model.glb` in `folder`."""
    vertices, faces = mesh
    low, high = vertices.astype("<f4").min(axis=0), vertices.astype("<f4").max(axis=0)
    parts = vertices.astype("<f4").tobytes(), faces.astype("<u4").tobytes()
    material = {"pbrMetallicRoughness": {"baseColorFactor": [0.45, 0.48, 0.52, 1], "metallicFactor": 0}}
    doc = {
        "asset": {"version": "2.0"},
        "scene": 0,
        "scenes": [{"nodes": [0]}],
        "nodes": [{"mesh": 0}],
        "meshes": [{"primitives": [{"attributes": {"POSITION": 0}, "indices": 1, "material": 0}]}],
        "materials": [material | {"doubleSided": True}],
        "accessors": [
            {
                "bufferView": 0,
                "componentType": 5126,
                "count": len(vertices),
                "type": "VEC3",
                "min": low.tolist(),
                "max": high.tolist(),
            },
            {"bufferView": 1, "componentType": 5125, "count": faces.size, "type": "SCALAR"},
        ],
        "bufferViews": [
            {"buffer": 0, "byteOffset": 0, "byteLength": len(parts[0])},
            {"buffer": 0, "byteOffset": len(parts[0]), "byteLength": len(parts[1])},
        ],
        "buffers": [{"byteLength": len(parts[0]) + len(parts[1])}],
    }
    folder.mkdir(exist_ok=True)
    write_glb(Glb(doc, parts[0] + parts[1]), folder / "model.glb")


def drawn(folder, *acts):
    """Run them in a fresh process, as a sandbox does: f3d can't be loaded behind a system's older libssl."""
    command = [sys.executable, "-c", DRAW, str(folder)]
    text = "\n".join(json.dumps(act) for act in acts)
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=True, env=environment)
    return json.loads(done.stdout.splitlines()[-1])


def projected(cloud, camera, view):
    """Where the points of a cloud are in the picture: -1 to 1 from edge to edge, and how far each is from the camera."""
    right, up, back = axes(view)
    seen = cloud - np.array(camera.position)
    depth = -(seen @ back)
    slope = math.tan(math.radians(ANGLE / 2))
    return np.stack([seen @ right, seen @ up], axis=1) / depth[:, None] / slope, depth


CLOUDS = st.lists(st.tuples(*[st.floats(-1, 1)] * 3), min_size=2, max_size=20).map(np.array)
VIEWS = st.builds(View, st.integers(-180, 180), st.integers(-80, 80))


@settings(max_examples=100, deadline=None)
@given(cloud=CLOUDS, view=VIEWS, squeeze=st.tuples(*[st.sampled_from([1.0, 0.01, 1e-6])] * 3))
def test_fitted__all_of_it_and_no_paper_wasted(cloud, view, squeeze):
    """Every point is in the picture, before the camera, and the tighter axis is filled up to the margin."""
    cloud = cloud * squeeze
    seen, depth = projected(cloud, fitted(cloud, view), view)
    assert depth.min() > 0
    assert abs(seen).max() <= 1 - MARGIN + 0.01
    reach = seen.max(axis=0) - seen.min(axis=0)
    if np.ptp(cloud, axis=0).max() > 0.1 and depth.min() > 0.01:
        assert reach.max() == pytest.approx(2 * (1 - MARGIN), abs=0.02)
    assert seen.max(axis=0) + seen.min(axis=0) == pytest.approx([0, 0], abs=0.03)


@settings(max_examples=50, deadline=None)
@given(cloud=CLOUDS)
def test_around__every_view_holds_all(cloud):
    """All cameras of a turn are equally far from the middle, and none cuts anything off."""
    views = [View(15.0 * number, 25.0) for number in range(24)]
    cameras = around(cloud, views)
    assert len({round(math.dist(camera.position, (0, 0, 0)), 9) for camera in cameras}) == 1
    for camera, view in zip(cameras, views, strict=True):
        seen, depth = projected(cloud, camera, view)
        assert depth.min() > 0
        assert abs(seen).max() <= 1 - MARGIN + 1e-6


def test_axes__y_is_up():
    """From the front X goes right and Y up; the camera stands before +Z."""
    right, up, back = axes(View(0, 0))
    assert np.stack([right, up, back]) == pytest.approx(np.eye(3))
    assert axes(View(30, 20))[1][1] > 0.9


def test_points__through_nodes(tmp_path):
    """Transforms of nodes and their children are applied, as matrix or in three parts."""
    doc = models.bent("scenes", 0, "nodes", to=[1])
    half = math.sqrt(0.5)
    doc["nodes"] = [
        {"mesh": 0, "translation": [1, 0, 0], "rotation": [0, 0, half, half], "scale": [2, 2, 2]},
        {"children": [0], "matrix": [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 5, 1]},
    ]
    (tmp_path / "model.glb").write_bytes(models.glb(doc))
    found = points(read_glb(tmp_path / "model.glb"))
    assert found == pytest.approx(np.array([(1, 0, 5), (1, 2, 5), (-1, 0, 5), (1, 0, 7)]))


@pytest.mark.parametrize("most", [150, 1])
def test_points__of_very_many_some(tmp_path, monkeypatch, most):
    """Of too many vertices some are looked at, and the box of what comes after; the whole keeps its bounds."""
    monkeypatch.setattr(framing, "_MOST_POINTS", most)
    mesh = sphere(30, 40)
    written(mesh, tmp_path)
    glb = read_glb(tmp_path / "model.glb")
    glb.doc["scenes"][0]["nodes"] = [0, 0]
    found = points(glb)
    assert len(found) < most + 20
    assert found.min(axis=0) == pytest.approx(mesh[0].min(axis=0))
    assert found.max(axis=0) == pytest.approx(mesh[0].max(axis=0))


@pytest.mark.parametrize("scale", [1e-6, 1e-3, 1.0, 1e5])
def test_standing__one_size_for_all(tmp_path, scale):
    """Whatever a model's size and place, the engine gets it with a longest side of 1 around the origin."""
    written((box(1, sides=(4 * scale, scale, scale), at=(scale, 2 * scale, 0))), tmp_path)
    found = standing(read_glb(tmp_path / "model.glb"))
    again = points(found.glb)
    assert again == pytest.approx(found.cloud, abs=1e-5)
    assert np.ptp(again, axis=0) == pytest.approx([1, 0.25, 0.25], rel=1e-4)
    assert found.middle == pytest.approx([3 * scale, 2.5 * scale, 0.5 * scale])


def test_standing__nothing_there(tmp_path):
    """A scene without meshes stands nowhere."""
    (tmp_path / "model.glb").write_bytes(models.glb(models.bent("nodes", 0, to={})))
    assert standing(read_glb(tmp_path / "model.glb")) is None
    assert rendering.render(tmp_path / "model.glb", tmp_path).blank
    assert turntable.turntable(tmp_path / "model.glb", tmp_path).blank
    assert turntable.findings(tmp_path / "model.glb", tmp_path, places=[(0, 0, 0)]) is None


@pytest.mark.parametrize("content", [b"", b"glTF" + b"\0" * 8, struct.pack("<4sII", b"glTX", 2, 12)])
def test_read_glb__no_glb(tmp_path, content):
    """What is no GLB is a `ValueError`."""
    (tmp_path / "model.glb").write_bytes(content)
    with pytest.raises(ValueError, match="not a GLB"):
        read_glb(tmp_path / "model.glb")


def test_judged__blank_and_nearly_blank():
    """White, one gray, and a few specks are blank; a thin line is a picture."""
    side = 500
    white = Image.new("RGB", (side, side), "white")
    specks, line = white.copy(), white.copy()
    for number in range(20):
        specks.putpixel((number * 7, 100), (0, 0, 0))
    line.paste((90, 90, 90), (20, 250, 480, 251))
    assert rendering.judged(white) == (0.0, True)
    assert rendering.judged(Image.new("RGB", (side, side), (120, 120, 120))) == (1.0, True)
    assert rendering.judged(specks)[1]
    assert rendering.judged(line) == (pytest.approx(460 / side**2), False)


def test_render__without_renderer(tmp_path, monkeypatch):
    """Where f3d has no build, that is said."""
    written(sphere(), tmp_path)
    monkeypatch.setitem(sys.modules, "f3d", None)
    with pytest.raises(rendering.NoRenderer):
        rendering.render(tmp_path / "model.glb", tmp_path)


@needs_renderer
def test_drawn__every_shape_and_scale(tmp_path):
    """Plate, rod, and a ring of a millimeter or of 100 meters are seen whole, with a margin all around."""
    meshes = {
        "plate": box(1, sides=(1, 0.01, 0.7), at=(0, 0, 0)),
        "rod": box(1, sides=(0.01, 0.01, 2), at=(0, 0, 0)),
        "tiny": (torus()[0] * 5e-4, torus()[1]),
        "huge": (torus()[0] * 50, torus()[1]),
        "thin": box(1, sides=(1, 1e-6, 1e-6), at=(0, 0, 0)),
    }
    for name, mesh in meshes.items():
        written(mesh, tmp_path / name)
    found = drawn(tmp_path, *([name, "render", {"sides": [400, 200]}] for name in meshes))
    paths, blurhash, seen, blank = found.pop("thin")
    assert (paths, blurhash, blank) == ([], None, True)
    assert seen < rendering.LEAST_SEEN
    for name, (paths, blurhash, _, blank) in found.items():
        assert (paths, blank) == (["thumbnail-400.webp", "thumbnail-200.webp"], False), name
        assert len(blurhash) == 28
        with Image.open(tmp_path / name / "thumbnail-400.webp") as picture:
            dark = np.asarray(picture.convert("L")) < 245
        rows, columns = np.flatnonzero(dark.any(axis=1)), np.flatnonzero(dark.any(axis=0))
        edges = (rows[0], columns[0], 399 - rows[-1], 399 - columns[-1])
        assert min(edges) == pytest.approx(400 * MARGIN / 2, abs=4), name
        assert edges[0] == pytest.approx(edges[2], abs=6), name
        assert edges[1] == pytest.approx(edges[3], abs=6), name
    assert found["tiny"][1] == found["huge"][1]


@needs_renderer
def test_drawn__one_color_however_it_is_stated(tmp_path):
    """The renderer shows a color of vertices as it shows the same color of a material or a picture."""
    import trimesh

    light, shown = (55, 13, 186, 255), (128, 65, 222)
    visual = trimesh.visual
    for name in ("factor", "vertices", "picture"):
        mesh = trimesh.creation.icosphere(subdivisions=3)
        plain = {"metallicFactor": 0.0, "roughnessFactor": 0.6}
        if name == "vertices":
            mesh.visual.vertex_colors = np.tile(light, (len(mesh.vertices), 1))
        else:
            image = {"baseColorTexture": Image.new("RGB", (4, 4), shown)} if name == "picture" else {}
            look = visual.material.PBRMaterial(**plain, baseColorFactor=None if image else light, **image)
            mesh.visual = visual.TextureVisuals(uv=np.full((len(mesh.vertices), 2), 0.5), material=look)
        (tmp_path / name).mkdir()
        trimesh.Scene(mesh).export(tmp_path / name / "model.glb")
    drawn(tmp_path, *([name, "render", {"sides": [200]}] for name in ("factor", "vertices", "picture")))
    middle = {}
    for name in ("factor", "vertices", "picture"):
        with Image.open(tmp_path / name / "thumbnail-200.webp") as picture:
            middle[name] = np.array(picture.convert("RGB").getpixel((100, 100)), dtype=int)
    assert abs(middle["factor"] - middle["picture"]).max() <= 6
    assert abs(middle["vertices"] - middle["picture"]).max() <= 20  # another gloss: without a material it is rougher


@needs_renderer
def test_drawn__turns_and_marks(tmp_path):
    """A turn has 24 frames that differ, fewer or none where time is short; marks inside a solid are seen."""
    written(box(1, sides=(2, 1, 1), at=(0, 0, 0)), tmp_path / "box")
    for name in ("short", "marks", "none"):
        written(box(1, sides=(2, 1, 1), at=(0, 0, 0)), tmp_path / name)
    found = drawn(
        tmp_path,
        ["box", "turn", {"side": 100}],
        ["short", "turn", {"seconds": 0.0}],
        ["marks", "find", [[1, 0.5, 0.5], [math.nan, 0, 0], [2, 1, 1]]],
        ["none", "find", [[math.inf, 0, 0]]],
    )
    assert found == {
        "box": ["turntable.webp", 24, False],
        "short": [None, 1, False],
        "marks": "findings.webp",
        "none": None,
    }
    with Image.open(tmp_path / "box" / "turntable.webp") as picture:
        assert (picture.n_frames, picture.size, picture.info["loop"]) == (24, (100, 100), 0)
        frames = []
        for number in (0, 3, 6):
            picture.seek(number)
            frames.append(picture.convert("RGB").tobytes())
    assert len(set(frames)) == 3
    with Image.open(tmp_path / "marks" / "findings.webp") as picture:
        r, g, _ = np.asarray(picture.convert("RGB")).astype(int).transpose(2, 0, 1)
    assert 300 < ((r > 120) & (r > 2 * g)).sum() < 5000
