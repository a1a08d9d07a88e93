"""Reads FBX: checked in Python first, then through ufbx where set-up could build it, else through assimp."""

from importlib.util import find_spec
from pathlib import Path
from typing import Any

from jobs.errors import StepError
from parsers import ufbx_library
from parsers.fbx_assimp import READER, read_assimp
from parsers.fbx_preflight import check_fbx
from parsers.fbx_scene import to_scene
from parsers.fbx_ufbx import read_ufbx
from parsers.model_facts import Facts
from parsers.model_faults import empty


def load_fbx(path: Path, *, library: Path | None = None) -> tuple[Any, Facts]:
    """The file as a trimesh Scene in its own unit, and what it states of itself.

    `library` is ufbx, compiled; None: the one of this environment, if it has one.

    Raises `UnreadableFile` (`model.empty`, `.malformed`, `.truncated`, `.version`, `.unreadable`, `.not_finite`) and
    `InputError` (`limit.size`, `limit.triangles`, `limit.pixels`), and `StepError` (`model.reader_missing`) where this machine
    has neither reader.
    """
    head = check_fbx(path)
    ufbx = library or ufbx_library.found()
    if not ufbx and find_spec("assimp_py") is None:
        hint = f"Operators: build the reader of FBX (`heavylift doctor` says how): {ufbx_library.reason()}."
        raise StepError("model.reader_missing", "There is no library here that reads FBX.", hint=hint)
    found = read_ufbx(path, ufbx) if ufbx else read_assimp(path, head)
    if not found.meshes:
        raise empty()
    return to_scene(found)


def fallen_back(reader: str) -> bool:
    """Whether this reader of FBX stood in for the better one."""
    return reader == READER
