"""A step that computes with the geometry kernels, for the sandbox."""

from pathlib import Path

import numpy as np


def cross(ctx) -> None:
    """Counts the crossings of two triangles that pierce each other; tells the device and where kernels came from."""
    from models import devices
    from models.crossing import crossings

    devices.start(Path(ctx.options["cache"]))
    device = devices.device(ctx.options["prefer"])
    corners = np.array([(0, 0, 0), (4, 0, 0), (0, 4, 0), (1, 1, -1), (1, 1, 1), (2, 1, 1)], dtype=np.float64)
    found = crossings(corners, np.arange(6).reshape(2, 3), device=device)
    ctx.summary(pairs=found.pairs, device=device.name, cache=devices.cache())
