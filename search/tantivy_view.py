"""One generation of the tantivy index as a process has it open: reloaded when a commit was made, errors told as ours."""

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, TypeVar

from search.port import EngineError, OtherFormat
from search.tantivy_folder import check_format
from search.tantivy_schema import STORED, facet, schema

if TYPE_CHECKING:
    from tantivy import DocAddress, Index, Query, Searcher

T = TypeVar("T")
Stamp = tuple[int, int, int]
_Work = tuple[Callable[[], Any], Future[Any]]
_BESIDE = 4  # threads of this process
_KINDS = 1_000  # of files, told one by one
_META = "meta.json"  # tantivy writes it anew, by a rename, with each commit
_REBUILD = "`heavylift search rebuild` makes a new index from the ledger."


class View:
    """Opened files of a generation. Thread-safe."""

    def __init__(self, generation: Path, *, make: bool = False) -> None:
        """`make`: where nothing was ever committed to it."""
        self.generation = generation
        self._lock = threading.Lock()
        check_format(generation)
        if not make and not (generation / _META).is_file():
            raise EngineError(f"The search index in {generation} is damaged: {_META} is missing. {_REBUILD}")
        self.index = self._opened()
        self._stamp = stamp_of(generation / _META)

    def _opened(self) -> "Index":
        with speaking(f"The search index in {self.generation} can't be opened. {_REBUILD}"):
            from tantivy import Index

            found = Index(schema(), path=str(self.generation), reuse=True)
            found.config_reader("manual")  # `searcher` looks whether there was a commit; no thread does
            return found

    def searcher(self) -> "Searcher":
        """What was committed last, whoever did. Costs one `stat` where nothing was."""
        stamp = stamp_of(self.generation / _META)
        if stamp != self._stamp:
            with self._lock, speaking(f"The search index in {self.generation} can't be read. {_REBUILD}"):
                stamp = stamp_of(self.generation / _META)
                if stamp != self._stamp:
                    self.index.reload()
                    self._stamp = stamp
        return self.index.searcher()


def stamp_of(path: Path) -> Stamp | None:
    """Changes whenever a file is replaced; None where there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size


@contextmanager
def speaking(message: str) -> Iterator[None]:
    """What tantivy raises becomes an `EngineError` with this message; what it said comes behind."""
    try:
        yield
    except EngineError:
        raise
    except (ValueError, OSError, SystemError) as problem:
        raise _told(message, problem) from problem
    except BaseException as problem:
        if type(problem).__name__ != "PanicException":  # of Rust; no `Exception`, and no class that can be imported
            raise
        raise EngineError(f"{message} (the engine broke down)") from problem


def _told(message: str, problem: Exception) -> EngineError:
    kind = OtherFormat if "schema does not match" in str(problem).lower() else EngineError
    return kind(f"{message} ({' '.join(str(problem).split())[:300]})")


def columns(searcher: "Searcher", addresses: Sequence["DocAddress"], *names: str) -> list[tuple[int, ...]]:
    """Numbers of documents from these columns, document by document."""
    found: list[Any] = [searcher.fast_field_values(name, list(addresses)) for name in names]
    return list(zip(*found, strict=True))


def stored(searcher: "Searcher", address: "DocAddress", field: str = STORED) -> bytes:
    """What was stored with a document."""
    return bytes(searcher.doc(address)[field][0])


def counted_in(found: Any) -> int:
    """How many documents a search found in all; tantivy's type hints do not know of it."""
    return int(found.count)


def count(searcher: "Searcher", query: "Query") -> int:
    """How many documents there are for a query."""
    return counted_in(searcher.search(query, limit=1))


def count_all(searcher: "Searcher", query: "Query") -> int:
    """The same of very many: not put in order, they are counted in a third of the time."""
    kind = facet("kind")  # one value for each document
    found = searcher.aggregate(query, {"kind": {"terms": {"field": kind, "size": _KINDS}}})["kind"]
    return sum(int(one["doc_count"]) for one in found["buckets"]) + int(found["sum_other_doc_count"])


def beside(work: Callable[[], T]) -> Callable[[], T]:
    """Begin some work on another thread; what it comes to, when that is called. The engine works without Python's lock.

    Work that hangs keeps its thread, and does not keep the process.
    """
    future: Future[T] = Future()
    _line(os.getpid()).put((work, future))
    return future.result


@cache
def _line(_pid: int) -> "SimpleQueue[_Work]":
    """Threads do not survive a fork."""
    line: SimpleQueue[_Work] = SimpleQueue()
    for _ in range(_BESIDE):
        threading.Thread(target=_serve, args=(line,), name="search-beside", daemon=True).start()
    return line


def _serve(line: "SimpleQueue[_Work]") -> None:
    while True:
        work, future = line.get()
        try:
            future.set_result(work())
        except BaseException as problem:
            future.set_exception(problem)
        del work, future  # what they hold of the index goes with the answer
