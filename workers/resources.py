"""Reference data for steps: the catalog that is in force, kept as a file on this host, and what the job's owner said."""

import contextlib
import errno
import fcntl
import functools
import hashlib
import json
import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import structlog

from jobs.errors import StepError
from jobs.ids import new_id
from jobs.model import Job
from ledger import CatalogVersion, Ledger
from ledger.errors import LedgerUnavailable
from storage.disk import NO_ROOM
from storage.port import ObjectMissing, ObjectStore, StoreFull

log = structlog.get_logger(__name__)
_TRUSTED = 3600.0  # seconds after which a file's hash is looked at again
_PATIENCE = 5.0  # seconds for another worker to bring a file; who has stopped by then is not waited for
_LOOK_EVERY = 0.02  # seconds, meanwhile
_UNUSED = 3600.0  # seconds after which a file that no step was given, and that is not in force, may go


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """The catalog that is in force until one is imported."""

    name: str  # of its file: changes with what it holds
    make: Callable[[Path], object]  # compiles it into that file


@dataclass(frozen=True, slots=True, kw_only=True)
class _Checked:
    """What a file looked like when its bytes were compared."""

    looks: tuple[int, int, int]  # inode, size, time of the last change
    at: float  # monotonic


class CatalogKeeper:
    """Provides the catalog in force as a local file. Thread-safe; several workers may share the folder.

    A file is fetched under another name, compared with the ledger's size and hash, and moved into place; one that was
    damaged since is noticed and fetched again. Steps open it read-only, and the sandbox lets them do nothing else.
    """

    def __init__(self, ledger: Ledger, store: ObjectStore, *, folder: Path, sample: Callable[[], Sample]) -> None:
        self._ledger = ledger
        self._store = store
        self._folder = folder
        self._sample = functools.cache(sample)
        self._lock = threading.Lock()
        self._known: CatalogVersion | None = None
        self._asked = False  # the ledger has answered once
        self._checked: dict[str, _Checked] = {}

    def __call__(self, _job: Job, _folder: Path) -> Path:
        """The file, ready to be read.

        Raises `StoreUnavailable`, `StoreFull` (also where this host's own disk is) and `LedgerUnavailable`, by which the
        step is put off, and `StepError` where the store no longer has the catalog.
        """
        with self._lock:
            version = self._in_force()
            name = f"{version.job_id}.sqlite" if version else f"{self._sample().name}.sqlite"
            path = self._folder / name
            with no_room_told():
                if not self._is_good(path):
                    self._renew(path, version)
                # Its last use, for `_sweep` of whatever worker; the time of its last change stays.
                os.utime(path, ns=(time.time_ns(), path.stat().st_mtime_ns))
            return path

    def _in_force(self) -> CatalogVersion | None:
        """Which version; while the ledger is away, the one that was.

        Asked for each step: who imports a catalog and then submits a list expects it to be read by that catalog.
        """
        try:
            self._known, self._asked = self._ledger.active_catalog(), True
        except LedgerUnavailable:
            if not self._asked:
                raise  # nothing is known yet
        return self._known

    def _is_good(self, path: Path) -> bool:
        """Whether the file is there as it was when its bytes were compared, not too long ago."""
        checked = self._checked.get(path.name)
        return checked is not None and time.monotonic() - checked.at < _TRUSTED and _looks(path) == checked.looks

    def _renew(self, path: Path, version: CatalogVersion | None) -> None:
        """Compare the file's bytes, or bring them; one worker of this host at a time, to spare them the work."""
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with _one_at_a_time(self._folder / ".lock"):
            if version is None or not _matches(path, version):
                if path.exists() and version is not None:
                    log.warning("catalog.damaged", version=version.job_id)
                self._bring(path, version)
            self._checked = {path.name: _Checked(looks=_looks(path) or (0, 0, 0), at=time.monotonic())}
            self._sweep(path)

    def _bring(self, path: Path, version: CatalogVersion | None) -> None:
        part = self._folder / f".{path.name}.{new_id()}.part"
        try:
            if version is None:
                self._sample().make(part)
            else:
                self._fetch(part, version)
            part.chmod(0o444)
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)

    def _fetch(self, part: Path, version: CatalogVersion) -> None:
        try:
            self._store.fetch(version.key, part)
        except ObjectMissing:
            raise _gone(version, "are not in the store") from None
        if not _matches(part, version):
            raise _gone(version, "in the store are not those that were compiled")
        log.info("catalog.fetched", version=version.job_id, bytes=version.size)

    def _sweep(self, current: Path) -> None:
        """Remove what no step was given for a while: other versions, and halves that killed workers left."""
        oldest = time.time() - _UNUSED
        for path in self._folder.iterdir():
            with contextlib.suppress(FileNotFoundError):  # another worker was quicker
                if path not in {current, self._folder / ".lock"} and path.stat().st_atime < oldest:
                    path.unlink()


class OwnersWord:
    """Provides `reading`: the owner's corrections and column mappings, and the operator's Studio password, as JSON."""

    def __init__(self, ledger: Ledger, *, studio_password: str | None) -> None:
        self._ledger = ledger
        self._studio_password = studio_password

    def __call__(self, job: Job, folder: Path) -> Path:
        """A file of this attempt. Raises `LedgerUnavailable` and `StoreFull`, by which the step is put off."""
        said, mappings = self._ledger.said_by(job.owner)
        path = folder / "reading.json"
        with no_room_told():
            path.touch(mode=0o600)
            path.write_text(
                json.dumps({"corrections": said, "mappings": mappings, "studio_password": self._studio_password})
            )
        return path


def sample() -> Sample:
    """The one that is part of this release."""
    from catalog.compile import compile_catalog
    from catalog.sample import FOLDER, sample_version
    from catalog.schema import FORMAT

    version = sample_version()

    def make(path: Path) -> None:
        try:
            compile_catalog(FOLDER, path, version=version)
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode == sqlite3.SQLITE_FULL:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path)) from error
            raise

    return Sample(name=f"{version}-f{FORMAT}", make=make)


def _looks(path: Path) -> tuple[int, int, int] | None:
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns


def _matches(path: Path, version: CatalogVersion) -> bool:
    try:
        if path.stat().st_size != version.size:
            return False
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest() == version.sha256
    except FileNotFoundError:
        return False


@contextmanager
def _one_at_a_time(path: Path) -> Iterator[None]:
    """One process of this host, and the next as well once that takes long: it may be stopped, and its lock with it.

    Nothing depends on being alone: a file takes its place whole, whoever brings it.
    """
    until = time.monotonic() + _PATIENCE
    with path.open("a") as file:
        while time.monotonic() < until:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                time.sleep(_LOOK_EVERY)
        yield


@contextmanager
def no_room_told() -> Iterator[None]:
    """A disk without room puts the step off, as a store without room does."""
    try:
        yield
    except OSError as error:
        if error.errno in NO_ROOM:
            raise StoreFull(f"no room on this worker's disk: {error.strerror}") from error
        raise


def _gone(version: CatalogVersion, what: str) -> StepError:
    return StepError(
        "catalog.missing",
        f"The bytes of catalog {version.job_id} {what}.",
        hint="Operators: import a catalog again (`heavylift catalog import`), or restore the object; then replay.",
    )
