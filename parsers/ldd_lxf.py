"""Reads LEGO Digital Designer models (.lxf): a ZIP of a picture and the model's XML, or now and then that XML itself."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

from jobs.errors import InputError, UnreadableFile
from jobs.issues import Fact, Issue, Record
from parsers import ldd_lxfml
from parsers.encoding import Watch
from parsers.sniff_zip import LDD_MODEL
from parsers.wishes import PLAIN, Wishes
from parsers.zip_guard import MODELS, Entry, GuardedZip, open_zip


def parse(path: Path, *, watch: Watch | None = None, wishes: Wishes = PLAIN) -> Iterator[Record | Issue | Fact]:
    """As `ldd_lxfml.parse`; raises what it and `open_zip` raise, and `UnreadableFile` (`lxf.no_model`)."""
    with path.open("rb") as file:
        packed = file.read(2) == b"PK"
    if not packed:
        yield from ldd_lxfml.parse(path, watch=watch, wishes=wishes)
        return
    with open_zip(path, limits=MODELS) as archive:
        yield from unpacked(archive, _model(archive), watch=watch, wishes=wishes)


def unpacked(
    archive: GuardedZip, entry: Entry, *, watch: Watch | None, wishes: Wishes, password: bytes | None = None
) -> Iterator[Record | Issue | Fact]:
    """The lots of one LXFML entry, which is read from a file of our own: the XML is looked at twice."""
    with tempfile.TemporaryDirectory() as folder:
        model = Path(folder) / "model.lxfml"
        archive.unpack(entry, model, password=password)
        yield from ldd_lxfml.parse(model, watch=watch, wishes=wishes)


def _model(archive: GuardedZip) -> Entry:
    models = [entry for entry in archive.entries if entry.name.lower().endswith(".lxfml")]
    named = [entry for entry in models if entry.name.lower().rpartition("/")[2] == LDD_MODEL] or models
    if not named:
        hint = "Save the model again in LEGO Digital Designer."
        raise UnreadableFile("lxf.no_model", "The archive holds no model (IMAGE100.LXFML).", hint=hint)
    if len(named) > 1:
        raise InputError("zip.ambiguous", "The archive holds more than one model.")
    return named[0]
