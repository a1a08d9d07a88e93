"""Which words a generation has, in a small index of its own below it: what a word with typos may mean.

To walk a dictionary for all that is like a word takes long, and each field has one in each segment, with nearly the same
words. Here each word stands once; those found are then looked up like words that were typed right. The list is committed
before the documents: it may have words that no document has, and these are looked up in vain, but it lacks none. Words of
deleted jobs stay until the generation is made anew. Where there is no list, or it can't be read, the dictionaries are walked.

It is an index beside the other one, since each document of that counts for how rare words are.
"""

import functools
import shutil
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import structlog

from search.port import EngineError
from search.tantivy_folder import WORDS
from search.tantivy_view import Stamp, speaking, stamp_of

if TYPE_CHECKING:
    from tantivy import Index, IndexWriter, Schema, Searcher

CLOSE = 64  # words at most that are looked up one by one
_WORD, _META = "word", "meta.json"
_SHORTEST, _LONGEST = 3, 22  # letters; see `may_be_meant`
_REMEMBERED = 400_000  # words that a writer need not look up again, some 40 MB
_AT_ONCE = 1_000  # words, between two looks whether the writer was abandoned
_HEAP = 15_000_000  # bytes; the least that tantivy takes

log = structlog.get_logger(__name__)


def may_be_meant(word: str) -> bool:
    """Whether it can be a word with typos put right; `analysis.edits` tells what those may be typed in.

    None in three letters or fewer, nor in what is longer than 20 and has more than letters, and two at most.
    """
    if len(word) <= _LONGEST:
        return len(word) >= _SHORTEST
    return sum(not letter.isalpha() for letter in word) <= 2


class Words:
    """The list of one generation, for asking. Thread-safe."""

    def __init__(self, generation: Path) -> None:
        self._folder = generation / WORDS
        self._lock = threading.Lock()
        self._index: Index | None = None
        self._stamp: Stamp | None = None
        self._told = False

    def close(self, word: str, typos: int) -> tuple[str, ...] | None:
        """All words with so many typos at most between them and this one, itself among them.

        None: there is no telling, or there are more than `CLOSE`.
        """
        try:
            with speaking(f"The list of words in {self._folder} can't be read"):
                return self._close(word, typos)
        except EngineError as problem:
            if not self._told:
                log.warning("search.words_unreadable", reason=str(problem))
            self._told = True
            return None

    def _close(self, word: str, typos: int) -> tuple[str, ...] | None:
        from tantivy import Query

        searcher = self._searcher()
        if searcher is None:
            return None
        near = Query.fuzzy_term_query(_schema(), _WORD, word, distance=typos)
        found = searcher.search(near, limit=CLOSE + 1, count=False).hits
        if len(found) > CLOSE:
            return None
        return tuple(str(searcher.doc(address).get_first(_WORD)) for _score, address in found)

    def _searcher(self) -> "Searcher | None":
        stamp = stamp_of(self._folder / _META)
        if stamp is None:
            return None
        with self._lock:
            if self._index is None:
                self._index = _opened(self._folder)
            elif stamp != self._stamp:
                self._index.reload()
            self._stamp = stamp
            return self._index.searcher()


class Vocabulary:
    """The list, for its generation's writer. For one thread at a time."""

    def __init__(self, generation: Path, *, empty: bool, check: Callable[[], None]) -> None:
        """`empty`: no document is there yet, so that a list may begin; `check` raises where the writer is to end.

        A generation without a folder for it gets no list.
        """
        self._folder = generation / WORDS
        self._empty = empty
        self._check = check
        self._index: Index | None = None
        self._writer: IndexWriter | None = None
        self._known: set[str] = set()

    def add(self, words: Iterable[str]) -> None:
        """Durably, those that are not in it yet. Raises `EngineError`, and then has added none of them."""
        asked = {word for word in words if word not in self._known and may_be_meant(word)}
        if not asked or not self._folder.is_dir():
            return
        index = self._index or self._open()
        if index is None:
            return
        with speaking("The list of words can't be written"):
            index.reload()
            searcher = index.searcher()
            new = sorted(word for word in asked if not searcher.doc_freq(_WORD, word))
            if new:
                self._commit(index, new)
        self._known |= asked
        if len(self._known) > _REMEMBERED:
            self._known.clear()

    def close(self, *, wait: bool = True) -> None:
        """Go; `wait`: let merges end before."""
        writer, self._writer = self._writer, None
        if writer is not None and wait:
            with speaking("The list of words can't be written"):
                writer.wait_merging_threads()

    def _open(self) -> "Index | None":
        """None: it was damaged, and is there no more; it would lack words from now on."""
        reason = f"{_META} is missing"
        if (self._folder / _META).exists() or (self._empty and not any(self._folder.iterdir())):
            try:
                with speaking(f"The list of words in {self._folder} can't be opened"):
                    self._index = _opened(self._folder)
            except EngineError as problem:
                reason = str(problem)
        if self._index is None:
            log.warning("search.words_dropped", reason=reason)
            gone = self._folder.with_name(f".{WORDS}")
            shutil.rmtree(gone, ignore_errors=True)
            self._folder.rename(gone)  # at once: an emptied folder would pass for a list that begins
            shutil.rmtree(gone, ignore_errors=True)
        return self._index

    def _commit(self, index: "Index", words: list[str]) -> None:
        from tantivy import Document

        if self._writer is None:
            self._writer = index.writer(heap_size=_HEAP, num_threads=1)
        try:
            for at, word in enumerate(words):
                if at % _AT_ONCE == 0:
                    self._check()
                document = Document()
                document.add_text(_WORD, word)
                self._writer.add_document(document)
            self._writer.commit()
        except BaseException:
            self._writer = None  # with all that it was given; the next one begins at what was committed
            raise


def _opened(folder: Path) -> "Index":
    from tantivy import Index

    found = Index(_schema(), path=str(folder), reuse=True)
    found.config_reader("manual")
    found.reload()
    return found


@functools.cache
def _schema() -> "Schema":
    from tantivy import SchemaBuilder

    return SchemaBuilder().add_text_field(_WORD, stored=True, tokenizer_name="raw", index_option="basic").build()
