"""Reads USD and USDZ through Pixar's library, where it is installed: in a process apart, from files that can name no others.

The formats are those of openusd.org: `Usdz File Format Specification` 1.3, and the head of crate files (`PXR-USDC`).
"""

import importlib.util
import io
import json
import struct
import tempfile
from collections.abc import Callable, Mapping
from itertools import count
from pathlib import Path
from typing import Any

from jobs.errors import InputError, UnreadableFile
from parsers.apart import apart
from parsers.bounded import silence
from parsers.model_facts import Axis, Facts, unit_word
from parsers.model_faults import malformed, truncated, unreadable
from parsers.package_pictures import Pictures
from parsers.usd_layers import LAYER, open_layers
from parsers.zip_guard import MODELS, GuardedZip, open_zip

SCENES = (".usd", ".usda", ".usdc")
MAX_BYTES = MODELS.unzipped  # of a file that came alone; packages have their own limits
SECONDS = 90  # of computing: damaged crate files make the library hang; 4 million triangles as text take some 40
_CRATE, _TEXT = b"PXR-USDC", b"#usda"
_HEAD = struct.Struct("<8s8Bq")  # magic, version, where the table of contents lies
_ALONE = "model.usd"


def load_usd(path: Path) -> tuple[Any, Facts]:
    """A layer that came alone as a trimesh Scene in its own unit, and what it states of itself.

    Raises `UnreadableFile` (`model.malformed`, `.truncated`, `.unreadable`, `.not_finite`) and `InputError`
    (`model.reader_missing`, `.external`, `.missing_files`, `limit.size`, `.triangles`).
    """
    _require_reader()
    if path.stat().st_size > MAX_BYTES:
        raise InputError("limit.size", f"The USD file is larger than {MAX_BYTES // 1024 // 1024} MiB.")
    check_layer(path)
    with tempfile.TemporaryDirectory(prefix="usd-") as folder:
        link = Path(folder) / f"0{LAYER}"  # the library goes by this ending, and looks at what is in it
        link.symlink_to(path.resolve())
        return _load("usd", _ALONE, {_ALONE: str(link)}, picture=lambda _name: None)


def load_usdz(path: Path) -> tuple[Any, Facts]:
    """The scene of a package, as `load_usd`; raises what that and `open_zip` raise, and `limit.pixels`."""
    _require_reader()
    with open_zip(path, limits=MODELS) as archive, tempfile.TemporaryDirectory(prefix="usd-") as folder:
        root, files = _unpacked(archive, Path(folder))
        pictures = Pictures(archive)
        names = {place: key for key, place in files.items()}
        scene, facts = _load("usdz", root, files, picture=lambda place: pictures.get(names.get(place, "")))
    return scene, facts


def check_layer(path: Path) -> None:
    """Raise where a file can't be a USD layer; in pure Python."""
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(_HEAD.size)
    if head.startswith(_TEXT):
        return
    if not head.startswith(_CRATE):
        raise malformed("The file is no USD layer.")
    if len(head) < _HEAD.size:
        raise truncated(_HEAD.size, size)
    at = _HEAD.unpack(head)[-1]
    if at <= 0 or at + 8 > size:
        raise truncated(max(at, 0) + 8, size)


def _require_reader() -> None:
    if importlib.util.find_spec("pxr") is None:
        hint = "Export it as GLB; or operators: start Heavylift with HEAVYLIFT_EXTRAS=usd, then the job can be retried."
        raise InputError("model.reader_missing", "USD is read by an optional package that is not installed.", hint=hint)


def _unpacked(archive: GuardedZip, folder: Path) -> tuple[str, dict[str, str]]:
    """The key of the scene that the package begins with, and by key where each file is; only layers are unpacked."""
    files: dict[str, str] = {}
    root = ""
    for number, entry in enumerate(archive.entries):
        key = entry.name.lower()
        if key in files:
            raise InputError("zip.ambiguous", f"The archive holds {entry.name} more than once.")
        is_layer = key.endswith(SCENES)
        place = folder / (f"{number}{LAYER}" if is_layer else f"{number}.other")
        files[key] = str(place)
        if is_layer:
            archive.unpack(entry, place)
            check_layer(place)
            root = root or key
    if not root:
        raise malformed("The USDZ holds no scene.")
    return root, files


