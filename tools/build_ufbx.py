# ruff: noqa: INP001 - a script, not a package
"""Build the library that reads FBX into this environment: `python tools/build_ufbx.py`.

The source comes from where pip is configured to take packages, by hash; no code of the package that carries it runs.
Needs pip, a C compiler and nothing of Heavylift's own packages. Where something lacks, it says what, keeps that for
`heavylift doctor`, and exits 1: FBX is then read by assimp.
"""

import contextlib
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from parsers import ufbx_library as ufbx

PATIENCE = 120.0  # seconds for the download, and for the compiler
# Pip asks a source distribution for its metadata before it saves it. This answers in place of the build backend that
# the package names, so that neither that nor the package's own code runs.
BACKEND = """
from pathlib import Path

def get_requires_for_build_wheel(config_settings=None):
    return []

def prepare_metadata_for_build_wheel(metadata_directory, config_settings=None):
    name = "{package}-{version}.dist-info"
    folder = Path(metadata_directory, name)
    folder.mkdir()
    (folder / "METADATA").write_text("Metadata-Version: 2.1\\nName: {package}\\nVersion: {version}\\n")
    return name
"""
PROBE = "import ctypes, sys; ctypes.c_uint32.in_dll(ctypes.CDLL(sys.argv[1]), 'hl_layout')"


class Lacking(Exception):
    """Something that the build needs is not there; says what."""


def build() -> None:
    """Make the library where there is none of this release; raises `Lacking`."""
    if ufbx.found():
        return
    compiler = next(filter(None, map(shutil.which, ("cc", "gcc", "clang"))), None)
    if compiler is None:
        raise Lacking("there is no C compiler (cc, gcc, clang)")
    place = ufbx.place()
    with tempfile.TemporaryDirectory(prefix="ufbx-", dir=place.parent) as name:
        work = Path(name)
        unpack(fetch(work), work)
        made = work / place.name
        source = str(work / Path(ufbx.SOURCES[0]).name)
        command = [compiler, *ufbx.FLAGS, "-I", name, "-o", str(made), str(ufbx.SHIM), source, "-lm"]
        run(command, f"{Path(compiler).name} could not compile it")
        run([sys.executable, "-I", "-c", PROBE, str(made)], "what was compiled can not be loaded")
        made.replace(place)
    for path in place.parent.glob("ufbx-*"):  # of earlier releases, and the reason why there was none
        if path != place and path.is_file():
            path.unlink()


def fetch(work: Path) -> Path:
    """The source distribution, in `work`; its hash is checked by pip."""
    backend = work / "backend" / "setuptools"
    backend.mkdir(parents=True)
    (backend / "__init__.py").touch()
    (backend / "build_meta.py").write_text(BACKEND.format(package=ufbx.PACKAGE, version=ufbx.VERSION))
    wanted = work / "wanted.txt"
    wanted.write_text(f"{ufbx.PACKAGE}=={ufbx.VERSION} --hash=sha256:{ufbx.SHA256}\n")
    # -I: the backend is for pip's child alone
    pip = [sys.executable, "-I", "-m", "pip", "download", "--quiet", "--no-input", "--disable-pip-version-check"]
    how = ["--retries", "1", "--no-deps", "--no-build-isolation", "--no-binary", ufbx.PACKAGE, "--require-hashes"]
    env = os.environ | {"PYTHONPATH": str(backend.parent)}
    run([*pip, *how, "--dest", str(work), "-r", str(wanted)], "pip could not fetch its source", env=env)
    found = next(work.glob(f"{ufbx.PACKAGE}-*.tar.gz"), None)
    if found is None:
        raise Lacking("pip brought no source distribution")
    return found


def unpack(archive: Path, work: Path) -> None:
    """The C source out of the source distribution, and nothing else."""
    with tarfile.open(archive) as tar:
        for name in ufbx.SOURCES:
            try:
                file = tar.extractfile(f"{ufbx.PACKAGE}-{ufbx.VERSION}/{name}")
            except KeyError:
                file = None
            if file is None:
                raise Lacking(f"its source distribution has no {name}")
            (work / Path(name).name).write_bytes(file.read())


def run(command: list[str], complaint: str, *, env: dict[str, str] | None = None) -> None:
    """Run a program to its end; raises `Lacking` with the complaint and the last line that it said."""
    try:
        done = subprocess.run(
            command, check=False, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=PATIENCE, env=env
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Lacking(f"{complaint}: {type(error).__name__}") from None
    if done.returncode:
        last = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
        raise Lacking(f"{complaint}: {last[:200]}")


def main() -> int:
    """Build; 0 where the library is there at the end."""
    try:
        ufbx.folder().mkdir(parents=True, exist_ok=True)
        build()
    except (Lacking, OSError, tarfile.TarError) as error:
        reason = str(error)
        print(f"heavylift: FBX files will be read by assimp, not by ufbx: {reason}", file=sys.stderr)
        with contextlib.suppress(OSError):  # where even that can't be written, the doctor knows no reason
            ufbx.reason_file().write_text(f"{reason}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
