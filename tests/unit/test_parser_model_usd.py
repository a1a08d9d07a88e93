"""USD and USDZ: what their text can say comes out as triangles, what it can name stays inside the upload."""

import struct
import sys

import numpy as np
import pytest
from support import dressed_models as dressing
from support import labelled_meshes as labelled
from support import model_files as files
from support import usd_files as usd

from jobs.errors import InputError
from models.report import report
from models.verdicts import Budgets
from parsers import model, model_preview, model_usd
from parsers.sniff import sniff
from pipelines.model_3d import PIPELINE

needs_usd = pytest.mark.skipif(usd.ABSENT is not None, reason=usd.ABSENT or "here")
MESHES = labelled.meshes()
QUADS = [[0, 3, 2, 1], [4, 5, 6, 7], [0, 1, 5, 4], [1, 2, 6, 5], [2, 3, 7, 6], [3, 0, 4, 7]]
CORNERS = [(0, 0, 0), (1, 0, 0), (1, 1, 0), (0, 1, 0), (0, 0, 1), (1, 0, 1), (1, 1, 1), (0, 1, 1)]
CUBE = usd.mesh(CORNERS, QUADS)


@pytest.fixture
def read(tmp_path):
    """Gives the normal form of a layer's body, or of these bytes."""

    def made(content, kind="usd", **stated):
        path = tmp_path / f"a.{kind}"
        path.write_bytes(usd.usda(content, **stated) if isinstance(content, str) else content)
        return model.normal(path, kind)

    return made


@pytest.mark.parametrize(
    ("content", "kind"),
    [(usd.usd(), "usd"), (b"PXR-USDC\0\10" + bytes(80), "usd"), (usd.wedge_usdz(), "usdz")],
    ids=["text", "crate", "package"],
)
def test_sniff__usd_is_a_kind_of_the_pipeline(content, kind):
    """Text, crate files and packages are told by how they begin, whatever they are called."""
    found = sniff(content, size=len(content), name="x")
    assert found is not None
    assert found.name == kind
    assert kind in PIPELINE.accepts


def measured(found):
    return report(found.parts, budgets=Budgets())


@needs_usd
@pytest.mark.parametrize(("kind", "write"), [("usd", usd.usd), ("usdz", usd.wedge_usdz)])
def test_normal__is_that_of_other_formats(read, kind, write):
    """The wedge stands where it stands in every format; unit, axis and reader are told."""
    found = read(write(), kind)
    (part,) = found.parts
    assert np.array([part.vertices.min(axis=0), part.vertices.max(axis=0)]) == pytest.approx(np.array(files.BOUNDS))
    assert (measured(found)["volume"], measured(found)["area"]) == pytest.approx((files.VOLUME, files.AREA))
    assert (found.format, found.unit, found.scale, found.up) == (kind, "cm", 0.01, "Z")
    assert found.reader.startswith("usd-core 2")


@needs_usd
@pytest.mark.parametrize("name", MESHES)
def test_normal__labelled_meshes_keep_their_labels(read, name):
    """What is true of a mesh in other formats is true of it in USD."""
    mesh = MESHES[name]
    facts = measured(read(usd.root(usd.mesh(mesh.vertices.tolist(), mesh.faces.tolist()))))
    assert (facts["triangles"], facts["bodies"], facts["watertight"]) == (mesh.triangles, mesh.bodies, mesh.watertight)
    assert (facts["boundary_edges"], facts["inverted_bodies"]) == (mesh.boundary_edges, mesh.inverted)
    assert facts["genus"] == mesh.genus


@needs_usd
@pytest.mark.parametrize(
    ("stated", "unit", "scale", "up"),
    [
        ({"meters": 0.001, "up": "Y"}, "mm", 0.001, "Y"),
        ({"meters": 0.0254, "up": "Z"}, "in", 0.0254, "Z"),
        ({"meters": None, "up": None}, "cm", 0.01, "Y"),  # as the format says of files that say nothing
    ],
)
def test_normal__units_and_axes(read, stated, unit, scale, up):
    """Unit and axis are the file's, else those that USD itself takes."""
    found = read(usd.root(CUBE), **stated)
    assert (found.unit, found.scale, found.up) == (unit, scale, up)
    assert measured(found)["volume"] == pytest.approx(scale**3)


