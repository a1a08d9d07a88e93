"""Checks a binary FBX before any native code sees it: do its records and arrays add up? And reads its unit and axes.

The layout is that of code.blender.org/2013/08/fbx-binary-file-format-specification; ends have 64 bits from version 7.5 on.
"""

import mmap
import struct
from dataclasses import dataclass, field
from pathlib import Path

from jobs.errors import InputError, UnreadableFile
from parsers.fbx_text import check_text
from parsers.model_faults import malformed, truncated

MAGIC = b"Kaydara FBX Binary  \0"
MAX_BINARY = 512 * 1024 * 1024  # bytes
MAX_UNPACKED = 1024 * 1024 * 1024  # bytes of all arrays
MAX_RECORDS = 1_000_000
MAX_DEPTH = 32  # records in records; real files have some six
_FREE = 64 * 1024 * 1024  # bytes of arrays that may be packed as tightly as they like
_RATIO = 250  # beyond them, unpacked to packed bytes over the whole file
_DEFLATE = 1032  # what the method can do at most
_HEADER = 27
_EMPTY = 5  # bytes of a property that is an empty text
_ORDER = 22  # where a byte says that numbers are big-endian, as on workstations of the 1990s
_VERSIONS = range(2000, 8000)
_PLAIN = {0x43: 1, 0x42: 1, 0x59: 2, 0x49: 4, 0x46: 4, 0x4C: 8, 0x44: 8}  # bytes of C B Y I F L D
_ITEMS = {0x62: 1, 0x63: 1, 0x69: 4, 0x66: 4, 0x6C: 8, 0x64: 8}  # bytes of each item of b c i f l d
_ARRAY = struct.Struct("<III")  # items, whether packed, bytes
_LENGTH = struct.Struct("<I")


@dataclass(frozen=True, slots=True, kw_only=True)
class FbxHead:
    """What is known of a file before it is read."""

    version: int  # 7400 for 7.4
    text: bool
    settings: dict[str, float] = field(
        default_factory=dict
    )  # `UnitScaleFactor`, `UpAxis`; what the file states of them
    pictures: bool = False  # some lie in the file

    @property
    def meters(self) -> float | None:
        """Of one unit; None where the file does not say."""
        centimeters = self.settings.get("UnitScaleFactor")
        return None if centimeters is None else centimeters / 100

    @property
    def axes(self) -> bool:
        """The file says which way is up."""
        return "UpAxis" in self.settings


def check_fbx(path: Path) -> FbxHead:
    """What the file states of itself.

    Raises `UnreadableFile` (`model.empty`, `.malformed`, `.truncated`, `.version`) and `InputError` (`limit.size`).
    """
    size = path.stat().st_size
    if not size:
        raise UnreadableFile("model.empty", "The file is empty.")
    if size > MAX_BINARY:
        raise _too_large()
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        if content[: len(MAGIC)] != MAGIC:
            found = check_text(content)
            version = _known(found.version)
            return FbxHead(version=version, text=True, settings=found.settings, pictures=found.pictures)
        if size < _HEADER:
            raise truncated(_HEADER, size)
        if content[_ORDER]:
            raise UnreadableFile("model.version", "The FBX is in an order of bytes that is not read here.")
        (version,) = _LENGTH.unpack_from(content, 23)
        records = _Records(content, wide=_known(version) >= 7500)
        records.check()
        return FbxHead(version=version, text=False, settings=records.settings, pictures=records.pictures)


def _known(version: int) -> int:
    if version not in _VERSIONS:
        raise UnreadableFile(
            "model.version", "The FBX is of a version that is not read here.", hint="Export it as FBX 7.4, or as GLB."
        )
    return version


def _too_large() -> InputError:
    hint = "Reduce it, or send it as GLB."
    return InputError("limit.size", "The FBX file unpacks to more memory than one model is given.", hint=hint)


