"""Faults of the object store: it errors, and it has no room left."""

import ctypes
import os
from pathlib import Path

from drill.disk import CannotFill
from drill.faults.base import CannotInject, Fault
from drill.stage import Stage

_AT_FDCWD, _RENAME_EXCHANGE = -100, 2


class _PutOff(Fault):
    """Steps are put off while it lasts, and go on afterwards."""

    over = "the store was well again and each step run that was put off was claimed again"
    hold = (2.5, 4.0)
    seconds = 11.0
    code = ""  # of the fault that such step runs show

    def is_over(self, stage: Stage) -> bool:
        return stage.look.have_moved(self.put_off)

    def note_put_off(self, stage: Stage) -> None:
        """Remember who waits; recovery is counted from now."""
        self.mark()
        self.put_off = stage.look.put_off(self.code)
        self.note = f"{len(self.put_off)} step runs were put off"


class StoreErrors(_PutOff):
    """The store's folder turns into a plain file, so that every call fails, and back."""

    name = "store-errors"
    code = "store.unavailable"

    def inject(self, stage: Stage) -> None:
        self.decoy = stage.platform.store_path.with_name("decoy")
        self.decoy.touch()
        stage.caught("parsing")  # so that a step finds its store away when it wants to save
        exchange(stage.platform.store_path, self.decoy)
        self.mark()

    def lift(self, stage: Stage) -> None:
        exchange(stage.platform.store_path, self.decoy)
        self.note_put_off(stage)


class FullDisk(_PutOff):
    """The store's disk has no room: uploads are refused with 507, and clients come again."""

    name = "full-disk"
    code = "store.full"

    def inject(self, stage: Stage) -> None:
        stage.caught("parsing")
        try:
            stage.platform.disk.fill()
        except CannotFill as error:
            raise CannotInject(str(error)) from error
        stage.platform.disk_full.open()
        self.mark()

    def lift(self, stage: Stage) -> None:
        stage.platform.disk.empty()
        stage.platform.disk_full.close()
        self.note_put_off(stage)


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
