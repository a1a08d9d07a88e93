"""A question as it comes in the query string: read, checked and described; each mistake names its field."""

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

from starlette.datastructures import QueryParams

from api.problems import malformed
from search.analysis import clean
from search.port import FACETS, Asked, Filters, Sort
from search.query import MAX_QUERY, NUMBERS, parse

MOST, USUAL = 100, 20  # hits of a page
MAX_TEXT = 200  # characters of what is completed
_MAX_VALUES, _MAX_VALUE = 50, 200  # of one filter, and characters of each
_LISTS = {
    "kind": "Only files of this kind, as `bricklink-xml` or `pdf`.",
    "pipeline": "Only jobs of this pipeline.",
    "status": "Only jobs that stand here.",
    "tag": "Only jobs that have all these tags.",
    "part": "Only places of this part id.",
    "color": "Only places in this color, by its name. Not parted at commas.",
    "facet": f"Count the jobs found by these: {', '.join(FACETS)}.",
}
_NO_FILTERS = frozenset({"q", "facet", "sort", "limit", "cursor"})
_ANY = Filters()
_MAY_REPEAT = " May repeat, or hold commas."


def asked_in(params: QueryParams, *, owner: str) -> Asked:
    """The question of `GET /v1/search`. Raises `Problem`, `MalformedQuery`."""
    query, filters = parse(params.get("q", "")), _filters(params)
    if not query.must and not query.never and filters == _ANY:
        raise malformed("say what to look for, or narrow down by a filter such as kind or tag", field="q")
    facets = _values(params, "facet")
    if unknown := set(facets) - set(FACETS):
        raise malformed(f"{min(unknown)!r} is none of {', '.join(FACETS)}", field="facet")
    return Asked(
        owner=owner,
        query=query,
        filters=filters,
        facets=tuple(dict.fromkeys(facets)),
        sort=_sort(params),
        limit=limit_in(params, usual=USUAL, most=MOST),
        after=params.get("cursor") or None,
    )


def limit_in(params: QueryParams, *, usual: int, most: int) -> int:
    """How many at most."""
    text = params.get("limit", str(usual))
    if not (text.isascii() and text.isdigit() and len(text) < 10 and 1 <= int(text) <= most):
        raise malformed(f"must be a whole number from 1 to {most}", field="limit")
    return int(text)


def text_in(params: QueryParams) -> str:
    """What is to be completed."""
    text = params.get("q", "")
    if len(text) > MAX_TEXT:
        raise malformed(f"must have {MAX_TEXT} characters at most", field="q")
    return clean(text)


def _filters(params: QueryParams) -> Filters:
    if _NO_FILTERS.issuperset(params):  # as most questions; to look for each filter would take as long as all the rest
        return _ANY
    made = Filters(
        kinds=_values(params, "kind"),
        pipelines=_values(params, "pipeline"),
        statuses=_values(params, "status"),
        tags=_values(params, "tag"),
        parts=_values(params, "part"),
        colors=_values(params, "color", comma=False),
        created_from=_moment(params, "created_from"),
        created_to=_moment(params, "created_to"),
        ranges=_ranges(params),
    )
    if made.created_from and made.created_to and made.created_from >= made.created_to:
        raise malformed("must be later than created_from", field="created_to")
    return made


def _values(params: QueryParams, name: str, *, comma: bool = True) -> tuple[str, ...]:
    given = params.getlist(name)
    found = [piece.strip() for text in given for piece in (text.split(",") if comma else [text])]
    values = tuple(clean(one) for one in found if one)
    if len(values) > _MAX_VALUES or any(len(one) > _MAX_VALUE for one in values):
        raise malformed(f"must be {_MAX_VALUES} values of {_MAX_VALUE} characters at most", field=name)
    return values


def _ranges(params: QueryParams) -> Mapping[str, tuple[float | None, float | None]]:
    found: dict[str, tuple[float | None, float | None]] = {}
    for name in NUMBERS:
        least, most = _number(params, f"{name}_min"), _number(params, f"{name}_max")
        if least is not None and most is not None and least > most:
            raise malformed(f"must not be less than {name}_min", field=f"{name}_max")
        if least is not None or most is not None:
            found[name] = (least, most)
    return MappingProxyType(found)


def _number(params: QueryParams, name: str) -> float | None:
    text = params.get(name)
    if not text:
        return None
    try:
        found = float(text) if len(text) <= 40 else math.nan
    except ValueError:
        found = math.nan
    if not math.isfinite(found):
        raise malformed("must be a number", field=name)
    return found


def _moment(params: QueryParams, name: str) -> datetime | None:
    text = params.get(name)
    if not text:
        return None
    try:
        # A + that nobody escaped is a space by now.
        found = datetime.fromisoformat(text.replace(" ", "+") if "T" in text else text)
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise malformed("must be a date or a time such as 2026-01-31 or 2026-01-31T08:00:00Z", field=name) from None


def _sort(params: QueryParams) -> Sort:
    try:
        return Sort(params.get("sort") or Sort.RELEVANCE)
    except ValueError:
        raise malformed(f"must be one of {', '.join(Sort)}", field="sort") from None


def described() -> dict[str, Any]:
    """The parameters, for OpenAPI."""
    words = f'Words, "phrases", -not, prefix*, field:value, ranges; {MAX_QUERY} characters at most. May be empty with a filter.'
    lists = [
        _parameter(name, says + (_MAY_REPEAT if name != "color" else " May repeat."), type="array", items=_TEXT)
        for name, says in _LISTS.items()
    ]
    numbers = [
        _parameter(f"{number}_{end}", f"Only files of {says} so many: {number}.", type="number")
        for number in NUMBERS
        for end, says in (("min", "at least"), ("max", "at most"))
    ]
    times = [
        _parameter("created_from", "Only jobs made then or later; a date is its midnight in UTC.", type="string"),
        _parameter("created_to", "Only jobs made before.", type="string"),
    ]
    order = _parameter("sort", "Order of the hits.", type="string", enum=list(Sort), default=Sort.RELEVANCE)
    return {"parameters": [_parameter("q", words, type="string"), *lists, *times, *numbers, order, *_PAGED]}


def described_text() -> dict[str, Any]:
    """The parameters of suggestions, for OpenAPI."""
    typed = _parameter("q", f"What was typed so far; {MAX_TEXT} characters at most.", type="string")
    return {"parameters": [typed, _limit(usual=10)]}


def _parameter(name: str, says: str, **schema: Any) -> dict[str, Any]:
    return {"name": name, "in": "query", "required": False, "description": says, "schema": schema}


def _limit(*, usual: int) -> dict[str, Any]:
    return _parameter("limit", "Most items.", type="integer", minimum=1, maximum=MOST, default=usual)


_TEXT = {"type": "string"}
_PAGED = (_limit(usual=USUAL), _parameter("cursor", "`next_cursor` of the page before.", **_TEXT))
