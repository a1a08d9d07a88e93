"""Byte ranges of RFC 9110, section 14: one range or the whole."""

import re

_ONE = re.compile(r"bytes=\s*(\d{0,19})-(\d{0,19})\s*", re.IGNORECASE)


class Unsatisfiable(Exception):
    """The range lies outside of what there is."""


def wanted_range(header: str | None, *, size: int) -> tuple[int, int] | None:
    """First byte and length that `header` asks of `size` bytes; None for the whole.

    Several ranges, or what cannot be read, count as no range, as the RFC allows. Raises `Unsatisfiable`.
    """
    found = _ONE.fullmatch(header.strip()) if header else None
    if found is None or found[1] == found[2] == "":
        return None
    if not found[1]:  # the last n bytes
        length = min(int(found[2]), size)
        if length == 0:
            raise Unsatisfiable
        return size - length, length
    start, end = int(found[1]), int(found[2] or size - 1)
    if found[2] and end < start:
        return None
    if start >= size:
        raise Unsatisfiable
    return start, min(end, size - 1) - start + 1