class _Records:
    """The records of a binary file."""

    def __init__(self, content: mmap.mmap, *, wide: bool) -> None:
        self.settings: dict[str, float] = {}
        self.pictures = False
        self._content = content
        self._size = len(content)
        self._head = struct.Struct("<QQQB" if wide else "<IIIB")
        self._unpacked = 0

    def check(self) -> None:
        """Go through all records, and raise where one does not fit into the one above it, or its arrays into it."""
        ends: list[tuple[int, bytes]] = [(self._size, b"")]  # of the records that are open, and their names
        at = _HEADER
        for _ in range(MAX_RECORDS):
            while at == ends[-1][0]:
                if len(ends) == 1:
                    return  # without the record that ends the file; readers take that
                ends.pop()
            at, end, name = self._record(at, ends)
            if not end:  # the record of zeros that ends a list
                if len(ends) == 1:
                    return
                if at != ends[-1][0]:
                    raise malformed("A record of the FBX goes on behind its end.")
                continue
            if at < end:
                ends.append((end, name))
                if len(ends) > MAX_DEPTH:
                    raise malformed("Records of the FBX lie too deep.")
        raise malformed("The FBX has more records than any real model.")

    def _record(self, at: int, ends: list[tuple[int, bytes]]) -> tuple[int, int, bytes]:
        """Where the records within this one begin, where it ends, its name."""
        limit = ends[-1][0]
        start = at + self._head.size
        if start > limit:
            raise self._cut(start)
        end, count, length, named = self._head.unpack_from(self._content, at)
        if not end and not count and not length and not named:
            return start, 0, b""
        inner = start + named + length
        if end > self._size or inner > self._size:
            raise self._cut(max(end, inner))
        if end > limit or inner > end:
            raise malformed("A record of the FBX is longer than the one it lies in.")
        name = self._content[start : start + named]
        self._properties(start + named, inner, count)
        if name == b"P" and ends[-1][1] == b"Properties70" and ends[-2][1] == b"GlobalSettings":
            self._setting(start + named, inner, count)
        self.pictures = self.pictures or (name == b"Content" and length > _EMPTY)
        return inner, end, name

    def _properties(self, at: int, end: int, count: int) -> None:
        """Step over the properties between here and there."""
        content = self._content
        for _ in range(count):
            if at >= end:
                raise malformed("A record of the FBX has fewer properties than it says.")
            code = content[at]
            at += 1
            if plain := _PLAIN.get(code):
                at += plain
            elif code in {0x53, 0x52}:  # S, R
                at += _LENGTH.size + (_LENGTH.unpack_from(content, at)[0] if at + _LENGTH.size <= end else 0)
            elif code in _ITEMS and at + _ARRAY.size <= end:
                items, packed, length = _ARRAY.unpack_from(content, at)
                self._array(items * _ITEMS[code], packed, length)
                at += _ARRAY.size + length
            else:
                raise malformed("A property of the FBX is of no known type.")
        if at != end:
            raise malformed("The properties of a record of the FBX do not fill it.")

    def _array(self, size: int, packed: int, length: int) -> None:
        if packed not in {0, 1}:
            raise malformed("An array of the FBX is packed in no known way.")
        if (not packed and size != length) or size > _DEFLATE * length + _DEFLATE:
            raise malformed("An array of the FBX has another size than it says.")
        self._unpacked += size
        if self._unpacked > min(max(_FREE, _RATIO * self._size), MAX_UNPACKED):
            raise _too_large()

    def _setting(self, at: int, end: int, count: int) -> None:
        """Keep one of the file's settings: four texts, the first its name, and a number."""
        content = self._content
        if count != 5 or content[at] != 0x53:
            return
        (length,) = _LENGTH.unpack_from(content, at + 1)
        name = content[at + 5 : at + 5 + length]
        if name == b"UnitScaleFactor" and content[end - 9] == 0x44:
            (self.settings["UnitScaleFactor"],) = struct.unpack_from("<d", content, end - 8)
        elif name == b"UpAxis" and content[end - 5] == 0x49:
            (self.settings["UpAxis"],) = struct.unpack_from("<i", content, end - 4)

    def _cut(self, needed: int) -> UnreadableFile:
        return truncated(needed, self._size) if needed > self._size else malformed("A record of the FBX has no room.")
