"""What a call can end with besides an answer.

ClientError
├── NotReachable          nobody answers at that address; nothing is known about the call
├── StillRunning          `wait` gave up before the job ended; the job goes on
├── CorruptDownload       the bytes that came are not those of the artifact
└── Problem               the server answered with a problem (RFC 9457); carries its `code`
    ├── NotFound          404: no such job or artifact
    ├── WrongState        409: the verb does not fit the job's status
    ├── Rejected          other 4xx: the request or its file is at fault; repeating it is pointless
    └── ServerFault       5xx
        └── ServerUnavailable  503: it passes; `retry_after` says when to come back
"""

from collections.abc import Mapping
from typing import Any


class ClientError(Exception):
    """The root of everything that this package raises on purpose."""


class NotReachable(ClientError):
    """Nobody answers at that address, or the connection broke and repeating did not help."""


class StillRunning(ClientError):
    """The time given to `wait` is over; the job goes on without us."""


class CorruptDownload(ClientError):
    """What arrived does not have the artifact's digest."""


class Problem(ClientError):
    """The server said no."""

    def __init__(self, status: int, body: Mapping[str, Any], *, retry_after: float | None = None) -> None:
        self.status = status
        self.code = str(body.get("code") or f"http.{status}")  # stable: `input.unsupported`
        self.title = str(body.get("title") or "")
        self.detail = str(body.get("detail") or self.title or f"the server answered {status}")
        self.hint: str | None = body.get("hint")
        self.body = dict(body)  # everything the server said: an extension member per fact
        self.retry_after = retry_after  # seconds
        super().__init__(f"{self.detail} ({self.code})")


class NotFound(Problem):
    """There is no such job or artifact for this owner."""


class WrongState(Problem):
    """The verb does not fit the job's status."""


class Rejected(Problem):
    """The request is at fault; repeating it is pointless."""


class ServerFault(Problem):
    """The server is at fault."""


class ServerUnavailable(ServerFault):
    """The server can't answer now and says when to come back."""


def problem_from(status: int, body: Mapping[str, Any], *, retry_after: float | None = None) -> Problem:
    """The exception for an answer of `status`."""
    kinds: dict[int, type[Problem]] = {404: NotFound, 409: WrongState, 503: ServerUnavailable}
    kind = kinds.get(status) or (ServerFault if status >= 500 else Rejected)
    return kind(status, body, retry_after=retry_after)
