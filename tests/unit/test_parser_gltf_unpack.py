"""Compressed glTF is read as the plain one is; what contradicts itself, or would be too large, is refused by name."""

import json
import struct
from pathlib import Path

import numpy as np
import pytest
import trimesh
from support import labelled_meshes, model_files, models
from support.gltf_tools import WAYS, absent, compressed, finder, gltf_tools

from jobs.errors import InputError, StepError, TransientError
from models.options import ModelOptions
from models.report import report
from parsers import model
from parsers.gltf_tools import GltfTools, read_tools

ABSENT = absent()
needs_node = pytest.mark.skipif(ABSENT is not None, reason=ABSENT or "here")
MESHES = {
    "wedge": (model_files.POINTS, model_files.FACES),
    "cube": labelled_meshes.cube(4),
    "ring": labelled_meshes.torus(24, 12),
    "open": (model_files.POINTS, model_files.FACES[:-1]),
}
MESHOPT = "EXT_meshopt_compression"


def read(folder, content, *, kind="glb", tools=None):
    """The normal form of a file with this content."""
    path = folder / "upload"
    path.write_bytes(content)
    scene = model.load(path, kind, tools=finder(tools or gltf_tools()))
    return model.normal(scene, kind)


def facts(found):
    """What the geometry report says, but for what rounding may change in the last digits."""
    made = report(found.parts, budgets=ModelOptions().budgets())
    exact = ("triangles", "bodies", "watertight", "boundary_edges", "winding_consistent", "genus", "holes")
    return {name: made[name] for name in exact}, [made["area"], *made["bounds"][0], *made["bounds"][1]]


def split(content):
    """JSON and buffer of a GLB."""
    (length,) = struct.unpack_from("<I", content, 12)
    return json.loads(content[20 : 20 + length]), content[28 + length :]


@needs_node
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("mesh", MESHES)
def test_unpack__one_mesh_has_one_report(tmp_path, mesh, way):
    """Whatever compresses a mesh, its report is that of the plain GLB, and the reader is told."""
    points, faces = MESHES[mesh]
    shift = np.minimum(np.min(points, axis=0), 0)  # whole numbers have no sign here
    plain = trimesh.Trimesh(np.asarray(points) - shift, faces, process=False).export(file_type="glb")
    if way == "normalized" and np.ptp(points, axis=0).max() > 1:
        plain = trimesh.Trimesh((np.asarray(points) - shift) / 4, faces, process=False).export(file_type="glb")
    packed = compressed(plain, way, tmp_path)
    expected, measures = facts(read(tmp_path, plain))
    found = read(tmp_path, packed)
    same, measured = facts(found)
    assert same == expected
    assert measured == (measures if way in {"meshopt", "meshopt-khr"} else pytest.approx(measures, rel=2e-3, abs=2e-3))
    assert found.format == "glb"
    assert found.reader == ("trimesh" if way == "draco" else "trimesh + gltf-transform 4.5.1")


@needs_node
def test_unpack__a_zip_with_its_buffer_beside_it(tmp_path):
    """A glTF whose compressed buffer lies beside it in a ZIP is read, whatever case its name is in."""
    doc, binary = split(compressed(model_files.glb(), "meshopt", tmp_path))
    doc["buffers"][0]["uri"] = "Data%201/mesh.BIN"
    content = model_files.archive({"a/scene.gltf": json.dumps(doc), "a/data 1/mesh.bin": binary})
    found = read(tmp_path, content, kind="model-zip")
    assert (found.format, found.reader) == ("gltf", "trimesh + gltf-transform 4.5.1")
    assert sum(len(part.faces) for part in found.parts) == len(model_files.FACES)


@needs_node
def test_unpack__a_gltf_that_came_alone(tmp_path):
    """A JSON glTF with its compressed buffer inside is read."""
    import base64

    doc, binary = split(compressed(model_files.glb(), "meshopt-quantized", tmp_path))
    doc["buffers"][0]["uri"] = "data:application/octet-stream;base64," + base64.b64encode(binary).decode()
    found = read(tmp_path, json.dumps(doc).encode(), kind="gltf")
    assert sum(len(part.faces) for part in found.parts) == len(model_files.FACES)