@needs_usd
def test_normal__polygons_holes_and_orientation(read):
    """Polygons are fanned out, faces that are holes left out, and faces with the clock turned around."""
    assert measured(read(usd.root(CUBE)))["volume"] == pytest.approx(1)
    turned = [face[::-1] for face in QUADS]
    more = '    uniform token orientation = "leftHanded"\n'
    facts = measured(read(usd.root(usd.mesh(CORNERS, turned, more=more))))
    assert (facts["volume"], facts["inverted"]) == (pytest.approx(1), False)
    open_box = measured(read(usd.root(usd.mesh(CORNERS, [*QUADS, [0, 1]], more="    int[] holeIndices = [1]\n"))))
    assert (open_box["triangles"], open_box["boundary_edges"]) == (10, 4)


@needs_usd
def test_normal__instances_stand_where_they_are_put(read):
    """References, instances and instancers give a part for each place, moved, turned and mirrored as they say."""
    kit = f'def Xform "Kit"\n{{\n{CUBE}}}\n'
    placed = "".join(
        f'def Xform "I{at}" (\n    instanceable = true\n    references = </R/Kit>\n)\n{{\n'
        f"    double3 xformOp:translate = ({3 * at + 2}, 0, 0)\n"
        '    uniform token[] xformOpOrder = ["xformOp:translate"]\n}\n'
        for at in range(3)
    )
    facts = measured(read(usd.root(kit + placed)))
    assert (facts["bodies"], facts["volume"]) == (4, pytest.approx(4))
    assert facts["bounds"] == [[0, 0, 0], [9, 1, 1]]
    move = "    double3 xformOp:translate = (0, 0, 5)\n" + '    uniform token[] xformOpOrder = ["xformOp:translate"]\n'
    proto = f'def Xform "P"\n{{\n{move}{usd.mesh(CORNERS, QUADS, more=_moved("(10, 0, 0)"))}}}\n'
    instancer = (
        f'def PointInstancer "Many"\n{{\n{_moved("(0, 100, 0)")}    rel prototypes = </R/Many/P>\n'
        "    int[] protoIndices = [0, 0, 0]\n    point3f[] positions = [(0, 0, 0), (20, 0, 0), (40, 0, 0)]\n"
        f"    int64[] ids = [1, 2, 3]\n    int64[] invisibleIds = [2]\n{proto}}}\n"
    )
    facts = measured(read(usd.root(instancer)))
    assert (facts["bodies"], facts["bounds"]) == (2, [[10, 100, 5], [51, 101, 6]])


def _moved(by):
    return f'    double3 xformOp:translate = {by}\n    uniform token[] xformOpOrder = ["xformOp:translate"]\n'


@needs_usd
def test_normal__only_what_is_shown(read):
    """Invisible prims and guides are no part of the model."""
    hidden = usd.mesh(name="H", more='    token visibility = "invisible"\n')
    guide = usd.mesh(name="G", more='    uniform token purpose = "guide"\n')
    assert measured(read(usd.root(CUBE + hidden + guide)))["triangles"] == 12


@needs_usd
@pytest.mark.parametrize(
    ("shape", "volume", "extents"),
    [
        ('def Cube "S"\n{\n    double size = 2\n}\n', 8, [2, 2, 2]),
        ('def Sphere "S"\n{\n    double radius = 1\n}\n', 4.19, [2, 2, 2]),
        ('def Cylinder "S"\n{\n    double radius = 1\n    double height = 4\n}\n', 12.57, [2, 2, 4]),
        ('def Cone "S"\n{\n    double height = 3\n    uniform token axis = "X"\n}\n', 3.14, [3, 2, 2]),
        (
            'def Capsule "S"\n{\n    double radius = 1\n    double height = 2\n    uniform token axis = "Y"\n}\n',
            10.47,
            [2, 4, 2],
        ),
    ],
)
def test_normal__shapes_by_their_sizes(read, shape, volume, extents):
    """Shapes without a mesh become closed meshes around their middle, along their axis."""
    facts = measured(read(usd.root(shape)))
    assert (facts["watertight"], facts["volume"]) == (True, pytest.approx(volume, rel=0.05))
    assert facts["extents"] == pytest.approx(extents, rel=0.03)
    assert np.mean(facts["bounds"], axis=0) == pytest.approx([0, 0, 0], abs=0.03)


