# ruff: noqa: INP001 - a script, not a package
"""Compare the geometry kernels on the CPU and on a GPU: `python tools/models_parity.py --sizes 100000,1000000`.

Needs numpy and Warp, nothing else. Prints one JSON line per size and check with the seconds of each device and the
differences, and exits 1 where they are larger than stated: crossings must be the same, walls agree to 1e-5 of
their thickness, closest points to 1e-5 of the model's size. The smallest size is small enough for a third opinion: exact
integers for crossings and plain float64 for the rest; it stands in for the CPU where Warp has none.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from models import devices  # noqa: E402 - the root has to be known first
from models.crossing import Search, crossings, merged  # noqa: E402 - the same
from models.devices import Device  # noqa: E402 - the same
from models.exact import Relation, relation  # noqa: E402 - the same
from models.thickness import thickness  # noqa: E402 - the same

WALL, NEAR = 1e-5, 1e-5  # relative to the wall; to the model's size
SMALL = 2_000  # triangles of the mesh that plain Python can check
QUERIES = 100_000
Mesh = tuple[Any, Any]


def torus(triangles: int, *, shift: float = 0.0) -> Mesh:
    """A closed bumpy torus of about that many triangles."""
    rings = max(8, int((triangles / 4) ** 0.5))
    sides = max(8, triangles // (2 * rings))
    u, v = np.meshgrid(np.arange(rings) * (2 * np.pi / rings), np.arange(sides) * (2 * np.pi / sides), indexing="ij")
    radius = 0.4 + 0.02 * np.sin(7 * u) * np.cos(5 * v)
    x, y = (1 + radius * np.cos(v)) * np.cos(u), (1 + radius * np.cos(v)) * np.sin(u)
    vertices = np.stack((x + shift, y + shift / 3, radius * np.sin(v) + shift / 7), axis=-1).reshape(-1, 3)
    i, j = np.meshgrid(np.arange(rings), np.arange(sides), indexing="ij")
    here, up = i * sides + j, i * sides + (j + 1) % sides
    there, far = (i + 1) % rings * sides + j, (i + 1) % rings * sides + (j + 1) % sides
    faces = np.concatenate((np.stack((here, there, far), axis=-1), np.stack((here, far, up), axis=-1)))
    return vertices, faces.reshape(-1, 3)


def two(triangles: int) -> Mesh:
    """Two of them that go through each other, of that many triangles together."""
    (first, faces), (second, more) = torus(triangles // 2), torus(triangles // 2, shift=0.37)
    return np.concatenate((first, second)), np.concatenate((faces, more + len(first)))


def timed(work: Callable[[], Any]) -> tuple[Any, float]:
    """The result and the seconds."""
    begin = time.perf_counter()
    found = work()
    return found, round(time.perf_counter() - begin, 4)


def check_crossings(mesh: Mesh, device: Device) -> dict[str, Any]:
    """Counts, and all places: equal places are equal faces."""
    found = crossings(*mesh, device=device, limit=len(mesh[1]))
    return {"pairs": found.pairs, "faces": found.faces, "complete": found.complete, "places": found.places}


def check_walls(mesh: Mesh, device: Device) -> dict[str, Any]:
    """Percentiles and the thinnest wall of a closed surface."""
    found = thickness(*mesh, device=device, limit=0.5)
    return {"samples": found.samples, "thinnest": found.thinnest, **found.percentiles}


def queries(count: int) -> Any:
    """Points around the model, the same each time."""
    return np.random.default_rng(6).uniform(-1.5, 1.5, size=(count, 3))


def check_closest(mesh: Mesh, device: Device) -> dict[str, Any]:
    """Distances of the queries."""
    from models.kernels import closest

    return {"distances": closest(queries(QUERIES), mesh[0], faces=mesh[1], device=device.name).distances}


def differ(check: str, one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    """By how much two results differ, and whether that is too much."""
    if check == "crossings":
        return {"different": one != other, "too_much": one != other or not one["complete"]}
    if check == "walls":
        gap = max(abs(one[key] - other[key]) / max(abs(other[key]), 1e-12) for key in other if key != "samples")
        missing = abs(one["samples"] - other["samples"])
        return {"relative": gap, "samples": missing, "too_much": gap > WALL or missing > 0.0001 * other["samples"]}
    gap = float(np.abs(one["distances"] - other["distances"]).max())
    return {"largest": gap, "too_much": gap > NEAR}


def plain_crossings(mesh: Mesh) -> dict[str, Any]:
    """All pairs by boxes, then by exact integers."""

    def crosses(one: Any, other: Any) -> bool:
        return relation(one.tolist(), other.tolist()) is Relation.CROSSING

    vertices, faces = mesh
    corners = vertices[faces]
    low, high = corners.min(axis=1), corners.max(axis=1)
    pairs, touched = 0, set()
    for i in range(len(faces)):
        near = np.flatnonzero((low[i] <= high[i + 1 :]).all(axis=1) & (low[i + 1 :] <= high[i]).all(axis=1)) + i + 1
        for j in near.tolist():
            if not set(faces[i]) & set(faces[j]) and crosses(corners[i], corners[j]):
                pairs += 1
                touched |= {i, j}
    places = [tuple((corners[i] / 3).sum(axis=0).tolist()) for i in sorted(touched)]
    return {"pairs": pairs, "faces": len(touched), "complete": True, "places": places}


def plain_walls(mesh: Mesh) -> dict[str, Any]:
    """Every ray against every triangle (Moller and Trumbore, 1997), in float64."""
    vertices, faces = mesh
    a, b, c = (vertices[faces[:, k]] for k in range(3))
    normals = np.cross(b - a, c - a)
    areas = np.linalg.norm(normals, axis=1) / 2
    walls = []
    for i in range(len(faces)):
        way, start = -normals[i] / np.linalg.norm(normals[i]), (a[i] + b[i] + c[i]) / 3
        across = np.cross(way, c - a)
        scale = np.einsum("ij,ij->i", b - a, across)
        with np.errstate(divide="ignore", invalid="ignore"):
            u = np.einsum("ij,ij->i", start - a, across) / scale
            turned = np.cross(start - a, b - a)
            v, t = turned @ way / scale, np.einsum("ij,ij->i", c - a, turned) / scale
        met = (u >= -1e-9) & (v >= -1e-9) & (u + v <= 1 + 1e-9) & (t > 1e-6) & (normals @ way > 0)
        walls.append(t[met].min() if met.any() else -1.0)
    order = np.argsort(walls)
    ends = np.cumsum(areas[order])
    ranks = [(share, np.searchsorted(ends, share / 100 * ends[-1])) for share in (1, 5, 25, 50, 75, 95)]
    return {"samples": len(walls), "thinnest": min(walls), **{f"p{share}": walls[order[at]] for share, at in ranks}}


def plain_closest(mesh: Mesh) -> dict[str, Any]:
    """Distances to a dense cloud of points on the surface would be rough: so each query against each triangle."""
    asked, (vertices, faces) = queries(QUERIES)[:200], mesh
    a, b, c = (vertices[faces[:, k]] for k in range(3))
    normals = np.cross(b - a, c - a)
    normals /= np.linalg.norm(normals, axis=1)[:, None]
    found = []
    for point in asked:
        height = np.einsum("ij,ij->i", point - a, normals)
        foot = point - height[:, None] * normals
        turns = [np.einsum("ij,ij->i", np.cross(q - p, foot - p), normals) for p, q in ((a, b), (b, c), (c, a))]
        inside = np.all([turn >= 0 for turn in turns], axis=0)
        edges = []
        for p, q in ((a, b), (b, c), (c, a)):
            along = np.clip(np.einsum("ij,ij->i", point - p, q - p) / np.einsum("ij,ij->i", q - p, q - p), 0, 1)
            edges.append(np.linalg.norm(p + along[:, None] * (q - p) - point, axis=1))
        found.append(np.where(inside, np.abs(height), np.min(edges, axis=0)).min())
    return {"distances": np.array(found)}


CHECKS: dict[str, tuple[Callable[[int], Mesh], Callable[[Mesh, Device], Any], Callable[[Mesh], Any]]] = {
    "crossings": (two, check_crossings, plain_crossings),
    "walls": (torus, check_walls, plain_walls),
    "closest": (torus, check_closest, plain_closest),
}


def works(device: Device) -> bool:
    """Whether kernels run there at all; Warp's CPU needs its compiler library."""
    try:
        check_crossings(torus(128), device)
    except (RuntimeError, AttributeError, OSError) as failed:  # Warp without its compiler: NoneType has no ...
        print(json.dumps({"device": device.name, "absent": repr(failed)[:200]}), flush=True)
        return False
    return True


