"""ZIPs and CAD texts told apart by what stands in them; the name only breaks a tie."""

import pytest
from cad_lists import brick, encrypted, lxf, lxfml, mpd, placed, studio, zipped

from parsers.sniff import KINDS, sniff

MODEL = placed("3001.dat")
TOLD = [
    ("studio-io", studio(MODEL, total=1)),
    ("studio-io", studio(MODEL, password="x")),
    ("studio-io", encrypted({"model2.ldr": MODEL}, "x", aes=True)),
    ("studio-io", zipped({"thumbnail.png": "x", "folder\\modelv1.ldr": MODEL})),
    ("ldd-lxf", lxf(brick("3001", "21,0"))),
    ("ldd-lxf", lxf(brick("3001", "21,0"), entry="image100.lxfml")),
    ("xlsx", zipped({"[Content_Types].xml": "x", "_rels/.rels": "x", "xl/workbook.xml": "x"})),
    ("3mf", zipped({"[Content_Types].xml": "x", "_rels/.rels": "x", "3D/3dmodel.model": "x"})),
    ("model-zip", zipped({"readme.txt": "x", "a/scene.gltf": "x", "a/scene.bin": "x"})),
    ("model-zip", zipped({"a.mtl": "x", "a.png": "x", "A.OBJ": "x"})),
    ("model-zip", zipped({"a.bin": bytes(200_000), "a.png": "x", "scene.gltf": "x"}, method=0)),
    ("usdz", zipped({"scene.usdc": "x", "tex/a.png": "x"}, method=0)),
    ("ldd-lxfml", lxfml(brick("3001", "21,0")).encode()),
    ("ldd-lxfml", b"\xef\xbb\xbf<?xml version='1.0'?><!-- x --><LXFML versionMajor='9'>"),
    ("ldraw", MODEL.encode()),
    ("ldraw", b"\xef\xbb\xbf0 A car\r\n0 Name: car.ldr\r\n" + MODEL.encode()),
    ("ldraw", ("0 Title\r" + MODEL.replace("\n", "\r")).encode("utf-16")),
    ("ldraw", mpd({"car.ldr": "0 nothing yet\n"}).encode()),
    ("ldraw", ("0 Gr\u00f6\u00dfe\n" + placed("r\u00e4der.dat", "0x2FF0000")).encode("cp1252")),
    ("ldraw", b"  1 4 1e-3 -.5 0. 1 0 0 0 1 0 0 0 1 S\\3001 S01.DAT  \n"),
]


@pytest.mark.parametrize(("kind", "content"), TOLD, ids=[f"{kind}-{at}" for at, (kind, _) in enumerate(TOLD)])
@pytest.mark.parametrize("name", ["upload", "lies.3mf", "lies.xlsx", "lies.csv"])
def test_sniff__tells_what_is_inside(kind, content, name):
    """Each kind is told from its bytes, whatever the name says."""
    assert sniff(content, size=len(content), name=name) is KINDS[kind]


TIES = [
    ("a.io", {".info": "x"}, "studio-io"),
    ("a.mo", {"thumbnail.png": "x"}, "studio-io"),
    ("a.zip", {"thumbnail.png": "x"}, None),
    ("a.lxf", {"IMAGE100.PNG": "x"}, "ldd-lxf"),
    ("a.xlsx", {"[Content_Types].xml": "x"}, "xlsx"),
    ("a.docx", {"[Content_Types].xml": "x"}, None),
    ("a.zip", {"notes about model.ldr.txt": "x"}, None),
    ("a.zip", {"a.png": "x", "b.jpg": "x"}, None),
    ("a.zip", {"a.bin": "x", "firmware.txt": "x"}, None),
    ("a.zip", {"__MACOSX/a.obj": "x", "a.txt": "x"}, None),
    ("a.zip", {"a.gltf/": "", "a.txt": "x"}, None),
]


@pytest.mark.parametrize(("name", "entries", "kind"), TIES, ids=range(len(TIES)))
def test_sniff__the_name_breaks_a_tie(name, entries, kind):
    """Where the entry that decides lies further back than the head, the name decides."""
    content = zipped(entries)
    found = sniff(content, size=len(content), name=name)
    assert (found.name if found else None) == kind


def test_sniff__looks_past_packed_bytes():
    """Names inside an entry's content are no entries, and an entry behind a stored one is seen."""
    inner = zipped({"model.ldr": MODEL})
    content = zipped({"inner.zip": inner}, method=0)
    assert sniff(content, size=len(content), name="a.zip") is None
    content = zipped({"thumbnail.png": bytes(5000), "model.ldr": MODEL}, method=0)
    assert sniff(content, size=len(content), name="a.zip") is KINDS["studio-io"]


@pytest.mark.parametrize(
    "text",
    ["1 4 0 0 0 3001.dat\n", "0 A letter\n0 of lines\n", "1\t3001\tred\n" * 20, "12 bricks, see 3001.dat\n", "LXFML\n"],
)
def test_sniff__takes_no_other_text(text):
    """Lists that begin with numbers, and prose about parts, are no models."""
    found = sniff(text.encode(), size=len(text), name="a.ldr")
    assert found is None or found.name not in {"ldraw", "ldd-lxfml"}