def _load(kind: str, root: str, files: Mapping[str, str], *, picture: Callable[[str], Any]) -> tuple[Any, Facts]:
    import numpy as np

    _trimesh()  # which the process apart has then, too
    packed = apart(lambda: _packed(root, files), seconds=SECONDS)
    if packed is None:
        raise unreadable(kind)
    with np.load(io.BytesIO(packed), allow_pickle=False) as arrays:
        said = json.loads(arrays["said"].tobytes())
        if fault := said.get("fault"):
            kind_of = UnreadableFile if fault["unreadable"] else InputError
            raise kind_of(fault["code"], fault["message"], hint=fault["hint"])
        scene = _scene({name: arrays[name] for name in arrays.files}, said, picture)
    if not 0 < said["meters"] < float("inf"):
        raise malformed("The USD states a unit that is none.")
    return scene, Facts(
        format=kind,
        reader=f"usd-core {said['version']}",
        unit=unit_word(said["meters"]),
        scale=said["meters"],
        up=Axis(said["up"]),
        missing=tuple(said["missing"]),
    )


def _packed(root: str, files: Mapping[str, str]) -> bytes:
    """In the process apart: all that is wanted of the stage in one NumPy archive, or the fault that we found."""
    silence()
    try:
        arrays, said = _read(root, files)
    except InputError as error:
        fault = error.fault.to_json() | {"unreadable": isinstance(error, UnreadableFile)}
        arrays, said = {}, {"fault": fault}
    import numpy as np

    out = io.BytesIO()
    np.savez(out, said=np.frombuffer(json.dumps(said).encode(), np.uint8), **arrays)
    return out.getvalue()


def _read(root: str, files: Mapping[str, str]) -> tuple[dict[str, Any], dict[str, Any]]:
    import numpy as np
    from pxr import Usd

    from parsers.usd_reading import read

    layers = open_layers(root, files)
    found = read(layers.root)
    arrays: dict[str, Any] = {}
    geometries: list[list[tuple[int, int | None]]] = []
    numbers = count()
    for pieces in found.pieces:
        geometries.append([])
        for piece in pieces:
            number = next(numbers)
            geometries[-1].append((number, piece.look))
            arrays |= {f"vertices{number}": piece.vertices, f"faces{number}": piece.faces}
            arrays |= {f"uv{number}": piece.uv} if piece.uv is not None else {}
    arrays["matrices"] = np.array([matrix for _, matrix in found.placed], np.float64).reshape(-1, 4, 4)
    return arrays, {
        "geometries": geometries,
        "placed": [number for number, _ in found.placed],
        "looks": [list(look) for look in found.looks],
        "up": found.up,
        "meters": found.meters,
        "missing": layers.missing,
        "version": ".".join(map(str, Usd.GetVersion()[1:])),
    }


def _scene(arrays: Mapping[str, Any], said: Mapping[str, Any], picture: Callable[[str], Any]) -> Any:
    trimesh = _trimesh()
    scene = trimesh.Scene(base_frame="world")
    for pieces in said["geometries"]:
        for number, look in pieces:
            mesh = trimesh.Trimesh(arrays[f"vertices{number}"], arrays[f"faces{number}"], process=False)
            if look is not None:
                name, color, place, _ = said["looks"][look]
                material = trimesh.visual.material.PBRMaterial(
                    name=name or None, baseColorFactor=_shade(color), baseColorTexture=picture(place) if place else None
                )
                mesh.visual = trimesh.visual.TextureVisuals(uv=arrays.get(f"uv{number}"), material=material)
            elif f"uv{number}" in arrays:
                mesh.visual = trimesh.visual.TextureVisuals(uv=arrays[f"uv{number}"])
            scene.geometry[f"mesh{number}"] = mesh
    nodes = 0
    for geometry, matrix in zip(said["placed"], arrays["matrices"], strict=True):
        for number, _ in said["geometries"][geometry]:
            scene.graph.update(frame_from="world", frame_to=f"item{nodes}", matrix=matrix, geometry=f"mesh{number}")
            nodes += 1
    return scene


def _trimesh() -> Any:
    """The library as `Any`: half of what it exports has no types."""
    import trimesh

    return trimesh


def _shade(color: list[float] | None) -> tuple[int, ...] | None:
    """Linear parts from 0 to 1, as glTF has them too, as bytes."""
    return None if color is None else tuple(round(255 * min(max(part, 0.0), 1.0)) for part in color)
