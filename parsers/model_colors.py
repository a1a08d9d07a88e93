"""Colors of models: those of a screen (sRGB) as light, which is what a glTF holds, and back.

The curve is that of IEC 61966-2-1. The glTF 2.0 specification, sections 3.7.2.1 and 3.9.2, has factors of materials and
colors of vertices linear; only pictures stay as a screen shows them.
"""

from functools import cache
from typing import Any

# Formats in whose files a color is what a screen shows. The specification of 3MF says so; the others say nothing, but
# come from programs that write down what a person picked on a screen. FBX is as undecided, and mostly linear.
ON_SCREEN = frozenset({"3mf", "dae", "obj", "off", "ply", "stl"})
_KNEE, _LOW = 0.04045, 12.92


def linear(colors: Any) -> Any:
    """Screen colors (..., 4) from 0 to 255 as light of the same range; alpha stays."""
    return _through(_to_linear(), colors)


def on_screen(colors: Any) -> Any:
    """The inverse of `linear`, as far as whole numbers let it."""
    return _through(_to_screen(), colors)


def _through(table: Any, colors: Any) -> Any:
    import numpy as np

    found = np.array(colors, dtype=np.uint8)
    found[..., :3] = table[found[..., :3]]
    return found


@cache
def _to_linear() -> Any:
    import numpy as np

    share = np.arange(256) / 255
    return _bytes(np.where(share <= _KNEE, share / _LOW, ((share + 0.055) / 1.055) ** 2.4))


@cache
def _to_screen() -> Any:
    import numpy as np

    share = np.arange(256) / 255
    return _bytes(np.where(share <= _KNEE / _LOW, share * _LOW, 1.055 * share ** (1 / 2.4) - 0.055))


def _bytes(shares: Any) -> Any:
    import numpy as np

    return np.round(shares * 255).astype(np.uint8)
