"""Beat's clock in memory: nothing of it hangs on a disk, and a file's age tells whether it still ticks."""

from pathlib import Path
from typing import Any

import structlog
from celery.beat import Scheduler

log = structlog.get_logger(__name__)


class Clock(Scheduler):
    """Celery's plain scheduler; its persistent one ends beat where the disk is full or its file is damaged.

    What it forgets with its process, the slots of the reconciliations remember: the first tick of a slot is the only
    one that runs, and slow reconcilers are asked for every quarter of an hour (beat_schedule.py).
    """

    def __init__(self, app: Any, *, schedule_filename: str, **named: Any) -> None:
        """`schedule_filename` is what Celery calls the file; here it is empty, and shows by its age that beat ticks."""
        self._sign = Path(schedule_filename)
        self._signed = True  # so that one line, not one each second, says that it can't be done
        super().__init__(app, **named)

    def tick(self, *given: Any, **named: Any) -> float:
        """Do what is due; returns the seconds to sleep, 30 at most."""
        self._show()
        return super().tick(*given, **named)

    def _show(self) -> None:
        """Show that the clock ticks; a disk that can't take that must not stop it."""
        try:
            self._sign.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._sign.touch(mode=0o600)
        except OSError as error:
            if self._signed:
                log.warning("beat.sign_of_life_not_written", reason=str(error))
            self._signed = False
        else:
            self._signed = True
