"""3D models: the geometry report in every format, and what broken or hostile files get before a loader sees them."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support import models
from support.broken_models import BROKEN
from support.models import bent, glb

from examples.make import FILES
from jobs.errors import InputError
from models.report import report
from models.verdicts import Budgets
from parsers import model
from parsers.sniff import sniff


def read(folder, kind, content):
    path = folder / f"a.{kind}"
    path.write_bytes(content)
    found = model.normal(path, kind)
    return report(found.parts, budgets=Budgets()) | {"units": found.unit}


@pytest.mark.parametrize("kind", [*models.EVERY, "stl_text"])
def test_report__is_the_same_in_every_format(tmp_path, kind):
    """A closed tetrahedron is one watertight body of four triangles and four corners, however it is written."""
    content = models.stl_text() if kind == "stl_text" else models.EVERY[kind]()
    kind = kind.removesuffix("_text")
    assert sniff(content, size=len(content), name="").name == kind
    found = read(tmp_path, kind, content)
    assert found["triangles"] == found["vertices"] == 4
    assert (found["watertight"], found["winding_consistent"], found["inverted"], found["bodies"]) == (
        True,
        True,
        False,
        1,
    )
    assert found["volume"] == pytest.approx(1 / 6)
    assert found["area"] == pytest.approx(1.5 + 3**0.5 / 2)
    assert found["extents"] == [1, 1, 1]
    assert found["bounds"] == [[0, 0, 0], [1, 1, 1]]
    assert found["units"] == ("m" if kind in {"glb", "gltf"} else None)


def test_report__counts_each_instance(tmp_path):
    """A mesh that stands twice in the scene counts twice, scaled as it stands there."""
    doc = bent("nodes", to=[{"mesh": 0}, {"mesh": 0, "translation": [5, 0, 0], "scale": [2, 2, 2]}])
    found = read(tmp_path, "glb", glb(bent("scenes", 0, "nodes", to=[0, 1], doc=doc)))
    assert (found["part_count"], found["triangles"], found["bodies"]) == (2, 8, 2)
    assert found["volume"] == pytest.approx((1 + 8) / 6)
    assert found["bounds"][1] == [7, 2, 2]


def test_report__a_body_split_by_material_is_closed(tmp_path):
    """Two open halves of one closed body, as exporters write them for each material, are watertight together."""
    halves = [{"attributes": {"POSITION": 0}, "indices": 1}, {"attributes": {"POSITION": 0}, "indices": 2}]
    doc = bent("meshes", 0, "primitives", to=halves)
    view = {"bufferView": 1, "componentType": 5123, "count": 6, "type": "SCALAR"}
    doc["accessors"] = [doc["accessors"][0], view, view | {"byteOffset": 12}]
    found = read(tmp_path, "glb", glb(doc))
    assert (found["watertight"], found["bodies"], found["part_count"]) == (True, 1, 2)


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
def test_report__does_not_hang_on_the_unit(tmp_path, scale):
    """A model in kilometers and one in nanometers are measured alike."""
    points = [tuple(part * scale for part in point) for point in models.POINTS]
    found = read(tmp_path, "stl", models.stl(points))
    assert (found["watertight"], found["vertices"], found["bodies"]) == (True, 4, 1)


def test_report__an_open_surface(tmp_path):
    """A surface with a hole is not watertight and has no volume."""
    found = read(tmp_path, "obj", b"\n".join(models.obj().splitlines()[:-1]))
    assert (found["watertight"], found["volume"], found["triangles"]) == (False, None, 3)


def test_report__the_sample_brick(tmp_path):
    """The sample is a brick and eight studs: nine closed bodies, in meters."""
    found = read(tmp_path, "glb", FILES["brick.glb"]())
    assert (found["bodies"], found["watertight"], found["winding_consistent"], found["inverted"]) == (
        9,
        True,
        True,
        False,
    )
    assert [round(part, 4) for part in found["extents"]] == [0.0318, 0.0114, 0.0158]


@pytest.mark.parametrize("case", BROKEN)
def test_load__refuses_with_a_code(tmp_path, case):
    """Each broken or hostile file is refused in our own words, and its sender has to act."""
    kind, content, code = BROKEN[case]
    with pytest.raises(InputError) as caught:
        read(tmp_path, kind, content)
    assert caught.value.fault.code == code
    assert caught.value.fault.actor == "submitter"
    assert "passwd" not in caught.value.fault.message
    assert caught.value.__cause__ is None


def test_load__opens_nothing_beside_the_file(tmp_path):
    """A material library and its pictures beside the upload are left alone."""
    (tmp_path / "a.mtl").write_text("newmtl m\nKd 1 0 0\n")
    path = tmp_path / "a.obj"
    path.write_bytes(b"mtllib a.mtl\nusemtl m\n" + models.obj())
    scene = model.load(path, "obj")
    (mesh,) = scene.geometry.values()
    material = getattr(mesh.visual, "material", None)
    assert material is None or list(material.main_color[:3]) != [255, 0, 0]
    assert sum(len(part.faces) for part in model.normal(scene, "obj").parts) == 4


@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    kind=st.sampled_from(sorted(models.EVERY)),
    cuts=st.lists(st.tuples(st.integers(0, 900), st.integers(0, 8), st.binary(max_size=6)), min_size=1, max_size=4),
)
def test_load__raises_nothing_but_input_errors(tmp_path, kind, cuts):
    """However a model is damaged, it is measured or refused."""
    content = models.EVERY[kind]()
    for at, length, splice in cuts:
        content = content[:at] + splice + content[at + length :]
    code = "model."
    try:
        assert read(tmp_path, kind, content)["triangles"] > 0
    except InputError as caught:
        code = caught.fault.code
    assert code.partition(".")[0] in {"model", "limit"}
