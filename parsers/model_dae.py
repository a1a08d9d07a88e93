"""Checks COLLADA before its loader sees it: no entities, no cycles of nodes, no bomb of instances; and reads its unit.

The format is that of the COLLADA 1.4.1 specification (khronos.org/collada).
"""

import math
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from jobs.errors import InputError
from parsers.model_facts import Axis, Facts, unit_word
from parsers.model_faults import MAX_TRIANGLES, malformed, not_finite, outside, too_many
from parsers.model_folder import Folder
from parsers.xml_events import by_name, stream

MAX_DAE = 128 * 1024 * 1024  # bytes; the loader keeps all of it as a tree
MAX_INSTANCES = 100_000  # nodes of the scene, each as often as it stands there
MAX_DEPTH = 200  # nodes below nodes; the loader goes down by recursion
_CHUNK = 256 * 1024
_NOT_FINITE = re.compile(r"(?:^|[\s+-])(?:nan|inf)", re.IGNORECASE)
_PRIMITIVES = frozenset({"triangles", "polylist", "polygons", "tristrips", "trifans"})
_TEXTS = frozenset({"p", "up_axis", "init_from"})  # elements whose text is kept or counted
_NAME = 300  # characters of a picture's name
_MAX_PICTURES = 1000


def check_dae(path: Path) -> Facts:
    """What the file states of itself.

    Raises `UnreadableFile` (`model.malformed`, `.not_finite`) and `InputError` (`xml.entity`, `model.external`,
    `limit.size`, `limit.triangles`).
    """
    if path.stat().st_size > MAX_DAE:
        raise InputError("limit.size", "The COLLADA file is too large as XML.", hint="Send it as GLB.")
    content = path.read_bytes()
    if b"PK\x05\x06" in content:  # the loader would open the archive in it, which nobody has looked at
        raise malformed("The COLLADA file has an archive in it.")
    reader = _Reader()
    chunks = (content[at : at + _CHUNK] for at in range(0, len(content), _CHUNK))
    stream(chunks, start=reader.start, end=reader.end, text=reader.text)
    return reader.facts()


def load_dae(path: Path) -> Any:
    """The checked file as a trimesh Scene; whatever the library says of a broken one becomes a bare `ValueError`."""
    import trimesh
    from collada.common import DaeError
    from lxml.etree import LxmlError

    try:
        with path.open("rb") as file:
            return trimesh.load_scene(file, file_type="dae", resolver=Folder(), process=False)
    except (DaeError, LxmlError):
        raise ValueError from None


