"""FBX by both of its readers: geometry, units, axes, nodes, materials and layouts are those of the file."""

import json

import pytest
from support import fbx_files as fbx
from support import labelled_meshes
from support import model_files as files

from jobs.errors import InputError, UnreadableFile
from models.report import report
from models.verdicts import Budgets
from parsers import model, model_fbx, ufbx_library
from parsers.fbx_assimp import READER, read_assimp
from parsers.fbx_preflight import check_fbx
from parsers.fbx_scene import to_scene
from parsers.fbx_ufbx import read_ufbx
from parsers.model_facts import Axis, set_facts
from parsers.model_normal import to_normal

LIBRARY = ufbx_library.found()
READERS = [
    pytest.param(
        "ufbx", marks=pytest.mark.skipif(LIBRARY is None, reason=f"ufbx is not here: {ufbx_library.reason()}")
    ),
    "assimp",
]
MESHES = labelled_meshes.meshes()
FREE = Budgets(triangles=None, texture_pixels=None, file_bytes=None)
QUAD = [(0, 1, 2, 3)]
SQUARE = [(0.0, 0.0, 0.0), (1.0, 0.0, 0.0), (1.0, 1.0, 0.0), (0.0, 1.0, 0.0)]


@pytest.fixture(params=READERS)
def read(request, tmp_path):
    """Reads a file's bytes into the normal form with one of the readers."""

    def reading(content):
        path = tmp_path / "upload"
        path.write_bytes(content)
        head = check_fbx(path)
        found = read_ufbx(path, LIBRARY) if request.param == "ufbx" else read_assimp(path, head)
        scene, facts = to_scene(found)
        set_facts(scene, facts)
        return to_normal(scene, "fbx")

    reading.name = request.param
    return reading


def measured(parts):
    """Triangles, bounds, area, volume and bodies of the parts together."""
    found = report(parts, budgets=FREE)
    return {name: found[name] for name in ("triangles", "bodies", "watertight", "area", "volume", "bounds")}


def near(value):
    """About the value: one of the readers has 32 bits for a number."""
    return value if value is None else pytest.approx(value, rel=1e-5, abs=1e-6)


def same_as_wedge(found, *, times=1):
    """Whether the parts are the wedge of the other formats' tests, so many times at one place."""
    facts = measured(found.parts)
    assert facts["triangles"] == times * len(files.FACES)
    assert [near(corner) for corner in files.BOUNDS] == facts["bounds"]
    assert facts["volume"] == near(times * files.VOLUME)
    assert facts["area"] == near(times * files.AREA)


@pytest.mark.parametrize("name", MESHES)
def test_fbx__labelled_meshes_have_the_facts_of_their_labels(read, name):
    """Closed, open, turned, doubled, collapsed: what a mesh is known to be, it is when it comes as FBX."""
    mesh = MESHES[name]
    content = fbx.wedge(mesh.vertices.tolist(), mesh.faces.tolist(), scale=100).binary()
    found = json.loads(json.dumps(report(read(content).parts, budgets=FREE), allow_nan=False))
    expected = {
        "triangles": mesh.triangles,
        "bodies": mesh.bodies,
        "watertight": mesh.watertight,
        "boundary_edges": mesh.boundary_edges,
        "non_manifold_edges": mesh.non_manifold_edges,
        "winding_consistent": mesh.winding_consistent,
        "inverted_bodies": mesh.inverted,
        "duplicate_faces": mesh.duplicates,
        "genus": mesh.genus,
    }
    assert {fact: found[fact] for fact in expected} == expected
    assert found["area"] == near(mesh.area)
    assert found["volume"] == near(mesh.volume)


@pytest.mark.parametrize(
    ("scale", "unit", "meters"), [(1, "m", 1), (100, "cm", 0.01), (1000, "mm", 0.001), (1 / 0.0254, "in", 0.0254)]
)
@pytest.mark.parametrize("form", ["binary", "text"])
def test_fbx__units_are_stated(read, form, scale, unit, meters):
    """One wedge in several units is one wedge in meters, and the unit is told."""
    found = read(getattr(fbx.wedge(scale=scale), form)())
    assert (found.unit, found.scale, found.up) == (unit, meters, Axis.Y)
    same_as_wedge(found)


@pytest.mark.parametrize("version", [7100, 7300, 7400, 7500, 7700])
def test_fbx__versions(read, version):
    """The binary form has wider numbers from 7.5 on."""
    same_as_wedge(read(fbx.wedge().binary(version=version)))


def test_fbx__z_up_is_turned_to_y(read):
    """A file with Z up comes as the same model with Y up."""
    found = read(fbx.wedge(fbx.turned(), up="Z").binary())
    assert found.up is Axis.Y
    same_as_wedge(found)


def test_fbx__no_settings_no_claims(read):
    """Where the file states neither unit nor axes, none are stated."""
    found = read(fbx.wedge(unit=None, up=None).binary())
    assert (found.unit, found.scale, found.up, found.unit_stated) == (None, 1.0, None, False)
    same_as_wedge(found)


def test_fbx__polygons_become_triangles(read):
    """Faces of four and of five corners, one of them not convex, cover the same area."""
    house = [(0.0, 0.0, 1.0), (2.0, 0.0, 1.0), (2.0, 1.0, 1.0), (1.0, 0.25, 1.0), (0.0, 1.0, 1.0)]
    shape = fbx.Shape(points=[*SQUARE, *house], faces=[(0, 1, 2, 3), (4, 5, 6, 7, 8)])
    facts = measured(read(fbx.Scene(shapes=[shape]).binary()).parts)
    assert (facts["triangles"], facts["area"]) == (2 + 3, near(1 + 1.25))


