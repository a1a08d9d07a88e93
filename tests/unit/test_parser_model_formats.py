"""One mesh in every 3D format reads as one model: the same triangles, bounds in meters, area and volume."""

import json

import numpy as np
import pytest
from support import model_files as files
from support.models import bent
from support.models import glb as bent_glb

from jobs.errors import InputError
from parsers import fbx_assimp, model, ufbx_library
from parsers.model_facts import Axis
from parsers.sniff import sniff

FBX_READER = "ufbx 0.21.2" if ufbx_library.found() else fbx_assimp.READER
STATED = {
    "fbx": ("fbx", "cm", Axis.Y, FBX_READER),
    "fbx text": ("fbx", "m", Axis.Y, FBX_READER),
    "glb": ("glb", "m", Axis.Y, "trimesh"),
    "gltf": ("gltf", "m", Axis.Y, "trimesh"),
    "gltf zip": ("gltf", "m", Axis.Y, "trimesh"),
    "draco": ("glb", "m", Axis.Y, "trimesh"),
    "3mf": ("3mf", "mm", Axis.Z, "heavylift"),
    "dae": ("dae", "cm", Axis.Z, "pycollada"),
    "step": ("step", "mm", None, "cascadio"),
    "obj zip": ("obj", None, None, "trimesh"),
}


def read(folder, kind, content):
    path = folder / "upload"
    path.write_bytes(content)
    return model.normal(path, kind)


def measured(parts):
    """Triangles, bounds, area and volume, by the bare formulas."""
    corners = np.concatenate([part.vertices[part.faces] for part in parts])
    cross = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    area = np.linalg.norm(cross, axis=1).sum() / 2
    volume = (corners[:, 0] * cross).sum() / 6
    return len(corners), [corners.min(axis=(0, 1)), corners.max(axis=(0, 1))], area, volume


@pytest.mark.parametrize("case", files.EVERY)
def test_normal__is_the_same_in_every_format(tmp_path, case):
    """A wedge of 25 x 50 x 100 cm is that wedge, whatever it is written in, and says what its file states."""
    kind, write = files.EVERY[case]
    content = write()
    assert sniff(content, size=len(content), name="upload").name == kind
    found = read(tmp_path, kind, content)
    triangles, bounds, area, volume = measured(found.parts)
    assert triangles == len(files.FACES)
    near = 1e-4 if case == "draco" else 1e-6  # Draco rounds, as its writer was told to
    assert bounds == [pytest.approx(corner, abs=near) for corner in files.BOUNDS]
    assert (area, volume) == (pytest.approx(files.AREA, rel=near), pytest.approx(files.VOLUME, rel=near))
    form, unit, up, reader = STATED.get(case, (kind, None, None, "trimesh"))
    assert (found.format, found.unit, found.up, found.reader, found.missing) == (form, unit, up, reader, ())
    assert found.unit_stated is (unit is not None)
    assert all(part.vertices.dtype == np.float64 and part.faces.dtype == np.int64 for part in found.parts)


@pytest.mark.parametrize("case", ["gltf zip", "obj zip"])
def test_normal__pictures_of_a_zip(tmp_path, case):
    """Materials find their pictures in the ZIP, whatever the case of a name; sizes come without a decoder."""
    (part,) = read(tmp_path, "model-zip", files.EVERY[case][1]()).parts
    assert (part.material, part.textures) == ("paint", ((4, 2),))
    if case == "obj zip":
        assert part.uv.shape == (len(part.vertices), 2)


def test_normal__each_instance_is_a_part(tmp_path):
    """A mirrored instance stands in the world with its outside outside."""
    doc, binary = files.gltf_doc(files.POINTS, files.FACES)
    doc = bent("nodes", to=[{"mesh": 0}, {"mesh": 0, "scale": [-2, 2, 2]}], doc=doc)
    found = read(tmp_path, "glb", bent_glb(bent("scenes", 0, "nodes", to=[0, 1], doc=doc), binary=binary))
    triangles, bounds, _, volume = measured(found.parts)
    assert (len(found.parts), triangles) == (2, 16)
    assert bounds[0] == pytest.approx([-1.5, 0, 0])
    assert volume == pytest.approx(9 * files.VOLUME)


