"""The index port in memory: for tests, and what the other engines are measured by. It looks at every entry."""

import math
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from search.analysis import folded, tokens
from search.entries import entries, job_entry, shared_words, sort_name
from search.memory_ranking import KnownJob, Match, ranked, stands
from search.port import Asked, Change, Found, Hit, Put, Sort, Stats, Suggestion
from search.query import Clause
from search.questions import MAX_FACET, Page, answer, following
from search.snippets import snippet

TELLING = 25  # words of a job that look-alikes are sought by


class MemoryEngine:
    """All entries in a dict. Writes make new objects and swap them in, so that readers need no lock."""

    def __init__(self) -> None:
        self._jobs: dict[str, KnownJob] = {}
        self._lock = threading.Lock()

    def write(self, changes: Sequence[Change]) -> None:
        """Commit all changes, in their order; either all of them count or none."""
        with self._lock:
            jobs = dict(self._jobs)
            for change in changes:
                if isinstance(change, Put):
                    _put(jobs, change)
                else:
                    jobs.pop(change.job_id, None)
            self._jobs = jobs

    def find(self, asked: Asked) -> Found:
        """The best places for a question, of its owner's alone."""
        return answer(asked, lambda page: self._once(asked, page))

    def _once(self, asked: Asked, page: Page) -> Found:
        owned = self._owned(asked.owner)
        found = ranked(owned, asked, page.forgiven)
        found.sort(key=_ORDERS[asked.sort])
        after = page.key(*_KEY_TYPES[asked.sort])
        rest = [match for match in found if _ORDERS[asked.sort](match) > after] if after else found
        shown = rest[: asked.limit]
        more = len(rest) > len(shown) and bool(shown)
        next_page = Page(forgiven=page.forgiven, after=_ORDERS[asked.sort](shown[-1])) if more else None
        return Found(
            hits=tuple(_hit(match, asked.query.must, page.forgiven) for match in shown),
            total=len(found),
            following=following(asked, next_page) if next_page else None,
            facets={name: _facet(found, name) for name in asked.facets},
        )

    def suggest(self, owner: str, text: str, *, limit: int = 10) -> list[Suggestion]:
        """Names, part ids, part names and tags with a word that begins with `text`, those of most jobs first."""
        typed = tuple(tokens(text))
        if not typed:
            return []
        known: dict[tuple[str, str], tuple[str, set[str]]] = {}
        for job in self._owned(owner):
            for name, value in _suggestible(job):
                if stands(tokens(value), typed, 1):
                    known.setdefault((name, folded(value)), (value, set()))[1].add(job.facts.job_id)
        found = [Suggestion(text=text, field=key[0], jobs=len(ids)) for key, (text, ids) in known.items()]
        begun = " ".join(typed)
        found.sort(key=lambda one: (not _begins(one.text, begun), -one.jobs, len(one.text), one.text, one.field))
        return found[:limit]

    def similar(self, owner: str, job_id: str, *, limit: int = 10) -> list[Hit]:
        """Other jobs of the owner whose texts have most of this job's telling words."""
        owned = {job.facts.job_id: set(_vocabulary(job)) for job in self._owned(owner)}
        if job_id not in owned:
            return []
        everybody, holders = len(owned), Counter(word for words in owned.values() for word in words)
        worth = {word: math.log(everybody / holders[word]) for word in owned.pop(job_id) if holders[word] > 1}
        telling = sorted(worth, key=lambda word: (-worth[word], word))[:TELLING]
        scores = {other: sum(worth[word] for word in telling if word in words) for other, words in owned.items()}
        best = sorted(
            (other for other, score in scores.items() if score > 0), key=lambda other: (-scores[other], other)
        )
        jobs = self._jobs
        return [
            _hit(Match(job=jobs[other], entry=jobs[other].entries[0], score=scores[other]), (), 0)
            for other in best[:limit]
            if other in jobs
        ]

    def versions(self, *, after: str = "", limit: int = 1000) -> list[tuple[str, int, int]]:
        """Jobs in the index by id, from behind `after`: id, version, number of its places."""
        jobs = self._jobs
        ids = sorted(job_id for job_id in jobs if job_id > after)[:limit]
        return [(job_id, jobs[job_id].facts.version, jobs[job_id].places) for job_id in ids]

    def stats(self) -> Stats:
        """How large it is."""
        jobs = self._jobs
        documents = sum(len(job.entries) for job in jobs.values())
        return Stats(engine="memory", documents=documents, jobs=len(jobs), size=None)

    def abandon(self) -> None:
        """No write takes long."""

    def close(self) -> None:
        """Nothing to let go of."""

    def _owned(self, owner: str) -> list[KnownJob]:
        return [job for job in self._jobs.values() if job.facts.owner == owner]