@needs_node
def test_unpack__pictures_stay_and_missing_ones_are_named(tmp_path):
    """A texture that came along keeps its size; one that did not is told as with any glTF."""
    doc, binary = split(compressed(model_files.glb(), "meshopt", tmp_path))
    doc["buffers"][0]["uri"] = "mesh.bin"
    doc["images"] = [{"uri": "here.png"}, {"uri": "gone.png"}]
    doc["textures"] = [{"source": 0}, {"source": 1}]
    doc["materials"] = [{"pbrMetallicRoughness": {"baseColorTexture": {"index": 0}}, "normalTexture": {"index": 1}}]
    doc["meshes"][0]["primitives"][0]["material"] = 0
    files = {"scene.gltf": json.dumps(doc), "mesh.bin": binary, "here.png": model_files.png(4, 2)}
    found = read(tmp_path, model_files.archive(files), kind="model-zip")
    assert found.missing == ("gone.png",)
    assert found.parts[0].textures == ((4, 2),)


KTX2 = b"\xabKTX 20\xbb\r\n\x1a\n" + bytes(80)


@pytest.mark.parametrize("way", [None, pytest.param("meshopt", marks=needs_node)])
def test_load__pictures_in_ktx2_are_told(tmp_path, way):
    """A texture that is not decoded here is accepted and counted, compressed mesh or not, and becomes a finding."""
    doc, binary = split(compressed(model_files.glb(), way, tmp_path) if way else model_files.glb())
    doc["buffers"][0]["byteLength"] += len(KTX2)
    doc["bufferViews"].append({"buffer": 0, "byteOffset": len(binary), "byteLength": len(KTX2)})
    doc["images"] = [{"bufferView": 2, "mimeType": "image/ktx2"}]
    doc["textures"] = [{"extensions": {"KHR_texture_basisu": {"source": 0}}}]
    doc["materials"] = [{"pbrMetallicRoughness": {"baseColorTexture": {"index": 0}}}]
    doc["extensionsUsed"] = [*doc.get("extensionsUsed", []), "KHR_texture_basisu"]
    found = read(tmp_path, models.glb(doc, binary=binary + KTX2))
    assert found.undecoded == 1
    made = report(found.parts, budgets=ModelOptions().budgets(), undecoded=found.undecoded)
    assert ("model.texture_not_decoded", 1) in {(one["code"], one["count"]) for one in made["findings"]}


def lies(content, change):
    """A compressed GLB whose document was changed."""
    doc, binary = split(content)
    change(doc)
    return models.glb(doc, binary=binary)


def block(doc):
    return doc["bufferViews"][0]["extensions"][MESHOPT]


def too_large(doc):
    block(doc)["count"] = 2**22
    doc["bufferViews"][0]["byteLength"] = block(doc)["byteStride"] * 2**22
    doc["bufferViews"] *= 8


LIES = {
    "block beyond the buffer": (lambda doc: block(doc).update(byteLength=10**6), "model.malformed"),
    "block of another size": (lambda doc: block(doc).update(count=7), "model.malformed"),
    "block in no buffer": (lambda doc: block(doc).update(buffer=9), "model.malformed"),
    "negative": (lambda doc: block(doc).update(byteOffset=-4), "model.malformed"),
    "no such mode": (lambda doc: block(doc).update(mode="NO"), "model.malformed"),
    "no such filter": (lambda doc: block(doc).update(filter="NO"), "model.malformed"),
    "wrong mode": (lambda doc: block(doc).update(mode="INDICES"), "model.malformed"),
    "bomb": (too_large, "limit.unpacked"),
    "outside": (lambda doc: doc["buffers"][0].update(uri="../../etc/passwd"), "model.external"),
    "absolute": (lambda doc: doc["buffers"][0].update(uri="/etc/passwd"), "model.external"),
    "cycle": (lambda doc: doc["nodes"][0].update(children=[0]), "model.malformed"),
    "shrunk": (lambda doc: doc["accessors"][0].update(count=10**6), "model.malformed"),
}


