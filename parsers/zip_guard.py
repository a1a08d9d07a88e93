"""Opens a ZIP that a stranger made: its entries counted, named, weighed and unpacked within limits, or refused by name.

Nothing is ever unpacked to a path that an entry names: names are only keys. What an entry claims to weigh is not
believed either; its bytes are counted while they come.
"""

import io
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple, NoReturn

from jobs.errors import InputError, UnreadableFile

CHUNK = 256 * 1024  # bytes unpacked at a time
MEBI = 1024 * 1024
_DIRECTORY = 256  # bytes of the directory that an entry may have on average
_ENCRYPTED, _STRONG, _MASKED = 0x1, 0x40, 0x2000  # bits of an entry's flags
_AES = 99  # WinZip's method number for "see the extra field"
_METHODS = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, _AES})
# What Python's zipfile is known to raise over crafted bytes; all of it means one thing.
_DAMAGE = (
    zipfile.BadZipFile,
    zipfile.LargeZipFile,
    zlib.error,
    struct.error,
    EOFError,
    OSError,
    ValueError,
    RuntimeError,
    OverflowError,
    IndexError,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ZipLimits:
    """How much an archive may hold."""

    entries: int = 4096
    unzipped: int = 512 * MEBI  # bytes, over all that is read from one archive
    ratio: int = 250  # unzipped to packed bytes of one entry; deflate itself ends at 1032
    free: int = 32 * MEBI  # bytes of one entry that may be packed as tightly as they like
    name: int = 512  # characters of an entry's name
    decrypted: int = 16 * MEBI  # packed bytes of an encrypted entry: Python decrypts about a million a second


LIMITS = ZipLimits()
MODELS = ZipLimits(unzipped=256 * MEBI)  # of a CAD model: large ones have some ten million bytes


class Cipher(StrEnum):
    """How an entry is encrypted."""

    NONE = "none"
    ZIPCRYPTO = "zipcrypto"  # the old one, which a password opens
    AES = "aes"  # anything stronger: not read here


class Entry(NamedTuple):
    """One file of an archive."""

    name: str  # with `/` between folders, whatever the archive has
    size: int  # unzipped bytes, as the archive claims
    cipher: Cipher
    info: zipfile.ZipInfo


@contextmanager
def open_zip(path: Path, *, limits: ZipLimits = LIMITS) -> Iterator["GuardedZip"]:
    """The archive, opened for reading.

    Raises `UnreadableFile` (`format.empty`, `format.unknown`, `zip.damaged`) and `InputError` (`zip.entries`, `zip.name`).
    """
    with path.open("rb") as raw:
        start = raw.read(4)
    if not start.startswith(b"PK"):
        if not start:
            raise UnreadableFile("format.empty", "The file is empty.")
        raise UnreadableFile("format.unknown", "The file is no ZIP archive.")
    with _Bounded(path, limits.entries * _DIRECTORY) as file:
        try:
            archive = zipfile.ZipFile(file)
        except _DAMAGE:
            raise _damaged("its directory can not be read") from None
        with archive:
            yield GuardedZip(archive, limits)


class GuardedZip:
    """An archive whose directory is within its limits; what is read counts against them."""

    def __init__(self, archive: zipfile.ZipFile, limits: ZipLimits) -> None:
        self.limits = limits
        self.read_so_far = 0  # unzipped bytes
        self._archive = archive
        infos = archive.infolist()
        if len(infos) > limits.entries:
            raise _too_many(limits.entries)
        self.entries = tuple(_entry(info, limits) for info in infos if not info.filename.endswith("/"))

    def find(self, name: str) -> Entry | None:
        """The entry of that name, whatever its case; None where there is none.

        Raises `InputError` (`zip.ambiguous`) where two entries have it: readers differ in which one they take.
        """
        found = [entry for entry in self.entries if entry.name.lower() == name.lower()]
        if len(found) > 1:
            raise InputError("zip.ambiguous", f"The archive holds {name} more than once.")
        return found[0] if found else None

    def read(self, entry: Entry, *, most: int, password: bytes | None = None) -> bytes:
        """All of a small entry. Raises as `chunks`, and `InputError` (`zip.too_large`) where it is more than `most`."""
        parts, size = [], 0
        for chunk in self.chunks(entry, password=password):
            size += len(chunk)
            if size > most:
                raise InputError("zip.too_large", f"{_shown(entry)} is larger than {most} bytes.")
            parts.append(chunk)
        return b"".join(parts)

    def unpack(self, entry: Entry, target: Path, *, password: bytes | None = None) -> None:
        """The entry as a file of its own, at a path that we name. Raises as `chunks`."""
        with target.open("wb") as file:
            for chunk in self.chunks(entry, password=password):
                file.write(chunk)

    def weigh(self) -> int:
        """Unpack every entry without keeping it; the bytes that came out. For readers that open the file themselves."""
        return sum(len(chunk) for entry in self.entries for chunk in self.chunks(entry))

    def chunks(self, entry: Entry, *, password: bytes | None = None) -> Iterator[bytes]:
        """The entry's bytes in order.

        Raises `UnreadableFile` (`zip.damaged`) and `InputError`: `zip.method`, `zip.encrypted` (a password is needed, or
        no password helps), `zip.password` (it is wrong), `limit.encrypted`, `zip.too_large`, `zip.ratio`.
        """
        info = entry.info
        if info.compress_type not in _METHODS:
            message = f"{_shown(entry)} is packed with a method that is not read here."
            raise InputError("zip.method", message, hint="Pack it again with the usual method (deflate).")
        if entry.cipher is not Cipher.NONE:
            self._check_cipher(entry, password)
        size = 0
        try:
            with self._archive.open(info, pwd=password if entry.cipher is not Cipher.NONE else None) as file:
                while chunk := file.read(CHUNK):
                    size += len(chunk)
                    self._count(entry, size, len(chunk))
                    yield chunk
        except _DAMAGE as error:
            if entry.cipher is not Cipher.NONE:
                message = f"The password does not open {_shown(entry)}, or the archive is damaged."
                raise InputError("zip.password", message) from None
            reason = "a check sum is wrong" if "CRC" in str(error) else "an entry can not be unpacked"
            raise _damaged(reason) from None

    def _check_cipher(self, entry: Entry, password: bytes | None) -> None:
        if entry.cipher is Cipher.AES:
            raise InputError("zip.encrypted", f"{_shown(entry)} is encrypted in a way that is not read here.")
        if password is None:
            raise InputError("zip.encrypted", f"{_shown(entry)} is encrypted.")
        if entry.info.compress_size > self.limits.decrypted:
            most = f"{self.limits.decrypted // MEBI} MiB packed"
            message = f"{_shown(entry)} is encrypted, and larger than what is decrypted here ({most})."
            raise InputError("limit.encrypted", message)

    def _count(self, entry: Entry, size: int, more: int) -> None:
        """Stop a bomb: `size` bytes of the entry have come out so far, `more` of them just now."""
        limits = self.limits
        self.read_so_far += more
        if self.read_so_far > limits.unzipped:
            message = f"The archive unpacks to more than {limits.unzipped // MEBI} MiB."
            raise InputError("zip.too_large", message)
        if size > limits.free and size > limits.ratio * max(1, entry.info.compress_size):
            message = f"{_shown(entry)} unpacks to more than {limits.ratio} times its size, as only a bomb does."
            raise InputError("zip.ratio", message)


class _Bounded(io.BufferedReader):
    """A file that gives no more at once than a directory may take: zipfile reads a directory in one go, at any size."""

    def __init__(self, path: Path, most: int) -> None:
        super().__init__(io.FileIO(path))
        self._most = max(most, 2 * CHUNK)

    def read(self, size: int | None = -1, /) -> bytes:
        if size is not None and size > self._most:
            raise _too_many(self._most // _DIRECTORY)
        return super().read(size)


def _entry(info: zipfile.ZipInfo, limits: ZipLimits) -> Entry:
    name = info.filename.replace("\\", "/")
    if len(name) > limits.name:
        _refuse_name(f"longer than {limits.name} characters")
    if name.startswith("/") or name[1:2] == ":" or ".." in name.split("/"):
        _refuse_name("a path that leads out of the archive")
    if not info.flag_bits & _ENCRYPTED:
        cipher = Cipher.NONE
    else:
        strong = info.compress_type == _AES or info.flag_bits & (_STRONG | _MASKED)
        cipher = Cipher.AES if strong else Cipher.ZIPCRYPTO
    return Entry(name, info.file_size, cipher, info)


def _refuse_name(what: str) -> NoReturn:
    raise InputError("zip.name", f"A name in the archive is {what}.", hint="Save the file again with its own program.")


def _too_many(most: int) -> InputError:
    return InputError("zip.entries", f"The archive holds more than {most} files.")


def _damaged(reason: str) -> UnreadableFile:
    hint = "The file may be cut off; save or download it again."
    return UnreadableFile("zip.damaged", f"The ZIP archive is damaged: {reason}.", hint=hint)


def _shown(entry: Entry) -> str:
    """An entry's name as a message quotes it: short, and with nothing that a terminal obeys."""
    return repr(entry.name[-60:])
