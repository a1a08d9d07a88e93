"""What endpoints reach for: the rooms below, wired once in api/app.py."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, cast

from fastapi import Request

from api.intake import Intake
from api.metrics import Metrics
from api.owners import Owners
from api.recent import RecentJobs
from api.waiting import Hub
from config.settings import Settings
from ledger import Dispatch, Ledger
from search.asking import Asking
from storage.port import ObjectStore


class Waker(Protocol):
    """Sends dispatches after their commit; never blocks, never raises."""

    def wake(self, dispatches: Sequence[Dispatch], /) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Face:
    """One app's rooms."""

    ledger: Ledger
    store: ObjectStore
    publisher: Waker
    search: Asking
    settings: Settings
    owners: Owners
    metrics: Metrics
    recent: RecentJobs
    hub: Hub
    intake: Intake

    def owner_of(self, request: Request) -> str:
        """Whose request it is."""
        return self.owners.owner_of(request)


def face_of(request: Request) -> Face:
    """The rooms of the app that got the request."""
    return cast("Face", request.app.state.face)
