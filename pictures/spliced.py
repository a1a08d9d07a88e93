"""A file of which its reader sees some parts only, one behind the other, as if they were the whole."""

import io
from bisect import bisect_right
from itertools import accumulate
from typing import TYPE_CHECKING, BinaryIO

from pictures.headers import Parts

if TYPE_CHECKING:
    from typing_extensions import Buffer


class Spliced(io.RawIOBase):
    """Reads `parts` of `file`, which stays the caller's to close."""

    def __init__(self, file: BinaryIO, parts: Parts) -> None:
        super().__init__()
        self._file = file
        self._parts = parts
        self._starts = list(accumulate((length for _, length in parts), initial=0))
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._starts[-1]}[whence]
        self._at = max(0, base + offset)
        return self._at

    def readinto(self, buffer: "Buffer") -> int:
        """Bytes of one part at a time; its buffered reader asks again."""
        if self._at >= self._starts[-1]:
            return 0
        number = bisect_right(self._starts, self._at) - 1
        inside = self._at - self._starts[number]
        offset, length = self._parts[number]
        view = memoryview(buffer).cast("B")
        self._file.seek(offset + inside)
        found = self._file.read(min(len(view), length - inside))
        view[: len(found)] = found
        self._at += len(found)
        return len(found)
