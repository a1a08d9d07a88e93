"""Of how many jobs the places that match are, by kind, tag, color and so on.

Places are counted by the engine; a job may have many that match. So within each value the different jobs are told by
HyperLogLog, which is exact for few and right to about 1 % for many. That takes 0.1 microseconds a place and facet: where
more than `MOST` match, only one job in 2, 4, 8, ... is looked at, chosen by its id, as long as at least `ENOUGH` are left,
and what is found is multiplied. A value that none of those has keeps its share of the places, which are counted beside
the search for hits where many may match. Jobs alone (no place was asked for) are just counted.
"""

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import TYPE_CHECKING, Any

from search.questions import MAX_FACET
from search.tantivy_queries import every, term, unscored
from search.tantivy_schema import EXACT, JOB_LOW, SAMPLES, facet, sample

if TYPE_CHECKING:
    from tantivy import Query, Searcher

MOST = 10_000  # places that are looked at for the number of jobs
ENOUGH = 1_000  # jobs that stand for the others
MANY = 100_000  # documents of an index, from which on places are counted beside the search
_VALUES = 2_000  # of a facet, before they are cut to `MAX_FACET`

_DIFFERENT: dict[str, Any] = {"jobs": {"cardinality": {"field": JOB_LOW}}}

Facets = dict[str, Mapping[str, int]]
Counts = dict[str, dict[str, int]]


def places_by_value(searcher: "Searcher", query: "Query", names: Iterable[str]) -> Callable[[], Counts]:
    """Begin to count the places by value, where that may take as long as the search; what was counted, when it is called."""
    names = tuple(dict.fromkeys(names))
    if not names or searcher.num_docs < MANY:
        return cache(lambda: _places(searcher, query, names))
    return _beside().submit(_places, searcher, query, names).result


def counted(
    searcher: "Searcher",
    query: "Query",
    names: Iterable[str],
    *,
    total: int,
    jobs_alone: bool,
    places: Callable[[], Counts],
) -> Facets:
    """Jobs by value, those of most jobs first. `total`: how many documents match; `places`: from `places_by_value`."""
    names = tuple(dict.fromkeys(names))
    if not names or not total:
        return {name: {} for name in names}
    if jobs_alone:
        return _best(places())
    doublings = min(((total - 1) // MOST).bit_length(), SAMPLES)
    while doublings > 0:
        found, few = _jobs(searcher, every([query, unscored(term(EXACT, sample(doublings)))]), names)
        if few >= ENOUGH:
            times = 1 << doublings
            return _best({name: _multiplied(places()[name], found[name], times=times) for name in names})
        doublings -= max(1, (ENOUGH // max(1, few)).bit_length() - 1)
    return _best(_jobs(searcher, query, names)[0])


@cache
def _beside() -> ThreadPoolExecutor:
    """Threads of this process, for what the engine does without the interpreter's lock."""
    return ThreadPoolExecutor(4, thread_name_prefix="facets")


def _multiplied(places: dict[str, int], jobs: dict[str, int], *, times: int) -> dict[str, int]:
    """No value has more jobs than places, and none that has places has no job."""
    share = times * sum(jobs.values()) / max(1, sum(places.values()))
    return {
        value: max(1, min(number, round(jobs[value] * times if value in jobs else min(times, number * share))))
        for value, number in places.items()
    }


def _places(searcher: "Searcher", query: "Query", names: Iterable[str]) -> Counts:
    """Places by value."""
    found = searcher.aggregate(query, {name: {"terms": _terms(name)} for name in names})
    return {name: {one["key"]: int(one["doc_count"]) for one in found[name]["buckets"]} for name in names}


def _jobs(searcher: "Searcher", query: "Query", names: Iterable[str]) -> tuple[Counts, int]:
    """Jobs by value; and how many there are in all."""
    asked = {name: {"terms": _terms(name), "aggs": _DIFFERENT} for name in names}
    found = searcher.aggregate(query, asked | _DIFFERENT)
    counts = {name: {one["key"]: round(one["jobs"]["value"]) for one in found[name]["buckets"]} for name in names}
    return counts, round(found["jobs"]["value"])


def _terms(name: str) -> dict[str, Any]:
    return {"field": facet(name), "size": _VALUES}


def _best(counts: Counts) -> Facets:
    best = {name: sorted(found, key=lambda value: (-found[value], value))[:MAX_FACET] for name, found in counts.items()}
    return {name: {value: counts[name][value] for value in values} for name, values in best.items()}
