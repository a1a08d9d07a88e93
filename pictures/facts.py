"""What a picture is: size, format, mode, frames, EXIF, and what it looks like, as one JSON object."""

from pathlib import Path
from typing import Any

from pictures.colors import Warn, quiet
from pictures.headers import MAX_COUNTED
from pictures.looks import SIDE, looks, picture_hash
from pictures.opening import Opened, opened
from pictures.reading import pictures, upright_size
from pictures.scaling import Shape


def facts(path: Path, *, keep_gps: bool = False, warn: Warn = quiet) -> dict[str, Any]:
    """Facts about the picture at `path`; its EXIF's place only with `keep_gps`.

    Raises as `opening.opened` does; warns of `image.profile`, `image.exif` and `image.frames`.
    """
    with opened(path) as found:
        told = _told(found)
        if found.exif.damaged:
            warn("image.exif", "What the camera wrote into the picture can not be read.")
        if found.header.frames >= MAX_COUNTED:
            warn("image.frames", f"The picture has {MAX_COUNTED:,} frames or more; they were not counted further.")
        exif = found.exif.facts(keep_gps=keep_gps)
        seen = pictures(found, SIDE, shapes=frozenset({Shape.FIT}), warn=warn)[Shape.FIT]
        same = picture_hash(seen, size=(told["width"], told["height"]))
        return told | {"exif": exif, "picture_hash": same} | looks(seen)


def _told(found: Opened) -> dict[str, Any]:
    """What is known before anything is decoded; width and height are as the picture is seen."""
    width, height = upright_size(found)
    return {
        "format": found.header.format.value,
        "width": width,
        "height": height,
        "mode": found.picture.mode,  # Pillow's name: RGB, CMYK, L, P, ...
        "frames": found.header.frames,
        "orientation": found.exif.orientation(),
        "has_profile": bool(found.picture.info.get("icc_profile")),
    }
