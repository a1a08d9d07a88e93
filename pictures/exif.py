"""What a camera wrote into a picture (EXIF 2.32): which one, when, how exposed; where, only for those who ask."""

import io
import math
import re
from typing import Any, BinaryIO

from pictures.headers import Cut, Lying
from pictures.tags import Tag, Tags

_MAKE, _MODEL, _ORIENTATION, _SOFTWARE, _CHANGED = 0x010F, 0x0110, 0x0112, 0x0131, 0x0132
_EXIF, _GPS = 0x8769, 0x8825  # where further directories lie
_EXPOSURE, _APERTURE, _ISO, _TAKEN, _OFFSET = 0x829A, 0x829D, 0x8827, 0x9003, 0x9011
_FLASH, _FOCAL, _FOCAL_35, _LENS = 0x9209, 0x920A, 0xA405, 0xA434
_LATITUDE, _LONGITUDE, _ALTITUDE = (1, 2), (3, 4), (5, 6)  # of the GPS directory: reference, value
_TIME = re.compile(r"(\d{4}):(\d\d):(\d\d)[ T](\d\d):(\d\d):(\d\d)")
_ZONE = re.compile(r"[+-]\d\d:\d\d|Z")

Found = dict[int, Tag]


class Exif:
    """The EXIF in `source`: a TIFF structure, as bytes or a whole TIFF file. Whatever can't be read is left out."""

    def __init__(self, source: bytes | BinaryIO) -> None:
        self._main: Found = {}
        self._tags: Tags | None = None
        self.damaged = False  # there is something, but no EXIF
        if source:
            try:
                self._tags = Tags(io.BytesIO(source) if isinstance(source, bytes) else source)
                self._main = self._tags.directory(self._tags.first).tags
            except (Lying, Cut):
                self.damaged = True

    def orientation(self) -> int:
        """1 (upright) to 8, as EXIF numbers them."""
        found = self._number(self._main, _ORIENTATION)
        return int(found) if found is not None and found in range(1, 9) else 1

    def facts(self, *, keep_gps: bool = False) -> dict[str, Any]:
        """What is known, as JSON: `camera`, `lens`, `taken_at` (local time, with its offset where the camera knew it),
        `exposure_seconds`, `aperture` (f-number), `iso`, `focal_length_mm`, `focal_length_35mm`, `flash`, `software`;
        with `keep_gps` also `gps`: degrees north and east, metres above the sea.
        """
        main, more = self._main, self._further(_EXIF)
        flash = self._number(more, _FLASH)
        found: dict[str, Any] = {
            "camera": _camera(self._text(main, _MAKE), self._text(main, _MODEL)),
            "lens": self._text(more, _LENS),
            "taken_at": _time(self._text(more, _TAKEN) or self._text(main, _CHANGED), self._text(more, _OFFSET) or ""),
            "exposure_seconds": self._number(more, _EXPOSURE),
            "aperture": self._number(more, _APERTURE),
            "iso": self._number(more, _ISO),
            "focal_length_mm": self._number(more, _FOCAL),
            "focal_length_35mm": self._number(more, _FOCAL_35),
            "flash": None if flash is None else bool(int(flash) % 2),
            "software": self._text(main, _SOFTWARE),
            "gps": self._place() if keep_gps else None,
        }
        return {name: value for name, value in found.items() if value is not None}

    def _place(self) -> dict[str, float] | None:
        found = self._further(_GPS)
        latitude, longitude = self._degrees(found, _LATITUDE, "S"), self._degrees(found, _LONGITUDE, "W")
        if latitude is None or longitude is None or abs(latitude) > 90 or abs(longitude) > 180:
            return None
        place = {"latitude": latitude, "longitude": longitude}
        altitude = self._number(found, _ALTITUDE[1])
        if altitude is not None:
            below = self._number(found, _ALTITUDE[0]) == 1
            place["altitude"] = round(-altitude if below else altitude, 2)
        return place

    def _degrees(self, found: Found, names: tuple[int, int], negative: str) -> float | None:
        parts = self._numbers(found, names[1])
        if len(parts) != 3:
            return None
        degrees = parts[0] + parts[1] / 60 + parts[2] / 3600
        return round(-degrees if self._text(found, names[0]) == negative else degrees, 6)

    def _further(self, name: int) -> Found:
        offset = self._number(self._main, name)
        if self._tags is None or offset is None or offset <= 0:
            return {}
        try:
            return self._tags.directory(int(offset)).tags
        except (Lying, Cut):
            return {}

    def _numbers(self, found: Found, name: int) -> list[float]:
        if self._tags is None:
            return []
        try:
            return self._tags.numbers(found.get(name), most=3)
        except Cut:
            return []

    def _number(self, found: Found, name: int) -> float | None:
        number = next(iter(self._numbers(found, name)), None)
        return round(number, 6) if number is not None and math.isfinite(number) else None

    def _text(self, found: Found, name: int) -> str | None:
        try:
            return self._tags.text(found.get(name)) if self._tags else None
        except Cut:
            return None


def _camera(make: str | None, model: str | None) -> str | None:
    """Maker and model in one; many makers begin the model with their own name."""
    if make and model and model.lower().startswith(make.lower().split()[0]):
        return model
    return " ".join(filter(None, (make, model))) or None


def _time(text: str | None, zone: str) -> str | None:
    """`2024:05:06 07:08:09` as `2024-05-06T07:08:09`, with the zone's offset where it is known."""
    found = _TIME.match(text or "")
    if not found or found[1] == "0000":
        return None
    year, month, day, hour, minute, second = found.groups()
    return f"{year}-{month}-{day}T{hour}:{minute}:{second}{zone if _ZONE.fullmatch(zone) else ''}"
