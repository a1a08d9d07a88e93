"""Batches of changes to the tantivy index: what they come to, and one commit for each."""

import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from jobs.context import Place
from search.port import Change, EngineError, IndexLocked, JobFacts, Put
from search.tantivy_documents import documents, kept
from search.tantivy_queries import term
from search.tantivy_schema import ITSELF, JOB, VERSION
from search.tantivy_view import View, columns, speaking, stored
from search.tantivy_vocabulary import Vocabulary

if TYPE_CHECKING:
    from tantivy import IndexWriter, Searcher

_HEAP = 64_000_000  # bytes of documents that are gathered before they go out as a segment
_WORDS = 50_000  # different ones, that are held before they go into the list
_FAILED = "The search index can't be written"


class Batches:
    """Writes to one generation. For one thread at a time."""

    def __init__(self, view: View, *, abandoned: threading.Event) -> None:
        """`abandoned`: give up. Raises `IndexLocked` where somebody else has it open for writing."""
        self.view = view
        self._abandoned = abandoned
        self._writer: IndexWriter | None = None
        self._vocabulary = Vocabulary(
            view.generation, empty=not view.searcher().num_docs, check=self._check_not_abandoned
        )
        self._open()

    def commit(self, changes: Sequence[Change]) -> None:
        """All changes, durably, or none."""
        found = outcome(changes, self.view.searcher())
        if not found:
            return
        with speaking(_FAILED):
            writer = self._open()
            try:
                words = set[str]()
                for job in found:
                    writer.delete_documents_by_term(JOB, job.job_id)
                    if job.facts is not None:
                        for document in documents(job.facts, job.places, words):
                            self._check_not_abandoned()
                            writer.add_document(document)
                            if len(words) > _WORDS:
                                self._vocabulary.add(words)
                                words.clear()
                self._vocabulary.add(words)  # before the documents: it may have words too many, and lacks none
                writer.commit()
            except BaseException:
                self._roll_back(writer)
                raise

    def close(self) -> None:
        """Let merges end, and go. An abandoned one's merges are dropped: whoever writes next begins them again."""
        writer, self._writer = self._writer, None
        self._vocabulary.close(wait=not self._abandoned.is_set())
        if writer is not None and not self._abandoned.is_set():
            with speaking(_FAILED):
                writer.wait_merging_threads()

    def _check_not_abandoned(self) -> None:
        if self._abandoned.is_set():
            raise EngineError("The search index is written no more: its process ends")

    def _open(self) -> "IndexWriter":
        if self._writer is None:
            try:
                # One thread: a job's documents stay together, and a commit makes one segment.
                self._writer = self.view.index.writer(heap_size=_HEAP, num_threads=1)
            except (ValueError, OSError) as problem:
                if "lock" not in str(problem).lower():
                    raise
                busy = f"The generation {self.view.generation} is open for writing somewhere: close that first."
                raise IndexLocked(busy) from problem
        return self._writer

    def _roll_back(self, writer: "IndexWriter") -> None:
        """Where that fails as well, the next batch opens anew: what was not committed is gone either way."""
        try:
            with speaking(_FAILED):
                writer.rollback()
        except EngineError:
            self._writer = None


@dataclass(slots=True, kw_only=True)
class Outcome:
    """What a batch makes of a job."""

    job_id: str
    version: int | None  # None: it is not there
    facts: JobFacts | None = None  # None: it goes
    places: tuple[Place, ...] = ()
    changed: bool = False


def outcome(changes: Iterable[Change], searcher: "Searcher") -> list[Outcome]:
    """As if changes were made one after the other; jobs that stay as they are are left out."""
    known: dict[str, Outcome] = {}
    for change in changes:
        job_id = change.job.job_id if isinstance(change, Put) else change.job_id
        if (job := known.get(job_id)) is None:
            job = known[job_id] = Outcome(job_id=job_id, version=version_of(searcher, job_id))
        if not isinstance(change, Put):
            job.changed = job.changed or job.version is not None
            job.version, job.facts, job.places = None, None, ()
            continue
        if job.version is not None and change.job.version < job.version:
            continue
        if change.places is not None:
            job.places = tuple(change.places)
        elif not job.changed:
            job.places = places_of(searcher, job_id)
        job.version, job.facts, job.changed = change.job.version, change.job, True
    return [job for job in known.values() if job.changed]


def version_of(searcher: "Searcher", job_id: str) -> int | None:
    """The job's version in the index; None where it is not there."""
    hits = searcher.search(term(ITSELF, job_id), limit=1, count=False).hits
    return columns(searcher, [hits[0][1]], VERSION)[0][0] if hits else None


def places_of(searcher: "Searcher", job_id: str) -> tuple[Place, ...]:
    """The job's places as they were written, in their order."""
    hits = searcher.search(term(JOB, job_id), limit=max(1, searcher.num_docs), count=False).hits
    found = [kept(stored(searcher, address)) for _score, address in hits]
    return tuple(one.place for one in sorted(found, key=lambda one: one.ordinal) if one.ordinal)
