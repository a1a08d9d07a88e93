"""A whole examination of a model: its report with crossings, walls and fingerprints, from its normal form."""

from pathlib import Path
from typing import Any

from models.conformance import Conformance
from models.fingerprint import Fingerprint, fingerprint
from models.options import ModelOptions
from models.report import joined, report
from models.results import Crossings, Thickness
from parsers.model_normal import Model

_MM = 0.001  # meters


def examined(
    model: Model,
    *,
    options: ModelOptions,
    file_bytes: int,
    kernels: Path,
    conformance: Conformance,
    known: Fingerprint | None = None,
) -> tuple[dict[str, Any], str | None]:
    """The report as JSON facts, and why crossings and walls were not looked at, or that a GPU was lost meanwhile.

    `kernels` is the folder of compiled ones. Lengths are in meters; where the file states no unit (`unit` None),
    one of its units is taken for a meter, and no wall is called thin. `known`: its fingerprints, where they were
    taken before. Raises `UnreadableFile` (`model.not_finite`).
    """
    vertices, faces = joined(model.parts)
    crossings, thickness, device, reason = _looked_at(
        vertices, faces, limit=options.wall_mm * _MM if model.unit else 0.0, kernels=kernels
    )
    stated = {
        "format": model.format,
        "reader": model.reader,
        "units": model.unit,
        "scale": model.scale,
        "up": model.up,
        "missing_files": list(model.missing),
        "kernels": device,
    }
    found = report(
        model.parts,
        budgets=options.budgets(),
        file_bytes=file_bytes,
        crossings=crossings,
        thickness=thickness,
        conformance=conformance,
    )
    return stated | found | (known or fingerprint(vertices, faces)).to_json(), reason


def _looked_at(
    vertices: Any, faces: Any, *, limit: float, kernels: Path
) -> tuple[Crossings | None, Thickness | None, str | None, str | None]:
    """What the kernels find, on which device, and what went wrong: a machine without a GPU is nothing wrong."""
    try:
        import warp as _  # noqa: F401 - whether there is a build for this kind of machine
    except ModuleNotFoundError:
        return None, None, None, "Crossings and walls were not looked at: Warp has no build for this kind of machine."
    from models import devices
    from models.crossing import crossings
    from models.thickness import thickness

    devices.start(kernels)
    hoped = devices.device()
    crossed, device = devices.run(lambda one: crossings(vertices, faces, device=one), hoped)
    walls, device = devices.run(lambda one: thickness(vertices, faces, device=one, limit=limit), device)
    return crossed, walls, device.name, device.reason if device is not hoped else None
