"""Generated inputs: BrickLink lists of any size, each with content of its own, so that nothing is stored once for two."""

import csv
import secrets
from functools import cache
from pathlib import Path

MB = 1_000_000
MiB = 1024 * 1024
_OPENING = b'<?xml version="1.0" encoding="UTF-8"?>\n<!-- %032x -->\n<INVENTORY>\n'
_CLOSING = b"</INVENTORY>\n"
SAMPLE = Path(__file__).parents[1] / "catalog" / "sample" / "parts.csv"
_COLORS = (1, 2, 3, 4, 5, 6, 7, 11, 59, 63, 85, 86)  # BrickLink's numbers of common ones
_BLOCK_ROWS = 5000  # about 1 MB; larger lists repeat them


def opening() -> bytes:
    """How a list begins; each is another one, of the same length, so that whatever follows it has a digest of its own."""
    return _OPENING % secrets.randbits(128)


def parts_list(size: int) -> bytes:
    """A correct wanted list of `size` bytes whose content is like no other's."""
    head = opening()
    return head + _rest(size - len(head), _rows(secrets.randbelow(1_000_000)))


def write_rest(path: Path, size: int) -> int:
    """Write what follows an `opening()` in a list of `size` bytes; returns how many bytes that is."""
    length = size - len(opening())
    block = _rows(0)
    with path.open("wb") as file:
        whole, left = divmod(max(0, length - len(block) - len(_CLOSING)), len(block))
        for _ in range(whole):
            file.write(block)
        file.write(_rest(length - whole * len(block), block))
        assert left < len(block)
    return length


def _rest(length: int, rows: bytes) -> bytes:
    """As many whole rows as fit into `length` bytes, blanks, and the end."""
    room = length - len(_CLOSING)
    times = room // len(rows) + 1
    cut = (rows * times).rfind(b"\n", 0, room) + 1
    return (rows * times)[:cut].ljust(room) + _CLOSING


def _rows(seed: int) -> bytes:
    return b"".join(_row(seed + number) for number in range(_BLOCK_ROWS))


def _row(number: int) -> bytes:
    """One item, with the fields of a wanted list as BrickLink hands it out; its part is one of the sample catalog's."""
    parts = _parts()
    return (
        b"<ITEM><ITEMTYPE>P</ITEMTYPE><ITEMID>%b</ITEMID><COLOR>%d</COLOR><MAXPRICE>-1.0000</MAXPRICE>"
        b"<MINQTY>%d</MINQTY><QTYFILLED>0</QTYFILLED><CONDITION>X</CONDITION><REMARKS>drawer %d</REMARKS>"
        b"<NOTIFY>N</NOTIFY></ITEM>\n"
        % (parts[number * 7919 % len(parts)], _COLORS[number % len(_COLORS)], number % 40 + 1, number)
    )


@cache
def _parts() -> tuple[bytes, ...]:
    with SAMPLE.open(encoding="utf-8", newline="") as file:
        return tuple(row["part_num"].encode() for row in csv.DictReader(file))
