"""The search index on this machine's disk: tantivy in the process, with one writer and any number of readers.

The indexing worker opens it to write, everybody else to read. Readers see a commit, and a swap of generations, with their
next question. All documents of a job are written together, in one commit with the rest of their batch.
"""

import threading
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from search.port import Asked, Change, EngineError, Found, Hit, Sort, Stats, Suggestion
from search.query import Clause
from search.questions import FEW, Page, Scope, answer, following, scope
from search.snippets import snippet
from search.tantivy_documents import kept
from search.tantivy_facets import counting
from search.tantivy_folder import CURRENT, WRITER, Lock, in_force, put_in_force, started, undisturbed
from search.tantivy_queries import every, term
from search.tantivy_ranking import Order, by_key, by_score, check, in_order
from search.tantivy_schema import A_JOB, EXACT, JOB_HIGH, JOB_LOW, PLACES, VERSION, job_halves
from search.tantivy_suggestions import alike, suggested
from search.tantivy_view import Stamp, View, columns, count, speaking, stamp_of, stored
from search.tantivy_vocabulary import Words
from search.tantivy_wanted import Known, Wanted, lacks_a_word
from search.tantivy_writing import Batches

if TYPE_CHECKING:
    from tantivy import DocAddress, Searcher

_T = TypeVar("_T")


class TantivyEngine:
    """The engine `tantivy`. Open it by `reading`, `writing` or `fresh`."""

    def __init__(self, folder: Path, *, lock: Lock | None, view: View | None, pinned: bool) -> None:
        """`lock`: of a writer; `pinned`: `view` is of a generation that is not in force."""
        self._folder, self._lock, self._view, self._pinned = folder, lock, view, pinned
        self._stamp: Stamp | None = None
        self._batches: Batches | None = None
        self._words: tuple[View, Words] | None = None
        self._opening, self._writing = threading.Lock(), threading.Lock()
        self._abandoned = threading.Event()

    @property
    def generation(self) -> str:
        """The name of what is asked and written now; empty where there is no index yet."""
        view = self._current()
        return view.generation.name if view is not None else ""

    def write(self, changes: Sequence[Change]) -> None:
        """Commit all changes, in their order; either all of them count or none."""
        if self._lock is None:
            raise EngineError(f"The search index in {self._folder} is open for reading alone")
        with self._writing, undisturbed(self._folder):
            view = self._current()
            assert view is not None, "a writer makes the index where there is none"
            if self._batches is None or self._batches.view is not view:
                before, self._batches = self._batches, None
                if before is not None:
                    before.close()
                self._batches = Batches(view, abandoned=self._abandoned)
            self._batches.commit(changes)

    def find(self, asked: Asked) -> Found:
        """The best places for a question, of its owner's alone."""
        return answer(asked, lambda page: self._once(asked, page))

    def suggest(self, owner: str, text: str, *, limit: int = 10) -> list[Suggestion]:
        """Names, part ids, part names and tags of the owner's with a word that begins with `text`."""
        return self._asked(lambda searcher: suggested(searcher, owner, text, limit=limit), [])

    def similar(self, owner: str, job_id: str, *, limit: int = 10) -> list[Hit]:
        """Other jobs of the owner whose texts have most of this job's telling words."""
        return self._asked(lambda searcher: alike(searcher, owner, job_id, limit=limit), [])

    def versions(self, *, after: str = "", limit: int = 1000) -> list[tuple[str, int, int]]:
        """Jobs in the index by id, from behind `after`: id, version, number of its places."""
        return self._asked(lambda searcher: _versions(searcher, after, limit), [])

    def stats(self) -> Stats:
        """How large it is; of the generation in force."""
        nothing = Stats(engine="tantivy", documents=0, jobs=0, size=0)
        return self._asked(self._measured, nothing)

    def abandon(self) -> None:
        """Have a write under way give up, and `close` wait for no merge of segments."""
        self._abandoned.set()

    def close(self) -> None:
        """Let go of files and locks."""
        with self._writing:
            batches, self._batches = self._batches, None
            try:
                if batches is not None:
                    batches.close()
            finally:
                if self._lock is not None:
                    self._lock.release()

    def _once(self, asked: Asked, page: Page) -> Found:
        nothing = Found(hits=(), total=0, facets={name: {} for name in asked.facets})
        if asked.edits is not None or page.forgiven < 2 or page.after:
            return self._asked(lambda searcher: _found(searcher, asked, page, known=self._close), nothing)
        # Two typos cost far more to look for than one, and are rarely what is meant where one gives enough.
        few = FEW if self._asked(lambda searcher: lacks_a_word(searcher, asked), False) else 0
        near = self._asked(
            lambda searcher: _found(searcher, asked, Page(forgiven=1), known=self._close, few=few), nothing
        )
        if near.total >= few:
            return near
        in_vain = 0 if near.total else 1
        return self._asked(lambda searcher: _found(searcher, asked, page, known=self._close, in_vain=in_vain), nothing)

    def _close(self, word: str, typos: int) -> Sequence[str] | None:
        """What a word may mean, as the list of the generation in force tells it."""
        if (view := self._current()) is None:
            return None
        if self._words is None or self._words[0] is not view:
            self._words = view, Words(view.generation)
        return self._words[1].close(word, typos)

    def _asked(self, ask: Callable[["Searcher"], _T], nothing: _T) -> _T:
        """An answer from what was committed last; `nothing` where there is no index yet."""
        view = self._current()
        while view is not None:
            try:
                with speaking(f"The search index in {view.generation} can't answer"):
                    return ask(view.searcher())
            except EngineError:
                if (now := self._current()) is view:
                    raise
                view = now  # the generation went away while it was asked
        return nothing

    def _current(self) -> View | None:
        """What is in force, opened; looks at one file where nothing changed."""
        if self._pinned:
            return self._view
        stamp = stamp_of(self._folder / CURRENT)
        if stamp != self._stamp or (self._view is None and stamp is not None):
            with self._opening:
                stamp = stamp_of(self._folder / CURRENT)
                if stamp != self._stamp:
                    self._view = _opened(self._folder)
                    self._stamp = stamp
        return self._view

    def _measured(self, searcher: "Searcher") -> Stats:
        view = self._current()
        size, changed = 0, None
        if view is not None:
            size = sum(stamp[2] for path in view.generation.rglob("*") if (stamp := stamp_of(path)))
            meta = stamp_of(view.generation / "meta.json")
            changed = datetime.fromtimestamp(meta[1] / 1e9, UTC) if meta else None
        jobs = count(searcher, term(EXACT, A_JOB))
        return Stats(engine="tantivy", documents=searcher.num_docs, jobs=jobs, size=size, committed_at=changed)


