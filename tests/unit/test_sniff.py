"""The sniffer tells kinds from bytes: each kind under odd names, odd files, and nothing that it should not."""

import io
import json
import struct
import time
import zipfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parsers.sniff import KINDS, sniff
from pipelines import accepted_kinds, pipelines

TRIANGLE = struct.pack("<12fH", 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0)
FACET = "facet normal 0 0 1\nouter loop\nvertex 0 0 0\nvertex 1 0 0\nvertex 0 1 0\nendloop\nendfacet\n"


def zipped(*names):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name in names:
            archive.writestr(name, "x")
    return out.getvalue()


def stl(count, *, header=b""):
    return header.ljust(80) + struct.pack("<I", count) + TRIANGLE * count


GLTF = json.dumps({"asset": {"version": "2.0"}, "scenes": [], "nodes": []})
TOLD = [
    ("pdf", b"%PDF-1.4\n%\xe2\xe3"),
    ("pdf", b"\r\n junk before %PDF-1.7 "),
    ("glb", b"glTF\x02\0\0\0" + b"\0" * 20),
    ("gltf", GLTF.encode()),
    ("gltf", b'\xef\xbb\xbf \n{"scenes":[{}],"nodes":[{}],"meshes":[{}],"x":"' + b"a" * 70_000),
    ("stl", stl(2)),
    ("stl", stl(3, header=b"solid that lies")),
    ("stl", stl(5)[:-70]),
    ("stl", stl(5) + b"trailing"),
    ("stl", ("solid part\n" + FACET + "endsolid part\n").encode()),
    ("stl", b"  SOLID\n  facet normal 0 0 1\n"),
    ("obj", b"# made by hand\nmtllib a.mtl\no box\nv 0 0 0\nv 1 0 0\nv 0 1 -1e-3\nf 1 2 3\n"),
    ("obj", b"v 1.5 .5 -2\r\nv 0 0 0\r\nv 0 1 0 1\r\nf 1/1/1 2/2/2 3//3\r\n"),
    ("ply", b"ply\nformat ascii 1.0\nelement vertex 3\n"),
    ("ply", b"ply\r\ncomment x\r\nformat binary_little_endian 1.0\r\n"),
    ("step", b"ISO-10303-21;\nHEADER;\n"),
    ("step", b"\xef\xbb\xbf\r\nISO-10303-21;\r\nHEADER;"),
    ("fbx", b"Kaydara FBX Binary  \0\x1a\0"),
    ("fbx", b"; FBX 7.3.0 project file\n; ---\nFBXHeaderExtension:  {\n"),
    ("dae", b"<?xml version='1.0'?><!-- x --><COLLADA xmlns='http://www.collada.org/2005/11/COLLADASchema'>"),
    ("dae", "<COLLADA version='1.4.1'>".encode("utf-16")),
    ("off", b"OFF\n3 1 0\n0 0 0\n"),
    ("off", b"# a comment\nOFF # another\n\n# and one\n3 1 0\n"),
    ("off", b"OFF 3 1 0\n0 0 0\n"),
    ("3mf", zipped("[Content_Types].xml", "_rels/.rels", "3D/3dmodel.model")),
    ("bricklink-xml", b"<INVENTORY><ITEM></ITEM></INVENTORY>"),
    ("bricklink-xml", b"\xef\xbb\xbf\n junk <?xml version='1.0'?><!-- x --><!DOCTYPE INVENTORY><Inventory>"),
    ("bricklink-xml", b"<ORDERS><ORDER></ORDER></ORDERS>"),
    ("bricklink-xml", "\ufeff<?xml version='1.0' encoding='utf-16'?><INVENTORY/>".encode("utf-16-be")),
    ("bricklink-xml", "<INVENTORY><ITEM><REMARKS>Größe".encode("cp1252")),
    ("rebrickable-csv", b"Part,Color,Quantity\n3001,4,2\n"),
    ("rebrickable-csv", b'\xef\xbb\xbf"Part";"Color";"Num";"Is Spare"\r\n'),
    ("rebrickable-csv", "\ufeffPart\tColor\tQuantity\n".encode("utf-16-le")),
    ("table", ("Part No\tColour ID\tQty\tUnit price\n" + "3001\t4\t12\t0.42\n" * 3).encode("utf-16")),
    ("jpeg", b"\xff\xd8\xff\xe0\0\x10JFIF"),
    ("png", b"\x89PNG\r\n\x1a\n\0\0"),
    ("webp", b"RIFF\x10\0\0\0WEBPVP8 "),
    ("gif", b"GIF89a\x01\0\x01\0"),
    ("svg", b"<svg xmlns='x'><INVENTORY/></svg>"),
]


@pytest.mark.parametrize(("kind", "content"), TOLD, ids=lambda value: value if isinstance(value, str) else None)
@pytest.mark.parametrize("name", ["upload", "lies.stl", "lies.xml", "lies.3mf", ""])
def test_sniff__tells_the_kind_whatever_the_name(kind, content, name):
    """Each kind is told from its bytes, and no name makes it another."""
    found = sniff(content[: 64 * 1024], size=len(content), name=name)
    assert found is KINDS[kind]


