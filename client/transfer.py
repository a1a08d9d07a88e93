"""Bytes up and down: uploads streamed from disk, downloads that resume and are checked."""

import hashlib
import mimetypes
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

from client.errors import CorruptDownload, NotReachable
from client.transport import BROKEN, Transport, problem_of
from client.values import Artifact

CHUNK = 1024 * 1024


class Upload:
    """A file opened for one try; tells how many bytes have been read. httpx learns its length from `fileno`."""

    def __init__(self, path: Path, on_bytes: Callable[[int], None] | None = None) -> None:
        self._file: BinaryIO = path.open("rb")
        self._on_bytes = on_bytes
        self._sent = 0

    def fileno(self) -> int:
        return self._file.fileno()

    def read(self, _size: int = -1) -> bytes:
        chunk = self._file.read(CHUNK)
        self._sent += len(chunk)
        if self._on_bytes:
            self._on_bytes(self._sent)
        return chunk

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        chunk = self.read()
        if not chunk:
            raise StopIteration
        return chunk

    def close(self) -> None:
        self._file.close()


def media_type_of(path: Path) -> str:
    """A guess by the file's name; the server sniffs the bytes and knows better."""
    return mimetypes.guess_type(path.name)[0] or "application/octet-stream"


def download(transport: Transport, url: str, to: Path, *, artifact: Artifact, tries: int = 5) -> Path:
    """Fetch `artifact` into the file `to`: resumed where the line breaks, checked, then put in place in one move.

    Raises `CorruptDownload`, `NotReachable` or the server's `Problem`; `to` is never left half written.
    """
    to.parent.mkdir(parents=True, exist_ok=True)
    part = to.with_name(to.name + ".part")
    part.unlink(missing_ok=True)
    for attempt in range(1, tries + 1):
        try:
            _fetch(transport, url, part, etag=f'"{artifact.sha256}"')
            break
        except BROKEN as error:
            if attempt == tries:
                raise NotReachable(f"the download of {artifact.name} broke {tries} times: {error}") from error
            time.sleep(0.1 * attempt)
    if artifact.sha256 and _digest(part) != artifact.sha256:
        part.unlink()
        raise CorruptDownload(f"{artifact.name}: what arrived does not have the digest {artifact.sha256}")
    part.replace(to)
    return to


def _fetch(transport: Transport, url: str, part: Path, *, etag: str) -> None:
    """Append to `part` what is still missing."""
    have = part.stat().st_size if part.exists() else 0
    # If-Range: where the artifact is not the one we began with, the whole of it comes.
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={have}-", "If-Range": etag} if have else {})
    with transport.stream(url, headers=headers) as answer:
        if answer.status_code == 416:
            return  # all of it is here already
        if not answer.is_success:
            answer.read()
            raise problem_of(answer)
        mode = "ab" if answer.status_code == 206 else "wb"
        with part.open(mode) as out:
            for (
                chunk
            ) in answer.iter_raw():  # as it comes: what a chunk size would hold back is lost when the line breaks
                out.write(chunk)


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def safe_name(name: str) -> Path:
    """An artifact's name as a relative path that stays below the folder it is saved in."""
    kept = [piece for piece in name.replace("\\", "/").split("/") if piece not in {"", ".", ".."}]
    return Path(*kept) if kept else Path("artifact")
