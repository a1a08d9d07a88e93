"""One boto3 client for all threads, and the port's words for what S3 and the network answer."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

from storage.disk import NO_ROOM
from storage.port import ObjectMissing, StoreError, StoreFull, StoreUnavailable

if TYPE_CHECKING:
    from botocore.exceptions import ClientError
    from mypy_boto3_s3 import S3Client

Checksums = Literal["when_supported", "when_required"]

_ATTEMPTS = 3  # of one request, with botocore's backoff between them
_POOL = 32  # connections kept; further ones are made and dropped
_FULL = frozenset({"InsufficientStorage", "XMinioStorageFull", "QuotaExceeded", "StorageFull", "EntityTooLarge"})
_ABSENT = frozenset({"NoSuchKey", "NotFound", "404"})
_PASSING = frozenset({"SlowDown", "RequestTimeout", "RequestTimeTooSkewed", "Throttling", "OperationAborted", "429"})


@dataclass(frozen=True, kw_only=True)
class S3Access:
    """Where a bucket is and how it is reached."""

    bucket: str
    endpoint_url: str | None  # None: AWS itself
    region: str
    access_key: str | None  # None: boto3 looks in its usual places
    secret_key: str | None
    checksums: Checksums  # some S3 servers choke on the newer default, `when_supported`
    connect_timeout: float  # seconds, for each attempt
    read_timeout: float  # seconds without a byte, for each attempt
    create_bucket: bool  # make the bucket on first use where it is missing


class S3Connection:
    """The client, made on first use: boto3 takes longer to import than the API may take to start."""

    def __init__(self, access: S3Access) -> None:
        self.access = access
        self._lock = threading.Lock()

    @property
    def client(self) -> "S3Client":
        """The shared client; its methods may be called from any thread."""
        with self._lock:
            return self._client

    @cached_property
    def _client(self) -> "S3Client":
        access = self.access
        client = _new_client(access, attempts=_ATTEMPTS, read_timeout=access.read_timeout)
        if access.create_bucket:
            with self.translated(f"bucket {access.bucket} cannot be made"):
                _make_bucket(client, access)
        return client

    @contextmanager
    def translated(self, what: str, *, key: str | None = None) -> Iterator[None]:
        """Raise the port's errors instead of botocore's, urllib3's and the disk's; `what` could not be done."""
        from boto3.exceptions import Boto3Error
        from botocore.exceptions import BotoCoreError, ClientError, FlexibleChecksumError
        from urllib3.exceptions import HTTPError

        try:
            yield
        except ClientError as error:
            raise self._from_client(error, what, key=key) from error
        except FlexibleChecksumError as error:
            raise StoreError(f"{what}: the bytes are not those that {self._name} keeps a checksum of") from error
        except (BotoCoreError, Boto3Error, HTTPError, ConnectionError, TimeoutError) as error:
            raise StoreUnavailable(f"{what}: {self._name} did not answer: {error}") from error
        except OSError as error:  # of the local file at the other end
            if error.errno not in NO_ROOM:
                raise
            raise StoreFull(f"{what}: {error.strerror} on this machine's disk") from error

    @property
    def _name(self) -> str:
        return f"bucket {self.access.bucket} at {self.access.endpoint_url or 'AWS'}"

    def _from_client(self, error: "ClientError", what: str, *, key: str | None) -> StoreError:
        code = str(error.response.get("Error", {}).get("Code", ""))
        status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
        said = f"{what}: {self._name} said {code} ({status})"
        if code in _FULL or status == 507:
            return StoreFull(f"{said}; make room in the store")
        if code == "NoSuchBucket":
            return StoreUnavailable(f"{said}; make the bucket or correct its name")
        if code in _ABSENT and key is not None:
            return self._absent(key)
        if code == "NoSuchUpload":
            return StoreError(f"{said}: it was swept, or ended before")
        if status >= 500 or code in _PASSING or status in {401, 403}:
            # A wrong key may be put right while we run, and nothing can be said about any object before.
            return StoreUnavailable(said)
        return StoreError(said)

    def _absent(self, key: str) -> StoreError:
        """A bare 404 may speak of the key or of the bucket; nobody may take a lost bucket for lost objects."""
        with self.translated(f"{self._name} cannot be looked at"):
            try:
                self.client.head_bucket(Bucket=self.access.bucket)
            except self.client.exceptions.ClientError as error:
                if error.response.get("ResponseMetadata", {}).get("HTTPStatusCode") == 404:
                    return StoreUnavailable(f"{self._name} is not there; make it or correct its name")
                raise
        return ObjectMissing(f"the store holds no object {key}")


def _new_client(access: S3Access, *, attempts: int, read_timeout: float) -> "S3Client":
    import boto3
    from botocore.config import Config

    style: dict[str, Any] = {"addressing_style": "path" if access.endpoint_url else "auto"}
    config = Config(
        signature_version="s3v4",
        connect_timeout=access.connect_timeout,
        read_timeout=read_timeout,
        retries={"mode": "standard", "total_max_attempts": attempts},
        max_pool_connections=_POOL,
        request_checksum_calculation=access.checksums,
        response_checksum_validation=access.checksums,
        s3=style,  # type: ignore[arg-type]  # the stubs want a literal type that has no name to import
    )
    session = boto3.session.Session(
        aws_access_key_id=access.access_key,
        aws_secret_access_key=access.secret_key,
        region_name=access.region,
    )
    return session.client("s3", endpoint_url=access.endpoint_url, config=config)


def _make_bucket(client: "S3Client", access: S3Access) -> None:
    try:
        client.head_bucket(Bucket=access.bucket)
    except client.exceptions.ClientError as error:
        if error.response.get("ResponseMetadata", {}).get("HTTPStatusCode") != 404:
            raise
    else:
        return
    place: Any = {"LocationConstraint": access.region}
    extra: Any = {} if access.region == "us-east-1" else {"CreateBucketConfiguration": place}
    try:
        client.create_bucket(Bucket=access.bucket, **extra)
    except (client.exceptions.BucketAlreadyOwnedByYou, client.exceptions.BucketAlreadyExists):
        client.head_bucket(Bucket=access.bucket)  # another process was first; is it ours to use?