def reading(folder: Path) -> TantivyEngine:
    """For asking. An index that does not exist yet is empty, and is seen when the writer makes it."""
    return TantivyEngine(folder, lock=None, view=None, pinned=False)


def writing(folder: Path) -> TantivyEngine:
    """For writing and asking; makes the index where there is none. Raises `IndexLocked`, `OtherFormat`, `EngineError`."""
    folder.mkdir(parents=True, exist_ok=True)
    lock = Lock(folder / WRITER)
    try:
        if in_force(folder) is None:
            generation, filling = started(folder)
            View(generation, make=True)
            filling.release()
            put_in_force(folder, generation.name)
        engine = TantivyEngine(folder, lock=lock, view=None, pinned=False)
        engine.versions(limit=1)  # what is damaged is told now
    except BaseException:
        lock.release()
        raise
    return engine


def fresh(folder: Path) -> TantivyEngine:
    """An empty generation beside the one in force, to be filled, closed, and put in force by its `generation`."""
    folder.mkdir(parents=True, exist_ok=True)
    generation, lock = started(folder)
    return TantivyEngine(folder, lock=lock, view=View(generation, make=True), pinned=True)


def _opened(folder: Path) -> View | None:
    """A generation may be swept away between the look at its name and its opening: then there is a newer one."""
    while (generation := in_force(folder)) is not None:
        try:
            return View(generation)
        except EngineError:
            if in_force(folder) == generation:
                raise
    return None


def _found(searcher: "Searcher", asked: Asked, page: Page, *, known: Known, in_vain: int = 0, few: int = 0) -> Found:
    """One page; fewer hits than `few` are only counted."""
    wanted = Wanted(searcher, asked, page.forgiven, known=known, in_vain=in_vain)
    check(page, asked.sort, scored=wanted.is_scored)
    facets = counting(searcher, wanted, asked.facets, jobs_alone=scope(asked) is Scope.JOBS)
    if asked.sort is Sort.RELEVANCE and wanted.is_scored:
        ranked = by_score(searcher, wanted, page=page, limit=asked.limit, busy=bool(asked.facets), few=few)
    else:
        ranked = by_key(searcher, wanted.query(), asked.sort, page=page, limit=asked.limit)
    next_page = Page(forgiven=page.forgiven, after=ranked.last) if ranked.last else None
    return Found(
        hits=tuple(_hit(searcher, address, score, asked.query.must, page.forgiven) for address, score in ranked.hits),
        total=ranked.total,
        following=following(asked, next_page) if next_page else None,
        facets=facets(ranked.total),
    )


def _hit(
    searcher: "Searcher", address: "DocAddress", score: float, clauses: Sequence[Clause] = (), forgiven: int = 0
) -> Hit:
    known = kept(stored(searcher, address))
    cut, marks = snippet(known.place.text, clauses, forgiven=forgiven)
    place = known.place
    where = {"job_id": known.job_id, "artifact": place.artifact, "place": place.place, "title": place.title}
    return Hit(**where, snippet=cut, marks=marks, score=score)  # type: ignore[arg-type]  # by their names


def _versions(searcher: "Searcher", after: str, limit: int) -> list[tuple[str, int, int]]:
    by_id = (Order(field=JOB_HIGH), Order(field=JOB_LOW))
    behind = job_halves(after) if after else ()
    found = in_order(searcher, every([term(EXACT, A_JOB)]), by_id, after=behind, limit=limit)
    known = columns(searcher, [address for _keys, address in found], VERSION, PLACES)
    ids = (kept(stored(searcher, address)).job_id for _keys, address in found)
    return [(job_id, version, places) for job_id, (version, places) in zip(ids, known, strict=True)]
