"""Objects in an S3 bucket: for a deployment of many machines. Uses nothing that small S3 servers get wrong.

That is: no conditional request, no range past an object's end, no suffix range, and listings are filtered again here.
"""

import time
from collections.abc import Iterator
from io import BufferedReader
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from jobs.ids import is_id
from storage.disk import open_regular
from storage.links import disposition
from storage.port import ObjectMissing, ObjectWriter, StoredObject, StoreUnavailable, checked_key
from storage.probing import round_trip
from storage.ranges import FileRange, cut
from storage.s3_client import Checksums, S3Access, S3Connection
from storage.s3_reading import S3Body
from storage.s3_writing import PART, S3Writer, put_large, put_small

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_READ_BUFFER = 256 * 1024
_LONGEST_LINK = 7 * 24 * 3600  # seconds; signature version 4 allows no more


class S3Store:
    """An `ObjectStore` in a bucket, below `prefix/`."""

    def __init__(
        self,
        bucket: str,
        *,
        prefix: str = "",
        endpoint_url: str | None = None,
        region: str = "us-east-1",
        access_key: str | None = None,
        secret_key: str | None = None,
        checksums: Checksums = "when_supported",
        create_bucket: bool = False,
        spool: Path | None = None,
        connect_timeout: float = 3.0,
        read_timeout: float = 30.0,
        page: int = 1000,
    ) -> None:
        """`spool` is the folder where parts wait to be sent (None: the system's), `page` the objects listed at a time.

        Timeouts are seconds of each attempt to connect, and of silence in each.
        """
        self._prefix = f"{prefix.strip('/')}/" if prefix.strip("/") else ""
        self._bucket = bucket
        self._spool = spool
        self._page = page
        self._connection = S3Connection(
            S3Access(
                bucket=bucket,
                endpoint_url=endpoint_url,
                region=region,
                access_key=access_key,
                secret_key=secret_key,
                checksums=checksums,
                connect_timeout=connect_timeout,
                read_timeout=read_timeout,
                create_bucket=create_bucket,
            )
        )

    def writer(self, key: str, *, size_hint: int | None = None) -> ObjectWriter:
        """The port's; every 16 MiB one `write` takes as long as sending them does."""
        name = self._name(key)
        if self._spool is not None:
            _make_folder(self._spool)
        return S3Writer(key, connection=self._connection, name=name, size_hint=size_hint, spool=self._spool)

    def put_file(self, key: str, path: Path, *, move: bool = False) -> None:
        name = self._name(key)
        with FileRange.of(open_regular(path)) as source:
            if source.size > PART:
                put_large(self._connection, key=key, name=name, source=source)
            else:
                put_small(self._connection, key=key, name=name, body=source, size=source.size)
        if move:
            path.unlink(missing_ok=True)

    def open(self, key: str, *, offset: int = 0, length: int | None = None) -> BinaryIO:
        name = self._name(key)
        if offset == 0 and length is None:
            body = S3Body(self._connection, key=key, name=name)
        else:
            start, end = cut(self.size(key), offset=offset, length=length)
            body = S3Body(self._connection, key=key, name=name, start=start, end=end)
        return BufferedReader(body, _READ_BUFFER)

    def fetch(self, key: str, path: Path) -> None:
        from boto3.s3.transfer import TransferConfig

        name = self._name(key)
        path.unlink(missing_ok=True)
        ways = TransferConfig(multipart_threshold=2 * PART, multipart_chunksize=PART, max_concurrency=4)
        with self._connection.translated(f"object {key} cannot be fetched", key=key):
            self._client.download_file(self._bucket, name, str(path), Config=ways)

    def size(self, key: str) -> int:
        name = self._name(key)
        with self._connection.translated(f"object {key} cannot be looked at", key=key):
            return self._client.head_object(Bucket=self._bucket, Key=name)["ContentLength"]

    def delete(self, key: str) -> None:
        name = self._name(key)
        try:
            with self._connection.translated(f"object {key} cannot be deleted", key=key):
                self._client.delete_object(Bucket=self._bucket, Key=name)
        except ObjectMissing:
            return  # some servers say so

    def keys(self) -> Iterator[StoredObject]:
        with self._connection.translated("the store cannot be listed"):
            pages = self._client.get_paginator("list_objects_v2").paginate(
                Bucket=self._bucket,
                Prefix=self._prefix,
                Delimiter="/",
                PaginationConfig={"PageSize": self._page},
            )
            for page in pages:
                for found in page.get("Contents", []):
                    key = found["Key"].removeprefix(self._prefix)
                    if is_id(key):
                        yield StoredObject(key=key, size=found["Size"], modified=found["LastModified"])

    def url(self, key: str, *, expires: float, file_name: str, media_type: str, attachment: bool) -> str | None:
        wishes = {
            "Bucket": self._bucket,
            "Key": self._name(key),
            "ResponseContentType": media_type,
            "ResponseContentDisposition": disposition(file_name, attachment=attachment),
        }
        seconds = int(min(max(1, expires), _LONGEST_LINK))
        with self._connection.translated(f"object {key} cannot be linked to"):
            return self._client.generate_presigned_url("get_object", Params=wishes, ExpiresIn=seconds)

    def free_bytes(self) -> int | None:
        return None

    def probe(self) -> None:
        round_trip(self)

    def sweep_partial(self, *, older_than: float) -> int:
        last = time.time() - older_than
        swept = 0
        with self._connection.translated("partial objects cannot be swept"):
            pages = self._client.get_paginator("list_multipart_uploads").paginate(
                Bucket=self._bucket, Prefix=self._prefix
            )
            for page in pages:
                for upload in page.get("Uploads", []):
                    name = upload["Key"]
                    ours = name.startswith(self._prefix) and is_id(name.removeprefix(self._prefix))
                    if ours and upload["Initiated"].timestamp() <= last:
                        swept += self._drop(name, upload["UploadId"])
        return swept

    @property
    def _client(self) -> "S3Client":
        return self._connection.client

    def _name(self, key: str) -> str:
        return self._prefix + checked_key(key)

    def _drop(self, name: str, upload: str) -> bool:
        """Whether there was such an upload to abort; its writer may have ended it meanwhile."""
        try:
            self._client.abort_multipart_upload(Bucket=self._bucket, Key=name, UploadId=upload)
        except self._client.exceptions.NoSuchUpload:
            return False
        return True


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise StoreUnavailable(f"the folder {folder}, where parts wait, cannot be made: {error.strerror}") from error
