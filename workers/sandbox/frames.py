"""Length-prefixed JSON frames: the only language that crosses the sandbox's border. Never pickle."""

import json
import os
import struct
from typing import Any, NoReturn

FRAME_LIMIT = 4 * 1024 * 1024  # bytes of one frame; far above any summary, far below what hurts
_LENGTH = struct.Struct(">I")


class BrokenFrame(ValueError):
    """Bytes that are no frame: too long, cut off, or not JSON. Whoever sent them is not to be trusted further."""


def encode(value: Any, *, limit: int = FRAME_LIMIT) -> bytes:
    """One frame, ready to send; `BrokenFrame` where `value` is larger than `limit` or no plain JSON."""
    try:
        body = _ENCODER.encode(value).encode("ascii")
    except (TypeError, ValueError, RecursionError) as error:
        raise BrokenFrame(f"not JSON: {error}") from None
    if len(body) > limit:
        raise BrokenFrame(f"a frame of {len(body)} bytes is over the limit of {limit}")
    return _LENGTH.pack(len(body)) + body


class FrameReader:
    """Takes bytes as they arrive and gives whole frames; holds at most one frame beyond what it was fed."""

    def __init__(self, *, limit: int = FRAME_LIMIT) -> None:
        self._limit = limit
        self._pending = bytearray()

    def feed(self, received: bytes) -> list[Any]:
        """The frames that `received` completes; `BrokenFrame` as soon as one cannot become valid."""
        self._pending += received
        found: list[Any] = []
        start = 0
        while len(self._pending) - start >= _LENGTH.size:
            (length,) = _LENGTH.unpack_from(self._pending, start)
            if length > self._limit:
                raise BrokenFrame(f"a frame of {length} bytes is over the limit of {self._limit}")
            end = start + _LENGTH.size + length
            if len(self._pending) < end:
                break
            found.append(_decode(self._pending[start + _LENGTH.size : end]))
            start = end
        del self._pending[:start]
        return found


def read_frame(fd: int, *, limit: int = FRAME_LIMIT) -> Any:
    """Block until one frame has arrived on `fd`; `EOFError` where the other side has closed."""
    (length,) = _LENGTH.unpack(_read_exactly(fd, _LENGTH.size))
    if length > limit:
        raise BrokenFrame(f"a frame of {length} bytes is over the limit of {limit}")
    return _decode(_read_exactly(fd, length))


def write_frame(fd: int, value: Any, *, limit: int = FRAME_LIMIT) -> None:
    """Send one frame whole, waiting for room where there is none."""
    rest = memoryview(encode(value, limit=limit))
    while rest:
        rest = rest[os.write(fd, rest) :]


def _read_exactly(fd: int, size: int) -> bytes:
    found = bytearray()
    while len(found) < size:
        part = os.read(fd, size - len(found))
        if not part:
            raise EOFError("the other side has closed")
        found += part
    return bytes(found)


def _decode(body: bytes | bytearray) -> Any:
    try:
        return _DECODER.decode(body.decode("utf-8"))
    except (ValueError, RecursionError) as error:  # RecursionError: a thousand opening brackets
        raise BrokenFrame(f"not JSON: {type(error).__name__}") from None


def _no_constant(name: str) -> NoReturn:
    raise BrokenFrame(f"{name} is not JSON")


# Made once: json.dumps() and json.loads() make theirs anew with each call that names an option.
_ENCODER = json.JSONEncoder(allow_nan=False, separators=(",", ":"))
_DECODER = json.JSONDecoder(parse_constant=_no_constant)
