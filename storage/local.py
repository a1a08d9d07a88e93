"""Objects as files in a folder: the embedded default, and good for any disk that all workers share.

`objects/3f/<key>` holds what is visible, `partial/<key>.<random>` what is being written. A key's last two digits
choose the folder, since the first ones of a UUIDv7 are the time.
"""

import contextlib
import errno
import os
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from io import BufferedReader, FileIO
from pathlib import Path
from typing import BinaryIO
from uuid import uuid4

from jobs.ids import is_id
from storage.disk import NO_ROOM, copy_all, open_regular, start_writeback, sync_data, sync_folder
from storage.port import ObjectMissing, StoredObject, StoreError, StoreFull, StoreUnavailable, checked_key
from storage.probing import round_trip
from storage.ranges import FileRange, cut
from storage.writing import OneShotWriter

_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_MISSING = frozenset({errno.ENOENT, errno.ELOOP})  # a link in an object's place is no object
_READ_BUFFER = 256 * 1024
_WRITEBACK_STEP = 8 * 1024 * 1024  # bytes after which the disk is set to work, so that a commit waits for little


class LocalStore:
    """An `ObjectStore` in the folder `root`, which is made on first use."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._objects = root / "objects"
        self._partial = root / "partial"
        self._lock = threading.Lock()
        self._ready = False

    def writer(self, key: str, *, size_hint: int | None = None) -> "LocalWriter":  # noqa: ARG002 - the port's; files grow as they come
        return LocalWriter(key, partial=self._new_partial(key), target=self._file(key))

    def put_file(self, key: str, path: Path, *, move: bool = False) -> None:
        target = self._file(key)
        source = open_regular(path)
        try:
            if move and self._may_keep(source):
                self._move(source, path, key=key)
                return
            with LocalWriter(key, partial=self._new_partial(key), target=target) as writer:
                writer.copy_from(source)
                writer.commit()
        finally:
            os.close(source)
        if move:
            path.unlink(missing_ok=True)

    def open(self, key: str, *, offset: int = 0, length: int | None = None) -> BinaryIO:
        descriptor = self._open(key)
        try:
            start, end = cut(os.fstat(descriptor).st_size, offset=offset, length=length)
        except ValueError:
            os.close(descriptor)
            raise
        found = FileRange(descriptor, start=start, end=end, translate=lambda error: _from_os(error, f"object {key}"))
        return BufferedReader(found, _READ_BUFFER)

    def fetch(self, key: str, path: Path) -> None:
        source = self._open(key)
        try:
            path.unlink(missing_ok=True)
            target = _made(path, key=key)
            try:
                with _translated(f"object {key} cannot be copied to {path}"):
                    copy_all(source, target)
            except BaseException:
                path.unlink(missing_ok=True)
                raise
            finally:
                os.close(target)
        finally:
            os.close(source)

    def size(self, key: str) -> int:
        descriptor = self._open(key)
        try:
            return os.fstat(descriptor).st_size
        finally:
            os.close(descriptor)

    def delete(self, key: str) -> None:
        path = self._file(key)
        with _translated(f"object {key} cannot be deleted"):
            try:
                path.unlink()
            except FileNotFoundError:
                self._require_folder(path.parent)

    def keys(self) -> Iterator[StoredObject]:
        self._prepare()
        for number in range(256):
            folder = self._objects / f"{number:02x}"
            self._require_folder(folder)
            with _translated("the store cannot be listed"):
                found = list(_objects_in(folder))
            yield from found

    def url(self, key: str, *, expires: float, file_name: str, media_type: str, attachment: bool) -> str | None:  # noqa: ARG002 - the port's; files have no links
        checked_key(key)
        return None

    def free_bytes(self) -> int | None:
        self._prepare()
        with _translated("the store's room cannot be told"):
            found = os.statvfs(self._root)
        return found.f_bavail * found.f_frsize

    def probe(self) -> None:
        round_trip(self)

    def sweep_partial(self, *, older_than: float) -> int:
        self._prepare()
        last = time.time() - older_than
        swept = 0
        with _translated("partial objects cannot be swept"), os.scandir(self._partial) as entries:
            for entry in entries:
                # A writer may end between the listing and the look.
                with contextlib.suppress(FileNotFoundError):
                    if entry.stat(follow_symlinks=False).st_mtime <= last:
                        Path(entry.path).unlink()
                        swept += 1
        return swept

    def _file(self, key: str) -> Path:
        """Where the object `key` stands once it is visible; the folder is made ready for it."""
        self._prepare()
        return self._objects / checked_key(key)[-2:] / key

    def _new_partial(self, key: str) -> Path:
        return self._partial / f"{key}.{uuid4().hex}"

    def _open(self, key: str) -> int:
        path = self._file(key)
        try:
            return open_regular(path)
        except OSError as error:
            if error.errno not in _MISSING:
                raise _from_os(error, f"object {key} cannot be opened") from error
        self._require_folder(path.parent)
        raise ObjectMissing(f"the store holds no object {key}")

    def _move(self, source: int, path: Path, *, key: str) -> None:
        """Make the file at `path`, open as `source`, the object itself; both names are looked at again after."""
        partial = self._new_partial(key)
        with _translated(f"{path} cannot be moved to object {key}"):
            path.replace(partial)
        try:
            with _translated(f"{path} cannot be moved to object {key}"):
                _require_same(source, partial)
                os.fchmod(source, 0o600)
                os.utime(source)  # its age is for `sweep_partial` to judge by, not for whoever made the file to say
                sync_data(source)
                _publish(partial, self._file(key))
        except BaseException:
            with contextlib.suppress(OSError):
                partial.replace(path)  # whoever gave it away in vain has it back
            raise

    def _require_folder(self, folder: Path) -> None:
        """Refuse to call an object missing while the disk that held it is away: a sweep would believe it."""
        if not folder.is_dir():
            raise StoreUnavailable(f"the store's folder {folder} is gone; is its disk mounted?")

    def _prepare(self) -> None:
        """Make all folders once, durably, so that a commit has only its own folder to sync."""
        if self._ready:
            return
        with self._lock, _translated(f"the store's folder {self._root} cannot be made"):
            if self._ready:
                return
            for folder in (self._root, self._partial, self._objects):
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            there = {folder.name for folder in self._objects.iterdir()}  # a copied store has those with objects alone
            for name in (f"{number:02x}" for number in range(256)):
                if name not in there:
                    (self._objects / name).mkdir(mode=0o700, exist_ok=True)
            for folder in (self._objects, self._root):
                sync_folder(folder)
            with contextlib.suppress(PermissionError):  # the folder above may be somebody else's
                sync_folder(self._root.parent)
            self._ready = True

    def _may_keep(self, source: int) -> bool:
        """Whether the file can become an object as it is: on our disk, ours alone, under one name."""
        found = os.fstat(source)
        with _translated("the store's folder cannot be looked at"):
            same_disk = found.st_dev == self._partial.stat().st_dev
        return same_disk and found.st_nlink == 1 and found.st_uid == os.geteuid()


class LocalWriter(OneShotWriter):
    """Writes beside the objects and renames into place."""

    def __init__(self, key: str, *, partial: Path, target: Path) -> None:
        super().__init__(key)
        self._partial = partial
        self._target = target
        with _translated(f"object {key} cannot be written"):
            descriptor = os.open(partial, _CREATE, 0o600)
        self._file = FileIO(descriptor, "wb")
        self._written = 0  # bytes
        self._flushing = 0  # bytes of them that are on their way to the disk

    def copy_from(self, source: int) -> None:
        """Append the whole file behind a descriptor, inside the kernel where it can."""
        with _translated(f"object {self.key} cannot be written"):
            copy_all(source, self._file.fileno())

    def _take(self, chunk: memoryview) -> None:
        with _translated(f"object {self.key} cannot be written"):
            while chunk:
                taken = self._file.write(chunk)
                self._written += taken
                chunk = chunk[taken:]
            if self._written - self._flushing >= _WRITEBACK_STEP:
                start_writeback(self._file.fileno(), self._flushing, self._written)
                self._flushing = self._written

    def _publish(self) -> None:
        with _translated(f"object {self.key} cannot be committed"):
            sync_data(self._file.fileno())
            try:
                _publish(self._partial, self._target)
            except FileNotFoundError:
                raise StoreError(
                    f"object {self.key} was swept before its commit, or the store's folder is gone"
                ) from None
        self._file.close()

    def _discard(self) -> None:
        self._file.close()
        with contextlib.suppress(OSError):
            self._partial.unlink(missing_ok=True)


def _made(path: Path, *, key: str) -> int:
    """A new file at `path`, which is the caller's; no room for its name is ours to say."""
    try:
        return os.open(path, _CREATE, 0o600)
    except OSError as error:
        if error.errno in NO_ROOM:
            raise _from_os(error, f"object {key} cannot be copied to {path}") from error
        raise


def _require_same(source: int, path: Path) -> None:
    if not os.path.samestat(os.fstat(source), path.lstat()):
        raise StoreError("the file became another one while it was moved into the store")


def _publish(path: Path, target: Path) -> None:
    path.replace(target)
    sync_folder(target.parent)


def _objects_in(folder: Path) -> Iterator[StoredObject]:
    with os.scandir(folder) as entries:
        for entry in entries:
            if not is_id(entry.name) or not entry.is_file(follow_symlinks=False):
                continue
            with contextlib.suppress(FileNotFoundError):  # deleted meanwhile
                found = entry.stat(follow_symlinks=False)
                modified = datetime.fromtimestamp(found.st_ctime, UTC)  # the rename; nobody can forge it
                yield StoredObject(key=entry.name, size=found.st_size, modified=modified)


@contextlib.contextmanager
def _translated(what: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise _from_os(error, what) from error


def _from_os(error: OSError, what: str) -> StoreError:
    """The port's word for what the operating system said."""
    if error.errno in NO_ROOM:
        return StoreFull(f"{what}: {error.strerror}; make room on the store's disk")
    return StoreUnavailable(f"{what}: {error.strerror}")
