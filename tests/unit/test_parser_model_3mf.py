"""What a 3MF is dressed in reaches the normal form and the preview, and its geometry does not suffer."""

import io
import zipfile

import numpy as np
import pytest
import trimesh
from support import dressed_models as dressing
from support import model_files as files
from support.dressed_models import COLORS, GOLD, LAYERS, STEEL, TEXTURE, dressed

from jobs.errors import InputError
from models.report import report
from models.verdicts import Budgets
from parsers import model, model_preview


@pytest.fixture
def parts(tmp_path):
    """Reads the parts of a package."""

    def read(content):
        path = tmp_path / "a.3mf"
        path.write_bytes(content)
        return model.normal(path, "3mf").parts

    return read


@pytest.fixture
def shown(tmp_path):
    """Gives the meshes that the preview of a package has."""

    def read(content):
        path, target = tmp_path / "a.3mf", tmp_path / "a.glb"
        path.write_bytes(content)
        model_preview.write_preview(model.load(path, "3mf"), "3mf", target)
        return list(trimesh.load_scene(target, process=False).geometry.values())

    return read


SUITS = {
    "plain": ["", ""],
    "materials": [STEEL, GOLD],
    "texture": [TEXTURE],
    "colors": [COLORS],
    "layers": [LAYERS],
    "motley": [STEEL, TEXTURE, COLORS, GOLD, LAYERS, ""],
}


@pytest.mark.parametrize("suit", SUITS)
def test_normal__a_dressed_body_is_whole(parts, suit):
    """However its sides are dressed, the cube is one closed body of 12 triangles and one cubic centimeter."""
    found = report(parts(dressed(SUITS[suit])), budgets=Budgets())
    assert (found["triangles"], found["bodies"], found["watertight"], found["vertices"]) == (12, 1, True, 8)
    assert found["volume"] == pytest.approx(1e-6)


def test_normal__each_look_is_a_part(parts):
    """Materials give their names, textures their pictures and coordinates; what says nothing has neither."""
    found = {part.material: part for part in parts(dressed([STEEL, TEXTURE, GOLD, GOLD, ""]))}
    assert {name: len(part.faces) for name, part in found.items()} == {"steel": 2, "check.png": 2, "gold": 4, None: 4}
    assert found["check.png"].textures == ((8, 8),)
    assert np.array_equal(np.unique(found["check.png"].uv, axis=0), [[0, 0], [0, 1], [1, 0], [1, 1]])
    assert [found[name].uv for name in ("steel", "gold", None)] == [None] * 3


@pytest.mark.parametrize("suit", [TEXTURE, LAYERS])
def test_normal__coordinates_stay_with_their_corners(parts, suit):
    """Each corner of the top side has the place in the texture that its triangle names, through layers too."""
    (part,) = [one for one in parts(dressed(["", suit, ""])) if one.uv is not None]
    turned = suit == LAYERS  # its properties name the corners of the texture backwards
    for point, uv in zip(part.vertices * 100, part.uv, strict=True):
        place = [(0, 0), (1, 0), (1, 1), (0, 1)].index(tuple(np.round(point[:2]).astype(int)))
        assert tuple(uv) == [(0, 0), (1, 0), (1, 1), (0, 1)][3 - place if turned else place]


def test_normal__triangles_go_by_their_object(parts):
    """A triangle that says nothing wears what its object does; one that names no group means the object's."""
    whole = ' pid="1" pindex="1"'
    assert [part.material for part in parts(dressed([""], whole=whole))] == ["gold"]
    own = dressed([""], whole=whole)
    bent = files.archive(_bent(own, '<triangle v1="0" v2="3" v3="2"/>', '<triangle v1="0" v2="3" v3="2" p1="0"/>'))
    assert {part.material: len(part.faces) for part in parts(bent)} == {"steel": 1, "gold": 11}


def test_preview__shows_the_texture(shown):
    """The preview holds the picture upright: red where its upper half is."""
    (mesh,) = shown(dressed([TEXTURE]))
    image = mesh.visual.material.baseColorTexture.convert("RGB")
    assert (image.getpixel((0, 0)), image.getpixel((0, 7))) == ((255, 0, 0), (0, 0, 255))
    top = mesh.vertices[:, 1] > 0.005
    assert set(np.round(mesh.visual.uv[top & (mesh.vertices[:, 2] > -1e-9)][:, 1])) <= {0.0, 1.0}


