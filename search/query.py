"""What people type into a search box, taken apart: words, "phrases", -not, prefix*, field:value and ranges."""

from dataclasses import dataclass

from jobs.errors import HeavyliftError

FIELDS = ("name", "title", "text", "part", "color", "tag", "kind", "pipeline", "status", "id", "sha256")


class MalformedQuery(HeavyliftError):
    """A query that can't be taken apart; code `search.query`, with the position and the cure in the message."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """Tokens that must stand there one after the other; a single one is a word. Typos are forgiven in single ones only."""

    tokens: tuple[str, ...]  # as `analysis.tokens` makes them
    field: str | None = None  # one of `FIELDS`; None: anywhere
    prefix: bool = False  # the last token may go on
    typed: str = ""  # as the person wrote it


@dataclass(frozen=True, slots=True, kw_only=True)
class Range:
    """A number of the job within bounds, both inclusive: `pieces:100..500`, `triangles:>1000`, `pages:3`."""

    field: str  # one of `port.NUMBERS`
    least: float | None = None
    most: float | None = None


Clause = Words | Range


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """All of `must`, and none of `never`. Empty: everything, as filters narrow it down."""

    must: tuple[Clause, ...] = ()
    never: tuple[Clause, ...] = ()
