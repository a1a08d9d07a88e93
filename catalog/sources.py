"""Opens what a catalog is made from: a folder or a ZIP of CSV, gzipped CSV, JSON and text files, each with its limits.

An operator's download may be cut, swapped for a login page or made to blow up; nothing here trusts a declared size.
"""

import gzip
import io
import re
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO

from jobs.errors import InputError

MiB = 1024 * 1024
MAX_FILE = 256 * MiB  # bytes of one file once unpacked; the largest real table has 5
MAX_TOTAL = 1024 * MiB  # of all files of a ZIP
MAX_RATIO = 200  # unpacked over packed; CSV of ids packs 5 to 20 to one
RATIO_FROM = 8 * MiB  # smaller files may pack as well as they like
MAX_ENTRIES = 1000
MAX_LINE = 64 * 1024  # characters
_ENCRYPTED = 0x1  # of a ZIP entry's flags
_METHODS = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}
_BROKEN = (EOFError, zlib.error, gzip.BadGzipFile, zipfile.BadZipFile)
_READABLE = re.compile(r"\.(csv|csv\.gz|txt|txt\.gz|json|json\.gz|ldr)$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One file of a catalog's sources."""

    name: str  # without folders, as it is spelled: `parts.csv.gz`
    size: int  # bytes as stored, for telling progress
    holder: Path  # the file itself, or the ZIP that holds it
    entry: str | None = None  # its name in the ZIP

    @property
    def stem(self) -> str:
        """The name without its endings, lower case: `parts`."""
        return self.name.lower().partition(".")[0]

    @property
    def suffix(self) -> str:
        """The ending that tells the format, lower case, `.gz` left out: `.csv`."""
        return PurePosixPath(self.name.lower().removesuffix(".gz")).suffix

    @contextmanager
    def open(self) -> Iterator[IO[bytes]]:
        """The unpacked bytes; reading raises `InputError` where they are broken or too many."""
        try:
            if self.entry is None:
                with self.holder.open("rb") as file:
                    yield self._guarded(file, packed=False)
            else:
                with zipfile.ZipFile(self.holder) as archive, archive.open(self.entry) as file:
                    yield self._guarded(file, packed=True)
        except _BROKEN as broken:
            raise self._unreadable(broken) from broken

    def _guarded(self, file: IO[bytes], *, packed: bool) -> IO[bytes]:
        zipped = self.name.lower().endswith(".gz")
        inner: IO[bytes] = gzip.GzipFile(fileobj=file) if zipped else file  # type: ignore[assignment] # a binary reader
        raw = _Guard(inner, name=self.name, stored=self.size if packed or zipped else None)
        return io.BufferedReader(raw, 64 * 1024)

    def _unreadable(self, broken: BaseException) -> InputError:
        return InputError(
            "catalog.unreadable",
            f"{self.name} is damaged or was cut off: {broken}",
            hint="download it again and compare its size with the publisher's",
            file=self.name,
        )


class _Guard(io.RawIOBase):
    """A reader that stops where more comes out than anybody can have meant."""

    def __init__(self, inner: IO[bytes], *, name: str, stored: int | None) -> None:
        self._inner, self._name, self._stored, self._read = inner, name, stored, 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override] # io passes a writable view
        found = self._inner.read(len(buffer))
        self._read += len(found)
        bomb = self._stored is not None and self._read > max(RATIO_FROM, self._stored * MAX_RATIO)
        if bomb or self._read > MAX_FILE:
            raise InputError(
                "catalog.too_large",
                f"{self._name} unpacks to more than {self._read - len(found):,} bytes, which no catalog needs",
                hint=f"a table may have {MAX_FILE // MiB} MiB and be packed {MAX_RATIO} to one",
                file=self._name,
            )
        buffer[: len(found)] = found
        return len(found)


def find_sources(place: Path) -> tuple[Source, ...]:
    """Every file of a folder or a ZIP that could be a source, by name; folders within a ZIP are not told apart.

    `InputError` where there is nothing of the kind: `catalog.missing`, `catalog.unreadable`, `catalog.too_large`.
    """
    if place.is_dir():
        files = (path for path in sorted(place.iterdir()) if path.is_file())
        found = [Source(name=path.name, size=path.stat().st_size, holder=path) for path in files]
    elif place.is_file():
        found = list(_entries(place))
    else:
        raise InputError("catalog.missing", f"there is no folder or ZIP {place.name!r}", hint="name one that exists")
    return tuple(sorted(found, key=lambda source: (source.name.lower(), source.name)))


def is_readable(source: Source) -> bool:
    """Whether its name ends like something that is read here."""
    return _READABLE.search(source.name.lower()) is not None


def _entries(path: Path) -> Iterator[Source]:
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
    except (zipfile.BadZipFile, OSError, ValueError) as broken:
        raise InputError(
            "catalog.unreadable",
            f"{path.name} is no ZIP, or a damaged one: {broken}",
            hint="pack the CSV files into one ZIP",
        ) from broken
    if len(entries) > MAX_ENTRIES or sum(entry.file_size for entry in entries) > MAX_TOTAL:
        raise InputError(
            "catalog.too_large",
            f"{path.name} holds {len(entries):,} files, or more than {MAX_TOTAL // MiB} MiB",
            hint="leave out what is no table of parts, colors, elements or relations",
        )
    for entry in entries:
        name = PurePosixPath(entry.filename.replace("\\", "/")).name
        if entry.is_dir() or not name or name.startswith("."):
            continue
        if entry.flag_bits & _ENCRYPTED or entry.compress_type not in _METHODS:
            raise InputError(
                "catalog.unreadable",
                f"{name} in {path.name} is encrypted or packed in an unusual way",
                hint="pack it again without a password, with the usual method (deflate)",
                file=name,
            )
        yield Source(name=name, size=entry.compress_size, holder=path, entry=entry.filename)


def text_lines(source: Source) -> Iterator[str]:
    """The lines of a text file in UTF-8, ends included; bounded memory whatever the bytes are."""
    with source.open() as file:
        text = io.TextIOWrapper(file, encoding="utf-8-sig", newline="")
        number = 0
        try:
            while line := text.readline(MAX_LINE):
                number += 1
                if len(line) >= MAX_LINE:
                    raise InputError(
                        "catalog.unreadable",
                        f"line {number} of {source.name} has more than {MAX_LINE:,} characters",
                        hint="a table of parts has short lines: is it the right file?",
                        file=source.name,
                        line=number,
                    )
                yield line
        except UnicodeDecodeError as wrong:
            raise InputError(
                "catalog.encoding",
                f"{source.name} is not in UTF-8 (after line {number})",
                hint="take the file as it was published, not as a spreadsheet has saved it",
                file=source.name,
                line=number + 1,
            ) from wrong


def whole_text(source: Source, limit: int) -> str:
    """All of a text file; `InputError` where it has more than `limit` characters."""
    parts, length = [], 0
    with source.open() as file:
        text = io.TextIOWrapper(file, encoding="utf-8-sig")
        try:
            while part := text.read(MiB):
                parts.append(part)
                length += len(part)
                if length > limit:
                    raise InputError(
                        "catalog.too_large",
                        f"{source.name} has more than {limit // MiB} MiB",
                        hint="split it into its pages",
                        file=source.name,
                    )
        except UnicodeDecodeError as wrong:
            raise InputError(
                "catalog.encoding", f"{source.name} is not in UTF-8", hint="save it as UTF-8", file=source.name
            ) from wrong
    return "".join(parts)
