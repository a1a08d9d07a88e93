"""Whether this machine can draw 3D models."""

import ctypes

import pytest


def osmesa() -> bool:
    """Whether it has the software renderer that f3d looks for."""
    for name in ("libOSMesa.so.8", "libOSMesa.so.6", "libOSMesa.so"):
        try:
            ctypes.CDLL(name)
        except OSError:
            continue
        return True
    return False


needs_renderer = pytest.mark.skipif(not osmesa(), reason="no libosmesa6 on this machine")
