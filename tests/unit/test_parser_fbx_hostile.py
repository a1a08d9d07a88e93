"""Hostile FBX by both readers: refused by name or read, never a crash, a hang or another file opened."""

import random

import pytest
from support import fbx_files as fbx
from support import hostile_fbx as hostile
from support import model_files as files

from jobs.errors import InputError
from parsers import model, ufbx_library
from parsers.apart import apart
from parsers.fbx_assimp import read_assimp
from parsers.fbx_preflight import FbxHead, check_fbx
from parsers.fbx_scene import to_scene
from parsers.fbx_ufbx import read_ufbx
from parsers.model_faults import empty
from parsers.ufbx_library import SHIM

LIBRARY = ufbx_library.found()
NEEDS_UFBX = pytest.mark.skipif(LIBRARY is None, reason=f"ufbx is not here: {ufbx_library.reason()}")
READERS = [pytest.param("ufbx", marks=NEEDS_UFBX), "assimp"]
UNCHECKED = FbxHead(version=7400, text=False)  # stands in for the check in Python, so that native code sees everything


def outcome(path, reader, *, head=None):
    """`read`, or the code that the file is refused with."""
    try:
        known = head or check_fbx(path)
        found = read_ufbx(path, LIBRARY) if reader == "ufbx" else read_assimp(path, known)
        if not found.meshes:
            raise empty()
        to_scene(found)
    except InputError as refused:
        return refused.fault.code
    return "read"


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("case", hostile.CASES)
def test_fbx__refuses_what_is_hostile(tmp_path, case, reader):
    """Each has a code that says what it is, whichever library reads it."""
    content, codes = hostile.CASES[case]
    path = tmp_path / "upload"
    path.write_bytes(content)
    assert outcome(path, reader) in codes


@pytest.mark.parametrize("reader", READERS)
def test_fbx__face_of_very_many_corners_is_refused_or_read_whole(tmp_path, reader):
    """Refused by ufbx, and by assimp for Python 3.11; a later assimp parts it into all of its triangles."""
    path = tmp_path / "upload"
    path.write_bytes(hostile.star(70_000).binary())
    if reader == "assimp" and outcome(path, reader) == "read":
        (mesh,) = read_assimp(path, check_fbx(path)).meshes
        assert len(mesh.corners) == 70_000 - 2
    else:
        assert outcome(path, reader) == {"ufbx": "limit.size", "assimp": "model.unreadable"}[reader]


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("case", hostile.ODD)
def test_fbx__odd_files_end(tmp_path, case, reader):
    """Cycles, twins and faces of very many corners are read or refused."""
    path = tmp_path / "upload"
    path.write_bytes(hostile.ODD[case])
    assert outcome(path, reader) in {"read", "model.unreadable", "model.malformed", "model.empty"}


def damaged(count):
    """Honest files in all forms, each bent in one to four random places; the same ones every time."""
    chance = random.Random(20261126)
    shape = fbx.Shape(
        points=files.POINTS, faces=[(0, 3, 2, 1), *files.FACES[2:]], uv=[(x, y) for x, y, _ in files.POINTS]
    )
    placed = [fbx.Placed(name="g", move=(1, 2, 3)), fbx.Placed(shape=0, parent=0, turn=(90, 0, 0), paints=(0,))]
    paints = [fbx.Paint(name="red", file="a.png", content=files.png(4, 2))]
    scenes = [fbx.Scene(shapes=[shape], placed=placed, paints=paints, packed=packed) for packed in (True, False)]
    honest = [scenes[0].binary(), scenes[1].binary(), scenes[1].binary(version=7500), scenes[0].text()]
    for number in range(count):
        content = bytearray(honest[number % len(honest)])
        for _ in range(chance.choice((1, 1, 2, 4))):
            at = chance.randrange(len(content))
            kind = chance.randrange(4)
            if kind == 0:
                content[at] = chance.randrange(256)
            elif kind == 1:
                del content[at : at + chance.randrange(1, 9)]
            elif kind == 2:
                content[at:at] = content[max(at - 8, 0) : at]
            else:
                content[at : at + 4] = chance.choice((b"\xff" * 4, bytes(4), b"\xff\xff\xff\x7f"))
        yield bytes(content)


