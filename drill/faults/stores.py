"""Faults of what steps write to: the object store and the search index error, and there is no room left."""

import ctypes
import os
from abc import abstractmethod
from pathlib import Path
from typing import ClassVar

from drill.disk import CannotFill
from drill.faults.base import CannotInject, Fault
from drill.stage import Stage

_FRESH = 1.0  # seconds that a job may wait to be heard of by an index that is well
_AT_FDCWD, _RENAME_EXCHANGE = -100, 2


class _PutOff(Fault):
    """Steps are put off while it lasts, and go on afterwards."""

    over = (
        "the store was well again, what was put off was claimed again, and a job that waited to be accepted was claimed"
    )
    hold = (2.5, 4.0)
    seconds = 11.0
    pool: ClassVar[str] = "parsing"

    def inject(self, stage: Stage) -> None:
        stage.caught(self.pool)  # so that a step finds no store when it wants to save
        self.break_store(stage)
        self.mark()
        self.late = [stage.traffic.plain()]

    @abstractmethod
    def break_store(self, stage: Stage) -> None:
        """How it goes away."""

    @abstractmethod
    def mend_store(self, stage: Stage) -> None:
        """How it comes back."""

    def lift(self, stage: Stage) -> None:
        self.mend_store(stage)
        self.mark()
        self.put_off = stage.sure(stage.look.put_off)
        self.note = f"{len(self.put_off)} step runs were put off"

    def is_over(self, stage: Stage) -> bool:
        accepted = all(job.done() for job in self.late)
        ids = {job_id for job in self.late if job.done() and (job_id := job.result()) is not None}
        return accepted and not stage.look.unclaimed(ids) and stage.look.have_moved(self.put_off)


class StoreErrors(_PutOff):
    """The store's folder turns into a plain file, so that every call fails, and back."""

    name = "store-errors"

    def break_store(self, stage: Stage) -> None:
        self.decoy = stage.platform.store_path.with_name("decoy")
        self.decoy.touch()
        exchange(stage.platform.store_path, self.decoy)

    def mend_store(self, stage: Stage) -> None:
        exchange(stage.platform.store_path, self.decoy)


class FullDisk(_PutOff):
    """The disk of store, scratch and SQLite has no room: uploads are refused with 507, and clients come again."""

    name = "full-disk"

    def break_store(self, stage: Stage) -> None:
        try:
            stage.platform.disk.fill()
        except CannotFill as error:
            raise CannotInject(str(error)) from error
        stage.platform.disk_full.open()

    def mend_store(self, stage: Stage) -> None:
        stage.platform.disk.empty()
        stage.platform.disk_full.close()


class SearchEngine(_PutOff):
    """The index's folder turns into a plain file under the indexing worker, and back; jobs wait and catch up."""

    name = "search-engine"
    over = "the index was well again, what was put off was claimed again, and it had heard of every job"
    hold = (4.0, 7.0)
    pool = "indexing"

    def inject(self, stage: Stage) -> None:
        super().inject(stage)
        self.late += [stage.traffic.plain() for _ in range(4)]

    def break_store(self, stage: Stage) -> None:
        if stage.platform.database is not None:
            raise CannotInject("the index lives in the database here: stop-database is its fault")
        self.decoy = stage.platform.index_path.with_name("no-index")
        self.decoy.touch()
        stage.platform.index_path.mkdir(exist_ok=True)
        exchange(stage.platform.index_path, self.decoy)

    def mend_store(self, stage: Stage) -> None:
        exchange(stage.platform.index_path, self.decoy)

    def is_over(self, stage: Stage) -> bool:
        return super().is_over(stage) and stage.look.ledger.search_lag().seconds < _FRESH


def exchange(one: Path, other: Path) -> None:
    """Let two names change places, atomically; `CannotInject` where this system has no such call."""
    try:
        rename = ctypes.CDLL(None, use_errno=True).renameat2
    except AttributeError as error:
        raise CannotInject("this C library has no renameat2") from error
    names = (os.fsencode(one), os.fsencode(other))
    if rename(_AT_FDCWD, names[0], _AT_FDCWD, names[1], _RENAME_EXCHANGE) != 0:
        raise CannotInject(f"names can't be exchanged here: {os.strerror(ctypes.get_errno())}")


FAULTS = (StoreErrors, FullDisk, SearchEngine)
