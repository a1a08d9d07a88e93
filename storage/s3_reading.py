"""Reading an S3 object as a stream that goes on where a broken connection left it."""

import io
from typing import TYPE_CHECKING, Any

from storage.port import StoreError, StoreUnavailable
from storage.s3_client import S3Connection

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer
    from botocore.response import StreamingBody

_RESUMES = 3  # times that a broken read goes on


class S3Body(io.RawIOBase):
    """Bytes `start` to `end` of an object, which never changes, so that a read can be resumed."""

    def __init__(
        self, connection: S3Connection, *, key: str, name: str, start: int = 0, end: int | None = None
    ) -> None:
        """`name` is the full name in the bucket; `end` None means the whole object, which costs no look first."""
        super().__init__()
        self._connection = connection
        self._key = key
        self._name = name
        self._at = start
        self._resumes = _RESUMES
        self._stream: StreamingBody | None = None
        self._drained = False
        self._end = self._connect(None) if end is None else end

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "WriteableBuffer", /) -> int:
        view = memoryview(buffer)[: self._end - self._at]
        if not view:
            self._drain()
            return 0
        while True:
            try:
                with self._connection.translated(f"object {self._key} cannot be read", key=self._key):
                    return self._read(view)
            except StoreUnavailable:
                if not self._resumes:
                    raise
                self._resumes -= 1
                self._disconnect()

    def close(self) -> None:
        if not self.closed:
            self._disconnect()
        super().close()

    def _read(self, view: memoryview) -> int:
        if self._stream is None:
            self._connect(self._end)
        assert self._stream is not None
        chunk = self._stream.read(len(view))
        if not chunk:
            raise StoreUnavailable(f"object {self._key} broke off at byte {self._at} of {self._end}")
        view[: len(chunk)] = chunk
        self._at += len(chunk)
        return len(chunk)

    def _connect(self, end: int | None) -> int:
        """Ask for the bytes from here to `end` (None: all there are); the byte after the last of them."""
        wanted: dict[str, Any] = {} if end is None else {"Range": f"bytes={self._at}-{end - 1}"}
        with self._connection.translated(f"object {self._key} cannot be opened", key=self._key):
            client = self._connection.client
            answer = client.get_object(Bucket=self._connection.access.bucket, Key=self._name, **wanted)
        self._stream = answer["Body"]
        length = answer["ContentLength"]
        if end is not None and length != end - self._at:
            raise StoreError(f"object {self._key}: the store sends {length} bytes for {end - self._at} asked for")
        return self._at + length

    def _drain(self) -> None:
        """Read past the last byte once: only then botocore compares the checksum that the store sent along."""
        if self._stream is None or self._drained:
            return
        self._drained = True
        with self._connection.translated(f"object {self._key} is damaged"):
            self._stream.read(1)

    def _disconnect(self) -> None:
        if self._stream is not None:
            self._stream.close()
            self._stream = None
