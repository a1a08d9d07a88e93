"""Byte ranges: cutting one to an object's size, and reading one of a local file without copying it."""

import io
import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:  # Buffer has no name at run time before Python 3.12
    from _typeshed import WriteableBuffer


def cut(size: int, *, offset: int, length: int | None) -> tuple[int, int]:
    """First byte and the byte after the last of what `offset` and `length` ask of `size` bytes."""
    if offset < 0 or (length is not None and length < 0):
        raise ValueError(f"a range has neither a negative offset nor a negative length: {offset}, {length}")
    start = min(offset, size)
    return start, size if length is None else min(size, start + length)


class FileRange(io.RawIOBase):
    """Bytes `start` to `end` of an open file, by position: many may read through one descriptor at once."""

    def __init__(
        self,
        descriptor: int,
        *,
        start: int,
        end: int,
        owned: bool = True,
        translate: Callable[[OSError], Exception] | None = None,
    ) -> None:
        """`owned`: closing this closes the descriptor. `translate` makes the error that a failed read raises."""
        super().__init__()
        self._descriptor = descriptor
        self._start = start
        self._end = end
        self._at = start
        self._owned = owned
        self._translate = translate

    @classmethod
    def of(cls, descriptor: int) -> Self:
        """The whole file, which closes with this."""
        return cls(descriptor, start=0, end=os.fstat(descriptor).st_size)

    @property
    def size(self) -> int:
        """Bytes of the range, read or not."""
        return self._end - self._start

    def part(self, start: int, end: int) -> "FileRange":
        """Bytes `start` to `end` of this range, to be read beside it and while it is open."""
        base = self._start
        return FileRange(self._descriptor, start=base + start, end=min(self._end, base + end), owned=False)

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at - self._start

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        base = {os.SEEK_SET: self._start, os.SEEK_CUR: self._at, os.SEEK_END: self._end}[whence]
        self._at = max(self._start, base + offset)
        return self.tell()

    def readinto(self, buffer: "WriteableBuffer", /) -> int:
        view = memoryview(buffer)[: max(0, self._end - self._at)]
        if not view:
            return 0
        try:
            got = os.preadv(self._descriptor, [view], self._at)
        except OSError as error:
            raise (self._translate(error) if self._translate else error) from error
        self._at += got
        return got

    def close(self) -> None:
        if not self.closed and self._owned:
            os.close(self._descriptor)
        super().close()
