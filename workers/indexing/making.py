"""Places of a job, made from its artifacts: whoever ran its indexing steps has left that to us, or has died before it told."""

import threading
from collections.abc import Sequence
from typing import Protocol

import structlog

from jobs.context import Place
from jobs.errors import Cancelled, HeavyliftError
from jobs.model import Job, Status
from jobs.queues import INDEXING
from ledger import Ledger
from workers.away import AWAY
from workers.indexing.line import Places
from workers.indexing.owed import Owed

log = structlog.get_logger(__name__)


class PlacesOf(Protocol):
    """What a step makes findable; ends with `Cancelled` where `stop` is set."""

    def __call__(self, job: Job, name: str, *, stop: threading.Event) -> Sequence[Place]: ...


class NotNow(Exception):
    """The places can't be made now: try again later."""


class Away(NotNow):
    """Nor can those of other jobs: store or ledger are away, or full."""


class Maker:
    """Makes the places of one job after the other."""

    def __init__(self, ledger: Ledger, places_of: PlacesOf | None, owed: Owed) -> None:
        """Without `places_of` nothing can be made: an `index` run has to."""
        self._ledger, self._places_of, self._owed = ledger, places_of, owed

    def make(self, job_id: str, *, stop: threading.Event) -> Places | None:
        """All places of the job; None where there are none to make, or not yet, or never: then nothing is owed any more.

        Raises `NotNow`.
        """
        job = self._ledger.find(job_id) if self._places_of is not None else None
        if job is None or self._places_of is None:
            self._owed.drop(job_id)
            return None
        steps = [step.name for step in job.steps if step.queue == INDEXING.name and step.status is Status.SUCCEEDED]
        if not steps:
            if job.status.ended:
                self._owed.drop(job_id)
            return None
        try:
            return tuple(place for name in steps for place in self._places_of(job, name, stop=stop))
        except AWAY as error:
            raise Away(str(error)) from error
        except (Cancelled, OSError) as error:  # a full disk, too many open files
            raise NotNow(f"{type(error).__name__}: {error}") from error
        except HeavyliftError as error:
            log.warning("index.no_places", job_id=job_id, reason=str(error))  # an `index` run tells of it
            self._owed.drop(job_id)
            return None
