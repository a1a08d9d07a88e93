"""A whole examination of a model: its report with crossings, walls and fingerprints, from its normal form."""

from pathlib import Path
from typing import Any, NamedTuple

from jobs.vram import GpuGrant
from models.conformance import Conformance
from models.fingerprint import Fingerprint, fingerprint
from models.options import ModelOptions
from models.report import joined, report
from models.results import Crossings, Thickness
from parsers.model_normal import Model

_MM = 0.001  # meters


class Concern(NamedTuple):
    """Why the kernels did not run as hoped, for the job: a code and a sentence."""

    code: str
    message: str


class _Seen(NamedTuple):
    """What the kernels found."""

    crossings: Crossings | None = None
    thickness: Thickness | None = None
    device: str | None = None  # that found it
    concern: Concern | None = None


def examined(
    model: Model,
    *,
    options: ModelOptions,
    file_bytes: int,
    kernels: Path,
    conformance: Conformance,
    gpu: GpuGrant | None = None,
    known: Fingerprint | None = None,
) -> tuple[dict[str, Any], Concern | None]:
    """The report as JSON facts, and why crossings and walls were not looked at, or not on the GPU that was granted.

    `kernels` is the folder of compiled ones. Without a `gpu` they run on the CPU. Lengths are in meters; where the
    file states no unit (`unit` None), one of its units is taken for a meter, and no wall is called thin. `known`:
    its fingerprints, where they were taken before. Raises `UnreadableFile` (`model.not_finite`).
    """
    vertices, faces = joined(model.parts)
    limit = options.wall_mm * _MM if model.unit else 0.0
    crossings, thickness, device, concern = _looked_at(vertices, faces, limit=limit, kernels=kernels, gpu=gpu)
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
        undecoded=model.undecoded,
    )
    return stated | found | (known or fingerprint(vertices, faces)).to_json(), concern


def _looked_at(vertices: Any, faces: Any, *, limit: float, kernels: Path, gpu: GpuGrant | None) -> _Seen:
    """What the kernels find, on which device, and what went wrong: a machine without a GPU is nothing wrong."""
    try:
        import warp as _  # noqa: F401 - whether there is a build for this kind of machine
    except ModuleNotFoundError:
        missing = "Crossings and walls were not looked at: Warp has no build for this kind of machine."
        return _Seen(concern=Concern("model.kernels", missing))
    from models import devices
    from models.crossing import crossings
    from models.thickness import thickness

    devices.start(kernels)
    fits = gpu is not None and devices.vram_of(len(faces)) <= gpu.vram
    device = devices.device("auto" if fits else "cpu")
    crossed, device = devices.run(lambda one: crossings(vertices, faces, device=one), device)
    walls, device = devices.run(lambda one: thickness(vertices, faces, device=one, limit=limit), device)
    concern = None
    if gpu and not fits:
        concern = Concern("gpu.too_small", "The model turned out larger than what was claimed of the GPU's memory.")
    elif gpu and device.reason:
        concern = Concern("gpu.lost", f"{device.reason} The same was computed on the CPU.")
    return _Seen(crossed, walls, str(device), concern)