UNKNOWN = [
    b"",
    b" \n\t\n",
    b"\0" * 500,
    b"hello\x07, this rings a bell",
    bytes(range(0x80, 0x100)) * 4 + b"\0",
    b"%!PS-Adobe-3.0\n",
    b"[1, 2, 3]",
    b"<!DOCTYPE html><html><body>INVENTORY</body></html>",
    b"<html><INVENTORY></INVENTORY></html>",
    b'{"name": "a package", "version": 1}',
    zipped("[Content_Types].xml", "word/document.xml"),
    b"\x7fELF\x02\x01\x01" + b"\0" * 200,
]


TEXT = [
    b"hello, this is a letter",
    b"id,name,rgb\n1,Blue,0055BF\n",
    b"Part,Color\n3001,4\n",
    b"Teil;Wieviel\r\n3001;4\r\n\x1a",
    b"4211398\n300126\n",
    ("This is a letter to a friend, long enough to be taken for triangles. " * 4).encode("utf-16"),
    "Stück\tGröße\n1\t2\n".encode("utf-16"),
    "Stück;Größe\n".encode("cp1252"),
    "数;色\n1;2\n".encode("shift_jis"),
    "数;色\n1;2\n".encode()[:-7],
    b"v\nversion of a letter\n",
    b"the quick\nv 1 2 3\nbrown fox\njumps over\n",
    b"OFFER 3 4\n",
    b"solid as a rock, this text\n",
    b"plywood",
]


@pytest.mark.parametrize("content", TEXT, ids=range(len(TEXT)))
@pytest.mark.parametrize("name", ["upload", "model.obj", "list.xml", "list.csv", "paper.pdf"])
def test_sniff__what_can_be_read_is_text(content, name):
    """Text that is none of the kinds is plain text, even under the name of one; its sender may say what it means."""
    assert sniff(content, size=len(content), name=name) is KINDS["text"]


@pytest.mark.parametrize("content", UNKNOWN, ids=range(len(UNKNOWN)))
@pytest.mark.parametrize("name", ["upload", "model.obj", "list.xml", "list.csv", "paper.pdf"])
def test_sniff__takes_nothing_else(content, name):
    """What is none of the kinds stays unknown, even under the name of one."""
    assert sniff(content, size=len(content), name=name) is None


def test_sniff__the_name_breaks_a_tie():
    """An empty STL is 84 bytes of anything, and a 3MF may hide its model: there the name decides."""
    empty = b"\0" * 84
    assert sniff(empty, size=84, name="EMPTY.STL") is KINDS["stl"]
    assert sniff(empty, size=84, name="empty") is None
    hidden = zipped("[Content_Types].xml", "Metadata/thumbnail.png")
    assert sniff(hidden, size=len(hidden), name="a.3mf") is KINDS["3mf"]
    assert sniff(hidden, size=len(hidden), name="a.docx") is None


def test_kinds__every_accepted_one_is_known():
    """No pipeline waits for a kind that the sniffer never says."""
    on_request = {kind for pipeline in pipelines().values() for kind in pipeline.on_request}
    assert on_request | set(accepted_kinds()) <= KINDS.keys()


HOSTILE = [
    b"<!--" * 16_000,
    b"<!---->" * 9_000,
    b"<?" * 32_000,
    b"<!DOCTYPE " + b'"' * 64_000,
    b"<!DOCTYPE x [" + b"]" * 64_000,
    b"<!DOCTYPE x [" + b"] " * 32_000,
    b"#\n" * 32_000,
    b"OFF " + b"# \n" * 20_000,
    b"v " + b"1" * 64_000,
    (b"v " + b"1 " * 100 + b"\n") * 300,
    b'{"asset"' + b" " * 64_000,
    b"ply\n" + b"comment \n" * 7_000,
    b"," * 64_000,
    b'"' * 64_000,
    b"\n" * 64_000,
]


@pytest.mark.parametrize("content", HOSTILE, ids=range(len(HOSTILE)))
def test_sniff__no_head_costs_more_than_its_length(content):
    """Heads made to send patterns into endless backtracking are answered at once."""
    started = time.process_time()
    sniff(content, size=len(content), name="x")
    assert time.process_time() - started < 2  # such patterns take minutes; the bound allows for a slow machine


@settings(max_examples=300, deadline=None)
@given(
    content=st.one_of(st.binary(max_size=300), st.sampled_from([content for _, content in TOLD])),
    cut=st.integers(0, 300),
    tail=st.binary(max_size=100),
)
def test_sniff__never_raises(content, cut, tail):
    """Any bytes get an answer."""
    found = sniff(content[:cut] + tail, size=cut + 1000, name="x.stl")
    assert found is None or found.name in KINDS
