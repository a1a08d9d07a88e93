"""In a process of its own: a model's geometry report, and the bare library calls that tell as much of it."""

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench.files import MB
from bench.model_files import ring
from models.options import ModelOptions
from models.results import Crossings, Thickness

_WALL = 0.0008  # meters
clock = time.process_time  # steadier on a busy machine


def main(triangles: int, rounds: int, cache: str, device_name: str) -> None:
    """Print, as JSON, the best of some rounds of each in seconds (of processor time, without a GPU), and memory (MB)."""
    global clock
    from models import devices

    clock = time.process_time if device_name == devices.CPU else time.perf_counter
    devices.start(Path(cache))
    device = devices.Device(name=device_name)
    for warm in (False, True):
        vertices, faces = ring(triangles if warm else 2000)
        contenders: dict[str, Callable[[], object]] = {
            "report": lambda: _report(vertices, faces, device),  # noqa: B023 - called in this round
            "fingerprint": lambda: _fingerprint(vertices, faces),  # noqa: B023 - the same
            "crossings": lambda: _crossings(vertices, faces, device),  # noqa: B023 - the same
            "walls": lambda: _walls(vertices, faces, device),  # noqa: B023 - the same
        }
        before, told = _resident("VmRSS"), {}
        for name, run in contenders.items():
            told[name] = min(_seconds(run) for _ in range(rounds if warm else 1))
            if name == "report":
                told["peak"], told["before"] = _resident("VmHWM"), before
        told["bare"] = min(_bare(vertices, faces, device) for _ in range(rounds if warm else 1))
    print(json.dumps(told))


def _report(vertices: Any, faces: Any, device: Any) -> object:
    """As the step `validate` has it, once the model is read."""
    from models.report import report
    from parsers.model_normal import Part

    part = Part(vertices, faces, None, None, ())
    crossed, walls = _crossings(vertices, faces, device), _walls(vertices, faces, device)
    return report([part], budgets=ModelOptions().budgets(), file_bytes=1, crossings=crossed, thickness=walls)


def _crossings(vertices: Any, faces: Any, device: Any) -> Crossings:
    from models.crossing import crossings

    return crossings(vertices, faces, device=device)


def _walls(vertices: Any, faces: Any, device: Any) -> Thickness:
    from models.thickness import thickness

    return thickness(vertices, faces, device=device, limit=_WALL)


def _fingerprint(vertices: Any, faces: Any) -> object:
    from models.fingerprint import fingerprint

    return fingerprint(vertices, faces)


def _bare(vertices: Any, faces: Any, device: Any) -> float:
    """Seconds of the calls that one would write with trimesh, numpy and the bare kernels; what they share is not counted."""
    import numpy as np
    import trimesh

    mesh = trimesh.Trimesh(vertices, faces, process=False)
    spent = _seconds(mesh.merge_vertices)
    edges = np.sort(mesh.edges, axis=1)
    calls: list[Callable[[], object]] = [
        lambda: (mesh.is_watertight, mesh.is_winding_consistent),
        lambda: np.unique(edges[:, 0].astype(np.int64) * len(mesh.vertices) + edges[:, 1], return_counts=True),
        lambda: (mesh.volume, mesh.area, mesh.extents, mesh.euler_number),
        lambda: (mesh.nondegenerate_faces(), mesh.unique_faces(), mesh.body_count),
    ]
    spent += sum(_seconds(call) for call in calls)
    points, corners = np.asarray(mesh.vertices), np.asarray(mesh.faces)
    return (
        spent
        + _seconds(lambda: _bare_search(points, corners, device))
        + _seconds(lambda: _bare_rays(points, corners, device))
    )


def _bare_search(points: Any, corners: Any, device: Any) -> object:
    from models.crossing import Search

    return Search(points, corners, device=device.name).run()


def _bare_rays(points: Any, corners: Any, device: Any) -> object:
    """As many rays as a report sends, from the first faces."""
    import numpy as np

    from models.thickness import SAMPLES, shot

    chosen = np.arange(min(SAMPLES, len(corners)))
    return shot(points, corners, chosen=chosen, turn=1.0, device=device.name)


def _seconds(run: Callable[[], object]) -> float:
    began = clock()
    run()
    return clock() - began


def _resident(name: str) -> float:
    status = Path("/proc/self/status").read_text()
    return int(status.partition(f"{name}:")[2].split()[0]) * 1024 / MB


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4])
