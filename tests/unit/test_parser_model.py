"""3D models: the geometry report in every format, and what broken or hostile files get before a loader sees them."""

import struct

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support import models
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


GLB = glb()
NAN, BIG = struct.pack("<f", float("nan")), 2_000_000_000
CYCLE = [{"mesh": 0, "children": [1]}, {"children": [2]}, {"children": [1]}]
BAD = {
    "empty": ("glb", b"", "model.empty"),
    "header": ("glb", GLB[:11], "model.malformed"),
    "cut": ("glb", GLB[:-30], "model.truncated"),
    "version": ("glb", GLB[:4] + b"\x01" + GLB[5:], "model.version"),
    "chunk": ("glb", GLB[:12] + struct.pack("<I", 1 << 31) + GLB[16:], "model.malformed"),
    "no json": ("glb", glb(b"{{{"), "model.malformed"),
    "list": ("glb", glb(b"[1]"), "model.malformed"),
    "deep json": ("glb", glb(b"[" * 100_000), "model.malformed"),
    "count": ("glb", glb(bent("accessors", 0, "count", to=BIG)), "model.malformed"),
    "count beyond": ("glb", glb(bent("accessors", 0, "count", to=5)), "model.malformed"),
    "count negative": ("glb", glb(bent("accessors", 0, "count", to=-1)), "model.malformed"),
    "count true": ("glb", glb(bent("accessors", 0, "count", to=True)), "model.malformed"),
    "zeros": (
        "glb",
        glb(bent("accessors", 0, to={"componentType": 5126, "count": 90_000_000, "type": "VEC3"})),
        "limit.triangles",
    ),
    "type": ("glb", glb(bent("accessors", 0, "type", to=["VEC3"])), "model.malformed"),
    "view": ("glb", glb(bent("bufferViews", 0, "byteLength", to=1000)), "model.malformed"),
    "buffer": ("glb", glb(bent("buffers", 0, "byteLength", to=1000)), "model.truncated"),
    "no view": ("glb", glb(bent("accessors", 0, "bufferView", to=7)), "model.malformed"),
    "no mesh": ("glb", glb(bent("nodes", 0, "mesh", to=3)), "model.malformed"),
    "cycle": ("glb", glb(bent("nodes", to=CYCLE)), "model.malformed"),
    "own child": ("glb", glb(bent("nodes", to=[{"mesh": 0, "children": [0]}])), "model.malformed"),
    "two parents": ("glb", glb(bent("nodes", to=[{"children": [1, 1]}, {"mesh": 0}])), "model.malformed"),
    "deep": (
        "glb",
        glb(bent("nodes", to=[{"children": [n + 1]} for n in range(2000)] + [{"mesh": 0}])),
        "model.malformed",
    ),
    "index": ("glb", glb(binary=GLB[-72:-2] + b"\xff\x00"), "model.unreadable"),
    "nan": ("glb", glb(binary=NAN + GLB[-68:]), "model.not_finite"),
    "no triangles": ("glb", glb(bent("meshes", 0, "primitives", 0, "mode", to=0)), "model.empty"),
    "meshopt": ("glb", glb(bent("extensionsRequired", to=["EXT_meshopt_compression"])), "model.needs_node"),
    "quantized": ("glb", glb(bent("accessors", 0, "normalized", to=True)), "model.needs_node"),
    "second file": ("gltf", b'{"asset":{},"buffers":[{"byteLength":9,"uri":"a.bin"}]}', "model.missing_files"),
    "outside": ("gltf", b'{"asset":{},"buffers":[{"byteLength":9,"uri":"../../etc/passwd"}]}', "model.external"),
    "picture outside": ("glb", glb(bent("images", to=[{"uri": "file:///etc/passwd"}])), "model.external"),
    "stl cut": ("stl", models.stl()[:-10], "model.truncated"),
    "stl lie": ("stl", b"\0" * 80 + struct.pack("<I", 4_000_000_000), "model.truncated"),
    "stl none": ("stl", b"\0" * 84, "model.empty"),
    "stl nan": ("stl", models.stl()[:96] + NAN + models.stl()[100:], "model.not_finite"),
    "stl text nan": ("stl", models.stl_text().replace(b"1.0", b"nan", 1), "model.not_finite"),
    "obj nan": ("obj", models.obj(extra="v 1 NaN 2\n"), "model.not_finite"),
    "obj inf": ("obj", models.obj(extra="v -inf 0 0\n"), "model.not_finite"),
    "obj index": ("obj", b"v 0 0 0\nv 1 0 0\nf 1 2 9\n", "model.unreadable"),
    "obj points": ("obj", b"v 0 0 0\nv 1 0 0\n", "model.empty"),
    "obj other files": ("obj", b"mtllib /etc/passwd\nv 0 0 0\n", "model.empty"),
    "ply lie": ("ply", models.ply(points=4_000_000_000), "model.truncated"),
    "ply head": ("ply", models.ply()[:60], "model.malformed"),
    "ply count": ("ply", models.ply().replace(b"vertex 4", b"vertex x"), "model.malformed"),
    "off lie": ("off", models.off().replace(b"4 4 0", b"4 9999999 0"), "model.truncated"),
    "off index": ("off", models.off().replace(b"3 1 2 3", b"3 1 2 9"), "model.unreadable"),
    "off none": ("off", b"OFF\n", "model.malformed"),
}


@pytest.mark.parametrize("case", BAD)
def test_load__refuses_with_a_code(tmp_path, case):
    """Each broken or hostile file is refused in our own words, and its sender has to act."""
    kind, content, code = BAD[case]
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
