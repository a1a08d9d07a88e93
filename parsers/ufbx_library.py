"""Where the library that reads FBX lies once `tools/build_ufbx.py` has made it, and what it is made of.

ufbx (MIT or public domain) is one C file. Of the packages that carry it only the source is of use, so it is taken from
the source distribution of one of them, by hash, and compiled with our shim; neither is part of this repository.
"""

import hashlib
import sys
from functools import cache
from pathlib import Path

PACKAGE, VERSION = "pyufbx", "0.0.7"  # holds ufbx 0.21.2
SHA256 = "aabe7cb568f538719c5b7d3efc19f0f578678f99c1e5b3d52689bfc9a15e0e4b"  # of its source distribution
SOURCES = ("ufbx-c/ufbx.c", "ufbx-c/ufbx.h")  # what is taken from it
SHIM = Path(__file__).with_name("ufbx_shim.c")
# Without stdio it can open no file, whatever a model tells it to; the smaller optimization halves the time of a set-up.
FLAGS = (
    "-std=gnu99",
    "-O1",
    "-shared",
    "-fPIC",
    "-fvisibility=hidden",
    "-fstack-protector-strong",
    "-DUFBX_NO_STDIO",
    "-DUFBX_MINIMAL",
    "-DUFBX_ENABLE_TRIANGULATION",
)


def folder() -> Path:
    """Beside the libraries of this environment: steps may read those, and write nothing there."""
    return Path(sys.prefix) / "lib" / "heavylift"


def place() -> Path:
    """Where the library of this release lies, once it is built; its name changes with what it is made of."""
    return folder() / f"ufbx-{_digest()}.so"


@cache
def _digest() -> str:
    made_of = (SHIM.read_bytes(), SHA256.encode(), " ".join(FLAGS).encode())
    return hashlib.sha256(b"".join(made_of)).hexdigest()[:16]


def found() -> Path | None:
    """The library, where it was built."""
    path = place()
    return path if path.is_file() else None


def reason_file() -> Path:
    """Where it is kept why the library could not be built."""
    return folder() / "ufbx-reason.txt"


def reason() -> str:
    """Why it was not built, in a few words."""
    try:
        return reason_file().read_text().strip()
    except OSError:
        return "it was not built when this environment was set up"