TEXTURED = (
    'def Material "Paint"\n{{\n    token outputs:surface.connect = </R/Paint/S.outputs:surface>\n'
    '    def Shader "S"\n    {{\n        uniform token info:id = "UsdPreviewSurface"\n'
    "        color3f inputs:diffuseColor.connect = </R/Paint/T.outputs:rgb>\n        token outputs:surface\n    }}\n"
    '    def Shader "T"\n    {{\n        uniform token info:id = "UsdUVTexture"\n        asset inputs:file = @{file}@\n'
    "        float2 inputs:st.connect = </R/Paint/P.outputs:result>\n        float3 outputs:rgb\n    }}\n"
    '    def Shader "P"\n    {{\n        uniform token info:id = "UsdPrimvarReader_float2"\n'
    '        string inputs:varname = "map"\n        float2 outputs:result\n    }}\n}}\n'
)
GOLD = (
    'def Material "Gold"\n{\n    token outputs:surface.connect = </R/Gold/S.outputs:surface>\n'
    '    def Shader "S"\n    {\n        uniform token info:id = "UsdPreviewSurface"\n'
    "        color3f inputs:diffuseColor = (1, 0.5, 0)\n        float inputs:opacity = 0.5\n        token outputs:surface\n"
    "    }\n}\n"
)
UV = '    texCoord2f[] primvars:map = [{}] (\n        interpolation = "faceVarying"\n    )\n'.format(
    ", ".join(["(0, 0), (1, 0), (1, 1), (0, 1)"] * 6)
)
BOUND = "    rel material:binding = </R/{}>\n"
TOP = (
    'def GeomSubset "Top"\n{\n    uniform token elementType = "face"\n    uniform token familyName = "materialBind"\n'
    f"    int[] indices = [1]\n{BOUND.format('Gold')}}}\n"
)


def _dressed(file):
    return usd.root(TEXTURED.format(file=file) + GOLD + usd.mesh(CORNERS, QUADS, more=UV + BOUND.format("Paint") + TOP))


@needs_usd
def test_normal__materials_textures_and_subsets(read, tmp_path):
    """Each look is a part with its name; the picture's size and the coordinates that it asks for are there."""
    content = usd.usdz({"a/scene.usda": usd.usda(_dressed("../tex/a.png")), "tex/a.png": dressing.picture()})
    found = read(content, "usdz")
    parts = {part.material: part for part in found.parts}
    assert {name: (len(part.faces), part.textures) for name, part in parts.items()} == {
        "Paint": (10, ((8, 8),)),
        "Gold": (2, ()),
    }
    assert np.array_equal(np.unique(parts["Paint"].uv, axis=0), [[0, 0], [0, 1], [1, 0], [1, 1]])
    assert (measured(found)["watertight"], measured(found)["vertices"], found.missing) == (True, 8, ())
    scene = model.load(tmp_path / "a.usdz", "usdz")
    colors = {mesh.visual.material.name: mesh.visual.material.baseColorFactor for mesh in scene.geometry.values()}
    assert colors["Paint"] is None
    assert colors["Gold"].tolist() == [255, 128, 0, 128]
    model_preview.write_preview(scene, "usdz", tmp_path / "a.glb")
    assert b"image/png" in (tmp_path / "a.glb").read_bytes()


