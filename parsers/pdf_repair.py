"""Rescues PDFs that PDFium refuses: qpdf finds the objects that are left and writes them down with a new table."""

import io
from itertools import islice
from pathlib import Path
from typing import Any

from jobs.errors import InputError, UnreadableFile
from parsers.pdf_open import opened
from parsers.pdf_structure import structure

MAX_OBJECTS = 300_000  # looked at for a lost handler of encryption
MAX_GROWTH = 16 * 1024 * 1024  # bytes by which a repaired file may be larger than twice the damaged one


def repaired(path: Path, *, to: Path, password: str | None = None) -> bool:
    """Whether `path` does not open, but its repaired copy `to` does, with at least one page.

    One try. False, and no `to`, where the file opens as it is, where it is locked (that is no damage), and where
    nothing could be rescued, or only ciphertext: opening `path` then says what is the matter. `to` needs no password.
    """
    import pikepdf

    if _opens(path, password):
        return False
    limit = 2 * path.stat().st_size + MAX_GROWTH
    try:
        with structure(path, password=password) as document, _Capped(to, limit) as file:
            _refuse_ciphertext(document)
            # Streams are copied as they lie in the file: unpacking them is what bombs wait for.
            document.save(
                file,
                compress_streams=False,
                stream_decode_level=pikepdf.StreamDecodeLevel.none,
                object_stream_mode=pikepdf.ObjectStreamMode.disable,
                fix_metadata_version=False,
                encryption=False,
            )
        done = _opens(to, None)
    except (pikepdf.PdfError, OSError, ValueError, MemoryError, RuntimeError):
        done = False
    if not done:
        to.unlink(missing_ok=True)
    return done


def _opens(path: Path, password: str | None) -> bool:
    """Whether there is nothing to mend: a file that is locked counts as whole."""
    try:
        with opened(path, password=password):
            return True
    except UnreadableFile:
        return False
    except InputError:
        return True


def _refuse_ciphertext(document: Any) -> None:
    """Raises `ValueError` where a handler of encryption is there, but the trailer that named it is not."""
    import pikepdf

    if document.is_encrypted:
        return
    found = (document.get_object(key) for key in islice(document.get_xref_table(), MAX_OBJECTS))
    if any(isinstance(one, pikepdf.Dictionary) and {"/O", "/U", "/P", "/R"} <= set(one.keys()) for one in found):
        raise ValueError("Its key is lost.")


class _Capped(io.FileIO):
    """A new file that refuses to grow beyond `limit` bytes."""

    def __init__(self, path: Path, limit: int) -> None:
        super().__init__(path, "w+")
        self._limit = limit

    def write(self, content: Any) -> int:
        if self.tell() + memoryview(content).nbytes > self._limit:
            raise OSError("The repaired file is larger than its limit.")
        return super().write(content)
