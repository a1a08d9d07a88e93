"""Building the reader of FBX: whatever lacks, set-up goes on, and the doctor can say what it was."""

import importlib.util
import io
import sys
import tarfile
from pathlib import Path

import pytest

from cli import doctor
from parsers import ufbx_library

SCRIPT = Path(__file__).parents[2] / "tools" / "build_ufbx.py"


@pytest.fixture
def build(tmp_path, monkeypatch):
    """The script, in an environment of its own that has nothing yet."""
    spec = importlib.util.spec_from_file_location("build_ufbx", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setattr(sys, "path", list(sys.path))
    spec.loader.exec_module(module)
    monkeypatch.setattr(sys, "prefix", str(tmp_path / "environment"))
    return module


def programs(folder, *names):
    """A folder of programs that do nothing."""
    folder.mkdir()
    for name in names:
        (folder / name).write_text("#!/bin/sh\nexit 0\n")
        (folder / name).chmod(0o755)
    return str(folder)


def test_build__without_a_compiler(build, tmp_path, monkeypatch, capsys):
    """No compiler is a reason, said once and kept; no library is there, and nothing was fetched."""
    monkeypatch.setenv("PATH", programs(tmp_path / "bin"))
    assert build.main() == 1
    assert "no C compiler" in capsys.readouterr().err
    assert ufbx_library.found() is None
    assert ufbx_library.reason() == "there is no C compiler (cc, gcc, clang)"
    assert [path.name for path in ufbx_library.folder().iterdir()] == ["ufbx-reason.txt"]


def test_build__without_the_source(build, tmp_path, monkeypatch):
    """Where pip finds no such source, the reason is pip's, and no half of anything stays."""
    monkeypatch.setenv("PATH", programs(tmp_path / "bin", "cc"))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    assert build.main() == 1
    assert ufbx_library.reason().startswith("pip could not fetch its source: ")
    assert [path.name for path in ufbx_library.folder().iterdir()] == ["ufbx-reason.txt"]


def test_build__takes_the_source_alone(build, tmp_path):
    """Of the source distribution two files are taken, wherever others in it would like to go."""
    archive = tmp_path / "a.tar.gz"
    names = ["../escape.c", "pyufbx-0.0.7/setup.py", *(f"pyufbx-0.0.7/{name}" for name in ufbx_library.SOURCES)]
    with tarfile.open(archive, "w:gz") as tar:
        for name in names:
            info = tarfile.TarInfo(name)
            info.size = 3
            tar.addfile(info, io.BytesIO(b"abc"))
    work = tmp_path / "work"
    work.mkdir()
    build.unpack(archive, work)
    assert sorted(path.name for path in work.iterdir()) == ["ufbx.c", "ufbx.h"]
    assert not (tmp_path / "escape.c").exists()


def test_build__a_source_without_ufbx(build, tmp_path):
    """A source distribution that lacks the file is said to."""
    archive = tmp_path / "a.tar.gz"
    with tarfile.open(archive, "w:gz"):
        pass
    with pytest.raises(build.Lacking, match=r"has no ufbx-c/ufbx\.c"):
        build.unpack(archive, tmp_path)


def test_doctor__says_why_there_is_no_ufbx(build, tmp_path, monkeypatch):
    """The finding carries the reason that the build kept, what it costs, and the command that cures it."""
    monkeypatch.setenv("PATH", programs(tmp_path / "bin"))
    build.main()
    finding = doctor._fbx()
    assert finding.state in {"limited", "absent"}
    assert "no C compiler" in finding.detail
    assert finding.cost
    assert finding.cure.endswith("tools/build_ufbx.py")