def test_preview__shows_colors(shown):
    """Corners keep their colors, and transparency theirs; one color for all is the material's."""
    (mesh,) = shown(dressed([COLORS]))
    assert {tuple(color) for color in mesh.visual.vertex_colors.tolist()} == {
        (255, 0, 0, 255),
        (0, 255, 0, 255),
        (0, 0, 255, 255),
        (255, 255, 0, 128),
    }
    (plain,) = shown(dressed(["3 1"]))
    assert tuple(plain.visual.material.baseColorFactor) == (0, 255, 0, 255)


def test_preview__many_materials_become_colors(shown):
    """A mesh of more materials than are kept apart has their colors all the same."""
    bases = "".join(f'<base name="m{at}" displaycolor="#00{at:02X}{255 - at:02X}"/>' for at in range(200))
    faces = "".join(f'<triangle v1="0" v2="1" v3="2" pid="1" p1="{at}"/>' for at in range(200))
    corners = "".join(f'<vertex x="{x}" y="{y}" z="0"/>' for x, y in ((0, 0), (1, 0), (0, 1)))
    mesh = f"<mesh><vertices>{corners}</vertices><triangles>{faces}</triangles></mesh>"
    text = f'<object id="1">{mesh}</object>'
    content = files.model_3mf(f'<basematerials id="1">{bases}</basematerials>{text}', '<item objectid="1"/>')
    (found,) = shown(files.package_3mf(content))
    assert len({tuple(color) for color in found.visual.vertex_colors.tolist()}) == 200


def test_load__a_missing_picture_is_named(tmp_path, parts):
    """A texture that is not in the package is a missing file; the coordinates stay."""
    (part,) = parts(dressed([TEXTURE], pictures={}))
    assert (part.textures, part.uv is None) == ((), False)
    assert model.normal(tmp_path / "a.3mf", "3mf").missing == ("check.png",)


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (dressed([TEXTURE], pictures={"3D/Textures/check.png": files.png(30_000, 30_000)}), "limit.pixels"),
        (dressed([TEXTURE], pictures={"3D/Textures/check.png": bytes(40 << 20)}), "zip.ratio"),
        (dressed(["1 -1"]), "model.malformed"),
        (dressed(["1 99999999999"]), "model.malformed"),
        (dressed(["1 x"]), "model.malformed"),
        (dressed([TEXTURE], groups=dressing.GROUPS.replace('u="1"', 'u="one"')), "model.malformed"),
        (dressed([TEXTURE], groups=dressing.GROUPS.replace(' texid="9"', "")), "model.malformed"),
        (dressed([STEEL], groups="".join(f'<m:colorgroup id="{at}"/>' for at in range(10_001))), "model.malformed"),
    ],
    ids=["pixels", "bomb", "below", "huge", "word", "coordinate", "texture", "groups"],
)
def test_load__refuses_looks_that_lie(parts, content, code):
    """Pictures and properties that can not be are refused by name."""
    with pytest.raises(InputError) as caught:
        parts(content)
    assert caught.value.fault.code == code


@pytest.mark.parametrize(
    "content",
    [
        dressed(["1 7"]),
        dressed(["77 0"]),
        dressed(["2 0 1 2 9"]),
        dressed(["4 0 1 2 9"]),
        dressed([LAYERS], groups=dressing.GROUPS.replace('pids="1 2"', 'pids="4 4"')),
        dressed([LAYERS], groups=dressing.GROUPS.replace('pindices="0 0"', 'pindices=""')),
        dressed([TEXTURE], groups=dressing.GROUPS.replace("/3D/Textures/check.png", "/../../etc/passwd")),
        dressed([TEXTURE], pictures={"3D/Textures/check.png": b"no picture"}),
        dressed([TEXTURE], pictures={"3D/Textures/check.png": dressing.picture()[:40]}),
        dressed([TEXTURE], groups=dressing.GROUPS.replace('u="1"', 'u="nan"').replace('v="1"', 'v="1e999"')),
        dressed([COLORS], groups=dressing.GROUPS.replace("#FF0000", "#GG0000").replace("#00FF00", "green")),
    ],
    ids=["index", "group", "corner", "layer", "own layers", "no picks", "escape", "junk", "cut", "nan", "color"],
)
def test_load__geometry_is_read_whatever_it_wears(parts, shown, content):
    """Looks that lead nowhere cost the model its color, not its shape; the preview can be written."""
    found = report(parts(content), budgets=Budgets())
    assert (found["triangles"], found["watertight"]) == (12, True)
    assert sum(len(mesh.faces) for mesh in shown(content)) == 12


def _bent(content, old, new):
    """The entries of a package with its model changed."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        entries = {name: archive.read(name) for name in archive.namelist()}
    text = entries["3D/3dmodel.model"].decode()
    assert old in text
    return entries | {"3D/3dmodel.model": text.replace(old, new)}
