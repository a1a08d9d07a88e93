"""Checks a 3D model before any loader sees it: do its sizes and counts add up? In pure Python."""

import mmap
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from jobs.errors import UnreadableFile
from parsers.gltf_preflight import check_glb, check_gltf
from parsers.model_dae import check_dae
from parsers.model_facts import Beside, Facts, plain_facts
from parsers.model_faults import MAX_TRIANGLES, malformed, not_finite, too_many, truncated
from parsers.model_folder import Folder
from parsers.model_obj import NOT_FINITE, check_obj

_STL_HEADER, _STL_FACET = 84, 50
_PLY_SIZES = {
    **dict.fromkeys(("char", "uchar", "int8", "uint8"), 1),
    **dict.fromkeys(("short", "ushort", "int16", "uint16"), 2),
    **dict.fromkeys(("int", "uint", "int32", "uint32", "float", "float32"), 4),
    **dict.fromkeys(("double", "float64"), 8),
}


def check(path: Path, kind: str) -> Facts:
    """What the file states of itself; raises `InputError` where it can't be what it says. Kinds are the sniffer's words."""
    if not path.stat().st_size:
        raise UnreadableFile("model.empty", "The file is empty.")
    if kind == "dae":
        return check_dae(path)
    return plain_facts(kind, _CHECKS[kind](path))


def is_binary_stl(path: Path) -> bool:
    """Whether the file's size is what a binary STL of its count has, or it is no text."""
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(512)
    if len(head) >= _STL_HEADER and size == _STL_HEADER + _STL_FACET * _stl_count(head):
        return True
    return head.lstrip()[:5].lower() != b"solid" or b"\0" in head


def _stl_count(head: bytes) -> int:
    (count,) = struct.unpack_from("<I", head, 80)
    return int(count)


def _check_stl(path: Path) -> None:
    if not is_binary_stl(path):
        _check_finite(path)
        return
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(_STL_HEADER)
    if len(head) < _STL_HEADER:
        raise truncated(_STL_HEADER, size)
    count = _stl_count(head)
    if size < _STL_HEADER + _STL_FACET * count:
        raise truncated(_STL_HEADER + _STL_FACET * count, size)
    if count > MAX_TRIANGLES:
        raise too_many(count)


def _check_finite(path: Path) -> None:
    """Look for `nan` and `inf` among the vertices of a text format."""
    with _mapped(path) as text:
        if NOT_FINITE.search(text):
            raise not_finite()


def _check_obj(path: Path) -> Beside:
    """An OBJ that came alone: what it names beside itself is not here."""
    with _mapped(path) as text:
        return check_obj(text, Folder())


@contextmanager
def _mapped(path: Path) -> Iterator[mmap.mmap]:
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as text:
        yield text


def _check_ply(path: Path) -> None:
    """The header's counts against the bytes behind it."""
    with path.open("rb") as file:
        head = file.read(64 * 1024)
    text, end, _ = head.partition(b"end_header")
    if not end:
        raise malformed("The PLY header has no end.")
    rest = path.stat().st_size - len(text)
    is_text = b"format ascii" in text
    needed = count = 0
    for words in (line.split() for line in text.decode("ascii", "replace").splitlines()):
        if words[:1] == ["element"]:
            count = _count(words[2:3])
        elif words[:1] == ["property"]:
            kind = "".join(words[2:3] if words[1:2] == ["list"] else words[1:2])
            needed += count * (2 if is_text else _PLY_SIZES.get(kind, 1))  # a list takes at least its own count
        if needed > rest:
            raise truncated(len(text) + needed, path.stat().st_size)


def _count(words: list[str]) -> int:
    if not words or not (words[0].isascii() and words[0].isdigit() and len(words[0]) < 12):
        raise malformed("A count in the header is not a number.")
    return int(words[0])


def _check_off(path: Path) -> None:
    """The counts of the first line against the size: no vertex takes less than six bytes, no face less than four."""
    with path.open("rb") as file:
        head = file.read(64 * 1024)
    words = [word for line in head.decode("ascii", "replace").splitlines() for word in line.partition("#")[0].split()]
    counts = words[1:3] if words and not words[0].isdigit() else words[:2]
    if len(counts) < 2:
        raise malformed("The OFF file states no counts.")
    vertices, faces = _count(counts[:1]), _count(counts[1:])
    needed = 6 * vertices + 4 * faces
    if needed > path.stat().st_size:
        raise truncated(needed, path.stat().st_size)
    if faces > MAX_TRIANGLES:
        raise too_many(faces)


_CHECKS: dict[str, Callable[[Path], Beside | None]] = {
    "glb": check_glb,
    "gltf": check_gltf,
    "stl": _check_stl,
    "obj": _check_obj,
    "ply": _check_ply,
    "off": _check_off,
}
