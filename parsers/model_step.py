"""Reads STEP through OpenCASCADE: checked as text first, then meshed by tolerances that do not hang on its size.

The text format is ISO 10303-21; units are those of ISO 10303-41.
"""

import os
import re
from pathlib import Path

from jobs.errors import InputError
from parsers.apart import apart
from parsers.model_facts import Facts
from parsers.model_faults import malformed, outside, unreadable

MAX_STEP = 128 * 1024 * 1024  # bytes; the reader needs some twenty times as much
_START, _END = b"ISO-10303-21", b"END-ISO-10303-21"
_TAIL = 4096  # bytes in which the end must stand
_LINEAR = 0.002  # of an edge's length that a triangle may miss the surface by
_ANGULAR = 0.35  # radians between neighboring triangles
_OUTSIDE = re.compile(rb"\bDOCUMENT_FILE\s*\(", re.IGNORECASE)
_LENGTH = re.compile(rb"\bLENGTH_UNIT\s*\(\s*\)", re.IGNORECASE)
_SI = re.compile(rb"SI_UNIT\s*\(\s*(?:\.(\w+)\.|\$)\s*,\s*\.METRE\.\s*\)", re.IGNORECASE)
_NAMED = re.compile(rb"CONVERSION_BASED_UNIT\s*\(\s*'\s*(\w+)", re.IGNORECASE)
_PREFIXES = {b"": "m", b"MILLI": "mm", b"CENTI": "cm", b"DECI": "dm", b"MICRO": "um", b"NANO": "nm", b"KILO": "km"}
_INCHES = {b"INCH": "in", b"IN": "in", b"FOOT": "ft", b"FEET": "ft", b"FT": "ft"}


def read_step(path: Path) -> tuple[bytes, Facts]:
    """The model as a GLB in meters, as the library hands it over, and what the file states of itself.

    A file that states no unit is taken for millimeters by the library; its facts then have no unit.

    Raises `UnreadableFile` (`model.malformed`, `.truncated`, `.unreadable`) and `InputError` (`limit.size`,
    `model.external`).
    """
    if path.stat().st_size > MAX_STEP:
        raise InputError("limit.size", f"The STEP file is larger than {MAX_STEP // 1024 // 1024} MiB.")
    content = path.read_bytes()
    if not content.lstrip()[: len(_START)].upper() == _START:
        raise malformed("The STEP file does not begin as one.")
    if _END not in content[-_TAIL:].upper():
        raise malformed("The STEP file is cut off.")
    if _OUTSIDE.search(content):
        raise outside()
    import cascadio

    def convert() -> bytes:
        _silence()
        return bytes(
            cascadio.load(
                content,
                file_type="step",
                tol_linear=_LINEAR,
                tol_angular=_ANGULAR,
                tol_relative=True,
                use_parallel=False,
            )
        )

    glb = apart(convert)  # damaged files crash the library now and then
    if not glb:
        raise unreadable("step")
    return glb, Facts(format="step", reader="cascadio", unit=_unit(content))


def _unit(content: bytes) -> str | None:
    """The unit of lengths, by the first entity that is one."""
    for found in _LENGTH.finditer(content):
        begin = content.rfind(b";", 0, found.start()) + 1
        entity = content[begin : content.find(b";", begin)]
        if si := _SI.search(entity):
            return _PREFIXES.get((si[1] or b"").upper())
        if named := _NAMED.search(entity):
            return _INCHES.get(named[1].upper())
    return None


def _silence() -> None:
    """The library writes what it stumbles over, which is content of uploads, to its process's own output: here, to a child's."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for number in (1, 2):
        os.dup2(nowhere, number)
