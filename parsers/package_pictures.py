"""Opens the pictures of a package (3MF, USDZ) by their headers, within limits; nothing is decoded here."""

import io
from typing import Any

from jobs.errors import InputError
from parsers.picture_size import HEAD, MAX_PIXELS, check_picture, picture_size
from parsers.zip_guard import GuardedZip

MAX_PICTURES = 500
MAX_ALL_PIXELS = 4 * MAX_PIXELS
_MAX_BYTES = 64 * 1024 * 1024  # of one picture


class Pictures:
    """A package's textures, each opened at its first use."""

    def __init__(self, archive: GuardedZip) -> None:
        self.missing: dict[str, None] = {}  # names of those that are not in the package
        self._archive = archive
        self._known: dict[str, Any] = {}
        self._pixels = 0

    def get(self, path: str) -> Any:
        """The picture as Pillow has it before decoding; None where it is not there, or neither PNG nor JPEG.

        Raises what reading the archive raises, and `InputError` (`limit.pixels`).
        """
        key = path.lstrip("/").lower()
        if key not in self._known:
            self._known[key] = self._opened(path, key)
        return self._known[key]

    def _opened(self, path: str, key: str) -> Any:
        from PIL import Image, UnidentifiedImageError

        entry = self._archive.find(key) if key else None
        if entry is None:
            self.missing[path.rpartition("/")[2]] = None
            return None
        content = self._archive.read(entry, most=_MAX_BYTES)
        check_picture(content[:HEAD])
        size = picture_size(content[:HEAD])
        if size is None:
            return None
        self._pixels += size[0] * size[1]
        if self._pixels > MAX_ALL_PIXELS or len(self._known) >= MAX_PICTURES:
            message = f"The textures have more than {MAX_ALL_PIXELS} pixels together, or are more than {MAX_PICTURES}."
            raise InputError("limit.pixels", message, hint="Make the textures smaller.")
        try:
            return Image.open(io.BytesIO(content), formats=("PNG", "JPEG"))
        except (UnidentifiedImageError, OSError, ValueError, SyntaxError, Image.DecompressionBombError):
            return None
