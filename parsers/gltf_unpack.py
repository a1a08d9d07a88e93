"""Undoes the compression of a glTF with our script in Node, into a plain GLB that the reader of all the others takes."""

import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from jobs.errors import InputError, StepError
from parsers import held_program
from parsers.gltf_blocks import hinted, needed, wished
from parsers.gltf_buffers import Buffer
from parsers.gltf_json import Json, parsed
from parsers.gltf_preflight import MAX_GLTF, MAX_UNPACKED, check_json, glb_parts
from parsers.gltf_tools import GltfTools
from parsers.model_facts import Facts, plain_facts
from parsers.model_faults import malformed
from parsers.model_folder import Folder, lay_out

Finder = Callable[[], GltfTools]  # asked only where something is compressed
_MEMORY = 1 << 30  # bytes that Node may write to; a million triangles take a fifth of it
_SECONDS = 120.0
_DOCTOR = "Operators: look at Node.js on the machine of the validation worker (`heavylift doctor`)."
_MALFORMED, _TOO_LARGE = 3, 4  # exit codes of the script


class Packed(NamedTuple):
    """A document with something compressed in it."""

    kind: str  # of the file that it stands in: `glb`, `gltf`
    doc: Json
    own: Buffer | None  # the GLB's
    folder: Folder


class Unpacked(NamedTuple):
    """A plain GLB and what is known of the file that it was."""

    path: Path
    facts: Facts


def packed_file(path: Path, kind: str) -> Packed | None:
    """The document of a `.glb` or `.gltf` where there is something to undo; raises what the pre-flight raises."""
    size = path.stat().st_size
    if not size or (kind == "gltf" and size > MAX_GLTF):
        return None  # the check of all models says so
    if kind == "glb":
        text, own = glb_parts(path)
        return _packed(kind, text, own, Folder())
    return packed_text(path.read_bytes(), Folder())


def packed_text(text: bytes, folder: Folder) -> Packed | None:
    """The same for a JSON glTF whose files lie in `folder`."""
    return _packed("gltf", text, None, folder)


def _packed(kind: str, text: bytes, own: Buffer | None, folder: Folder) -> Packed | None:
    if not hinted(text):
        return None
    doc = parsed(text)
    return Packed(kind, doc, own, folder) if wished(doc) else None


def unpack(packed: Packed, path: Path, kind: str, *, find: Finder | None, place: Path) -> Unpacked | None:
    """Unpack the upload at `path` into `place`, an empty folder; None where the reader does without.

    Raises what the pre-flight raises, and `InputError`: `model.needs_node`, `limit.unpacked`; `TransientError` while
    Node's packages are being installed.
    """
    pictures = check_json(packed.doc, packed.own, folder=packed.folder, packed=True)
    tools = find() if find else GltfTools(reason="Nothing that would do it was named.")
    if tools.program is None and not tools.passing and not needed(packed.doc):
        return None
    out, files = place / "plain.glb", place / "files"
    files.mkdir()
    laid = lay_out(path, kind, files)
    order = json.dumps({"main": laid.main, "format": laid.kind, "files": laid.files})
    command = tools.command("decode.mjs", str(files), order, str(out), str(MAX_UNPACKED))
    said = _run(command, place)
    reader = f"trimesh + {str(said.get('reader'))[:60]}"
    return Unpacked(out, replace(plain_facts(packed.kind, pictures), reader=reader))


def _run(command: list[str], place: Path) -> Json:
    log = place / "said.json"
    limits = {"data": _MEMORY, "fsize": MAX_UNPACKED}
    env = {"PATH": os.defpath, "LANG": "C.UTF-8", "HOME": str(place)}
    with log.open("wb") as printed:
        try:
            code = held_program.ended(
                command, limits=limits, out=printed.fileno(), seconds=_SECONDS, folder=place, env=env
            )
        except OSError:  # nobody's file is to blame
            raise StepError("model.node_failed", "Node.js can not be started in the sandbox.", hint=_DOCTOR) from None
    if code == _MALFORMED:
        raise malformed("What is compressed in the glTF can not be unpacked.")
    if code == 0 and (said := log.read_bytes()):
        return parsed(said)
    if code is None or code == _TOO_LARGE or code < 0:  # without memory V8 ends itself, by one signal or another
        message = "What is compressed in the glTF takes too much memory or time to unpack."
        raise InputError("limit.unpacked", message, hint="Reduce the mesh before sending it.")
    message = f"Node.js gave up with exit code {code}, and did not say why."
    raise StepError("model.node_failed", message, hint=_DOCTOR)
