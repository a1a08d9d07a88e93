"""Is this a 3D model? STEP, FBX and USD by how they begin, COLLADA by its root element, ZIPs of models by their entries."""

import re
from collections.abc import Collection

from parsers.xml_head import local_name, xml_head

_FBX = b"Kaydara FBX Binary  \0"
_FBX_TEXT = re.compile(rb"(?:\s++|;[^\n]*+\n)*+FBXHeaderExtension\s*:|;\s*FBX \d")
_STEP = b"ISO-10303-21"
_USD = re.compile(rb"PXR-USDC|#usda \d")
_MAINS = (".gltf", ".obj")
_SCENES = (".usd", ".usda", ".usdc")
# What stands beside a glTF or OBJ; where nothing else shows, the model lies further back than was looked.
_COMPANIONS = (".bin", ".mtl", ".png", ".jpg", ".jpeg", ".webp", ".ktx2")
_TELLING = (".bin", ".mtl")  # of these, what nothing but a model has


def model_kind(head: bytes) -> str | None:
    """The kind of a model whose first bytes tell it; None: another."""
    if head.startswith(_FBX):
        return "fbx"
    if _USD.match(head):
        return "usd"
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if _FBX_TEXT.match(text):
        return "fbx"
    return "step" if text[: len(_STEP)].upper() == _STEP else None


def is_dae(text: str) -> bool:
    """The root element is COLLADA."""
    found = xml_head(text) if "<" in text[:1024] else None
    return bool(found and not found.page and found.root and local_name(found.root) == "COLLADA")


def model_zip_kind(names: Collection[str]) -> str | None:
    """The kind of a ZIP with entries of these names (lower case, in order), where it is one of models."""
    found = [name for name in names if not name.startswith("__macosx/") and not name.endswith("/")]
    if found and found[0].endswith(_SCENES):  # the specification of USDZ wants its scene first
        return "usdz"
    if any(name.endswith(_MAINS) for name in found):
        return "model-zip"
    alone = all(name.endswith(_COMPANIONS) for name in found)
    return "model-zip" if alone and any(name.endswith(_TELLING) for name in found) else None
