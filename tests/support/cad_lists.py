"""CAD models for tests, written by us: LDraw lines, Studio and LDD archives, and the ways to encrypt or break a ZIP."""

import io
import json
import struct
import zipfile
import zlib
from collections.abc import Mapping
from xml.sax.saxutils import quoteattr

UPRIGHT = "1 0 0 0 1 0 0 0 1"
PASSWORD = "open sesame"
_LOCAL, _CENTRAL, _END = struct.Struct("<4s5H3I2H"), struct.Struct("<4s6H3I5H2I"), struct.Struct("<4s4H2IH")
_AES_EXTRA = struct.pack("<HHH2sBH", 0x9901, 7, 2, b"AE", 3, 8)


def placed(file: str, color: object = 4, *, times: int = 1) -> str:
    """Lines of type 1 that place a file."""
    return f"1 {color} 0 -24 20.5 {UPRIGHT} {file}\n" * times


def mpd(models: Mapping[str, str]) -> str:
    """A file of several models; the first is the one that is built."""
    return "".join(f"0 FILE {name}\n{text}0 NOFILE\n" for name, text in models.items())


def chain(levels: int, *, times: int = 1, last: str = "") -> str:
    """Models that each place the next one `times` times, down to one that holds `last`."""
    models = [
        f"0 FILE level{level}.ldr\n" + placed(f"level{level + 1}.ldr", 16, times=times) for level in range(levels)
    ]
    return "".join(models) + f"0 FILE level{levels}.ldr\n{last or placed('3001.dat')}"


def zipped(entries: Mapping[str, bytes | str], *, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A ZIP of these entries in this order."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    return out.getvalue()


def studio(
    model: str,
    *,
    total: int | None = None,
    entry: str = "model.ldr",
    password: str | None = None,
    info: str | None = None,
) -> bytes:
    """A Studio file; encrypted as the old ones are where a password is given."""
    entries: dict[str, bytes | str] = {entry: model, "errorPartList.err": ""}
    if info is not None or total is not None:
        said = info if info is not None else json.dumps({"version": "2.24.1_1", "total_parts": total})
        entries[".info"] = b"\xef\xbb\xbf" + said.encode() + b"\r\n"
    return encrypted(entries, password) if password else zipped(entries)


def brick(design: str, materials: str, *, items: str = "", decoration: str = "", extra: str = "") -> str:
    """A brick of one part as LEGO Digital Designer writes it."""
    printed = f" decoration={quoteattr(decoration)}" if decoration else ""
    part = f"<Part designID={quoteattr(design)} materials={quoteattr(materials)}{printed}>{extra}</Part>"
    return f"<Brick designID={quoteattr(design)} itemNos={quoteattr(items)}>{part}</Brick>\n"


def lxfml(bricks: str, *, name: str = "A model") -> str:
    """A model of LEGO Digital Designer."""
    head = f'<?xml version="1.0" encoding="UTF-8" standalone="no" ?>\n<LXFML versionMajor="5" name={quoteattr(name)}>\n'
    return head + f'<Meta><BrickSet version="1564"/></Meta>\n<Bricks cameraRef="0">\n{bricks}</Bricks>\n</LXFML>\n'


def lxf(bricks: str, *, entry: str = "IMAGE100.LXFML") -> bytes:
    """The same as an archive with its picture."""
    return zipped({"IMAGE100.PNG": b"\x89PNG\r\n\x1a\n", entry: lxfml(bricks)})


def encrypted(entries: Mapping[str, bytes | str], password: str, *, aes: bool = False) -> bytes:
    """A ZIP whose entries are encrypted with ZipCrypto (or only say that they are, with AES)."""
    out, directory = bytearray(), bytearray()
    for name, text in entries.items():
        content = text.encode() if isinstance(text, str) else text
        check = zlib.crc32(content)
        deflate = zlib.compressobj(wbits=-15)
        packed = deflate.compress(content) + deflate.flush()
        packed = _zipcrypto(bytes(11) + bytes([check >> 24]) + packed, password.encode())
        method, extra = (99, _AES_EXTRA) if aes else (8, b"")
        sizes = (check, len(packed), len(content), len(name.encode()))
        at = len(out)
        out += _LOCAL.pack(b"PK\3\4", 20, 1, method, 0, 33, *sizes, len(extra)) + name.encode() + extra + packed
        directory += _CENTRAL.pack(b"PK\1\2", 20, 20, 1, method, 0, 33, *sizes, len(extra), 0, 0, 0, 0, at)
        directory += name.encode() + extra
    end = _END.pack(b"PK\5\6", 0, 0, len(entries), len(entries), len(directory), len(out), 0)
    return bytes(out + directory + end)


def _zipcrypto(plain: bytes, password: bytes) -> bytes:
    """PKWARE's traditional encryption (APPNOTE.TXT, 6.1), which nobody should use and old Studio files do."""
    keys = [0x12345678, 0x23456789, 0x34567890]
    for byte in password:
        _turn(keys, byte)
    out = bytearray()
    for byte in plain:
        mixed = keys[2] | 2
        out.append(byte ^ ((mixed * (mixed ^ 1) >> 8) & 0xFF))
        _turn(keys, byte)
    return bytes(out)


def _turn(keys: list[int], byte: int) -> None:
    keys[0] = _crc(keys[0], byte)
    keys[1] = ((keys[1] + (keys[0] & 0xFF)) * 134775813 + 1) & 0xFFFFFFFF
    keys[2] = _crc(keys[2], keys[1] >> 24)


def _crc(key: int, byte: int) -> int:
    """One step of CRC-32 without its usual turning over of bits at both ends."""
    return zlib.crc32(bytes([byte]), key ^ 0xFFFFFFFF) ^ 0xFFFFFFFF
