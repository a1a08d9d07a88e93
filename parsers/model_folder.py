"""The files that came with a model, in memory: a reader finds them by name here, and nothing outside the upload."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote

from jobs.errors import InputError
from parsers.zip_guard import MODELS, open_zip

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


def unzip(path: Path) -> Upload:
    """The one glTF or OBJ of a ZIP with its companions, 256 MiB unpacked at most.

    Raises what `open_zip` and its `read` raise, and `InputError` (`model.main_file`) where there is not one model.
    """
    with open_zip(path, limits=MODELS) as archive:
        entries = [entry for entry in archive.entries if not _is_litter(entry.name)]
        mains = [entry for entry in entries if _ending(entry.name) in _MAINS]
        if len(mains) != 1:
            found = "no glTF or OBJ file" if not mains else f"{len(mains)} glTF or OBJ files"
            hint = "Put one .gltf or .obj file into the ZIP, with the files that it needs."
            raise InputError("model.main_file", f"The ZIP holds {found}; one is read.", hint=hint)
        main = mains[0]
        home = main.name[: main.name.rfind("/") + 1]
        files = {
            entry.name[len(home) :]: archive.read(entry, most=MODELS.unzipped)
            for entry in entries
            if _ending(entry.name) in _COMPANIONS and entry.name.startswith(home)
        }
        content = archive.read(main, most=MODELS.unzipped)
    return Upload(_MAINS[_ending(main.name)], content, Folder(files))


def _ending(name: str) -> str:
    return name[name.rfind(".") :].lower() if "." in name else ""


def _is_litter(name: str) -> bool:
    """What macOS puts beside every file."""
    return name.startswith("__MACOSX/") or name.rpartition("/")[2].startswith("._")
