"""Time-ordered ids: UUIDv7 strings, so that a list sorted by id is sorted by age."""

import os
import time
import uuid

_VERSION_7 = 0x7 << 76
_VARIANT = 0x2 << 62


def new_id() -> str:
    """A UUIDv7 (RFC 9562, section 5.7): 48 bits of Unix milliseconds, then 74 random bits."""
    milliseconds = time.time_ns() // 1_000_000
    random = int.from_bytes(os.urandom(10), "big")
    rand_a = (random >> 64) & 0xFFF
    rand_b = random & ((1 << 62) - 1)
    value = (milliseconds & ((1 << 48) - 1)) << 80 | _VERSION_7 | rand_a << 64 | _VARIANT | rand_b
    return str(uuid.UUID(int=value))


def is_id(text: str) -> bool:
    """Whether `text` is a UUID in its canonical form; anything else cannot name a row of ours."""
    try:
        return str(uuid.UUID(text)) == text
    except ValueError:
        return False
