"""What in a glTF is compressed beyond what our reader undoes: meshopt blocks, and whole numbers in place of meters.

The forms are those of EXT_meshopt_compression, KHR_meshopt_compression and KHR_mesh_quantization in the glTF registry.
"""

from typing import Any

from parsers.gltf_json import Json, listed, number

MESHOPT = ("EXT_meshopt_compression", "KHR_meshopt_compression")
QUANTIZED = "KHR_mesh_quantization"
_HINTS = (b"meshopt_compression", QUANTIZED.encode(), b'"normalized"', b"\\u")  # any word may be spelled in escapes


def hinted(text: bytes) -> bool:
    """Whether it is worth a look: none of this can be in a document whose text has none of the words."""
    return any(hint in text for hint in _HINTS)


def block_of(view: Json) -> Json | None:
    """The compressed block that a buffer view stands for; None where it is one of plain bytes."""
    return _said(view, MESHOPT)


def stands_in(buffer: Json) -> bool:
    """Whether a buffer is there for readers that undo no compression, and may be left out."""
    said = _said(buffer, MESHOPT)
    return said is not None and said.get("fallback") is True


def needed(doc: Json) -> frozenset[str]:
    """Extensions without which our reader would fail, or take whole numbers for meters."""
    found = {name for name in _required(doc) if name in MESHOPT}
    buffers = listed(doc, "buffers")
    for view in listed(doc, "bufferViews"):
        if block_of(view) is not None and "uri" not in buffers[number(view, "buffer", below=len(buffers))]:
            found |= {name for name in MESHOPT if name in view["extensions"]}
    if _has_normalized_positions(doc):
        found.add(QUANTIZED)
    return frozenset(found)


def wished(doc: Json) -> frozenset[str]:
    """The same, with those without which it reads coordinates of textures wrongly."""
    return needed(doc) | {name for name in _required(doc) if name == QUANTIZED}


def _required(doc: Json) -> list[str]:
    found = doc.get("extensionsRequired")
    return [name for name in found if isinstance(name, str)] if isinstance(found, list) else []


def _has_normalized_positions(doc: Json) -> bool:
    accessors = listed(doc, "accessors")
    for mesh in listed(doc, "meshes"):
        for primitive in listed(mesh, "primitives"):
            attributes = primitive.get("attributes")
            if isinstance(attributes, dict) and "POSITION" in attributes:
                index = number(attributes, "POSITION", below=len(accessors))
                if accessors[index].get("normalized"):
                    return True
    return False


def _said(holder: Json, names: tuple[str, ...]) -> Json | None:
    extensions: Any = holder.get("extensions")
    if not isinstance(extensions, dict):
        return None
    return next((extensions[name] for name in names if isinstance(extensions.get(name), dict)), None)
