"""Reads Studio models (.io): a ZIP of the model as LDraw, once or several times over, and what Studio says of it.

Entries: `model.ldr` (LDraw's parts and colors), `model2.ldr` (BrickLink's, with every part's drawing), `modelv1.ldr` and
`modelv2.ldr` (Studio's own extensions), at times `model.lxfml`; `.info` (JSON: `version`, `total_parts`), and
`errorPartList.err` (parts that Studio did not know). The plainest model that places anything is read. Files of Studio
before late 2023 are encrypted (ZipCrypto); they are opened only where the operator has set the password.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path

from jobs.errors import InputError, UnreadableFile
from jobs.issues import Fact, Issue, Record
from parsers import ldd_lxf, ldraw
from parsers.codes import issue
from parsers.encoding import Watch, decoded_head
from parsers.ldraw_count import LDRAW, STUDIO
from parsers.sniff_zip import STUDIO_MODELS
from parsers.wishes import PLAIN, Wishes
from parsers.zip_guard import MODELS, Cipher, Entry, GuardedZip, open_zip

_INFO, _UNKNOWN, _XML, _BRICKLINK = ".info", "errorpartlist.err", "model.lxfml", "model2.ldr"
_SMALL = 64 * 1024  # bytes of an entry that is no model
_MOST_PIECES = 10**9
_PLACES = re.compile(rb"(?:^|[\r\n])[ \t]*11?[ \t]")
_RESAVE = "Open it in Studio 2.23.11 or later and save it again, or have the operator set HEAVYLIFT_STUDIO_PASSWORD."


def parse(path: Path, *, watch: Watch | None = None, wishes: Wishes = PLAIN) -> Iterator[Record | Issue | Fact]:
    """The model's lots as `ldraw.parse` gives them.

    Facts besides: `entry` (which model was read), `declared_pieces` (Studio's own count), `studio_version`.
    Raises what `ldraw.parse` and `open_zip` raise; `UnreadableFile` (`io.no_model`); `InputError`: `io.encrypted`,
    `io.aes`, `io.password`, `limit.encrypted`.
    """
    with open_zip(path, limits=MODELS) as archive:
        password = wishes.studio_password.encode() if wishes.studio_password else None
        try:
            entry = _model(archive, password)
            yield Fact("entry", entry.name)
            yield from _said(archive, password)
            yield from _lots(archive, entry, password, watch=watch, wishes=wishes)
        except InputError as error:
            if error.fault.code != "zip.password":
                raise
            message = "The password that the operator has set does not open this Studio file, or it is damaged."
            raise InputError("io.password", message, hint=_RESAVE) from None


def _lots(
    archive: GuardedZip, entry: Entry, password: bytes | None, *, watch: Watch | None, wishes: Wishes
) -> Iterator[Record | Issue | Fact]:
    if _last(entry) == _XML:
        yield from ldd_lxf.unpacked(archive, entry, watch=watch, wishes=wishes, password=password)
        return
    dialect = STUDIO if _last(entry) == _BRICKLINK else LDRAW
    yield from ldraw.read(_watched(archive, entry, password, watch), dialect)


def _watched(archive: GuardedZip, entry: Entry, password: bytes | None, watch: Watch | None) -> Iterator[bytes]:
    done = 0
    for chunk in archive.chunks(entry, password=password):
        yield chunk
        done += len(chunk)
        if watch:
            watch(min(done, entry.size), entry.size)


def _model(archive: GuardedZip, password: bytes | None) -> Entry:
    """The first model, plainest first, that places anything."""
    found = [entry for name in (*STUDIO_MODELS, _XML) if (entry := _named(archive, name))]
    if not found:
        message = "The archive holds no Studio model (model.ldr)."
        raise UnreadableFile("io.no_model", message, hint="Save the model again in Studio.")
    for entry in found:
        _check_cipher(entry, password)
        if _last(entry) == _XML or _places(archive, entry, password):
            return entry
    raise UnreadableFile("format.empty", "The model places no parts.")


def _check_cipher(entry: Entry, password: bytes | None) -> None:
    if entry.cipher is Cipher.AES:
        message = "The Studio file is encrypted in a way (AES) that is not read here."
        raise InputError("io.aes", message, hint="Open it in Studio 2.23.11 or later and save it again.")
    if entry.cipher is Cipher.ZIPCRYPTO and password is None:
        message = "The Studio file is encrypted, as Studio did until late 2023."
        raise InputError("io.encrypted", message, hint=_RESAVE)


def _places(archive: GuardedZip, entry: Entry, password: bytes | None) -> bool:
    """Whether a line of type 1 stands in the model."""
    before = b"\n"
    for chunk in archive.chunks(entry, password=password):
        if _PLACES.search(before + chunk):
            return True
        before = chunk[-16:]
    return False


def _named(archive: GuardedZip, name: str) -> Entry | None:
    """The entry of that name; where folders hold several, the one that lies highest."""
    found = sorted((entry for entry in archive.entries if _last(entry) == name), key=_depth)
    if len(found) > 1 and _depth(found[0]) == _depth(found[1]):
        raise InputError("zip.ambiguous", f"The archive holds {name} more than once.")
    return found[0] if found else None


def _said(archive: GuardedZip, password: bytes | None) -> Iterator[Issue | Fact]:
    """What Studio says of the model: its count of parts, its version, the parts that it did not know."""
    info = _small(archive, _INFO, password)
    if info is not None:
        try:
            said = json.loads(info.strip("\ufeff\r\n\t \0"))
        except (ValueError, RecursionError):
            said = None
        total = said.get("total_parts") if isinstance(said, dict) else None
        if isinstance(total, int) and not isinstance(total, bool) and 0 <= total <= _MOST_PIECES:
            yield Fact("declared_pieces", total)
        else:
            yield issue("io.info", info[:100], row=None, line=None, column=_INFO)
        if isinstance(said, dict) and isinstance(version := said.get("version"), str):
            yield Fact("studio_version", version[:40])
    unknown = _small(archive, _UNKNOWN, password)
    if unknown is not None and unknown.strip("\ufeff\r\n\t \0[]"):
        yield issue("io.unknown_parts", " ".join(unknown.split()), row=None, line=None)


def _small(archive: GuardedZip, name: str, password: bytes | None) -> str | None:
    """The text of a small entry; None where it is not there, or can not be had."""
    entry = _named(archive, name)
    if entry is None or entry.size > _SMALL or entry.cipher is Cipher.AES:
        return None
    if entry.cipher is Cipher.ZIPCRYPTO and password is None:
        return None
    return decoded_head(archive.read(entry, most=_SMALL, password=password))


def _last(entry: Entry) -> str:
    return entry.name.lower().rpartition("/")[2]


def _depth(entry: Entry) -> int:
    return entry.name.count("/")