@needs_usd
@pytest.mark.parametrize("file", ["tex/b.png", "/etc/passwd", "../../x.png", "file:///etc/passwd", "http://x/a.png"])
def test_load__pictures_elsewhere_are_missing(read, file):
    """A picture that is not in the package is named, and nothing is opened for it."""
    found = read(_dressed(file))
    assert found.missing == (file.rpartition("/")[2],)
    assert measured(found)["triangles"] == 12


def _ref(asset, *, arc="references"):
    return f'def Xform "R" (\n    {arc} = {asset}\n)\n{{\n}}\n'


def _near(name, other):
    return f'def "{name}" (\n    references = </R/{other}>\n)\n{{\n}}\n'


DOUBLING = "".join(
    f'def Xform "D{at}"\n{{\n    def "A" (\n        references = </D{at + 1}>\n    )\n    {{\n    }}\n'
    f'    def "B" (\n        references = </D{at + 1}>\n    )\n    {{\n    }}\n}}\n'
    for at in range(40)
)
VARIANT = (
    'def Xform "R" (\n    variants = {\n        string v = "a"\n    }\n    prepend variantSets = "v"\n)\n{\n'
    '    variantSet "v" = {\n        "a" (\n            payload = @/etc/x.usda@\n        ) {\n        }\n    }\n}\n'
)
HOSTILE = {
    "reference": (_ref("@/etc/x.usda@</R>"), "model.external"),
    "reference up": (_ref("@../x.usda@</R>"), "model.external"),
    "payload": (_ref("@/etc/x.usda@", arc="payload"), "model.external"),
    "uri": (_ref("@http://127.0.0.1/x.usda@"), "model.external"),
    "expression": (_ref('@`"/etc/x.usda"`@'), "model.external"),
    "expression parts": (_ref('@`if(true, "/etc/x.usda", "b.usda")`@'), "model.external"),
    "variant": (VARIANT, "model.external"),
    "beside": (_ref("@x.usda@"), "model.missing_files"),
    "doubling": (DOUBLING, "model.malformed"),
    "deep": ("".join(f'def "a{at}"\n{{\n' for at in range(300)) + "}\n" * 300, "model.malformed"),
    "nothing": ('def Xform "R"\n{\n}\n', "model.empty"),
    "counts": (CUBE.replace("[4, 4, 4, 4, 4, 4]", "[4, 4, 4, 4, 4, 2000000000]"), "model.malformed"),
    "counts below": (CUBE.replace("[4, 4, 4, 4, 4, 4]", "[4, 4, 4, 4, -4, 12]"), "model.malformed"),
    "index": (CUBE.replace("[0, 3", "[99, 3"), "model.malformed"),
    "nan": (CUBE.replace("(0, 0, 0)", "(nan, 0, 0)"), "model.not_finite"),
    "junk": ("def def {", "model.unreadable"),
}


@needs_usd
@pytest.mark.parametrize("case", HOSTILE)
def test_load__refuses_with_a_code(read, case):
    """Layers that name others, or that would grow without end, are refused by name."""
    body, code = HOSTILE[case]
    with pytest.raises(InputError) as caught:
        read(body)
    assert caught.value.fault.code == code


@needs_usd
@pytest.mark.parametrize(
    ("stated", "code"),
    [
        ({"head": "    subLayers = [@/etc/x.usda@]\n"}, "model.external"),
        ({"head": "    subLayers = [@x.usda@]\n"}, "model.missing_files"),
        ({"meters": 0}, "model.malformed"),
    ],
)
def test_load__refuses_heads_with_a_code(read, stated, code):
    """The head of a layer can name others, too, and state a unit that is none."""
    with pytest.raises(InputError) as caught:
        read(usd.root(CUBE), **stated)
    assert caught.value.fault.code == code


@needs_usd
@pytest.mark.parametrize(
    "body",
    [
        f'def Xform "R" (\n    references = </R>\n)\n{{\n{CUBE}}}\n',
        usd.root(CUBE + _near("A", "B") + _near("B", "A")),
    ],
    ids=["itself", "each other"],
)
def test_load__circles_of_references_end(read, body):
    """References in circles lead nowhere, and what stands beside them is read once."""
    assert measured(read(body))["triangles"] == 12


