"""Damage that any file can take: cut, torn, doubled, flipped, filled with what belongs nowhere."""

import random
from collections.abc import Callable

Attack = Callable[[random.Random, bytes], bytes]
_PIECES = (
    b"\0",
    b"\0" * 300,
    b"\r",
    b"\x1a",
    b"\x1b[2J",
    b"\xef\xbb\xbf",
    b"\xff\xfe",
    b"\xfe\xff",
    b"\x80",
    b"\xed\xa0\x80",
)


def place(rng: random.Random, body: bytes) -> int:
    """Somewhere in the body, in one of three cases near its start or its end, where formats keep what matters."""
    if rng.random() < 0.3:
        near = rng.randrange(64)
        return min(near, len(body)) if rng.random() < 0.5 else max(0, len(body) - near)
    return rng.randint(0, len(body))


def _stretch(rng: random.Random, body: bytes) -> tuple[int, int]:
    at = place(rng, body)
    return at, min(len(body), at + rng.choice((1, 2, 8, 64, 512, 4096)))


def _cut_off(rng: random.Random, body: bytes) -> bytes:
    return body[: place(rng, body)]


def _cut_front(rng: random.Random, body: bytes) -> bytes:
    return body[place(rng, body) :]


def _cut_out(rng: random.Random, body: bytes) -> bytes:
    start, end = _stretch(rng, body)
    return body[:start] + body[end:]


def _doubled(rng: random.Random, body: bytes) -> bytes:
    start, end = _stretch(rng, body)
    return body[:end] + body[start:end] * rng.choice((1, 1, 2, 50)) + body[end:]


def _moved(rng: random.Random, body: bytes) -> bytes:
    start, end = _stretch(rng, body)
    rest, at = body[:start] + body[end:], place(rng, body)
    return rest[:at] + body[start:end] + rest[at:]


def _shuffled_lines(rng: random.Random, body: bytes) -> bytes:
    lines = body.split(b"\n")
    rng.shuffle(lines)
    return b"\n".join(lines)


def _flipped(rng: random.Random, body: bytes) -> bytes:
    changed = bytearray(body)
    for _ in range(rng.choice((1, 1, 3, 20, 200)) if body else 0):
        changed[min(place(rng, body), len(body) - 1)] ^= 1 << rng.randrange(8)
    return bytes(changed)


def _overwritten(rng: random.Random, body: bytes) -> bytes:
    start, end = _stretch(rng, body)
    fill = rng.choice((b"\0", b"\xff", b"\x7f", b" ", b'"', b"<", b"9"))
    return body[:start] + fill * (end - start) + body[end:]


def _noise_inside(rng: random.Random, body: bytes) -> bytes:
    at = place(rng, body)
    return body[:at] + rng.randbytes(rng.choice((1, 4, 40, 4000))) + body[at:]


def _odd_bytes_inside(rng: random.Random, body: bytes) -> bytes:
    for _ in range(rng.choice((1, 1, 5, 60))):
        at = place(rng, body)
        body = body[:at] + rng.choice(_PIECES) + body[at:]
    return body


def _control_characters(rng: random.Random, body: bytes) -> bytes:
    share = rng.choice((0.002, 0.05))
    return bytes(rng.randrange(32) if rng.random() < share else byte for byte in body[:200_000])


def _long_run(rng: random.Random, body: bytes) -> bytes:
    at = place(rng, body)
    return body[:at] + bytes([rng.randrange(256)]) * rng.choice((5_000, 70_000, 3_000_000)) + body[at:]


def _repeated(rng: random.Random, body: bytes) -> bytes:
    return body * min(rng.choice((2, 3, 200)), 1 + 2_000_000 // (len(body) + 1))


def _backwards(_rng: random.Random, body: bytes) -> bytes:
    return body[::-1]


def _nothing(_rng: random.Random, _body: bytes) -> bytes:
    return b""


def _noise(rng: random.Random, body: bytes) -> bytes:
    return rng.randbytes(rng.choice((1, 3, 100, len(body), 100_000)))


def _head_and_noise(rng: random.Random, body: bytes) -> bytes:
    return body[: rng.choice((4, 8, 64, 512))] + rng.randbytes(rng.choice((10, 1000, 50_000)))


ATTACKS: tuple[Attack, ...] = (
    _cut_off, _cut_off, _cut_off, _cut_front, _cut_out, _cut_out, _doubled, _doubled, _moved, _shuffled_lines, _flipped, _flipped,
    _flipped, _overwritten, _overwritten, _noise_inside, _odd_bytes_inside, _odd_bytes_inside, _control_characters,
    _long_run, _repeated, _backwards, _nothing, _noise, _head_and_noise,
)  # fmt: skip
