"""Of how many jobs the places that match are, by kind, tag, color and so on.

Places are counted by the engine; a job may have many that match. So within each value the different jobs are told by
HyperLogLog, which is exact for few and right to about 1 % for many. That takes 0.2 microseconds a place and facet: where
more than about `MOST` match, only one job in 2, 4, 8, ... is looked at, chosen by its id, as long as at least `ENOUGH` are
left, and what is found is multiplied. Values that few documents have are looked for by themselves, since a sample misses
them, or takes one for many. Jobs alone (no place was asked for) are just counted.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from search.questions import MAX_FACET
from search.tantivy_queries import any_of, every, unscored
from search.tantivy_schema import EXACT, JOB_LOW, SAMPLES, exact, facet, sample
from search.tantivy_view import beside, count
from search.tantivy_wanted import Wanted

if TYPE_CHECKING:
    from tantivy import Query, Searcher

MOST = 6_000  # places that are looked at for the number of jobs
ENOUGH = 500  # jobs that stand for the others
MANY = 100_000  # documents of an index, from which on facets are counted beside the search
RARE = 5_000  # documents that have a value, which is then looked for by itself,
_RARES, _HELD = 1_000, 100_000  # up to so many values, and documents that have them
_GLANCE = 8  # halvings, for a first guess of how many places match
_SINGLE = ("kind", "pipeline", "status")  # every job has one of each
_VALUES = 2_000  # of a facet, before they are cut to `MAX_FACET`

_DIFFERENT: dict[str, Any] = {"jobs": {"cardinality": {"field": JOB_LOW}}}

Facets = dict[str, Mapping[str, int]]
_Counts = dict[str, dict[str, int]]


def counting(
    searcher: "Searcher", wanted: Wanted, names: Iterable[str], *, jobs_alone: bool
) -> Callable[[int], Facets]:
    """Begin to count jobs by value, where it is known how many places match at most; those of most jobs come first.

    What is returned ends it, and is told how many do match.
    """
    names = tuple(dict.fromkeys(names))
    if not names:
        return lambda _total: {}
    if jobs_alone:
        return lambda _total: _best(_documents(searcher, wanted.query(), names))
    most = wanted.most()
    if most is None or searcher.num_docs < MANY:
        return lambda total: _best(_jobs(searcher, wanted, names, total))
    ended = beside(lambda: _jobs(searcher, wanted, names, most))
    return lambda total: _best(ended(), total)


def _jobs(searcher: "Searcher", wanted: Wanted, names: tuple[str, ...], most: int) -> _Counts:
    """By value; of about `most` places, or fewer."""
    doublings = min((max(0, most - 1) // MOST).bit_length(), SAMPLES)
    # Each of several words may be common, and all together rare: all of them take no longer than a sample then.
    if doublings > 0 and not wanted.is_one_word and _about(searcher, wanted) <= MOST:
        doublings = 0
    while doublings > 0:
        found, few, places = _different(searcher, wanted.query(within=sample(doublings)), names)
        if places << doublings <= MOST:
            break
        if few >= ENOUGH:
            counts = {name: {value: n << doublings for value, n in found[name].items()} for name in names}
            return {name: counts[name] | _rare(searcher, wanted, name, counts[name]) for name in names}
        doublings -= max(1, (ENOUGH // max(1, few)).bit_length() - 1)
    return _different(searcher, wanted.query(), names)[0]


def _about(searcher: "Searcher", wanted: Wanted) -> int:
    """So many places match, roughly."""
    return count(searcher, wanted.query(within=sample(_GLANCE))) << _GLANCE


def _rare(searcher: "Searcher", wanted: Wanted, name: str, known: Mapping[str, int]) -> dict[str, int]:
    """Values that few documents have, told by their own lists: those that a sample has, then those of most documents."""
    there = searcher.terms_with_prefix(EXACT, exact(name, ""), limit=_VALUES)
    common = {value for value, holders in there if holders > RARE}
    seen = [value for value in (exact(name, value) for value in known) if value not in common]
    holders = dict(there)
    rare, held = set[str](), 0
    for value in dict.fromkeys([*seen, *(value for value, _holders in there if value not in common)]):
        held += holders.get(value, 1)  # one that is not among the `_VALUES` has fewer than they
        if held > _HELD or len(rare) == _RARES:
            break
        rare.add(value)
    if not rare:
        return {}
    found = _different(searcher, every([unscored(any_of(EXACT, rare)), wanted.query()]), (name,))[0][name]
    return {value: n for value, n in found.items() if exact(name, value) in rare}


def _different(searcher: "Searcher", query: "Query", names: Iterable[str]) -> tuple[_Counts, int, int]:
    """Jobs by value; how many there are in all, and of how many places."""
    asked: dict[str, Any] = {name: {"terms": _terms(name), "aggs": _DIFFERENT} for name in names}
    single = next((name for name in names if name in _SINGLE), "kind")
    if single not in asked:
        asked[single] = {"terms": _terms(single), "aggs": _DIFFERENT}
    found = searcher.aggregate(query, asked)
    counts = {name: {one["key"]: round(one["jobs"]["value"]) for one in found[name]["buckets"]} for name in asked}
    places = sum(int(one["doc_count"]) for one in found[single]["buckets"])
    return {name: counts[name] for name in names}, sum(counts[single].values()), places


def _documents(searcher: "Searcher", query: "Query", names: Iterable[str]) -> _Counts:
    found = searcher.aggregate(query, {name: {"terms": _terms(name)} for name in names})
    return {name: {one["key"]: int(one["doc_count"]) for one in found[name]["buckets"]} for name in names}


def _terms(name: str) -> dict[str, Any]:
    return {"field": facet(name), "size": _VALUES}


def _best(counts: _Counts, most: int | None = None) -> Facets:
    """The first ones; none is of more jobs than `most`."""
    told = {
        name: {value: n if most is None else min(n, most) for value, n in found.items()}
        for name, found in counts.items()
    }
    best = {name: sorted(found, key=lambda value: (-found[value], value))[:MAX_FACET] for name, found in told.items()}
    return {name: {value: told[name][value] for value in values} for name, values in best.items()}
