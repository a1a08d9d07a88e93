"""Where a merged answer goes on: in the index, with the jobs shown that it had yet to hear of; or in the ledger."""

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from jobs.ids import is_id
from search.questions import MAX_CURSOR, MalformedCursor

_FRESH, _LEDGER = "f", "l"
_MOST = 64  # jobs that were shown
_NOT_OURS = "The cursor is not one of this question. Leave it out to begin at the first page."


@dataclass(frozen=True, slots=True, kw_only=True)
class Cursor:
    """Written as the engine's own where that tells all, `f.<ids>.<engine's>` or `l.<id>`. Ids are no secrets in it."""

    after: str | None = None  # the engine's
    shown: tuple[str, ...] = ()  # jobs from the ledger, on the first page
    behind: str | None = None  # the job that an answer from the ledger alone ended with

    @property
    def text(self) -> str | None:
        """As callers give it back; None where there is no more."""
        if self.behind is not None:
            return f"{_LEDGER}.{self.behind}"
        return f"{_FRESH}.{_packed(self.shown)}.{self.after or ''}" if self.shown else self.after

    @classmethod
    def read(cls, text: str | None) -> "Cursor":
        """The inverse of `text`; None is the first page. Raises `MalformedCursor`; the engine looks at its own part."""
        if text is None or "." not in text:
            return cls(after=text)
        kind, _dot, rest = text[: 2 * MAX_CURSOR + 100].partition(".")
        if kind == _LEDGER and is_id(rest):
            return cls(behind=rest)
        ids, dot, after = rest.partition(".")
        if kind != _FRESH or not dot or "." in after:
            raise MalformedCursor(_NOT_OURS)
        return cls(after=after or None, shown=_unpacked(ids))


def _packed(ids: Sequence[str]) -> str:
    return base64.urlsafe_b64encode(b"".join(UUID(one).bytes for one in ids)).decode().rstrip("=")


def _unpacked(text: str) -> tuple[str, ...]:
    try:
        found = base64.b64decode(text.encode("ascii") + b"=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (ValueError, binascii.Error):
        found = b""
    if not found or len(found) % 16 or len(found) > 16 * _MOST:
        raise MalformedCursor(_NOT_OURS)
    return tuple(str(UUID(bytes=found[at : at + 16])) for at in range(0, len(found), 16))
