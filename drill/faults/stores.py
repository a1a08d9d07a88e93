"""Faults of the object store: it errors, and it has no room left."""

import ctypes
import os
from abc import abstractmethod
from pathlib import Path

from drill.disk import CannotFill
from drill.faults.base import CannotInject, Fault
from drill.stage import Stage

_AT_FDCWD, _RENAME_EXCHANGE = -100, 2


class _PutOff(Fault):
    """Steps are put off while it lasts, and go on afterwards."""

    over = (
        "the store was well again, what was put off was claimed again, and a job that waited to be accepted was claimed"
    )
    hold = (2.5, 4.0)
    seconds = 11.0

    def inject(self, stage: Stage) -> None:
        stage.caught("parsing")  # so that a step finds no store when it wants to save
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


def exchange(one: Path, other: Path) -> None:
    """Let two names change places, atomically; `CannotInject` where this system has no such call."""
    try:
        rename = ctypes.CDLL(None, use_errno=True).renameat2
    except AttributeError as error:
        raise CannotInject("this C library has no renameat2") from error
    names = (os.fsencode(one), os.fsencode(other))
    if rename(_AT_FDCWD, names[0], _AT_FDCWD, names[1], _RENAME_EXCHANGE) != 0:
        raise CannotInject(f"names can't be exchanged here: {os.strerror(ctypes.get_errno())}")


FAULTS = (StoreErrors, FullDisk)
