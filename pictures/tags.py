"""Directories of tags, as TIFF (revision 6.0, BigTIFF) and EXIF have them: a bounded reader that believes no count."""

import struct
from typing import BinaryIO, NamedTuple

from pictures.headers import Cut, Lying, exactly

MAX_ENTRIES = 4096  # of a directory; TIFF has about 100 tags
_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}
_LETTERS = {1: "B", 3: "H", 4: "I", 6: "b", 8: "h", 9: "i", 13: "I", 16: "Q", 17: "q", 18: "Q"}
_TEXTS = frozenset({2, 7})
_RATIONALS = {5: "II", 10: "ii"}


class Tag(NamedTuple):
    """One entry of a directory."""

    kind: int  # TIFF's number of a type
    items: int  # as it claims
    size: int  # bytes that follow from it
    offset: int  # where they lie


class Directory(NamedTuple):
    """One directory: of a page, or of a sort of EXIF."""

    tags: dict[int, Tag]
    following: int  # offset of the next one; 0: none


class Tags:
    """Reads directories from a file in TIFF's structure. Raises `Lying` and `Cut`."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        file.seek(0)
        head = exactly(file, 8)
        if head[:2] not in {b"II", b"MM"}:
            raise Lying("Its tags have no order of bytes.")
        self.order = "<" if head[:2] == b"II" else ">"
        (magic,) = struct.unpack_from(f"{self.order}H", head, 2)
        self.big = magic == 43
        self.first: int = struct.unpack(f"{self.order}Q", exactly(file, 8))[0] if self.big else self._long(head[4:])

    def directory(self, offset: int) -> Directory:
        """The directory at `offset`."""
        letter, width, entry, inline = ("Q", 8, 20, 8) if self.big else ("H", 2, 12, 4)
        self._seek(offset)
        (count,) = struct.unpack(f"{self.order}{letter}", exactly(self._file, width))
        if count > MAX_ENTRIES:
            raise Lying("A directory in it has too many tags.")
        body = exactly(self._file, count * entry)
        end = self._file.read(8 if self.big else 4)
        form = f"{self.order}HH{'Q' if self.big else 'I'}"
        tags: dict[int, Tag] = {}
        for at in range(0, len(body), entry):
            name, kind, items = struct.unpack_from(form, body, at)
            size = items * _SIZES.get(kind, 0)
            place = offset + width + at + entry - inline
            if size > inline:
                place = self._long(body[at + entry - inline : at + entry])
            tags.setdefault(name, Tag(kind, items, size, place))
        return Directory(tags, self._long(end) if len(end) in {4, 8} else 0)

    def numbers(self, tag: Tag | None, *, most: int = 16) -> list[float]:
        """The first `most` numbers of a tag; none where it holds no numbers or they can't be read."""
        if tag is None or tag.kind not in _LETTERS.keys() | _RATIONALS.keys():
            return []
        count = min(tag.items, most)
        raw = self._raw(tag, count * _SIZES[tag.kind])
        count = len(raw) // _SIZES[tag.kind]
        raw = raw[: count * _SIZES[tag.kind]]
        if tag.kind in _LETTERS:
            return list(struct.unpack(f"{self.order}{count}{_LETTERS[tag.kind]}", raw))
        pairs = struct.iter_unpack(f"{self.order}{_RATIONALS[tag.kind]}", raw)
        return [above / below if below else 0.0 for above, below in pairs]

    def number(self, tag: Tag | None) -> float | None:
        """The first number of a tag."""
        return next(iter(self.numbers(tag, most=1)), None)

    def text(self, tag: Tag | None, *, most: int = 200) -> str | None:
        """The text of a tag, at most `most` characters, on one line; None where it has none."""
        if tag is None or tag.kind not in _TEXTS:
            return None
        raw = self._raw(tag, min(tag.size, most))
        text = raw.partition(b"\0")[0].decode("utf-8", "replace")
        return " ".join("".join(char if char.isprintable() else " " for char in text).split()) or None

    def _raw(self, tag: Tag, size: int) -> bytes:
        self._seek(tag.offset)
        return self._file.read(size)

    def _long(self, raw: bytes) -> int:
        return int.from_bytes(raw, "little" if self.order == "<" else "big")

    def _seek(self, offset: int) -> None:
        if offset >= 1 << 62:
            raise Cut
        self._file.seek(offset)
