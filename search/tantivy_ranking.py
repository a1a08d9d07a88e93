"""One page of what a question finds in the tantivy index, in an order that is the same for every page.

By age and name: hits come by several keys, while the engine orders by one and leaves equals in any order. So whoever
shares the last hit's first key is asked for again, by the next one; a page goes on behind the last key of the page before.

By relevance: of up to `ALL` hits all are fetched and put in order by (score, newest, job, ordinal). Where there are more
the engine keeps the best alone, and of thousands with one score (rows of one part in many lists) it would keep other ones
after each merge. So each document has a fixed chance of its own, its `SPREAD`, and the order is (score, chance). To raise
all scores by their chances took as long as to find the hits; the last score that fits on a page is asked for once more,
in a sample, since whatever is in most samples has the largest chance. Very many hits are counted on a second thread
meanwhile. A page goes on behind the last hit of the page before, where that is still there, else behind its score.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from search.port import Sort
from search.questions import MalformedCursor, Page
from search.tantivy_queries import DAMAGED, KEY, beyond, every, numbered, term, unscored
from search.tantivy_schema import (
    BY_NAME,
    CREATED,
    JOB_HIGH,
    JOB_LOW,
    ORDINAL,
    SAMPLES,
    SPREAD,
    sample,
    spread_factor,
)
from search.tantivy_view import beside, columns, count, count_all, counted_in
from search.tantivy_wanted import MANY_HITS, Firsts, Wanted

if TYPE_CHECKING:
    from tantivy import DocAddress, Query, Searcher

ALL = 200  # hits whose order by relevance is worked out exactly
MANY = 100_000  # documents of an index, from which on names are looked through first where they decide
_SLACK = 50  # hits fetched beyond a page, since a commit may have moved its last one
_IN_A_SAMPLE = 5  # times as many hits in a sample as are looked at
_NUMBER = re.compile(r"[0-9]{1,20}")
_SAME = 5e-6  # scores that differ by less are one: floats of 32 bits
_ROUNDED = 5e-7  # that a score may have gained where it was raised and told without that
DEEPEST = 10_000  # hits, behind which pages by relevance end: each has to be put in order anew with all before it

Key = str | int
_Keyed = tuple[tuple[Key, ...], "DocAddress"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """A column that hits come by."""

    field: str
    falling: bool = False


_OF_AGE = (Order(field=JOB_LOW), Order(field=ORDINAL))
ORDERS = {
    Sort.NEWEST: (Order(field=CREATED, falling=True), *_OF_AGE),
    Sort.OLDEST: (Order(field=CREATED), *_OF_AGE),
    Sort.NAME: (Order(field=BY_NAME), Order(field=ORDINAL)),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranked:
    """A page: where its hits are, how many there are in all, and what its last one goes on by."""

    hits: tuple[tuple["DocAddress", float], ...]  # with scores
    total: int
    last: tuple[str | int | float, ...] | None  # None: there is no more


def check(page: Page, sort: Sort, *, scored: bool) -> None:
    """Raises `MalformedCursor` where a page goes on behind something that is no key; before anything is begun."""
    _seen(page) if sort is Sort.RELEVANCE and scored else _keys(page, sort)


def by_key(searcher: "Searcher", query: "Query", sort: Sort, *, page: Page, limit: int) -> Ranked:
    """Hits by age or name; the newest first where relevance is asked for, and no word says what fits better."""
    orders, keys = _keys(page, sort)
    found = in_order(searcher, query, orders, after=keys, limit=limit + 1)
    shown = found[:limit]
    last = tuple(map(str, shown[-1][0])) if len(found) > limit and shown else None
    return Ranked(hits=tuple((address, 0.0) for _keys, address in shown), total=count(searcher, query), last=last)


def by_score(
    searcher: "Searcher", wanted: Wanted, *, page: Page, limit: int, busy: bool = False, few: int = 0
) -> Ranked:
    """Hits by how well they fit; `busy`: something else of the question is done beside; fewer than `few` are only counted."""
    after, seen = _seen(page)
    needed = seen + limit + (_SLACK if after else 1)
    best = _best(searcher, wanted, needed, busy=busy, few=few)
    if best.total < few:
        return Ranked(hits=(), total=best.total, last=None)
    # Of a first page what stands behind it needs no order; a later one begins wherever commits have moved its start.
    enough = len(best.hits) if after else needed
    cut = _cut(best.hits, enough)
    if best.total <= ALL:
        entries = _levelled(_entries(searcher, best.hits[:cut] if cut >= enough else best.hits))
    else:
        entries = _by_chance(searcher, best, needed, cut)
    start = _start(entries, after) if after else 0
    shown = entries[start : start + limit]
    last = None
    if shown and start + limit < len(entries) and start + limit <= DEEPEST:
        score, chance, created, job, ordinal, _address = shown[-1]
        last = (-score, -chance, -created, str(job), ordinal, start + len(shown))
    return Ranked(hits=tuple((entry[-1], -entry[0]) for entry in shown), total=best.total, last=last)


def _keys(page: Page, sort: Sort) -> tuple[Sequence[Order], tuple[Key, ...]]:
    orders = ORDERS.get(sort, ORDERS[Sort.NEWEST])
    after = page.key(*(str for _order in orders)) or ()
    return orders, tuple(_key(order, told) for order, told in zip(orders, after, strict=bool(after)))


def _seen(page: Page) -> tuple[tuple[Any, ...] | None, int]:
    after = page.key(float, float, int, str, int, int)
    seen = after[5] if after else 0
    if not 0 <= seen <= DEEPEST:
        raise MalformedCursor(DAMAGED)
    return after, seen


def in_order(
    searcher: "Searcher", query: "Query", orders: Sequence[Order], *, after: tuple[Key, ...] = (), limit: int
) -> list[_Keyed]:
    """The first hits by all of `orders`, behind the keys `after`. Keys but the first are numbers that rise."""
    (order, *others), found = orders, list[_Keyed]()
    if after:
        if others:
            equals = every([query, _is(order, after[0])])
            found = _under(after[0], in_order(searcher, equals, others, after=after[1:], limit=limit))
        query = every([query, unscored(_behind(order, after[0]))])
    if (limit := limit - len(found)) <= 0:
        return found
    hits = _hits(searcher, query, order, limit=limit)
    if not others:
        return found + [((key,), address) for key, address in hits[:limit]]
    cut = hits[-1][0] if len(hits) >= limit else None  # there may be more of this key
    whole = _by_all(searcher, [one for one in hits if one[0] != cut], orders)[:limit]
    if cut is not None and len(whole) < limit:
        equals = every([query, _is(order, cut)])
        whole += _under(cut, in_order(searcher, equals, others, limit=limit - len(whole)))
    return found + whole


def _hits(searcher: "Searcher", query: "Query", order: Order, *, limit: int) -> list[tuple[Key, "DocAddress"]]:
    from tantivy import Order as Direction

    way = Direction.Desc if order.falling else Direction.Asc
    # With some more of them the last key's equals rarely have to be asked for again; text is slow to fetch.
    limit += 0 if order.field == BY_NAME else _SLACK
    found = searcher.search(query, limit=limit, count=False, order_by_field=order.field, order=way).hits
    return [(key if isinstance(key, str) else int(key), address) for key, address in found]


def _by_all(searcher: "Searcher", hits: Sequence[tuple[Key, "DocAddress"]], orders: Sequence[Order]) -> list[_Keyed]:
    """Hits that came by the first key, by the others too."""
    others = columns(searcher, [address for _key, address in hits], *(order.field for order in orders[1:]))
    places = {key: place for place, key in enumerate(dict.fromkeys(key for key, _address in hits))}
    found = [((key, *more), address) for (key, address), more in zip(hits, others, strict=True)]
    return sorted(found, key=lambda one: (places[one[0][0]], one[0][1:]))


def _under(first: Key, found: list[_Keyed]) -> list[_Keyed]:
    return [((first, *keys), address) for keys, address in found]


def _is(order: Order, key: Key) -> "Query":
    if isinstance(key, str):
        return unscored(term(order.field, key))
    return unscored(numbered(order.field, least=key, most=key))


def _behind(order: Order, key: Key) -> "Query":
    if isinstance(key, str):
        return beyond(order.field, key)
    return numbered(order.field, most=key - 1) if order.falling else numbered(order.field, least=key + 1)


def _key(order: Order, told: str) -> Key:
    """A key from a cursor, which anybody may have changed."""
    if order.field == BY_NAME and KEY.fullmatch(told):
        return told
    number = int(told) if _NUMBER.fullmatch(told) else -1
    if not 0 <= number < (1 << (64 if order.field in {JOB_HIGH, JOB_LOW} else 53)) - 1:
        raise MalformedCursor(DAMAGED)
    return number


_Hits = Sequence[tuple[float, "DocAddress"]]
# What makes the order of hits by relevance: score, chance, newest, job, place; all fall or rise by their sign.
_Entry = tuple[float, float, int, int, int, "DocAddress"]
_IN_ORDER = itemgetter(0, 1, 2, 3, 4)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Best:
    """The hits of the best scores, and of the last one whichever the engine gave."""

    hits: _Hits
    total: int  # documents that have what is asked for
    wanted: Wanted | Firsts  # what was looked for
    among: int  # so many documents have that, or fewer


def _best(searcher: "Searcher", wanted: Wanted, needed: int, *, busy: bool, few: int) -> _Best:
    """So many at least, where there are; where all fit into `ALL`, all."""
    query, limit = wanted.query(), max(ALL, needed)
    firsts = wanted.firsts() if searcher.num_docs >= MANY else None
    if firsts is None and (busy or not wanted.is_one_word or (wanted.most() or 0) < MANY_HITS):
        found = searcher.search(query, limit=limit)
        return _Best(hits=found.hits, total=counted_in(found), wanted=wanted, among=counted_in(found))
    counted = beside(lambda: count_all(searcher, query))
    if firsts is not None:
        found = searcher.search(firsts.query(), limit=limit)
        sure = [hit for hit in found.hits if hit[0] > firsts.least]
        if len(sure) >= needed or counted() in {len(sure), *range(few)}:
            return _Best(hits=sure, total=counted(), wanted=firsts, among=counted_in(found))
    hits = searcher.search(query, limit=limit, count=False).hits
    return _Best(hits=hits, total=counted(), wanted=wanted, among=counted())


def _entries(searcher: "Searcher", hits: _Hits, *, chances: bool = False, raised: bool = False) -> list[_Entry]:
    """Hits in their order; by their `chances`, too; `raised`: scores are raised by these, and told without that."""
    if not hits:
        return []
    told = [SPREAD] if chances or raised else []
    known = columns(searcher, [address for _score, address in hits], CREATED, JOB_LOW, ORDINAL, *told)
    found: list[_Entry] = []
    for (score, address), (created, low, ordinal, *chance) in zip(hits, known, strict=True):
        plain = score / spread_factor(chance[0]) if raised else score
        found.append((-plain, -chance[0] if told else 0.0, -created, low, ordinal, address))
    return sorted(found, key=_IN_ORDER)


def _levelled(entries: list[_Entry]) -> list[_Entry]:
    """With one score for all that differ by a rounding alone."""
    level, found = 0.0, list[_Entry]()
    for score, *more in entries:
        if not level or score > level * (1 - _SAME):
            level = score
        found.append((level, *more))  # type: ignore[arg-type]  # the rest as it was
    return sorted(found, key=_IN_ORDER)


def _cut(hits: _Hits, enough: int) -> int:
    """How many of the best hits, `enough` at least, score more than the rest; of too few how many do not have the last score."""
    level, cut = 0.0, 0
    for at, (score, _address) in enumerate(hits):
        if not level or score < level * (1 - _SAME):
            level, cut = score, at
            if cut >= enough:
                break
    return cut


def _by_chance(searcher: "Searcher", best: _Best, needed: int, cut: int) -> list[_Entry]:
    """The first of very many hits: those of the best scores, and of the last score that fits those of the best chances."""
    above = _levelled(_entries(searcher, best.hits[:cut], chances=True)) if cut else []
    if len(above) >= needed:
        return above
    level = best.hits[cut][0] if best.hits else 0.0
    known = {entry[3:5] for entry in above}
    equals = _equals(searcher, best, -level, needed - len(above), known)
    return above + (equals or _levelled(_entries(searcher, best.hits[cut:], chances=True)))


def _equals(searcher: "Searcher", best: _Best, score: float, needed: int, known: set[tuple[int, int]]) -> list[_Entry]:
    """Of all hits of one score those of the best chances; `known` have a better one.

    Others, nearly as good, may crowd them out: then more are asked for, in the end all.
    """
    limit = needed + len(known) + _SLACK
    halvings = min(SAMPLES, (best.among // (_IN_A_SAMPLE * limit)).bit_length())
    while True:
        chosen = best.wanted.query(within=sample(halvings) if halvings else None)
        found = searcher.search(chosen, limit=limit, count=False, weight_by_field=SPREAD).hits
        equals = [
            (score, *entry[1:])
            for entry in _entries(searcher, found, raised=True)
            if score * (1 + _ROUNDED) <= entry[0] <= score * (1 - _SAME) and entry[3:5] not in known
        ]
        cut_off = len(found) == limit < best.among and found[-1][0] >= -score * (1 - _SAME)
        if len(equals) < needed and cut_off:
            limit = min(4 * limit, best.among)
        elif len(equals) < needed and halvings:
            halvings = max(0, halvings - 1 - (needed // max(1, len(equals))).bit_length())
        else:
            return sorted(equals, key=_IN_ORDER)[:needed]


def _start(entries: list[_Entry], after: tuple[Any, ...]) -> int:
    """Where a page goes on."""
    score, chance, created, job, ordinal, _seen = after
    for at, entry in enumerate(entries):
        if entry[4] == ordinal and str(entry[3]) == job:
            return at + 1
    least, most = score * (1 - _SAME), score * (1 + _SAME)
    behind = (
        at
        for at, one in enumerate(entries)
        if -one[0] < least or (-one[0] <= most and (one[1], one[2]) > (-chance, -created))
    )
    return next(behind, len(entries))
