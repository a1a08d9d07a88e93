"""What crafted archives try: bombs, nesting, lying directories, names that lead away, entries twice, encryption."""

import random
import re
import struct

from fuzz.any_bytes import Attack, place
from fuzz.zips import CENTRAL, END, LOCAL, MIB, Entry, deflated, unzipped, zipped

_NAMES = (
    "../../x.ldr", "/etc/passwd", "C:\\x", "a\\..\\..\\x", "x" * 600, "x/" * 300, "\u202ex", "\0x", "MODEL.LDR", "model.ldr/", "", "con",
    "xl/workbook.bin", "content.xml", "3D/3dmodel.model", "left/a.xml", "IMAGE100.lxfml", "a/model.ldr", "[trash]", ".info",
)  # fmt: skip


_OPENINGS = (b"", b"", b"<!--", b'<x a="', b"<![CDATA[", b"<?x ", b"<", b"\n")
_FILLS = (
    b"\0", b"x", b"> ", b"\n", b"<x/>", b'<row r="1"/>', b'<c r="B2"><v>1</v></c>', b"<si><t>a</t></si>", b'<mergeCell ref="A1:A2"/>',
    b"1 4 0 0 0 1 0 0 0 1 0 0 0 1 3001.dat\n", b"0 FILE a.ldr\n", b'<Brick designID="3001"><Part designID="3001" materials="21"/></Brick>',
    b'<definedName name="a">b</definedName>', b'<sheet name="a" sheetId="1" r:id="rId1"/>', b"<!---->", b'<xf numFmtId="1"/>',
)  # fmt: skip


def _main(entries: list[Entry]) -> int:
    """Index of the entry that holds the list: the largest one."""
    return max(range(len(entries)), key=lambda at: len(entries[at][1]))


