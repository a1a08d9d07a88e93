"""Colors of vertices as the renderer wants them: as a screen shows them, where a glTF has them linear."""

from typing import Any

from models.framing import Glb
from parsers.model_colors import on_screen

_BYTES, _WIDTH = 5121, 4  # RGBA in a byte each, as our own previews have them


def painted(glb: Glb) -> Glb:
    """The same GLB, of our own making, with its `COLOR_0` as the renderer f3d takes it. Factors and pictures it takes rightly."""
    import numpy as np

    doc = glb.doc
    named = {
        primitive["attributes"]["COLOR_0"]
        for mesh in doc.get("meshes", ())
        for primitive in mesh["primitives"]
        if "COLOR_0" in primitive["attributes"]
    }
    if not named:
        return glb
    binary = bytearray(glb.binary)
    for start, size in sorted({_place(doc, number) for number in named}):
        colors = np.frombuffer(glb.binary, np.uint8, count=size, offset=start).reshape(-1, _WIDTH)
        binary[start : start + size] = on_screen(colors).tobytes()
    return Glb(doc, bytes(binary))


def _place(doc: dict[str, Any], number: int) -> tuple[int, int]:
    """Where an accessor's bytes begin, and how many there are; none where they are of another kind."""
    accessor = doc["accessors"][number]
    if (accessor["componentType"], accessor["type"]) != (_BYTES, "VEC4") or "bufferView" not in accessor:
        return 0, 0
    view = doc["bufferViews"][accessor["bufferView"]]
    if view.get("byteStride", _WIDTH) != _WIDTH:
        return 0, 0
    return view.get("byteOffset", 0) + accessor.get("byteOffset", 0), accessor["count"] * _WIDTH
