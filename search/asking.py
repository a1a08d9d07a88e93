"""What callers ask: the index, together with what the ledger knows better; the ledger alone where the index can't answer.

A job is found by file name, tags and id from the moment it was submitted, since jobs that the index has yet to hear of
are looked up in the ledger. No hit leaves whose job the ledger no longer has, or has for another owner.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from types import MappingProxyType
from typing import Protocol, TypeVar

from search.analysis import clean, tokens
from search.breaker import Ask, Line, Unanswered
from search.cursors import Cursor
from search.entries import JOB_PLACE
from search.port import FACETS, Asked, Engine, Filters, Found, Hit, JobFacts, Stats, Suggestion
from search.query import Query, parse
from search.questions import MAX_FACET
from search.unindexed import answerable, hit, like, meant, of_jobs, pieces

T = TypeVar("T")
FRESH = 20  # jobs at most that are shown before the index has heard of them
_PAGE, _MOST = 200, 2_000  # jobs that are read at a time, and at most, for one answer from the ledger

Facets = Mapping[str, Mapping[str, int]]


class Shown(Protocol):
    """What a hit shows of its job. `JobFacts` are more than that, and take far longer to read."""

    @property
    def owner(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def kind(self) -> str: ...
    @property
    def status(self) -> str: ...


S = TypeVar("S", bound=Shown)


class Known(Protocol):
    """What is asked of the ledger. Raises `LedgerUnavailable`."""

    def facts(self, job_ids: Sequence[str]) -> dict[str, JobFacts]:
        """These jobs as they are now, by id; deleted ones are missing."""

    def shown(self, job_ids: Sequence[str]) -> Mapping[str, Shown]:
        """What hits show of these jobs as they are now, by id; deleted ones are missing."""

    def unindexed(self, owner: str, words: Sequence[str], filters: Filters, *, limit: int) -> list[JobFacts]:
        """Jobs of the owner that the index has yet to hear of, the newest first; see `like` for the rest."""

    def like(
        self, owner: str, words: Sequence[str], filters: Filters, *, limit: int, after: str = ""
    ) -> list[JobFacts]:
        """Jobs of the owner whose name, tags or id have all words as parts, the newest first, from behind the id `after`.

        Of the filters kinds, pipelines, statuses and dates count.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What callers get."""

    hits: tuple[tuple[Hit, Shown], ...]  # with the job as it is now
    total: int | None  # places that match, in all pages; None where nobody counted
    following: str | None = None  # for `Asked.after`
    facets: Facets = field(default_factory=lambda: MappingProxyType({}))
    corrected: tuple[str, ...] = ()
    degraded: bool = False  # the index did not answer: jobs alone, by parts of their names, tags and ids


class Asking:
    """Questions to one engine. Thread-safe."""

    def __init__(self, engine: Engine, known: Known, *, line: Line | None = None) -> None:
        self._engine, self._known = engine, known
        self.line = line or Line()

    @property
    def degraded(self) -> bool:
        """Whether questions go past the index now, after it has failed several times."""
        return self.line.breaker.open

    def begin(self) -> None:
        """Have the engine open its files now, so that the first caller does not wait for that; nobody waits here.

        Typos and facets are asked for, which open more than a plain word does. An engine that fails is told as ever.
        """
        nobodys = Asked(owner="", query=parse("heavylift"), facets=FACETS, limit=1)
        with suppress(Unanswered):
            self.line.begin(lambda ask: ask(lambda: self._engine.find(nobodys)))

    async def find(self, asked: Asked) -> Answer:
        """The best places for a question, of its owner's alone. Raises `MalformedCursor`."""
        cursor = Cursor.read(asked.after)
        if cursor.behind is not None:
            return await _in_thread(partial(self._from_ledger, asked, cursor))
        try:
            return await self.line.asked(lambda ask: self._merged(ask, asked, cursor))
        except Unanswered:
            return await _in_thread(partial(self._from_ledger, asked, cursor))

    async def suggest(self, owner: str, text: str, *, limit: int = 10) -> tuple[list[Suggestion], bool]:
        """How what was typed could go on; and whether that comes from names and tags in the ledger alone."""
        try:
            return await self.line.asked(lambda ask: ask(lambda: self._engine.suggest(owner, text, limit=limit))), False
        except Unanswered:
            return await _in_thread(partial(self._suggested, owner, text, limit)), True

    def similar(self, owner: str, job_id: str, *, limit: int = 10) -> list[tuple[Hit, JobFacts]]:
        """Other jobs of the owner whose texts are alike, best first; none where the index can't answer."""
        try:
            found = self.line.wait(lambda ask: ask(lambda: self._engine.similar(owner, job_id, limit=limit)))
        except Unanswered:
            return []
        return _owned(owner, found, self._known.facts)

    def stats(self) -> Stats:
        """How large the index is. Raises `Unanswered`."""
        return self.line.wait(lambda ask: ask(self._engine.stats))

    def close(self) -> None:
        """Let go of the engine."""
        self.line.close()
        self._engine.close()

    def _merged(self, ask: Ask, asked: Asked, cursor: Cursor) -> Answer:
        """From index and ledger."""
        fresh = self._fresh(asked, cursor)
        first = asked.after is None
        room = asked.limit - len(fresh) if first else asked.limit
        reach = replace(asked, after=cursor.after, limit=max(1, room))
        found = ask(lambda: self._engine.find(reach))
        ids = tuple(facts.job_id for facts in fresh) if first else cursor.shown
        unheard = self._unheard(ask, asked.owner, fresh)
        best = max((one.score for one in found.hits), default=1.0)
        shown = [one for one in found.hits if not _is_own_of(one, ids)] if room > 0 else []
        hits = [(hit(facts, asked.query.must, score=best), facts) for facts in fresh] if first else []
        owned = _owned(asked.owner, shown, self._known.shown)
        return Answer(
            hits=(*hits, *owned),
            total=max(0, found.total + len(unheard) - (len(shown) - len(owned))),
            following=_following(found, ids, room=room),
            facets=_with(found.facets, unheard),
            corrected=found.corrected,
        )

    def _fresh(self, asked: Asked, cursor: Cursor) -> list[JobFacts]:
        """Jobs that match, and that the index has yet to hear of; on later pages those that the first one showed."""
        if not answerable(asked):
            return []
        if asked.after is not None:
            known = self._known.facts(cursor.shown) if cursor.shown else {}
            return [one for one in known.values() if one.owner == asked.owner]
        most = min(FRESH, asked.limit)
        waiting = self._known.unindexed(asked.owner, pieces(asked), of_jobs(asked.filters), limit=2 * FRESH)
        return meant(waiting, asked)[:most] if waiting else []

    def _unheard(self, ask: Ask, owner: str, fresh: Sequence[JobFacts]) -> list[JobFacts]:
        """Those of whom the index does not even know that they are there: it has not counted them."""
        if not fresh:
            return []
        ids = tuple(facts.job_id for facts in fresh)
        there = Asked(owner=owner, query=Query(), filters=Filters(job_ids=ids), limit=len(ids))
        heard = {one.job_id for one in ask(lambda: self._engine.find(there)).hits}
        return [facts for facts in fresh if facts.job_id not in heard]

    def _from_ledger(self, asked: Asked, cursor: Cursor) -> Answer:
        """By parts of names, tags and ids. What began in the index ends here: nobody could tell what was shown."""
        began_elsewhere = asked.after is not None and cursor.behind is None
        if began_elsewhere or not answerable(asked):
            return Answer(hits=(), total=None, degraded=True)
        words, filters = pieces(asked), of_jobs(asked.filters)
        found: list[JobFacts] = []
        behind, more = cursor.behind or "", True
        for _ in range(_MOST // _PAGE):
            page = self._known.like(asked.owner, words, filters, limit=_PAGE, after=behind)
            found += like(page, asked)
            more = len(page) == _PAGE or len(found) > asked.limit
            if len(found) >= asked.limit or not more:
                break
            behind = page[-1].job_id
        shown = found[: asked.limit]
        if len(found) >= asked.limit:
            behind = shown[-1].job_id
        return Answer(
            hits=tuple((hit(facts, asked.query.must, score=0.0), facts) for facts in shown),
            total=None,
            following=Cursor(behind=behind).text if more else None,
            degraded=True,
        )

    def _suggested(self, owner: str, text: str, limit: int) -> list[Suggestion]:
        """Names and tags of the newest jobs that have what was typed."""
        begun = tokens(text)
        if not begun:
            return []
        holders: dict[tuple[str, str], int] = {}
        for facts in self._known.like(owner, begun, Filters(), limit=_PAGE):
            for name, value in (("name", facts.name), *(("tag", tag) for tag in facts.tags)):
                if any(token.startswith(begun[-1]) for token in tokens(value)):
                    holders[name, clean(value)] = holders.get((name, clean(value)), 0) + 1
        best = sorted(holders, key=lambda key: (-holders[key], len(key[1]), key))[:limit]
        return [Suggestion(text=value, field=name, jobs=holders[name, value]) for name, value in best]


def _owned(owner: str, hits: Sequence[Hit], look: Callable[[Sequence[str]], Mapping[str, S]]) -> list[tuple[Hit, S]]:
    """Hits whose jobs are there and the owner's, with what `look` says of these."""
    known = look(tuple({one.job_id: None for one in hits})) if hits else {}
    paired = ((one, known.get(one.job_id)) for one in hits)
    return [(one, job) for one, job in paired if job is not None and job.owner == owner]


def _is_own_of(one: Hit, ids: Sequence[str]) -> bool:
    """Whether it is the own entry of one of these jobs."""
    return one.artifact is None and one.place == JOB_PLACE and one.job_id in ids


def _following(found: Found, ids: tuple[str, ...], *, room: int) -> str | None:
    """Where the next page begins; behind a page of fresh jobs alone that is where the index begins."""
    if room > 0:
        return Cursor(after=found.following, shown=ids).text if found.following else None
    return Cursor(shown=ids).text if found.total else None


def _with(facets: Facets, unheard: Sequence[JobFacts]) -> Facets:
    """Facets that count these jobs as well."""
    if not unheard:
        return facets
    made: dict[str, Mapping[str, int]] = {}
    for name, counts in facets.items():
        more = dict(counts)
        for facts in unheard:
            for value in _values(facts, name):
                more[value] = more.get(value, 0) + 1
        best = sorted(more, key=lambda value: (-more[value], value))[:MAX_FACET]
        made[name] = {value: more[value] for value in best}
    return made


def _values(facts: JobFacts, facet: str) -> tuple[str, ...]:
    if facet == "color":
        return ()
    return tuple(map(clean, facts.tags)) if facet == "tag" else (clean(str(getattr(facts, facet))),)


async def _in_thread(work: Callable[[], T]) -> T:
    """In one of the threads that answer requests."""
    from anyio.to_thread import run_sync

    return await run_sync(work)
