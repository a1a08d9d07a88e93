"""Colors as screens show them: every mode of a picture made plain, every profile led to sRGB."""

import io
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from PIL.Image import Image

Warn = Callable[[str, str], None]  # code, message

_MAX_PROFILE = 4 << 20  # bytes
_DEEP = frozenset({"I;16", "I;16L", "I;16B", "I;16N"})  # 16 bits of gray
_WITH_ALPHA = frozenset({"RGBA", "LA", "La", "RGBa", "PA"})
_KEPT = frozenset({"L", "RGB", "RGBA", "CMYK", "LAB"})


def quiet(_code: str, _message: str) -> None:
    """For those who want no warnings."""


def prepared(picture: "Image") -> "Image":
    """Numbers without a natural largest value (32 bits, floats) stretched over 0 to 255; other pictures as they are."""
    if picture.mode not in {"I", "F"}:
        return picture
    found: Any = picture.getextrema()
    least, most = (float(value) for value in found)
    span = most - least
    if not 0 < span < float("inf"):
        return picture.convert("F").point(lambda value: value * 0).convert("L")
    return picture.convert("F").point(lambda value: value * (255 / span) - least * (255 / span)).convert("L")


def plain(picture: "Image") -> "Image":
    """The picture as L, RGB, RGBA, CMYK or LAB: modes that can be averaged, and that a profile may speak of."""
    mode = picture.mode
    if mode in _DEEP:
        # Pillow would cut off what lies beyond 255.
        return picture.convert("I").point(lambda value: value * (1 / 256)).convert("L")
    if mode in _WITH_ALPHA or "transparency" in picture.info:
        return picture if mode == "RGBA" else _with_alpha(picture)
    if mode in _KEPT:
        return picture
    return picture.convert("L" if mode == "1" else "RGB")


def _with_alpha(picture: "Image") -> "Image":
    if picture.mode == "La":
        picture = picture.convert("LA")
    elif picture.mode == "1":
        picture = picture.convert("L")
    return picture.convert("RGBA")


def as_srgb(picture: "Image", profile: bytes | None, *, warn: Warn = quiet) -> "Image":
    """A plain picture as RGB or RGBA in sRGB. What its profile says is believed; where it can't be read, a warning
    `image.profile` is given and the numbers are taken as they stand.
    """
    if picture.mode == "LAB":
        return _through(picture, None)
    if profile:
        try:
            return _managed(picture, profile)
        except _PROFILE_ERRORS:
            warn("image.profile", "The picture's color profile can not be used; its colors may be a little off.")
    return picture if picture.mode in {"RGB", "RGBA"} else picture.convert("RGB")


# What PIL.ImageCms raises for profiles that are damaged, or made for another kind of picture; PyCMSError is no OSError.
class _Unfit(Exception):
    pass


_PROFILE_ERRORS = (_Unfit, OSError, ValueError, TypeError)


def _managed(picture: "Image", profile: bytes) -> "Image":
    from PIL import ImageCms

    if len(profile) > _MAX_PROFILE:
        raise _Unfit
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        space = source.profile.xcolor_space.strip()
        if space == "RGB" and picture.mode == "L":
            picture = picture.convert("RGB")
        if picture.mode == "RGBA" and space == "RGB":
            managed = _through(picture.convert("RGB"), source)
            managed.putalpha(picture.getchannel("A"))
            return managed
        if {"RGB": "RGB", "GRAY": "L", "CMYK": "CMYK"}.get(space) != picture.mode:
            raise _Unfit
        return _through(picture, source)
    except ImageCms.PyCMSError as error:
        raise _Unfit from error


def _through(picture: "Image", source: Any) -> "Image":
    """From the profile `source` (None: CIELAB) to sRGB, black to black, whites adapted."""
    from PIL import ImageCms

    source = source or ImageCms.createProfile("LAB")
    found = ImageCms.profileToProfile(
        picture,
        source,
        ImageCms.createProfile("sRGB"),
        renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC,
        outputMode="RGB",
        flags=ImageCms.Flags.BLACKPOINTCOMPENSATION,
    )
    assert found is not None
    return found


def without_idle_alpha(picture: "Image") -> "Image":
    """RGB where every pixel is opaque anyway."""
    if picture.mode == "RGBA" and picture.getchannel("A").getextrema() == (255, 255):
        return picture.convert("RGB")
    return picture
