"""ZIP archives with the same bytes each time."""

import io
import zipfile
from collections.abc import Iterable

Entry = tuple[str, bytes]
_MOST = 32 * 1024 * 1024  # bytes
_TIME = (1980, 1, 1, 0, 0, 0)


def zipped(entries: Iterable[Entry], *, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """An archive of these entries in this order; two may have one name."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, content in entries:
            info = zipfile.ZipInfo(name or "?", _TIME)
            info.compress_type = method
            archive.writestr(info, content, compresslevel=1)
    return out.getvalue()


def unzipped(raw: bytes) -> list[Entry]:
    """The entries of an archive of ours; none where it was damaged beyond that, or is a bomb already."""
    try:
        with zipfile.ZipFile(io.BytesIO(raw)) as archive:
            if sum(info.file_size for info in archive.infolist()) > _MOST:
                return []
            return [(info.filename, archive.read(info)) for info in archive.infolist()]
    except (zipfile.BadZipFile, ValueError, OSError, EOFError, RuntimeError):
        return []
