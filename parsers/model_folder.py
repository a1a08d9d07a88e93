"""The files that came with a model, in memory: a reader finds them by name here, and nothing outside the upload."""

import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote

from jobs.errors import InputError
from parsers.zip_guard import MODELS, Entry, GuardedZip, open_zip

_MAINS = {".gltf": "gltf", ".obj": "obj"}
# What a model may call for; the rest of an archive (a readme, the scene of another program) is not unpacked.
_COMPANIONS = frozenset(
    {".bin", ".mtl", ".png", ".jpg", ".jpeg", ".webp", ".ktx2", ".bmp", ".tga", ".gif", ".tif", ".tiff"}
)


class Folder(Mapping[str, bytes]):
    """Contents by name, relative to the model's own folder; upper and lower case are one, as on most desktops."""

    def __init__(self, files: Mapping[str, bytes] | None = None) -> None:
        self._files = {name.lower(): content for name, content in (files or {}).items()}

    def __getitem__(self, name: str) -> bytes:
        key = inside(name)
        found = self._files.get(key or "")
        if found is None and key:
            found = self._files.get(inside(unquote(key)) or "")
        if found is None:
            raise KeyError(name)
        return found

    def __iter__(self) -> Iterator[str]:
        return iter(self._files)

    def __len__(self) -> int:
        return len(self._files)


class Upload(NamedTuple):
    """A model and what came with it."""

    kind: str  # of the main file: `gltf` or `obj`
    content: bytes  # of the main file
    folder: Folder


def inside(name: str) -> str | None:
    """The name as a `Folder` keeps it; None where it leads out of the folder: a drive, a scheme, a root, a parent."""
    key = name.strip().replace("\\", "/").lower()
    if key.startswith("/") or ":" in key or "\0" in key:
        return None
    steps = [step for step in key.split("/") if step not in {"", "."}]
    return None if ".." in steps else "/".join(steps)


class Laid(NamedTuple):
    """A model and what came with it as numbered files in a folder, for a program that reads them there."""

    kind: str  # of the main file: `glb`, `gltf` or `obj`
    main: str  # its number
    files: dict[str, str]  # number by name, relative to the model's own folder


def unzip(path: Path) -> Upload:
    """The one glTF or OBJ of a ZIP with its companions, 256 MiB unpacked at most.

    Raises what `open_zip` and its `read` raise, and `InputError` (`model.main_file`) where there is not one model.
    """
    with open_zip(path, limits=MODELS) as archive:
        main, companions = _picked(archive)
        files = {name: archive.read(entry, most=MODELS.unzipped) for name, entry in companions.items()}
        content = archive.read(main, most=MODELS.unzipped)
    return Upload(_MAINS[_ending(main.name)], content, Folder(files))


def lay_out(path: Path, kind: str, folder: Path) -> Laid:
    """The same into a folder that exists, piece by piece; a model that came alone is there as it is. Raises as `unzip`."""
    if kind != "model-zip":
        _put(path, folder / "0")
        return Laid(kind, "0", {})
    with open_zip(path, limits=MODELS) as archive:
        main, companions = _picked(archive)
        numbers = {name: str(number) for number, name in enumerate(companions, 1)}
        for name, number in numbers.items():
            archive.unpack(companions[name], folder / number)
        archive.unpack(main, folder / "0")
    return Laid(_MAINS[_ending(main.name)], "0", numbers)


def _picked(archive: GuardedZip) -> tuple[Entry, dict[str, Entry]]:
    """The model, and by their names as it may call for them the files beside it."""
    entries = [entry for entry in archive.entries if not _is_litter(entry.name)]
    mains = [entry for entry in entries if _ending(entry.name) in _MAINS]
    if len(mains) != 1:
        found = "no glTF or OBJ file" if not mains else f"{len(mains)} glTF or OBJ files"
        hint = "Put one .gltf or .obj file into the ZIP, with the files that it needs."
        raise InputError("model.main_file", f"The ZIP holds {found}; one is read.", hint=hint)
    home = mains[0].name[: mains[0].name.rfind("/") + 1]
    beside = [entry for entry in entries if _ending(entry.name) in _COMPANIONS and entry.name.startswith(home)]
    return mains[0], {entry.name[len(home) :]: entry for entry in beside}


def _put(path: Path, target: Path) -> None:
    """The file at another place too, without a copy where that can be."""
    try:
        os.link(path, target)
    except OSError:  # another file system, or one without links
        shutil.copyfile(path, target)


def _ending(name: str) -> str:
    return name[name.rfind(".") :].lower() if "." in name else ""


def _is_litter(name: str) -> bool:
    """What macOS puts beside every file."""
    return name.startswith("__MACOSX/") or name.rpartition("/")[2].startswith("._")
