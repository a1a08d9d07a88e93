"""Of how many jobs the places that match are, by kind, tag, color and so on.

Places are counted by the engine; a job may have many that match. So within each value the different jobs are told by
HyperLogLog, which is exact for few and right to about 1 % for many. That takes 0.1 microseconds a place and facet: where
more than `MOST` match, only one job in 2, 4, 8, ... is looked at, chosen by its id, and what is found is multiplied. A
value that none of those has keeps its share of the places. Jobs alone (no place was asked for) are just counted.
"""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from search.questions import MAX_FACET
from search.tantivy_queries import every, term, unscored
from search.tantivy_schema import EXACT, JOB_LOW, SAMPLES, facet, sample

if TYPE_CHECKING:
    from tantivy import Query, Searcher

MOST = 20_000  # places that are looked at for the number of jobs
_VALUES = 2_000  # of a facet, before they are cut to `MAX_FACET`

Facets = dict[str, Mapping[str, int]]


def counted(searcher: "Searcher", query: "Query", names: Iterable[str], *, total: int, jobs_alone: bool) -> Facets:
    """Jobs by value, those of most jobs first. `total`: how many documents match."""
    names = tuple(dict.fromkeys(names))
    if not names or not total:
        return {name: {} for name in names}
    if jobs_alone:
        return {name: _best(found) for name, found in _places(searcher, query, names).items()}
    if total <= MOST:
        return {name: _best(found) for name, found in _jobs(searcher, query, names).items()}
    doublings = min((total // MOST).bit_length(), SAMPLES)
    few = every([query, unscored(term(EXACT, sample(doublings)))])
    found = _jobs(searcher, few, names)
    return {
        name: _best(_multiplied(places, found[name], times=2**doublings))
        for name, places in _places(searcher, query, names).items()
    }


def _multiplied(places: dict[str, int], jobs: dict[str, int], *, times: int) -> dict[str, int]:
    """No value has more jobs than places, and none that has places has no job."""
    share = times * sum(jobs.values()) / max(1, sum(places.values()))
    return {
        value: min(number, jobs[value] * times) if value in jobs else max(1, min(times, round(number * share)))
        for value, number in places.items()
    }


def _places(searcher: "Searcher", query: "Query", names: Iterable[str]) -> dict[str, dict[str, int]]:
    asked = {name: {"terms": _terms(name)} for name in names}
    found = searcher.aggregate(query, asked)
    return {name: {one["key"]: int(one["doc_count"]) for one in found[name]["buckets"]} for name in names}


def _jobs(searcher: "Searcher", query: "Query", names: Iterable[str]) -> dict[str, dict[str, int]]:
    different = {"jobs": {"cardinality": {"field": JOB_LOW}}}
    found = searcher.aggregate(query, {name: {"terms": _terms(name), "aggs": different} for name in names})
    return {name: {one["key"]: round(one["jobs"]["value"]) for one in found[name]["buckets"]} for name in names}


def _terms(name: str) -> dict[str, Any]:
    return {"field": facet(name), "size": _VALUES}


def _best(found: dict[str, int]) -> dict[str, int]:
    best = sorted(found, key=lambda value: (-found[value], value))[:MAX_FACET]
    return {value: found[value] for value in best}
