"""Bytes: the object store port and its twins, in a folder, in S3 and in memory."""

from pathlib import Path
from typing import cast, get_args

from jobs.errors import ConfigurationError
from storage.local import LocalStore
from storage.memory import MemoryStore
from storage.port import ObjectStore
from storage.s3 import S3Store
from storage.s3_client import Checksums

__all__ = ["open_store"]


def open_store(
    *,
    kind: str,
    path: Path | None = None,
    bucket: str = "",
    prefix: str = "",
    endpoint_url: str | None = None,
    region: str = "us-east-1",
    access_key: str | None = None,
    secret_key: str | None = None,
    checksums: str = "when_supported",
    create_bucket: bool = False,
) -> ObjectStore:
    """The store that settings describe; nothing is connected to yet, so a store that is away shows on first use.

    `path` is the folder of a local store; for S3 the folder where parts wait to be sent (None: the system's).
    """
    if kind == "memory":
        return MemoryStore()
    if kind == "local":
        if path is None:
            raise ConfigurationError("a local store needs a folder: set HEAVYLIFT_STORE_PATH")
        return LocalStore(_below(path, prefix))
    if kind != "s3":
        raise ConfigurationError(f"unknown kind of store {kind!r}; HEAVYLIFT_STORE_KIND is one of local, s3")
    if not bucket:
        raise ConfigurationError("an S3 store needs a bucket: set HEAVYLIFT_STORE_BUCKET")
    if checksums not in get_args(Checksums):
        known = ", ".join(get_args(Checksums))
        raise ConfigurationError(f"unknown checksums {checksums!r}; HEAVYLIFT_STORE_CHECKSUMS is one of {known}")
    return S3Store(
        bucket,
        prefix=prefix,
        endpoint_url=endpoint_url,
        region=region,
        access_key=access_key,
        secret_key=secret_key,
        checksums=cast("Checksums", checksums),
        create_bucket=create_bucket,
        spool=path,
    )


def _below(path: Path, prefix: str) -> Path:
    """The folder of a prefix; one that would climb out is refused."""
    parts = [part for part in prefix.split("/") if part]
    if ".." in parts:
        raise ConfigurationError(f"HEAVYLIFT_STORE_PREFIX {prefix!r} must not climb out of the store's folder")
    return path.joinpath(*parts)
