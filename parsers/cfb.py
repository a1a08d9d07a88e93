"""The container of old Office files (OLE2, compound file): one stream taken out of it, and a clean one made around it.

Written from Microsoft's published specification [MS-CFB]. Readers of such files trust their tables: a chain of sectors
that runs in a circle, or a length that no file has, makes them take memory without end. So nothing but a stream that
was read here, within limits, is handed on, in a container that was made here.
"""

import struct
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import NamedTuple

from jobs.errors import UnreadableFile

MAGIC = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_END, _FREE, _FAT, _MOST = 0xFFFFFFFE, 0xFFFFFFFF, 0xFFFFFFFD, 0xFFFFFFFA
_HEADER = 512  # bytes
_ENTRY = 128  # bytes of one directory entry
_MINI = 64  # bytes of a small sector
_CUTOFF = 4096  # bytes; smaller streams lie in small sectors
_SECTOR = 512  # bytes, of containers that are made here


class Stream(NamedTuple):
    """One entry of the directory."""

    name: str
    kind: int  # 1 storage, 2 stream, 5 root
    start: int  # its first sector
    size: int  # bytes


class Container:
    """A container's tables, each bounded by the size of the file."""

    def __init__(self, raw: bytes) -> None:
        if len(raw) < _HEADER or not raw.startswith(MAGIC):
            raise _broken("it does not begin as one")
        (shift,) = struct.unpack_from("<H", raw, 30)
        if shift not in {9, 12}:
            raise _broken("its sectors have no known size")
        self._raw, self._size = raw, 1 << shift
        self._sectors = max(0, (len(raw) - self._size + self._size - 1) // self._size)
        self._fat = self._table(list(islice(self._fat_sectors(), self._sectors + 1)))
        (directory,) = struct.unpack_from("<I", raw, 48)
        self.streams = tuple(_entries(self._chained(directory)))
        (mini,) = struct.unpack_from("<I", raw, 60)
        self._mini_fat = self._table(self._chain(mini, self._fat)) if mini < _MOST else []
        root = next((stream for stream in self.streams if stream.kind == 5), None)
        self._mini = self._chained(root.start)[: root.size] if root and root.start < _MOST else b""

    def read(self, names: Sequence[str]) -> bytes | None:
        """The first stream of one of these names; None where there is none."""
        found = [stream for name in names for stream in self.streams if stream.kind == 2 and stream.name == name]
        if not found:
            return None
        stream = found[0]
        if stream.size > len(self._raw):
            raise _broken("a length in it is longer than the file")
        if stream.size >= _CUTOFF:
            content = self._chained(stream.start)
        else:
            chain = self._chain(stream.start, self._mini_fat) if stream.size else []
            content = b"".join(self._mini[at * _MINI : (at + 1) * _MINI] for at in chain)
        if len(content) < stream.size:
            raise _broken("it was cut off")
        return content[: stream.size]

    def _sector(self, at: int) -> bytes:
        if at >= self._sectors:
            raise _broken("it was cut off")
        return self._raw[(at + 1) * self._size : (at + 2) * self._size]

    def _fat_sectors(self) -> Iterator[int]:
        """Sectors of the table of sectors: the first 109 in the header, the rest in a chain of their own."""
        yield from (at for at in struct.unpack_from("<109I", self._raw, 76) if at < _MOST)
        (at,) = struct.unpack_from("<I", self._raw, 68)
        per = self._size // 4 - 1
        for _ in range(self._sectors):
            if at >= _MOST:
                return
            *listed, at = struct.unpack_from(f"<{per + 1}I", self._sector(at).ljust(self._size, b"\xff"))
            yield from (sector for sector in listed if sector < _MOST)

    def _table(self, sectors: Sequence[int]) -> list[int]:
        if len(sectors) > self._sectors:
            raise _broken("its tables are larger than the file")
        raw = b"".join(self._sector(at).ljust(self._size, b"\xff") for at in sectors)
        return list(struct.unpack(f"<{len(raw) // 4}I", raw))

    def _chain(self, start: int, table: Sequence[int]) -> list[int]:
        """The sectors of one stream in order."""
        chain: list[int] = []
        at = start
        while at < _MOST:
            if at >= len(table) or len(chain) > len(table):
                raise _broken("a chain of its sectors leads nowhere")
            chain.append(at)
            at = table[at]
        return chain

    def _chained(self, start: int) -> bytes:
        return b"".join(map(self._sector, self._chain(start, self._fat)))


def contained(name: str, content: bytes) -> bytes:
    """A container with that one stream and nothing else."""
    content = content.ljust(_CUTOFF, b"\0")
    body = content + b"\0" * (-len(content) % _SECTOR)
    sectors = len(body) // _SECTOR
    per, listed = _SECTOR // 4, _SECTOR // 4 - 1
    tables = extra = 0
    while True:  # the table of sectors counts its own sectors, too
        more = -(-(sectors + 1 + tables + extra) // per)
        chained = max(0, -(-(more - 109) // listed))
        if (more, chained) == (tables, extra):
            break
        tables, extra = more, chained
    first_table = sectors + 1
    first_extra = first_table + tables
    fat = [*range(1, sectors), _END, _END, *[_FAT] * tables, *[0xFFFFFFFC] * extra]
    fat += [_FREE] * (tables * per - len(fat))
    where = list(range(first_table, first_extra))
    header = struct.pack(
        "<8s16sHHHHH6xIIIIIIIII",
        MAGIC, b"", 0x3E, 3, 0xFFFE, 9, 6, 0, tables, sectors, 0, _CUTOFF, _END, 0, first_extra if extra else _END, extra,
    )  # fmt: skip
    header += struct.pack("<109I", *(where[:109] + [_FREE] * (109 - min(109, len(where)))))
    chains = b""
    for number in range(extra):
        part = where[109 + number * listed : 109 + (number + 1) * listed]
        following = first_extra + number + 1 if number + 1 < extra else _END
        chains += struct.pack(f"<{per}I", *part, *[_FREE] * (listed - len(part)), following)
    directory = _entry("Root Entry", 5, child=1, start=_END, size=0) + _entry(
        name, 2, child=_FREE, start=0, size=len(content)
    )
    directory = directory.ljust(_SECTOR, b"\0")
    return header + body + directory + struct.pack(f"<{len(fat)}I", *fat) + chains


def _entry(name: str, kind: int, *, child: int, start: int, size: int) -> bytes:
    text = name.encode("utf-16-le") + b"\0\0"
    return struct.pack("<64sHBBIII16xI16xIQ", text, len(text), kind, 1, _FREE, _FREE, child, 0, start, size)


def _entries(raw: bytes) -> Iterator[Stream]:
    for at in range(0, len(raw) - _ENTRY + 1, _ENTRY):
        length, kind = struct.unpack_from("<HB", raw, at + 64)
        if kind in {1, 2, 5} and 2 <= length <= 64:
            name = raw[at : at + length - 2].decode("utf-16-le", "replace")
            start, size = struct.unpack_from("<II", raw, at + 116)
            yield Stream(name, kind, start, size)


def _broken(why: str) -> UnreadableFile:
    hint = "The file may be cut off; save or download it again, best as .xlsx."
    return UnreadableFile("xls.broken", f"The workbook is damaged: {why}.", hint=hint)
