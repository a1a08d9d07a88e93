"""Two lists on their way into one upload: a ZIP made while it streams, with `left/NAME` and `right/NAME`."""

import io
import zipfile
from collections.abc import Iterator
from typing import IO, Any, Self

from api.multipart import Form
from api.problems import malformed
from api.submission import file_name
from pipelines.parts_list_diff import SIDES


class PairForm(Form):
    """A multipart body whose parts `left` and `right` are a file each, or the id of a job."""

    files = frozenset(SIDES)

    def __init__(self, boundary: bytes) -> None:
        super().__init__(boundary)
        self._found: list[tuple[str, str, memoryview]] = []
        self._file_name = ""
        self._begun: set[str] = set()

    def feed_pair(self, data: bytes) -> list[tuple[str, str, memoryview]]:
        """Pieces of files in `data`: side, file name, bytes; the first piece of a file is empty."""
        self.feed(data)
        found, self._found = self._found, []
        return found

    def _is_file(self, *, has_name: bool) -> bool:
        return self._name in self.files and has_name

    def _begin_file(self, name: bytes | None) -> None:
        if self._name in self._begun:
            raise malformed(f"`{self._name}` stands there twice", field=self._name)
        self._begun.add(self._name)
        self.has_file = True
        self._file_name = file_name(name.decode(errors="replace") if name else None)
        self._found.append((self._name, self._file_name, memoryview(b"")))

    def _on_part_data(self, data: bytes, start: int, end: int) -> None:
        if self._in_file:
            self._found.append((self._name, self._file_name, memoryview(data)[start:end]))
        else:
            super()._on_part_data(data, start, end)


class PairZip:
    """Writes a ZIP that is never whole in memory: `drain` gives what has been made since the last time.

    Nothing in it tells of when it was made, so equal lists are equal bytes. A context manager, whole once it has ended.
    """

    def __init__(self) -> None:
        self._made: list[bytes] = []
        self._archive = zipfile.ZipFile(_Sink(self._made), "w", zipfile.ZIP_STORED)
        self._entry: IO[bytes] | None = None
        self._open = ""

    def write(self, side: str, name: str, piece: memoryview | bytes) -> None:
        """The next bytes of a side's file; another side's end the one before."""
        if side != self._open:
            self._end()
            self._entry = self._archive.open(zipfile.ZipInfo(f"{side}/{name}"), "w", force_zip64=True)
            self._open = side
        assert self._entry is not None
        self._entry.write(piece)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self._end()
        self._archive.close()

    def drain(self) -> Iterator[bytes]:
        """What is ready to be stored."""
        made, self._made[:] = list(self._made), []
        return iter(made)

    def _end(self) -> None:
        if self._entry is not None:
            self._entry.close()
            self._entry = None


class _Sink(io.RawIOBase):
    """A file that can only be written to: zipfile then writes sizes and check sums behind each entry."""

    def __init__(self, made: list[bytes]) -> None:
        super().__init__()
        self._made = made

    def writable(self) -> bool:
        return True

    def write(self, piece: Any) -> int:
        self._made.append(bytes(piece))
        return len(piece)
