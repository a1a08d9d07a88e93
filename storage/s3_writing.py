"""Writing an S3 object: one request where it is small, else a multipart upload; both seen only when complete."""

import contextlib
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

from storage.port import StoreError, StoreUnavailable
from storage.ranges import FileRange
from storage.s3_client import S3Connection
from storage.writing import OneShotWriter

if TYPE_CHECKING:
    from mypy_boto3_s3.type_defs import CompletedPartTypeDef

PART = 16 * 1024 * 1024  # bytes of one part; S3 asks for 5 MiB or more
_MOST_PARTS = 10_000  # S3's own limit
_IN_MEMORY = 256 * 1024  # bytes of a part that wait in memory; more wait in a file
_LANES = 4  # parts of one local file that travel at once
_PLAIN: dict[str, Any] = {
    # A store that ignores the wishes of a signed link still never serves an upload as a live page.
    "ContentType": "application/octet-stream",
    "ContentDisposition": "attachment",
}


def part_size(expected: int | None) -> int:
    """Bytes of each part, so that `expected` bytes and a good deal more fit into S3's number of parts."""
    return max(PART, -(-2 * (expected or 0) // _MOST_PARTS))


class Multipart:
    """One multipart upload at the server."""

    def __init__(self, connection: S3Connection, *, key: str, name: str) -> None:
        """`name` is the object's full name in the bucket."""
        self._connection = connection
        self._key = key
        self._at: dict[str, Any] = {"Bucket": connection.access.bucket, "Key": name}
        self._parts: dict[int, CompletedPartTypeDef] = {}
        self._sizes: dict[int, int] = {}
        with connection.translated(f"object {key} cannot be begun"):
            self._upload = connection.client.create_multipart_upload(**self._at, **_PLAIN)["UploadId"]

    def send(self, number: int, body: Any, size: int) -> None:
        """Upload part `number`, from 1; several threads may send at once."""
        with self._connection.translated(f"part {number} of object {self._key} cannot be written"):
            client = self._connection.client
            answer = client.upload_part(
                **self._at, UploadId=self._upload, PartNumber=number, Body=body, ContentLength=size
            )
        self._parts[number] = {"PartNumber": number, "ETag": answer["ETag"]}
        self._sizes[number] = size

    def complete(self) -> None:
        """Make the object visible."""
        parts = [self._parts[number] for number in sorted(self._parts)]
        try:
            with self._connection.translated(f"object {self._key} cannot be committed"):
                self._connection.client.complete_multipart_upload(
                    **self._at, UploadId=self._upload, MultipartUpload={"Parts": parts}
                )
        except StoreUnavailable:
            raise
        except StoreError:
            # A repeated request whose first answer was lost finds no upload, since the object is there already.
            if not self._is_there():
                raise

    def abort(self) -> None:
        """Drop the parts; what cannot be dropped now is left to the sweep."""
        with contextlib.suppress(StoreError), self._connection.translated("an upload cannot be aborted"):
            self._connection.client.abort_multipart_upload(**self._at, UploadId=self._upload)

    def _is_there(self) -> bool:
        with contextlib.suppress(StoreError), self._connection.translated("an object cannot be seen", key=self._key):
            return self._connection.client.head_object(**self._at)["ContentLength"] == sum(self._sizes.values())
        return False


class S3Writer(OneShotWriter):
    """Gathers a part in a temporary file, so that a hundred slow writers cost no memory, then sends it."""

    def __init__(
        self, key: str, *, connection: S3Connection, name: str, size_hint: int | None, spool: Path | None
    ) -> None:
        super().__init__(key)
        self._connection = connection
        self._name = name
        self._part_size = part_size(size_hint)
        self._part = tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY, dir=None if spool is None else str(spool))  # noqa: SIM115 - lives as long as the writer
        self._held = 0  # bytes in the part
        self._sent = 0  # parts
        self._upload: Multipart | None = None

    def _take(self, chunk: memoryview) -> None:
        while chunk:
            room = self._part_size - self._held
            piece = chunk[:room]
            with self._connection.translated(f"object {self.key} has no room to wait in"):
                self._part.write(piece)
            self._held += len(piece)
            chunk = chunk[room:]
            if self._held == self._part_size:
                self._send()

    def _send(self) -> None:
        if self._upload is None:
            self._upload = Multipart(self._connection, key=self.key, name=self._name)
        self._sent += 1
        self._part.seek(0)
        self._upload.send(self._sent, self._part, self._held)
        self._part.seek(0)
        self._part.truncate()
        self._held = 0

    def _publish(self) -> None:
        if self._upload is None:
            self._part.seek(0)
            put_small(self._connection, key=self.key, name=self._name, body=self._part, size=self._held)
        else:
            if self._held:
                self._send()
            self._upload.complete()
        self._part.close()

    def _discard(self) -> None:
        self._part.close()
        if self._upload is not None:
            self._upload.abort()


def put_small(connection: S3Connection, *, key: str, name: str, body: Any, size: int) -> None:
    """Store an object in one request."""
    with connection.translated(f"object {key} cannot be written"):
        client = connection.client
        client.put_object(Bucket=connection.access.bucket, Key=name, Body=body, ContentLength=size, **_PLAIN)


def put_large(connection: S3Connection, *, key: str, name: str, source: FileRange) -> None:
    """Store an open file, some parts at once, each read straight from it."""
    step = part_size(source.size)
    upload = Multipart(connection, key=key, name=name)

    def send(number: int) -> None:
        part = source.part((number - 1) * step, number * step)
        upload.send(number, part, part.size)

    try:
        with ThreadPoolExecutor(_LANES, thread_name_prefix="s3-put") as lanes:
            _all(lanes, send, count=-(-source.size // step))
        upload.complete()
    except BaseException:
        upload.abort()
        raise


def _all(lanes: ThreadPoolExecutor, send: Callable[[int], None], *, count: int) -> None:
    """Send parts 1 to `count`; the first that fails ends it all."""
    waiting = [lanes.submit(send, number) for number in range(1, count + 1)]
    try:
        for part in waiting:
            part.result()
    except BaseException:
        lanes.shutdown(wait=True, cancel_futures=True)
        raise
