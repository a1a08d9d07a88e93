"""Path and query fields that every list or lookup shares, refused early where no row could match."""

from typing import Annotated

from fastapi import Query
from pydantic import AfterValidator

from jobs.errors import HeavyliftError
from jobs.ids import is_id
from ledger.errors import JobNotFound


def checked_id(found: str, *, missing: type[HeavyliftError] = JobNotFound) -> str:
    """`found` itself; what cannot be an id of ours is `missing` without asking the database."""
    if not is_id(found):
        raise missing(found)
    return found


def _no_nul(value: str | None) -> str | None:
    if value is not None and "\0" in value:
        raise ValueError("must not contain NUL characters")
    return value


def _is_cursor(value: str | None) -> str | None:
    if value is not None and not is_id(value):
        raise ValueError("must be a next_cursor from the page before")
    return value


Text = Annotated[str | None, Query(max_length=200), AfterValidator(_no_nul)]
Limit = Annotated[int, Query(ge=1, le=200, description="Most items in one page.")]
Cursor = Annotated[str | None, Query(description="`next_cursor` of the page before."), AfterValidator(_is_cursor)]