def test_fbx__nodes_place_their_meshes(read):
    """Two nodes share a mesh, one below a group: each is a body where it stands; geometry has a move of its own."""
    shapes = [fbx.Shape(points=files.POINTS, faces=files.FACES)]
    placed = [
        fbx.Placed(name="group", move=(10, 0, 0)),
        fbx.Placed(shape=0, parent=0, name="near", scale=(2, 2, 2), inner=(1, 0, 0)),
        fbx.Placed(shape=0, name="far", turn=(0, 90, 0)),
    ]
    found = read(fbx.Scene(shapes=shapes, placed=placed).binary())
    facts = measured(found.parts)
    assert (facts["bodies"], facts["watertight"], facts["volume"]) == (2, True, near(9 * files.VOLUME))
    # The first: 2 * (0.5 + 1) + 10 to 2 * (0.75 + 1) + 10; the second: x becomes -z, z becomes x.
    assert facts["bounds"] == [near([0, 0, -0.75]), near([13.5, 1, 2])]


def test_fbx__a_mirror_leaves_the_outside_outside(read):
    """A node with a scale below zero shows its mesh mirrored, not inside out."""
    shapes = [fbx.Shape(points=files.POINTS, faces=files.FACES)]
    found = read(fbx.Scene(shapes=shapes, placed=[fbx.Placed(shape=0, scale=(-1, 1, 1))]).binary())
    facts = measured(found.parts)
    assert (facts["volume"], facts["bounds"][0][0]) == (near(files.VOLUME), near(-0.75))


def painted():
    """A wedge of two materials with a layout; one picture lies in the file, one beside it."""
    uv = [(x, y + z) for x, y, z in files.POINTS]
    shape = fbx.Shape(points=files.POINTS, faces=files.FACES, uv=uv, paints=[0, 1] * 4)
    red = fbx.Paint(name="red", file="tex\\a.png", content=files.png(4, 2))
    blue = fbx.Paint(name="blue", color=(0, 0, 1), file="C:\\me\\b.png")
    return fbx.Scene(shapes=[shape], placed=[fbx.Placed(shape=0, paints=(0, 1))], paints=[red, blue])


def test_fbx__materials_and_layouts(read):
    """Triangles of one material are one part, with its name; each corner has its place in the picture."""
    found = read(painted().binary())
    same_as_wedge(found)
    assert sorted(part.material for part in found.parts) == ["blue", "red"]
    for part in found.parts:
        assert part.uv[:, 0] == near(part.vertices[:, 0])
        assert part.uv[:, 1] == near(part.vertices[:, 1] + part.vertices[:, 2])
    if read.name == "ufbx":  # the other hands over no picture, and does not tell those in the file from those beside it
        assert ({part.material: part.textures for part in found.parts}, found.missing) == (
            {"red": ((4, 2),), "blue": ()},
            ("b.png",),
        )
    else:
        assert found.missing == ()


def test_fbx__a_point_at_two_places_of_the_picture(read):
    """Where the layout is cut, a point stands there twice, and each corner keeps its place."""
    shape = fbx.Shape(points=SQUARE, faces=[(0, 1, 2), (0, 2, 3)], cut=[(number / 8, 0.5) for number in range(6)])
    (part,) = read(fbx.Scene(shapes=[shape]).binary()).parts
    assert part.uv[part.faces.reshape(-1), 0] == near([number / 8 for number in range(6)])
    assert len(part.vertices) == 6


def test_fbx__a_name_in_many_letters(read):
    """Names are UTF-8."""
    paint = fbx.Paint(name="Räder 車")
    shape = fbx.Shape(points=SQUARE, faces=QUAD, paints=[0])
    scene = fbx.Scene(shapes=[shape], placed=[fbx.Placed(shape=0, paints=(0,))], paints=[paint])
    (part,) = read(scene.binary()).parts
    assert (part.material, len(part.faces)) == ("Räder 車", 2)


def test_load__names_its_reader(tmp_path):
    """The model tells which reader it was, and that is ufbx wherever that was built."""
    path = tmp_path / "upload"
    path.write_bytes(fbx.wedge().binary())
    reader = model.normal(path, "fbx").reader
    assert reader.startswith("ufbx ") if LIBRARY else reader == READER
    assert model_fbx.fallen_back(reader) is (LIBRARY is None)


@pytest.mark.skipif(LIBRARY is None, reason=f"ufbx is not here: {ufbx_library.reason()}")
def test_ufbx__a_library_of_another_kind_is_not_used(tmp_path):
    """What can not be loaded as our library is an error of the machine, no word on the file."""
    wrong = tmp_path / "ufbx.so"
    wrong.write_bytes(b"\x7fELF")
    path = tmp_path / "upload"
    path.write_bytes(fbx.wedge().binary())
    with pytest.raises(OSError, match=r"ufbx\.so"):
        read_ufbx(path, wrong)


def test_load__no_mesh_is_empty(tmp_path):
    """A scene of groups alone has nothing to look at."""
    path = tmp_path / "upload"
    path.write_bytes(fbx.Scene(shapes=[], placed=[fbx.Placed()]).binary())
    with pytest.raises(UnreadableFile) as caught:
        model.load(path, "fbx")
    assert caught.value.fault.code == "model.empty"


def test_read__too_many_instances(read, monkeypatch):
    """A small mesh that stands there often enough is more than is taken."""
    for reader in ("fbx_ufbx", "fbx_assimp"):
        monkeypatch.setattr(f"parsers.{reader}.MAX_TRIANGLES", 2000)
    shape = fbx.Shape(points=SQUARE, faces=QUAD * 20)
    placed = [fbx.Placed(shape=0, name=f"n{number}") for number in range(51)]
    with pytest.raises(InputError) as caught:
        read(fbx.Scene(shapes=[shape], placed=placed).binary())
    assert caught.value.fault.code == "limit.triangles"
