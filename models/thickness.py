"""Measures how thick the walls are: rays from points spread over the surface, inwards to where they leave the solid."""

from typing import Any

import numpy as np

from models.devices import Device, watched
from models.results import Point, Thickness

SAMPLES = 100_000
PLACES = 20
_PERCENTILES = (1, 5, 25, 50, 75, 95)


def thickness(vertices: Any, faces: Any, *, device: Device, limit: float, samples: int = SAMPLES) -> Thickness:
    """Measure up to `samples` walls; `limit`, in meters, is below what a wall is thin.

    A sample is the center of a face, chosen by area in the order of the faces, so that equal meshes give equal samples;
    a mesh of fewer faces is measured at each of them. A surface that is inside out is measured as if it were not. Rays
    that meet nothing (an open surface) are no samples. Walls thinner than 2e-6 of half the model's size are not seen.
    Percentiles weigh each sample by the area that it stands for. Raises `DeviceLost`, and `ValueError`
    where a coordinate is not finite.
    """
    chosen, weights, turn = _chosen(vertices, faces, samples=samples)
    walls = np.empty(0)
    if len(chosen):
        with watched(device):
            walls = shot(vertices, faces, chosen=chosen, turn=turn, device=device.name)
    met = walls >= 0
    walls, weights, chosen = walls[met], weights[met], chosen[met]
    if not len(walls):
        return Thickness(samples=0, thinnest=0.0, percentiles={}, thin=0, limit=limit, places=[])
    order = np.lexsort((chosen, walls))
    thin = order[walls[order] < limit]
    return Thickness(
        samples=len(walls),
        thinnest=float(walls[order[0]]),
        percentiles=_percentiles(walls[order], weights[order]),
        thin=len(thin),
        limit=limit,
        places=[_center(vertices[faces[chosen[i]]]) for i in thin[:PLACES]],
    )


def _center(corners: Any) -> Point:
    x, y, z = (corners / 3).sum(axis=0).tolist()
    return x, y, z


def _chosen(vertices: Any, faces: Any, *, samples: int) -> tuple[Any, Any, float]:
    """Faces to measure, the share of area that each stands for, and -1 where the surface is inside out, else 1."""
    if not len(faces):
        return np.empty(0, dtype=np.int64), np.empty(0), 1.0
    from models import kernels

    points = kernels.frame(vertices).inside(vertices)
    a, b, c = (points[faces[:, k]] for k in range(3))
    normals = np.cross(b - a, c - a)
    areas = np.sqrt((normals * normals).sum(axis=1)) / 2
    turn = -1.0 if float((a * normals).sum()) < 0 else 1.0
    solid = np.flatnonzero(areas > 0)
    if len(solid) <= samples:
        return solid, areas[solid], turn
    ends = np.cumsum(areas)
    steps = (np.arange(samples) + 0.5) * (ends[-1] / samples)
    found, times = np.unique(np.minimum(np.searchsorted(ends, steps, side="right"), solid[-1]), return_counts=True)
    return found, times * (ends[-1] / samples), turn


def shot(vertices: Any, faces: Any, *, chosen: Any, turn: float, device: str) -> Any:
    """The thickness at the center of each chosen face, in meters; negative where the ray meets nothing."""
    from models import kernels

    wp = kernels.wp

    frame = kernels.frame(vertices)
    points = frame.inside(vertices)
    mesh = kernels.tree(points, faces, device=device)
    corners = wp.array(faces.astype(np.int32).reshape(-1), dtype=wp.int32, device=device)
    listed = wp.array(chosen.astype(np.int32), dtype=wp.int32, device=device)
    found = wp.full(len(chosen), value=-2.0, dtype=wp.float64, device=device)
    inputs = [mesh.id, wp.array(points, dtype=wp.vec3d, device=device), corners, turn, listed, found]
    wp.launch(kernels.walls_of, dim=len(chosen), inputs=inputs, device=device)
    walls = found.numpy()
    if (walls < -1).any():  # Warp reports some faults of a device on its standard error only
        raise RuntimeError("the kernel left no result")
    return walls * frame.half


def _percentiles(walls: Any, weights: Any) -> dict[str, float]:
    """Of walls in rising order: the wall at which the given share of the measured area is reached."""
    ends = np.cumsum(weights)
    at = np.minimum(np.searchsorted(ends, np.array(_PERCENTILES) / 100 * ends[-1]), len(walls) - 1)
    return {f"p{share}": float(walls[i]) for share, i in zip(_PERCENTILES, at, strict=True)}
