"""ZIP archives made by hand: the same bytes each time, two entries of one name, or bombs that never go off in here."""

import io
import struct
import zipfile
import zlib
from collections.abc import Iterable

LOCAL, CENTRAL, END = b"PK\3\4", b"PK\1\2", b"PK\5\6"
MIB = 1024 * 1024
_MOST = 32 * MIB
_JANUARY_1980 = 33


class Packed(bytes):
    """An entry's content that is deflated already, with the size and check sum that it has unpacked."""

    size: int
    crc: int


Entry = tuple[str, bytes]


def zipped(entries: Iterable[Entry], *, flags: int = 0) -> bytes:
    """An archive of these entries in this order; what is `Packed` goes in as it is."""
    out, directory, count = bytearray(), bytearray(), 0
    for count, (name, content) in enumerate(entries, 1):  # noqa: B007 - counted for the end of the directory
        packed = content if isinstance(content, Packed) else deflated(content)
        spelled = name.encode("utf-8", "surrogatepass")[:65_535]
        facts = struct.pack(
            "<5H3I2H", 20, flags, 8, 0, _JANUARY_1980, packed.crc, len(packed), packed.size, len(spelled), 0
        )
        directory += CENTRAL + struct.pack("<H", 20) + facts + struct.pack("<3H2I", 0, 0, 0, 0, len(out)) + spelled
        out += LOCAL + facts + spelled + packed
    said = min(count, 65_535)
    return bytes(out + directory + struct.pack("<4s4H2IH", END, 0, 0, said, said, len(directory), len(out), 0))


def deflated(start: bytes, fill: bytes = b"", size: int = 0, *, noise: bytes = b"") -> Packed:
    """`start`, and then `fill` over and over up to `size` bytes, deflated piece by piece; `noise` ends each megabyte."""
    deflate = zlib.compressobj(1, wbits=-15)
    parts, crc, total = [deflate.compress(start)], zlib.crc32(start), len(start)
    piece = fill * (MIB // len(fill)) + noise if fill else b""
    packed_piece = _flushed(piece) if piece else b""
    parts.append(deflate.flush(zlib.Z_FULL_FLUSH))
    while piece and total < size:
        parts.append(packed_piece)
        crc, total = zlib.crc32(piece, crc), total + len(piece)
    packed = Packed(b"".join(parts) + deflate.flush())
    packed.size, packed.crc = total, crc
    return packed


def _flushed(piece: bytes) -> bytes:
    """A piece that can stand anywhere in a deflated stream: it refers to nothing before it."""
    deflate = zlib.compressobj(9, wbits=-15)
    return deflate.compress(piece) + deflate.flush(zlib.Z_FULL_FLUSH)


def unzipped(raw: bytes) -> list[Entry]:
    """The entries of an archive of ours; none where it was damaged beyond that, or is a bomb already."""
    try:
        with zipfile.ZipFile(io.BytesIO(raw)) as archive:
            if sum(info.file_size for info in archive.infolist()) > _MOST:
                return []
            return [(info.filename, archive.read(info)) for info in archive.infolist()]
    except (zipfile.BadZipFile, ValueError, OSError, EOFError, RuntimeError, zlib.error, struct.error):
        return []
