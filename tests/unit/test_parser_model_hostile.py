"""Hostile 3D models: each is refused by name, opens no file but its own, and takes little memory."""

import io
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support import model_files as files
from support.hostile_models import CASES, ESCAPES

from jobs.errors import InputError
from parsers import model

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("case", CASES)
def test_load__refuses_what_is_hostile(tmp_path, case):
    """The code is stable, the words are ours, and the sender has to act."""
    kind, content, code = CASES[case]
    path = tmp_path / "upload"
    path.write_bytes(content)
    with pytest.raises(InputError) as caught:
        model.load(path, kind)
    fault = caught.value.fault
    assert (fault.code, fault.actor) == (code, "submitter")
    assert "passwd" not in fault.message
    assert "root:" not in fault.message


@pytest.mark.parametrize("case", ESCAPES)
def test_load__files_outside_are_only_missing(tmp_path, case):
    """A name that leads out of the upload finds nothing, and the geometry is read without it."""
    kind, content = ESCAPES[case]
    path = tmp_path / "x" / "upload"
    path.parent.mkdir()
    path.write_bytes(content)
    (tmp_path / "secret.png").write_bytes(b"secret")
    found = model.normal(path, kind)
    assert sum(len(part.faces) for part in found.parts) == 8
    assert found.missing
    assert all("/" not in name and part.textures == () for name in found.missing for part in found.parts)


def packed(name, content):
    """The damaged main file of an archive, in an honest archive."""
    if name == "3mf":
        return files.package_3mf(content)
    return files.archive({name: content, "mesh.bin": files.gltf_doc(files.POINTS, files.FACES)[1]})


MAINS = {
    "3mf": ("3mf", zipfile.ZipFile(io.BytesIO(files.threemf())).read("3D/3dmodel.model")),
    "a.gltf": ("model-zip", json.dumps(files.gltf_doc(files.POINTS, files.FACES, uri="mesh.bin")[0]).encode()),
    "dae": ("dae", files.dae()),
    "draco": ("glb", files.draco()),
}


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    name=st.sampled_from(sorted(MAINS)),
    cuts=st.lists(st.tuples(st.integers(0, 2000), st.integers(0, 8), st.binary(max_size=6)), min_size=1, max_size=3),
)
def test_load__raises_nothing_but_input_errors(tmp_path, name, cuts):
    """However the XML, JSON or Draco of a model is damaged, it is read or refused."""
    kind, content = MAINS[name]
    for at, length, splice in cuts:
        content = content[:at] + splice + content[at + length :]
    path = tmp_path / "upload"
    path.write_bytes(content if kind in {"dae", "glb"} else packed(name, content))
    code = "model."
    try:
        assert model.normal(path, kind).parts
    except InputError as caught:
        code = caught.fault.code
    assert code.partition(".")[0] in {"model", "limit", "zip", "xml"}


WATCHED = """
import json, resource, sys
from pathlib import Path
from jobs.errors import InputError
from parsers import model
folder = Path(sys.argv[1])
kinds = json.loads((folder / "kinds.json").read_text())
def read(name, kind):
    try:
        model.normal(folder / name, kind)
    except InputError as error:
        return error.fault.code
    return "read"
for name, kind in kinds["honest"]:
    assert read(name, kind) == "read"  # imports what there is to import
opened = []
sys.addaudithook(lambda event, args: opened.append(str(args[0])) if event == "open" and not isinstance(args[0], int) else None)
pages = int(Path("/proc/self/statm").read_text().split()[0])
most = pages * resource.getpagesize() + (640 << 20)
resource.setrlimit(resource.RLIMIT_AS, (most, most))
codes = [read(name, kind) for name, kind in kinds["hostile"]]
print(json.dumps([codes, sorted(set(opened))]))
"""


def written(folder, prefix, cases):
    """The cases as files; their names and kinds."""
    names = [(f"{prefix}{number}", kind) for number, (kind, _) in enumerate(cases)]
    for (name, _), (_, content) in zip(names, cases, strict=True):
        (folder / name).write_bytes(content)
    return names


@pytest.mark.skipif(sys.platform != "linux", reason="Limits of address space are counted from /proc.")
def test_load__opens_nothing_and_takes_little(tmp_path):
    """All hostile models in one process that watches every file it opens, with 640 MiB to spare: the codes are the same."""
    hostile = [(kind, content) for kind, content, _ in CASES.values()] + list(ESCAPES.values())
    honest = [(kind, write()) for kind, write in files.EVERY.values()]
    kinds = {"hostile": written(tmp_path, "bad", hostile), "honest": written(tmp_path, "good", honest)}
    (tmp_path / "kinds.json").write_text(json.dumps(kinds))
    command = [sys.executable, "-c", WATCHED, str(tmp_path)]
    env = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=env)
    codes, opened = json.loads(done.stdout.splitlines()[-1])
    assert codes == [code for _, _, code in CASES.values()] + ["read"] * len(ESCAPES)
    mine = {os.devnull, "/proc/self/statm", *(str(tmp_path / name) for name, _ in kinds["hostile"])}
    code = tuple({str(ROOT), sys.prefix, sys.base_prefix, str(Path(os.__file__).parent)})
    assert [name for name in opened if name not in mine and not (name.startswith(code) and ".py" in name)] == []