class _Reader:
    """What matters of the document, as its tags come by."""

    def __init__(self) -> None:
        self._path: list[str] = []  # the elements that are open
        self._nodes: list[int] = []  # the nodes that are open
        self._triangles: dict[str, int] = defaultdict(int)  # of each geometry: at least so many
        self._geometry = ""
        self._stride, self._numbers = 1, 0  # of the primitive that is open
        self._ids: dict[str, int] = {}
        self._below: list[list[int | str]] = []  # of each node: nodes in it, and ids of nodes that stand in it
        self._shown: list[list[str]] = []  # of each node: ids of geometries
        self._roots: list[int] = []
        self._pieces: list[str] = []  # of the text that is kept
        self._tail = ""  # of the numbers read last: a word may be cut in two
        self._meter: float | None = None
        self._up: Axis | None = None
        self._pictures: list[str] = []

    def start(self, name: str, attributes: list[str]) -> None:
        """An element begins."""
        found = by_name(attributes) if attributes else {}
        if not self._path and name != "COLLADA":
            raise malformed("The file is no COLLADA document.")
        self._path.append(name)
        self._pieces, self._tail = [], ""
        if name == "node":
            self._open_node(found)
        elif name == "geometry":
            self._geometry = found.get("id", "")
        elif name in _PRIMITIVES:
            self._stride, self._numbers = 1, 0
        elif name == "input" and self._path[-2:-1] and self._path[-2] in _PRIMITIVES:
            offset = found.get("offset", "0")
            self._stride = max(self._stride, int(offset) + 1 if offset.isdecimal() and len(offset) < 4 else 1)
        elif name == "unit" and self._path[1:-1] == ["asset"]:
            self._meter = _meters(found.get("meter", "1"))
        elif name.startswith("instance_"):
            self._instance(name, found.get("url", ""))

    def text(self, piece: str) -> None:
        """Text of the element that is open."""
        name = self._path[-1]
        if name == "float_array":
            if _NOT_FINITE.search(self._tail + piece):
                raise not_finite()
            self._tail = piece[-3:]
        elif name == "p":
            self._numbers += len(piece.split()) - (self._tail[-1:].strip() != "" and not piece[:1].isspace())
            self._tail = piece[-1:]
        elif name in _TEXTS and len(self._pieces) < _NAME:
            self._pieces.append(piece)

    def end(self, name: str) -> None:
        """An element ends."""
        self._path.pop()
        above = self._path[-1] if self._path else ""
        text = "".join(self._pieces).strip()
        if name == "node":
            self._nodes.pop()
        elif name in _PRIMITIVES:
            self._triangles[self._geometry] += self._numbers // self._stride // 3
        elif name == "up_axis" and self._path[1:] == ["asset"]:
            self._up = Axis(text[0]) if text in {"X_UP", "Y_UP", "Z_UP"} else None
        elif name == "init_from" and above == "image" and len(self._pictures) < _MAX_PICTURES:
            self._pictures.append(text[:_NAME].replace("\\", "/").rpartition("/")[2])
        self._pieces = []

    def facts(self) -> Facts:
        """The document's facts, once its scene is known to be bounded."""
        triangles = self._placed()
        unit = None if self._meter is None else unit_word(self._meter)
        missing = tuple(dict.fromkeys(name for name in self._pictures if name))
        return Facts(
            format="dae",
            reader="pycollada",
            unit=unit,
            scale=self._meter or 1.0,
            up=self._up,
            missing=missing,
            triangles=triangles,
        )

    def _open_node(self, found: dict[str, str]) -> None:
        index = len(self._below)
        if index >= MAX_INSTANCES:
            raise _too_many_nodes()
        self._below.append([])
        self._shown.append([])
        self._ids.setdefault(found.get("id", ""), index)
        if self._nodes:
            self._below[self._nodes[-1]].append(index)
        elif "visual_scene" in self._path:
            self._roots.append(index)
        self._nodes.append(index)
        if len(self._nodes) > MAX_DEPTH:
            raise malformed("The model's nodes lie too deep.")

    def _instance(self, name: str, url: str) -> None:
        if url and not url.startswith("#"):
            raise outside()
        if not self._nodes:
            return
        if name == "instance_node":
            self._below[self._nodes[-1]].append(url[1:])
        elif name == "instance_geometry":
            self._shown[self._nodes[-1]].append(url[1:])

    def _placed(self) -> int:
        """Walk the scene as the loader will, each node as often as it stands there; at least so many triangles are in it."""
        visits = triangles = 0
        pending = [(root, 0) for root in self._roots]
        while pending:
            node, depth = pending.pop()
            visits += 1
            if visits > MAX_INSTANCES:
                raise _too_many_nodes()
            if depth > MAX_DEPTH:
                raise malformed("The model's nodes form a cycle, or lie too deep.")
            triangles += sum(self._triangles.get(geometry, 0) for geometry in self._shown[node])
            if triangles > MAX_TRIANGLES:
                raise too_many(triangles)
            pending += [(below, depth + 1) for below in self._children(node)]
        return triangles

    def _children(self, node: int) -> Iterator[int]:
        for below in self._below[node]:
            found = self._ids.get(below) if isinstance(below, str) else below
            if found is not None:
                yield found


def _too_many_nodes() -> InputError:
    return malformed(f"The model's scene has more than {MAX_INSTANCES} nodes, or they form a cycle.")


def _meters(text: str) -> float:
    """Meters of one unit; raises `UnreadableFile` where that is no length."""
    try:
        found = float(text)
    except ValueError:
        found = 0.0
    if not (math.isfinite(found) and 1e-12 < found < 1e12):
        raise malformed("The COLLADA file's unit is no length.")
    return found