def _bomb(rng: random.Random, body: bytes) -> bytes:
    """One entry, or one more, that unpacks to far more than it is."""
    entries = unzipped(body)
    if not entries:
        return body
    at, size = rng.choice((_main(entries), rng.randrange(len(entries)))), rng.choice((8, 40, 300, 700)) * MIB
    name, content = entries[at]
    noise = rng.choice((b"", rng.randbytes(3000).hex().encode()))  # beside a megabyte of it, as honest files are packed
    where = rng.choice((content.rfind(b"</"), content.rfind(b"\n"), len(content) // 2))
    packed = deflated(content[:where] + rng.choice(_OPENINGS), rng.choice(_FILLS), size, noise=noise)
    if rng.random() < 0.3:
        return zipped([*entries, ("extra.bin", packed)])
    return zipped([entry if number != at else (name, packed) for number, entry in enumerate(entries)])


def _overlapping(rng: random.Random, _body: bytes) -> bytes:
    """Many entries of the directory that all lead to the same bytes."""
    name = rng.choice(("x", "model.ldr", "IMAGE100.LXFML", "xl/workbook.xml"))
    one = zipped([(name, deflated(b"", b"\0", rng.choice((1, 30)) * MIB))])
    at = one.index(CENTRAL)
    count = rng.choice((40, 2_000, 60_000))
    directory = (one[at : at + 46 + len(name)]) * count
    end = struct.pack("<4s4H2IH", END, 0, 0, count & 0xFFFF, count & 0xFFFF, len(directory), at, 0)
    return one[:at] + directory + end


def _nested(rng: random.Random, body: bytes) -> bytes:
    entries = unzipped(body)
    for _ in range(rng.choice((1, 2, 30))):
        body = zipped([(entries[_main(entries)][0] if entries else "x.zip", body)])
    return body


def _many_entries(rng: random.Random, body: bytes) -> bytes:
    more = [(f"f{number}", b"") for number in range(rng.choice((500, 4_097, 20_000)))]
    return zipped([*unzipped(body), *more])


def _odd_names(rng: random.Random, body: bytes) -> bytes:
    entries = [(rng.choice(_NAMES) if rng.random() < 0.4 else name, content) for name, content in unzipped(body)]
    return zipped([*entries, (rng.choice(_NAMES), b"x")])


def _twice(rng: random.Random, body: bytes) -> bytes:
    entries = unzipped(body)
    if not entries:
        return body
    name, content = rng.choice(entries)
    again = (rng.choice((name, name.upper(), f"a/{name}")), rng.choice((content, b"", content * 2)))
    return zipped([*entries, again])


def _missing(rng: random.Random, body: bytes) -> bytes:
    entries = unzipped(body)
    return zipped([entry for entry in entries if rng.random() < 0.7])


def _moved_between(rng: random.Random, body: bytes) -> bytes:
    """Contents under each other's names."""
    entries = unzipped(body)
    contents = [content for _, content in entries]
    rng.shuffle(contents)
    return zipped([(name, content) for (name, _), content in zip(entries, contents, strict=True)])


def _inside_changed(rng: random.Random, body: bytes) -> bytes:
    """Some bytes of any entry changed, in an archive that is sound."""
    entries = unzipped(body)
    if not entries:
        return body
    at = rng.randrange(len(entries))
    name, content = entries[at]
    where = place(rng, content)
    entries[at] = (
        name,
        content[:where]
        + rng.choice((b"", b"\0", b"<", b'"', b"9" * 30, b"\xff" * 9))
        + content[where + rng.randrange(9) :],
    )
    return zipped(entries)


def _encrypted(rng: random.Random, body: bytes) -> bytes:
    return zipped(unzipped(body), flags=rng.choice((0x1, 0x1, 0x41, 0x2001)))


def _headers(rng: random.Random, body: bytes, magic: bytes, offsets: tuple[int, ...], width: int) -> bytes:
    """Fields of some headers set to what they can not be."""
    changed = bytearray(body)
    places = [found.start() for found in re.finditer(re.escape(magic), body)]
    for _ in range(rng.choice((1, 1, 3)) if places else 0):
        at = rng.choice(places) + rng.choice(offsets)
        odd = rng.choice((0, 1, 0xFF, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFF, rng.randrange(1 << 32))) & ((1 << 8 * width) - 1)
        changed[at : at + width] = odd.to_bytes(width, "little")
    return bytes(changed[: len(body)])


def _local_headers(rng: random.Random, body: bytes) -> bytes:
    return (
        _headers(rng, body, LOCAL, (4, 6, 8, 26, 28), 2)
        if rng.random() < 0.5
        else _headers(rng, body, LOCAL, (14, 18, 22), 4)
    )


def _directory(rng: random.Random, body: bytes) -> bytes:
    if rng.random() < 0.5:
        return _headers(rng, body, CENTRAL, (6, 8, 10, 28, 30, 32), 2)
    return _headers(rng, body, CENTRAL, (16, 20, 24, 38, 42), 4)


def _end_of_directory(rng: random.Random, body: bytes) -> bytes:
    return _headers(rng, body, END, (4, 8, 10, 20), 2) if rng.random() < 0.5 else _headers(rng, body, END, (12, 16), 4)


def _directory_damaged(rng: random.Random, body: bytes) -> bytes:
    at = body.find(CENTRAL)
    if at < 0:
        return body
    where = rng.randint(at, len(body))
    return body[:where] + rng.choice((b"", rng.randbytes(8), b"\0" * 64)) + body[where + rng.choice((1, 8, 64)) :]


def _comment(rng: random.Random, body: bytes) -> bytes:
    return body[:-2] + struct.pack("<H", 65_535) + rng.choice((END, b"x")) * rng.choice((10, 3_000, 60_000))


def _behind_something(rng: random.Random, body: bytes) -> bytes:
    return rng.choice((b"MZ", b"PK", b"\0" * 1000, b"<INVENTORY>", body)) + body


ZIPS: tuple[Attack, ...] = (
    _bomb, _bomb, _overlapping, _nested, _many_entries, _odd_names, _odd_names, _twice, _twice, _missing, _missing, _moved_between,
    _inside_changed, _inside_changed, _inside_changed, _encrypted, _local_headers, _local_headers, _directory, _directory,
    _end_of_directory, _directory_damaged, _directory_damaged, _comment, _behind_something,
)  # fmt: skip
