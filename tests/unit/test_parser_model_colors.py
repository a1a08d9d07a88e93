"""Colors come into previews as light, as a glTF has them, whatever the file's format calls a color."""

import numpy as np
import pytest
import trimesh
from support import model_files as files

from models.framing import Glb
from models.paint import painted
from parsers import model, model_preview
from parsers.model_colors import linear, on_screen

MIDDLE = 55  # of 255: the light of what a screen shows as 128
PLAIN = (180, 186, 194, 255)
TRIANGLE = "v 0 0 0\nv 1 0 0\nv 0 1 0\nvt 0 0\nvt 1 0\nvt 0 1\nusemtl paint\nf 1/1 2/2 3/3\n"
PLY = (
    "ply\nformat ascii 1.0\nelement vertex 3\nproperty float x\nproperty float y\nproperty float z\n"
    "property uchar red\nproperty uchar green\nproperty uchar blue\nelement face 1\n"
    "property list uchar int vertex_indices\nend_header\n"
    "0 0 0 128 0 255\n1 0 0 128 0 255\n0 1 0 128 0 255\n3 0 1 2\n"
)


def preview(folder, content, kind):
    """The only mesh of the preview."""
    path, target = folder / f"a.{kind}", folder / "a.preview.glb"
    path.write_bytes(content)
    model_preview.write_preview(model.load(path, kind), kind, target)
    (mesh,) = trimesh.load_scene(target, process=False).geometry.values()
    return mesh


def test_linear__is_the_curve_of_screens():
    """Black, white and alpha stay, half of a screen's scale is a fifth of the light, and there is a way back."""
    assert linear([128, 0, 255, 128]).tolist() == [MIDDLE, 0, 255, 128]
    every = np.stack([np.arange(256)] * 4, axis=1)
    back = on_screen(linear(every)).astype(int)
    assert abs(back - every).max() <= 7  # dark ones share a whole number of light
    assert abs(back - every)[64:].max() <= 1
    assert (np.diff(linear(every)[:, 0].astype(int)) >= 0).all()


def test_preview__materials_of_obj(tmp_path):
    """A library's Kd is what a screen shows; a material without one has no color, rather than a dark one."""
    library = {"a.obj": f"mtllib a.mtl\n{TRIANGLE}", "a.mtl": "newmtl paint\nKd 0.502 0 1\n"}
    painted_one = preview(tmp_path, files.archive(library), "model-zip")
    assert tuple(painted_one.visual.material.baseColorFactor) == (MIDDLE, 0, 255, 255)
    bare = preview(tmp_path, files.archive(library | {"a.mtl": "newmtl paint\nNs 10\n"}), "model-zip")
    assert tuple(bare.visual.material.baseColorFactor) == PLAIN


def test_preview__vertices_of_a_scan(tmp_path):
    """Colors of points in a PLY are what a screen shows."""
    assert tuple(preview(tmp_path, PLY.encode(), "ply").visual.vertex_colors[0]) == (MIDDLE, 0, 255, 255)


def test_preview__what_is_linear_stays(tmp_path):
    """A glTF's own colors, of materials and of vertices, are not touched."""
    color = (128, 0, 255, 255)
    for visual in (_dressed, _sprayed):
        mesh = trimesh.creation.box()
        visual(mesh, color)
        found = preview(tmp_path, trimesh.Scene(mesh).export(file_type="glb"), "glb").visual
        assert tuple(getattr(found, "material", found).main_color) == color


def _dressed(mesh, color):
    look = trimesh.visual.material.PBRMaterial(baseColorFactor=color)
    mesh.visual = trimesh.visual.TextureVisuals(material=look)


def _sprayed(mesh, color):
    mesh.visual.vertex_colors = np.tile(color, (len(mesh.vertices), 1))


@pytest.mark.parametrize("kind", [5121, 5123])
def test_painted__only_bytes_of_colors(kind):
    """For the renderer each accessor of colors in bytes is made a screen's, once; all else stays as it is."""
    primitives = [{"attributes": {"POSITION": 1, "COLOR_0": 0}}, {"attributes": {"COLOR_0": 0}}]
    doc = {
        "meshes": [{"primitives": primitives}],
        "accessors": [{"bufferView": 0, "componentType": kind, "count": 1, "type": "VEC4"}],
        "bufferViews": [{"byteOffset": 4, "byteLength": 8}],
    }
    glb = Glb(doc, bytes([MIDDLE] * 12))
    found = painted(glb)
    assert found.doc == doc
    shown = [128, 128, 128, MIDDLE] if kind == 5121 else [MIDDLE] * 4
    assert list(found.binary) == [MIDDLE] * 4 + shown + [MIDDLE] * 4