@pytest.mark.parametrize(
    ("unit", "word", "meters"),
    [("micron", "um", 1e-6), ("inch", "in", 0.0254), ("foot", "ft", 0.3048), ("meter", "m", 1), (None, "mm", 0.001)],
)
def test_normal__units_of_3mf(tmp_path, unit, word, meters):
    """Each unit of the format is known; a 3MF that states none is in millimeters, as its specification says."""
    content = files.package_3mf(files.model_3mf(files.object_3mf(1), '<item objectid="1"/>', unit=unit))
    found = read(tmp_path, "3mf", content)
    assert (found.unit, found.scale) == (word, meters)
    assert measured(found.parts)[1][1] == pytest.approx([part * meters for part in files.BOUNDS[1]])
    assert found.parts[0].material == "paint"


def test_normal__a_3mf_of_several_parts(tmp_path):
    """Slicers keep each object in a part of its own (production extension); ids are those of the part."""
    inner = files.model_3mf(files.object_3mf(1, scale=1000), "")
    component = '<component objectid="1" p:path="/3D/Objects/a.model"/>'
    outer = files.model_3mf(f'<object id="1"><components>{component}</components></object>', '<item objectid="1"/>')
    start = "http://schemas.microsoft.com/3dmanufacturing/2013/01/3dmodel"
    rels = f'<Relationships><Relationship Target="/3D/other.model" Id="r" Type="{start}"/></Relationships>'
    named = {"_rels/.rels": rels, "3D/other.model": outer, "3D/Objects/a.model": inner}
    found = read(tmp_path, "3mf", files.package_3mf("<model/>", named))
    assert measured(found.parts)[3] == pytest.approx(files.VOLUME)


@pytest.mark.parametrize(("text", "unit"), [(b"$,.METRE.", "m"), (b".CENTI.,.METRE.", "cm")])
def test_normal__units_of_step(tmp_path, text, unit):
    """STEP comes in meters, and its own unit is told."""
    found = read(tmp_path, "step", files.step().replace(b".MILLI.,.METRE.", text))
    size = {"m": 1000, "cm": 10}[unit]
    assert (found.unit, measured(found.parts)[1][1][2]) == (unit, pytest.approx(size, rel=1e-6))


def test_normal__missing_pictures_are_told(tmp_path):
    """What only the look hangs on may be missing: it is named, without the folders of its author."""
    assert read(tmp_path, "obj", files.obj(head="mtllib C:\\me\\a.mtl\n")).missing == ("a.mtl",)
    images = '<library_images><image id="i"><init_from>file:///home/me/a%20b.png</init_from></image></library_images>'
    content = files.dae().replace(b"<library_geometries>", f"{images}<library_geometries>".encode())
    assert read(tmp_path, "dae", content).missing == ("a%20b.png",)
    doc, binary = files.gltf_doc(files.POINTS, files.FACES)
    assert read(tmp_path, "glb", bent_glb(doc | {"images": [{"uri": "a.png"}]}, binary=binary)).missing == ("a.png",)
    zipped = files.archive({"a.obj": files.obj(head="mtllib a.mtl\n"), "a.mtl": "newmtl m\nmap_Kd -s 1 1 1 b.png\n"})
    assert read(tmp_path, "model-zip", zipped).missing == ("b.png",)


def test_normal__missing_geometry_is_named(tmp_path):
    """A lone glTF whose buffers were left behind names ten of the files that it needs, and their number."""
    doc, _ = files.gltf_doc(files.POINTS, files.FACES, uri="mesh.bin")
    doc["buffers"] += [{"byteLength": 4, "uri": f"{number}.bin"} for number in range(12)]
    with pytest.raises(InputError) as caught:
        read(tmp_path, "gltf", json.dumps(doc).encode())
    fault = caught.value.fault
    assert fault.code == "model.missing_files"
    assert fault.message.startswith("The model needs files that are not here: 'mesh.bin', '0.bin'")
    assert fault.message.endswith("'8.bin' and 3 more.")