def _put(jobs: dict[str, KnownJob], change: Put) -> None:
    facts, before = change.job, jobs.get(change.job.job_id)
    if before is not None and before.facts.version > facts.version:
        return
    if change.places is not None:
        *places, own = entries(facts, change.places)
    else:
        places = before.entries[1:] if before else []
        own = job_entry(facts, before.entries[0].colors if before else ())
    jobs[facts.job_id] = KnownJob(facts=facts, shared=shared_words(facts), entries=[own, *places])


def _facet(found: list[Match], name: str) -> dict[str, int]:
    jobs: dict[str, set[str]] = {}
    for match in found:
        for value in _facet_values(match, name):
            jobs.setdefault(value, set()).add(match.job.facts.job_id)
    best = sorted(jobs, key=lambda value: (-len(jobs[value]), value))[:MAX_FACET]
    return {value: len(jobs[value]) for value in best}


def _facet_values(match: Match, name: str) -> tuple[str, ...]:
    facts = match.job.facts
    if name == "color":
        return match.entry.colors
    return facts.tags if name == "tag" else (str(getattr(facts, name)),)


def _suggestible(job: KnownJob) -> Iterator[tuple[str, str]]:
    yield "name", job.entries[0].title
    for tag in job.facts.tags:
        yield "tag", tag
    for entry in job.entries[1:]:
        for part in entry.parts:
            yield "part", part
        if entry.part_name:
            yield "part_name", entry.part_name


def _begins(text: str, begun: str) -> bool:
    return " ".join(tokens(text)).startswith(begun)


def _vocabulary(job: KnownJob) -> Iterator[str]:
    """Its words; numbers alone tell nothing about what a file is."""
    for entry in job.entries:
        for name, values in entry.words.items():
            if entry.ordinal or name != "text":  # a job's own text is its kind, id and sha256
                yield from (token for value in values for token in value if len(token) > 1)


def _hit(match: Match, clauses: Sequence[Clause], forgiven: int) -> Hit:
    entry = match.entry
    cut, marks = snippet(entry.text, clauses, forgiven=forgiven)
    return Hit(
        job_id=match.job.facts.job_id,
        artifact=entry.artifact,
        place=entry.place,
        title=entry.title,
        snippet=cut,
        marks=marks,
        score=match.score,
    )


def _by_score(match: Match) -> tuple[Any, ...]:
    return -round(match.score, 9), -_made(match), match.job.facts.job_id, match.entry.ordinal


def _by_newest(match: Match) -> tuple[Any, ...]:
    return -_made(match), match.job.facts.job_id, match.entry.ordinal


def _by_oldest(match: Match) -> tuple[Any, ...]:
    return _made(match), match.job.facts.job_id, match.entry.ordinal


def _by_name(match: Match) -> tuple[Any, ...]:
    return sort_name(match.job.facts), match.job.facts.job_id, match.entry.ordinal


def _made(match: Match) -> float:
    return match.job.facts.created_at.timestamp()


_ORDERS: dict[Sort, Callable[[Match], tuple[Any, ...]]] = {
    Sort.RELEVANCE: _by_score,
    Sort.NEWEST: _by_newest,
    Sort.OLDEST: _by_oldest,
    Sort.NAME: _by_name,
}
_KEY_TYPES: dict[Sort, tuple[Any, ...]] = {
    Sort.RELEVANCE: (float, float, str, int),
    Sort.NEWEST: (float, str, int),
    Sort.OLDEST: (float, str, int),
    Sort.NAME: (str, str, int),
}