@needs_usd
def test_load__opens_nothing_beside_the_upload(tmp_path, read):
    """A layer next to the upload is not read, though the scene names it; one in the package is."""
    (tmp_path / "x.usda").write_bytes(usd.usd())
    with pytest.raises(InputError) as caught:
        read(_ref("@x.usda@"))
    assert caught.value.fault.code == "model.missing_files"
    assert (
        measured(read(usd.usdz({"a.usda": usd.usda(_ref("@x.usda@")), "x.usda": usd.usd()}), "usdz"))["triangles"] == 8
    )


@needs_usd
@pytest.mark.parametrize(
    ("entries", "code"),
    [
        ({"a.txt": b"x"}, "model.malformed"),
        ({"a.usda": b"no usd"}, "model.malformed"),
        ({"a.usdc": b"PXR-USDC" + bytes(8) + struct.pack("<q", 1 << 60)}, "model.truncated"),
        ({"a.usdc": b"PXR-USDC"}, "model.truncated"),
        ({"a.usda": usd.usda(_ref("@b/c.usdz@")), "b/c.usdz": b"PK"}, "model.malformed"),
        ({"a.usda": usd.usda(_dressed("a.png")), "a.png": files.png(30_000, 30_000)}, "limit.pixels"),
        ({"a.usda": usd.usd(), "A.usda": usd.usd()}, "zip.ambiguous"),
        ({"../a.usda": usd.usd()}, "zip.name"),
    ],
    ids=["none", "text", "far", "short", "nested", "pixels", "twice", "name"],
)
def test_load__refuses_packages_with_a_code(read, entries, code):
    """Packages that are no model, hold one in another, or lie about sizes are refused by name."""
    with pytest.raises(InputError) as caught:
        read(usd.usdz(entries), "usdz")
    assert caught.value.fault.code == code


@needs_usd
def test_load__a_packed_bomb_is_refused(read):
    """A package whose layer unpacks without end is refused before the library sees it."""
    with pytest.raises(InputError) as caught:
        read(files.archive({"a.usda": usd.usd() + b" " * (40 << 20)}), "usdz")
    assert caught.value.fault.code == "zip.ratio"


@pytest.mark.parametrize(("kind", "write"), [("usd", usd.usd), ("usdz", usd.wedge_usdz)])
def test_load__without_the_library_says_how_to_get_it(tmp_path, monkeypatch, kind, write):
    """Where usd-core is not installed, the job fails at once with the cure, and nothing else is looked at."""
    monkeypatch.setattr(model_usd.importlib.util, "find_spec", lambda _name: None)
    path = tmp_path / "a"
    path.write_bytes(write())
    with pytest.raises(InputError) as caught:
        model.load(path, kind)
    assert caught.value.fault.code == "model.reader_missing"
    assert "HEAVYLIFT_EXTRAS=usd" in (caught.value.fault.hint or "")


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "model.malformed"),
        (b"#obj", "model.malformed"),
        (b"PXR-USDC" + bytes(16), "model.truncated"),
        (b"PXR-USDC" + bytes(8) + struct.pack("<q", -1), "model.truncated"),
        (b"PXR-USDC" + bytes(8) + struct.pack("<q", 17), "model.truncated"),
    ],
)
def test_check_layer__refuses_what_is_none(tmp_path, content, code):
    """The head alone tells what can't be a layer, with or without the library."""
    path = tmp_path / "a.usd"
    path.write_bytes(content)
    with pytest.raises(InputError) as caught:
        model_usd.check_layer(path)
    assert caught.value.fault.code == code


@needs_usd
def test_load__leaves_nothing_behind(tmp_path, read, monkeypatch):
    """What is unpacked is gone afterwards, and the library is never loaded into this process."""
    folder = tmp_path / "scratch"
    folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    read(usd.wedge_usdz(), "usdz")
    assert not list(folder.iterdir())
    assert "pxr" not in sys.modules