@needs_node
@pytest.mark.parametrize("case", LIES)
def test_unpack__lies_are_refused_by_name(tmp_path, case):
    """A compressed glTF whose numbers do not add up is refused in our own words, and opens nothing else."""
    change, code = LIES[case]
    content = lies(compressed(model_files.glb(), "meshopt", tmp_path), change)
    with pytest.raises(InputError) as caught:
        read(tmp_path, content)
    assert caught.value.fault.code == code


@needs_node
def test_unpack__damaged_blocks_are_read_or_refused(tmp_path):
    """Bytes of a block that were changed give a refusal or another mesh, never anything else."""
    import random

    chance = random.Random(6)
    honest = bytearray(compressed(model_files.glb(), "meshopt", tmp_path))
    ends = set()
    for _ in range(6):
        content = bytearray(honest)
        content[-chance.randrange(1, 150)] ^= chance.randrange(1, 256)
        try:
            ends.add(len(read(tmp_path, bytes(content)).parts))
        except InputError as refused:
            ends.add(refused.fault.code)
    assert ends <= {1, "model.malformed", "model.unreadable", "model.not_finite", "model.empty"}


@pytest.mark.parametrize("letter", ["m", "\\u006d"])
def test_unpack__without_node_says_who_can_cure_it(tmp_path, letter):
    """Where Node is missing the refusal says so, why, and both ways out; no spelling gets around it."""
    doc = json.loads(model_files.gltf()) | {"extensionsRequired": [MESHOPT]}
    text = json.dumps(doc).replace("meshopt_", letter + "eshopt_").encode()
    with pytest.raises(InputError) as caught:
        read(tmp_path, text, kind="gltf", tools=GltfTools(reason="Node.js is not installed."))
    fault = caught.value.fault
    assert fault.code == "model.needs_node"
    assert "Node.js is not installed." in fault.message
    assert fault.hint
    assert "heavylift doctor" in fault.hint


@pytest.mark.parametrize(("program", "code"), [("false", 1), ("true", 0), ("/nothing/such", None)])
def test_unpack__a_node_that_fails_is_not_the_senders_fault(tmp_path, program, code):
    """A program that is no Node, or is not there, is for operators to cure."""
    import shutil

    found = Path(shutil.which(program) or program)
    content = json.dumps(json.loads(model_files.gltf()) | {"extensionsRequired": [MESHOPT]}).encode()
    with pytest.raises(StepError) as caught:
        read(tmp_path, content, kind="gltf", tools=GltfTools(program=found, packages=tmp_path))
    assert (caught.value.fault.code, caught.value.fault.actor) == ("model.node_failed", "platform")
    assert str(code) in caught.value.fault.message or code in {0, None}


def test_unpack__while_node_is_set_up_the_step_comes_again(tmp_path):
    """During the set-up nobody is to blame: the step is tried again."""
    content = models.glb(models.bent("extensionsRequired", to=[MESHOPT]))
    with pytest.raises(TransientError) as caught:
        read(tmp_path, content, tools=GltfTools(reason="Its packages are just being installed.", passing=True))
    assert caught.value.delay


def test_unpack__a_plain_file_asks_for_no_node(tmp_path):
    """A glTF without compression is read without anybody being asked for Node."""
    path = tmp_path / "upload"
    path.write_bytes(model_files.glb())
    assert model.load(path, "glb", tools=None)
    assert model.load(path, "glb", tools=lambda: pytest.fail("asked"))


def test_tools__are_told_by_a_file(tmp_path):
    """What a worker writes down, a step reads."""
    for tools in (GltfTools(program=Path("/a"), packages=Path("/b")), GltfTools(reason="No.", passing=True)):
        tools.write(tmp_path / "gltf.json")
        assert read_tools(tmp_path / "gltf.json") == tools