@NEEDS_UFBX
@pytest.mark.parametrize("checked", [True, False], ids=["checked", "unchecked"])
def test_ufbx__survives_damage(tmp_path, checked):
    """Of 500 damaged files none makes the library crash, or our code raise anything but a refusal, checked before or not."""
    path = tmp_path / "upload"
    seen = set()
    to_scene(read_ufbx(written(path, fbx.wedge().binary()), LIBRARY))  # imports what there is to import, before forks
    files_of_all = list(damaged(500))
    head = None if checked else UNCHECKED
    for start in range(0, len(files_of_all), 25):
        # In a process apart, so that a crash is seen and not shared.
        few = files_of_all[start : start + 25]
        codes = apart(lambda few=few, head=head: "\n".join(read_all(path, few, head)).encode(), seconds=60)
        assert codes is not None, f"one of the files {start} to {start + 24}"
        seen.update(codes.decode().splitlines())
    assert {code.partition(".")[0] for code in seen} <= {"read", "model", "limit"}
    assert {"read", "model.unreadable" if not checked else "model.malformed"} <= seen


def read_all(path, contents, head):
    """The outcome of each."""
    return [outcome(written(path, content), "ufbx", head=head) for content in contents]


def test_assimp__survives_damage(tmp_path):
    """Of 60 damaged files, unchecked, each is read or refused: crashes and hangs stay in a process apart."""
    path = tmp_path / "upload"
    seen = {outcome(written(path, content), "assimp", head=UNCHECKED) for content in damaged(60)}
    assert {code.partition(".")[0] for code in seen} <= {"read", "model", "limit"}
    assert "read" in seen


def written(path, content):
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("name", ["../../etc/passwd", "/etc/passwd", "C:\\secret.png", "file:///etc/passwd"])
def test_fbx__pictures_outside_are_only_missing(tmp_path, reader, name):
    """A picture that the file names is not looked for anywhere; its last name is told."""
    shape = fbx.Shape(points=files.POINTS, faces=files.FACES, uv=[(0, 0)] * 6, paints=[0])
    scene = fbx.Scene(
        shapes=[shape], placed=[fbx.Placed(shape=0, paints=(0,))], paints=[fbx.Paint(name="a", file=name)]
    )
    path = written(tmp_path / "upload", scene.binary())
    (tmp_path / "secret.png").write_bytes(files.png(4, 2))
    found = read_ufbx(path, LIBRARY) if reader == "ufbx" else read_assimp(path, check_fbx(path))
    scene, facts = to_scene(found)
    assert facts.missing == (name.replace("\\", "/").rpartition("/")[2],)
    assert all(not picture.content for material in found.materials for picture in material.pictures if picture)


@NEEDS_UFBX
def test_ufbx__a_huge_picture_is_refused(tmp_path):
    """A picture of 900 million pixels in a file is not opened."""
    paint = fbx.Paint(name="a", file="a.png", content=files.png(30_000, 30_000))
    shape = fbx.Shape(points=files.POINTS, faces=files.FACES, paints=[0])
    scene = fbx.Scene(shapes=[shape], placed=[fbx.Placed(shape=0, paints=(0,))], paints=[paint])
    with pytest.raises(InputError) as caught:
        model.load(written(tmp_path / "upload", scene.binary()), "fbx")
    assert caught.value.fault.code == "limit.pixels"


@NEEDS_UFBX
def test_ufbx__knows_no_way_to_open_a_file():
    """The library was compiled without stdio: it imports nothing that opens."""
    content = LIBRARY.read_bytes()
    assert not [
        name for name in (b"fopen", b"open64", b"openat", b"dlopen", b"connect") if b"\0" + name + b"\0" in content
    ]
    assert b"load_external_files = false" in SHIM.read_bytes()


def test_fbx__words_of_a_library_are_not_shown(tmp_path):
    """What assimp says of a broken file, it says to nobody."""
    content = hostile.BINARY.replace(b"Vertices", b"Vortices")
    with pytest.raises(InputError) as caught:
        read_assimp(written(tmp_path / "upload", content), check_fbx(tmp_path / "upload"))
    assert caught.value.fault.message == "The file can not be read as FBX."