def compare(name: str, *, size: int, names: list[str]) -> bool:
    """One check at one size on some devices; True where they agree."""
    make, check, plain = CHECKS[name]
    mesh = make(size)
    results, seconds = {}, {}
    for device in names:
        results[device], first = timed(lambda at=device: check(mesh, Device(name=at)))
        results[device], seconds[device] = timed(lambda at=device: check(mesh, Device(name=at)))
        seconds[f"{device} first"] = first
        if name == "crossings":  # without the merging of vertices, which is numpy's work
            alone = partial(Search, *merged(*mesh), device=device)
            _, seconds[f"{device} tree and kernels"] = timed(lambda search=alone: search().run())
    if size == SMALL:
        results["plain"], seconds["plain"] = timed(lambda: plain(mesh))
        if name == "closest":
            results = {at: {"distances": found["distances"][:200]} for at, found in results.items()}
    base = "plain" if "plain" in results else names[-1]
    gaps = {at: differ(name, found, results[base]) for at, found in results.items() if at != base}
    line = {"check": name, "triangles": len(mesh[1]), "seconds": seconds, "against": base, "differences": gaps}
    line |= {key: value for key, value in results[base].items() if isinstance(value, int | float)}
    print(json.dumps(line), flush=True)
    return not any(gap["too_much"] for gap in gaps.values())


def main() -> int:
    """All checks at all sizes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", default="100000,1000000,10000000", help="triangles, separated by commas")
    parser.add_argument("--skip-cpu-above", type=int, default=2_000_000, help="triangles above which the CPU rests")
    parser.add_argument("--cache", type=Path, default=None, help="folder of compiled kernels; else WARP_CACHE_PATH")
    args = parser.parse_args()
    devices.start(args.cache)
    import warp as wp

    wanted = [*([devices.CUDA] if wp.is_cuda_available() else []), devices.CPU]
    names = [name for name in wanted if works(Device(name=name))]
    print(json.dumps({"warp": wp.config.version, "devices": [str(wp.get_device(name)) for name in names]}), flush=True)
    if not names:
        return 1
    agreed = True
    for size in (SMALL, *(int(size) for size in args.sizes.split(","))):
        used = [name for name in names if name != devices.CPU or size <= args.skip_cpu_above or len(names) == 1]
        for check in CHECKS:
            agreed &= compare(check, size=size, names=used)
    return 0 if agreed else 1


if __name__ == "__main__":
    sys.exit(main())
