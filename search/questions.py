"""What a question means, the same for every engine: which entries it is about, when typos are forgiven, where a page goes on."""

import base64
import binascii
import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import Enum, auto
from typing import Any

from jobs.errors import HeavyliftError
from search.entries import SHARED
from search.port import Asked, Found
from search.query import Query, Range, Words, forgivable

FEW = 3  # hits; where the exact words give fewer, typos are forgiven
FEW_OF_IDS = 1  # where a word has digits: beside the part that was meant its neighbours are noise
MOST_EDITS = 2
MAX_FACET = 100  # values of a facet that are told, those of most jobs
MAX_CURSOR = 2_000  # characters

_NOT_OURS = "The cursor is not one of this question. Leave it out to begin at the first page."


class MalformedCursor(HeavyliftError):
    """A cursor that is not of this question; code `search.cursor`."""

    code = "search.cursor"


class Scope(Enum):
    """Which entries can be hits."""

    ANY = auto()
    JOBS = auto()  # the jobs' own entries: a question about jobs alone is not answered with each of their rows
    PLACES = auto()


def scope(asked: Asked) -> Scope:
    """Places alone where colors or parts are filtered, jobs alone where nothing is asked of a place."""
    if asked.filters.colors or asked.filters.parts:
        return Scope.PLACES
    of_jobs = all(isinstance(clause, Range) or clause.field in SHARED for clause in asked.query.must)
    return Scope.JOBS if of_jobs else Scope.ANY


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Where a page goes on."""

    forgiven: int  # typos that the pages before forgave
    after: tuple[str | int | float, ...] = ()  # the engine's own: the sort key of the last hit; empty: first page

    def key(self, *types: type[str] | type[int] | type[float]) -> tuple[Any, ...] | None:
        """`after`, whose pieces are of these types, or None on the first page. Raises `MalformedCursor`."""
        fits = [type(piece) for piece in self.after] == list(types)
        if self.after and not fits:
            raise MalformedCursor(_NOT_OURS)
        return self.after or None


def answer(asked: Asked, once: Callable[[Page], Found]) -> Found:
    """Ask an engine by `once`, and once more with typos forgiven where that gave few and now gives more."""
    page = _page(asked)
    if page is None:
        page = Page(forgiven=min(max(asked.edits or 0, 0), MOST_EDITS))
        found = once(page)
        if asked.edits is None and found.total < _few(asked.query):
            loose = once(Page(forgiven=MOST_EDITS))
            if loose.total > found.total:
                return replace(loose, corrected=_forgiven_in(asked.query))
    else:
        found = once(page)
    return replace(found, corrected=_forgiven_in(asked.query)) if page.forgiven else found


def _few(query: Query) -> int:
    """Exact hits that are enough."""
    words = [clause for clause in query.must if isinstance(clause, Words) and forgivable(clause)]
    if not words:
        return 0
    return FEW if all(word.tokens[0].isalpha() for word in words) else FEW_OF_IDS


def following(asked: Asked, page: Page) -> str:
    """`page` as the opaque `Found.following`; it can only be used with the same question."""
    text = json.dumps([_digest(asked), page.forgiven, *page.after], separators=(",", ":"), ensure_ascii=False)
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _page(asked: Asked) -> Page | None:
    if asked.after is None:
        return None
    try:
        text = asked.after[: MAX_CURSOR + 1].encode("ascii")  # cut off, it ends nowhere and is refused
        digest, forgiven, *after = json.loads(base64.urlsafe_b64decode(text + b"=" * (-len(text) % 4)))
        known = digest == _digest(asked) and forgiven in range(MOST_EDITS + 1) and after
    except (ValueError, TypeError, binascii.Error, RecursionError):
        known = False
    if not known or not all(map(_plain, after)):
        raise MalformedCursor(_NOT_OURS)
    return Page(forgiven=forgiven, after=tuple(after))


def _plain(piece: object) -> bool:
    """Whether it can be in a sort key: text, or a number that every engine can count with."""
    if isinstance(piece, float | int):
        return not isinstance(piece, bool) and abs(piece) <= 2**53
    return isinstance(piece, str) and "\0" not in piece


def _digest(asked: Asked) -> str:
    """What tells questions apart; the limit and the facets may change from page to page."""
    filters = replace(asked.filters, ranges=dict(sorted(asked.filters.ranges.items())))
    told = repr((asked.owner, asked.query, filters, asked.sort, asked.edits))
    return hashlib.blake2b(told.encode("utf-8", "backslashreplace"), digest_size=9).hexdigest()


def _forgiven_in(query: Query) -> tuple[str, ...]:
    return tuple(clause.typed for clause in query.must if isinstance(clause, Words) and forgivable(clause))
