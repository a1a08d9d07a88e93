"""Checks a Wavefront OBJ and its material libraries: numbers, and which of the files that they name are here."""

import re
from collections.abc import Iterator
from mmap import mmap

from jobs.errors import InputError
from parsers.model_facts import Beside
from parsers.model_faults import not_finite
from parsers.model_folder import Folder
from parsers.picture_size import HEAD, check_picture

MAX_LIBRARY = 16 * 1024 * 1024  # bytes of an MTL
MAX_NAMES = 1000  # files that are looked for
_NAME = 300  # bytes of a name
# Loaders drop such numbers silently, so they are looked for before; the same words stand in ASCII STL.
NOT_FINITE = re.compile(rb"^[ \t]*(?:v|vertex)[ \t](?:[^\n]*?[ \t+-])??[+-]?(?:nan|inf)", re.IGNORECASE | re.MULTILINE)
_LIBRARY = re.compile(rb"^[ \t]*mtllib[ \t]+([^\r\n]+)", re.MULTILINE)
_PICTURE = re.compile(rb"^[ \t]*map_Kd[ \t]+([^\r\n]+)", re.IGNORECASE | re.MULTILINE)

Bytes = bytes | mmap  # mapped where the file lies on a disk


def check_obj(text: Bytes, folder: Folder) -> Beside:
    """The names of material libraries and pictures that are not in `folder`; a library elsewhere is never looked at.

    Raises `UnreadableFile` (`model.not_finite`) and `InputError` (`limit.size`, `limit.pixels`).
    """
    if NOT_FINITE.search(text):
        raise not_finite()
    missing: dict[str, None] = {}
    for library in _names(_LIBRARY, text):
        if library not in folder:
            missing[_last(library)] = None
            continue
        content = folder[library]
        if len(content) > MAX_LIBRARY:
            raise InputError("limit.size", f"A material library is larger than {MAX_LIBRARY // 1024 // 1024} MiB.")
        for picture in _names(_PICTURE, content):
            if picture in folder:
                check_picture(folder[picture][:HEAD])
            else:
                missing[_last(picture)] = None
    return Beside(tuple(missing))


def _names(pattern: re.Pattern[bytes], text: Bytes) -> Iterator[str]:
    """The files that lines name; behind options (`-s 1 1 1`), the last word is the name."""
    for count, found in enumerate(pattern.finditer(text)):
        if count >= MAX_NAMES:
            return
        name = found[1].strip()[:_NAME].decode("utf-8", "replace")
        yield name.split()[-1] if name.startswith("-") else name


def _last(name: str) -> str:
    """The file's own name: exporters write paths of their authors' disks, which nobody else needs to read."""
    return name.replace("\\", "/").rpartition("/")[2] or name
